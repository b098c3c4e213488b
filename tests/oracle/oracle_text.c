/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/oracle/oracle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const oracle_groups[GROUPS] = {"g1", "g2", "g3"}, *const oracle_users[USERS] = {"u1", "u2", "u3"};

enum { SYSTEMS_MAX = 5 };

struct writer {
	FILE *f;
	uint64_t *state;
	struct edges *edges;
	unsigned systems;
};

static unsigned below(struct writer *w, unsigned n)
{
	return random_below(w->state, n);
}

static void note_address(struct writer *w, const char *text)
{
	struct edges *e = w->edges;
	struct prefix p;

	if (e->address_count + 2 > EDGES_MAX || prefix_parse(text, &p) < 0)
		return;
	prefix_range(&p, &e->addresses[e->address_count], &e->addresses[e->address_count + 1]);
	e->address_count += 2;
}

static unsigned port(struct writer *w)
{
	static const uint16_t favourites[] = {1, 22, 53, 80, 443, 3389, 65535};
	unsigned n = below(w, 3) ? favourites[below(w, 7)] : 1 + below(w, 65535);

	if (w->edges->port_count < EDGES_MAX)
		w->edges->ports[w->edges->port_count++] = (uint16_t)n;
	return n;
}

/* The language refuses a port that stands in a list twice: ranges and single ports in rising order, disjoint. */
static void ports(struct writer *w)
{
	unsigned count = 1 + below(w, 3), first, last, before = 0;
	char separator = ' ';

	if (below(w, 8) == 0) {
		fputs(" *", w->f);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		first = port(w);
		last = below(w, 2) ? first : port(w);
		if (first <= before || last < first)
			continue;
		fprintf(w->f, "%c%u", separator, first);
		if (last > first)
			fprintf(w->f, "-%u", last);
		separator = ',';
		before = last;
	}
	if (separator == ' ')
		fputs(" *", w->f);
}

/* A small world, so that rules meet; now and then everything, or the outside. */
static void network(struct writer *w, unsigned family, unsigned host, char *text, size_t size)
{
	static const char *const nets4[] = {"10.20.0.", "10.20.1.", "10.21.255.", "192.168.1.", "8.8.4.", "172.32.0."};
	static const char *const nets6[] = {"2001:db8:20::", "2001:db8:20:1::", "fd20::", "2400:cafe::"};

	if (family == 4)
		snprintf(text, size, "%s%u", nets4[below(w, 6)], host);
	else
		snprintf(text, size, "%s%x", nets6[below(w, 4)], host);
}

/* A statement's destinations so far: the language refuses the same one twice. */
struct named {
	char texts[3][132];
	unsigned count;
};

static void name(struct writer *w, struct named *named, const char *text)
{
	for (unsigned i = 0; i < named->count; i++)
		if (strcmp(named->texts[i], text) == 0)
			return;
	snprintf(named->texts[named->count++], sizeof(named->texts[0]), "%s", text);
	fprintf(w->f, " %s", text);
}

static void destination(struct writer *w, unsigned family, struct named *named)
{
	static const char *const wide4[] = {"10.20.0.0/15", "10.0.0.0/8", "0.0.0.0/0", "8.8.0.0/16", "128.0.0.0/1"};
	static const char *const wide6[] = {"2001:db8:20::/48", "2001:db8::/32", "::/0", "fd20::/64", "2000::/3"};
	unsigned kind = below(w, 8), host = below(w, 256), bits = below(w, 6), last;
	char text[64], end[64], both[132];
	uint64_t same;

	if (kind == 0) {
		snprintf(text, sizeof(text), "%s", family == 4 ? wide4[below(w, 5)] : wide6[below(w, 5)]);
	} else if (kind <= 2) {
		network(w, family, host >> bits << bits, text, sizeof(text));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "/%u", (family == 4 ? 32 : 128) - bits);
	} else if (kind <= 4) {
		last = host + below(w, 256 - host);
		same = *w->state;
		network(w, family, host, text, sizeof(text));
		*w->state = same; /* the same network again */
		network(w, family, last, end, sizeof(end));
		note_address(w, end);
		note_address(w, text);
		snprintf(both, sizeof(both), "%s-%s", text, end);
		name(w, named, both);
		return;
	} else {
		network(w, family, host, text, sizeof(text));
	}
	note_address(w, text);
	name(w, named, text);
}

static void destinations(struct writer *w)
{
	struct named named = {.count = 0};
	unsigned count = 1 + below(w, 3);

	for (unsigned i = 0; i < count; i++)
		destination(w, below(w, 2) ? 4 : 6, &named);
	if (below(w, 12) == 0)
		fputs(" internet", w->f);
}

static void protocol_and_rest(struct writer *w)
{
	static const char *const names[] = {"tcp", "tcp", "udp", "icmp", "any"};
	const char *name = names[below(w, 5)];

	fputs(name, w->f);
	if (name[0] == 't' || name[0] == 'u')
		ports(w);
	destinations(w);
}

static void systems(struct writer *w)
{
	for (unsigned i = 0; i < w->systems; i++)
		for (unsigned lines = 1 + below(w, 2); lines; lines--) {
			fprintf(w->f, "system sys%u ", i);
			protocol_and_rest(w);
			fputc('\n', w->f);
		}
}

static void rule(struct writer *w, bool may_allow)
{
	fputs(may_allow && below(w, 4) ? "allow " : "deny ", w->f);
	if (w->systems && below(w, 3) == 0)
		fprintf(w->f, "sys%u", below(w, w->systems));
	else
		protocol_and_rest(w);
	if (below(w, 4) == 0)
		fprintf(w->f, " until 2026-%02u-%02u", 1 + below(w, 12), 1 + below(w, 28));
	if (below(w, 8) == 0)
		fputs(" reason \"as agreed\"", w->f);
	fputc('\n', w->f);
}

static int file(struct writer *w, const char *dir, const char *name, unsigned rules, bool may_allow)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.acl", dir, name);
	if (rules == 0)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	w->f = fopen(path, "we");
	if (!w->f)
		return -errno;
	if (strcmp(name, "systems") == 0)
		systems(w);
	else
		while (rules--)
			rule(w, may_allow);
	return fclose(w->f) != 0 ? -errno : 0;
}

int text_write(const char *dir, uint64_t *state, struct edges *edges)
{
	static const char *const folders[] = {"", "/groups", "/users", "/devices"};
	struct writer w = {.state = state, .edges = edges};
	char name[64], path[256];
	int rc;

	edges->address_count = edges->port_count = 0;
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", dir, folders[i]);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	w.systems = below(&w, SYSTEMS_MAX + 1);
	rc = file(&w, dir, "systems", w.systems, false);
	for (unsigned i = 0; i < GROUPS && rc == 0; i++) {
		snprintf(name, sizeof(name), "groups/%s", oracle_groups[i]);
		rc = file(&w, dir, name, below(&w, 8), true);
	}
	for (unsigned i = 0; i < USERS && rc == 0; i++) {
		snprintf(name, sizeof(name), "users/%s", oracle_users[i]);
		rc = file(&w, dir, name, below(&w, 6), true);
	}
	for (unsigned i = 0; i < DEVICE_CLASSES && rc == 0; i++) {
		snprintf(name, sizeof(name), "devices/%s", device_class_name((enum device_class)i));
		rc = file(&w, dir, name, below(&w, 3), false);
	}
	return rc;
}
