// SPDX-License-Identifier: GPL-3.0-or-later
/* Logs with seals, written by the real writer into a folder of their own and judged in memory: what the tests of seals share. */
#ifndef SEKISHO_TESTS_SEAL_LOGS_H
#define SEKISHO_TESTS_SEAL_LOGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"
#include "gateway/cli/verify.h"
#include "gateway/event.h"
#include "gateway/log_replay.h"
#include "gateway/sealer.h"

static char folder[64], logs[96], keys[96];

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline int make_folders(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_seal.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(logs, sizeof logs, "%s/log", folder);
	snprintf(keys, sizeof keys, "%s/state", folder);
	return mkdir(logs, 0700) || mkdir(keys, 0700);
}

static inline int remove_folders(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- writing ---- */

static inline struct log *begin(void)
{
	struct log *l;
	char why[512] = "";
	int r = log_open(logs, keys, "gw1", 0, &l, why, sizeof why);
	if (r < 0)
		fail_msg("%s", why);
	return l;
}

static inline void put(struct log *l, enum log_file file, unsigned count)
{
	static const char *const actions[LOG_FILES] = {"login-started", "connection-closed", "device-added"};
	for (unsigned i = 0; i < count; i++) {
		json_t *e = event_new(actions[file], "success", NULL);
		event_number(e, "sekisho.session.id", (int64_t)i);
		assert_int_equal(log_write(l, file, time_now(), e, false), 0);
	}
}

/* Three logs with some seals each. */
static inline void write_some(unsigned rounds)
{
	struct log *l = begin();
	for (unsigned round = 0; round < rounds; round++) {
		for (enum log_file i = 0; i < LOG_FILES; i++)
			put(l, i, 2 + i + round);
		assert_int_equal(log_reopen(l), 0);
	}
	log_close(l);
}

/* ---- reading, all in memory ---- */

enum { LINES_MAX = 128 };

struct text {
	char *line[LINES_MAX];
	size_t count;
};

static inline void read_log(enum log_file file, struct text *out)
{
	char path[160], *line = NULL;
	size_t room = 0;
	snprintf(path, sizeof path, "%s/%s.jsonl", logs, seal_file_name(file));
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	*out = (struct text){0};
	while (out->count < LINES_MAX && getline(&line, &room, f) > 0)
		out->line[out->count++] = strdup(line);
	free(line);
	fclose(f);
}

static inline void text_copy(const struct text *from, struct text *to)
{
	to->count = from->count;
	for (size_t i = 0; i < from->count; i++)
		to->line[i] = strdup(from->line[i]);
}

static inline void text_free(struct text *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->line[i]);
	t->count = 0;
}

struct found {
	unsigned altered, unknown, notes;
	char first[600]; /* the first that is no note */
};

static inline void note(const struct verify_finding *f, void *arg)
{
	struct found *found = arg;
	if (f->level != VERIFY_NOTE && !found->altered && !found->unknown)
		snprintf(found->first, sizeof found->first, "%s:%u: %s", seal_file_name(f->file), (unsigned)f->line, f->text);
	found->altered += f->level == VERIFY_ALTERED;
	found->unknown += f->level == VERIFY_UNKNOWN;
	found->notes += f->level == VERIFY_NOTE;
}

static inline void read_anchors(struct verify *v)
{
	char path[160], name[16], text[64];
	unsigned long long epoch;
	snprintf(path, sizeof path, "%s/log-keys", keys);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fscanf(f, "%15s %llu %63s", name, &epoch, text) == 3)
		for (enum log_file i = 0; i < LOG_FILES; i++)
			if (!strcmp(name, seal_file_name(i))) {
				v->logs[i].anchor = (struct verify_anchor){.known = true, .epoch = epoch};
				assert_int_equal(key_parse(text, &v->logs[i].anchor.key), 0);
			}
	fclose(f);
}

static inline enum verify_level judge(const struct text all[LOG_FILES], const struct verify *anchors, struct found *found)
{
	struct verify v = {.report = note, .arg = found};
	*found = (struct found){0};
	for (enum log_file i = 0; i < LOG_FILES; i++)
		v.logs[i].anchor = anchors->logs[i].anchor;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (enum log_file i = 0; i < LOG_FILES; i++) {
			for (size_t j = 0; j < all[i].count; j++) {
				struct logset_line line = {"x", all[i].line[j], strlen(all[i].line[j]), j + 1};
				(pass ? verify_again : verify_line)(&v, i, &line);
			}
			if (!pass)
				verify_log_end(&v, i);
		}
		if (!pass)
			verify_refs(&v);
	}
	assert_false(v.failed);
	verify_end(&v);
	return v.worst;
}

static inline void load(struct text all[LOG_FILES], struct verify *anchors)
{
	*anchors = (struct verify){0};
	for (enum log_file i = 0; i < LOG_FILES; i++)
		read_log(i, &all[i]);
	read_anchors(anchors);
}

static inline void whole_now(void)
{
	struct text all[LOG_FILES];
	struct verify anchors;
	struct found found;
	load(all, &anchors);
	if (judge(all, &anchors, &found) != VERIFY_NOTE)
		fail_msg("%s", found.first);
	assert_int_equal(found.notes, 0);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		text_free(&all[i]);
}

/* The same of the files themselves, rotated ones too. */
static inline void verify_files(void)
{
	struct logset set;
	struct found found = {0};
	struct verify v = {.report = note, .arg = &found};
	read_anchors(&v);
	assert_int_equal(logset_open(logs, &set), 0);
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		for (size_t j = 0; j < set.count[i]; j++) {
			FILE *f = fopen(set.files[i][j].path, "re");
			char *line = NULL;
			size_t room = 0;
			ssize_t size;
			for (uint64_t number = 1; (size = getline(&line, &room, f)) > 0; number++)
				verify_line(&v, i, &(struct logset_line){set.files[i][j].path, line, (size_t)size, number});
			free(line);
			fclose(f);
		}
		verify_log_end(&v, i);
	}
	if (v.worst != VERIFY_NOTE)
		fail_msg("%s", found.first);
	verify_end(&v);
	logset_close(&set);
}

#endif
