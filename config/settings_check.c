/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settings that are right one by one and wrong together. */
#include <string.h>

#include "common/text.h"
#include "config/settings_internal.h"

/* Addresses that mean something else on every machine (RFC 6890). */
static const struct {
	const char *prefix, *meaning;
} reserved[] = {
	{"0.0.0.0/8", "is no host's address"},
	{"127.0.0.0/8", "is a loopback address"},
	{"169.254.0.0/16", "is a link-local address"},
	{"224.0.0.0/3", "is a multicast or reserved address"},
	{"::/127", "is a loopback address"},
	{"fe80::/10", "is a link-local address"},
	{"ff00::/8", "is a multicast address"},
};

/* What an address means that cannot be used, or NULL. */
static const char *reserved_meaning(const struct addr *a)
{
	struct prefix p;

	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (!prefix_parse(reserved[i].prefix, &p) && prefix_contains(&p, a))
			return reserved[i].meaning;
	return NULL;
}

static bool overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr);
}

static bool in_tunnel(const struct settings *s, const struct addr *a)
{
	return prefix_contains(&s->tunnel4, a) || prefix_contains(&s->tunnel6, a);
}

/* Is the address of a family that phones do not have? Only known if tunnel-network is. */
static bool unreachable(const struct reader *r, uint8_t family)
{
	return family == 6 && r->set[KEY_TUNNEL_NETWORK].good && !r->s.tunnel6.addr.family;
}

void settings_check_endpoint(const struct reader *r)
{
	struct addr a;

	if (!addr_parse(r->s.endpoint_host, &a) && in_tunnel(&r->s, &a))
		lexer_mistake(&r->lx, &r->lx.words[1],
			"the endpoint lies inside tunnel-network; expected the address that phones reach from outside");
}

void settings_check_extra_ports(const struct reader *r)
{
	for (unsigned i = 0; i < r->s.extra_port_count; i++)
		if (r->s.extra_ports[i] == r->s.listen_port)
			lexer_mistake(&r->lx, &r->lx.words[i + 1],
				"%u is the port that the tunnel listens on anyway; remove it here", r->s.listen_port);
}

void settings_check_tunnel_network(const struct reader *r)
{
	for (unsigned i = 1; i < r->lx.count; i++) {
		struct prefix p;
		const char *const meaning = prefix_parse(r->lx.words[i].text, &p) ? NULL : reserved_meaning(&p.addr);
		if (meaning)
			lexer_mistake(&r->lx, &r->lx.words[i],
				"'%s' %s; expected a network of your own, like 10.64.0.0/16 or fd64:0:0:1::/64",
				r->lx.words[i].text, meaning);
	}
}

void settings_check_resolver(const struct reader *r)
{
	for (unsigned i = 0; i < r->s.resolver_count; i++) {
		const struct addr *const a = &r->s.resolvers[i];
		const struct word *const w = &r->lx.words[i + 1];
		const char *const meaning = reserved_meaning(a);

		if (meaning)
			lexer_mistake(&r->lx, w, "'%s' %s, no phone can ask it; expected a DNS server behind the gateway",
				w->text, meaning);
		else if (in_tunnel(&r->s, a))
			lexer_mistake(&r->lx, w,
				"'%s' lies inside tunnel-network, where only phones are; expected a DNS server behind the "
				"gateway",
				w->text);
		else if (unreachable(r, a->family))
			lexer_mistake(&r->lx, w,
				"'%s' is IPv6, but tunnel-network has no IPv6 network; add one or name an IPv4 resolver",
				w->text);
	}
}

void settings_check_internal_networks(const struct reader *r)
{
	for (unsigned i = 0; i < r->s.network_count; i++) {
		const struct prefix *const p = &r->s.networks[i];
		const struct word *const w = &r->lx.words[i + 1];
		const char *const meaning = p->bits ? reserved_meaning(&p->addr) : NULL;

		if (meaning)
			lexer_mistake(&r->lx, w, "'%s' %s; expected a network behind the gateway", w->text, meaning);
		else if (overlap(p, &r->s.tunnel4) || overlap(p, &r->s.tunnel6))
			lexer_mistake(
				&r->lx, w, "'%s' overlaps tunnel-network; expected networks behind the gateway only", w->text);
		else if (unreachable(r, p->addr.family))
			lexer_warning(&r->lx, w, "no phone can reach '%s', for tunnel-network has no IPv6 network; add one there",
				w->text);
	}
}

void settings_check_portal_name(const struct reader *r)
{
	if (!strcmp(r->s.portal_name, r->s.endpoint_host))
		lexer_warning(&r->lx, &r->lx.words[1],
			"the endpoint has the same name; phones need it to resolve to the address outside, the portal to the one "
			"inside: "
			"use two names");
}

void settings_check_portal_port(const struct reader *r)
{
	if (r->s.portal_port == 53)
		lexer_mistake(&r->lx, &r->lx.words[1], "port 53 belongs to DNS; expected another port, best 443");
}

/* Two settings that do not go together are reported where the later one stands, so once; and not at all if one is wrong by
 * itself. */
static bool other_follows(const struct reader *r, enum keyword other)
{
	return r->set[other].line && (!r->set[other].good || r->set[other].line > r->lx.line);
}

void settings_check_dead_man(const struct reader *r)
{
	char text[DURATION_TEXT];

	if (other_follows(r, KEY_DEAD_MAN) || other_follows(r, KEY_POLL_INTERVAL) ||
		r->s.dead_man_seconds >= 2 * r->s.poll_seconds)
		return;
	lexer_mistake(&r->lx, &r->lx.words[1],
		"dead-man is shorter than two times poll-interval, so that one late round closes everything; expected dead-man "
		"of at least %s",
		duration_format(2 * r->s.poll_seconds, text));
}

void settings_check_login_numbers(const struct reader *r)
{
	if (other_follows(r, KEY_LOGIN_PARALLEL) || other_follows(r, KEY_LOGIN_ATTEMPTS_MAX) ||
		r->s.login_parallel <= r->s.login_attempts_max)
		return;
	lexer_mistake(&r->lx, &r->lx.words[1], "login-parallel (%u) is above login-attempts-max (%u); expected at most as many",
		r->s.login_parallel, r->s.login_attempts_max);
}

void settings_check_login_times(const struct reader *r)
{
	char text[DURATION_TEXT];

	if (other_follows(r, KEY_LOGIN_TIMEOUT) || other_follows(r, KEY_PAM_TIMEOUT) ||
		r->s.pam_timeout_seconds <= r->s.login_timeout_seconds)
		return;
	lexer_mistake(&r->lx, &r->lx.words[1], "pam-timeout is longer than login-timeout, a whole attempt; expected at most %s",
		duration_format(r->s.login_timeout_seconds, text));
}

void settings_check_log_space(const struct reader *r)
{
	if (!r->set[KEY_LOG_SPACE_LOW].line || other_follows(r, KEY_LOG_SPACE_RESERVE) || other_follows(r, KEY_LOG_SPACE_LOW) ||
		r->s.log_low_bytes >= r->s.log_reserve_bytes)
		return;
	lexer_mistake(&r->lx, &r->lx.words[1],
		"log-space-low is below log-space-reserve, so that logins would be refused before anything is thinned; expected "
		"log-space-low of at least %llu",
		(unsigned long long)(r->s.log_reserve_bytes >> 20));
}
