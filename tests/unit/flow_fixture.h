/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conversations over loopback, and what flow.h tells of them. One test program only: its variables are static. */
#ifndef SEKISHO_TESTS_FLOW_FIXTURE_H
#define SEKISHO_TESTS_FLOW_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>

#include "common/text.h"
#include "gateway/flow.h"
#include "gateway/flow_known.h"
#include "gateway/flow_left.h"
#include "tests/unit/namespace.h"

enum { DEADLINE_USEC = 30 * 1000000 };

/* Marks as the firewall sets them: serial << 12 | profile. */
static const char ruleset[] = "table inet t {\n"
			      "chain in { type filter hook input priority 0; ct state established accept; }\n"
			      "chain out {\n"
			      "type filter hook output priority 0;\n"
			      "ct direction reply accept\n"
			      "udp dport 5001 ct mark set 0x5001\n"
			      "udp dport 5002 ct mark set 0x5002\n"
			      "udp dport 6001 ct mark set 0x6001\n"
			      "udp dport 7001 ct mark set 0x7\n"
			      "tcp dport 5443 ct mark set 0x5001\n"
			      "udp dport 20000-59999 ct mark set 0x9001\n"
			      "meta l4proto { 1, 58 } ct mark set 0x5003\n"
			      "}\n}\n";

struct seen {
	unsigned count;
	struct flow_record last[64];
};

static struct seen seen, begun;
static struct flow *flow;

static inline void closed(const struct flow_record *r, void *arg)
{
	struct seen *s = arg;

	if (s->count < 64)
		s->last[s->count] = *r;
	s->count++;
}

static inline void opened(const struct flow_record *r, void *arg)
{
	(void)arg;
	closed(r, &begun);
}

static const struct flow_sink sink = {.closed = closed, .opened = opened, .arg = &seen};

static inline int udp(const char *address, uint16_t port, struct sockaddr_storage *ss, socklen_t *size)
{
	struct endpoint e = {.port = port};

	assert_int_equal(addr_parse(address, &e.addr), 0);
	*size = endpoint_to_sockaddr(&e, ss);
	int fd = socket(ss->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	return fd;
}

/* A conversation: `there` datagrams of 100 bytes, and `back` of 50. Returns the client's port. */
static inline uint16_t talk(const char *address, uint16_t port, unsigned there, unsigned back)
{
	static const char zeros[100];
	struct sockaddr_storage ss, from;
	struct endpoint e;
	char got[128];
	socklen_t size;
	int server = udp(address, port, &ss, &size), client = udp(address, port, &ss, &size);

	assert_int_equal(bind(server, (struct sockaddr *)&ss, size), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&ss, size), 0);
	for (unsigned i = 0; i < there; i++)
		assert_int_equal(send(client, zeros, 100, 0), 100);
	for (unsigned i = 0; i < there; i++) {
		size = sizeof from;
		assert_int_equal(recvfrom(server, got, sizeof got, 0, (struct sockaddr *)&from, &size), 100);
	}
	assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&from, size, &e), 0);
	for (unsigned i = 0; i < back; i++)
		assert_int_equal(sendto(server, zeros, 50, 0, (struct sockaddr *)&from, size), 50);
	close(client);
	close(server);
	return e.port;
}

static inline const struct flow_record *record(uint8_t proto, const char *destination)
{
	char text[ENDPOINT_TEXT];

	for (unsigned i = 0; i < seen.count && i < 64; i++)
		if (seen.last[i].proto == proto && strcmp(endpoint_format(&seen.last[i].destination, text), destination) == 0)
			return &seen.last[i];
	fail_msg("no record of %s", destination);
	return NULL;
}

static inline unsigned open_flows(uint32_t serial)
{
	struct seen open = {0};

	assert_int_equal(flow_each(flow, serial, closed, &open), 0);
	return open.count;
}

static inline bool quiet(void)
{
	struct pollfd p = {.fd = flow_fd(flow), .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

static inline int sysctl_value(const char *name)
{
	char path[128], value[16] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/sys/net/netfilter/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(value, sizeof value, f));
	fclose(f);
	return atoi(value);
}

#endif
