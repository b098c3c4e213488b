/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/flow.h"

#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "gateway/firewall.h"
#include "gateway/flow_internal.h"
#include "gateway/flow_settings.h"

enum {
	RECEIVE_BUFFER = 32 << 20, /* only taken when needed; the kernel doubles it (socket(7)) */
	SOCKET_EVENTS_MAX = 2 * RECEIVE_BUFFER / 256, /* no event takes as little: so many are never in the buffer */
};

/* --- the socket --- */

/*
 * The kernel hands us only entries with a session's mark: the others are the host's own business, and many. A kernel without
 * socket filters sends all, which flow_entry_read() sorts out.
 */
static void attach_filter(int fd)
{
	struct nfct_filter *filter = nfct_filter_create();
	struct nfct_filter_dump_mark none = {.val = 0, .mask = ~(uint32_t)0 << PROFILE_BITS};

	if (!filter)
		return;
	nfct_filter_add_attr(filter, NFCT_FILTER_MARK, &none);
	nfct_filter_set_logic(filter, NFCT_FILTER_MARK, NFCT_FILTER_LOGIC_NEGATIVE);
	(void)nfct_filter_attach(fd, filter);
	nfct_filter_destroy(filter);
}

/* Reads of a full socket fail with ENOBUFS; of no interest where nothing is lost by it. */
static int tell_overruns(struct flow *f, bool tell)
{
	int quiet = !tell;

	return mnl_socket_setsockopt(f->socket, NETLINK_NO_ENOBUFS, &quiet, sizeof quiet) < 0 ? -errno : 0;
}

static int open_own(struct flow *f)
{
	int size = RECEIVE_BUFFER, on = 1, fd;

	f->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!f->socket)
		return -errno;
	fd = mnl_socket_get_fd(f->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) < 0)
		return -errno;
	if (mnl_socket_setsockopt(f->socket, NETLINK_BROADCAST_ERROR, &on, sizeof on) < 0)
		return -errno;
	attach_filter(fd);
	return mnl_socket_bind(f->socket, NF_NETLINK_CONNTRACK_DESTROY, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

/* A number that no other network namespace has (socket(7)); 0 when there is none. */
static uint64_t namespace_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof cookie;

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0 ? 0 : cookie;
}

/* A socket that an earlier run opened as above, in this namespace? */
static bool is_ours(int fd)
{
	struct sockaddr_nl name = {0};
	socklen_t size = sizeof name;
	int protocol = -1;
	socklen_t protocol_size = sizeof protocol;
	int here = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool same = here >= 0 && namespace_of(here) && namespace_of(here) == namespace_of(fd);

	if (here >= 0)
		close(here);
	return same && getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_size) == 0 && protocol == NETLINK_NETFILTER &&
	       getsockname(fd, (struct sockaddr *)&name, &size) == 0 && name.nl_family == AF_NETLINK &&
	       (name.nl_groups & NF_NETLINK_CONNTRACK_DESTROY);
}

static int start(struct flow *f, int inherited)
{
	int r;

	if (inherited >= 0 && is_ours(inherited))
		f->socket = mnl_socket_fdopen(inherited);
	f->inherited = f->socket != NULL;
	if (!f->inherited && inherited >= 0)
		close(inherited);
	r = f->inherited ? 0 : open_own(f);
	return r ? r : tell_overruns(f, false);
}

int flow_open(const struct flow_sink *sink, int inherited, struct flow **out, char *why, size_t why_size)
{
	int ret = flow_settings(why, why_size);
	struct flow *f = ret ? NULL : calloc(1, sizeof *f);

	if (!f) {
		if (inherited >= 0)
			close(inherited);
		if (!ret)
			snprintf(why, why_size, "connection tracking events: out of memory");
		return ret ? ret : -ENOMEM;
	}
	f->sink = *sink;
	ret = start(f, inherited);
	if (ret) {
		snprintf(why, why_size, "connection tracking events: %s%s", strerror(-ret),
			ret == -EPERM ? "; start the gateway with CAP_NET_ADMIN" : "; load the module nf_conntrack_netlink");
		flow_close(f);
		return ret;
	}
	*out = f;
	return 0;
}

void flow_close(struct flow *f)
{
	if (!f)
		return;
	if (f->socket)
		mnl_socket_close(f->socket);
	flow_known_free(f->known);
	free(f);
}

int flow_fd(const struct flow *f)
{
	return mnl_socket_get_fd(f->socket);
}

bool flow_inherited(const struct flow *f)
{
	return f->inherited;
}

/* --- reading --- */

void flow_begun(struct flow *f, const struct flow_record *r)
{
	/* One that finds no room is counted as missed at its end. */
	if (f->watching && flow_known_add(f->known, flow_key(r)) == 1)
		f->sink.opened(r, f->sink.arg);
}

/* Its end is the proof that its beginning was missed. */
static void note_end(struct flow *f, const struct flow_record *r)
{
	struct flow_loss *l = &f->loss;

	if (f->left)
		(void)flow_known_remove(f->left, flow_key(r));
	if (!f->watching || flow_known_remove(f->known, flow_key(r)) || r->start < f->since)
		return;
	l->from = l->count && l->from < r->start ? l->from : r->start;
	l->to = l->count && l->to > r->start ? l->to : r->start;
	l->count++;
}

static int event_each(const struct nlmsghdr *nlh, void *arg)
{
	struct flow *f = arg;
	struct flow_record r;

	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_CTNETLINK || flow_entry_read(nlh, &r) != 1)
		return MNL_CB_OK;
	if (NFNL_MSG_TYPE(nlh->nlmsg_type) == IPCTNL_MSG_CT_NEW) {
		flow_begun(f, &r);
	} else if (NFNL_MSG_TYPE(nlh->nlmsg_type) == IPCTNL_MSG_CT_DELETE) {
		f->records++;
		note_end(f, &r);
		f->sink.closed(&r, f->sink.arg);
	}
	return MNL_CB_OK;
}

/* How many datagrams were read, or -errno. */
static int read_some(struct flow *f, unsigned batches)
{
	unsigned done = 0;

	f->records = 0;
	while (done < batches) {
		ssize_t size = recv(flow_fd(f), f->buffer, sizeof f->buffer, MSG_DONTWAIT);
		if (size < 0 && errno == ENOBUFS) {
			f->missed = true;
			continue;
		}
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (size < 0)
			return -errno;
		mnl_cb_run(f->buffer, (size_t)size, 0, 0, event_each, f);
		done++;
	}
	return (int)done;
}

int flow_read(struct flow *f, unsigned batches)
{
	int n = read_some(f, batches);

	return n < 0 ? n : (int)f->records;
}

int flow_drain(struct flow *f)
{
	int n = read_some(f, SOCKET_EVENTS_MAX);

	return n < 0 ? n : 0;
}

/* --- beginnings --- */

static int watch(struct flow *f)
{
	int group = NFNLGRP_CONNTRACK_NEW;
	int r;

	f->known = flow_known_new();
	if (!f->known)
		return -ENOMEM;
	f->since = time_now();
	r = tell_overruns(f, true);
	if (!r && mnl_socket_setsockopt(f->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
		r = -errno;
	f->watching = !r;
	return r;
}

int flow_watch(struct flow *f, bool openings)
{
	int group = NFNLGRP_CONNTRACK_NEW, r = 0;

	if (openings && f->watching)
		return 0;
	if (openings)
		r = watch(f);
	if (openings && !r)
		return 0;
	/* Also what an earlier run has left on. */
	(void)mnl_socket_setsockopt(f->socket, NETLINK_DROP_MEMBERSHIP, &group, sizeof group);
	(void)tell_overruns(f, false);
	flow_known_free(f->known);
	f->known = NULL;
	f->watching = f->missed = false;
	return r;
}

static void announce(const struct flow_record *r, void *arg)
{
	struct flow *f = arg;

	if (r->start >= f->since)
		flow_begun(f, r);
}

int flow_resync(struct flow *f)
{
	int r;

	if (!f->missed || !f->watching)
		return 0;
	f->missed = false;
	/* First what is in the socket: an end that was reported must not follow its beginning. */
	r = flow_drain(f);
	if (!r)
		r = flow_each(f, 0, announce, f);
	f->missed = f->missed || r < 0;
	return r;
}

bool flow_lost(struct flow *f, struct flow_loss *out)
{
	if (!f->loss.count)
		return false;
	*out = f->loss;
	f->loss = (struct flow_loss){0};
	return true;
}
