/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The differential oracle: what the kernel's ruleset does to real packets against what policy_decide() says about them.
 *   oracle.c         the rounds, and what is compared
 *   oracle_text.c    random sets of ACL files, and the edges of everything in them
 *   oracle_wire.c    packets into and out of two network namespaces
 * All randomness comes from one seed.
 */
#ifndef SEKISHO_TESTS_ORACLE_H
#define SEKISHO_TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "config/policy.h"

/* ---- random numbers: splitmix64 ---- */

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0..below-1 */
static inline unsigned random_below(uint64_t *state, unsigned below)
{
	return (unsigned)(random_next(state) % below);
}

/* ---- sets of files ---- */

enum { EDGES_MAX = 4096, GROUPS = 3, USERS = 3 };

extern const char *const oracle_groups[GROUPS], *const oracle_users[USERS];

/* First and last of all address and port ranges that the files name. */
struct edges {
	struct addr addresses[EDGES_MAX];
	uint16_t ports[EDGES_MAX];
	unsigned address_count, port_count;
};

/* Writes a set into a folder, whose old contents it replaces. 0 or -errno. */
int text_write(const char *dir, uint64_t *state, struct edges *edges);

/* ---- packets ---- */

struct probe {
	struct addr phone;
	struct target target; /* port: of TCP and UDP */
	uint16_t source_port; /* TCP and UDP; the identifier of ICMP */
};

struct wire {
	int fd;
	uint8_t header[14]; /* Ethernet: to the gateway */
};

enum { PACKET_MAX = 128 };

/* Opens `interface` in a namespace; `peer` is the gateway's end of it, in our own. 0 or -errno. */
int wire_open(const char *netns, const char *interface, const char *peer, struct wire *out);

/* Sends the probe, or (`answer`) what its destination would answer, under a number. */
int wire_send(const struct wire *w, const struct probe *p, bool answer, uint32_t number);

/* The next packet of ours that came out: 1 and its number, 0 when there is none now, -errno. Refusals are passed over. */
int wire_receive(const struct wire *w, uint32_t *number);

#endif
