/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/enforcement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/alert.h"
#include "gateway/event.h"
#include "gateway/netif.h"
#include "gateway/nextkey.h"
#include "gateway/peer.h"
#include "gateway/session.h"
#include "gateway/tally.h"

/* RFC 8200's minimum: passes every path that IPv6 passes, and hotels' PPPoE. Both official apps default to it too. */
enum { TUNNEL_MTU = 1280 };

static struct firewall_spec firewall_spec_of(const struct settings *s)
{
	struct firewall_spec spec = {.interface = s->interface,
		.listen_port = s->listen_port,
		.portal_port = s->portal_port,
		.network4 = s->tunnel4,
		.network6 = s->tunnel6,
		.gateway4 = s->gateway4,
		.gateway6 = s->gateway6,
		.resolver_count = s->resolver_count,
		.extra_port_count = s->extra_port_count,
		.portal_dns = s->portal_dns};
	memcpy(spec.resolvers, s->resolvers, sizeof spec.resolvers);
	memcpy(spec.extra_ports, s->extra_ports, sizeof spec.extra_ports);
	return spec;
}

static int open_tunnel(struct gateway *g, const struct key *key, char *why, size_t why_size)
{
	const struct settings *s = &g->settings;
	struct tunnel_spec spec = {.interface = s->interface,
		.backend = s->backend,
		.private_key = *key,
		.listen_port = s->listen_port,
		.network4 = s->tunnel4,
		.network6 = s->tunnel6,
		.gateway4 = s->gateway4,
		.gateway6 = s->gateway6,
		.mtu = TUNNEL_MTU};
	struct tunnel *tunnel;
	int r = tunnel_open(&spec, &tunnel, why, why_size);
	secret_wipe(&spec.private_key, sizeof spec.private_key);
	if (r < 0)
		return r;
	if (g->tunnel)
		tunnel_close(g->tunnel);
	g->tunnel = tunnel;
	return 0;
}

static int open_firewall(struct gateway *g, char *why, size_t why_size)
{
	struct firewall_spec spec = firewall_spec_of(&g->settings);
	struct firewall *firewall;
	bool taken_over;
	int r = firewall_open(&spec, &firewall, &taken_over, why, why_size);
	if (r < 0)
		return r;
	if (g->firewall)
		firewall_close(g->firewall);
	g->firewall = firewall;
	if (g->tally && !taken_over)
		tally_anew(g->tally);
	return 0;
}

static int lock_routing(struct gateway *g, char *why, size_t why_size)
{
	int r = netif_lock(g->settings.interface);
	if (r < 0)
		snprintf(why, why_size,
			"cannot set the routing rule that backs the firewall up: %s; look at `ip rule` for what else uses "
			"preference 90",
			strerror(-r));
	return r;
}

int enforcement_open(struct gateway *g, const struct key *key, char *why, size_t why_size)
{
	int r = open_firewall(g, why, why_size);
	if (r == 0)
		r = lock_routing(g, why, why_size);
	if (r == 0)
		r = open_tunnel(g, key, why, why_size);
	return r;
}

int enforcement_shut(struct gateway *g, bool fresh, char *why, size_t why_size)
{
	int r = open_firewall(g, why, why_size);
	if (r == 0)
		r = lock_routing(g, why, why_size);
	if (r < 0 || !fresh)
		return r;
	r = firewall_alive(g->firewall, 0);
	if (r < 0)
		snprintf(why, why_size,
			"cannot shut the firewall table that is there: %s; remove it with `nft delete table inet sekisho`",
			strerror(-r));
	return r;
}

int enforcement_respec(struct gateway *g, const struct settings *s)
{
	struct firewall_spec spec = firewall_spec_of(s);
	return firewall_respec(g->firewall, &spec);
}

int enforcement_renew(struct gateway *g)
{
	return firewall_alive(g->firewall, (unsigned)g->settings.dead_man_seconds);
}

void enforcement_count(struct gateway *g)
{
	struct firewall_counters c;
	int r = g->firewall ? firewall_counters(g->firewall, &c) : -ENOENT;
	if (r == 0)
		tally_count(g->tally, &c, g->refusals, time_now());
	else
		say_warning("cannot read the firewall's counters: %s; trying again", strerror(-r));
}

static void restored(struct gateway *g, const char *reason, enum alert_kind alert)
{
	(void)log_write(g->log, LOG_AUDIT, time_now(), event_new("firewall-restored", "success", reason), true);
	alert_raise(g, alert_new(alert));
}

static int check_firewall(struct gateway *g)
{
	char why[512] = "";
	int r = firewall_whole(g->firewall);
	if (r != 0)
		return r < 0 ? r : 0;
	enforcement_count(g); /* for the last time, if they are still there */
	r = open_firewall(g, why, sizeof why);
	if (r < 0)
		goto out;
	snprintf(why, sizeof why, "sessions");
	r = sessions_take_over(g);
	if (r == 0)
		r = enforcement_renew(g);
out:
	if (r < 0)
		say_error("cannot restore the firewall (%s: %s); the tunnel stays shut by its routing rule, trying again", why,
			strerror(-r));
	else
		restored(g, "table-changed", ALERT_FIREWALL_RESTORED);
	return r;
}

static int check_lock(struct gateway *g)
{
	char why[256];
	int r = netif_lock_check(g->settings.interface);
	if (r != 0)
		return r < 0 ? r : 0;
	r = lock_routing(g, why, sizeof why);
	if (r < 0)
		say_error("%s; trying again", why);
	else
		restored(g, "routing-rule-removed", ALERT_ROUTING_RESTORED);
	return r;
}

/* The interface has gone or wireguard-go has died: a new one is empty, and its devices come back as they knock. */
static int check_tunnel(struct gateway *g)
{
	char why[512];
	struct key key;
	int r = tunnel_check(g->tunnel);
	if (r == 0)
		return 0;
	if (nextkey_switched(g)) {
		say_error("interface %s does not answer, and " PATH_TUNNEL_KEY " holds another key than the one this gateway runs with: "
			  "systemctl restart sekisho-gateway",
			g->settings.interface);
		return -EKEYREJECTED;
	}
	say_warning("the tunnel's interface %s does not answer (%s); bringing it up again", g->settings.interface, strerror(-r));
	r = key_read_file(PATH_TUNNEL_KEY, &key, why, sizeof why);
	if (r == 0)
		r = open_tunnel(g, &key, why, sizeof why);
	secret_wipe(&key, sizeof key);
	if (r < 0) {
		say_error("%s; trying again", why);
		return r;
	}
	peers_forget(g);
	alert_raise(g, alert_new(ALERT_TUNNEL_RESTORED));
	return peers_take_over(g);
}

void enforcement_check(struct gateway *g, bool thorough)
{
	int before = g->enforcement_error;
	int r = check_firewall(g);
	if (r == 0 && thorough)
		r = check_lock(g);
	if (r == 0 && thorough)
		r = check_tunnel(g);
	g->enforcement_error = r;
	if (before && !r)
		say_info("firewall and tunnel are whole again");
}

int enforcement_remove(struct gateway *g, char *why, size_t why_size)
{
	int shut = enforcement_shut(g, true, why, why_size);
	if (shut < 0)
		say_error("%s; the tunnel is taken out all the same", why);
	int r = tunnel_destroy(g->settings.interface, why, why_size);
	if (r < 0 || shut < 0)
		return r < 0 ? r : shut;
	enforcement_count(g);
	r = firewall_destroy(g->firewall);
	g->firewall = NULL;
	if (r == 0)
		r = netif_unlock(g->settings.interface);
	if (r < 0)
		snprintf(why, why_size,
			"the tunnel is gone, but not its firewall: %s; remove it with `nft delete table inet sekisho`",
			strerror(-r));
	return r;
}
