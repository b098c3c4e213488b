/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which PAM service files leave nothing to the service "other", and what a PAM code means in which stage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <security/pam_appl.h>

#include "auth/pamstack.h"
#include "auth/service.h"

static void test_speaks(void **state)
{
	(void)state;
	static const char *const good[] = {
		"auth required pam_unix.so\naccount required pam_unix.so",
		"#comment\n\n  auth\trequired pam_unix.so\n\taccount required pam_unix.so\n",
		"-auth optional pam_x.so\n-account optional pam_x.so\n",
		"AUTH required pam_unix.so\nAccount required pam_unix.so\n",
		"@include common-auth\n",
		"account required pam_unix.so\nauth [success=1 default=ignore] pam_unix.so\n",
	};
	static const char *const bad[] = {
		"",
		"\n\n",
		"auth required pam_unix.so\n",
		"account required pam_unix.so\n",
		"auth required pam_unix.so\n#account required pam_unix.so\n",
		"auth required pam_unix.so\n  # account required pam_unix.so\n",
		"authx required pam_unix.so\naccount required pam_unix.so\n",
		"session required auth account\n",
		"auth\naccount\n",
		"# @include common-auth\n",
		"@includex common-auth\n",
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(service_speaks(good[i], strlen(good[i]), false));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(service_speaks(bad[i], strlen(bad[i]), false));
	/* Never beyond the size given: the last word is cut off. */
	for (size_t cut = 0; cut < strlen("account "); cut++)
		assert_false(service_speaks("auth x\naccount x", strlen("auth x\n") + cut, false));
	assert_false(service_speaks("auth x\naccount x\n", strlen("auth x\naccount x\n"), true));
	assert_true(service_speaks("auth x\naccount x\npassword x", strlen("auth x\naccount x\npassword x"), true));
}

static void test_reason(void **state)
{
	(void)state;
	for (int code = -1; code < 256; code++)
		for (enum pamstack_stage stage = STAGE_START; stage <= STAGE_ACCOUNT; stage++)
			assert_int_equal(pamstack_reason(stage, code) == LOGIN_OK, code == PAM_SUCCESS);
	assert_int_equal(pamstack_reason(STAGE_AUTHENTICATE, PAM_PERM_DENIED), LOGIN_BAD_CREDENTIALS);
	assert_int_equal(pamstack_reason(STAGE_ACCOUNT, PAM_PERM_DENIED), LOGIN_ACCOUNT_DENIED);
	assert_int_equal(pamstack_reason(STAGE_ACCOUNT, PAM_NEW_AUTHTOK_REQD), LOGIN_PASSWORD_EXPIRED);
	assert_int_equal(pamstack_reason(STAGE_START, PAM_SYSTEM_ERR), LOGIN_BACKEND_UNAVAILABLE);
	assert_string_equal(pamstack_stage_name(STAGE_START), "start");
	assert_string_equal(pamstack_stage_name(STAGE_ACCOUNT), "account");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_speaks),
		cmocka_unit_test(test_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
