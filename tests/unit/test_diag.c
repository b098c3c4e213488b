/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mistakes in administrators' files, as they are shown: text and caret to the column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"

static void assert_rendered(struct diag *d, const char *expected)
{
	char *text = diag_render(d);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	diag_free(d);
	assert_int_equal(d->count, 0);
	assert_null(d->entries);
}

static void test_empty(void **state)
{
	(void)state;
	struct diag d = diag_new();
	assert_false(d.failed);
	assert_rendered(&d, "");
}

static void test_plain(void **state)
{
	(void)state;
	struct diag d = diag_new();
	diag_add(&d, DIAG_WARNING, "systems.acl", 9, 0, 0, NULL, "nobody uses system '%s'", "fax");
	assert_false(d.failed);
	diag_add(&d, DIAG_ERROR, "users/t-yamada.acl", 3, 8, 7, "allow  webmial", "unknown system 'webmial'; did you mean '%s'?",
		"webmail");
	assert_true(d.failed);
	diag_add(&d, DIAG_ERROR, "users", 0, 0, 0, NULL, "cannot be read");
	diag_add(&d, DIAG_ERROR, "a", 2, 0, 0, "the line", "odd");
	assert_int_equal(d.count, 4);
	assert_rendered(&d, "systems.acl:9: warning: nobody uses system 'fax'\n"
			    "users/t-yamada.acl:3:8: error: unknown system 'webmial'; did you mean 'webmail'?\n"
			    "    allow  webmial\n"
			    "           ^~~~~~~\n"
			    "users: error: cannot be read\n"
			    "a:2: error: odd\n"
			    "    the line\n");
}

static void assert_source(const char *source, unsigned column, unsigned width, const char *shown, const char *caret)
{
	char expected[256];
	struct diag d = diag_new();
	snprintf(expected, sizeof expected, "f:1:%u: error: x\n    %s\n    %s\n", column, shown, caret);
	diag_add(&d, DIAG_ERROR, "f", 1, column, width, source, "x");
	assert_rendered(&d, expected);
}

static void test_caret(void **state)
{
	(void)state;
	assert_source("allow x", 1, 5, "allow x", "^~~~~");
	assert_source("allow x", 7, 0, "allow x", "      ^");
	assert_source("allow x", 8, 1, "allow x", "       ^"); /* something is missing at the end */
	assert_source("", 1, 1, "", "^");
	assert_source("allow x", 7, 9, "allow x", "      ^"); /* never beyond the line */
	assert_source("\tallow x", 2, 5, " allow x", " ^~~~~");
	assert_source("関所 x", 4, 1, "関所 x", "     ^");
	assert_source("a関所 x", 2, 2, "a関所 x", " ^~~~");
	assert_source("e\xcc\x81 x", 4, 1, "e\xcc\x81 x", "  ^");
	assert_source("a\x01z", 3, 1, "a\\x01z", "     ^");
	assert_source("a\xff\xfez", 2, 2, "a\\xff\\xfez", " ^~~~~~~~");
	assert_source("a\xe2\x80\xaez", 3, 1, "a\\u{202e}z", "         ^");
}

static void test_hostile(void **state)
{
	(void)state;
	struct diag d = diag_new();
	diag_add(&d, DIAG_ERROR, "a\nb", 1, 0, 0, NULL, "unknown '%s'", "x\x1b[2J\xff");
	assert_rendered(&d, "a\\x0ab:1: error: unknown 'x\\x1b[2J\\xff'\n");
}

static void test_many(void **state)
{
	(void)state;
	struct diag d = diag_new();
	for (unsigned i = 0; i < DIAG_MAX + 5; i++)
		diag_add(&d, DIAG_WARNING, "f", i + 1, 0, 0, NULL, "odd");
	assert_int_equal(d.count, DIAG_MAX);
	assert_int_equal(d.dropped, 5);
	assert_false(d.failed);
	diag_add(&d, DIAG_ERROR, "f", 1, 0, 0, NULL, "wrong");
	assert_true(d.failed);
	assert_int_equal(d.entries[DIAG_MAX - 1].line, DIAG_MAX);
	char *text = diag_render(&d);
	static const char end[] = "f:1000: warning: odd\n6 more not shown; mend these first\n";
	assert_string_equal(text + strlen(text) - strlen(end), end);
	free(text);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_caret),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
