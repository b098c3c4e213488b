/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What flow*.c share among themselves. */
#ifndef SEKISHO_FLOW_INTERNAL_H
#define SEKISHO_FLOW_INTERNAL_H

#include <libmnl/libmnl.h>

#include "gateway/flow.h"
#include "gateway/flow_known.h"
#include "gateway/netlink.h"

enum { FLOW_DATAGRAM_MAX = 65536 }; /* an event is one message of less than 1 KiB */

struct flow {
	struct mnl_socket *socket;
	bool inherited;
	struct flow_sink sink;
	unsigned records; /* in this flow_read() */
	bool watching;
	bool missed; /* the kernel dropped something since the last flow_resync() */
	int64_t since; /* beginnings are reported from this instant on */
	struct flow_known *known; /* flows that were reported as begun and have not ended; NULL unless watching */
	struct flow_loss loss;
	struct flow_known *left; /* during flow_left_save(): open when it looked, and not reported as ended since */
	uint8_t buffer[FLOW_DATAGRAM_MAX];
};

/* 1 with a record, 0 when the entry carries no session's mark, -EBADMSG. */
int flow_entry_read(const struct nlmsghdr *nlh, struct flow_record *out);

/* Deletes one entry by what the kernel said of it. Gone meanwhile is as good. 0 or -errno. */
int flow_entry_delete(const struct nlmsghdr *entry);

/* A message about all entries with a session's mark; 0: with any mark. Returns `buffer`. */
struct nlmsghdr *flow_entry_request(char buffer[static NETLINK_REQUEST_MAX], uint16_t type, uint16_t flags, uint32_t serial);

/* Everything that has been reported by now; not what comes while it reads. 0 or -errno. */
int flow_drain(struct flow *f);

/* Notes that a flow has begun, and reports it unless it is known. */
void flow_begun(struct flow *f, const struct flow_record *r);

#endif
