/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A packet's destination in words, as commands take it. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "config/lexer.h"
#include "config/policy.h"

enum port_need { PORT_NONE, PORT_MAY, PORT_MUST };

/* Protocols whose headers begin with source and destination port, as TCP's do. */
static enum port_need port_need(unsigned proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return PORT_MUST;
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		return PORT_MAY;
	default:
		return PORT_NONE;
	}
}

static bool parse_proto(const char *word, const struct addr *a, unsigned *out)
{
	if (!strcmp(word, "tcp"))
		*out = IPPROTO_TCP;
	else if (!strcmp(word, "udp"))
		*out = IPPROTO_UDP;
	else if (!strcmp(word, "icmp"))
		*out = a->family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	else
		return word_number(word, strlen(word), UINT8_MAX, out);
	return true;
}

int target_parse(const char *proto, const char *port, const char *address, struct target *out, char *why, size_t why_size)
{
	struct target t = {0};
	unsigned number = 0, protocol = 0;
	char shown[80];

	if (addr_parse(address, &t.addr) < 0) {
		snprintf(why, why_size, "'%s' is not an address; expected one like 10.20.0.10 or 2001:db8::5",
			text_safe(address, shown, sizeof shown));
		return -EINVAL;
	}
	if (!parse_proto(proto, &t.addr, &protocol)) {
		snprintf(why, why_size, "'%s' is not a protocol; expected tcp, udp, icmp or a number from 0 to 255",
			text_safe(proto, shown, sizeof shown));
		return -EINVAL;
	}
	t.proto = (uint8_t)protocol;
	const enum port_need need = port_need(protocol);
	const bool given = port && *port;
	if (given && need == PORT_NONE) {
		snprintf(why, why_size, "protocol %s has no ports; leave the port out", text_safe(proto, shown, sizeof shown));
		return -EINVAL;
	}
	if (!given && need == PORT_MUST) {
		snprintf(why, why_size, "%s needs a port before the address, from 1 to 65535",
			text_safe(proto, shown, sizeof shown));
		return -EINVAL;
	}
	if (given && (!word_number(port, strlen(port), UINT16_MAX, &number) || number == 0)) {
		snprintf(why, why_size, "'%s' is not a port; expected a number from 1 to 65535",
			text_safe(port, shown, sizeof shown));
		return -EINVAL;
	}
	t.port = (uint16_t)number;
	*out = t;
	return 0;
}
