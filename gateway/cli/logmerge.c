/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logmerge.h"

#include <errno.h>

#include "gateway/cli/cli.h"

void logmerge_open(struct logmerge *m, const struct logset *set, const struct logquery *query)
{
	*m = (struct logmerge){.set = set, .query = query};
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		m->logs[i].reader = (struct logreader){.ended = true};
		m->logs[i].ended = !query->files[i];
	}
}

void logmerge_close(struct logmerge *m)
{
	for (enum log_file i = 0; i < LOG_FILES; i++)
		logreader_close(&m->logs[i].reader);
}

/* A file's lines lie between its first one and that of the next file. */
static bool file_outside(const struct logmerge *m, enum log_file file, size_t index)
{
	const struct logperiod *p = &m->query->period;
	const struct logset_file *f = &m->set->files[file][index];
	if (f->time != LOGVALUE_NONE && p->until != INT64_MAX && f->time - LOGMERGE_MARGIN_USEC >= p->until)
		return true;
	if (index + 1 == m->set->count[file] || p->since == INT64_MIN)
		return false;
	return f[1].time != LOGVALUE_NONE && f[1].time + LOGMERGE_MARGIN_USEC < p->since;
}

/* Opens the next file that can have something. False when none is left. */
static bool file_next(struct logmerge *m, enum log_file file)
{
	struct logmerge_log *log = &m->logs[file];
	logreader_close(&log->reader);
	while (log->next < m->set->count[file]) {
		size_t index = log->next++;
		if (file_outside(m, file, index))
			continue;
		const struct logset_file *f = &m->set->files[file][index];
		int code = logset_file_open(f, &log->reader);
		if (!code)
			return true;
		if (code == -ESTALE)
			logset_say_stale(f);
		m->failed = true;
	}
	return false;
}

int logmatch_read(struct logmatch *match, const struct logquery *query, enum log_file file, const struct logset_line *line)
{
	int r = logfield_scan(line->text, line->size, match->values);
	if (r < 0)
		return r;
	match->line = *line;
	match->file = file;
	match->time = logvalue_time(match->values[LOGFIELD_TIME]);
	return logquery_matches(query, match->values, line);
}

/* Looks for the next line of one log that fits. */
static void head_find(struct logmerge *m, enum log_file file)
{
	struct logmerge_log *log = &m->logs[file];
	struct logset_line line;
	while (!log->has_head && !log->ended) {
		int got = logreader_next(&log->reader, &m->query->needles, &line);
		m->failed = m->failed || got < 0;
		if (got <= 0) {
			log->ended = !file_next(m, file);
			continue;
		}
		int r = logmatch_read(&log->head, m->query, file, &line);
		if (r < 0 && !m->unread++)
			m->unread_path = line.path;
		log->has_head = r > 0;
	}
}

const struct logmatch *logmerge_next(struct logmerge *m)
{
	struct logmerge_log *first = NULL;
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		struct logmerge_log *log = &m->logs[i];
		head_find(m, i);
		if (log->has_head && (!first || log->head.time < first->head.time))
			first = log;
	}
	if (!first)
		return NULL;
	first->has_head = false;
	return &first->head;
}
