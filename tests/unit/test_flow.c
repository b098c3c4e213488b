/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ends of connections from the kernel's own conntrack, over loopback in a network namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/flow_fixture.h"

static void test_settings(void **state)
{
	(void)state;
	assert_int_equal(sysctl_value("nf_conntrack_acct"), 1);
	assert_int_equal(sysctl_value("nf_conntrack_timestamp"), 1);
	assert_int_equal(sysctl_value("nf_conntrack_events"), 1);
}

static void test_bytes(void **state)
{
	int64_t before = time_now();
	uint16_t port4 = talk("127.0.0.1", 5001, 3, 2), port6 = talk("::1", 5002, 1, 0);
	const struct flow_record *r;

	(void)state;
	seen.count = 0;
	assert_int_equal(flow_end(flow, 5), 0);
	assert_int_equal(seen.count, 2);
	r = record(IPPROTO_UDP, "127.0.0.1:5001");
	assert_int_equal(r->serial, 5);
	assert_int_equal(r->source.port, port4);
	assert_int_equal(r->source_packets, 3);
	assert_int_equal(r->source_bytes, 3 * (20 + 8 + 100));
	assert_int_equal(r->destination_packets, 2);
	assert_int_equal(r->destination_bytes, 2 * (20 + 8 + 50));
	/* The kernel's clock for them is that of time_now(), but may be read a tick behind. */
	assert_true(r->start >= before - 1000000 && r->start <= r->end && r->end <= time_now() + 1000000);
	r = record(IPPROTO_UDP, "[::1]:5002");
	assert_int_equal(r->source.port, port6);
	assert_int_equal(r->source_bytes, 40 + 8 + 100);
	assert_int_equal(r->destination_packets, 0);
}

static void test_only_its_own(void **state)
{
	(void)state;
	talk("127.0.0.1", 5001, 1, 1);
	talk("127.0.0.1", 5002, 1, 1);
	talk("127.0.0.1", 6001, 1, 1);
	talk("::1", 6001, 1, 1);
	seen.count = 0;
	assert_int_equal(open_flows(5), 2);
	assert_int_equal(open_flows(6), 2);
	assert_int_equal(open_flows(4), 0);
	assert_int_equal(seen.count, 0);
	assert_int_equal(flow_end(flow, 4), 0); /* nobody's: nothing goes */
	assert_int_equal(seen.count, 0);
	assert_int_equal(flow_end(flow, 5), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(open_flows(5), 0);
	assert_int_equal(open_flows(6), 2);
	assert_int_equal(flow_end(flow, 6), 0);
	assert_int_equal(seen.count, 4);
	assert_int_equal(flow_end(flow, 0), -EINVAL); /* would be everybody else's */
	assert_int_equal(flow_end(flow, 1 << 20), -EINVAL);
}

/* What carries no session's mark does not even wake us. */
static void test_unmarked(void **state)
{
	(void)state;
	talk("127.0.0.1", 7001, 1, 1);
	talk("127.0.0.1", 8001, 1, 1);
	talk("127.0.0.1", 6001, 1, 1);
	seen.count = 0;
	assert_int_equal(RUN_QUIET("conntrack", "-D", "-p", "udp", "--dport", "7001"), 0);
	assert_int_equal(RUN_QUIET("conntrack", "-D", "-p", "udp", "--dport", "8001"), 0);
	assert_true(quiet());
	assert_int_equal(RUN_QUIET("conntrack", "-D", "-p", "udp", "--dport", "6001"), 0);
	assert_false(quiet());
	assert_int_equal(flow_read(flow, 8), 1);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.last[0].serial, 6);
}

static void test_tcp_and_icmp(void **state)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(5443), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    peer;
	const struct flow_record *r;

	(void)state;
	assert_int_equal(bind(server, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(listen(server, 1), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
	peer = accept(server, NULL, NULL);
	assert_int_equal(send(client, "hello", 5, 0), 5);
	assert_int_equal(RUN_QUIET("ping", "-c", "1", "127.0.0.1"), 0);
	seen.count = 0;
	assert_int_equal(flow_end(flow, 5), 0);
	r = record(IPPROTO_TCP, "127.0.0.1:5443");
	assert_true(r->source_bytes > 5 && r->destination_packets > 0);
	r = record(IPPROTO_ICMP, "127.0.0.1:0");
	assert_int_equal(r->source.port, 0);
	assert_int_equal(r->source_packets, 1);
	assert_int_equal(r->destination_packets, 1);
	close(peer);
	close(client);
	close(server);
}

/* A flow that ends by itself. The kernel looks for those at its leisure; reading the table makes it look. */
static void test_by_itself(void **state)
{
	int64_t deadline = time_boot() + DEADLINE_USEC;

	(void)state;
	assert_int_equal(RUN("sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=1"), 0);
	talk("127.0.0.1", 6001, 1, 0);
	seen.count = 0;
	while (!seen.count) {
		struct pollfd p = {.fd = flow_fd(flow), .events = POLLIN};
		assert_true(time_boot() < deadline);
		open_flows(6);
		assert_true(poll(&p, 1, 200) >= 0);
		assert_true(flow_read(flow, 8) >= 0);
	}
	assert_int_equal(seen.last[0].serial, 6);
	assert_int_equal(seen.last[0].source_packets, 1);
	assert_int_equal(RUN("sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=300"), 0);
}

static void flood(unsigned count)
{
	struct sockaddr_storage ss;
	socklen_t size;
	int fd = udp("127.0.0.1", 1, &ss, &size);

	for (unsigned i = 0; i < count; i++) {
		((struct sockaddr_in *)&ss)->sin_port = htons((uint16_t)(20000 + i));
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&ss, size), 1);
	}
	close(fd);
	assert_int_equal(open_flows(9), count);
}

static void read_until(unsigned count)
{
	int64_t deadline = time_boot() + DEADLINE_USEC;

	while (seen.count < count) {
		struct pollfd p = {.fd = flow_fd(flow), .events = POLLIN};
		assert_true(time_boot() < deadline);
		assert_true(poll(&p, 1, 1000) >= 0);
		assert_true(flow_read(flow, 64) >= 0);
	}
	assert_int_equal(seen.count, count);
}

/* Many at once: on a busy machine some may come later. */
static void end_all(uint32_t serial, unsigned count)
{
	int r = flow_end(flow, serial);

	if (r != -ETIMEDOUT)
		assert_int_equal(r, 0);
	else
		read_until(count);
	assert_int_equal(seen.count, count);
}

/* With a buffer for a fraction of them: whatever does not fit comes later, and flow_end() waits for it. */
static void test_none_lost(void **state)
{
	/* No more than half of the table, which is small on small machines; 50 bytes for each, of which one takes about 1,000. */
	unsigned count = sysctl_value("nf_conntrack_max") < 40000 ? (unsigned)sysctl_value("nf_conntrack_max") / 2 : 20000;
	int small = (int)count * 50;

	(void)state;
	assert_int_equal(setsockopt(flow_fd(flow), SOL_SOCKET, SO_RCVBUFFORCE, &small, sizeof small), 0);
	flood(count);
	seen.count = 0;
	end_all(9, count);
	assert_int_equal(open_flows(9), 0);

	/* The same when somebody else deletes them while we do not read. */
	flood(count);
	seen.count = 0;
	assert_int_equal(RUN_QUIET("conntrack", "-D", "-m", "0x9001"), 0);
	read_until(count);
}

static void squeeze(unsigned count)
{
	int small = (int)count * 50;

	assert_int_equal(setsockopt(flow_fd(flow), SOL_SOCKET, SO_RCVBUFFORCE, &small, sizeof small), 0);
}

static void test_beginnings(void **state)
{
	struct flow_loss loss;

	(void)state;
	talk("127.0.0.1", 5001, 1, 1); /* before anybody asks */
	seen.count = begun.count = 0;
	assert_int_equal(flow_watch(flow, true), 0);
	assert_int_equal(flow_watch(flow, true), 0);
	talk("127.0.0.1", 6001, 1, 1);
	talk("::1", 6001, 1, 0);
	assert_int_equal(flow_read(flow, 8), 0);
	assert_int_equal(begun.count, 2);
	assert_int_equal(begun.last[0].serial, 6);
	assert_int_equal(begun.last[0].destination.port, 6001);
	assert_int_equal(begun.last[0].source_bytes, 0);
	assert_int_equal(flow_resync(flow), 0); /* nothing was missed: nothing is told twice */
	assert_int_equal(begun.count, 2);
	assert_int_equal(flow_end(flow, 5), 0);
	assert_int_equal(flow_end(flow, 6), 0);
	assert_int_equal(seen.count, 3);
	assert_false(flow_lost(flow, &loss));
	assert_int_equal(flow_watch(flow, false), 0);
	talk("127.0.0.1", 6001, 1, 1);
	assert_int_equal(flow_end(flow, 6), 0);
	assert_int_equal(begun.count, 2);
	assert_false(flow_lost(flow, &loss));
}

/* What a buffer for a fraction of them drops: those that are open are told late, the others counted; no end is missing. */
static void test_missed_beginnings(void **state)
{
	unsigned count = sysctl_value("nf_conntrack_max") < 20000 ? (unsigned)sysctl_value("nf_conntrack_max") / 2 : 10000;
	int64_t before = time_now();
	struct flow_loss loss;

	(void)state;
	squeeze(count);
	seen.count = begun.count = 0;
	assert_int_equal(flow_watch(flow, true), 0);
	flood(count);
	assert_int_equal(flow_read(flow, count), 0);
	assert_true(begun.count < count);
	assert_int_equal(flow_resync(flow), 0);
	assert_int_equal(begun.count, count);
	assert_int_equal(flow_resync(flow), 0);
	assert_int_equal(begun.count, count);
	end_all(9, count);
	assert_false(flow_lost(flow, &loss));

	seen.count = begun.count = 0;
	flood(count);
	end_all(9, count);
	assert_int_equal(flow_resync(flow), 0);
	assert_true(begun.count < count);
	assert_true(flow_lost(flow, &loss));
	assert_int_equal(begun.count + loss.count, count);
	assert_true(loss.from >= before - 1000000 && loss.from <= loss.to && loss.to <= time_now() + 1000000);
	assert_false(flow_lost(flow, &loss));
	assert_int_equal(flow_watch(flow, false), 0);
}

#define LEFT "/run/wireguard/flows" /* a private folder: see namespace.h */

static struct flow *reopen(int inherited)
{
	struct flow *f = NULL;
	char why[256] = "";

	if (flow_open(&sink, inherited, &f, why, sizeof why) != 0)
		fail_msg("%s", why);
	return f;
}

/* Over a stop for which nobody keeps the socket. */
static void test_left(void **state)
{
	struct flow_left *left;

	(void)state;
	assert_int_equal(flow_left_open(flow, LEFT, &left), -ENOENT);
	talk("127.0.0.1", 5001, 2, 1);
	talk("127.0.0.1", 5002, 1, 1);
	talk("127.0.0.1", 6001, 1, 1);
	assert_int_equal(flow_left_save(flow, LEFT), 0);
	flow_close(flow);
	assert_int_equal(RUN_QUIET("conntrack", "-D", "-p", "udp", "--dport", "5001"), 0);
	flow = reopen(-1);
	assert_false(flow_inherited(flow));
	seen.count = 0;
	assert_int_equal(flow_left_open(flow, LEFT, &left), 0);
	/* One more ends before anybody looks, and is reported in the usual way. */
	assert_int_equal(RUN_QUIET("conntrack", "-D", "-p", "udp", "--dport", "5002"), 0);
	assert_int_equal(flow_read(flow, 8), 1);
	seen.count = 0;
	assert_int_equal(flow_left_finish(flow, left, closed, &seen), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(record(IPPROTO_UDP, "127.0.0.1:5001")->source_packets, 2);
	assert_int_equal(flow_end(flow, 6), 0);
	assert_int_equal(seen.count, 2);
	flow_left_shut(LEFT, LEFT ".shut");
	assert_int_equal(flow_left_open(flow, LEFT, &left), -ENOENT);
	assert_int_equal(truncate(LEFT ".shut", 20), 0);
	assert_int_equal(flow_left_open(flow, LEFT ".shut", &left), -EBADMSG);
	flow_left_forget(LEFT ".shut");
	assert_int_equal(flow_left_open(flow, LEFT ".shut", &left), -ENOENT);
}

/* Over a restart for which somebody does. */
static void test_inherited(void **state)
{
	int kept = dup(flow_fd(flow)), other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	talk("127.0.0.1", 6001, 3, 1);
	flow_close(flow);
	assert_int_equal(RUN_QUIET("conntrack", "-D", "-p", "udp", "--dport", "6001"), 0);
	flow = reopen(kept);
	assert_true(flow_inherited(flow));
	seen.count = 0;
	assert_int_equal(flow_read(flow, 8), 1);
	assert_int_equal(seen.last[0].source_packets, 3);
	flow_close(flow);
	flow = reopen(other); /* not one of ours */
	assert_false(flow_inherited(flow));
	talk("127.0.0.1", 6001, 1, 1);
	assert_int_equal(flow_end(flow, 6), 0);
	assert_int_equal(seen.count, 2);
}

static void test_known(void **state)
{
	struct flow_known *k = flow_known_new();
	const uint64_t count = 3000;

	(void)state;
	assert_non_null(k);
	for (uint64_t i = 1; i <= count; i++) /* few homes, so that they run into each other */
		assert_int_equal(flow_known_add(k, i % 7 << 32 | i << 12 | 1), 1);
	for (uint64_t i = 1; i <= count; i++) {
		assert_int_equal(flow_known_add(k, i % 7 << 32 | i << 12 | 1), 0);
		if (i % 3)
			assert_true(flow_known_remove(k, i % 7 << 32 | i << 12 | 1));
	}
	for (uint64_t i = 1; i <= count; i++)
		assert_int_equal(flow_known_has(k, i % 7 << 32 | i << 12 | 1), i % 3 == 0);
	assert_false(flow_known_remove(k, 42));
	flow_known_free(k);
	flow_known_free(NULL);
}

/* As under systemd's ProtectKernelTunables: what is off stays off, and the message says what to do. */
static void test_read_only(void **state)
{
	struct flow *other = NULL;
	char why[256] = "";

	(void)state;
	assert_int_equal(mount("/proc/sys", "/proc/sys", "none", MS_BIND, NULL), 0);
	assert_int_equal(mount("none", "/proc/sys", "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_int_equal(flow_open(&sink, -1, &other, why, sizeof why), 0); /* all is on */
	flow_close(other);
	other = NULL;
	assert_int_equal(umount("/proc/sys"), 0);
	assert_int_equal(RUN("sysctl", "-qw", "net.netfilter.nf_conntrack_timestamp=0"), 0);
	assert_int_equal(mount("/proc/sys", "/proc/sys", "none", MS_BIND, NULL), 0);
	assert_int_equal(mount("none", "/proc/sys", "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_int_equal(flow_open(&sink, -1, &other, why, sizeof why), -EROFS);
	assert_null(other);
	assert_non_null(strstr(why, "sysctl -w net.netfilter.nf_conntrack_timestamp=1"));

	/* Without the kernel's times an end has our own. */
	int64_t before = time_now();
	talk("127.0.0.1", 6001, 1, 0);
	seen.count = 0;
	assert_int_equal(flow_end(flow, 6), 0);
	assert_int_equal(seen.count, 1);
	assert_true(seen.last[0].start >= before && seen.last[0].start <= seen.last[0].end);
}

static int setup(void **state)
{
	char why[256] = "";

	(void)state;
	if (run_program(ruleset, 1, (const char *const[]){"nft", "-f", "-", NULL}) != 0)
		return -1;
	if (flow_open(&sink, -1, &flow, why, sizeof why)) {
		print_error("flow_open: %s\n", why);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	flow_close(flow);
	flow_close(NULL);
	return 0;
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_only_its_own),
		cmocka_unit_test(test_unmarked),
		cmocka_unit_test(test_tcp_and_icmp),
		cmocka_unit_test(test_by_itself),
		cmocka_unit_test(test_none_lost),
		cmocka_unit_test(test_beginnings),
		cmocka_unit_test(test_missed_beginnings),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_read_only),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

int main(void)
{
	return namespace_main(body);
}
