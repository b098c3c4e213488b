/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Internet addresses, prefixes and endpoints of either family in one plain value, so that IPv4 and IPv6 take the same
 * path through the program. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is turned into IPv4 wherever an
 * address enters, hence each address has one form only. Unused bytes are always zero: values may be compared bytewise.
 */
#ifndef SEKISHO_ADDR_H
#define SEKISHO_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDR_TEXT = 46, PREFIX_TEXT = 50, ENDPOINT_TEXT = 56 };

struct addr {
	uint8_t family; /* 4, 6, or 0 for 'none' */
	uint8_t bytes[16]; /* network order; IPv4 in the first four */
};

struct prefix {
	struct addr addr; /* host bits are zero */
	uint8_t bits; /* 0..32 or 0..128 */
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* host order; 0 for 'none' */
};

/* Number of address bytes of a family: 4, 16, or 0 for none. */
size_t addr_size(const struct addr *a);

/* From 4 or 16 bytes in network order, as packets and netlink carry them. 0, or -EINVAL for another size. */
int addr_from_bytes(const void *bytes, size_t size, struct addr *out);

/* Parses dotted quad or RFC 4291 text, no zone, no brackets. 0 or -EINVAL. */
int addr_parse(const char *text, struct addr *out);

/* Writes inet_ntop(3) form, or "none". Returns `text`. */
const char *addr_format(const struct addr *a, char text[static ADDR_TEXT]);

/* Orders by family, then bytewise. <0, 0, >0. */
int addr_compare(const struct addr *a, const struct addr *b);
bool addr_equal(const struct addr *a, const struct addr *b);

/* The address `n` after `base` in the same family. 0 or -ERANGE when it would wrap. */
int addr_add(const struct addr *base, uint64_t n, struct addr *out);

/* From a sockaddr_in or sockaddr_in6 of `len` bytes. 0 or -EAFNOSUPPORT. */
int endpoint_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct endpoint *out);

/* Fills `ss`, returns its length; 0 when the endpoint has no address. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss);

/* "192.0.2.1:51820" or "[2001:db8::1]:51820". 0 or -EINVAL (port 0 is refused). */
int endpoint_parse(const char *text, struct endpoint *out);
const char *endpoint_format(const struct endpoint *e, char text[static ENDPOINT_TEXT]);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* "10.0.0.0/8"; a bare address is a host prefix. 0, -EINVAL, or -EDOM when bits below the mask are set. */
int prefix_parse(const char *text, struct prefix *out);
const char *prefix_format(const struct prefix *p, char text[static PREFIX_TEXT]);
bool prefix_contains(const struct prefix *p, const struct addr *a);

/* First and last address of a prefix. */
void prefix_range(const struct prefix *p, struct addr *first, struct addr *last);

#endif
