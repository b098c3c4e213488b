/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fence.h"
#include "common/paths.h"
#include "gateway/admission.h"
#include "gateway/alert.h"
#include "gateway/certificate.h"
#include "gateway/control_internal.h"
#include "gateway/ledger_user.h"
#include "gateway/evidence.h"
#include "gateway/login.h"
#include "gateway/nextkey.h"
#include "gateway/peer.h"
#include "gateway/portalchan.h"
#include "gateway/recheck.h"
#include "gateway/session.h"

static int count_device(const struct device *d, void *arg)
{
	unsigned *counts = arg;
	counts[d->status]++;
	return 0;
}

static json_t *devices_json(struct gateway *g)
{
	unsigned counts[DEVICE_STATUSES] = {0};
	(void)ledger_devices(g->ledger, count_device, counts);
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "active", (int)counts[DEVICE_ACTIVE], "suspended",
		(int)counts[DEVICE_SUSPENDED], "lost", (int)counts[DEVICE_LOST], "revoked", (int)counts[DEVICE_REVOKED], "online",
		(int)peers_count(g));
}

static json_t *acl_json(struct gateway *g)
{
	const struct policy_counts counts = policy_counts(g->policy);
	uint64_t generations = 0, bytes = 0;
	unsigned differing = 0;
	const bool known = drift_look(&g->drift, PATH_ACL_DIR, g->policy, g->generation, &differing) == 0;
	(void)ledger_generation_totals(g->ledger, &generations, &bytes);
	return json_pack("{s:I, s:i, s:i, s:o, s:o, s:{s:I, s:I}}", "generation", (json_int_t)g->generation, "files",
		(int)counts.files, "rules", (int)counts.rules, "applied", control_json_time(g->applied), "differing",
		known ? json_integer(differing) : json_null(), "archive", "generations", (json_int_t)generations, "bytes",
		(json_int_t)bytes);
}

static json_t *firewall_json(struct gateway *g)
{
	struct firewall_counters c = {0};
	(void)firewall_counters(g->firewall, &c);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "denied", (json_int_t)c.refused[FIREWALL_DENIED].all, "no_session",
		(json_int_t)c.refused[FIREWALL_NO_SESSION].all, "stale", (json_int_t)c.stale, "spoofed",
		(json_int_t)c.refused[FIREWALL_SPOOFED].all, "knocks", (json_int_t)c.knocks);
}

static json_t *knocks_json(struct gateway *g)
{
	struct admission_counts c = admission_counts(g);
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "admitted", (json_int_t)c.admitted, "refused", (json_int_t)c.refused,
		"replayed", (json_int_t)c.replayed, "forged", (json_int_t)c.forged, "dropped", (json_int_t)c.dropped);
}

static json_t *certificate_json(void)
{
	struct certificate c;
	if (certificate_read(time_now(), &c) < 0)
		return json_null();
	return json_pack("{s:o, s:I, s:b}", "until", control_json_time(c.until), "days", (json_int_t)c.days, "due", (int)c.due);
}

/* ---- what is wrong, in words ---- */

static bool sysctl_on(const char *path)
{
	char c = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool on = read(fd, &c, 1) == 1 && c != '0';
	close(fd);
	return on;
}

/* A socket's file outlives its listener; proc(5), /proc/net/unix: flags (hexadecimal), type, state, inode, path. */
static bool listening(const char *path)
{
	static const unsigned long accepts_connections = 1ul << 16; /* __SO_ACCEPTCON of linux/net.h */
	char *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *f = fopen("/proc/net/unix", "re");
	if (!f)
		return false;
	while (!found && getline(&line, &room, f) >= 0) {
		char flags[17];
		int at = 0;
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%*s %*s %*s %16s %*s %*s %*s %n", flags, &at) == 1 && at && strcmp(line + at, path) == 0)
			found = (strtoul(flags, NULL, 16) & accepts_connections) != 0;
	}
	free(line);
	fclose(f);
	return found;
}

static void problem(json_t *problems, bool there, const char *text)
{
	if (there)
		(void)json_array_append_new(problems, json_string(text));
}

/* The portal complains about one that cannot be read. */
static bool certificate_problem(char *text, size_t size)
{
	struct certificate c;
	const int64_t now = time_now();
	if (certificate_read(now, &c) < 0 || !c.due)
		return false;
	char when[48] = "has expired";
	if (c.until > now)
		snprintf(when, sizeof when, "expires in %lld day%s", (long long)c.days, c.days == 1 ? "" : "s");
	snprintf(text, size,
		"the login page's certificate %s: put a new one into " PATH_TLS_CERT ", then systemctl reload sekisho-portal",
		when);
	return true;
}

static json_t *problems_json(struct gateway *g)
{
	json_t *problems = json_array();
	char text[384];
	if (g->enforcement_error) {
		snprintf(text, sizeof text, "firewall or tunnel cannot be put right (%s): see journalctl -u sekisho-gateway",
			strerror(-g->enforcement_error));
		problem(problems, true, text);
	}
	problem(problems, evidence_problem(g, text, sizeof text), text);
	if (log_sealing(g->log) < 0) {
		snprintf(text, sizeof text, "the logs cannot be sealed (%s): check space and disk of " PATH_STATE_DIR,
			strerror(-log_sealing(g->log)));
		problem(problems, true, text);
	}
	problem(problems, !portalchan_connected(g->portal),
		"the login page is not connected: systemctl start sekisho-portal.socket sekisho-portal.service");
	problem(problems, !listening(PATH_AUTH_SOCKET),
		"nobody can log in, sekisho-auth is not listening: systemctl start sekisho-auth.socket");
	problem(problems, certificate_problem(text, sizeof text), text);
	problem(problems, alerts_problem(g, text, sizeof text), text);
	problem(problems, rechecks_problem(g, text, sizeof text), text);
	problem(problems, access(PATH_PAM_SERVICE_ETC, F_OK) < 0 && access(PATH_PAM_SERVICE_USR, F_OK) < 0,
		"nobody can log in, the PAM service is missing: write " PATH_PAM_SERVICE_ETC " (`sekisho setup` does)");
	problem(problems,
		g->settings.session_renew == RENEW_SHORT && access(PATH_PAM_ETC RENEW_SERVICE, F_OK) < 0 &&
			access(PATH_PAM_USR RENEW_SERVICE, F_OK) < 0,
		"nobody can renew a session, the PAM service of `session-renew short` is missing: write " PATH_PAM_ETC
			RENEW_SERVICE);
	problem(problems, !sysctl_on("/proc/sys/net/ipv4/ip_forward"),
		"IPv4 is not forwarded: systemctl restart sekisho-guard; at boot see that nothing in sysctl.d says "
		"net.ipv4.ip_forward=0");
	problem(problems, g->settings.tunnel6.addr.family && !sysctl_on("/proc/sys/net/ipv6/conf/all/forwarding"),
		"IPv6 is not forwarded: systemctl restart sekisho-guard; at boot see that nothing in sysctl.d says "
		"net.ipv6.conf.all.forwarding=0");
	return problems;
}

/* What is no fault, but should be known. */
static json_t *notices_json(struct gateway *g, const json_t *acl)
{
	json_t *notices = json_array();
	const json_t *differing = json_object_get(acl, "differing");
	const json_int_t n = json_integer_value(differing);
	char text[256];
	if (n)
		snprintf(text, sizeof text,
			"%lld file%s in " PATH_ACL_DIR " differ%s from what is in force; `sekisho acl diff` shows what, "
			"`sekisho acl apply` puts them in force",
			(long long)n, n == 1 ? "" : "s", n == 1 ? "s" : "");
	problem(notices, n, text);
	unsigned leavers = 0;
	(void)ledger_leavers_devices(g->ledger, &leavers);
	if (leavers)
		snprintf(text, sizeof text,
			"%u device%s still registered for users whose account is gone, locked or expired: "
			"`sekisho device list --leavers`",
			leavers, leavers == 1 ? " is" : "s are");
	problem(notices, leavers, text);
	problem(notices, nextkey_notice(g, text, sizeof text), text);
	problem(notices, evidence_notice(g, text, sizeof text), text);
	problem(notices, evidence_copy_notice(g, text, sizeof text), text);
	problem(notices, !fence_possible(),
		"this kernel has no Landlock: the login page's program is kept from files by their permissions alone; boot with "
		"lsm=landlock,... (landlock(7))");
	problem(notices, json_is_null(differing),
		PATH_ACL_DIR " cannot be compared with what is in force: let group " USER_GATEWAY " read it");
	return notices;
}

void control_status(struct exchange *x)
{
	struct gateway *g = x->gateway;
	const char *verb;
	char key[KEY_TEXT], endpoint[CONTROL_ENDPOINT_TEXT];
	if (!exchange_unpack(x, "{s:s}", "verb", &verb))
		return;
	json_t *acl = acl_json(g);
	exchange_end(x,
		json_pack("{s:s, s:o, s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:i, s:i, s:o, s:i, s:o, s:o, s:b, s:b, s:o, "
			  "s:o, s:o, s:o}",
			"version", SEKISHO_VERSION, "started", control_json_time(g->started), "backend",
			tunnel_backend(g->tunnel), "interface", g->settings.interface, "listen_port",
			(int)g->settings.listen_port, "endpoint", control_endpoint(&g->settings, endpoint), "public_key",
			key_format(handshake_public(g->handshake), key), "v4", control_json_addr(&g->settings.gateway4), "v6",
			control_json_addr(&g->settings.gateway6), "devices", devices_json(g), "sessions", (int)sessions_count(g),
			"logins", (int)logins_count(g->logins), "acl", acl, "profiles", (int)sessions_profiles(g), "firewall",
			firewall_json(g), "knocks", knocks_json(g), "portal", (int)portalchan_connected(g->portal), "portal_dns",
			(int)g->settings.portal_dns, "certificate", certificate_json(), "alerts", alerts_json(g), "problems",
			problems_json(g), "notices", notices_json(g, acl)));
}
