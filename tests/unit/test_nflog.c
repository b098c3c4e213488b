/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets as NFLOG copies them: taken apart (any user), and received from a real NFLOG group (root). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/text.h"
#include "gateway/nflog.h"
#include "tests/unit/namespace.h"

enum { UDP = 17, TCP = 6, ICMP6 = 58 };

struct packet {
	uint8_t data[256];
	size_t size;
};

static void put(struct packet *p, const void *data, size_t size)
{
	assert_true(p->size + size <= sizeof p->data);
	memcpy(p->data + p->size, data, size);
	p->size += size;
}

#define PUT(p, ...) put(p, (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static struct packet v4(uint8_t proto, size_t inside, uint16_t fragment)
{
	struct packet p = {.size = 0};
	size_t length = 20 + inside;

	PUT(&p, 0x45, 0, (uint8_t)(length >> 8), (uint8_t)length, 0, 1, (uint8_t)(fragment >> 8), (uint8_t)fragment, 64, proto, 0,
		0);
	PUT(&p, 10, 64, 0, 5, 10, 20, 0, 10);
	return p;
}

static struct packet v6(uint8_t next, size_t inside)
{
	struct packet p = {.size = 0};

	PUT(&p, 0x60, 0, 0, 0, (uint8_t)(inside >> 8), (uint8_t)inside, next, 64);
	PUT(&p, 0xfd, 0x64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5);
	PUT(&p, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10);
	return p;
}

static void put_udp(struct packet *p, size_t payload)
{
	PUT(p, 0x30, 0x39, 0xca, 0x6c, (uint8_t)((8 + payload) >> 8), (uint8_t)(8 + payload), 0, 0);
	for (size_t i = 0; i < payload; i++)
		PUT(p, (uint8_t)i);
}

/* Parses an exact copy, so that a sanitizer sees a read past the end. The payload is then checked against the original. */
static int parse(const struct packet *p, size_t size, struct nflog_packet *out)
{
	uint8_t *copy = malloc(size ? size : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, p->data, size);
	memset(out, 0xa5, sizeof *out);
	ret = nflog_parse(copy, size, out);
	if (!ret && out->payload) {
		size_t at = (size_t)(out->payload - copy);
		assert_true(at <= size && out->payload_size <= size - at);
		out->payload = p->data + at;
	}
	free(copy);
	return ret;
}

static void assert_ends(const struct nflog_packet *p, const char *source, const char *destination)
{
	char text[ENDPOINT_TEXT];

	assert_string_equal(endpoint_format(&p->source, text), source);
	assert_string_equal(endpoint_format(&p->destination, text), destination);
}

static void test_v4(void **state)
{
	struct packet p = v4(UDP, 8 + 20, 0x4000);
	struct nflog_packet n;

	(void)state;
	put_udp(&p, 20);
	PUT(&p, 0xee, 0xee); /* padding of the link layer is no payload */
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_ends(&n, "10.64.0.5:12345", "10.20.0.10:51820");
	assert_int_equal(n.proto, UDP);
	assert_int_equal(n.length, 48);
	assert_int_equal(n.payload_size, 20);
	assert_ptr_equal(n.payload, p.data + 28);

	p = v4(TCP, 20, 0);
	PUT(&p, 0xc0, 0x00, 0x01, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_ends(&n, "10.64.0.5:49152", "10.20.0.10:443");
	assert_null(n.payload);
	assert_int_equal(n.payload_size, 0);

	p = v4(1, 8, 0);
	PUT(&p, 8, 0, 1, 2, 3, 4, 5, 6);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.source.port, 0);
	assert_int_equal(n.destination.port, 0);
	assert_int_equal(n.proto, 1);
}

static void test_v4_options(void **state)
{
	struct packet p = v4(UDP, 12 + 8 + 4, 0), q = {.size = 0};
	struct nflog_packet n;

	(void)state;
	p.data[0] = 0x48;
	PUT(&p, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0);
	put_udp(&p, 4);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.destination.port, 51820);
	assert_int_equal(n.payload_size, 4);
	p.data[0] = 0x44; /* a header shorter than the shortest */
	assert_int_equal(parse(&p, p.size, &n), -EBADMSG);
	p.data[0] = 0x48;
	p.data[3] = 31; /* the packet ends within its header */
	assert_int_equal(parse(&p, p.size, &n), -EBADMSG);
	p.data[0] = 0x58;
	assert_int_equal(parse(&p, p.size, &n), -EBADMSG);
	assert_int_equal(parse(&q, 0, &n), -EBADMSG);
}

static void test_v4_fragments(void **state)
{
	struct packet p = v4(UDP, 8 + 8, 0x2000); /* the first: more to come */
	struct nflog_packet n;

	(void)state;
	put_udp(&p, 8);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.destination.port, 51820);
	p = v4(UDP, 16, 0x0002); /* a later one: what looks like ports is payload */
	put_udp(&p, 8);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.proto, UDP);
	assert_ends(&n, "10.64.0.5:0", "10.20.0.10:0");
	assert_null(n.payload);
}

/* Hop-by-hop, routing, destination options, authentication, then UDP. */
static struct packet v6_extended(void)
{
	struct packet p = v6(0, 8 + 16 + 8 + 12 + 8 + 5);

	PUT(&p, 43, 0, 1, 4, 0, 0, 0, 0);
	PUT(&p, 60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	PUT(&p, 51, 0, 1, 4, 0, 0, 0, 0);
	PUT(&p, UDP, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1);
	put_udp(&p, 5);
	return p;
}

static void test_v6(void **state)
{
	struct packet p = v6(UDP, 8 + 3);
	struct nflog_packet n;

	(void)state;
	put_udp(&p, 3);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_ends(&n, "[fd64::5]:12345", "[2001:db8::10]:51820");
	assert_int_equal(n.length, 51);
	assert_int_equal(n.payload_size, 3);

	p = v6_extended();
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.proto, UDP);
	assert_int_equal(n.destination.port, 51820);
	assert_int_equal(n.payload_size, 5);
	assert_int_equal(n.payload[4], 4);

	p = v6(ICMP6, 8);
	PUT(&p, 128, 0, 1, 2, 3, 4, 5, 6);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.proto, ICMP6);
	assert_int_equal(n.source.port, 0);
}

static void test_v6_fragments(void **state)
{
	struct packet p = v6(44, 8 + 8 + 4);
	struct nflog_packet n;

	(void)state;
	PUT(&p, UDP, 0, 0, 1, 0, 0, 0, 9); /* the first */
	put_udp(&p, 4);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.destination.port, 51820);
	p.data[43] = 0x08; /* offset 8: a later one */
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.proto, UDP);
	assert_int_equal(n.destination.port, 0);
	assert_null(n.payload);
}

/* More extension headers than any honest packet has: the walk ends, and names where. */
static void test_v6_endless(void **state)
{
	struct packet p = v6(60, 8 * 24);
	struct nflog_packet n;

	(void)state;
	for (int i = 0; i < 24; i++)
		PUT(&p, 60, 0, 1, 4, 0, 0, 0, 0);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.proto, 60);
	assert_null(n.payload);
}

/* An IPv4-mapped address has one form only, wherever it enters. */
static void test_mapped(void **state)
{
	static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 64, 0, 9};
	struct packet p = v6(UDP, 8);
	struct nflog_packet n;

	(void)state;
	memcpy(p.data + 8, mapped, sizeof mapped);
	put_udp(&p, 0);
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_ends(&n, "10.64.0.9:12345", "[2001:db8::10]:51820");
	assert_non_null(n.payload);
	assert_int_equal(n.payload_size, 0);
}

static void test_lengths(void **state)
{
	struct packet p = v4(UDP, 8 + 4, 0);
	struct nflog_packet n;

	(void)state;
	put_udp(&p, 4);
	p.data[25] = 7; /* UDP says it is shorter than its header */
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_null(n.payload);
	p.data[25] = 200; /* or longer than the packet */
	assert_int_equal(parse(&p, p.size, &n), 0);
	assert_int_equal(n.payload_size, 4);
}

/* Cut off at each byte: addresses are known once the IP header is whole, ports once they are there, and nothing is read beyond.
 */
static void truncate_at_each(const struct packet *p, size_t header, size_t ports, size_t payload, uint8_t proto)
{
	struct nflog_packet n;

	for (size_t size = 0; size <= p->size; size++) {
		assert_int_equal(parse(p, size, &n), size < header ? -EBADMSG : 0);
		if (size < header)
			continue;
		assert_int_equal(n.source.port, size < ports ? 0 : 12345);
		assert_int_equal(n.destination.port, size < ports ? 0 : 51820);
		if (size >= ports)
			assert_int_equal(n.proto, proto);
		if (size < payload)
			assert_null(n.payload);
		else
			assert_int_equal(n.payload_size, size - payload);
	}
}

static void test_truncated(void **state)
{
	struct packet four = v4(UDP, 8 + 9, 0), six = v6(UDP, 8 + 9), extended = v6_extended();

	(void)state;
	put_udp(&four, 9);
	put_udp(&six, 9);
	truncate_at_each(&four, 20, 24, 28, UDP);
	truncate_at_each(&six, 40, 44, 48, UDP);
	truncate_at_each(&extended, 40, 40 + 44 + 4, 40 + 44 + 8, UDP);
}

/* --- a real group --- */

struct seen {
	unsigned count, payloads;
	char prefix[32];
	struct endpoint destination;
	size_t length, payload_size;
};

static void note(const struct nflog_packet *p, void *arg)
{
	struct seen *s = arg;

	s->count++;
	s->payloads += p->payload != NULL;
	snprintf(s->prefix, sizeof s->prefix, "%s", p->prefix);
	s->destination = p->destination;
	s->length = p->length;
	s->payload_size = p->payload_size;
}

static const char ruleset[] = "table inet t { chain out { type filter hook output priority 0;\n"
			      "udp dport 4000 log prefix \"knock\" group 6 snaplen 200\n"
			      "udp dport 4001 log prefix \"denied\" group 5\n}\n}\n";

static int send_to(const char *address, uint16_t port, size_t size, unsigned count)
{
	static const char zeros[512];
	struct sockaddr_storage ss;
	struct endpoint e = {.port = port};

	assert_int_equal(addr_parse(address, &e.addr), 0);
	socklen_t length = endpoint_to_sockaddr(&e, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(sendto(fd, zeros, size, 0, (struct sockaddr *)&ss, length), size);
	return close(fd);
}

/* Reads until as many packets as expected are seen or counted as lost. */
static uint64_t read_all(struct nflog *n, struct seen *s, uint64_t expected)
{
	int64_t deadline = time_boot() + 20 * 1000000;
	uint64_t lost = 0;

	while (s->count + lost < expected && time_boot() < deadline) {
		struct pollfd p = {.fd = nflog_fd(n), .events = POLLIN};
		assert_true(poll(&p, 1, 20000) > 0);
		assert_true(nflog_read(n, 4) >= 0);
		lost += nflog_lost(n);
	}
	return lost;
}

static void test_group(void **state)
{
	struct seen knocks = {0}, refused = {0};
	struct nflog *n6 = NULL, *n5 = NULL, *again = NULL;
	char why[256] = "";

	(void)state;
	assert_int_equal(run_program(ruleset, 1, (const char *const[]){"nft", "-f", "-", NULL}), 0);
	assert_int_equal(nflog_open(6, 256, 1 << 20, note, &knocks, &n6, why, sizeof why), 0);
	assert_int_equal(nflog_open(5, 64, 1 << 20, note, &refused, &n5, why, sizeof why), 0);
	assert_int_equal(nflog_read(n6, 4), 0); /* nothing yet, and it does not wait */
	assert_int_equal(nflog_open(6, 256, 1 << 20, note, &knocks, &again, why, sizeof why), -EPERM);
	assert_null(again);
	assert_non_null(strstr(why, "another program"));

	send_to("127.0.0.1", 4000, 148, 1);
	assert_int_equal(read_all(n6, &knocks, 1), 0);
	assert_string_equal(knocks.prefix, "knock");
	assert_int_equal(knocks.payload_size, 148);
	assert_int_equal(knocks.length, 176);
	assert_int_equal(knocks.destination.port, 4000);
	send_to("::1", 4001, 300, 100);
	assert_int_equal(read_all(n5, &refused, 100), 0);
	assert_int_equal(refused.count, 100);
	assert_string_equal(refused.prefix, "denied");
	assert_int_equal(refused.length, 348);
	assert_int_equal(refused.payload_size, 64 - 48);
	assert_int_equal(refused.destination.addr.family, 6);
	assert_int_equal(knocks.count, 1);
	nflog_close(n5);
	nflog_close(n6);
	nflog_close(NULL);
}

/* More than the buffer holds: what is missing is counted, exactly once the next packet has come. */
static void test_overrun(void **state)
{
	enum { FLOOD = 20000 };
	struct seen s = {0};
	struct nflog *n;
	char why[256] = "";
	uint64_t lost;

	(void)state;
	assert_int_equal(nflog_open(5, 64, 65536, note, &s, &n, why, sizeof why), 0);
	send_to("127.0.0.1", 4001, 20, FLOOD);
	struct pollfd p = {.fd = nflog_fd(n), .events = POLLIN};
	do {
		assert_true(nflog_read(n, 16) >= 0);
	} while (poll(&p, 1, 200) > 0);
	lost = nflog_lost(n);
	assert_true(lost > 0);
	assert_true(s.count > 0 && s.count < FLOOD);
	send_to("127.0.0.1", 4001, 20, 1);
	lost += read_all(n, &s, FLOOD + 1 - lost);
	assert_int_equal(s.count + lost, FLOOD + 1);
	nflog_close(n);
}

static int live(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_overrun),
	};

	return cmocka_run_group_tests_name("received", tests, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v4_options),
		cmocka_unit_test(test_v4_fragments),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_v6_fragments),
		cmocka_unit_test(test_v6_endless),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_truncated),
	};
	int failed = cmocka_run_group_tests_name("parsed", tests, NULL, NULL);

	return namespace_main(live) || failed;
}
