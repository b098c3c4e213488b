/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses, endpoints and prefixes of common/addr.h: one form for each, and nothing accepted that is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "common/addr.h"

static struct addr addr(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void test_parse_format(void **state)
{
	(void)state;
	static const char *const same[] = {"0.0.0.0", "10.20.0.5", "255.255.255.255", "::", "::1", "2001:db8::1"};
	static const char *const bad[] = {"", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", " ::1", "[::1]", "fe80::1%lo",
		"::g", "1.2.3.4.5", "2001:db8::1::2", "none"};
	char text[ADDR_TEXT];
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		struct addr a = addr(same[i]);
		assert_string_equal(addr_format(&a, text), same[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct addr a = {.family = 9};
		assert_int_equal(addr_parse(bad[i], &a), -EINVAL);
		assert_int_equal(a.family, 9);
	}
	struct addr none = {0};
	assert_string_equal(addr_format(&none, text), "none");
	struct addr longest = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_string_equal(addr_format(&longest, text), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_one_form(void **state)
{
	(void)state;
	struct addr v4 = addr("192.0.2.7"), mapped = addr("::ffff:192.0.2.7"), from;
	assert_memory_equal(&v4, &mapped, sizeof v4);
	assert_true(addr_equal(&v4, &mapped));
	assert_int_equal(addr_size(&mapped), 4);
	static const uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7};
	assert_int_equal(addr_from_bytes(bytes, 16, &from), 0);
	assert_memory_equal(&v4, &from, sizeof v4);
	assert_int_equal(addr_from_bytes(bytes, 15, &from), -EINVAL);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(51820)};
	memcpy(&in6.sin6_addr, bytes, 16);
	struct endpoint e;
	assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&in6, sizeof in6, &e), 0);
	assert_memory_equal(&e.addr, &v4, sizeof v4);
	assert_int_equal(e.port, 51820);
}

static void test_compare(void **state)
{
	(void)state;
	static const char *const rising[] = {"0.0.0.0", "9.255.255.255", "10.0.0.0", "::", "::1", "2001:db8::"};
	struct addr none = {0};
	for (size_t i = 0; i < sizeof rising / sizeof *rising; i++) {
		struct addr a = addr(rising[i]);
		assert_true(addr_compare(&none, &a) < 0);
		for (size_t j = 0; j < sizeof rising / sizeof *rising; j++) {
			struct addr b = addr(rising[j]);
			int c = addr_compare(&a, &b);
			assert_true(i < j ? c < 0 : i > j ? c > 0 : c == 0);
		}
	}
}

static void assert_add(const char *base, uint64_t n, const char *expected)
{
	struct addr a = addr(base), sum = a;
	assert_int_equal(addr_add(&a, n, &sum), expected ? 0 : -ERANGE);
	struct addr want = addr(expected ? expected : base);
	assert_memory_equal(&sum, &want, sizeof want);
}

static void test_add(void **state)
{
	(void)state;
	assert_add("10.0.0.0", 1, "10.0.0.1");
	assert_add("10.0.0.255", 1, "10.0.1.0");
	assert_add("10.255.255.255", 65537, "11.1.0.0");
	assert_add("0.0.0.0", UINT32_MAX, "255.255.255.255");
	assert_add("0.0.0.1", UINT32_MAX, NULL);
	assert_add("255.255.255.255", 1, NULL);
	assert_add("255.255.255.255", 0, "255.255.255.255");
	assert_add("0.0.0.0", UINT64_MAX, NULL);
	assert_add("2001:db8::ffff:ffff:ffff:ffff", 1, "2001:db8:0:1::");
	assert_add("2001:db8::1", UINT64_MAX, "2001:db8:0:1::");
	assert_add("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, NULL);
	struct addr none = {0};
	assert_int_equal(addr_add(&none, 1, &none), -ERANGE);
}

static void test_endpoint(void **state)
{
	(void)state;
	static const char *const same[] = {
		"192.0.2.1:51820", "[2001:db8::1]:1", "255.255.255.255:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"};
	static const char *const bad[] = {"", ":", "[", "[]", "[]:1", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
		"192.0.2.1:+1", "192.0.2.1:080", "192.0.2.1:1x", "[192.0.2.1]:1", "2001:db8::1:51820", "[2001:db8::1]",
		"[2001:db8::1]1", "[2001:db8::1:1", "[[2001:db8::1]:1", "192.0.2.1:99999999999999999999", "192.0.2.1:1:1",
		"name:1", "1111111111111111111111111111111111111111111111111111:1"};
	char text[ENDPOINT_TEXT];
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		struct endpoint e, back;
		struct sockaddr_storage ss;
		assert_int_equal(endpoint_parse(same[i], &e), 0);
		assert_string_equal(endpoint_format(&e, text), same[i]);
		socklen_t len = endpoint_to_sockaddr(&e, &ss);
		assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&ss, len, &back), 0);
		assert_true(endpoint_equal(&e, &back));
		assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&ss, len - 1, &back), -EAFNOSUPPORT);
		back.port ^= 1;
		assert_false(endpoint_equal(&e, &back));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct endpoint e = {.port = 7};
		assert_int_equal(endpoint_parse(bad[i], &e), -EINVAL);
		assert_int_equal(e.port, 7);
	}
	struct endpoint none = {0}, e;
	struct sockaddr_storage ss;
	assert_string_equal(endpoint_format(&none, text), "none");
	assert_int_equal(endpoint_to_sockaddr(&none, &ss), 0);
	struct sockaddr sa = {.sa_family = AF_UNIX};
	assert_int_equal(endpoint_from_sockaddr(&sa, sizeof sa, &e), -EAFNOSUPPORT);
	assert_int_equal(endpoint_parse("[::ffff:192.0.2.1]:5", &e), 0);
	assert_string_equal(endpoint_format(&e, text), "192.0.2.1:5");
}

static void assert_range(const char *text, const char *shown, const char *first, const char *last)
{
	char out[PREFIX_TEXT];
	struct prefix p;
	struct addr a, b, want_a = addr(first), want_b = addr(last), next;
	assert_int_equal(prefix_parse(text, &p), 0);
	assert_string_equal(prefix_format(&p, out), shown);
	prefix_range(&p, &a, &b);
	assert_memory_equal(&a, &want_a, sizeof a);
	assert_memory_equal(&b, &want_b, sizeof b);
	assert_true(prefix_contains(&p, &a) && prefix_contains(&p, &b));
	if (addr_add(&b, 1, &next) == 0)
		assert_false(prefix_contains(&p, &next));
	struct addr other = addr(a.family == 4 ? "::" : "0.0.0.0"), none = {0};
	assert_false(prefix_contains(&p, &other));
	assert_false(prefix_contains(&p, &none));
}

static void test_prefix(void **state)
{
	(void)state;
	assert_range("10.0.0.0/8", "10.0.0.0/8", "10.0.0.0", "10.255.255.255");
	assert_range("10.20.0.16/29", "10.20.0.16/29", "10.20.0.16", "10.20.0.23");
	assert_range("10.20.0.5", "10.20.0.5/32", "10.20.0.5", "10.20.0.5");
	assert_range("0.0.0.0/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255");
	assert_range("::/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_range("2001:db8:20::/61", "2001:db8:20::/61", "2001:db8:20::", "2001:db8:20:7:ffff:ffff:ffff:ffff");
	assert_range("2001:db8::9", "2001:db8::9/128", "2001:db8::9", "2001:db8::9");
	assert_range("::ffff:10.0.0.0/104", "10.0.0.0/8", "10.0.0.0", "10.255.255.255");
	static const struct {
		const char *text;
		int err;
	} bad[] = {{"", -EINVAL}, {"/8", -EINVAL}, {"10.0.0.0/", -EINVAL}, {"10.0.0.0/33", -EINVAL}, {"::/129", -EINVAL},
		{"10.0.0.0/08", -EINVAL}, {"10.0.0.0/-1", -EINVAL}, {"10.0.0.0/8/8", -EINVAL}, {"10.0.0.0/8 ", -EINVAL},
		{"10.0.0.1/8", -EDOM}, {"10.20.0.20/29", -EDOM}, {"0.0.0.1/0", -EDOM}, {"2001:db8::1/64", -EDOM},
		{"::ffff:0:0/95", -EDOM}, {"1111111111111111111111111111111111111111111111111111/8", -EINVAL}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct prefix p = {.bits = 77};
		assert_int_equal(prefix_parse(bad[i].text, &p), bad[i].err);
		assert_int_equal(p.bits, 77);
	}
	struct prefix none = {0};
	char text[PREFIX_TEXT];
	assert_string_equal(prefix_format(&none, text), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_format),
		cmocka_unit_test(test_one_form),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
