/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PAM alone, without anything of ours: what a login cannot be cheaper than. Once and again in one process it shows what the
 * modules compute; started anew for each login, as sekisho-auth is, also what a process of its own and the loading of the modules
 * cost.
 *
 *   login_alone SERVICE USER PASSWORD LOGINS
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tell_password(int count, const struct pam_message **messages, struct pam_response **out, void *password)
{
	struct pam_response *r = calloc((size_t)count, sizeof *r);
	if (!r)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++)
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF || messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			r[i].resp = strdup(password);
	*out = r;
	return PAM_SUCCESS;
}

static int login(const char *service, const char *user, char *password)
{
	const struct pam_conv conversation = {tell_password, password};
	pam_handle_t *h = NULL;
	int code = pam_start(service, user, &conversation, &h);
	if (code == PAM_SUCCESS)
		code = pam_authenticate(h, PAM_DISALLOW_NULL_AUTHTOK);
	if (code == PAM_SUCCESS)
		code = pam_acct_mgmt(h, PAM_DISALLOW_NULL_AUTHTOK);
	pam_end(h, code);
	if (code != PAM_SUCCESS) {
		fprintf(stderr, "PAM says %d\n", code);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 64;
	for (long left = strtol(argv[4], NULL, 10); left > 0; left--)
		if (login(argv[1], argv[2], argv[3]) < 0)
			return 1;
	return 0;
}
