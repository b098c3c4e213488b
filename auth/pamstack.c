/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/pamstack.h"

#include <stdint.h>
#include <string.h>
#include <security/pam_appl.h>

#include "auth/locked.h"
#include "auth/service.h"
#include "common/paths.h"
#include "common/say.h"

static const char terminal[] = "sekisho";

const char *pamstack_stage_name(enum pamstack_stage stage)
{
	static const char *const names[] = {[STAGE_START] = "start",
		[STAGE_AUTHENTICATE] = "authenticate",
		[STAGE_ACCOUNT] = "account",
		[STAGE_PASSWORD] = "password",
		[STAGE_LOCKED] = "locked"};
	return names[stage];
}

enum login_reason pamstack_reason(enum pamstack_stage stage, int code)
{
	/* Whatever kept the user from a new password, the old one has expired. */
	if (stage == STAGE_PASSWORD && code != PAM_SUCCESS)
		return LOGIN_PASSWORD_EXPIRED;
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

/* PAM does not mind a lock that was put on the local password only: a user with a code or a key would still come in. */
static enum login_reason look_for_lock(struct pamstack_result *r)
{
	int locked = locked_account(r->user);
	if (locked == 0)
		return LOGIN_OK;
	if (locked < 0) {
		say_error("cannot see whether the account of user %s is locked: %s; try: getent shadow %s", r->user,
			strerror(-locked), r->user);
		return LOGIN_BACKEND_UNAVAILABLE;
	}
	r->stage = STAGE_LOCKED;
	return LOGIN_ACCOUNT_DENIED;
}

/* Only for a password that has expired; then the account must say yes without it. */
static void change_password(pam_handle_t *h, const char *service, struct pamstack_result *r)
{
	char why[512];
	if (service_check(service, true, why, sizeof why) < 0) {
		say_error("%s", why);
		return;
	}
	r->stage = STAGE_PASSWORD;
	r->code = pam_chauthtok(h, PAM_CHANGE_EXPIRED_AUTHTOK);
	if (r->code != PAM_SUCCESS)
		return;
	r->changed = true;
	r->stage = STAGE_ACCOUNT;
	r->code = pam_acct_mgmt(h, PAM_DISALLOW_NULL_AUTHTOK);
}

/*
 * The stages in order. pam_setcred(3) and pam_open_session(3) are left out on purpose: they furnish a process that will run as
 * the user (groups, keyring, tickets, limits, a login record), and no process ever runs as the user here; the session is the
 * gateway's.
 */
static void run_stages(pam_handle_t *h, const struct pamstack_question *q, bool authenticate, struct pamstack_result *r)
{
	r->stage = STAGE_AUTHENTICATE;
	r->code = authenticate ? pam_authenticate(h, PAM_DISALLOW_NULL_AUTHTOK) : PAM_SUCCESS;
	if (r->code == PAM_SUCCESS) {
		r->stage = STAGE_ACCOUNT;
		r->code = pam_acct_mgmt(h, PAM_DISALLOW_NULL_AUTHTOK);
	}
	if (r->code == PAM_NEW_AUTHTOK_REQD && r->stage == STAGE_ACCOUNT && q->change)
		change_password(h, q->service, r);
	r->reason = pamstack_reason(r->stage, r->code);
	if (r->reason == LOGIN_BACKEND_UNAVAILABLE)
		say_error("PAM failed in stage '%s': %s (code %d); the modules' own messages are in the journal: journalctl -t "
			  "sekisho-auth",
			pamstack_stage_name(r->stage), pam_strerror(h, r->code), r->code);
	if (r->reason == LOGIN_OK)
		r->reason = take_user(h, r->user);
	if (r->reason == LOGIN_OK)
		r->reason = look_for_lock(r);
	if (r->reason != LOGIN_OK)
		r->user[0] = '\0';
}

static void run(const struct pamstack_question *q, const struct pam_conv *conv, bool authenticate, struct pamstack_result *r)
{
	pam_handle_t *h = NULL;
	char why[512];
	*r = (struct pamstack_result){.reason = LOGIN_BACKEND_UNAVAILABLE, .stage = STAGE_START, .code = PAM_SYSTEM_ERR};
	if (!q->user[0]) {
		/* What was typed cannot be a name, hence nobody's. */
		r->reason = LOGIN_USER_UNKNOWN;
		r->code = PAM_USER_UNKNOWN;
		return;
	}
	if (service_check(q->service, false, why, sizeof why) < 0) {
		say_error("%s", why);
		return;
	}
	r->code = pam_start(q->service, q->user, conv, &h);
	if (r->code == PAM_SUCCESS)
		r->code = set_items(h, q->rhost);
	if (r->code == PAM_SUCCESS)
		run_stages(h, q, authenticate, r);
	else
		say_error(
			"cannot start PAM: %s; look at the PAM service file and the modules it names", pam_strerror(h, r->code));
	if (h)
		pam_end(h, r->code);
}

void pamstack_run(const struct pamstack_question *q, struct conversation *c, struct pamstack_result *out)
{
	const struct pam_conv conv = {.conv = conversation_ask, .appdata_ptr = c};
	run(q, &conv, true, out);
	if (c->broken)
		out->reason = LOGIN_ABORTED;
}

void pamstack_account(const char *user, const char *rhost, struct pamstack_result *out)
{
	const struct pam_conv conv = {.conv = conversation_mute};
	const struct pamstack_question q = {.service = LOGIN_SERVICE, .user = user, .rhost = rhost};
	run(&q, &conv, false, out);
	if (out->reason == LOGIN_OK && strcmp(out->user, user) != 0) {
		say_error("a PAM module turned user %s into %s in the account phase: correct the module or its mapping", user,
			out->user);
		out->reason = LOGIN_BACKEND_UNAVAILABLE;
	}
}
