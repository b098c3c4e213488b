/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recheck's one conversation, with sekisho-auth played by the test, well and badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/recheck.h"

enum { DEADLINE_SECONDS = 60 };

static char path[108];
static int listener = -1;
static sd_event *loop;

/* What came of it. */
static struct outcome {
	unsigned calls;
	enum recheck_result result;
	enum login_reason reason;
	char why[160], stage[16], group[USER_NAME_MAX + 1];
	int32_t code;
	unsigned groups;
} outcome;

static void on_done(const struct recheck_answer *a, void *arg)
{
	struct outcome *o = arg;
	o->calls++;
	o->result = a->result;
	o->reason = a->reason;
	snprintf(o->why, sizeof o->why, "%s", a->why ? a->why : "");
	snprintf(o->stage, sizeof o->stage, "%s", a->stage);
	o->code = a->pam_code;
	o->groups = a->group_count;
	if (a->group_count)
		memcpy(o->group, a->groups[0], sizeof o->group);
	sd_event_exit(loop, 0);
}

/* Asks about t-yamada; the test's end of the connection. */
static int begin(int64_t seconds, struct recheck **r)
{
	struct message *m = NULL;
	outcome = (struct outcome){0};
	assert_int_equal(sd_event_new(&loop), 0);
	assert_int_equal(recheck_start(loop, path, "t-yamada", "198.51.100.7", seconds, on_done, &outcome, r), 0);
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(message_receive(fd, &m), 0);
	assert_int_equal(m->type, RECHECK_ASK);
	assert_string_equal(m->user, "t-yamada");
	assert_string_equal(m->rhost, "198.51.100.7");
	message_free(m);
	return fd;
}

static void finish(int fd)
{
	assert_true(sd_event_loop(loop) >= 0);
	sd_event_unref(loop);
	assert_int_equal(outcome.calls, 1);
	/* Nothing is held open after the answer. */
	struct message *m = NULL;
	assert_int_equal(message_receive(fd, &m), -EPIPE);
	close(fd);
}

static struct message *result(unsigned reason, const char *user)
{
	struct message *m = message_new(RECHECK_RESULT);
	assert_non_null(m);
	m->result = (uint8_t)reason;
	snprintf(m->user, sizeof m->user, "%s", user);
	snprintf(m->stage, sizeof m->stage, "account");
	return m;
}

static void say(int fd, struct message *m)
{
	assert_int_equal(message_send(fd, m), 0);
	message_free(m);
}

static void test_valid(void **state)
{
	(void)state;
	static char groups[2][USER_NAME_MAX + 1] = {"soumu", "users"};
	struct recheck *r;
	int fd = begin(DEADLINE_SECONDS, &r);
	struct message *m = result(LOGIN_OK, "t-yamada");
	m->groups = groups;
	m->group_count = 2;
	say(fd, m);
	finish(fd);
	assert_int_equal(outcome.result, RECHECK_VALID);
	assert_int_equal(outcome.groups, 2);
	assert_string_equal(outcome.group, "soumu");
}

static void test_every_reason(void **state)
{
	(void)state;
	static const enum login_reason invalid[] = {LOGIN_BAD_CREDENTIALS, LOGIN_USER_UNKNOWN, LOGIN_ACCOUNT_DENIED,
		LOGIN_ACCOUNT_EXPIRED, LOGIN_PASSWORD_EXPIRED, LOGIN_MAX_TRIES};
	for (unsigned reason = 0; reason < LOGIN_REASONS; reason++) {
		enum recheck_result expected = reason == LOGIN_OK ? RECHECK_VALID : RECHECK_UNAVAILABLE;
		for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
			if (invalid[i] == reason)
				expected = RECHECK_INVALID;
		struct recheck *r;
		int fd = begin(DEADLINE_SECONDS, &r);
		struct message *m = result(reason, "t-yamada");
		m->pam_code = 13;
		say(fd, m);
		finish(fd);
		assert_int_equal(outcome.result, expected);
		assert_int_equal(outcome.reason, reason);
		assert_string_equal(outcome.stage, "account");
		assert_int_equal(outcome.code, 13);
		assert_true(expected != RECHECK_UNAVAILABLE || outcome.why[0]);
	}
	assert_int_equal(recheck_judge(LOGIN_REASONS), RECHECK_UNAVAILABLE);
}

/* Whatever is wrong with the answer, nobody loses a session over it. */
static void assert_unavailable(int fd, const char *words)
{
	finish(fd);
	assert_int_equal(outcome.result, RECHECK_UNAVAILABLE);
	assert_int_equal(outcome.groups, 0);
	if (!strstr(outcome.why, words))
		fail_msg("'%s' does not say '%s'", outcome.why, words);
}

static void test_another_user(void **state)
{
	(void)state;
	struct recheck *r;
	int fd = begin(DEADLINE_SECONDS, &r);
	say(fd, result(LOGIN_USER_UNKNOWN, "h-suzuki"));
	assert_unavailable(fd, "broke the rules");
}

static void test_wrong_words(void **state)
{
	(void)state;
	static const uint8_t bad[][4] = {{RECHECK_RESULT}, {RECHECK_ASK, 0, 0, 0}, {AUTH_RESULT, 0}, {VERDICT_PAUSE}, {255}};
	static const size_t sizes[] = {1, 4, 2, 1, 1};
	struct recheck *r;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		int fd = begin(DEADLINE_SECONDS, &r);
		assert_int_equal(send(fd, bad[i], sizes[i], 0), sizes[i]);
		assert_unavailable(fd, "broke the rules");
	}
}

static void test_trailing_byte(void **state)
{
	(void)state;
	static uint8_t data[MESSAGE_MAX];
	struct recheck *r;
	int fd = begin(DEADLINE_SECONDS, &r);
	struct message *m = result(LOGIN_USER_UNKNOWN, "t-yamada");
	ssize_t size = message_encode(m, data, sizeof data);
	message_free(m);
	assert_true(size > 0);
	assert_int_equal(send(fd, data, (size_t)size + 1, 0), size + 1);
	assert_unavailable(fd, "broke the rules");
}

static void test_hangs_up(void **state)
{
	(void)state;
	struct recheck *r;
	int fd = begin(DEADLINE_SECONDS, &r);
	shutdown(fd, SHUT_WR);
	assert_unavailable(fd, "ended without an answer");
}

static void test_silence(void **state)
{
	(void)state;
	struct recheck *r;
	int fd = begin(0, &r);
	assert_unavailable(fd, "does not answer");
}

static void test_cancel(void **state)
{
	(void)state;
	struct recheck *r;
	int fd = begin(DEADLINE_SECONDS, &r);
	struct message *m = NULL;
	recheck_cancel(r);
	recheck_cancel(NULL);
	assert_int_equal(message_receive(fd, &m), -EPIPE);
	assert_int_equal(outcome.calls, 0);
	sd_event_unref(loop);
	close(fd);
}

static void test_cannot_ask(void **state)
{
	(void)state;
	struct recheck *r = NULL;
	char long_path[300];
	outcome = (struct outcome){0};
	assert_int_equal(sd_event_new(&loop), 0);
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = '\0';
	assert_int_equal(recheck_start(loop, "/nowhere/at/all", "a", "", 1, on_done, &outcome, &r), -ENOENT);
	assert_int_equal(recheck_start(loop, long_path, "a", "", 1, on_done, &outcome, &r), -ENAMETOOLONG);
	assert_int_equal(recheck_start(loop, path, "../etc", "", 1, on_done, &outcome, &r), -EINVAL);
	assert_null(r);
	assert_int_equal(outcome.calls, 0);
	sd_event_unref(loop);
	close(accept(listener, NULL, NULL));
}

/* Somebody else at sekisho-auth's place is not believed. */
static void test_impostor(void **state)
{
	(void)state;
	struct recheck *r = NULL;
	int other = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	snprintf(sa.sun_path, sizeof sa.sun_path, "%.100s.x", path);
	assert_int_equal(bind(other, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(listen(other, 1), 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(sd_event_new(&loop), 0);
	assert_int_equal(recheck_start(loop, sa.sun_path, "a", "", 1, on_done, &outcome, &r), -EPERM);
	assert_null(r);
	sd_event_unref(loop);
	unlink(sa.sun_path);
	close(other);
}

static int set_up(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	(void)state;
	snprintf(path, sizeof path, "/tmp/sekisho-recheck-%d", (int)getpid());
	memcpy(sa.sun_path, path, sizeof sa.sun_path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return bind(listener, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(listener, 8) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(listener);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_every_reason),
		cmocka_unit_test(test_another_user),
		cmocka_unit_test(test_wrong_words),
		cmocka_unit_test(test_trailing_byte),
		cmocka_unit_test(test_hangs_up),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cannot_ask),
		cmocka_unit_test(test_impostor),
	};
	if (geteuid() != 0) {
		puts("SKIPPED: needs root, whose answers alone are believed");
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
