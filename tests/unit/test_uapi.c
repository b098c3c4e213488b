/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of wireguard-go, well formed and not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "gateway/uapi.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static int feed(struct uapi_answer *a, const char *text)
{
	memset(a, 0, sizeof *a);
	return uapi_feed(a, text, strlen(text));
}

static void test_device(void **state)
{
	struct uapi_answer a;

	(void)state;
	assert_int_equal(feed(&a, "private_key=" KEY_A "\nlisten_port=51820\nfwmark=7\nsomething_new=1\nerrno=0\n\n"), 1);
	assert_int_equal(a.private_key.bytes[31], 0xaa);
	assert_int_equal(a.dump.listen_port, 51820);
	assert_int_equal(a.dump.count, 0);
	assert_int_equal(a.error, 0);
	assert_int_equal(uapi_feed(&a, "x", 1), -EBADMSG);
	uapi_answer_free(&a);
	assert_true(key_is_zero(&a.private_key));
}

static void test_peers(void **state)
{
	char text[ENDPOINT_TEXT];
	struct uapi_answer a;

	(void)state;
	assert_int_equal(
		feed(&a, "public_key=" KEY_A "\npreshared_key=" KEY_B "\nprotocol_version=1\nendpoint=[fe80::1%eth0]:51820\n"
			 "last_handshake_time_sec=1764000000\nlast_handshake_time_nsec=123456789\ntx_bytes=18446744073709551615\n"
			 "rx_bytes=5\npersistent_keepalive_interval=65535\nallowed_ip=10.64.0.5/32\nallowed_ip=fd64::5/128\n"
			 "public_key=" KEY_B "\nendpoint=192.0.2.1:4500\nlast_handshake_time_nsec=5000\nallowed_ip=10.0.0.0/8\n"
			 "allowed_ip=fd64::6/128\nallowed_ip=fd64::7/128\nerrno=0\n\n"),
		1);
	assert_int_equal(a.dump.count, 2);
	const struct tunnel_peer *p = a.dump.peers;
	assert_string_equal(endpoint_format(&p->endpoint, text), "[fe80::1]:51820");
	assert_true(p->last_handshake == INT64_C(1764000000123456));
	assert_true(p->tx_bytes == UINT64_MAX);
	assert_int_equal(p->rx_bytes, 5);
	assert_int_equal(p->keepalive, 65535);
	assert_string_equal(addr_format(&p->v4, text), "10.64.0.5");
	assert_string_equal(addr_format(&p->v6, text), "fd64::5");
	assert_false(p->extra_addresses);
	p++;
	assert_int_equal(p->public_key.bytes[31], 0x20);
	assert_int_equal(p->last_handshake, 5); /* not the first one's seconds */
	assert_int_equal(p->v4.family, 0);
	assert_string_equal(addr_format(&p->v6, text), "fd64::6");
	assert_true(p->extra_addresses);
	uapi_answer_free(&a);
}

static void test_errors(void **state)
{
	struct uapi_answer a;

	(void)state;
	assert_int_equal(feed(&a, "errno=-98\n\n"), 1);
	assert_int_equal(a.error, -EADDRINUSE);
	assert_int_equal(feed(&a, "errno=98\n\n"), 1);
	assert_int_equal(a.error, -EADDRINUSE);
	assert_int_equal(feed(&a, "errno=0\n"), 0); /* not yet complete */
	assert_int_equal(uapi_feed(&a, "\n", 1), 1);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"\n", "listen_port=1\n\n", "errno\n", "errno=\n", "errno=4096\n", "errno=--1\n",
		"errno=0\nerrno=0\n", "errno=0\nlisten_port=1\n", "listen_port=65536\n", "listen_port=-1\n", "listen_port= 1\n",
		"listen_port=18446744073709551617\n", "private_key=aa\n", "private_key=" KEY_A "a\n", "public_key=g" KEY_A "\n",
		"public_key=" KEY_A "\nendpoint=nowhere\n", "public_key=" KEY_A "\nendpoint=[fe80::1%eth0:1\n",
		"public_key=" KEY_A "\nallowed_ip=10.0.0.1\n", "public_key=" KEY_A "\nallowed_ip=10.0.0.1/33\n",
		"public_key=" KEY_A "\nallowed_ip=/32\n", "public_key=" KEY_A "\nlast_handshake_time_nsec=1000000000\n",
		"public_key=" KEY_A "\nlast_handshake_time_sec=9223372036855\n",
		"public_key=" KEY_A "\npersistent_keepalive_interval=65536\n",
		"public_key=" KEY_A "\nrx_bytes=18446744073709551616\n"};
	char line[UAPI_LINE_MAX + 1];
	struct uapi_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (feed(&a, bad[i]) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
		uapi_answer_free(&a);
	}
	memset(line, 'x', sizeof line);
	memset(&a, 0, sizeof a);
	assert_int_equal(uapi_feed(&a, line, UAPI_LINE_MAX), 0);
	assert_int_equal(uapi_feed(&a, line, 1), -EBADMSG);
	memset(&a, 0, sizeof a);
	assert_int_equal(uapi_feed(&a, "errno=0\0\n\n", 10), -EBADMSG);
}

static void test_path(void **state)
{
	char path[UAPI_PATH_MAX];

	(void)state;
	assert_string_equal(uapi_path("sekisho0", path), "/var/run/wireguard/sekisho0.sock");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
