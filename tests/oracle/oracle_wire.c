/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/oracle/oracle.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Every packet ends with a word of ours and its number. */
enum { TAIL = 8, SEQUENCE = 1000, RECEIVE_BUFFER = 64 << 20, SO_RCVBUFFORCE_ = 33 };
static const uint8_t magic[4] = {0x5e, 0x4b, 0x15, 0x40};

static int hardware_address(const char *interface, uint8_t out[static ETH_ALEN])
{
	struct ifreq r = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	strncpy(r.ifr_name, interface, sizeof(r.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &r) < 0)
		rc = -errno;
	memcpy(out, r.ifr_hwaddr.sa_data, ETH_ALEN);
	close(fd);
	return rc;
}

static int open_here(const char *interface, struct wire *w)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int size = RECEIVE_BUFFER, one = 1, rc;

	rc = hardware_address(interface, w->header + ETH_ALEN);
	if (rc < 0)
		return rc;
	w->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->fd < 0)
		return -errno;
	at.sll_ifindex = (int)if_nametoindex(interface);
	(void)setsockopt(w->fd, SOL_SOCKET, SO_RCVBUFFORCE_, &size, sizeof(size));
	(void)setsockopt(w->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	return bind(w->fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
}

int wire_open(const char *netns, const char *interface, const char *peer, struct wire *out)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), other = open(netns, O_RDONLY | O_CLOEXEC), rc;

	rc = hardware_address(peer, out->header);
	if (rc == 0 && (own < 0 || other < 0 || setns(other, CLONE_NEWNET) < 0))
		rc = -errno;
	if (rc == 0)
		rc = open_here(interface, out);
	if (setns(own, CLONE_NEWNET) < 0 && rc == 0)
		rc = -errno;
	close(own);
	close(other);
	return rc;
}

static uint8_t *put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value & 0xffff);
}

/* RFC 1071, over the header only: the gateway's conntrack is told not to look at the others. */
static void header_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	put16(ip + 10, ~sum & 0xffff);
}

static uint8_t *put_network(uint8_t *at, const struct addr *from, const struct addr *to, uint8_t proto, unsigned length)
{
	uint8_t *ip = at;
	size_t size = addr_size(from);

	if (from->family == 4) {
		at = put16(put16(put16(put16(at, 0x4500), 20 + length), 0), 0);
		*at++ = 64;
		*at++ = proto;
		at = put16(at, 0);
	} else {
		at = put16(put32(at, UINT32_C(6) << 28), length);
		*at++ = proto;
		*at++ = 64;
	}
	memcpy(at, from->bytes, size);
	memcpy(at + size, to->bytes, size);
	if (from->family == 4)
		header_checksum(ip);
	return at + 2 * size;
}

/* Header of the transport, and for other protocols four bytes where those have their ports. */
static uint8_t *put_transport(uint8_t *at, const struct probe *p, bool answer)
{
	unsigned from = answer ? p->target.port : p->source_port, to = answer ? p->source_port : p->target.port;
	uint8_t echo = p->target.addr.family == 4 ? (answer ? 0 : 8) : (answer ? 129 : 128);

	switch (p->target.proto) {
	case IPPROTO_TCP:
		at = put32(put16(put16(at, from), to), answer ? 5000 : SEQUENCE);
		at = put32(at, answer ? SEQUENCE + 1 + TAIL : 0);
		return put32(put16(put16(at, answer ? 0x5012 : 0x5002), 65535), 0);
	case IPPROTO_UDP:
		return put16(put16(put16(put16(at, from), to), 8 + TAIL), 0);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return put16(put16(put16(put16(at, (unsigned)echo << 8), 0), p->source_port), 1);
	default:
		return put16(put16(at, p->source_port), p->target.port);
	}
}

int wire_send(const struct wire *w, const struct probe *p, bool answer, uint32_t number)
{
	uint8_t packet[PACKET_MAX], transport[32], *at;
	const struct addr *from = answer ? &p->target.addr : &p->phone, *to = answer ? &p->phone : &p->target.addr;
	size_t size;

	at = put_transport(transport, p, answer);
	memcpy(at, magic, sizeof(magic));
	size = (size_t)(put32(at + sizeof(magic), number) - transport);
	memcpy(packet, w->header, sizeof(w->header));
	at = put16(packet + 12, from->family == 4 ? ETH_P_IP : ETH_P_IPV6);
	at = put_network(at, from, to, p->target.proto, (unsigned)size);
	memcpy(at, transport, size);
	return send(w->fd, packet, (size_t)(at - packet) + size, 0) < 0 ? -errno : 0;
}

/* ICMP errors carry the packet that they are about, with its tail. */
static bool is_error(const uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	uint8_t proto = v4 ? ip[9] : ip[6], type = ip[v4 ? 20 : 40];

	return v4 ? proto == IPPROTO_ICMP && type != 0 && type != 8 : proto == IPPROTO_ICMPV6 && type < 128;
}

int wire_receive(const struct wire *w, uint32_t *number)
{
	uint8_t packet[2048];
	ssize_t size;

	for (;;) {
		size = recv(w->fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (size < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (size < 14 + 20 + TAIL || is_error(packet + 14) || memcmp(packet + size - TAIL, magic, sizeof(magic)) != 0)
			continue;
		memcpy(number, packet + size - 4, sizeof(*number));
		*number = ntohl(*number);
		return 1;
	}
}
