/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

size_t addr_size(const struct addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

static bool mapped(const uint8_t bytes[16])
{
	static const uint8_t front[12] = {[10] = 0xff, [11] = 0xff};
	return !memcmp(bytes, front, sizeof front);
}

int addr_from_bytes(const void *bytes, size_t size, struct addr *out)
{
	if (size != 4 && size != 16)
		return -EINVAL;
	const uint8_t *b = bytes;
	struct addr a = {.family = size == 4 ? 4 : 6};
	if (size == 16 && mapped(b)) {
		a.family = 4;
		b += 12;
	}
	memcpy(a.bytes, b, addr_size(&a));
	*out = a;
	return 0;
}

int addr_parse(const char *text, struct addr *out)
{
	uint8_t bytes[16];
	if (inet_pton(AF_INET, text, bytes) == 1)
		return addr_from_bytes(bytes, 4, out);
	if (inet_pton(AF_INET6, text, bytes) == 1)
		return addr_from_bytes(bytes, 16, out);
	return -EINVAL;
}

const char *addr_format(const struct addr *a, char text[static ADDR_TEXT])
{
	size_t size = addr_size(a);
	if (!size || !inet_ntop(size == 4 ? AF_INET : AF_INET6, a->bytes, text, ADDR_TEXT))
		snprintf(text, ADDR_TEXT, "none");
	return text;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

int addr_add(const struct addr *base, uint64_t n, struct addr *out)
{
	struct addr a = *base;
	for (size_t i = addr_size(&a); i-- > 0 && n;) {
		/* The byte's carry is added to what is left of n, which is below 2^56 by then. */
		unsigned sum = a.bytes[i] + (unsigned)(n & 0xff);
		a.bytes[i] = (uint8_t)sum;
		n = (n >> 8) + (sum >> 8);
	}
	if (n)
		return -ERANGE;
	*out = a;
	return 0;
}

int endpoint_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct endpoint *out)
{
	struct endpoint e = {0};
	if (len >= sizeof(struct sockaddr_in) && sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof in);
		addr_from_bytes(&in.sin_addr, 4, &e.addr);
		e.port = ntohs(in.sin_port);
	} else if (len >= sizeof(struct sockaddr_in6) && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof in6);
		addr_from_bytes(&in6.sin6_addr, 16, &e.addr);
		e.port = ntohs(in6.sin6_port);
	} else {
		return -EAFNOSUPPORT;
	}
	*out = e;
	return 0;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof *ss);
	if (e->addr.family == 4) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
		memcpy(&in.sin_addr, e->addr.bytes, 4);
		memcpy(ss, &in, sizeof in);
		return sizeof in;
	}
	if (e->addr.family == 6) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
		memcpy(&in6.sin6_addr, e->addr.bytes, 16);
		memcpy(ss, &in6, sizeof in6);
		return sizeof in6;
	}
	return 0;
}

/* Decimal digits only, no sign, no leading zero, at most `max`: strtoul(3) takes more than that. */
static int number_parse(const char *text, unsigned long max, unsigned long *out)
{
	unsigned long n = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (unsigned long)(*text - '0');
		if (n > max)
			return -EINVAL;
	}
	*out = n;
	return 0;
}

/* Copies the `size` characters before a separator; false when they cannot be an address. */
static bool front_copy(const char *text, size_t size, char out[static ADDR_TEXT])
{
	if (size >= ADDR_TEXT)
		return false;
	memcpy(out, text, size);
	out[size] = '\0';
	return true;
}

int endpoint_parse(const char *text, struct endpoint *out)
{
	char host[ADDR_TEXT];
	struct endpoint e = {0};
	unsigned long port;
	bool brackets = text[0] == '[';
	const char *colon = brackets ? strstr(text, "]:") : strchr(text, ':');
	if (!colon)
		return -EINVAL;
	const char *start = text + brackets;
	const char *digits = colon + 1 + brackets;
	if (!front_copy(start, (size_t)(colon - start), host))
		return -EINVAL;
	if (brackets != (strchr(host, ':') != NULL) || addr_parse(host, &e.addr) < 0)
		return -EINVAL;
	if (number_parse(digits, UINT16_MAX, &port) < 0 || port == 0)
		return -EINVAL;
	e.port = (uint16_t)port;
	*out = e;
	return 0;
}

const char *endpoint_format(const struct endpoint *e, char text[static ENDPOINT_TEXT])
{
	char host[ADDR_TEXT];
	addr_format(&e->addr, host);
	if (e->addr.family == 0)
		snprintf(text, ENDPOINT_TEXT, "none");
	else
		snprintf(text, ENDPOINT_TEXT, e->addr.family == 6 ? "[%s]:%u" : "%s:%u", host, e->port);
	return text;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

/* The bits of byte `i` that belong to the host part of a prefix of `bits`. */
static uint8_t host_mask(size_t i, unsigned bits)
{
	if (bits >= 8 * (i + 1))
		return 0;
	return (uint8_t)(0xffu >> (bits <= 8 * i ? 0 : bits - 8 * i));
}

int prefix_parse(const char *text, struct prefix *out)
{
	char front[ADDR_TEXT];
	struct prefix p = {0};
	const char *slash = strchr(text, '/');
	if (!front_copy(text, slash ? (size_t)(slash - text) : strlen(text), front) || addr_parse(front, &p.addr) < 0)
		return -EINVAL;
	unsigned long most = strchr(front, ':') ? 128 : 32, bits = most;
	if (slash && number_parse(slash + 1, most, &bits) < 0)
		return -EINVAL;
	if (most == 128 && p.addr.family == 4) {
		/* An IPv4-mapped prefix is an IPv4 one; shorter than /96 it would have bits below its mask. */
		if (bits < 96)
			return -EDOM;
		bits -= 96;
	}
	p.bits = (uint8_t)bits;
	for (size_t i = 0; i < addr_size(&p.addr); i++)
		if (p.addr.bytes[i] & host_mask(i, p.bits))
			return -EDOM;
	*out = p;
	return 0;
}

const char *prefix_format(const struct prefix *p, char text[static PREFIX_TEXT])
{
	char front[ADDR_TEXT];
	addr_format(&p->addr, front);
	if (p->addr.family == 0)
		snprintf(text, PREFIX_TEXT, "none");
	else
		snprintf(text, PREFIX_TEXT, "%s/%u", front, p->bits);
	return text;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	if (p->addr.family != a->family || a->family == 0)
		return false;
	for (size_t i = 0; i < addr_size(a); i++)
		if ((p->addr.bytes[i] ^ a->bytes[i]) & ~host_mask(i, p->bits) & 0xff)
			return false;
	return true;
}

void prefix_range(const struct prefix *p, struct addr *first, struct addr *last)
{
	struct addr end = p->addr;
	for (size_t i = 0; i < addr_size(&end); i++)
		end.bytes[i] |= host_mask(i, p->bits);
	*first = p->addr;
	*last = end;
}
