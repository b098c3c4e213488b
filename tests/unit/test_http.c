/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth/http.h"

/* Parses a copy of `text`, which must be one complete head unless `status` says otherwise. */
static char copy[3 * HTTP_HEAD_MAX];

static unsigned parse(const char *text, struct http_request *r)
{
	size_t size = strlen(text), scanned = 0;
	memcpy(copy, text, size + 1);
	ssize_t n = http_head_end(copy, size, &scanned);
	if (n < 0)
		return n == -EMSGSIZE ? 431 : 400;
	return n ? http_parse(copy, (size_t)n, r) : 0;
}

static void test_fields(void **state)
{
	(void)state;
	struct http_request r;
	assert_int_equal(parse("POST /answer?x=/y HTTP/1.1\r\nhOsT:  portal.example \t\r\nOrigin: https://portal.example\r\n"
			       "Content-Length: 42\r\nX:\r\nContent-Type: a/b\r\nAccept-Language: ja\r\nAccept-Language: en\r\n"
			       "Sec-Fetch-Site: same-origin\r\nUser-Agent: \xc3\xa9\r\nConnection: x, Close\r\n\r\n",
				 &r),
		0);
	assert_int_equal(r.method, HTTP_POST);
	assert_string_equal(r.path, "/answer");
	assert_string_equal(r.host, "portal.example");
	assert_string_equal(r.origin, "https://portal.example");
	assert_string_equal(r.fetch_site, "same-origin");
	assert_string_equal(r.content_type, "a/b");
	assert_string_equal(r.accept_language, "ja");
	assert_string_equal(r.user_agent, "\xc3\xa9");
	assert_int_equal(r.content_length, 42);
	assert_true(r.close && r.has_origin && r.has_length);
}

static void test_absent_fields_are_empty(void **state)
{
	(void)state;
	struct http_request r;
	assert_int_equal(parse("BREW / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", &r), 0);
	assert_int_equal(r.method, HTTP_OTHER);
	assert_string_equal(r.origin, "");
	assert_string_equal(r.user_agent, "");
	assert_false(r.close || r.has_origin || r.has_length);
	assert_int_equal(parse("HEAD /x HTTP/1.1\r\nHost: a\r\nOrigin:\r\n\r\n", &r), 0);
	assert_int_equal(r.method, HTTP_HEAD);
	assert_true(r.has_origin);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned status;
	} cases[] = {
		{"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 400},
		{"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
		{"GET /\r\nHost: a\r\n\r\n", 400},
		{" / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"GET /#f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"\r\n\r\n", 400},
		{"GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nOrigin: a\r\nOrigin: b\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\n\tb: c\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\n: c\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: identity\r\n\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8193\r\n\r\n", 413},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413},
		{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 411},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", 417},
	};
	struct http_request r;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (parse(cases[i].text, &r) != cases[i].status)
			fail_msg("%u for %s", parse(cases[i].text, &r), cases[i].text);
}

static void test_nul(void **state)
{
	(void)state;
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	size_t scanned = 0;
	assert_int_equal(http_head_end(text, sizeof text - 1, &scanned), -EBADMSG);
}

/* The result does not depend on how the bytes arrive, and nothing is said before the end is there. */
static void test_byte_by_byte(void **state)
{
	(void)state;
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
	size_t scanned = 0, head = sizeof text - 1 - 3;
	for (size_t n = 0; n < head; n++)
		assert_int_equal(http_head_end(text, n, &scanned), 0);
	assert_int_equal(http_head_end(text, sizeof text - 1, &scanned), head);
	struct http_request r;
	memcpy(copy, text, sizeof text);
	assert_int_equal(http_parse(copy, head - 1, &r), 400);
	memcpy(copy, text, sizeof text);
	assert_int_equal(http_parse(copy, head + 1, &r), 400);
}

static void test_sizes(void **state)
{
	(void)state;
	struct http_request r;
	static char text[3 * HTTP_HEAD_MAX];
	for (unsigned fields = HTTP_HEADERS_MAX - 1; fields <= HTTP_HEADERS_MAX; fields++) {
		int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");
		for (unsigned i = 0; i < fields; i++)
			n += snprintf(text + n, sizeof text - (size_t)n, "a: b\r\n");
		snprintf(text + n, sizeof text - (size_t)n, "\r\n");
		assert_int_equal(parse(text, &r), fields < HTTP_HEADERS_MAX ? 0 : 400);
	}
	for (int extra = 0; extra <= 1; extra++) {
		static const char start[] = "GET / HTTP/1.1\r\nHost: a\r\nb: ";
		int fill = HTTP_HEAD_MAX - (int)sizeof start + 1 - 4 + extra;
		snprintf(text, sizeof text, "%s%0*d\r\n\r\n", start, fill, 0);
		assert_int_equal(strlen(text), HTTP_HEAD_MAX + extra);
		assert_int_equal(parse(text, &r), extra ? 431 : 0);
	}
}

static void test_hosts(void **state)
{
	(void)state;
	assert_true(http_host_is("Portal.example", "portal.example", 443));
	assert_true(http_host_is("portal.example:443", "portal.example", 443));
	assert_true(http_host_is("[fd64::1]", "fd64::1", 443));
	assert_true(http_host_is("[FD64::1]:8443", "fd64::1", 8443));
	assert_false(http_host_is("portal.example.evil", "portal.example", 443));
	assert_false(http_host_is("portal.exampl", "portal.example", 443));
	assert_false(http_host_is("portal.example:4433", "portal.example", 443));
	assert_false(http_host_is("portal.example:", "portal.example", 443));
	assert_false(http_host_is("fd64::1", "fd64::1", 443));
	assert_false(http_host_is("[fd64::1", "fd64::1", 443));
	assert_false(http_host_is("", "fd64::1", 443));
	assert_false(http_host_is("[fd64::1]x", "fd64::1", 443));
}

static void test_origin_and_type(void **state)
{
	(void)state;
	assert_true(http_origin_matches("HTTPS://a.b:1", "A.b:1"));
	assert_false(http_origin_matches("http://a.b", "a.b"));
	assert_false(http_origin_matches("https://a.b/", "a.b"));
	assert_false(http_origin_matches("null", "a.b"));
	assert_false(http_origin_matches("", ""));
	assert_true(http_type_is("Text/Plain ; charset=x", "text/plain"));
	assert_false(http_type_is("text/plainx", "text/plain"));
	assert_false(http_type_is("", "text/plain"));
}

static void test_reply(void **state)
{
	(void)state;
	char head[HTTP_REPLY_HEAD_MAX];
	struct http_reply r = {.status = 303, .location = "/", .retry_after = 5, .length = 7};
	ssize_t n = http_reply_head(&r, 784111777, head, sizeof head);
	assert_int_equal(n, strlen(head));
	assert_ptr_equal(strstr(head, "HTTP/1.1 303 See Other\r\n"), head);
	assert_non_null(strstr(head, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
	assert_non_null(strstr(head, "Content-Length: 7\r\nLocation: /\r\nRetry-After: 5\r\nCache-Control: no-store\r\n"));
	assert_non_null(strstr(head, "Connection: keep-alive\r\n\r\n"));
	for (size_t size = 0; size <= (size_t)n; size++)
		assert_int_equal(http_reply_head(&r, 784111777, head, size), -EMSGSIZE);
	assert_int_equal(http_reply_head(&r, 784111777, head, (size_t)n + 1), n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_absent_fields_are_empty),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_origin_and_type),
		cmocka_unit_test(test_reply),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
