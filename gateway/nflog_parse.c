/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The IP packet inside an NFLOG message: written by a stranger, and cut off anywhere. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

#include "gateway/nflog.h"

enum { UDP_HEADER = 8, EXTENSIONS_MAX = 16, FRAGMENT_OFFSET_4 = 0x1fff, FRAGMENT_OFFSET_6 = 0xfff8 };

/* What is left of the captured bytes. */
struct rest {
	const uint8_t *data;
	size_t size;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* By way of a sockaddr, so that an IPv4-mapped address takes its one form (common/addr.h). */
static void set_address(struct addr *a, int family, const uint8_t *bytes)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct endpoint e = {0};

	if (family == AF_INET) {
		memcpy(&v4.sin_addr, bytes, sizeof v4.sin_addr);
		endpoint_from_sockaddr((const struct sockaddr *)&v4, sizeof v4, &e);
	} else {
		memcpy(&v6.sin6_addr, bytes, sizeof v6.sin6_addr);
		endpoint_from_sockaddr((const struct sockaddr *)&v6, sizeof v6, &e);
	}
	*a = e.addr;
}

/* Ports, and what UDP carries. A header that is cut off leaves them zero: who sent what kind of packet is still worth knowing. */
static void parse_transport(struct rest r, struct nflog_packet *p)
{
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP && p->proto != IPPROTO_SCTP && p->proto != IPPROTO_DCCP &&
		p->proto != IPPROTO_UDPLITE)
		return;
	if (r.size < 4)
		return;
	p->source.port = get16(r.data);
	p->destination.port = get16(r.data + 2);
	if (p->proto != IPPROTO_UDP || r.size < UDP_HEADER)
		return;
	size_t length = get16(r.data + 4);
	if (length < UDP_HEADER)
		return;
	p->payload = r.data + UDP_HEADER;
	p->payload_size = (length < r.size ? length : r.size) - UDP_HEADER;
}

static int parse_v4(struct rest r, struct nflog_packet *p)
{
	size_t header = r.size ? (size_t)(r.data[0] & 0x0f) * 4 : 0;

	if (header < sizeof(struct iphdr) || r.size < header)
		return -EBADMSG;
	p->length = get16(r.data + 2);
	if (p->length < header)
		return -EBADMSG;
	p->proto = r.data[9];
	set_address(&p->source.addr, AF_INET, r.data + 12);
	set_address(&p->destination.addr, AF_INET, r.data + 16);
	if (r.size > p->length)
		r.size = p->length;
	if (!(get16(r.data + 6) & FRAGMENT_OFFSET_4)) /* only the first fragment has the transport header */
		parse_transport((struct rest){r.data + header, r.size - header}, p);
	return 0;
}

/* Steps over one extension header (RFC 8200 section 4). Its size; 0 when `proto` is none, or it is cut off. */
static size_t extension_size(uint8_t proto, struct rest r)
{
	size_t size;

	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
		size = r.size < 2 ? 0 : 8 * ((size_t)r.data[1] + 1);
		break;
	case IPPROTO_FRAGMENT:
		size = sizeof(struct ip6_frag);
		break;
	case IPPROTO_AH: /* in units of four, less two (RFC 4302 section 2.2) */
		size = r.size < 2 ? 0 : 4 * ((size_t)r.data[1] + 2);
		break;
	default:
		size = 0;
		break;
	}
	return size >= 8 && size <= r.size ? size : 0;
}

static int parse_v6(struct rest r, struct nflog_packet *p)
{
	size_t size = 0;

	if (r.size < sizeof(struct ip6_hdr))
		return -EBADMSG;
	p->length = sizeof(struct ip6_hdr) + get16(r.data + 4);
	p->proto = r.data[6];
	set_address(&p->source.addr, AF_INET6, r.data + 8);
	set_address(&p->destination.addr, AF_INET6, r.data + 24);
	if (r.size > p->length)
		r.size = p->length;
	r.data += sizeof(struct ip6_hdr);
	r.size -= sizeof(struct ip6_hdr);
	for (int i = 0; i < EXTENSIONS_MAX && (size = extension_size(p->proto, r)); i++) {
		bool later = p->proto == IPPROTO_FRAGMENT && (get16(r.data + 2) & FRAGMENT_OFFSET_6);
		p->proto = r.data[0];
		if (later) /* no transport header, and what follows is no extension header either */
			return 0;
		r.data += size;
		r.size -= size;
	}
	parse_transport(r, p);
	return 0;
}

int nflog_parse(const uint8_t *data, size_t size, struct nflog_packet *out)
{
	struct nflog_packet p = {.prefix = out->prefix};
	struct rest r = {data, size};
	int ret = -EBADMSG;

	if (size && data[0] >> 4 == 4)
		ret = parse_v4(r, &p);
	else if (size && data[0] >> 4 == 6)
		ret = parse_v6(r, &p);
	if (!ret)
		*out = p;
	return ret;
}
