/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections of phones as conntrack sees them (ctnetlink, linux/netfilter/nfnetlink_conntrack.h): the kernel reports the end of
 * each flow with both directions' bytes and packets. Only flows with a session mark are looked at. Ending a session deletes its
 * entries by mark, which also closes their records.
 *
 * No end is lost while the socket is open: one that finds its buffer full is kept by the kernel among the dying entries, where it
 * still counts for nf_conntrack_max, and is reported again (netlink(7), NETLINK_BROADCAST_ERROR). Beginnings are not kept so;
 * what was missed of them is found out and counted.
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
	uint32_t id; /* the kernel's, of this entry; two that follow each other with the same ends have different ones */
	uint8_t proto;
	struct endpoint source, destination; /* as the phone sent the first packet; ICMP: ports are 0 */
	uint64_t source_bytes, source_packets, destination_bytes, destination_packets;
	int64_t start, end; /* microseconds since the epoch; an open one's end is now */
};

/* What the reader calls; neither may call the reader. */
struct flow_sink {
	void (*closed)(const struct flow_record *r, void *arg);
	void (*opened)(const struct flow_record *r, void *arg); /* after flow_watch(); without traffic */
	void *arg;
};

/*
 * Goes on with the socket `inherited` (taken over in any case; -1: there is none) if that is one of ours of this network
 * namespace: then ends since it was opened are read from it. Else opens one. Also switches on nf_conntrack_acct, -timestamp and
 * -events in the namespace if it may; `why` says when they are off and it may not. 0 or -errno.
 */
int flow_open(const struct flow_sink *sink, int inherited, struct flow **out, char *why, size_t why_size);
void flow_close(struct flow *f);
int flow_fd(const struct flow *f);
bool flow_inherited(const struct flow *f);

/* Handles at most `batches` datagrams, of one event each, that are ready now. Number of ends, or -errno other than EAGAIN. */
int flow_read(struct flow *f, unsigned batches);

/* Handles everything that has ended by now, also what the kernel keeps to report it again. 0 or -errno; -ETIMEDOUT: so many that
 * some records come later, through flow_read(). */
int flow_settle(struct flow *f);

/* Deletes all entries of a session, then handles the records that this makes, so that on return the session's totals are
 * complete. As flow_settle(). */
int flow_end(struct flow *f, uint32_t serial);

/*
 * Closes every open flow, of any session, for which `gone` says so: its entry is deleted, and its record is handled before this
 * returns. Its next packet is a new flow's, which the firewall judges. `gone` may not close anything itself. As flow_settle().
 */
int flow_cut(struct flow *f, bool (*gone)(const struct flow_record *r, void *arg), void *arg);

/* Reports every open flow of the session (0: of any) as if it ended now, without touching it. 0 or -errno. */
int flow_each(struct flow *f, uint32_t serial, void (*each)(const struct flow_record *r, void *arg), void *arg);

/* ---- beginnings ---- */

/* From now on (or no more) reports flows that begin. 0 or -errno: as before. */
int flow_watch(struct flow *f, bool openings);

/* After the kernel dropped some: reports those that are still open, late. To be called from a timer. 0 or -errno: later. */
int flow_resync(struct flow *f);

/* Flows that have begun and ended without being reported as begun, since the last call. False: none. */
struct flow_loss {
	uint64_t count;
	int64_t from, to; /* when the first and the last of them began */
};
bool flow_lost(struct flow *f, struct flow_loss *out);

#endif
