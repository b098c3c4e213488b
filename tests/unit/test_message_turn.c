/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The whole table of turns: every type from either side in every state of every channel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "common/message.h"

static const uint8_t types[] = {PORTAL_WHO, PORTAL_DEVICE, PORTAL_ATTEMPT, PORTAL_ATTEMPT_ID, PORTAL_LOGOUT, PORTAL_DONE,
	PORTAL_OWN, PORTAL_DEVICES, PORTAL_SUSPEND, PORTAL_SUSPENDED, AUTH_START, AUTH_PROMPTS, AUTH_ANSWERS, AUTH_RESULT,
	AUTH_TERMS, AUTH_ACCEPT, VERDICT_TERMS, VERDICT_ACCEPT, VERDICT_BEGIN, VERDICT_DEVICE, VERDICT_PAUSE, VERDICT_RESUME,
	VERDICT_TURN, VERDICT_END, VERDICT_ACK, RECHECK_ASK, RECHECK_RESULT};
enum { TYPES = sizeof types };

/* Every pair (last, next) that is allowed; all other combinations are not. */
static const struct pair {
	uint8_t channel, from, last, type;
} allowed[] = {
	{CHANNEL_AUTH, SIDE_CLIENT, 0, AUTH_START},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_START, AUTH_PROMPTS},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_START, AUTH_RESULT},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_PROMPTS, AUTH_PROMPTS},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_PROMPTS, AUTH_RESULT},
	{CHANNEL_AUTH, SIDE_CLIENT, AUTH_PROMPTS, AUTH_ANSWERS},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_ANSWERS, AUTH_PROMPTS},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_ANSWERS, AUTH_RESULT},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_START, AUTH_TERMS},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_PROMPTS, AUTH_TERMS},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_ANSWERS, AUTH_TERMS},
	{CHANNEL_AUTH, SIDE_CLIENT, AUTH_TERMS, AUTH_ACCEPT},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_TERMS, AUTH_RESULT},
	{CHANNEL_AUTH, SIDE_SERVER, AUTH_ACCEPT, AUTH_RESULT},
	{CHANNEL_VERDICT, SIDE_CLIENT, 0, VERDICT_BEGIN},
	{CHANNEL_VERDICT, SIDE_SERVER, VERDICT_BEGIN, VERDICT_DEVICE},
	{CHANNEL_VERDICT, SIDE_CLIENT, VERDICT_DEVICE, VERDICT_PAUSE},
	{CHANNEL_VERDICT, SIDE_CLIENT, VERDICT_DEVICE, VERDICT_END},
	{CHANNEL_VERDICT, SIDE_CLIENT, VERDICT_PAUSE, VERDICT_RESUME},
	{CHANNEL_VERDICT, SIDE_CLIENT, VERDICT_PAUSE, VERDICT_END},
	{CHANNEL_VERDICT, SIDE_SERVER, VERDICT_RESUME, VERDICT_TURN},
	{CHANNEL_VERDICT, SIDE_CLIENT, VERDICT_TURN, VERDICT_PAUSE},
	{CHANNEL_VERDICT, SIDE_CLIENT, VERDICT_TURN, VERDICT_END},
	{CHANNEL_VERDICT, SIDE_SERVER, VERDICT_END, VERDICT_ACK},
	{CHANNEL_VERDICT, SIDE_SERVER, VERDICT_END, VERDICT_TERMS},
	{CHANNEL_VERDICT, SIDE_CLIENT, VERDICT_TERMS, VERDICT_ACCEPT},
	{CHANNEL_VERDICT, SIDE_SERVER, VERDICT_ACCEPT, VERDICT_ACK},
	{CHANNEL_RECHECK, SIDE_CLIENT, 0, RECHECK_ASK},
	{CHANNEL_RECHECK, SIDE_SERVER, RECHECK_ASK, RECHECK_RESULT},
};

static bool is_allowed(const struct message_state *s, uint8_t from, uint8_t type)
{
	if (s->channel == CHANNEL_PORTAL)
		return from == SIDE_CLIENT ? type == PORTAL_WHO || type == PORTAL_ATTEMPT || type == PORTAL_LOGOUT ||
						     type == PORTAL_OWN || type == PORTAL_SUSPEND
					   : type == PORTAL_DEVICE || type == PORTAL_ATTEMPT_ID || type == PORTAL_DONE ||
						     type == PORTAL_DEVICES || type == PORTAL_SUSPENDED;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (allowed[i].channel == s->channel && allowed[i].from == from && allowed[i].last == s->last &&
			allowed[i].type == type)
			return true;
	return false;
}

static struct message *with_questions(unsigned questions)
{
	struct message *m = message_new(AUTH_PROMPTS);
	m->prompt_count = (uint8_t)(questions + 2);
	m->prompts[0].style = PROMPT_INFO;
	m->prompts[1].style = PROMPT_ERROR;
	for (unsigned i = 0; i < questions; i++)
		m->prompts[i + 2].style = i % 2 ? PROMPT_VISIBLE : PROMPT_SECRET;
	return m;
}

static void assert_turn(const struct message_state *before, uint8_t from, const struct message *m, bool fine)
{
	struct message_state s = *before;
	assert_int_equal(message_turn(&s, from, m), fine ? 0 : -EPROTO);
	if (fine)
		assert_int_equal(s.last, m->type);
	else
		assert_memory_equal(&s, before, sizeof s);
}

/* Every type from either side after every message on every channel, with no question open. */
static void test_turn_pairs(void **state)
{
	(void)state;
	unsigned fine = 0;
	for (unsigned channel = CHANNEL_PORTAL; channel < CHANNELS; channel++)
		for (unsigned last = 0; last < 256; last++)
			for (unsigned from = SIDE_CLIENT; from <= SIDE_SERVER; from++)
				for (unsigned type = 0; type < 256; type++) {
					struct message_state s = {.channel = channel, .last = (uint8_t)last};
					if (type == AUTH_ANSWERS || type == AUTH_PROMPTS)
						continue; /* judged with their questions below */
					struct message *m = message_new((enum message_type)type);
					bool ok = is_allowed(&s, (uint8_t)from, (uint8_t)type);
					assert_turn(&s, (uint8_t)from, m, ok);
					fine += ok;
					message_free(m);
				}
	assert_int_equal(fine, 10 * 256 + sizeof allowed / sizeof *allowed - 4);
}

/* Questions want exactly their answers, and nothing else meanwhile. */
static void test_turn_questions(void **state)
{
	(void)state;
	for (unsigned t = 0; t < TYPES; t++)
		for (unsigned last = 0; last < 256; last++)
			for (unsigned from = SIDE_CLIENT; from <= SIDE_SERVER; from++)
				for (unsigned asked = 0; asked <= 3; asked++)
					for (unsigned n = 0; n <= 4; n++) {
						bool prompts = types[t] == AUTH_PROMPTS, answers = types[t] == AUTH_ANSWERS;
						if ((asked && last != AUTH_PROMPTS) || (n && !prompts && !answers))
							continue;
						struct message_state s = {
							.channel = CHANNEL_AUTH, .last = (uint8_t)last, .asked = (uint8_t)asked};
						struct message *m =
							prompts ? with_questions(n) : message_new((enum message_type)types[t]);
						m->answer_count = (uint8_t)(answers ? n : 0);
						bool ok = is_allowed(&s, (uint8_t)from, types[t]);
						ok = ok && (answers ? asked > 0 && n == asked : asked == 0);
						assert_turn(&s, (uint8_t)from, m, ok);
						if (ok) {
							message_turn(&s, from, m);
							assert_int_equal(s.asked, prompts ? n : 0);
							assert_int_equal(s.rounds, prompts && n);
						}
						message_free(m);
					}
}

static int say(struct message_state *s, enum message_side from, enum message_type type)
{
	struct message *m = type == AUTH_PROMPTS ? with_questions(1) : message_new(type);
	m->answer_count = type == AUTH_ANSWERS;
	int err = message_turn(s, from, m);
	message_free(m);
	return err;
}

static void test_turn_rounds(void **state)
{
	(void)state;
	struct message_state s = {.channel = CHANNEL_AUTH}, v = {.channel = CHANNEL_VERDICT};
	assert_int_equal(say(&s, SIDE_CLIENT, AUTH_START), 0);
	assert_int_equal(say(&v, SIDE_CLIENT, VERDICT_BEGIN), 0);
	assert_int_equal(say(&v, SIDE_SERVER, VERDICT_DEVICE), 0);
	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		assert_int_equal(say(&s, SIDE_SERVER, AUTH_PROMPTS), 0);
		assert_int_equal(say(&s, SIDE_SERVER, AUTH_RESULT), -EPROTO);
		assert_int_equal(say(&s, SIDE_CLIENT, AUTH_ANSWERS), 0);
		assert_int_equal(say(&v, SIDE_CLIENT, VERDICT_PAUSE), 0);
		assert_int_equal(say(&v, SIDE_CLIENT, VERDICT_RESUME), 0);
		assert_int_equal(say(&v, SIDE_CLIENT, VERDICT_END), -EPROTO);
		assert_int_equal(say(&v, SIDE_SERVER, VERDICT_TURN), 0);
	}
	assert_int_equal(say(&s, SIDE_SERVER, AUTH_PROMPTS), -EPROTO);
	struct message *info = with_questions(0);
	assert_int_equal(message_turn(&s, SIDE_SERVER, info), 0);
	message_free(info);
	assert_int_equal(say(&s, SIDE_SERVER, AUTH_RESULT), 0);
	assert_int_equal(say(&v, SIDE_CLIENT, VERDICT_PAUSE), 0);
	assert_int_equal(say(&v, SIDE_CLIENT, VERDICT_RESUME), -EPROTO);
	assert_int_equal(say(&v, SIDE_CLIENT, VERDICT_END), 0);
	assert_int_equal(say(&v, SIDE_SERVER, VERDICT_ACK), 0);
	for (size_t i = 0; i < TYPES; i++)
		for (unsigned from = SIDE_CLIENT; from <= SIDE_SERVER; from++) {
			assert_int_equal(say(&s, from, (enum message_type)types[i]), -EPROTO);
			assert_int_equal(say(&v, from, (enum message_type)types[i]), -EPROTO);
		}
}

static void test_turn_refused_device(void **state)
{
	(void)state;
	struct message_state s = {.channel = CHANNEL_VERDICT};
	struct message *m = message_new(VERDICT_DEVICE);
	m->result = LOGIN_RATE_LIMITED;
	assert_int_equal(say(&s, SIDE_CLIENT, VERDICT_BEGIN), 0);
	assert_int_equal(message_turn(&s, SIDE_SERVER, m), 0);
	assert_int_equal(s.last, MESSAGE_SHUT);
	message_free(m);
	for (size_t i = 0; i < TYPES; i++)
		for (unsigned from = SIDE_CLIENT; from <= SIDE_SERVER; from++)
			assert_int_equal(say(&s, from, (enum message_type)types[i]), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turn_pairs),
		cmocka_unit_test(test_turn_questions),
		cmocka_unit_test(test_turn_rounds),
		cmocka_unit_test(test_turn_refused_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
