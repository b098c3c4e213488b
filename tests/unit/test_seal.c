// SPDX-License-Identifier: GPL-3.0-or-later
/* Logs with seals, written by the real writer, then changed in every way that the verifier promises to find. */
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

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int make_folders(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_seal.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(logs, sizeof logs, "%s/log", folder);
	snprintf(keys, sizeof keys, "%s/state", folder);
	return mkdir(logs, 0700) || mkdir(keys, 0700);
}

static int remove_folders(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- writing ---- */

static struct log *begin(void)
{
	struct log *l;
	char why[512] = "";
	int r = log_open(logs, keys, "gw1", 0, &l, why, sizeof why);
	if (r < 0)
		fail_msg("%s", why);
	return l;
}

static void put(struct log *l, enum log_file file, unsigned count)
{
	static const char *const actions[LOG_FILES] = {"login-started", "connection-closed", "device-added"};
	for (unsigned i = 0; i < count; i++) {
		json_t *e = event_new(actions[file], "success", NULL);
		event_number(e, "sekisho.session.id", (int64_t)i);
		assert_int_equal(log_write(l, file, time_now(), e, false), 0);
	}
}

/* Three logs with some seals each. */
static void write_some(unsigned rounds)
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

static void read_log(enum log_file file, struct text *out)
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

static void text_copy(const struct text *from, struct text *to)
{
	to->count = from->count;
	for (size_t i = 0; i < from->count; i++)
		to->line[i] = strdup(from->line[i]);
}

static void text_free(struct text *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->line[i]);
	t->count = 0;
}

struct found {
	unsigned altered, unknown, notes;
	char first[600]; /* the first that is no note */
};

static void note(const struct verify_finding *f, void *arg)
{
	struct found *found = arg;
	if (f->level != VERIFY_NOTE && !found->altered && !found->unknown)
		snprintf(found->first, sizeof found->first, "%s:%u: %s", seal_file_name(f->file), (unsigned)f->line, f->text);
	found->altered += f->level == VERIFY_ALTERED;
	found->unknown += f->level == VERIFY_UNKNOWN;
	found->notes += f->level == VERIFY_NOTE;
}

static void read_anchors(struct verify *v)
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

static enum verify_level judge(const struct text all[LOG_FILES], const struct verify *anchors, struct found *found)
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

static void load(struct text all[LOG_FILES], struct verify *anchors)
{
	*anchors = (struct verify){0};
	for (enum log_file i = 0; i < LOG_FILES; i++)
		read_log(i, &all[i]);
	read_anchors(anchors);
}

static void whole_now(void)
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

/* ---- tests ---- */

static void test_whole(void **state)
{
	(void)state;
	write_some(3);
	whole_now();
	write_some(3); /* a second run goes on along the same chain */
	whole_now();
}

static void test_many_lines_are_sealed_at_once(void **state)
{
	(void)state;
	struct log *l = begin();
	for (enum log_file i = 0; i < LOG_FILES; i++)
		put(l, i, SEAL_LINES);
	char path[160], *line = NULL;
	size_t room = 0;
	unsigned seals = 0;
	snprintf(path, sizeof path, "%s/access.jsonl", logs);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (getline(&line, &room, f) > 0)
		seals += strstr(line, "\"reason\":\"lines\"") != NULL && strstr(line, "\"log-seal\"") != NULL;
	free(line);
	fclose(f);
	assert_int_equal(seals, 1);
	log_close(l);
}

static uint32_t random_state = 1;
static uint32_t chance(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static void take_out(struct text *t, size_t at)
{
	free(t->line[at]);
	memmove(&t->line[at], &t->line[at + 1], (t->count - at - 1) * sizeof *t->line);
	t->count--;
}

static void put_in(struct text *t, size_t at, char *line)
{
	memmove(&t->line[at + 1], &t->line[at], (t->count - at) * sizeof *t->line);
	t->line[at] = line;
	t->count++;
}

enum tamper { CHANGE, DELETE, INSERT, DUPLICATE, SWAP, CUT, SPLICE, RENUMBER, TAMPERS };

/* Changes one log in one way. */
static void tamper(struct text *t, enum tamper how)
{
	size_t at = chance((uint32_t)t->count - 1); /* the last line is a seal that nothing covers yet */
	switch (how) {
	case CHANGE: {
		size_t i = chance((uint32_t)strlen(t->line[at]) - 1);
		t->line[at][i] = t->line[at][i] == '7' ? '8' : '7';
		break;
	}
	case DELETE:
		take_out(t, at);
		break;
	case INSERT:
		put_in(t, at,
			strdup("{\"@timestamp\":\"2026-11-23T07:30:00.000000+09:00\",\"event\":{\"sequence\":4,\"action\":"
			       "\"login-failed\"}}\n"));
		break;
	case DUPLICATE:
		put_in(t, at, strdup(t->line[at]));
		break;
	case SWAP: {
		size_t other = (at + 1 + chance((uint32_t)t->count - 2)) % (t->count - 1);
		char *line = t->line[at];
		t->line[at] = t->line[other];
		t->line[other] = line;
		break;
	}
	case CUT: /* the end, also exactly behind a seal: the other logs' seals have seen more */
		while (t->count > at + 1)
			take_out(t, t->count - 1);
		break;
	case SPLICE: /* some lines of the middle */
		for (uint32_t n = 1 + chance(3); n && t->count > at + 2; n--)
			take_out(t, at);
		break;
	default: { /* RENUMBER: leave a line out and count the rest anew, as somebody thorough would */
		take_out(t, at);
		for (size_t i = at; i < t->count; i++) {
			char *line = NULL, *mark = strstr(t->line[i], "\"sequence\":") + 11, *rest = mark;
			unsigned long long number = strtoull(mark, &rest, 10);
			assert_true(asprintf(&line, "%.*s%llu%s", (int)(mark - t->line[i]), t->line[i], number - 1, rest) > 0);
			free(t->line[i]);
			t->line[i] = line;
		}
	}
	}
}

static uint64_t number_of(const char *line)
{
	return log_line_number(line, strlen(line));
}

static bool is_seal(const char *line)
{
	return strstr(line, "\"action\":\"log-seal\"") != NULL;
}

/* The last line of a log that a seal of another log vouches for. */
static uint64_t seen_by_others(const struct text all[LOG_FILES], enum log_file which)
{
	uint64_t seen = 0;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		for (size_t j = 0; i != which && j < all[i].count; j++) {
			struct seal seal;
			json_t *root = is_seal(all[i].line[j]) ? json_loads(all[i].line[j], 0, NULL) : NULL;
			if (root && seal_parse(root, i, &seal) == 0 && seal.heads[which].sequence > seen)
				seen = seal.heads[which].sequence;
			json_decref(root);
		}
	return seen;
}

/* What must be found. Two things cannot: that the end is missing, if nothing else vouches for it; and why the beginning is, up to
 * a seal, for old files are removed in time. */
static enum verify_level due_level(const struct text all[LOG_FILES], enum log_file which, const struct text *changed)
{
	const struct text *t = &all[which];
	size_t skip = t->count - changed->count, same = 0;
	if (changed->count > t->count || !changed->count)
		return VERIFY_ALTERED;
	while (same < changed->count && !strcmp(changed->line[same], t->line[same]))
		same++;
	if (same == changed->count)
		return seen_by_others(all, which) > number_of(changed->line[same - 1]) ? VERIFY_ALTERED : VERIFY_NOTE;
	for (same = 0; same < changed->count && !strcmp(changed->line[same], t->line[same + skip]); same++)
		;
	return same == changed->count && skip && is_seal(t->line[skip - 1]) ? VERIFY_UNKNOWN : VERIFY_ALTERED;
}

static void tamper_with(unsigned rounds, unsigned times)
{
	struct text all[LOG_FILES], copy[LOG_FILES];
	struct verify anchors;
	struct found found;
	unsigned missed = 0, same = 0, levels[VERIFY_ALTERED + 1] = {0};
	write_some(rounds);
	load(all, &anchors);
	for (unsigned n = 0; n < times; n++) {
		enum log_file which = (enum log_file)chance(LOG_FILES);
		enum tamper how = (enum tamper)(n % TAMPERS);
		for (enum log_file i = 0; i < LOG_FILES; i++)
			text_copy(&all[i], &copy[i]);
		tamper(&copy[which], how);
		bool differs = copy[which].count != all[which].count;
		for (size_t i = 0; !differs && i < copy[which].count; i++)
			differs = strcmp(copy[which].line[i], all[which].line[i]) != 0;
		same += !differs;
		if (differs) {
			enum verify_level due = due_level(all, which, &copy[which]), got = judge(copy, &anchors, &found);
			levels[due]++;
			missed += got < due;
			if (got < due)
				print_message("not found: kind %u in %s (%s)\n", how, seal_file_name(which), found.first);
		}
		for (enum log_file i = 0; i < LOG_FILES; i++)
			text_free(&copy[i]);
	}
	print_message(
		"%u changes: %u left the log as it was, %u took off an end that nothing vouches for, %u old files up to a seal; "
		"of all others %u were not found\n",
		times, same, levels[VERIFY_NOTE], levels[VERIFY_UNKNOWN], missed);
	assert_true(levels[VERIFY_ALTERED] > times / 10 * 9);
	assert_int_equal(missed, 0);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		text_free(&all[i]);
}

static void test_tampering_is_found(void **state)
{
	(void)state;
	tamper_with(1, 9000);
}

static void test_tampering_in_long_logs_is_found(void **state)
{
	(void)state;
	tamper_with(4, 1000);
}

/* Who takes the key of today changes what was sealed before it: the old seals cannot be made again. */
static void test_a_stolen_key_reaches_no_older_line(void **state)
{
	struct text all[LOG_FILES];
	struct verify anchors;
	struct found found;
	struct key stolen;
	(void)state;
	write_some(3);
	char path[160];
	uint8_t slots[1024];
	snprintf(path, sizeof path, "%s/auth.seal", keys);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, slots, sizeof slots), sizeof slots);
	close(fd);
	load(all, &anchors);
	/* Every 32 bytes that are on disk, tried as the private key of each seal there is. */
	unsigned fits = 0;
	for (size_t at = 0; at + KEY_SIZE <= sizeof slots; at++) {
		struct key public_key;
		memcpy(stolen.bytes, slots + at, KEY_SIZE);
		if (key_is_zero(&stolen) || seal_key_public(&stolen, &public_key) < 0)
			continue;
		for (size_t i = 0; i < all[LOG_AUTH].count; i++) {
			struct seal seal;
			json_t *root = json_loads(all[LOG_AUTH].line[i], 0, NULL);
			if (seal_parse(root, LOG_AUTH, &seal) == 0)
				fits += seal_verify(&seal, &public_key) == 0;
			json_decref(root);
		}
	}
	assert_int_equal(fits, 0);
	/* A line taken out and the seal signed anew with a key of the thief's own. */
	for (size_t i = 2; i < all[LOG_AUTH].count; i++) {
		struct seal seal;
		json_t *root = json_loads(all[LOG_AUTH].line[i], 0, NULL);
		if (seal_parse(root, LOG_AUTH, &seal) == 0) {
			all[LOG_AUTH].line[1][40]++;
			assert_int_equal(seal_key_generate(&stolen), 0);
			assert_int_equal(seal_sign(&seal, &stolen), 0);
			json_t *forged = json_object_get(seal_event(&seal, "time"), "sekisho");
			json_object_set(root, "sekisho", forged);
			free(all[LOG_AUTH].line[i]);
			char *text = json_dumps(root, JSON_COMPACT);
			assert_true(asprintf(&all[LOG_AUTH].line[i], "%s\n", text) > 0);
			free(text);
			json_decref(root);
			break;
		}
		json_decref(root);
	}
	assert_int_equal(judge(all, &anchors, &found), VERIFY_ALTERED);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		text_free(&all[i]);
}

/* Setting back all three to the same earlier moment, keys and all, cannot be seen from within: only that the end is old. */
static void test_what_cannot_be_found(void **state)
{
	struct text all[LOG_FILES], early[LOG_FILES];
	struct verify anchors;
	struct found found;
	(void)state;
	write_some(3);
	load(early, &anchors);
	write_some(3);
	load(all, &anchors);
	assert_int_equal(judge(early, &anchors, &found), VERIFY_NOTE);
	/* But one of them alone is. */
	struct text mixed[LOG_FILES] = {early[LOG_AUTH], all[LOG_ACCESS], all[LOG_AUDIT]};
	assert_int_equal(judge(mixed, &anchors, &found), VERIFY_ALTERED);
	assert_non_null(strstr(found.first, "cut off"));
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		text_free(&all[i]);
		text_free(&early[i]);
	}
}

/* The gateway killed at any moment: what is on disk goes on as one chain, no number twice. */
static void test_killed(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 60; n++) {
		int ready[2];
		assert_int_equal(pipe(ready), 0);
		pid_t child = fork();
		if (!child) {
			char why[512];
			struct log *l;
			if (log_open(logs, keys, "gw1", 0, &l, why, sizeof why) < 0 || write(ready[1], "x", 1) != 1)
				_exit(1);
			for (unsigned i = 0;; i++) {
				json_t *e = event_new("login-started", "success", NULL);
				(void)log_write(l, (enum log_file)(i % LOG_FILES), time_now(), e, false);
				if (i % 16 == 15)
					(void)log_reopen(l);
			}
		}
		char byte;
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		close(ready[1]);
		for (unsigned spin = 0; spin < n * 2000; spin++)
			__asm__ volatile("");
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		struct log *l = begin();
		put(l, LOG_AUTH, 1);
		log_close(l);
	}
	/* One chain over all the deaths. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_many_lines_are_sealed_at_once, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_tampering_is_found, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_tampering_in_long_logs_is_found, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_a_stolen_key_reaches_no_older_line, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_found, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_killed, make_folders, remove_folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
