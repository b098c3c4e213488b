/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections of phones as conntrack sees them (libnetfilter_conntrack over libmnl): the kernel reports the end of each flow
 * with both directions' bytes and packets. Only flows with a session mark are looked at. Ending a session deletes its entries by
 * mark, which also closes their records.
 */
#ifndef SEKISHO_FLOW_H
#define SEKISHO_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct flow; /* the reader */

struct flow_record {
	uint32_t serial; /* session, from the mark */
	uint8_t proto;
	struct endpoint source, destination; /* as the phone sent the first packet; ICMP: ports are 0 */
	uint64_t source_bytes, source_packets, destination_bytes, destination_packets;
	int64_t start, end; /* microseconds since the epoch */
};

/* Also switches on nf_conntrack_acct and nf_conntrack_timestamp in the current namespace if it may; `why` says when they are off
 * and it may not. 0 or -errno. */
int flow_open(void (*closed)(const struct flow_record *r, void *arg), void *arg, struct flow **out, char *why, size_t why_size);
void flow_close(struct flow *f);
int flow_fd(const struct flow *f);

/* Handles at most `batches` datagrams that are ready now. Number of records, or -errno other than EAGAIN. */
int flow_read(struct flow *f, unsigned batches);

/* How often the kernel had to drop events (ENOBUFS) since the last call. */
uint64_t flow_overruns(struct flow *f);

/* Deletes all entries of a session, then handles the records that this makes, so that on return the session's totals are
 * complete. 0 or -errno; -ETIMEDOUT: so many that some records come later, through flow_read(). */
int flow_end(struct flow *f, uint32_t serial);

/*
 * Closes every open flow, of any session, for which `gone` says so: its entry is deleted, and its record is handled before this
 * returns. Its next packet is a new flow's, which the firewall judges. `gone` may not close anything itself. As flow_end().
 */
int flow_cut(struct flow *f, bool (*gone)(const struct flow_record *r, void *arg), void *arg);

/* Reports every open flow of the session as if it ended now, without touching it (for totals while it lives). 0 or -errno. */
int flow_each(struct flow *f, uint32_t serial, void (*each)(const struct flow_record *r, void *arg), void *arg);

#endif
