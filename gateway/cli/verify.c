/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/verify_internal.h"
#include "gateway/log_replay.h"
#include "gateway/sealer.h"

static const int64_t LATE_USEC = 5 * SEAL_SECONDS * INT64_C(1000000);

void verify_say(
	struct verify *v, enum verify_level level, enum log_file file, const char *path, uint64_t line, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (level > v->worst)
		v->worst = level;
	v->report(&(struct verify_finding){level, file, path, line, text}, v->arg);
}

/* The kinds of lines that matter beyond their number. JSON escapes quotes within texts, so this stands in no other line. */
static json_t *parse_if(const struct logset_line *line, const char *action)
{
	return memmem(line->text, line->size, action, strlen(action))
		       ? json_loadb(line->text, line->size, JSON_REJECT_DUPLICATES, NULL)
		       : NULL;
}

static void remember_start(struct verify *v, struct verify_log *l, const struct logset_line *line)
{
	if (l->since_line)
		return;
	free(l->since_path);
	l->since_path = strdup(line->path);
	l->since_line = line->number;
	v->failed = v->failed || !l->since_path;
}

/* A file, or the gateway's run, begins: it says where the chain goes on. */
static void opened(struct verify *v, enum log_file file, const struct logset_line *line, const json_t *root)
{
	struct verify_log *l = &v->logs[file];
	const json_t *log = json_object_get(json_object_get(root, "sekisho"), "log");
	const json_t *event = json_object_get(root, "event");
	const char *text = json_string_value(json_object_get(log, "head"));
	const char *reason = json_string_value(json_object_get(event, "reason"));
	uint8_t head[SEAL_HASH], zero[SEAL_HASH] = {0};
	l->started = l->started || (reason && !strcmp(reason, "start"));
	if (!text || seal_hash_parse(text, head) < 0)
		return;
	bool begins = !memcmp(head, zero, sizeof zero);
	if (l->chained && begins && l->lines > 1) {
		verify_say(v, VERIFY_UNKNOWN, file, line->path, line->number,
			"a new chain begins here: the lines from %" PRIu64
			" on were not sealed when the gateway died and its file was moved",
			l->seal_at + 1);
		l->damaged = false;
	}
	if (!l->chained || begins)
		memcpy(l->head.hash, head, sizeof head);
	l->chained = true;
}

static void check_key(struct verify *v, enum log_file file, const struct logset_line *line, const struct seal *s, bool *good)
{
	struct verify_log *l = &v->logs[file];
	const struct verify_anchor *key = &l->next;
	if (l->anchor.known && s->epoch == l->anchor.epoch && (!key->known || key_equal(&key->key, &l->anchor.key)))
		key = &l->anchor;
	if (key->known && s->epoch != key->epoch) {
		verify_say(v, VERIFY_ALTERED, file, line->path, line->number,
			"this is seal %" PRIu64 ", but number %" PRIu64 " comes next: seals are missing, or are others", s->epoch,
			key->epoch);
		*good = false;
	} else if (key->known && seal_verify(s, &key->key) < 0) {
		verify_say(v, VERIFY_ALTERED, file, line->path, line->number, "seal %" PRIu64 " is not signed with its key",
			s->epoch);
		*good = false;
	} else if (key == &l->anchor || (l->trusted && key->known)) {
		l->trusted = true;
	}
}

static void check_times(struct verify *v, enum log_file file, const struct logset_line *line, const struct seal *s)
{
	struct verify_log *l = &v->logs[file];
	int64_t passed = s->when - l->sealed;
	if (l->sealed && passed < 0)
		verify_say(v, VERIFY_NOTE, file, line->path, line->number,
			"the clock went back by %" PRId64 " s between this seal and the one before", -passed / 1000000);
	else if (l->sealed && passed > LATE_USEC && !l->started)
		verify_say(v, VERIFY_NOTE, file, line->path, line->number,
			"this seal came %" PRId64 " s after the one before, and the gateway was not restarted in between",
			passed / 1000000);
}

static void sealed(struct verify *v, enum log_file file, const struct logset_line *line, uint64_t number, const json_t *root)
{
	struct verify_log *l = &v->logs[file];
	struct seal s;
	bool good = true;
	if (seal_parse(root, file, &s) < 0 || s.heads[file].sequence + 1 != number) {
		verify_say(v, VERIFY_ALTERED, file, line->path, line->number, "this seal is damaged");
		return;
	}
	if (!l->seals && s.first < l->first)
		verify_say(v, VERIFY_ALTERED, file, l->since_path, l->since_line,
			"lines %" PRIu64 " to %" PRIu64 " are missing before this one", s.first, l->first - 1);
	check_key(v, file, line, &s, &good);
	if (good && l->chained && !l->damaged && memcmp(l->head.hash, s.heads[file].hash, SEAL_HASH) != 0) {
		verify_say(v, VERIFY_ALTERED, file, l->since_path, l->since_line,
			"lines %" PRIu64 " to %" PRIu64 ", from here to %s:%" PRIu64 ", are not those that seal %" PRIu64
			" was made of",
			l->seal_at + 1 > l->first ? l->seal_at + 1 : l->first, number - 1, line->path, line->number, s.epoch);
		good = false;
	}
	if (good)
		verify_ref_add(v, file, &s);
	check_times(v, file, line, &s);
	memcpy(l->head.hash, s.heads[file].hash, SEAL_HASH);
	l->next = (struct verify_anchor){.known = true, .epoch = s.epoch + 1, .key = s.next};
	l->seal_at = number;
	l->sealed = s.when;
	l->seals++;
	l->unsealed = 0;
	l->since_line = 0;
	l->chained = true;
	l->damaged = l->started = false;
}

/* Does the line come next? What does not is left out of the chain, so that the rest can still be judged. */
static bool in_order(struct verify *v, enum log_file file, const struct logset_line *line, uint64_t number)
{
	struct verify_log *l = &v->logs[file];
	uint64_t expected = l->last + 1;
	if (!number) {
		verify_say(v, VERIFY_ALTERED, file, line->path, line->number, "this is no line of the gateway");
		return false;
	}
	if (l->lines && number < expected) {
		verify_say(v, VERIFY_ALTERED, file, line->path, line->number,
			"line %" PRIu64 " stands here again or out of order; %" PRIu64 " was expected", number, expected);
		return false;
	}
	if (l->lines && number > expected) {
		verify_say(v, VERIFY_ALTERED, file, line->path, line->number,
			number == expected + 1 ? "line %" PRIu64 " is missing before this one"
					       : "lines %" PRIu64 " to %" PRIu64 " are missing before this one",
			expected, number - 1);
		l->damaged = true;
	}
	return true;
}

void verify_line(struct verify *v, enum log_file file, const struct logset_line *line)
{
	struct verify_log *l = &v->logs[file];
	uint64_t number = log_line_number(line->text, line->size);
	if (!in_order(v, file, line, number))
		return;
	if (!l->lines)
		l->first = number;
	if (!l->lines && number == 1)
		l->chained = true; /* from zeros */
	l->lines++;
	l->last = number;
	json_t *begin = parse_if(line, "\"action\":\"log-opened\""), *seal = parse_if(line, "\"action\":\"log-seal\"");
	if (begin)
		opened(v, file, line, begin);
	remember_start(v, l, line);
	l->unsealed++;
	if (seal)
		sealed(v, file, line, number, seal);
	if (l->chained && seal_extend(&l->head, number, line->text, line->size) < 0)
		v->failed = true;
	json_decref(begin);
	json_decref(seal);
}

void verify_log_end(struct verify *v, enum log_file file)
{
	struct verify_log *l = &v->logs[file];
	if (!l->lines)
		verify_say(v, VERIFY_UNKNOWN, file, NULL, 0, "there are no lines");
	else if (!l->seals)
		verify_say(v, VERIFY_UNKNOWN, file, NULL, 0, "there is no seal");
	else if (!l->anchor.known)
		verify_say(v, VERIFY_UNKNOWN, file, NULL, 0, "no key was given, so nobody vouches for the first seal");
	else if (!l->trusted)
		verify_say(v, VERIFY_UNKNOWN, file, NULL, 0,
			"no seal %" PRIu64 " is here, whose key was given: give one of --checkpoint, or older files",
			l->anchor.epoch);
	free(l->since_path);
	l->since_path = NULL;
}
