/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/pamstack.h"

#include <stdint.h>
#include <string.h>
#include <security/pam_appl.h>

#include "auth/service.h"
#include "common/say.h"

static const char service[] = "sekisho", terminal[] = "sekisho";

const char *pamstack_stage_name(enum pamstack_stage stage)
{
	static const char *const names[] = {
		[STAGE_START] = "start", [STAGE_AUTHENTICATE] = "authenticate", [STAGE_ACCOUNT] = "account"};
	return names[stage];
}

enum login_reason pamstack_reason(enum pamstack_stage stage, int code)
{
	switch (code) {
	case PAM_SUCCESS:
		return LOGIN_OK;
	case PAM_USER_UNKNOWN:
		return LOGIN_USER_UNKNOWN;
	case PAM_AUTH_ERR:
	case PAM_PERM_DENIED:
	case PAM_CRED_INSUFFICIENT:
		return stage == STAGE_ACCOUNT ? LOGIN_ACCOUNT_DENIED : LOGIN_BAD_CREDENTIALS;
	case PAM_MAXTRIES:
		return LOGIN_MAX_TRIES;
	case PAM_ACCT_EXPIRED:
		return LOGIN_ACCOUNT_EXPIRED;
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_AUTHTOK_EXPIRED:
		return LOGIN_PASSWORD_EXPIRED;
	default:
		return LOGIN_BACKEND_UNAVAILABLE;
	}
}

/* libpam would sleep after a failure, holding a turn; the answer to the portal is delayed instead: see attempt.c. */
static void no_delay(int code, unsigned usec, void *data)
{
	(void)code, (void)usec, (void)data;
}

static int set_items(pam_handle_t *h, const char *rhost)
{
	int code = pam_set_item(h, PAM_TTY, terminal);
	if (code == PAM_SUCCESS && rhost[0])
		code = pam_set_item(h, PAM_RHOST, rhost);
	if (code == PAM_SUCCESS)
		code = pam_set_item(h, PAM_FAIL_DELAY, (const void *)(uintptr_t)no_delay);
	return code;
}

/* A module may map what was typed to another user; whoever it is must be a name. */
static enum login_reason take_user(pam_handle_t *h, char user[static USER_NAME_MAX + 1])
{
	const void *item = NULL;
	int code = pam_get_item(h, PAM_USER, &item);
	if (code != PAM_SUCCESS || !item || !text_name_valid(item)) {
		say_error("a PAM module changed the user to something that is no name; correct the module or its mapping");
		return LOGIN_BACKEND_UNAVAILABLE;
	}
	memcpy(user, item, strlen(item) + 1);
	return LOGIN_OK;
}

/*
 * The stages in order. pam_setcred(3) and pam_open_session(3) are left out on purpose: they furnish a process that will run as
 * the user (groups, keyring, tickets, limits, a login record), and no process ever runs as the user here; the session is the
 * gateway's.
 */
static void run_stages(pam_handle_t *h, struct pamstack_result *r)
{
	r->stage = STAGE_AUTHENTICATE;
	r->code = pam_authenticate(h, PAM_DISALLOW_NULL_AUTHTOK);
	if (r->code == PAM_SUCCESS) {
		r->stage = STAGE_ACCOUNT;
		r->code = pam_acct_mgmt(h, PAM_DISALLOW_NULL_AUTHTOK);
	}
	r->reason = pamstack_reason(r->stage, r->code);
	if (r->reason == LOGIN_BACKEND_UNAVAILABLE)
		say_error("PAM failed in stage '%s': %s (code %d); the modules' own messages are in the journal: journalctl -t "
			  "sekisho-auth",
			pamstack_stage_name(r->stage), pam_strerror(h, r->code), r->code);
	if (r->reason == LOGIN_OK)
		r->reason = take_user(h, r->user);
}

void pamstack_run(const char *user, const char *rhost, struct conversation *c, struct pamstack_result *out)
{
	const struct pam_conv conv = {.conv = conversation_ask, .appdata_ptr = c};
	struct pamstack_result r = {.reason = LOGIN_BACKEND_UNAVAILABLE, .stage = STAGE_START, .code = PAM_SYSTEM_ERR};
	pam_handle_t *h = NULL;
	char why[512];
	if (!user[0]) {
		/* What was typed cannot be a name, hence nobody's. */
		r.reason = LOGIN_USER_UNKNOWN;
		r.code = PAM_USER_UNKNOWN;
		goto out;
	}
	if (service_check(why, sizeof why) < 0) {
		say_error("%s", why);
		goto out;
	}
	r.code = pam_start(service, user, &conv, &h);
	if (r.code == PAM_SUCCESS)
		r.code = set_items(h, rhost);
	if (r.code == PAM_SUCCESS)
		run_stages(h, &r);
	else
		say_error("cannot start PAM: %s; look at the PAM service file and the modules it names", pam_strerror(h, r.code));
	if (h)
		pam_end(h, r.code);
	if (c->broken)
		r.reason = LOGIN_ABORTED;
out:
	*out = r;
}
