// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A writer that is killed at random moments, again and again: no line that it acknowledged is missing, no number is given twice
 * or left out, every crash is on record, and the seals go on as one chain. SEKISHO_KILLS says how often (100); SEKISHO_SEED
 * repeats a run.
 */
#include <inttypes.h>
#include <signal.h>
#include <sys/random.h>

#include "tests/unit/seal_logs.h"

enum { KILLS = 100, KILLS_MAX = 100000, MOST_LINES = 400, MOST_SPIN = 400000 };

static uint64_t dice;

static unsigned roll(unsigned below)
{
	dice ^= dice << 13; /* xorshift64 */
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 33) % below;
}

/* ---- the writer ---- */

struct acknowledged {
	enum log_file file;
	uint32_t number; /* 0, 1, ... in its file and life */
};

static void write_for_ever(unsigned life, int tell)
{
	char why[512];
	struct log *l;
	struct acknowledged a = {0};
	uint32_t next[LOG_FILES] = {0};
	if (log_open(logs, keys, "gw1", 1 << 20, &l, why, sizeof why) < 0) {
		fprintf(stderr, "%s\n", why);
		_exit(1);
	}
	for (;;) {
		a.file = (enum log_file)roll(LOG_FILES);
		a.number = next[a.file]++;
		json_t *e = event_new("device-admitted", "success", NULL);
		event_number(e, "sekisho.session.id", life);
		event_number(e, "sekisho.count", a.number);
		if (log_write(l, a.file, time_now(), e, !roll(5)) < 0 || write(tell, &a, sizeof a) != sizeof a)
			_exit(1);
		if (!roll(40))
			(void)log_sync(l);
		if (!roll(150))
			(void)log_reopen(l);
	}
}

/* One life: how much of each file was acknowledged. */
static void live(unsigned life, uint32_t acknowledged[static LOG_FILES])
{
	struct acknowledged a;
	int ends[2], status;
	unsigned lines = roll(MOST_LINES), spins = roll(MOST_SPIN);
	assert_int_equal(pipe(ends), 0);
	dice++; /* the child rolls on from here */
	pid_t pid = fork();
	if (pid == 0)
		write_for_ever(life, ends[1]);
	close(ends[1]);
	for (unsigned n = 0; n <= lines && read(ends[0], &a, sizeof a) == sizeof a; n++)
		acknowledged[a.file] = a.number + 1;
	for (unsigned i = 0; i < spins; i++)
		__asm__ volatile("");
	kill(pid, SIGKILL);
	while (read(ends[0], &a, sizeof a) == sizeof a)
		acknowledged[a.file] = a.number + 1;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	dice += lines;
}

/* ---- what it left ---- */

struct reading {
	enum log_file file;
	uint64_t number;
	bool closed; /* says the line before */
	uint32_t (*seen)[LOG_FILES];
	unsigned crashes;
};

static json_int_t whole_at(const json_t *line, const char *object, const char *member)
{
	const json_t *sekisho = json_object_get(line, "sekisho");
	return json_integer_value(json_object_get(object ? json_object_get(sekisho, object) : sekisho, member));
}

static void read_line(struct reading *r, const char *text, size_t size)
{
	json_t *line = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *event = json_object_get(line, "event");
	const char *action = json_string_value(json_object_get(event, "action"));
	const char *reason = json_string_value(json_object_get(event, "reason"));
	assert_non_null(action);
	assert_int_equal(json_integer_value(json_object_get(event, "sequence")), ++r->number);
	if (!strcmp(action, "device-admitted")) {
		uint32_t *next = &r->seen[whole_at(line, "session", "id")][r->file];
		assert_int_equal(whole_at(line, NULL, "count"), (*next)++);
	} else if (!strcmp(action, "log-opened") && !strcmp(reason, "start")) {
		const json_t *clean = json_object_get(json_object_get(json_object_get(line, "sekisho"), "log"), "clean");
		r->crashes += json_is_false(clean);
		assert_int_equal(json_is_true(clean), r->closed);
	}
	bool stop = !strcmp(action, "log-seal") && !strcmp(reason, "stop");
	/* A gap of a torn line comes before the opening, and belongs to the crash. */
	r->closed = r->number && (stop || !strcmp(action, "log-closed"));
	json_decref(line);
}

static unsigned read_all(enum log_file file, uint32_t (*seen)[LOG_FILES])
{
	struct reading r = {.file = file, .closed = true, .seen = seen};
	char path[160], *line = NULL;
	size_t room = 0;
	ssize_t size;
	snprintf(path, sizeof path, "%s/%s.jsonl", logs, seal_file_name(file));
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while ((size = getline(&line, &room, f)) > 0)
		read_line(&r, line, (size_t)size);
	free(line);
	fclose(f);
	return r.crashes;
}

static unsigned wanted_kills(void)
{
	const char *text = getenv("SEKISHO_KILLS");
	unsigned long n = text ? strtoul(text, NULL, 10) : KILLS;
	return n && n <= KILLS_MAX ? (unsigned)n : KILLS;
}

static void test_killed_at_random_moments(void **state)
{
	const unsigned kills = wanted_kills();
	const char *seed = getenv("SEKISHO_SEED");
	uint32_t(*acknowledged)[LOG_FILES] = calloc(kills, sizeof *acknowledged);
	uint32_t(*seen)[LOG_FILES] = calloc(kills, sizeof *seen);
	unsigned crashes = 0;
	uint64_t lines = 0;
	(void)state;
	assert_true(acknowledged && seen);
	if (seed)
		dice = strtoull(seed, NULL, 16);
	else
		assert_int_equal(getrandom(&dice, sizeof dice, 0), sizeof dice);
	dice |= 1;
	printf("seed %016" PRIx64 "\n", dice);
	for (unsigned life = 0; life < kills; life++)
		live(life, acknowledged[life]);
	log_close(begin());
	for (enum log_file i = 0; i < LOG_FILES; i++)
		crashes += read_all(i, seen);
	for (unsigned life = 0; life < kills; life++)
		for (enum log_file i = 0; i < LOG_FILES; i++) {
			assert_true(seen[life][i] >= acknowledged[life][i]);
			lines += acknowledged[life][i];
		}
	verify_files();
	printf("%u kills, %" PRIu64 " lines acknowledged and there, %u crashes on record in three files\n", kills, lines,
		crashes);
	assert_true(crashes > 0 && lines > 0);
	free(acknowledged);
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_at_random_moments, make_folders, remove_folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
