/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth/form.h"

static struct form form;

static int parse(const char *text)
{
	return form_parse(text, strlen(text), &form);
}

static void test_decoding(void **state)
{
	(void)state;
	assert_int_equal(parse("user=a+b%2B%26%3D&a0=%e3%81%82%09&empty=&x%20y==="), 0);
	assert_int_equal(form.count, 4);
	assert_string_equal(form_get(&form, "user"), "a b+&=");
	assert_string_equal(form_get(&form, "a0"), "あ\t");
	assert_string_equal(form_get(&form, "empty"), "");
	assert_string_equal(form_get(&form, "x y"), "==");
	assert_null(form_get(&form, "a1"));
	assert_int_equal(parse(""), 0);
	assert_int_equal(form.count, 0);
}

static void test_refused_and_wiped(void **state)
{
	(void)state;
	static const char *const bad[] = {"user", "=x", "a=1&", "&a=1", "a=1&&b=2", "a=1&a=2", "a=1&%61=2", "a=%", "a=%4",
		"a=%4g", "a=%00", "a=%0a", "a=%7f", "a=\x01", "a=\xff", "a=%ed%a0%80", "a=%c0%80", "%0d=x"};
	static const struct form empty;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[64];
		snprintf(text, sizeof text, "secret=s3&%s", bad[i]);
		if (parse(text) != -EBADMSG || memcmp(&form, &empty, sizeof form) != 0)
			fail_msg("%s", text);
	}
}

static void test_bounds(void **state)
{
	(void)state;
	static char text[HTTP_BODY_MAX + 2];
	for (size_t extra = 0; extra <= 1; extra++) {
		memset(text, 'x', sizeof text);
		memcpy(text, "a=", 2);
		assert_int_equal(form_parse(text, HTTP_BODY_MAX + extra, &form), extra ? -EBADMSG : 0);
	}
	for (unsigned fields = FORM_FIELDS_MAX; fields <= FORM_FIELDS_MAX + 1; fields++) {
		int n = 0;
		for (unsigned i = 0; i < fields; i++)
			n += snprintf(text + n, sizeof text - (size_t)n, "%sf%u=v", i ? "&" : "", i);
		assert_int_equal(parse(text), fields > FORM_FIELDS_MAX ? -EBADMSG : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoding),
		cmocka_unit_test(test_refused_and_wiped),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
