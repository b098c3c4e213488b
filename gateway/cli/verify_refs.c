/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the seals of each log say of the other two: one of them cannot be set back, or cut off, alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "gateway/cli/verify_internal.h"
#include "gateway/log_replay.h"

struct verify_ref {
	enum log_file of, by;
	struct seal_head head;
	uint64_t epoch; /* of the seal that says it */
};

void verify_ref_add(struct verify *v, enum log_file file, const struct seal *s)
{
	struct verify_ref *refs = array_room(v->refs, &v->ref_room, v->ref_count, LOG_FILES, sizeof *refs);
	if (!refs) {
		v->failed = true;
		return;
	}
	v->refs = refs;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		if (i != file && s->heads[i].sequence)
			v->refs[v->ref_count++] =
				(struct verify_ref){.of = i, .by = file, .head = s->heads[i], .epoch = s->epoch};
}

static int compare(const void *a, const void *b)
{
	const struct verify_ref *x = a, *y = b;
	if (x->of != y->of)
		return (x->of > y->of) - (x->of < y->of);
	return (x->head.sequence > y->head.sequence) - (x->head.sequence < y->head.sequence);
}

void verify_refs(struct verify *v)
{
	bool said[LOG_FILES] = {0};
	if (v->ref_count)
		qsort(v->refs, v->ref_count, sizeof *v->refs, compare);
	for (size_t i = v->ref_count; i-- > 0;) {
		const struct verify_ref *ref = &v->refs[i];
		const struct verify_log *l = &v->logs[ref->of];
		if (ref->head.sequence <= l->last || said[ref->of])
			continue;
		said[ref->of] = true;
		verify_say(v, VERIFY_ALTERED, ref->of, NULL, 0,
			"it ends with line %" PRIu64 ", but seal %" PRIu64 " of %s.jsonl has seen line %" PRIu64
			": its end was cut off",
			l->last, ref->epoch, seal_file_name(ref->by), ref->head.sequence);
	}
	v->ref_at = 0;
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		struct verify_log *l = &v->logs[i];
		memset(&l->head, 0, sizeof l->head);
		l->chained = false;
		l->damaged = false; /* from here on: a difference has been reported for this log */
	}
}

/* Where does the chain stand before this line, as far as the line itself tells? */
static void place(struct verify_log *l, enum log_file file, const struct logset_line *line, uint64_t number)
{
	struct seal s;
	uint8_t head[SEAL_HASH], zero[SEAL_HASH] = {0};
	if (number == 1)
		l->chained = true;
	if (!memmem(line->text, line->size, "\"action\":\"log-", 14))
		return;
	json_t *root = json_loadb(line->text, line->size, JSON_REJECT_DUPLICATES, NULL);
	const char *text = json_string_value(json_object_get(json_object_get(json_object_get(root, "sekisho"), "log"), "head"));
	if (text && seal_hash_parse(text, head) == 0 && (!l->chained || !memcmp(head, zero, sizeof zero))) {
		memcpy(l->head.hash, head, sizeof head);
		l->chained = true;
	} else if (memmem(line->text, line->size, "\"log-seal\"", 10) && seal_parse(root, file, &s) == 0) {
		memcpy(l->head.hash, s.heads[file].hash, SEAL_HASH);
		l->chained = true;
	}
	json_decref(root);
}

void verify_again(struct verify *v, enum log_file file, const struct logset_line *line)
{
	struct verify_log *l = &v->logs[file];
	uint64_t number = log_line_number(line->text, line->size);
	if (!number || number <= l->head.sequence)
		return; /* reported in the first pass */
	place(l, file, line, number);
	if (!l->chained || seal_extend(&l->head, number, line->text, line->size) < 0)
		return;
	while (v->ref_at < v->ref_count &&
		(v->refs[v->ref_at].of < file || (v->refs[v->ref_at].of == file && v->refs[v->ref_at].head.sequence < number)))
		v->ref_at++;
	for (; v->ref_at < v->ref_count && v->refs[v->ref_at].of == file && v->refs[v->ref_at].head.sequence == number;
		v->ref_at++) {
		const struct verify_ref *ref = &v->refs[v->ref_at];
		if (l->damaged || !memcmp(ref->head.hash, l->head.hash, SEAL_HASH))
			continue;
		l->damaged = true;
		verify_say(v, VERIFY_ALTERED, file, line->path, line->number,
			"up to here the lines are not those that seal %" PRIu64 " of %s.jsonl has seen", ref->epoch,
			seal_file_name(ref->by));
	}
}

void verify_end(struct verify *v)
{
	free(v->refs);
	v->refs = NULL;
	v->ref_count = v->ref_room = 0;
}
