/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drives gateway/firewall.h for the packet tests: one command a line on standard input, one answer a line on standard output:
 * "ok", "ok VALUES..." or "error NUMBER TEXT". Commands:
 *
 *   spec KEY VALUE             interface, listen, portal, network (twice), gateway (twice), resolver and extra (add one; "none"
 * empties) open                       -> ok created | ok taken-over respec | close | destroy | alive SECONDS box FIRST LAST
 * PROTO-PROTO PORT-PORT      adds one to the profile that the next command uses profile ID | churn ID TIMES | profile-remove ID
 * churn: sets the same boxes TIMES times change-profile ID | change-session SERIAL PROFILE TIMEOUT_MS V4 [V6] | change-drop
 * SERIAL V4 [V6]      collected, until: change-keep 0|1            what was collected is change 0 or 1 change-commit 0|1 | sway
 * TIMES       sway: commits 0 and 1 in turns, TIMES in all session SERIAL PROFILE TIMEOUT_MS V4 [V6] | session-remove SERIAL V4
 * [V6] sessions | profiles | counters | monitor | whole reopen TIMES               firewall_open() again and again, each time
 * with a new handle
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/firewall.h"

enum { WORDS_MAX = 8, LINE_SIZE = 512, BOXES_MAX = 4096 };

struct state {
	struct firewall *f;
	struct firewall_spec spec;
	char interface[16];
	struct profile_box boxes[BOXES_MAX];
	struct profile profile;
	struct firewall_change *collected, *kept[2];
};

static struct state st;

static void answer(int rc, const char *text)
{
	if (rc < 0)
		printf("error %d %s\n", -rc, *text ? text : strerror(-rc));
	else
		printf("ok%s%s\n", *text ? " " : "", text);
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

static int set_spec(const char *key, const char *value)
{
	struct firewall_spec *s = &st.spec;
	struct prefix p;
	struct addr a;

	if (strcmp(key, "interface") == 0) {
		snprintf(st.interface, sizeof(st.interface), "%s", value);
		s->interface = st.interface;
	} else if (strcmp(key, "listen") == 0) {
		s->listen_port = (uint16_t)number(value);
	} else if (strcmp(key, "portal") == 0) {
		s->portal_port = (uint16_t)number(value);
	} else if (strcmp(key, "network") == 0 && prefix_parse(value, &p) == 0) {
		*(p.addr.family == 4 ? &s->network4 : &s->network6) = p;
	} else if (strcmp(key, "gateway") == 0 && addr_parse(value, &a) == 0) {
		*(a.family == 4 ? &s->gateway4 : &s->gateway6) = a;
	} else if (strcmp(key, "resolver") == 0 && strcmp(value, "none") == 0) {
		s->resolver_count = 0;
	} else if (strcmp(key, "resolver") == 0 && s->resolver_count < RESOLVERS_MAX && addr_parse(value, &a) == 0) {
		s->resolvers[s->resolver_count++] = a;
	} else if (strcmp(key, "extra") == 0 && strcmp(value, "none") == 0) {
		s->extra_port_count = 0;
	} else if (strcmp(key, "extra") == 0 && s->extra_port_count < EXTRA_PORTS_MAX) {
		s->extra_ports[s->extra_port_count++] = (uint16_t)number(value);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int add_box(char **w, unsigned count)
{
	struct profile_box *b = &st.boxes[st.profile.count];
	unsigned p0, p1, q0, q1;

	if (count != 5 || st.profile.count == BOXES_MAX || addr_parse(w[1], &b->first) < 0 || addr_parse(w[2], &b->last) < 0 ||
		sscanf(w[3], "%u-%u", &p0, &p1) != 2 || sscanf(w[4], "%u-%u", &q0, &q1) != 2)
		return -EINVAL;
	b->proto_first = (uint8_t)p0;
	b->proto_last = (uint8_t)p1;
	b->port_first = (uint16_t)q0;
	b->port_last = (uint16_t)q1;
	st.profile.count++;
	return 0;
}

static int read_session(char **w, unsigned count, unsigned at, struct firewall_session *s)
{
	struct addr a;

	for (; at < count; at++) {
		if (addr_parse(w[at], &a) < 0)
			return -EINVAL;
		*(a.family == 4 ? &s->v4 : &s->v6) = a;
	}
	return 0;
}

static int print_session(const struct firewall_session *s, void *arg)
{
	char v4[ADDR_TEXT], v6[ADDR_TEXT];

	(void)arg;
	printf(" %u:%u:%s:%s:%d", s->serial, s->profile, addr_format(&s->v4, v4), addr_format(&s->v6, v6), s->timeout_ms > 0);
	return 0;
}

static int print_profile(uint16_t id, void *arg)
{
	(void)arg;
	printf(" %u", id);
	return 0;
}

static int list(const char *what)
{
	struct firewall_counters c;
	int rc;

	printf("ok");
	if (strcmp(what, "sessions") == 0) {
		rc = firewall_sessions(st.f, print_session, NULL);
	} else if (strcmp(what, "profiles") == 0) {
		rc = firewall_profiles(st.f, print_profile, NULL);
	} else {
		rc = firewall_counters(st.f, &c);
		if (rc == 0)
			printf(" denied=%" PRIu64 " denied_limited=%" PRIu64 " no_session=%" PRIu64 " no_session_limited=%" PRIu64
			       " stale=%" PRIu64 " spoofed=%" PRIu64 " spoofed_limited=%" PRIu64 " knocks=%" PRIu64,
				c.refused[FIREWALL_DENIED].all, c.refused[FIREWALL_DENIED].limited,
				c.refused[FIREWALL_NO_SESSION].all, c.refused[FIREWALL_NO_SESSION].limited, c.stale,
				c.refused[FIREWALL_SPOOFED].all, c.refused[FIREWALL_SPOOFED].limited, c.knocks);
	}
	printf(rc < 0 ? " failed\n" : "\n");
	return rc;
}

static int open_firewall(char *why, size_t size)
{
	struct firewall *f;
	bool taken_over;
	int rc = firewall_open(&st.spec, &f, &taken_over, why, size);

	if (rc < 0)
		return rc;
	firewall_close(st.f);
	st.f = f;
	snprintf(why, size, taken_over ? "taken-over" : "created");
	return 0;
}

static int set_profile(uint16_t id, unsigned times)
{
	int rc = 0;

	while (times-- && rc == 0)
		rc = firewall_profile_set(st.f, id, &st.profile);
	st.profile.count = 0;
	return rc;
}

/* ---- changes ---- */

static int collect(char **w, unsigned n)
{
	struct firewall_session s = {0};
	int rc = st.collected ? 0 : firewall_change_new(st.f, &st.collected);

	if (rc < 0 || n < 2)
		return rc < 0 ? rc : -EINVAL;
	if (strcmp(w[0], "change-profile") == 0) {
		rc = firewall_change_profile(st.collected, (uint16_t)number(w[1]), &st.profile);
		st.profile.count = 0;
		return rc;
	}
	s.serial = number(w[1]);
	if (strcmp(w[0], "change-drop") == 0) {
		rc = read_session(w, n, 2, &s);
		return rc < 0 ? rc : firewall_change_drop(st.collected, &s);
	}
	if (strcmp(w[0], "change-session") != 0 || n < 5)
		return -EINVAL;
	s.profile = (uint16_t)number(w[2]);
	s.timeout_ms = (int64_t)number(w[3]);
	rc = read_session(w, n, 4, &s);
	return rc < 0 ? rc : firewall_change_session(st.collected, &s);
}

static int change(char **w, unsigned n)
{
	unsigned which = n == 2 ? number(w[1]) : 0;
	int rc = 0;

	if (strcmp(w[0], "sway") == 0) {
		if (!st.kept[0] || !st.kept[1])
			return -EINVAL;
		for (unsigned i = 0; i < which && rc == 0; i++)
			rc = firewall_change_commit(st.kept[i % 2]);
		return rc;
	}
	if (strcmp(w[0], "change-keep") != 0 && strcmp(w[0], "change-commit") != 0)
		return collect(w, n);
	if (which > 1)
		return -EINVAL;
	if (strcmp(w[0], "change-commit") == 0)
		return st.kept[which] ? firewall_change_commit(st.kept[which]) : -EINVAL;
	firewall_change_free(st.kept[which]);
	st.kept[which] = st.collected;
	st.collected = NULL;
	return 0;
}

static int run(char **w, unsigned n, char *text, size_t size)
{
	struct firewall_session s = {0};
	int rc = -EINVAL;

	if (strcmp(w[0], "spec") == 0 && n == 3)
		return set_spec(w[1], w[2]);
	if (strcmp(w[0], "open") == 0)
		return open_firewall(text, size);
	if (strcmp(w[0], "box") == 0)
		return add_box(w, n);
	if (!st.f)
		return -ENOTCONN;
	if (strcmp(w[0], "sway") == 0 || strncmp(w[0], "change-", strlen("change-")) == 0)
		return change(w, n);
	if (strcmp(w[0], "respec") == 0)
		return firewall_respec(st.f, &st.spec);
	if (strcmp(w[0], "destroy") == 0)
		return firewall_destroy(st.f);
	if (strcmp(w[0], "alive") == 0 && n == 2)
		return firewall_alive(st.f, number(w[1]));
	if (strcmp(w[0], "profile") == 0 && n == 2)
		return set_profile((uint16_t)number(w[1]), 1);
	if (strcmp(w[0], "churn") == 0 && n == 3)
		return set_profile((uint16_t)number(w[1]), number(w[2]));
	if (strcmp(w[0], "profile-remove") == 0 && n == 2)
		return firewall_profile_remove(st.f, (uint16_t)number(w[1]));
	if (strcmp(w[0], "session") == 0 && n >= 5) {
		s = (struct firewall_session){
			.serial = number(w[1]), .profile = (uint16_t)number(w[2]), .timeout_ms = (int64_t)number(w[3])};
		rc = read_session(w, n, 4, &s);
		return rc < 0 ? rc : firewall_session_set(st.f, &s);
	}
	if (strcmp(w[0], "session-remove") == 0 && n >= 3) {
		s.serial = number(w[1]);
		rc = read_session(w, n, 2, &s);
		return rc < 0 ? rc : firewall_session_remove(st.f, &s);
	}
	if (strcmp(w[0], "reopen") == 0 && n == 2) {
		rc = 0;
		for (unsigned i = number(w[1]); i && rc == 0; i--)
			rc = open_firewall(text, size);
	}
	if (strcmp(w[0], "monitor") == 0)
		rc = firewall_monitor_drain(st.f);
	if (strcmp(w[0], "whole") == 0)
		rc = firewall_whole(st.f);
	if (rc >= 0 && !*text)
		snprintf(text, size, "%d", rc);
	return rc;
}

int main(void)
{
	char line[LINE_SIZE], text[LINE_SIZE], *w[WORDS_MAX], *save;
	unsigned n;
	int rc;

	st.profile.boxes = st.boxes;
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		n = 0;
		*text = '\0';
		for (char *p = strtok_r(line, " \n", &save); p && n < WORDS_MAX; p = strtok_r(NULL, " \n", &save))
			w[n++] = p;
		if (!n)
			continue;
		if (st.f && (strcmp(w[0], "sessions") == 0 || strcmp(w[0], "profiles") == 0 || strcmp(w[0], "counters") == 0)) {
			(void)list(w[0]);
			continue;
		}
		rc = run(w, n, text, sizeof(text));
		answer(rc, text);
	}
	firewall_close(st.f);
	return 0;
}
