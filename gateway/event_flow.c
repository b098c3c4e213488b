/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A flow's addresses, ports and protocol, and its Community ID, by which other sensors' records of the same flow are found:
 * https://github.com/corelight/community-id-spec, version 1, seed 0.
 */
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "gateway/event_internal.h"

enum { SHA1_SIZE = 20, HASHED_MAX = 2 + 2 * 16 + 2 + 2 * 2 };

bool event_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* The type that answers an ICMP type, as Zeek pairs them and the specification takes over from it; -1 for one-way types. */
static int icmp_answer(uint8_t proto, uint16_t type)
{
	static const struct {
		uint8_t proto, ask, answer;
	} pairs[] = {
		{IPPROTO_ICMP, 8, 0}, /* echo */
		{IPPROTO_ICMP, 13, 14}, /* timestamp */
		{IPPROTO_ICMP, 15, 16}, /* information */
		{IPPROTO_ICMP, 10, 9}, /* router */
		{IPPROTO_ICMP, 17, 18}, /* address mask */
		{IPPROTO_ICMPV6, 128, 129}, /* echo */
		{IPPROTO_ICMPV6, 133, 134}, /* router */
		{IPPROTO_ICMPV6, 135, 136}, /* neighbour */
		{IPPROTO_ICMPV6, 130, 131}, /* multicast listener */
		{IPPROTO_ICMPV6, 139, 140}, /* node information */
		{IPPROTO_ICMPV6, 144, 145}, /* home agent */
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if (pairs[i].proto == proto && pairs[i].ask == type)
			return pairs[i].answer;
		if (pairs[i].proto == proto && pairs[i].answer == type)
			return pairs[i].ask;
	}
	return -1;
}

static size_t put_bytes(uint8_t *to, size_t used, const void *from, size_t size)
{
	memcpy(to + used, from, size);
	return used + size;
}

static size_t put_port(uint8_t *to, size_t used, uint16_t port)
{
	to[used] = (uint8_t)(port >> 8);
	to[used + 1] = (uint8_t)port;
	return used + 2;
}

/* Looking the algorithm up takes longer than the sum itself: once for all. */
static bool sha1(const void *data, size_t size, uint8_t hash[static SHA1_SIZE])
{
	static EVP_MD *algorithm;
	static EVP_MD_CTX *context;
	if (!algorithm)
		algorithm = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (!context)
		context = EVP_MD_CTX_new();
	return algorithm && context && EVP_DigestInit_ex2(context, algorithm, NULL) == 1 &&
	       EVP_DigestUpdate(context, data, size) == 1 && EVP_DigestFinal_ex(context, hash, NULL) == 1;
}

bool event_community_id(
	uint8_t proto, const struct endpoint *source, const struct endpoint *destination, char text[static COMMUNITY_ID_TEXT])
{
	/* Without its type the ID of an ICMP flow would be another flow's. */
	if ((is_icmp(proto) && !source->port && !destination->port) || source->addr.family != destination->addr.family)
		return false;
	struct endpoint a = *source, b = *destination;
	bool one_way = false;
	if (is_icmp(proto)) {
		int answer = icmp_answer(proto, a.port);
		one_way = answer < 0;
		if (!one_way)
			b.port = (uint16_t)answer;
	}
	int order = addr_compare(&a.addr, &b.addr);
	if (!one_way && (order > 0 || (order == 0 && a.port > b.port))) {
		struct endpoint swap = a;
		a = b;
		b = swap;
	}
	uint8_t data[HASHED_MAX] = {0}, hash[SHA1_SIZE];
	const uint8_t protocol[2] = {proto, 0};
	size_t used = 2; /* the seed, 0 */
	used = put_bytes(data, used, a.addr.bytes, addr_size(&a.addr));
	used = put_bytes(data, used, b.addr.bytes, addr_size(&b.addr));
	used = put_bytes(data, used, protocol, sizeof protocol);
	if (event_has_ports(proto) || is_icmp(proto)) {
		used = put_port(data, used, a.port);
		used = put_port(data, used, b.port);
	}
	if (!sha1(data, used, hash))
		return false;
	text[0] = '1';
	text[1] = ':';
	EVP_EncodeBlock((unsigned char *)text + 2, hash, sizeof hash);
	return true;
}

const char *event_transport(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "ipv6-icmp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		return NULL;
	}
}

void event_flow(json_t *e, uint8_t proto, const struct endpoint *source, const struct endpoint *destination)
{
	char number[4], id[COMMUNITY_ID_TEXT];
	snprintf(number, sizeof number, "%u", proto);
	event_text(e, "network.transport", event_transport(proto));
	event_text(e, "network.iana_number", number);
	event_text(e, "network.type", source->addr.family == 4 ? "ipv4" : "ipv6");
	event_address(e, "source.ip", &source->addr);
	event_address(e, "destination.ip", &destination->addr);
	if (event_has_ports(proto)) {
		event_number(e, "source.port", source->port);
		event_number(e, "destination.port", destination->port);
	}
	if (event_community_id(proto, source, destination, id))
		event_text(e, "network.community_id", id);
}
