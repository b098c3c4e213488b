/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses, networks and names in sekisho.conf. */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "config/device_form.h"
#include "config/nearest.h"
#include "config/settings_internal.h"

enum { NAME_LABEL_MAX = 63 };

/* What is wrong with a DNS name (RFC 1123 section 2.1), or NULL. */
static const char *name_fault(const char *name)
{
	size_t label = 0;
	bool digits = true;

	if (!*name || strlen(name) >= HOST_NAME_LIMIT)
		return "a name has 1 to 253 characters";
	for (const char *c = name;; c++) {
		if (*c && *c != '.') {
			if (!isalnum((unsigned char)*c) && *c != '-')
				return "a name consists of letters a-z, digits, '-' and dots";
			digits = label ? digits && isdigit((unsigned char)*c) : isdigit((unsigned char)*c);
			label++;
			continue;
		}
		if (!label || label > NAME_LABEL_MAX)
			return "each part between dots has 1 to 63 characters, and no dot ends the name";
		if (c[-1] == '-' || c[-(ptrdiff_t)label] == '-')
			return "no part begins or ends with '-'";
		if (!*c)
			return digits ? "the last part of a name is not a number" : NULL;
		label = 0;
	}
}

/* Copies in lower case: names are compared so (RFC 4343). */
static void copy_name(const char *from, size_t size, char to[static HOST_NAME_LIMIT])
{
	for (size_t i = 0; i < size; i++)
		to[i] = (char)tolower((unsigned char)from[i]);
	to[size] = '\0';
}

/* A DNS name in word `i`. */
static bool read_name(struct reader *r, unsigned i, char to[static HOST_NAME_LIMIT])
{
	const struct word w = lexer_word(&r->lx, i);
	const char *const fault = name_fault(w.text);

	if (fault) {
		lexer_mistake(&r->lx, &w, "'%s' is not a DNS name: %s; expected one like login.example.jp", w.text, fault);
		return false;
	}
	copy_name(w.text, strlen(w.text), to);
	return true;
}

/* HOST:PORT, ADDRESS:PORT or [ADDRESS]:PORT */
bool settings_read_endpoint(struct reader *r)
{
	static const char expected[] = "expected HOST:PORT, like gate.example.jp:51820, 192.0.2.1:51820 or [2001:db8::1]:51820";
	const struct word w = lexer_word(&r->lx, 1);
	const char *const colon = strrchr(w.text, ':');
	const bool brackets = w.text[0] == '[';
	char host[HOST_NAME_LIMIT];
	struct addr a;
	unsigned port = 0;

	if (!colon || colon == w.text || (brackets && (colon - w.text < 2 || colon[-1] != ']'))) {
		lexer_mistake(&r->lx, &w, "'%s' is not an endpoint; %s", w.text, expected);
		return false;
	}
	if (!word_number(colon + 1, strlen(colon + 1), UINT16_MAX, &port) || port == 0) {
		const struct word part = word_part(&w, (size_t)(colon + 1 - w.text), strlen(colon + 1));
		lexer_mistake(&r->lx, &part, "'%s' is not a port; expected a whole number from 1 to 65535", colon + 1);
		return false;
	}
	const size_t size = (size_t)(colon - w.text) - 2 * brackets;
	const struct word part = word_part(&w, brackets, size);
	if (size >= sizeof host) {
		lexer_mistake(&r->lx, &part, "the host's name is too long; %s", expected);
		return false;
	}
	copy_name(w.text + brackets, size, host);
	const bool address = addr_parse(host, &a) == 0;
	const bool v6_text = address && strchr(host, ':');
	if (brackets != v6_text) {
		lexer_mistake(&r->lx, &part,
			brackets ? "only an IPv6 address stands in brackets; %s" : "an IPv6 address stands in brackets; %s",
			expected);
		return false;
	}
	const char *const fault = address ? NULL : name_fault(host);
	if (fault) {
		lexer_mistake(&r->lx, &part, "'%s' is neither an address nor a DNS name: %s; %s", host, fault, expected);
		return false;
	}
	memcpy(r->s.endpoint_host, host, size + 1);
	r->s.endpoint_port = (uint16_t)port;
	return true;
}

bool settings_read_interface(struct reader *r)
{
	const struct word w = lexer_word(&r->lx, 1);
	const size_t size = strspn(w.text, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	if (w.text[size] || size == 0 || size >= INTERFACE_NAME_MAX || w.text[0] == '-' || w.text[0] == '.') {
		lexer_mistake(&r->lx, &w,
			"'%s' cannot name the interface; expected at most %d of a-z 0-9 _ . -, and neither '-' nor '.' first",
			w.text, INTERFACE_NAME_MAX - 1);
		return false;
	}
	if (!strcmp(w.text, "lo") || !strcmp(w.text, "all") || !strcmp(w.text, "default")) {
		lexer_mistake(&r->lx, &w, "'%s' means something else to the kernel; choose another name, like sekisho0", w.text);
		return false;
	}
	memcpy(r->s.interface, w.text, size + 1);
	return true;
}

/* A network in word `i`. */
static bool read_prefix(struct reader *r, unsigned i, struct prefix *out)
{
	const struct word w = lexer_word(&r->lx, i);
	const int error = prefix_parse(w.text, out);

	if (error == -EDOM)
		lexer_mistake(&r->lx, &w,
			"'%s' has bits set below its mask; expected the first address of the network before the '/'", w.text);
	else if (error < 0)
		lexer_mistake(&r->lx, &w, "'%s' is not a network; expected one like 10.20.0.0/16 or 2001:db8:20::/48", w.text);
	return error == 0;
}

bool settings_read_tunnel_network(struct reader *r)
{
	struct prefix of[2] = {{.bits = 0}, {.bits = 0}}; /* IPv4, IPv6 */
	bool good = true;

	for (unsigned i = 1; i < r->lx.count; i++) {
		const struct word w = lexer_word(&r->lx, i);
		struct prefix p;
		if (!read_prefix(r, i, &p)) {
			good = false;
			continue;
		}
		const bool v6 = p.addr.family == 6;
		const unsigned least = v6 ? 32 : 8, most = v6 ? 120 : 28;
		if (p.bits < least || p.bits > most) {
			lexer_mistake(&r->lx, &w, "'%s' has not the size of a tunnel network; expected /%u to /%u for IPv%u",
				w.text, least, most, p.addr.family);
			good = false;
		}
		if (of[v6].addr.family) {
			lexer_mistake(&r->lx, &w,
				"a second IPv%u network; expected one IPv4 network and at most one IPv6 network", p.addr.family);
			good = false;
		}
		of[v6] = p;
	}
	if (good && !of[0].addr.family) {
		const struct word w = lexer_word(&r->lx, r->lx.count);
		lexer_mistake(&r->lx, &w, "no IPv4 network; expected one, like 10.64.0.0/16, beside the IPv6 network");
		good = false;
	}
	if (!good)
		return false;
	r->s.tunnel4 = of[0];
	addr_add(&of[0].addr, 1, &r->s.gateway4);
	r->s.tunnel6 = of[1];
	if (of[1].addr.family)
		addr_add(&of[1].addr, 1, &r->s.gateway6);
	return true;
}

bool settings_read_resolver(struct reader *r)
{
	bool good = true;

	r->s.resolver_count = 0;
	for (unsigned i = 1; i < r->lx.count; i++) {
		const struct word w = lexer_word(&r->lx, i);
		struct addr a;
		if (addr_parse(w.text, &a) < 0) {
			lexer_mistake(
				&r->lx, &w, "'%s' is not an address; expected one like 10.20.0.53 or 2001:db8:20::53", w.text);
			good = false;
			continue;
		}
		for (unsigned j = 0; j < r->s.resolver_count; j++)
			if (addr_equal(&r->s.resolvers[j], &a)) {
				lexer_mistake(&r->lx, &w, "'%s' stands twice; remove one", w.text);
				good = false;
			}
		r->s.resolvers[r->s.resolver_count++] = a;
	}
	return good;
}

bool settings_read_internal_networks(struct reader *r)
{
	bool good = true;

	r->s.network_count = 0;
	for (unsigned i = 1; i < r->lx.count; i++) {
		const struct word w = lexer_word(&r->lx, i);
		struct prefix p;
		if (!read_prefix(r, i, &p)) {
			good = false;
			continue;
		}
		for (unsigned j = 0; j < r->s.network_count; j++) {
			const struct prefix *const other = &r->s.networks[j];
			char text[PREFIX_TEXT];
			if (!prefix_contains(other, &p.addr) && !prefix_contains(&p, &other->addr))
				continue;
			lexer_mistake(&r->lx, &w, "'%s' overlaps %s in this line; name every network once", w.text,
				prefix_format(other, text));
			good = false;
			break;
		}
		r->s.networks[r->s.network_count++] = p;
	}
	return good;
}

bool settings_read_portal_name(struct reader *r)
{
	return read_name(r, 1, r->s.portal_name);
}

bool settings_read_dns_search(struct reader *r)
{
	bool good = true;

	r->s.search_count = 0;
	for (unsigned i = 1; i < r->lx.count; i++) {
		char *const name = r->s.search[r->s.search_count];
		if (!read_name(r, i, name)) {
			good = false;
			continue;
		}
		for (unsigned j = 0; j < r->s.search_count; j++)
			if (!strcmp(r->s.search[j], name)) {
				const struct word w = lexer_word(&r->lx, i);
				lexer_mistake(&r->lx, &w, "'%s' stands twice; remove one", w.text);
				good = false;
			}
		r->s.search_count++;
	}
	return good;
}

static void unknown_field(struct reader *r, const struct word *w)
{
	struct nearest n = nearest_to(w->text);
	char hint[NEAREST_TEXT];

	for (unsigned k = 0; k < FORM_NAMES; k++)
		nearest_offer(&n, device_form_name(k));
	lexer_mistake(&r->lx, w, "'%s' is no field of the form%s", w->text,
		n.best ? nearest_hint(&n, hint) : "; sekisho.conf(5) lists them");
}

bool settings_read_device_form(struct reader *r)
{
	bool good = true;

	for (unsigned i = 1; i < r->lx.count; i++) {
		const struct word w = lexer_word(&r->lx, i);
		const unsigned field = device_form_find(w.text);
		const bool twice = field < FORM_NAMES && r->s.device_form & 1U << field;
		if (field == FORM_NAMES)
			unknown_field(r, &w);
		else if (twice)
			lexer_mistake(&r->lx, &w, "'%s' stands twice; remove one", w.text);
		else
			r->s.device_form |= 1U << field;
		good = good && field < FORM_NAMES && !twice;
	}
	return good;
}
