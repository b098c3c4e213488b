/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/log.h"

#include <errno.h>
#include <string.h>

#include "gateway/event.h"
#include "gateway/log_internal.h"
#include "gateway/sealer.h"

static const struct {
	const char *name, *dataset;
} files[LOG_FILES] = {
	[LOG_AUTH] = {"auth.jsonl", "sekisho.auth"},
	[LOG_ACCESS] = {"access.jsonl", "sekisho.access"},
	[LOG_AUDIT] = {"audit.jsonl", "sekisho.audit"},
};

/* While the disk is full a log-gap costs some of the reserve: then there is one a minute. */
static const int64_t TIGHT_GAP_USEC = 60000000;

const char *log_file_name(enum log_file file)
{
	return files[file].name;
}

const char *log_error_reason(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
		return "disk-full";
	case EROFS:
		return "read-only";
	case ENOMEM:
		return "no-memory";
	default:
		return "write-error";
	}
}

void log_count_missing(struct log *l, enum log_file file, int64_t when, const char *reason)
{
	struct log_missing *m = &l->missing[file];
	time_format(when, m->to);
	if (!m->count++) {
		memcpy(m->from, m->to, sizeof m->from);
		m->reason = reason;
		m->since = time_boot();
	}
}

/* Is the file's reserve all that is left, or as good as? */
static bool is_tight(struct log *l, enum log_file file)
{
	return log_room_beside_reserve(l, file, LOG_LINE_MAX) < 0;
}

enum line_kind { LINE_LATER, LINE_EARLY, LINE_DURABLE, LINE_SEAL };

static int append(struct log *l, enum log_file file, size_t size, enum line_kind kind)
{
	struct log_stream *s = &l->streams[file];
	int r = log_room_beside_reserve(l, file, size);
	if (!r || kind != LINE_LATER)
		r = log_stream_append(s, l->line, size);
	if (r < 0)
		return r;
	r = kind >= LINE_DURABLE ? log_stream_sync(s) : 0;
	if (r < 0)
		log_stream_undo(s, size);
	return r;
}

/* What was composed (`size` of l->line, or -errno) becomes a line, whole and numbered, or nothing. */
static int put_composed(struct log *l, enum log_file file, ssize_t size, enum line_kind kind)
{
	struct log_stream *s = &l->streams[file];
	int r = size < 0 ? (int)size : append(l, file, (size_t)size, kind);
	if (r < 0) {
		log_room_note(l, file, r);
		return r;
	}
	s->sequence++;
	if (l->failing[file] && !s->doubtful && !is_tight(l, file))
		log_room_note(l, file, 0);
	if (l->sealer && sealer_line(l->sealer, file, s->sequence, l->line, (size_t)size) < 0)
		l->seal_error = -EIO;
	log_copy_line(&l->copy, file, kind == LINE_SEAL, l->line, (size_t)size);
	return 0;
}

static struct log_envelope next_envelope(const struct log *l, enum log_file file, int64_t when)
{
	return (struct log_envelope){when, l->streams[file].sequence + 1, files[file].dataset, l->observer};
}

static int put_line(struct log *l, enum log_file file, int64_t when, json_t *event, enum line_kind kind)
{
	struct log_envelope envelope = next_envelope(l, file, when);
	return put_composed(l, file, log_compose(event, &envelope, l->line), kind);
}

int log_seal(struct log *l, enum log_file file, const char *reason)
{
	struct seal seal;
	int64_t now = time_now();
	if (!l->sealer)
		return 0;
	int r = sealer_make(l->sealer, file, now, &seal);
	if (!r) {
		json_t *e = seal_event(&seal, reason);
		r = put_line(l, file, now, e, LINE_SEAL);
		json_decref(e);
	}
	if (!r)
		r = sealer_made(l->sealer, file, time_boot());
	l->seal_error = r;
	if (r < 0)
		log_trouble_note(l, LOG_TROUBLE_SEAL, file,
			"%s cannot be sealed (%s): check space and disk of the logs and of the gateway's state", files[file].name,
			strerror(-r));
	else
		log_trouble_over(l, LOG_TROUBLE_SEAL, file);
	return r;
}

static void seal_if_due(struct log *l, enum log_file file, const char *reason)
{
	/* After a failure only the timer tries again. */
	bool again = !l->seal_error || !strcmp(reason, "time");
	if (l->sealer && again && sealer_due(l->sealer, file, time_boot()))
		(void)log_seal(l, file, reason);
}

static void tell_gap(struct log *l, enum log_file file, int64_t count, const char *reason)
{
	log_trouble_over(l, LOG_TROUBLE_GAP, file); /* each is news */
	if (count)
		log_trouble_note(l, LOG_TROUBLE_GAP, file,
			"%lld event(s) are missing in %s (%s): its log-gap says from when to when", (long long)count,
			files[file].name, reason);
	else
		log_trouble_note(l, LOG_TROUBLE_GAP, file,
			"events may be missing in %s, nobody knows how many (%s): its log-gap says from when to when",
			files[file].name, reason);
}

int log_record_missing(struct log *l, enum log_file file)
{
	struct log_missing *m = &l->missing[file];
	if (!m->count)
		return 0;
	if (is_tight(l, file) && time_boot() - m->since < TIGHT_GAP_USEC)
		return -ENOSPC;
	json_t *e = event_new("log-gap", NULL, m->reason);
	event_number(e, "sekisho.count", (int64_t)m->count);
	event_text(e, "sekisho.gap.from", m->from);
	event_text(e, "sekisho.gap.to", m->to);
	int r = put_line(l, file, time_now(), e, LINE_DURABLE);
	json_decref(e);
	if (r < 0)
		return r;
	tell_gap(l, file, (int64_t)m->count, m->reason);
	*m = (struct log_missing){0};
	return 0;
}

/* Refused packets that are only counted are as many as somebody likes to send: no trouble of ours. */
static bool is_trouble(const char *reason)
{
	return strcmp(reason, "rate-limited") != 0 && strcmp(reason, "unread") != 0;
}

/* A gap that somebody else has found, as one of the kernel's. */
static void notice_gap(struct log *l, enum log_file file, const json_t *event)
{
	const json_t *inner = json_object_get(event, "event");
	const char *action = json_string_value(json_object_get(inner, "action"));
	const char *reason = json_string_value(json_object_get(inner, "reason"));
	if (action && reason && !strcmp(action, "log-gap") && is_trouble(reason))
		tell_gap(l, file, json_integer_value(json_object_get(json_object_get(event, "sekisho"), "count")), reason);
}

/* The line just made is still in l->line; of an event that could not be recorded, one is made for the caller alone. */
static void copy_line(
	struct log *l, enum log_file file, int64_t when, json_t *event, bool recorded, char copy[static LOG_COPY_MAX])
{
	_Static_assert((int)LOG_COPY_MAX >= (int)LOG_LINE_MAX, "a line fits, and NUL takes its newline's place");
	const struct log_envelope envelope = {when, 0, files[file].dataset, l->observer};
	ssize_t size = 0;
	if (!recorded)
		size = log_compose(event, &envelope, l->line);
	*copy = '\0';
	if (size >= 0)
		*(char *)mempcpy(copy, l->line, strcspn(l->line, "\n")) = '\0';
}

static int record(struct log *l, enum log_file file, int64_t when, json_t *event, enum line_kind kind, char *copy)
{
	int r = log_record_missing(l, file);
	/* On a full disk what must be recorded goes on, and the gap is told later. */
	if (!r || (kind != LINE_LATER && r == -ENOSPC))
		r = put_line(l, file, when, event, kind);
	if (copy)
		copy_line(l, file, when, event, !r, copy);
	if (r < 0) {
		log_count_missing(l, file, when, log_error_reason(r));
	} else {
		notice_gap(l, file, event);
		seal_if_due(l, file, "lines");
	}
	json_decref(event);
	return r;
}

int log_write_text(struct log *l, enum log_file file, int64_t when, const char *event, const char *rest)
{
	struct log_envelope envelope;
	int r = log_record_missing(l, file);
	envelope = next_envelope(l, file, when);
	if (!r)
		r = put_composed(l, file, log_compose_text(event, rest, &envelope, l->line), LINE_LATER);
	if (r < 0)
		log_count_missing(l, file, when, log_error_reason(r));
	else
		seal_if_due(l, file, "lines");
	return r;
}

int log_write(struct log *l, enum log_file file, int64_t when, json_t *event, bool durable)
{
	return record(l, file, when, event, durable ? LINE_DURABLE : LINE_LATER, NULL);
}

int log_write_early(struct log *l, enum log_file file, int64_t when, json_t *event)
{
	return record(l, file, when, event, LINE_EARLY, NULL);
}

int log_write_copy(struct log *l, enum log_file file, int64_t when, json_t *event, char copy[static LOG_COPY_MAX])
{
	return record(l, file, when, event, LINE_DURABLE, copy);
}

int log_sync(struct log *l)
{
	int result = 0;
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		int r = log_record_missing(l, i);
		if (!result)
			result = r;
		seal_if_due(l, i, "time");
		r = log_stream_sync(&l->streams[i]);
		if (r < 0 || (l->failing[i] && !l->missing[i].count && !is_tight(l, i)))
			log_room_note(l, i, r);
		if (!result)
			result = r;
	}
	log_room_look(l);
	return result;
}

void log_mark(struct log *l, enum log_file file, const char *action, const char *reason, const bool *clean)
{
	json_t *e = event_new(action, NULL, reason);
	if (clean)
		event_set(e, "sekisho.log.clean", json_boolean(*clean));
	/* Where the chain goes on, so that a file can be verified when those before it are gone. */
	if (l->sealer && !strcmp(action, "log-opened")) {
		struct seal_head head;
		char hash[SEAL_HASH_TEXT];
		sealer_head(l->sealer, file, &head);
		event_text(e, "sekisho.log.head", seal_hash_format(head.hash, hash));
	}
	(void)log_write(l, file, time_now(), e, true);
}

void log_copies(struct log *l, const bool wanted[static LOG_FILES])
{
	memcpy(l->copy.wanted, wanted, sizeof l->copy.wanted);
}

uint64_t log_copies_lost(const struct log *l)
{
	return l->copy.lost;
}

int log_sealing(const struct log *l)
{
	return l->seal_error;
}

bool log_key(const struct log *l, enum log_file file, struct key *out, uint64_t *epoch)
{
	if (l->sealer)
		sealer_key(l->sealer, file, out, epoch);
	return l->sealer != NULL;
}
