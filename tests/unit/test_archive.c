/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of ACLs put aside: whole, as they were judged, readable for whom they should be; or nothing at all. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>

#include "gateway/archive.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH], root[SCRATCH_PATH], source[SCRATCH_PATH];

static const char *const names[] = {"systems.acl", "groups/soumu.acl", "users/t-yamada.acl"};
static const char *const texts[] = {"system web tcp 443 10.20.0.10\n", "allow web\n", "deny tcp 22 10.20.0.10 # 例\n"};
enum { FILES = 3, MODES = 07777 };

static void put(const char *dir, const char *name, const char *text)
{
	char path[SCRATCH_PATH];
	FILE *f = fopen(scratch_path(path, dir, name), "wb");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void make_source(void)
{
	static const char *const folders[] = {"", "groups", "users"};
	char path[SCRATCH_PATH];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(mkdir(scratch_path(path, source, folders[i]), 0755), 0);
	for (size_t i = 0; i < FILES; i++)
		put(source, names[i], texts[i]);
}

static int setup(void **state)
{
	(void)state;
	umask(027);
	scratch_make(folder);
	scratch_path(root, folder, "archive");
	scratch_path(source, folder, "source");
	if (mkdir(root, 0750) < 0 || chmod(root, 02750) < 0)
		return -1;
	make_source();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

static struct policy *load(const char *dir)
{
	struct diag d = diag_new();
	struct policy *p = NULL;
	assert_int_equal(policy_load(dir, NULL, &p, &d), 0);
	diag_free(&d);
	return p;
}

static unsigned entries(const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, NULL);
	assert_true(n >= 2);
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return (unsigned)n - 2;
}

/* The folder holds the files, and just these. */
static void assert_holds(const char *dir, const char *const *wanted)
{
	char path[SCRATCH_PATH], text[256];
	assert_int_equal(entries(dir), 3);
	assert_int_equal(entries(scratch_path(path, dir, "groups")), 1);
	assert_int_equal(entries(scratch_path(path, dir, "users")), 1);
	for (size_t i = 0; i < FILES; i++) {
		FILE *f = fopen(scratch_path(path, dir, names[i]), "rb");
		assert_non_null(f);
		text[fread(text, 1, sizeof text - 1, f)] = '\0';
		fclose(f);
		assert_string_equal(text, wanted[i]);
	}
}

static void test_round_trip(void **state)
{
	char path[ARCHIVE_PATH];
	uint64_t bytes = 0;
	(void)state;
	struct policy *p = load(source);
	assert_false(archive_has(root, 31));
	assert_int_equal(archive_stage(root, source, p, &bytes), 0);
	assert_int_equal(bytes, strlen(texts[0]) + strlen(texts[1]) + strlen(texts[2]));
	assert_false(archive_has(root, 31));
	assert_int_equal(archive_keep(root, 31), 0);
	assert_true(archive_has(root, 31));
	assert_int_equal(entries(root), 1);
	assert_holds(archive_path(root, 31, path), texts);
	assert_non_null(strstr(path, "/archive/000031"));
	policy_unref(p);

	p = load(path);
	char one[POLICY_DIGEST_TEXT], two[POLICY_DIGEST_TEXT];
	struct policy *again = load(source);
	assert_int_equal(policy_digest(p, one), 0);
	assert_int_equal(policy_digest(again, two), 0);
	assert_string_equal(one, two);
	policy_unref(again);
	policy_unref(p);
	assert_non_null(strstr(archive_path(root, 12345678, path), "/12345678"));
}

static void test_modes_and_group(void **state)
{
	static const char *const folders[] = {"000001", "000001/groups", "000001/users"};
	static const char *const files[] = {"000001/systems.acl", "000001/groups/soumu.acl", "000001/users/t-yamada.acl"};
	enum { GROUP = 4711 };
	char path[SCRATCH_PATH];
	uint64_t bytes;
	struct stat st;
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(root, (uid_t)-1, GROUP), 0);
	assert_int_equal(chmod(root, 02750), 0);
	struct policy *p = load(source);
	assert_int_equal(archive_stage(root, source, p, &bytes), 0);
	assert_int_equal(archive_keep(root, 1), 0);
	policy_unref(p);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(stat(scratch_path(path, root, folders[i]), &st), 0);
		assert_int_equal(st.st_mode & MODES, 02750);
		assert_int_equal(st.st_gid, GROUP);
		assert_int_equal(stat(scratch_path(path, root, files[i]), &st), 0);
		assert_int_equal(st.st_mode & MODES, 0640);
		assert_int_equal(st.st_gid, GROUP);
	}
}

/* What lies there beside the set is not copied. */
static void test_only_what_was_read(void **state)
{
	char path[ARCHIVE_PATH];
	uint64_t bytes;
	(void)state;
	put(source, "users/k-mori.acl.bak", "allow any 0.0.0.0/0\n");
	put(source, "users/.t-yamada.acl.swp", "x");
	struct policy *p = load(source);
	put(source, "users/late.acl", "allow web\n");
	assert_int_equal(archive_stage(root, source, p, &bytes), 0);
	assert_int_equal(archive_keep(root, 1), 0);
	assert_holds(archive_path(root, 1, path), texts);
	policy_unref(p);
}

static void test_changed_meanwhile(void **state)
{
	char path[SCRATCH_PATH];
	uint64_t bytes = 7;
	(void)state;
	struct policy *p = load(source);
	put(source, names[1], "allow web # now\n");
	assert_int_equal(archive_stage(root, source, p, &bytes), -ESTALE);
	assert_int_equal(unlink(scratch_path(path, source, names[1])), 0);
	assert_int_equal(archive_stage(root, source, p, &bytes), -ESTALE);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(archive_stage(root, source, p, &bytes), -ESTALE);
	assert_int_equal(bytes, 7);
	assert_int_equal(entries(root), 0);
	assert_true(archive_keep(root, 1) < 0);
	assert_int_equal(entries(root), 0);
	policy_unref(p);
}

static void test_numbers_are_not_taken_over(void **state)
{
	char path[SCRATCH_PATH];
	uint64_t bytes;
	(void)state;
	struct policy *p = load(source);
	assert_int_equal(mkdir(scratch_path(path, root, "000004"), 0750), 0);
	assert_int_equal(archive_stage(root, source, p, &bytes), 0);
	assert_int_equal(archive_keep(root, 4), -EEXIST);
	assert_int_equal(archive_keep(root, 5), 0);
	assert_int_equal(entries(path), 0);
	assert_int_equal(archive_remove(root, 5), 0);
	assert_int_equal(archive_remove(root, 5), 0);
	assert_int_equal(entries(root), 1);
	policy_unref(p);
}

static void test_empty_set(void **state)
{
	char path[SCRATCH_PATH];
	uint64_t bytes = 7;
	(void)state;
	assert_int_equal(mkdir(scratch_path(path, folder, "empty"), 0755), 0);
	struct policy *p = load(path);
	assert_int_equal(archive_stage(root, path, p, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_int_equal(archive_keep(root, 1), 0);
	policy_unref(p);
	policy_unref(load(scratch_path(path, root, "000001")));
	assert_int_equal(archive_stage(scratch_path(path, folder, "missing"), source, NULL, &bytes), -ENOENT);
}

static void on_small_disk(const char *mounted)
{
	char filler[SCRATCH_PATH], from[SCRATCH_PATH], to[SCRATCH_PATH];
	struct diag d = diag_new();
	struct policy *p = NULL;
	uint64_t bytes;
	scratch_path(from, mounted, "source");
	CHILD_CHECK(mkdir(scratch_path(to, mounted, "archive"), 0750) == 0 && mkdir(from, 0755) == 0);
	int fd = open(scratch_path(filler, from, "systems.acl"), O_WRONLY | O_CREAT, 0644);
	for (unsigned i = 0; i < 400; i++)
		CHILD_CHECK(dprintf(fd, "system s%03u tcp 443 10.20.0.%u # enough for some pages\n", i, i % 250) > 0);
	close(fd);
	CHILD_CHECK(policy_load(from, NULL, &p, &d) == 0);
	scratch_fill(scratch_path(filler, mounted, "filler"));
	CHILD_CHECK(archive_stage(to, from, p, &bytes) == -ENOSPC);
	CHILD_CHECK(rmdir(to) == 0 && mkdir(to, 0750) == 0);
	CHILD_CHECK(unlink(filler) == 0);
	CHILD_CHECK(archive_stage(to, from, p, &bytes) == 0 && archive_keep(to, 1) == 0);
	policy_unref(p);
	diag_free(&d);
}

static void test_full_disk(void **state)
{
	(void)state;
	int status = scratch_on_tmpfs(folder, "size=256k", on_small_disk);
	if (status == SCRATCH_SKIP)
		skip();
	assert_int_equal(status, 0);
}

/* Killed anywhere: a numbered folder is whole, and the next attempt clears the rest away. */
static void test_killed(void **state)
{
	enum { ROUNDS = 12 };
	char path[ARCHIVE_PATH];
	uint64_t bytes, number = 0;
	(void)state;
	struct policy *p = load(source);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int ends[2], status;
		uint64_t told = 0;
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			for (;;) {
				CHILD_CHECK(archive_stage(root, source, p, &bytes) == 0);
				CHILD_CHECK(archive_keep(root, ++number) == 0);
				CHILD_CHECK(write(ends[1], &number, sizeof number) == sizeof number);
			}
		}
		close(ends[1]);
		while (read(ends[0], &told, sizeof told) == sizeof told)
			if (told == number + 1 + round)
				kill(pid, SIGKILL);
		close(ends[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		while (archive_has(root, number + 1))
			assert_holds(archive_path(root, ++number, path), texts);
		assert_true(number >= told);
		assert_int_equal(archive_unstage(root), 0);
		assert_int_equal(entries(root), number);
	}
	policy_unref(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_modes_and_group),
		TEST(test_only_what_was_read),
		TEST(test_changed_meanwhile),
		TEST(test_numbers_are_not_taken_over),
		TEST(test_empty_set),
		TEST(test_full_disk),
		TEST(test_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
