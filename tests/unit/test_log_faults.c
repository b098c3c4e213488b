/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The evidence on a disk that is full, fails or forgets: what must be recorded is, the rest is counted, and all goes on again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "gateway/event.h"
#include "gateway/log.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH], why[1024];

/* ---- faults: these stand before the C library's ---- */

static int write_error, sync_error; /* errno of the next calls for files opened to append; 0: none */
static unsigned written_again, synced;

static bool is_log(int fd)
{
	return fcntl(fd, F_GETFL) & O_APPEND;
}

ssize_t write(int fd, const void *data, size_t size)
{
	if (write_error && is_log(fd)) {
		errno = write_error;
		return -1;
	}
	return syscall(SYS_write, fd, data, size);
}

int fdatasync(int fd)
{
	if (sync_error) {
		errno = sync_error;
		return -1;
	}
	synced++;
	return (int)syscall(SYS_fdatasync, fd);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
	written_again++;
	return syscall(SYS_pwrite64, fd, data, size, at);
}

/* ---- helpers ---- */

static int setup(void **state)
{
	(void)state;
	write_error = sync_error = 0;
	written_again = synced = 0;
	scratch_make(folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

static int put(struct log *l, enum log_file file, bool durable)
{
	return log_write(l, file, time_now(), event_new("device-admitted", "success", NULL), durable);
}

static int early(struct log *l, enum log_file file)
{
	return log_write_early(l, file, time_now(), event_new("device-admitted", "success", NULL));
}

/* Actions and reasons of a file in their order; every number follows the one before. */
static void actions(const char *name, char *out, size_t room)
{
	char path[SCRATCH_PATH], *text = NULL;
	size_t size = 0, used = 0;
	ssize_t n;
	json_int_t number = 0;
	FILE *f = fopen(scratch_path(path, folder, name), "re");
	*out = '\0';
	while (f && used + 128 < room && (n = getline(&text, &size, f)) > 0) {
		json_t *line = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
		json_t *event = json_object_get(line, "event");
		const char *reason = json_string_value(json_object_get(event, "reason"));
		json_int_t count = json_integer_value(json_object_get(json_object_get(line, "sekisho"), "count"));
		bool next = line && json_integer_value(json_object_get(event, "sequence")) == ++number;
		used += (size_t)snprintf(out + used, room - used, "%s%s%s%s", used ? " " : "",
			next ? json_string_value(json_object_get(event, "action")) : "BAD", reason ? ":" : "",
			reason ? reason : "");
		if (count)
			used += (size_t)snprintf(out + used, room - used, "=%d", (int)count);
		json_decref(line);
	}
	free(text);
	if (f)
		fclose(f);
}

static void assert_actions(const char *name, const char *expected)
{
	char said[1024];
	actions(name, said, sizeof said);
	assert_string_equal(said, expected);
}

static bool told(struct log *l, enum log_trouble wanted)
{
	enum log_trouble kind;
	enum log_file file;
	char text[256];
	bool found = false;
	while (log_trouble(l, &kind, &file, text, sizeof text))
		found = found || kind == wanted;
	return found;
}

static struct log *begin(void)
{
	struct log *l = NULL;
	if (log_open(folder, NULL, "gw1", 0, &l, why, sizeof why) < 0)
		fail_msg("%s", why);
	return l;
}

/* ---- tests ---- */

static void test_a_failed_write_is_counted(void **state)
{
	(void)state;
	struct log *l = begin();
	write_error = EIO;
	assert_int_equal(put(l, LOG_AUTH, true), -EIO);
	assert_int_equal(put(l, LOG_AUTH, false), -EIO);
	assert_int_equal(log_room(l), LOG_ROOM_NONE);
	assert_int_equal(log_failing(l), -EIO);
	assert_int_equal(log_ready(l), -EIO);
	assert_true(told(l, LOG_TROUBLE_ERROR));
	assert_int_equal(put(l, LOG_AUTH, false), -EIO);
	assert_false(told(l, LOG_TROUBLE_ERROR)); /* once until it is over */
	write_error = 0;
	assert_int_equal(log_sync(l), 0); /* also when nothing else happens */
	assert_int_equal(log_failing(l), 0);
	assert_int_equal(log_ready(l), 0);
	assert_int_equal(log_room(l), LOG_ROOM_GOOD);
	assert_true(told(l, LOG_TROUBLE_GAP));
	assert_int_equal(put(l, LOG_AUTH, true), 0);
	log_close(l);
	assert_actions("auth.jsonl", "log-opened:start log-gap:write-error=3 device-admitted log-closed:stop");
}

/* What is not on disk is not in the file either: its number is another's. */
static void test_a_failed_flush_takes_its_line_back(void **state)
{
	(void)state;
	struct log *l = begin();
	sync_error = EIO;
	assert_int_equal(put(l, LOG_AUDIT, true), -EIO);
	assert_int_equal(log_failing(l), -EIO);
	sync_error = 0;
	assert_int_equal(log_ready(l), 0);
	log_close(l);
	assert_actions("audit.jsonl", "log-opened:start log-gap:write-error=1 log-closed:stop");
}

/* After a failed fdatasync() the kernel holds the pages for clean. What was acknowledged is given to it again. */
static void test_what_may_be_lost_is_written_again(void **state)
{
	(void)state;
	struct log *l = begin();
	assert_int_equal(put(l, LOG_ACCESS, false), 0);
	assert_int_equal(put(l, LOG_ACCESS, false), 0);
	sync_error = EIO;
	assert_int_equal(log_sync(l), -EIO);
	assert_int_equal(log_failing(l), -EIO);
	assert_int_equal(log_ready(l), -EIO);
	assert_int_equal(written_again, 0);
	sync_error = 0;
	assert_int_equal(log_sync(l), 0);
	assert_true(written_again > 0);
	assert_int_equal(log_failing(l), 0);
	written_again = 0;
	assert_int_equal(put(l, LOG_ACCESS, false), 0);
	assert_int_equal(log_sync(l), 0);
	assert_int_equal(written_again, 0);
	log_close(l);
	assert_actions("access.jsonl", "log-opened:start device-admitted device-admitted device-admitted log-closed:stop");
}

static void on_a_full_disk(const char *mounted)
{
	char filler[SCRATCH_PATH], text[16384];
	struct log *l = NULL;
	unsigned access = 0;
	CHILD_CHECK(log_open(mounted, NULL, "gw1", 1 << 20, &l, why, sizeof why) == 0);
	log_limits(l, 1 << 20, 2 << 20);
	CHILD_CHECK(log_room(l) == LOG_ROOM_GOOD && log_ready(l) == 0);
	scratch_fill(scratch_path(filler, mounted, "filler"));
	CHILD_CHECK(log_ready(l) == -ENOSPC && log_room(l) == LOG_ROOM_NONE && log_failing(l) == 0);
	CHILD_CHECK(told(l, LOG_TROUBLE_FULL) && !told(l, LOG_TROUBLE_FULL));
	while (put(l, LOG_ACCESS, false) == 0)
		CHILD_CHECK(++access < 5000);
	CHILD_CHECK(log_failing(l) == -ENOSPC);
	/* The reserve is for what must be recorded, and nobody else has taken it. */
	for (unsigned i = 0; i < 200; i++)
		CHILD_CHECK(early(l, LOG_AUTH) == 0 && put(l, LOG_AUTH, true) == 0 && put(l, LOG_AUDIT, true) == 0);
	CHILD_CHECK(log_sync(l) == -ENOSPC && put(l, LOG_ACCESS, false) == -ENOSPC);
	CHILD_CHECK(log_failing(l) == -ENOSPC && log_ready(l) == -ENOSPC);
	CHILD_CHECK(unlink(filler) == 0);
	CHILD_CHECK(log_sync(l) == 0 && log_failing(l) == 0 && log_room(l) == LOG_ROOM_GOOD && log_ready(l) == 0);
	CHILD_CHECK(told(l, LOG_TROUBLE_GAP));
	CHILD_CHECK(put(l, LOG_ACCESS, false) == 0);
	log_close(l);
	actions("audit.jsonl", text, sizeof text);
	CHILD_CHECK(!strstr(text, "BAD") && !strstr(text, "log-gap"));
	FILE *f = fopen(scratch_path(filler, mounted, "access.jsonl"), "re");
	char *line = NULL;
	size_t room = 0;
	unsigned lines = 0, gaps = 0;
	while (getline(&line, &room, f) > 0) {
		lines++;
		gaps += strstr(line, "\"reason\":\"disk-full\"") && strstr(line, "\"count\":2,");
	}
	free(line);
	fclose(f);
	CHILD_CHECK(gaps == 1 && lines == access + 4);
}

static void test_a_full_disk_has_room_for_what_counts(void **state)
{
	(void)state;
	int r = scratch_on_tmpfs(folder, "size=8m", on_a_full_disk);
	if (r == SCRATCH_SKIP)
		skip();
	assert_int_equal(r, 0);
}

/* Makes the file so large that `free` bytes are left. */
static bool leave(const char *mounted, int fd, off_t free_bytes)
{
	struct statvfs v;
	if (ftruncate(fd, 0) < 0 || statvfs(mounted, &v) < 0)
		return false;
	return fallocate(fd, 0, 0, (off_t)(v.f_bavail * v.f_frsize) - free_bytes) == 0;
}

static void on_a_filling_disk(const char *mounted)
{
	char filler[SCRATCH_PATH];
	struct log *l = NULL;
	CHILD_CHECK(log_open(mounted, NULL, "gw1", 1 << 20, &l, why, sizeof why) == 0);
	log_limits(l, 1 << 20, 4 << 20);
	CHILD_CHECK(log_room(l) == LOG_ROOM_GOOD && !told(l, LOG_TROUBLE_SPACE_LOW));
	int fd = open(scratch_path(filler, mounted, "filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHILD_CHECK(fd >= 0 && leave(mounted, fd, 3 << 20));
	CHILD_CHECK(log_sync(l) == 0 && log_room(l) == LOG_ROOM_LOW && log_ready(l) == 0);
	CHILD_CHECK(told(l, LOG_TROUBLE_SPACE_LOW));
	/* A little more than the limit must be free, so that it does not flutter. */
	CHILD_CHECK(leave(mounted, fd, (4 << 20) + (64 << 10)) && log_sync(l) == 0 && log_room(l) == LOG_ROOM_LOW);
	CHILD_CHECK(ftruncate(fd, 0) == 0 && log_sync(l) == 0 && log_room(l) == LOG_ROOM_GOOD);
	close(fd);
	log_close(l);
}

static void test_low_space_is_told(void **state)
{
	(void)state;
	int r = scratch_on_tmpfs(folder, "size=10m", on_a_filling_disk);
	if (r == SCRATCH_SKIP)
		skip();
	assert_int_equal(r, 0);
}

/* An early line waits for the next durable one, with which it reaches the disk or does not. */
static void test_early(void **state)
{
	(void)state;
	struct log *l = NULL;
	assert_int_equal(log_open(folder, NULL, "gw1", 0, &l, why, sizeof why), 0);
	unsigned before = synced;
	assert_int_equal(early(l, LOG_AUTH), 0);
	assert_int_equal(early(l, LOG_AUTH), 0);
	assert_int_equal(synced, before);
	sync_error = EIO;
	assert_int_equal(put(l, LOG_AUTH, true), -EIO);
	sync_error = 0;
	written_again = 0;
	assert_int_equal(put(l, LOG_AUTH, true), 0);
	assert_int_equal(synced, before + 2); /* of the gap's line and of this one */
	assert_true(written_again > 0); /* what the failed one may have lost */
	assert_int_equal(early(l, LOG_AUTH), 0);
	assert_int_equal(log_sync(l), 0);
	assert_int_equal(synced, before + 3);
	log_close(l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_early),
		TEST(test_a_failed_write_is_counted),
		TEST(test_a_failed_flush_takes_its_line_back),
		TEST(test_what_may_be_lost_is_written_again),
		TEST(test_a_full_disk_has_room_for_what_counts),
		TEST(test_low_space_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
