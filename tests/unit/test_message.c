/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages of a login: every type there and back, over a socket too, everything else refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/message.h"

static const uint8_t types[] = {PORTAL_WHO, PORTAL_DEVICE, PORTAL_ATTEMPT, PORTAL_ATTEMPT_ID, PORTAL_LOGOUT, PORTAL_DONE,
	PORTAL_OWN, PORTAL_DEVICES, PORTAL_SUSPEND, PORTAL_SUSPENDED, AUTH_START, AUTH_PROMPTS, AUTH_ANSWERS, AUTH_RESULT,
	AUTH_TERMS, AUTH_ACCEPT, VERDICT_TERMS, VERDICT_ACCEPT, VERDICT_BEGIN, VERDICT_DEVICE, VERDICT_PAUSE, VERDICT_RESUME,
	VERDICT_TURN, VERDICT_END, VERDICT_ACK, RECHECK_ASK, RECHECK_RESULT};
enum { TYPES = sizeof types };

static struct reach reach[REACH_MAX];
static char terms[TERMS_MAX];
static char groups[GROUPS_MAX][USER_NAME_MAX + 1];

static void fill(char *text, size_t size)
{
	memset(text, 'x', size - 1);
	text[size - 1] = '\0';
}

/* The fields of a type as large as they may be. */
static struct message *largest(uint8_t type)
{
	struct message *m = message_new((enum message_type)type);
	assert_non_null(m);
	assert_int_equal(m->type, type);
	m->id = type < AUTH_START ? UINT32_MAX : 0;
	if (type == PORTAL_WHO || type == PORTAL_ATTEMPT || type == PORTAL_LOGOUT || type == PORTAL_OWN || type == PORTAL_SUSPEND)
		assert_int_equal(addr_parse("2001:db8::7", &m->source), 0);
	if (type == PORTAL_ATTEMPT_ID || type == PORTAL_DONE || type == PORTAL_DEVICES || type == PORTAL_SUSPENDED ||
		type == VERDICT_DEVICE || type == VERDICT_END || type == VERDICT_ACK || type == RECHECK_RESULT)
		m->result = LOGIN_REASONS - 1;
	if (type == AUTH_RESULT)
		m->result = PUBLIC_RESULTS - 1;
	if (type == PORTAL_ATTEMPT_ID || type == AUTH_START || type == VERDICT_BEGIN)
		memset(m->attempt, 0xa5, sizeof m->attempt);
	if (type == PORTAL_DEVICE || type == PORTAL_ATTEMPT_ID || type == VERDICT_ACK || type == AUTH_RESULT)
		m->opens = INT64_MAX;
	if (type == PORTAL_DEVICE || type == PORTAL_ATTEMPT_ID || type == PORTAL_SUSPEND)
		m->device = UINT32_MAX;
	if (type == PORTAL_DEVICE || type == VERDICT_DEVICE)
		m->renewal = 1;
	if (type == PORTAL_DEVICES) {
		m->own_count = OWN_MAX;
		for (unsigned i = 0; i < OWN_MAX; i++) {
			m->own[i] = (struct own_device){.id = UINT32_MAX, .suspended = 1, .shared = 1, .seen = INT64_MIN};
			fill(m->own[i].label, sizeof m->own[i].label);
		}
	}
	if (type == AUTH_TERMS || type == VERDICT_TERMS) {
		fill(m->terms_version, sizeof m->terms_version);
		memset(m->terms_sha256, 0x5a, sizeof m->terms_sha256);
		m->terms = terms;
	}
	if (type == PORTAL_DEVICE || type == AUTH_START || type == VERDICT_BEGIN || type == VERDICT_END || type == RECHECK_ASK ||
		type == RECHECK_RESULT)
		fill(m->user, sizeof m->user);
	if (type == AUTH_START || type == VERDICT_BEGIN) {
		fill(m->language, sizeof m->language);
		fill(m->tls, sizeof m->tls);
		fill(m->agent, sizeof m->agent);
	}
	if (type == PORTAL_DEVICE) {
		m->state = STATE_LOGGED_IN;
		m->last_end = SESSION_ENDS - 1;
		m->ends_reason = SESSION_ENDS - 1;
		m->expires = INT64_MIN;
		m->idle_seconds = UINT32_MAX;
		m->sharing = SHARING_TAKEOVER;
		fill(m->label, sizeof m->label);
		m->reach_count = REACH_MAX;
		m->reach = reach;
	}
	if (type == AUTH_PROMPTS) {
		m->prompt_count = PROMPTS_MAX;
		for (unsigned i = 0; i < PROMPTS_MAX; i++) {
			m->prompts[i].style = (uint8_t)(i % 4 + PROMPT_SECRET);
			fill(m->prompts[i].text, PROMPT_MAX);
		}
	}
	if (type == AUTH_ANSWERS) {
		m->answer_count = PROMPTS_MAX;
		for (unsigned i = 0; i < PROMPTS_MAX; i++)
			fill(m->answers[i], ANSWER_MAX);
	}
	if (type == VERDICT_DEVICE || type == RECHECK_ASK)
		fill(m->rhost, sizeof m->rhost);
	if (type == VERDICT_END || type == RECHECK_RESULT) {
		fill(m->stage, sizeof m->stage);
		m->pam_code = -7;
		m->password_changed = type == VERDICT_END;
		m->group_count = GROUPS_MAX;
		m->groups = groups;
	}
	return m;
}

/* As little as its type allows. */
static struct message *smallest(uint8_t type)
{
	struct message *m = message_new((enum message_type)type);
	assert_non_null(m);
	m->answer_count = type == AUTH_ANSWERS;
	m->prompt_count = type == AUTH_PROMPTS;
	m->prompts[0].style = type == AUTH_PROMPTS ? PROMPT_INFO : 0;
	return m;
}

static void assert_same(const struct message *a, const struct message *b)
{
	static struct message x, y;
	x = *a;
	y = *b;
	assert_memory_equal(a->reach, b->reach, a->reach_count * sizeof *a->reach);
	assert_memory_equal(a->groups, b->groups, a->group_count * sizeof *a->groups);
	assert_string_equal(a->terms ? a->terms : "", b->terms ? b->terms : "");
	x.reach = y.reach = NULL;
	x.groups = y.groups = NULL;
	x.terms = y.terms = NULL;
	assert_memory_equal(&x, &y, sizeof x);
}

static void assert_refused(const uint8_t *data, size_t size)
{
	/* An exact copy, so that a sanitizer sees a read past the end. */
	uint8_t *exact = malloc(size ? size : 1);
	struct message *back = NULL;
	assert_non_null(exact);
	memcpy(exact, data, size);
	assert_int_equal(message_decode(exact, size, &back), -EBADMSG);
	assert_null(back);
	free(exact);
}

/* There and back; every truncation, every added byte and every buffer that is too small is refused. */
static void check(struct message *m)
{
	static uint8_t data[MESSAGE_MAX + 1], small[MESSAGE_MAX];
	struct message *back = NULL;
	ssize_t size = message_encode(m, data, MESSAGE_MAX);
	assert_true(size > 0);
	assert_int_equal(message_decode(data, (size_t)size, &back), 0);
	assert_same(m, back);
	message_free(back);
	for (size_t cut = 0; cut < (size_t)size; cut++) {
		assert_refused(data, cut);
		assert_int_equal(message_encode(m, small, cut), -EMSGSIZE);
	}
	for (unsigned c = 0; c < 256; c++) {
		data[size] = (uint8_t)c;
		assert_refused(data, (size_t)size + 1);
	}
	message_free(m);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++)
		check(smallest(types[i]));
	/* The arrays in full are checked with a few elements cut through, not with all 33,000 positions. */
	for (size_t i = 0; i < TYPES; i++) {
		struct message *m = largest(types[i]);
		m->group_count = m->group_count ? 3 : 0;
		m->reach_count = m->reach_count ? 3 : 0;
		m->own_count = m->own_count ? 3 : 0;
		memset(m->own + 3, 0, sizeof m->own - 3 * sizeof *m->own);
		m->terms = m->terms ? terms + TERMS_MAX - 30 : NULL;
		check(m);
	}
	for (size_t i = 0; i < TYPES; i++) {
		static uint8_t data[MESSAGE_MAX];
		struct message *m = largest(types[i]), *back = NULL;
		ssize_t size = message_encode(m, data, sizeof data);
		assert_true(size > 0);
		assert_int_equal(message_decode(data, (size_t)size, &back), 0);
		assert_same(m, back);
		message_free(back);
		message_free(m);
	}
}

/* What is taken in has one form: written again it is the same bytes. */
static void test_one_form(void **state)
{
	(void)state;
	static uint8_t data[MESSAGE_MAX], again[MESSAGE_MAX];
	unsigned taken = 0, refused = 0;
	for (size_t i = 0; i < TYPES; i++) {
		struct message *m = largest(types[i]);
		m->group_count = m->group_count ? 2 : 0;
		m->reach_count = m->reach_count ? 2 : 0;
		m->prompt_count = m->prompt_count ? 2 : 0;
		m->answer_count = m->answer_count ? 2 : 0;
		m->own_count = m->own_count ? 2 : 0;
		m->terms = m->terms ? terms + TERMS_MAX - 30 : NULL;
		size_t size = (size_t)message_encode(m, data, sizeof data);
		message_free(m);
		for (size_t at = 0; at < size; at++)
			for (unsigned bit = 0; bit < 8; bit++) {
				struct message *back = NULL;
				data[at] ^= (uint8_t)(1 << bit);
				if (message_decode(data, size, &back) == 0) {
					assert_int_equal(message_encode(back, again, sizeof again), size);
					assert_memory_equal(again, data, size);
					taken++;
				} else {
					refused++;
				}
				message_free(back);
				data[at] ^= (uint8_t)(1 << bit);
			}
	}
	assert_true(taken > 100 && refused > 100);
}

static void test_unknown_type(void **state)
{
	(void)state;
	uint8_t data[64] = {0};
	unsigned known = 0;
	for (unsigned t = 0; t < 256; t++) {
		struct message *m = message_new((enum message_type)t);
		bool is = memchr(types, (int)t, TYPES) != NULL;
		known += is;
		data[0] = (uint8_t)t;
		if (!is) {
			assert_int_equal(message_encode(m, data, sizeof data), -EINVAL);
			assert_refused(data, 1);
			assert_refused(data, sizeof data);
		}
		message_free(m);
	}
	assert_int_equal(known, TYPES);
}

static void assert_invalid(struct message *m)
{
	static uint8_t data[MESSAGE_MAX];
	assert_int_equal(message_encode(m, data, sizeof data), -EINVAL);
	message_free(m);
}

#define INVALID(type, ...)                                                                                                       \
	do {                                                                                                                     \
		struct message *m = largest(type);                                                                               \
		__VA_ARGS__;                                                                                                     \
		assert_invalid(m);                                                                                               \
	} while (0)

static void test_range(void **state)
{
	(void)state;
	static char odd[1][USER_NAME_MAX + 1] = {"a b"};
	static struct reach torn[1] = {{.reason = "\xe9\x96"}}, past[1] = {{.until = -1}};
	static char long_terms[TERMS_MAX + 1];
	fill(long_terms, sizeof long_terms);
	INVALID(PORTAL_ATTEMPT_ID, m->result = LOGIN_REASONS);
	INVALID(PORTAL_DONE, m->result = 255);
	INVALID(VERDICT_DEVICE, m->result = LOGIN_REASONS);
	INVALID(VERDICT_END, m->result = LOGIN_REASONS);
	INVALID(VERDICT_ACK, m->result = LOGIN_REASONS);
	INVALID(AUTH_RESULT, m->result = PUBLIC_RESULTS);
	INVALID(PORTAL_DEVICE, m->state = STATE_LOGGED_IN + 1);
	INVALID(PORTAL_DEVICE, m->last_end = SESSION_ENDS);
	INVALID(PORTAL_DEVICE, m->ends_reason = SESSION_ENDS);
	INVALID(PORTAL_DEVICE, m->opens = -1);
	INVALID(VERDICT_ACK, m->opens = INT64_MIN);
	INVALID(AUTH_RESULT, m->opens = -1);
	INVALID(RECHECK_ASK, m->user[0] = '/');
	INVALID(RECHECK_RESULT, m->result = LOGIN_REASONS);
	INVALID(RECHECK_RESULT, m->user[0] = '-');
	INVALID(RECHECK_RESULT, m->group_count = GROUPS_MAX + 1);
	INVALID(RECHECK_RESULT, m->group_count = 1; m->groups = odd);
	INVALID(PORTAL_DEVICE, m->reach_count = REACH_MAX + 1);
	INVALID(PORTAL_DEVICE, m->reach_count = 1; m->reach = torn);
	INVALID(PORTAL_DEVICE, m->reach_count = 1; m->reach = past);
	INVALID(PORTAL_DEVICE, m->renewal = 2);
	INVALID(PORTAL_DEVICE, m->sharing = SHARING_TAKEOVER + 1);
	INVALID(VERDICT_DEVICE, m->renewal = 255);
	INVALID(VERDICT_END, m->password_changed = 2);
	INVALID(PORTAL_ATTEMPT_ID, m->opens = -1);
	INVALID(PORTAL_DEVICES, m->result = LOGIN_REASONS);
	INVALID(PORTAL_SUSPENDED, m->result = LOGIN_REASONS);
	INVALID(PORTAL_DEVICES, m->own_count = OWN_MAX + 1);
	INVALID(PORTAL_DEVICES, m->own[31].suspended = 2);
	INVALID(PORTAL_DEVICES, m->own[31].shared = 2);
	INVALID(PORTAL_DEVICES, m->own[31].label[0] = '\xff');
	INVALID(PORTAL_DEVICES, m->own[31].label[LABEL_MAX - 1] = 'x');
	INVALID(AUTH_TERMS, m->terms_version[0] = '\xff');
	INVALID(AUTH_TERMS, m->terms_version[TERMS_VERSION_MAX - 1] = 'x');
	INVALID(VERDICT_TERMS, m->terms = long_terms);
	INVALID(PORTAL_DEVICE, m->label[0] = '\xff');
	INVALID(PORTAL_DEVICE, m->label[LABEL_MAX - 1] = 'x');
	INVALID(VERDICT_END, m->group_count = GROUPS_MAX + 1);
	INVALID(VERDICT_END, m->group_count = 1; m->groups = odd);
	INVALID(VERDICT_END, m->user[0] = '-');
	INVALID(AUTH_START, m->user[3] = ' ');
	INVALID(AUTH_START, m->user[USER_NAME_MAX] = 'x');
	INVALID(VERDICT_BEGIN, m->user[0] = '/');
	INVALID(AUTH_PROMPTS, m->prompt_count = 0);
	INVALID(AUTH_PROMPTS, m->prompt_count = PROMPTS_MAX + 1);
	INVALID(AUTH_PROMPTS, m->prompts[15].style = 0);
	INVALID(AUTH_PROMPTS, m->prompts[15].style = PROMPT_ERROR + 1);
	INVALID(AUTH_PROMPTS, m->prompts[15].text[PROMPT_MAX - 1] = 'x');
	INVALID(AUTH_ANSWERS, m->answer_count = 0);
	INVALID(AUTH_ANSWERS, m->answer_count = PROMPTS_MAX + 1);
	INVALID(AUTH_ANSWERS, m->answers[15][0] = '\x80');
	/* The same on the wire: the last byte of a result, a count. */
	static const uint8_t bad[][8] = {{PORTAL_DONE, 0, 0, 0, 1, LOGIN_REASONS}, {AUTH_RESULT, PUBLIC_RESULTS},
		{VERDICT_ACK, 255}, {AUTH_PROMPTS, 0}, {AUTH_ANSWERS, 0}, {AUTH_ANSWERS, PROMPTS_MAX + 1},
		{AUTH_PROMPTS, 1, 0, 0, 0}, {AUTH_PROMPTS, 1, 5, 0, 0}, {PORTAL_WHO, 0, 0, 0, 1, 7}};
	static const size_t sizes[] = {6, 2, 2, 2, 2, 2, 5, 5, 6};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		assert_refused(bad[i], sizes[i]);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LOGIN_REASONS; i++) {
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(login_reason_name(i), login_reason_name(j));
		/* Only one of all reasons lets anybody in. */
		assert_int_equal(login_reason_public(i) == PUBLIC_GRANTED, i == LOGIN_OK);
	}
	assert_string_equal(login_reason_name(LOGIN_REASONS), "internal-error");
	assert_int_equal(login_reason_public(LOGIN_REASONS), PUBLIC_UNAVAILABLE);
	assert_int_equal(login_reason_public(LOGIN_BAD_CREDENTIALS), PUBLIC_FAILED);
	assert_int_equal(login_reason_public(LOGIN_USER_UNKNOWN), PUBLIC_FAILED);
	assert_int_equal(login_reason_public(LOGIN_USER_NOT_ALLOWED), PUBLIC_FAILED);
	for (unsigned i = 0; i < SESSION_ENDS; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(session_end_name(i), session_end_name(j));
	assert_string_equal(session_end_name(SESSION_ENDS), "none");
}

static void test_socket(void **state)
{
	(void)state;
	int s[2];
	struct message *back = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(message_receive(s[0], &back), -EAGAIN);
	for (size_t i = 0; i < TYPES; i++) {
		struct message *m = largest(types[i]);
		assert_int_equal(message_send(s[1], m), 0);
		assert_int_equal(message_receive(s[0], &back), 0);
		assert_same(m, back);
		message_free(back);
		message_free(m);
	}
	back = NULL;
	static uint8_t large[MESSAGE_MAX + 1] = {VERDICT_PAUSE};
	assert_int_equal(send(s[1], large, sizeof large, 0), sizeof large);
	assert_int_equal(message_receive(s[0], &back), -EBADMSG);
	assert_int_equal(send(s[1], "\xff", 1, 0), 1);
	assert_int_equal(message_receive(s[0], &back), -EBADMSG);
	struct message *bad = message_new(AUTH_PROMPTS);
	assert_int_equal(message_send(s[1], bad), -EINVAL);
	message_free(bad);
	close(s[1]);
	assert_int_equal(message_receive(s[0], &back), -EPIPE);
	struct message *m = message_new(VERDICT_PAUSE);
	assert_int_equal(message_send(s[0], m), -EPIPE);
	message_free(m);
	close(s[0]);
	assert_int_equal(message_receive(s[0], &back), -EBADF);
	assert_null(back);
}

static unsigned open_files(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A descriptor sent along with a good message is neither kept nor is the message believed. */
static void test_descriptor(void **state)
{
	(void)state;
	int s[2];
	struct message *back = NULL;
	uint8_t data = VERDICT_PAUSE;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s), 0);
	memcpy(CMSG_DATA(&control.header), &s[0], sizeof(int));
	struct iovec iov = {&data, 1};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	assert_int_equal(sendmsg(s[1], &h, 0), 1);
	unsigned before = open_files();
	assert_int_equal(message_receive(s[0], &back), -EBADMSG);
	assert_int_equal(open_files(), before);
	assert_null(back);
	close(s[0]);
	close(s[1]);
}

static int set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < REACH_MAX; i++) {
		reach[i].until = INT64_MAX;
		fill(reach[i].name, REACH_TEXT);
		fill(reach[i].reason, REACH_TEXT);
	}
	fill(terms, sizeof terms);
	for (size_t i = 0; i < GROUPS_MAX; i++)
		fill(groups[i], USER_NAME_MAX + 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_one_form),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_descriptor),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
