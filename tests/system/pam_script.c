/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PAM module that does what a file says, line by line, to bring about what real modules do rarely or badly. Its first argument
 * is the file. A stage ends with PAM_SUCCESS unless a line says otherwise:
 *
 *   info TEXT          a PAM_TEXT_INFO                null TEXT     the same with resp == NULL
 *   error TEXT         a PAM_ERROR_MSG                nullask TEXT  a question with resp == NULL
 *   ask ANSWER TEXT    a question; another answer is PAM_AUTH_ERR
 *   batch N            N - 1 informations and then one question in one call; any answer will do
 *   odd                a message in a style that nobody knows
 *   env NAME           an information with that variable of the environment
 *   status NAME        an information with that line of /proc/self/status
 *   item RHOST|TTY     an information with that item
 *   user NAME          changes PAM_USER
 *   delay              asks libpam for a delay of ten minutes after failure
 *   spawn FILE         leaves a daemon behind, in a session of its own, which writes its pid to FILE
 *   gate FIFO          waits until somebody opens it for writing
 *   hang               never returns
 *   crash              dies
 *   code N             ends the stage with N
 */
#include <security/pam_modules.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCH_MAX = 32 };

static const struct pam_conv *conversation(pam_handle_t *h)
{
	const void *item = NULL;
	return pam_get_item(h, PAM_CONV, &item) == PAM_SUCCESS ? item : NULL;
}

static int tell(pam_handle_t *h, int style, const char *text, struct pam_response **r)
{
	const struct pam_conv *c = conversation(h);
	const struct pam_message m = {.msg_style = style, .msg = text}, *list = &m;
	return c ? c->conv(1, &list, r, c->appdata_ptr) : PAM_CONV_ERR;
}

static int show(pam_handle_t *h, int style, const char *text)
{
	struct pam_response *r = NULL;
	int code = tell(h, style, text, &r);
	if (code == PAM_SUCCESS && r && r->resp)
		code = PAM_SYSTEM_ERR; /* nothing was asked */
	free(r);
	return code;
}

static int ask(pam_handle_t *h, char *argument)
{
	struct pam_response *r = NULL;
	char *text = strchr(argument, ' ');
	if (!text)
		return PAM_SYSTEM_ERR;
	*text++ = '\0';
	int code = tell(h, PAM_PROMPT_ECHO_OFF, text, &r);
	if (code != PAM_SUCCESS)
		return code;
	if (!r || !r->resp || strcmp(r->resp, argument) != 0)
		code = PAM_AUTH_ERR;
	if (r)
		free(r->resp);
	free(r);
	return code;
}

static int batch(pam_handle_t *h, int count)
{
	const struct pam_conv *c = conversation(h);
	struct pam_message m[BATCH_MAX];
	const struct pam_message *list[BATCH_MAX];
	struct pam_response *r = NULL;
	char text[BATCH_MAX][16];
	if (!c || count < 1 || count > BATCH_MAX)
		return PAM_SYSTEM_ERR;
	for (int i = 0; i < count; i++) {
		snprintf(text[i], sizeof text[i], "line %d", i);
		m[i] = (struct pam_message){.msg_style = i < count - 1 ? PAM_TEXT_INFO : PAM_PROMPT_ECHO_ON, .msg = text[i]};
		list[i] = &m[i];
	}
	int code = c->conv(count, list, &r, c->appdata_ptr);
	if (code != PAM_SUCCESS)
		return code;
	code = r[count - 1].resp ? PAM_SUCCESS : PAM_SYSTEM_ERR;
	free(r[count - 1].resp);
	free(r);
	return code;
}

static int show_status(pam_handle_t *h, const char *name)
{
	char line[256];
	int code = PAM_SYSTEM_ERR;
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			code = show(h, PAM_TEXT_INFO, line);
	if (f)
		fclose(f);
	return code;
}

static int show_item(pam_handle_t *h, const char *name)
{
	const void *item = NULL;
	pam_get_item(h, !strcmp(name, "TTY") ? PAM_TTY : PAM_RHOST, &item);
	return show(h, PAM_TEXT_INFO, item ? item : "none");
}

static void wait_forever(void)
{
	for (;;)
		pause();
}

static void leave_daemon(const char *path)
{
	pid_t pid = fork();
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (pid != 0)
		return;
	setsid();
	signal(SIGTERM, SIG_IGN);
	if (fork() != 0)
		_exit(0);
	FILE *f = fopen(path, "we");
	if (f) {
		fprintf(f, "%d\n", (int)getpid());
		fclose(f);
	}
	wait_forever();
}

static int wait_gate(const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return PAM_SYSTEM_ERR;
	fclose(f);
	return PAM_SUCCESS;
}

static int obey(pam_handle_t *h, const char *word, char *argument)
{
	const char *value;
	if (!strcmp(word, "info"))
		return show(h, PAM_TEXT_INFO, argument);
	if (!strcmp(word, "error"))
		return show(h, PAM_ERROR_MSG, argument);
	if (!strcmp(word, "null"))
		return tell(h, PAM_TEXT_INFO, argument, NULL);
	if (!strcmp(word, "nullask"))
		return tell(h, PAM_PROMPT_ECHO_OFF, argument, NULL);
	if (!strcmp(word, "ask"))
		return ask(h, argument);
	if (!strcmp(word, "batch"))
		return batch(h, (int)strtol(argument, NULL, 10));
	if (!strcmp(word, "odd"))
		return show(h, 77, "odd");
	if (!strcmp(word, "env"))
		return show(h, PAM_TEXT_INFO, (value = getenv(argument)) ? value : "unset");
	if (!strcmp(word, "status"))
		return show_status(h, argument);
	if (!strcmp(word, "item"))
		return show_item(h, argument);
	if (!strcmp(word, "user"))
		return pam_set_item(h, PAM_USER, argument);
	if (!strcmp(word, "gate"))
		return wait_gate(argument);
	if (!strcmp(word, "delay"))
		return pam_fail_delay(h, 600000000);
	if (!strcmp(word, "spawn"))
		leave_daemon(argument);
	else if (!strcmp(word, "hang"))
		wait_forever();
	else if (!strcmp(word, "crash"))
		abort();
	else
		return PAM_SYSTEM_ERR;
	return PAM_SUCCESS;
}

static int run(pam_handle_t *h, int argc, const char **argv)
{
	char line[512];
	int code = PAM_SUCCESS;
	FILE *f = argc == 1 ? fopen(argv[0], "re") : NULL;
	if (!f)
		return PAM_SYSTEM_ERR;
	while (code == PAM_SUCCESS && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		char *argument = strchr(line, ' ');
		if (argument)
			*argument++ = '\0';
		if (!strcmp(line, "code"))
			code = argument ? (int)strtol(argument, NULL, 10) : PAM_SYSTEM_ERR;
		else
			code = obey(h, line, argument ? argument : line + strlen(line));
	}
	fclose(f);
	return code;
}

int pam_sm_authenticate(pam_handle_t *h, int flags, int argc, const char **argv)
{
	(void)flags;
	return run(h, argc, argv);
}

int pam_sm_setcred(pam_handle_t *h, int flags, int argc, const char **argv)
{
	(void)h, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *h, int flags, int argc, const char **argv)
{
	(void)flags;
	return run(h, argc, argv);
}
