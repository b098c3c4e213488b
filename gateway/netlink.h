/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One question to the kernel over netlink(7), and its answers, with libmnl: a socket for each call, so that no call can read the
 * answer of another. Buffers are wiped, since WireGuard's answers hold keys.
 */
#ifndef SEKISHO_NETLINK_H
#define SEKISHO_NETLINK_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

enum { NETLINK_REQUEST_MAX = 1024 }; /* bytes: enough for every request of ours */

/*
 * Sends `request` (a dump, or anything else: then an acknowledgement is asked for) on `bus` (NETLINK_ROUTE, ...) and waits for
 * its end; `each` may be NULL and gets every data message, returning MNL_CB_OK, or MNL_CB_ERROR with errno.
 * 0 or -errno; -EINTR when what was dumped changed meanwhile: ask again; -ETIMEDOUT when the kernel says nothing for 10 s.
 */
int netlink_ask(int bus, struct nlmsghdr *request, mnl_cb_t each, void *arg);

/* The id of a generic netlink family. 0, or -ENOENT when the kernel does not have it, -errno. */
int netlink_family(const char *name, uint16_t *out);

/*
 * Sorts the attributes of a message, after a header of `offset` bytes, or of a nest, into `table` by their type (`size` entries;
 * higher types are left out, the last of several stays). Entries for absent ones are NULL. The bounds are checked, the contents
 * are not: use netlink_u32(), netlink_text() and netlink_bytes() on them.
 */
void netlink_attributes(const struct nlmsghdr *nlh, size_t offset, const struct nlattr **table, size_t size);
void netlink_nested(const struct nlattr *nest, const struct nlattr **table, size_t size);

/* The value of an attribute; 0, "" or NULL when it is absent (NULL) or not of that form. */
uint64_t netlink_u64(const struct nlattr *a);
uint32_t netlink_u32(const struct nlattr *a);
uint16_t netlink_u16(const struct nlattr *a);
const char *netlink_text(const struct nlattr *a);
const void *netlink_bytes(const struct nlattr *a, size_t exactly);

#endif
