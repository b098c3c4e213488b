/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which password fields say that somebody locked the account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/locked.h"

static void test_fields(void **state)
{
	(void)state;
	static const char *const locked[] = {
		"!$y$j9T$abc$def", "!$6$salt$hash", "!!$6$salt$hash", "!ab01FAX.bQRSU", "!_9G..8147mpcfKT8g0U."};
	static const char *const open[] = {
		"", "!", "!!", "*", "!*", "!!*", "$y$j9T$abc$def", "ab01FAX.bQRSU", "x", "*LK*", "*!$6$salt$hash"};
	for (size_t i = 0; i < sizeof locked / sizeof *locked; i++)
		if (!locked_field(locked[i]))
			fail_msg("'%s' is locked", locked[i]);
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		if (locked_field(open[i]))
			fail_msg("'%s' is not locked", open[i]);
}

/* Whoever has no entry is not locked, whatever else is wrong. */
static void test_no_entry(void **state)
{
	(void)state;
	assert_int_equal(locked_account("nobody-of-this-name"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields), cmocka_unit_test(test_no_entry)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
