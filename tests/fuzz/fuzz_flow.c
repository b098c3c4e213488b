/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A conntrack entry as netlink attributes, cut and nested in any way: what is taken is of a session and has two ends. */
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/flow_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow_record r = {0};
	const size_t length = sizeof(struct nlmsghdr) + size;

	/* mnl_cb_run(3) hands on no message that is shorter than its header. */
	if (size < sizeof(struct nfgenmsg) || length > FLOW_DATAGRAM_MAX)
		return 0;
	struct nlmsghdr *nlh = calloc(1, length);
	if (!nlh)
		abort();
	nlh->nlmsg_len = (uint32_t)length;
	memcpy(mnl_nlmsg_get_payload(nlh), data, size);
	const int taken = flow_entry_read(nlh, &r);
	if (taken == 1 && (!r.serial || !r.source.addr.family || !r.destination.addr.family))
		abort();
	if (taken != 1 && (r.serial || r.source.addr.family))
		abort(); /* an output in spite of the refusal */
	free(nlh);
	return 0;
}
