/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The evidence: no line lost, no number twice or left out, over restarts, rotation, crashes and full disks. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/event.h"
#include "gateway/log.h"
#include "gateway/log_stream.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH], why[1024];

static int setup(void **state)
{
	(void)state;
	scratch_make(folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

static struct log *open_reserve(uint64_t reserve)
{
	struct log *l = NULL;
	if (log_open(folder, NULL, "gw1", reserve, &l, why, sizeof why) < 0)
		fail_msg("%s", why);
	return l;
}

static struct log *open_log(void)
{
	return open_reserve(0);
}

/* One event with a number to find it by. */
static int put(struct log *l, enum log_file file, int number, bool durable)
{
	json_t *e = event_new("device-admitted", "success", NULL);
	event_number(e, "sekisho.count", number);
	return log_write(l, file, time_now(), e, durable);
}

static const char *action_of(json_t *line)
{
	return json_string_value(json_object_get(json_object_get(line, "event"), "action"));
}

static const char *reason_of(json_t *line)
{
	const char *reason = json_string_value(json_object_get(json_object_get(line, "event"), "reason"));
	return reason ? reason : "";
}

static json_int_t count_of(json_t *line)
{
	return json_integer_value(json_object_get(json_object_get(line, "sekisho"), "count"));
}

/* Reads a file: every line must parse, be numbered without a gap from `first`, and begin as promised. Returns the lines as an
 * array. */
static json_t *lines_of(const char *name, json_int_t first)
{
	char path[SCRATCH_PATH], *text = NULL;
	size_t size = 0;
	ssize_t n;
	json_t *all = json_array();
	FILE *f = fopen(scratch_path(path, folder, name), "r");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	while ((n = getline(&text, &size, f)) > 0) {
		assert_int_equal(text[n - 1], '\n');
		assert_true(n <= LOG_LINE_MAX);
		assert_memory_equal(text, "{\"@timestamp\":\"20", 17);
		json_t *line = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
		if (!line)
			fail_msg("%s: no JSON: %s", name, text);
		json_t *event = json_object_get(line, "event");
		assert_string_equal(json_object_iter_key(json_object_iter(event)), "sequence");
		assert_int_equal(json_integer_value(json_object_get(event, "sequence")), first++);
		json_array_append_new(all, line);
	}
	free(text);
	fclose(f);
	return all;
}

/* The actions of a file in their order, as one string. */
static void assert_actions(json_t *lines, const char *expected)
{
	char said[2048] = "";
	size_t i;
	json_t *line;
	json_array_foreach(lines, i, line)
	{
		size_t used = strlen(said);
		const char *reason = reason_of(line);
		snprintf(said + used, sizeof said - used, "%s%s%s%s", i ? " " : "", action_of(line), *reason ? ":" : "", reason);
	}
	assert_string_equal(said, expected);
	json_decref(lines);
}

static void test_envelope(void **state)
{
	struct stat st;
	char path[SCRATCH_PATH];
	(void)state;
	mode_t old = umask(0177);
	struct log *l = open_log();
	umask(old);
	json_t *e = event_new("device-admitted", "success", NULL);
	event_text(e, "device.id", "d7");
	assert_int_equal(log_write(l, LOG_AUTH, INT64_C(1795395900123456), e, true), 0);
	log_close(l);
	json_t *lines = lines_of("auth.jsonl", 1), *line = json_array_get(lines, 1);
	assert_non_null(strstr(json_string_value(json_object_get(line, "@timestamp")), ".123456"));
	assert_string_equal(json_string_value(json_object_get(json_object_get(line, "event"), "dataset")), "sekisho.auth");
	assert_string_equal(json_string_value(json_object_get(json_object_get(line, "observer"), "name")), "gw1");
	assert_string_equal(json_string_value(json_object_get(json_object_get(line, "ecs"), "version")), "8.11");
	assert_string_equal(json_string_value(json_object_get(json_object_get(line, "device"), "id")), "d7");
	assert_actions(lines, "log-opened:start device-admitted log-closed:stop");
	assert_actions(lines_of("access.jsonl", 1), "log-opened:start log-closed:stop");
	assert_actions(lines_of("audit.jsonl", 1), "log-opened:start log-closed:stop");
	assert_int_equal(stat(scratch_path(path, folder, "audit.jsonl"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static bool clean_flag(json_t *line)
{
	return json_is_true(json_object_get(json_object_get(json_object_get(line, "sekisho"), "log"), "clean"));
}

static void test_restarts(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct log *l = open_log();
		assert_int_equal(put(l, LOG_ACCESS, i, false), 0);
		log_close(l);
	}
	json_t *lines = lines_of("access.jsonl", 1);
	assert_true(clean_flag(json_array_get(lines, 0)) && clean_flag(json_array_get(lines, 3)));
	assert_actions(lines, "log-opened:start device-admitted log-closed:stop log-opened:start device-admitted log-closed:stop "
			      "log-opened:start device-admitted log-closed:stop");
}

static void append(const char *name, const char *text, size_t size)
{
	char path[SCRATCH_PATH];
	int fd = open(scratch_path(path, folder, name), O_WRONLY | O_APPEND | O_CREAT, 0640);
	assert_int_equal(write(fd, text, size), (ssize_t)size);
	close(fd);
}

static void test_torn_lines(void **state)
{
	static const char zeros[70000];
	static const struct {
		const char *text;
		size_t size;
	} tails[] = {
		{"{", 1},
		{"{\"@timestamp\":\"2026", 19},
		{"{\"@timestamp\":\"2026\n", 20},
		{"\n", 1},
		{zeros, sizeof zeros},
	};
	(void)state;
	log_close(open_log());
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		append("auth.jsonl", tails[i].text, tails[i].size);
		log_close(open_log());
		json_t *lines = lines_of("auth.jsonl", 1);
		size_t n = json_array_size(lines);
		assert_int_equal(n, 2 + 3 * (i + 1));
		json_t *gap = json_array_get(lines, n - 3), *opened = json_array_get(lines, n - 2);
		assert_string_equal(action_of(gap), "log-gap");
		assert_string_equal(reason_of(gap), "torn-line");
		assert_int_equal(count_of(gap), 1);
		json_t *from = json_object_get(json_object_get(json_object_get(gap, "sekisho"), "gap"), "from");
		assert_true(json_equal(from, json_object_get(json_array_get(lines, n - 4), "@timestamp")));
		assert_false(clean_flag(opened));
		json_decref(lines);
	}
	/* Nothing but half a line. */
	append("access.jsonl.other", "", 0);
	char path[SCRATCH_PATH];
	unlink(scratch_path(path, folder, "access.jsonl"));
	append("access.jsonl", "{\"half", 6);
	log_close(open_log());
	assert_actions(lines_of("access.jsonl", 1), "log-gap:torn-line log-opened:start log-closed:stop");
}

static void assert_refused(int error, const char *word)
{
	struct log *l = NULL;
	*why = '\0';
	assert_int_equal(log_open(folder, NULL, "gw1", 0, &l, why, sizeof why), error);
	assert_null(l);
	if (!strstr(why, word) || !strstr(why, folder))
		fail_msg("'%s' or the folder is not in: %s", word, why);
}

/* What is not ours is not cut, but refused with what to do. */
static void test_foreign_files(void **state)
{
	char path[SCRATCH_PATH], other[SCRATCH_PATH];
	struct stat st;
	(void)state;
	scratch_path(path, folder, "audit.jsonl");
	append("audit.jsonl", "{\"some\":\"other log\"}\n", 21);
	assert_refused(-EUCLEAN, "mv audit.jsonl");
	append("audit.jsonl", "half", 4);
	assert_refused(-EUCLEAN, "mv audit.jsonl");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 25);
	unlink(path);
	append("audit.jsonl", "", 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_refused(-EACCES, "chmod 640");
	assert_int_equal(chmod(path, 0640), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_refused(-EPERM, "chown 0");
	}
	assert_int_equal(rename(path, scratch_path(other, folder, "x")), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_refused(-ELOOP, "audit.jsonl");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(-EINVAL, "regular file");
	unlink(path);
	struct log *l = open_log();
	assert_refused(-EBUSY, "another gateway");
	log_close(l);
	scratch_remove(folder);
	assert_refused(-ENOENT, "install -d");
}

static void move(const char *from, const char *to)
{
	char a[SCRATCH_PATH], b[SCRATCH_PATH];
	assert_int_equal(rename(scratch_path(a, folder, from), scratch_path(b, folder, to)), 0);
}

static void test_rotation(void **state)
{
	(void)state;
	struct log *l = open_log();
	assert_int_equal(put(l, LOG_AUTH, 1, false), 0);
	move("auth.jsonl", "auth.jsonl.1");
	assert_int_equal(put(l, LOG_AUTH, 2, false), 0); /* between rename and signal: still the old file */
	append("auth.jsonl", "", 0);			 /* logrotate's `create` */
	assert_int_equal(log_reopen(l), 0);
	assert_int_equal(put(l, LOG_AUTH, 3, true), 0);
	/* Asked without anything having been moved. */
	assert_int_equal(log_reopen(l), 0);
	assert_int_equal(put(l, LOG_AUTH, 4, true), 0);
	log_close(l);
	assert_actions(lines_of("auth.jsonl.1", 1), "log-opened:start device-admitted device-admitted log-closed:rotation");
	assert_actions(lines_of("auth.jsonl", 5), "log-opened:rotation device-admitted log-closed:rotation log-opened:rotation "
						  "device-admitted log-closed:stop");

	/* Rotated while nobody was running: numbers go on after the newest rotated file, whatever it is called. */
	move("auth.jsonl.1", "auth.jsonl.2");
	move("auth.jsonl", "auth.jsonl-20261123");
	append("auth.jsonl.3.gz", "\x1f\x8b\x08 packed", 10);
	append("auth.jsonlike", "", 0);
	log_close(open_log());
	assert_actions(lines_of("auth.jsonl", 11), "log-opened:start log-closed:stop");
}

/* A file that has lines of its own cannot follow ours; the old one is written on. */
static void test_rotation_refused(void **state)
{
	(void)state;
	struct log *l = open_log();
	move("audit.jsonl", "audit.jsonl.1");
	append("audit.jsonl", "{}\n", 3);
	assert_int_equal(log_reopen(l), -EEXIST);
	assert_int_equal(put(l, LOG_AUDIT, 1, true), 0);
	assert_int_equal(put(l, LOG_AUTH, 1, true), 0);
	log_close(l);
	assert_actions(lines_of("audit.jsonl.1", 1), "log-opened:start device-admitted log-closed:stop");
	assert_actions(lines_of("auth.jsonl", 1), "log-opened:start device-admitted log-closed:stop");
}

static void test_bad_events(void **state)
{
	(void)state;
	struct log *l = open_log();
	assert_int_equal(log_write(l, LOG_AUTH, time_now(), NULL, false), -ENOMEM);
	assert_int_equal(log_write(l, LOG_AUTH, time_now(), json_object(), true), -ENOMEM);
	assert_int_equal(put(l, LOG_ACCESS, 1, false), 0);
	assert_int_equal(put(l, LOG_AUTH, 1, false), 0);
	assert_int_equal(log_write(l, LOG_AUDIT, time_now(), NULL, false), -ENOMEM);
	assert_int_equal(log_sync(l), 0); /* also without another event */
	log_close(l);
	json_t *lines = lines_of("auth.jsonl", 1);
	assert_int_equal(count_of(json_array_get(lines, 1)) + count_of(json_array_get(lines, 2)), 2);
	assert_actions(lines, "log-opened:start log-gap:no-memory log-gap:no-memory device-admitted log-closed:stop");
	assert_actions(lines_of("access.jsonl", 1), "log-opened:start device-admitted log-closed:stop");
	assert_actions(lines_of("audit.jsonl", 1), "log-opened:start log-gap:no-memory log-closed:stop");
}

/* Longer than a line may be: the largest parts are left out by name, the rest is there. */
static void test_long_event(void **state)
{
	(void)state;
	struct log *l = open_log();
	json_t *e = event_new("acl-applied", "success", NULL), *files = json_array(), *names = json_array();
	for (int i = 0; i < 400; i++) {
		json_array_append_new(files, json_sprintf("users/user%d.acl 0123456789abcdef0123456789abcdef", i));
		json_array_append_new(names, json_sprintf("a name that is quite long, number %d", i));
	}
	event_set(e, "sekisho.acl.sha256", files);
	event_set(e, "related.user", names);
	event_number(e, "sekisho.acl.generation", 5);
	event_text(e, "message", "kept");
	assert_int_equal(log_write(l, LOG_AUDIT, time_now(), e, true), 0);
	log_close(l);
	json_t *lines = lines_of("audit.jsonl", 1), *line = json_array_get(lines, 1), *sekisho = json_object_get(line, "sekisho");
	assert_string_equal(action_of(line), "acl-applied");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(sekisho, "acl"), "generation")), 5);
	assert_null(json_object_get(json_object_get(sekisho, "acl"), "sha256"));
	assert_string_equal(json_string_value(json_object_get(line, "message")), "kept");
	json_t *dropped = json_object_get(sekisho, "dropped");
	assert_true(json_array_size(dropped) >= 1);
	assert_string_equal(json_string_value(json_array_get(dropped, 0)), "sekisho.acl.sha256");
	json_decref(lines);
}

static void test_ready(void **state)
{
	(void)state;
	struct log *l = open_log();
	assert_int_equal(log_ready(l), 0);
	log_close(l);
	l = open_reserve(UINT64_MAX);
	assert_int_equal(log_ready(l), -ENOSPC);
	assert_int_equal(put(l, LOG_AUTH, 1, true), 0); /* the reserve is for lines that must be written */
	log_close(l);
}

/* Acknowledged lines outlive a process that is killed while it writes. */
static void test_killed(void **state)
{
	enum { ROUNDS = 5, GOAL = 60 };
	int acknowledged[ROUNDS] = {0}, seen[ROUNDS] = {0};
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2], status, number;
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		pid_t pid = fork();
		if (pid == 0) {
			struct log *l = NULL;
			CHILD_CHECK(log_open(folder, NULL, "gw1", 0, &l, why, sizeof why) == 0);
			for (number = round * 1000000;; number++)
				CHILD_CHECK(put(l, LOG_ACCESS, number, false) == 0 && write(ends[1], &number, sizeof number) > 0);
		}
		close(ends[1]);
		while (read(ends[0], &number, sizeof number) == sizeof number)
			if (++acknowledged[round] == GOAL)
				kill(pid, SIGKILL);
		close(ends[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && acknowledged[round] >= GOAL);
	}
	json_t *lines = lines_of("access.jsonl", 1), *line;
	size_t i;
	json_array_foreach(lines, i, line) if (!strcmp(action_of(line), "device-admitted"))
		assert_int_equal(count_of(line), count_of(line) / 1000000 * 1000000 + seen[count_of(line) / 1000000]++);
	for (int round = 0; round < ROUNDS; round++)
		assert_true(seen[round] >= acknowledged[round]);
	json_decref(lines);
}

static void on_full_disk(const char *mounted)
{
	char filler[SCRATCH_PATH];
	int written = 0, lost = 0;
	struct log *l = NULL;
	CHILD_CHECK(log_open(mounted, NULL, "gw1", 0, &l, why, sizeof why) == 0);
	CHILD_CHECK(log_ready(l) == 0);
	scratch_fill(scratch_path(filler, mounted, "filler"));
	CHILD_CHECK(log_ready(l) == -ENOSPC);
	/* Until the page that the file has is full, then some that fail, one in the middle of a line. */
	while (put(l, LOG_ACCESS, written, false) == 0)
		CHILD_CHECK(++written < 1000);
	for (lost = 1; lost < 6; lost++)
		CHILD_CHECK(put(l, LOG_ACCESS, 0, lost % 2) == -ENOSPC);
	CHILD_CHECK(log_sync(l) == -ENOSPC && log_ready(l) == -ENOSPC);
	CHILD_CHECK(log_reopen(l) == 0); /* its two lines are lost as well, and counted */
	lost += 2;
	CHILD_CHECK(unlink(filler) == 0);
	CHILD_CHECK(log_ready(l) == 0);
	CHILD_CHECK(put(l, LOG_ACCESS, written, true) == 0);
	log_close(l);

	json_t *lines = lines_of("access.jsonl", 1);
	size_t n = json_array_size(lines);
	json_t *gap = json_array_get(lines, n - 3);
	CHILD_CHECK(n == (size_t)written + 4);
	CHILD_CHECK(!strcmp(action_of(gap), "log-gap") && !strcmp(reason_of(gap), "disk-full") && count_of(gap) == lost);
	for (int i = 0; i < written; i++)
		CHILD_CHECK(count_of(json_array_get(lines, (size_t)i + 1)) == i);
	json_decref(lines);

	/* A start on a full disk must work, since the gateway has to guard what it has; there is no login then. */
	scratch_fill(filler);
	CHILD_CHECK(log_open(mounted, NULL, "gw1", 0, &l, why, sizeof why) == 0);
	CHILD_CHECK(log_ready(l) == -ENOSPC);
	log_close(l);
}

static void test_full_disk(void **state)
{
	(void)state;
	int status = scratch_on_tmpfs(folder, "size=128k", on_full_disk);
	if (status == SCRATCH_SKIP) {
		print_message("skipped: mounting a tmpfs of our own needs root\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* What cannot be cut off at once is cut off before the next line. */
static void test_cut_later(void **state)
{
	struct log_stream s;
	struct stat st;
	(void)state;
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(log_stream_open(dir, "x", &s, why, sizeof why), 0);
	assert_int_equal(log_stream_append(&s, "whole\n", 6), 0);
	assert_int_equal(log_stream_append(&s, "undone\n", 7), 0);
	log_stream_undo(&s, 7);
	assert_int_equal(fstat(s.fd, &st), 0);
	assert_int_equal(st.st_size, 6);
	assert_int_equal(s.cut, -1);
	append("x", "half", 4);
	s.cut = 6;
	assert_int_equal(log_stream_append(&s, "next\n", 5), 0);
	assert_int_equal(fstat(s.fd, &st), 0);
	assert_int_equal(st.st_size, 11);
	/* Truncated by somebody else: nothing is filled up with zeros. */
	assert_int_equal(ftruncate(s.fd, 0), 0);
	s.cut = 6;
	assert_int_equal(log_stream_append(&s, "next\n", 5), 0);
	assert_int_equal(fstat(s.fd, &st), 0);
	assert_int_equal(st.st_size, 5);
	log_stream_close(&s);
	close(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_envelope),
		TEST(test_restarts),
		TEST(test_torn_lines),
		TEST(test_foreign_files),
		TEST(test_rotation),
		TEST(test_rotation_refused),
		TEST(test_bad_events),
		TEST(test_long_event),
		TEST(test_ready),
		TEST(test_killed),
		TEST(test_full_disk),
		TEST(test_cut_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
