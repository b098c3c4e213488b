/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger's file: who may have it, how it is brought forward, what it holds after a crash and on a full disk. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/ledger_internal.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH], path[SCRATCH_PATH], why[1024];
static struct prefix net4;

static int setup(void **state)
{
	(void)state;
	scratch_path(path, scratch_make(folder), "ledger.db");
	return prefix_parse("10.64.0.0/12", &net4);
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

static int add(struct ledger *l, uint32_t number, uint32_t *id)
{
	struct device d = {.user_count = 1, .users = {"t-yamada"}};
	memset(d.public_key.bytes, 0xa5, KEY_SIZE);
	memcpy(d.public_key.bytes, &number, sizeof number);
	int r = ledger_device_add(l, &d, &net4, NULL, NULL, 1);
	if (!r)
		*id = d.id;
	return r;
}

static bool holds(struct ledger *l, uint32_t id, uint32_t number)
{
	struct device d;
	return ledger_device_by_id(l, id, &d) == 0 && !memcmp(d.public_key.bytes, &number, sizeof number) && d.user_count == 1;
}

static struct ledger *open_good(void)
{
	struct ledger *l = NULL;
	int r = ledger_open(path, &l, why, sizeof why);
	if (r < 0)
		print_error("%s\n", why);
	assert_int_equal(r, 0);
	return l;
}

/* Opening fails, and the sentence holds the file's name and `word`. */
static void assert_refused(int error, const char *word)
{
	struct ledger *l = NULL;
	*why = '\0';
	assert_int_equal(ledger_open(path, &l, why, sizeof why), error);
	assert_null(l);
	assert_non_null(strstr(why, path));
	if (!strstr(why, word))
		fail_msg("'%s' is not in: %s", word, why);
}

static void put_file(const char *content, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_created_private(void **state)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	(void)state;
	mode_t old = umask(0);
	struct ledger *l = open_good();
	for (size_t i = 0; i < 3; i++) {
		char name[SCRATCH_PATH + 8];
		struct stat st;
		snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	umask(old);
	ledger_close(l);
}

static void test_settings_in_force(void **state)
{
	int64_t value = 0;
	(void)state;
	struct ledger *l = open_good();
	assert_int_equal(ledger_integer(l->db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(ledger_integer(l->db, "PRAGMA synchronous", &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(ledger_integer(l->db, "PRAGMA foreign_keys", &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(ledger_integer(l->db, "PRAGMA trusted_schema", &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(ledger_integer(l->db,
				 "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND NOT strict AND name NOT LIKE "
				 "'sqlite_%'",
				 &value),
		0);
	assert_int_equal(value, 0);
	ledger_close(l);
}

static void test_unsafe_files(void **state)
{
	char other[SCRATCH_PATH];
	(void)state;
	put_file("", 0640);
	assert_refused(-EACCES, "chmod 600");
	assert_int_equal(chmod(path, 0600), 0);
	ledger_close(open_good());
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_refused(-EPERM, "chown 0");
	}
	assert_int_equal(rename(path, scratch_path(other, folder, "elsewhere")), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_refused(-ELOOP, "symbolic link");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(-EINVAL, "regular file");
	assert_int_equal(unlink(path), 0);
	scratch_path(path, folder, "missing/ledger.db");
	assert_refused(-ENOENT, "install -d");
}

static void test_one_gateway_only(void **state)
{
	(void)state;
	struct ledger *l = open_good();
	assert_refused(-EBUSY, "stop the other gateway");
	ledger_close(l);
	ledger_close(open_good());
}

/* Somebody with an SQLite shell holds the write lock: we fail clearly, change nothing, and go on when it is free. */
static void test_busy(void **state)
{
	sqlite3 *shell = NULL;
	uint32_t id = 0;
	(void)state;
	struct ledger *l = open_good();
	assert_int_equal(sqlite3_open(path, &shell), SQLITE_OK);
	assert_int_equal(sqlite3_exec(shell, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(add(l, 1, &id), -EBUSY);
	assert_int_equal(id, 0);
	assert_int_equal(sqlite3_exec(shell, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(add(l, 1, &id), 0);
	sqlite3_close(shell);
	ledger_close(l);
}

static void test_damaged(void **state)
{
	static const char junk[4096] = "junk";
	uint32_t id = 0;
	(void)state;
	put_file("this is not a database, but long enough to be taken for one by its size: 0123456789 0123456789 0123456789",
		0600);
	assert_refused(-EUCLEAN, "damaged");
	assert_int_equal(unlink(path), 0);
	struct ledger *l = open_good();
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(add(l, i, &id), 0);
	ledger_close(l);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, junk, sizeof junk, 4 * 4096), sizeof junk);
	close(fd);
	assert_refused(-EUCLEAN, "restore");
}

static void shell(const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_foreign_database(void **state)
{
	(void)state;
	put_file("", 0600);
	shell("CREATE TABLE addressbook (name TEXT)");
	assert_refused(-EINVAL, "no ledger");
	shell("PRAGMA user_version = 1");
	assert_refused(-EINVAL, "no ledger");
}

/* Today's steps, and one more that rebuilds a table as a real one might, and one that fails half-way. */
static struct ledger_step longer[8];

static size_t steps_with(const char *sql)
{
	memcpy(longer, ledger_steps, ledger_step_count * sizeof *longer);
	longer[ledger_step_count] = (struct ledger_step){(int)ledger_step_count + 1, sql};
	return ledger_step_count + 1;
}

static void test_brought_forward(void **state)
{
	uint32_t first = 0, second = 0;
	int64_t value = 0;
	(void)state;
	struct ledger *l = open_good();
	assert_int_equal(add(l, 1, &first), 0);
	ledger_close(l);

	size_t count = steps_with("CREATE TABLE site (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT; syntax error;");
	assert_true(ledger_open_steps(path, longer, count, &l, why, sizeof why) < 0);
	assert_non_null(strstr(why, "cannot bring the schema to version"));
	/* A row that would be orphaned stops a step as well. */
	count = steps_with("DELETE FROM device");
	assert_int_equal(ledger_open_steps(path, longer, count, &l, why, sizeof why), -EUCLEAN);
	l = open_good();
	assert_true(holds(l, first, 1));
	assert_int_equal(ledger_integer(l->db, "SELECT count(*) FROM sqlite_schema WHERE name = 'site'", &value), 0);
	assert_int_equal(value, 0);
	ledger_close(l);

	count = steps_with("CREATE TABLE site (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;"
			   "INSERT INTO site VALUES (1, 'honsho');"
			   "ALTER TABLE device ADD COLUMN site INTEGER REFERENCES site (id)");
	for (int again = 0; again < 2; again++) {
		assert_int_equal(ledger_open_steps(path, longer, count, &l, why, sizeof why), 0);
		assert_true(holds(l, first, 1));
		assert_int_equal(ledger_integer(l->db, "PRAGMA user_version", &value), 0);
		assert_int_equal(value, (int64_t)count);
		assert_int_equal(ledger_integer(l->db, "SELECT count(*) FROM site", &value), 0);
		assert_int_equal(value, 1);
		if (!again)
			assert_int_equal(add(l, 2, &second), 0);
		assert_true(holds(l, second, 2));
		ledger_close(l);
	}
	/* The older program refuses what the newer one made, and leaves it as it is. */
	assert_refused(-ENOTSUP, "newer program");
}

static void test_steps_numbered(void **state)
{
	(void)state;
	for (size_t i = 0; i < ledger_step_count; i++)
		assert_int_equal(ledger_steps[i].version, i + 1);
}

/* Writes until it is killed, telling after each device that it has been promised to be there. */
static void write_and_tell(int fd, uint32_t number)
{
	struct ledger *l = NULL;
	CHILD_CHECK(ledger_open(path, &l, why, sizeof why) == 0);
	for (;; number++) {
		uint32_t told[2] = {0, number};
		CHILD_CHECK(add(l, number, &told[0]) == 0);
		CHILD_CHECK(write(fd, told, sizeof told) == sizeof told);
	}
}

static void test_killed(void **state)
{
	enum { ROUNDS = 8, TOLD_MAX = 4096, PER_ROUND = 12 };
	static uint32_t told[TOLD_MAX][2];
	size_t count = 0;
	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		int ends[2], status;
		size_t goal = count + PER_ROUND + 7 * round;
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(ends[0]);
			write_and_tell(ends[1], (round + 1) << 16);
		}
		close(ends[1]);
		while (count < TOLD_MAX && read(ends[0], told[count], sizeof told[count]) == sizeof told[count])
			if (++count == goal)
				kill(pid, SIGKILL); /* what it told meanwhile counts as well */
		close(ends[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_true(count >= goal);
		struct ledger *l = open_good();
		for (size_t i = 0; i < count; i++)
			assert_true(holds(l, told[i][0], told[i][1]));
		ledger_close(l);
	}
}

static int count_devices(const struct device *d, void *arg)
{
	(void)d;
	++*(uint32_t *)arg;
	return 0;
}

static void on_full_disk(const char *mounted)
{
	char filler[SCRATCH_PATH];
	struct ledger *l = NULL;
	uint32_t id = 0, number = 0, found = 0;
	int r = 0;
	CHILD_CHECK(ledger_open(path, &l, why, sizeof why) == 0);
	CHILD_CHECK(add(l, number++, &id) == 0);
	scratch_fill(scratch_path(filler, mounted, "filler"));
	while (number < 5000 && !(r = add(l, number, &id)))
		number++;
	CHILD_CHECK(r == -ENOSPC);
	CHILD_CHECK(ledger_device_status(l, 1, DEVICE_LOST, NULL, NULL, 1) == -ENOSPC);
	/* Reading goes on, and nothing of what failed is there. */
	CHILD_CHECK(ledger_devices(l, count_devices, &found) == 0 && found == number);
	CHILD_CHECK(unlink(filler) == 0);
	CHILD_CHECK(add(l, number, &id) == 0 && id == number + 1);
	ledger_close(l);
	CHILD_CHECK(ledger_open(path, &l, why, sizeof why) == 0);
	CHILD_CHECK(holds(l, id, number));
	ledger_close(l);

	/* A new one where there is no room at all. */
	scratch_fill(filler);
	char fresh[SCRATCH_PATH];
	CHILD_CHECK(ledger_open(scratch_path(fresh, mounted, "new.db"), &l, why, sizeof why) == -ENOSPC);
	CHILD_CHECK(strstr(why, "space") && strstr(why, fresh));
}

static void test_full_disk(void **state)
{
	(void)state;
	int status = scratch_on_tmpfs(folder, "size=512k", on_full_disk);
	if (status == SCRATCH_SKIP) {
		print_message("skipped: mounting a tmpfs of our own needs root\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void on_read_only(const char *mounted)
{
	struct ledger *l = NULL;
	uint32_t id = 0;
	CHILD_CHECK(ledger_open(path, &l, why, sizeof why) == 0 && add(l, 1, &id) == 0);
	ledger_close(l);
	l = NULL;
	CHILD_CHECK(mount("tmpfs", mounted, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHILD_CHECK(ledger_open(path, &l, why, sizeof why) == -EROFS && !l);
	CHILD_CHECK(strstr(why, "read-only") && strstr(why, path));
	CHILD_CHECK(mount("tmpfs", mounted, "tmpfs", MS_REMOUNT, NULL) == 0);

	/* A folder without permission to write, as somebody to whom permissions apply. */
	CHILD_CHECK(chown(path, 65534, 65534) == 0 && chmod(mounted, 0755) == 0);
	CHILD_CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	CHILD_CHECK(ledger_open(path, &l, why, sizeof why) < 0 && !l);
	CHILD_CHECK(strstr(why, "permission") && strstr(why, path));
}

static void test_read_only(void **state)
{
	(void)state;
	int status = scratch_on_tmpfs(folder, "size=1m", on_read_only);
	if (status == SCRATCH_SKIP) {
		print_message("skipped: mounting a tmpfs of our own needs root\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_created_private),
		TEST(test_settings_in_force),
		TEST(test_unsafe_files),
		TEST(test_one_gateway_only),
		TEST(test_busy),
		TEST(test_damaged),
		TEST(test_foreign_database),
		TEST(test_brought_forward),
		TEST(test_steps_numbered),
		TEST(test_killed),
		TEST(test_full_disk),
		TEST(test_read_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
