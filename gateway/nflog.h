/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets that the firewall copies to us over NFLOG (linux/netfilter/nfnetlink_log.h, with libmnl): knocks and refusals. Each
 * group is one socket for the event loop; reading is bounded per call, and what the kernel had to drop is counted by its sequence
 * numbers.
 */
#ifndef SEKISHO_NFLOG_H
#define SEKISHO_NFLOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct nflog;

struct nflog_packet {
	const char *prefix; /* FIREWALL_LOG_*, or "" */
	struct endpoint source, destination; /* ports 0 where the protocol has none (icmp: 0) */
	uint8_t proto; /* IP protocol number after extension headers; of the extension header that is cut off, if one is */
	const uint8_t *payload; /* after the UDP header; NULL unless UDP */
	size_t payload_size;
	size_t length; /* of the whole IP packet as its header says */
};

/* Binds one group with `snaplen` bytes a packet and a receive buffer of `buffer` bytes. `each` is called by nflog_read().
 * 0 or -errno with `why`. */
int nflog_open(uint16_t group, uint32_t snaplen, int buffer, void (*each)(const struct nflog_packet *p, void *arg), void *arg,
	struct nflog **out, char *why, size_t why_size);
void nflog_close(struct nflog *n);
int nflog_fd(const struct nflog *n);

/* Handles at most `batches` datagrams that are ready now. Number of packets, or -errno other than EAGAIN. */
int nflog_read(struct nflog *n, unsigned batches);

/* Packets that the kernel could not deliver since the last call. */
uint64_t nflog_lost(struct nflog *n);

/* Parses one IP packet as NFLOG copies it (no link header). 0 or -EBADMSG. `out->prefix` is left alone. Pure: for tests. */
int nflog_parse(const uint8_t *data, size_t size, struct nflog_packet *out);

#endif
