/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many of a set's files are others than those in force, asked again and again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/drift.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH];
static struct policy *policy;
static struct drift drift;

static void put(const char *name, const char *text)
{
	char path[SCRATCH_PATH];
	FILE *f = fopen(scratch_path(path, folder, name), "wb");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void load(void)
{
	struct diag d = diag_new();
	policy_unref(policy);
	assert_int_equal(policy_load(folder, NULL, &policy, &d), 0);
	diag_free(&d);
}

static int setup(void **state)
{
	static const char *const names[] = {"groups", "users"};
	char path[SCRATCH_PATH];
	(void)state;
	drift = (struct drift){0};
	scratch_make(folder);
	for (size_t i = 0; i < 2; i++)
		if (mkdir(scratch_path(path, folder, names[i]), 0755) < 0)
			return -1;
	put("systems.acl", "system web tcp 443 10.20.0.10\n");
	put("groups/soumu.acl", "allow web\n");
	put("users/t-yamada.acl", "deny web\n");
	load();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	policy_unref(policy);
	policy = NULL;
	scratch_remove(folder);
	return 0;
}

static void assert_differing(unsigned expected)
{
	unsigned n = 99;
	assert_int_equal(drift_look(&drift, folder, policy, 1, &n), 0);
	assert_int_equal(n, expected);
}

static void test_counts(void **state)
{
	char path[SCRATCH_PATH];
	(void)state;
	assert_differing(0);
	put("groups/soumu.acl", "allow web # all of it\n");
	assert_differing(1);
	put("groups/kikaku.acl", "a mistake counts as well\n");
	assert_differing(2);
	assert_int_equal(unlink(scratch_path(path, folder, "systems.acl")), 0);
	assert_differing(3);
	put("groups/soumu.acl", "allow web\n");
	put("systems.acl", "system web tcp 443 10.20.0.10\n");
	assert_int_equal(unlink(scratch_path(path, folder, "groups/kikaku.acl")), 0);
	assert_differing(0);
	assert_int_equal(unlink(scratch_path(path, folder, "users/t-yamada.acl")), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_differing(1);
}

/* Same size and times as before: only the inode's change time, which nobody can set, betrays it. */
static void test_hidden_change(void **state)
{
	char path[SCRATCH_PATH];
	struct stat st;
	(void)state;
	assert_differing(0);
	assert_int_equal(stat(scratch_path(path, folder, "users/t-yamada.acl"), &st), 0);
	put("users/t-yamada.acl", "allow web");
	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){st.st_atim, st.st_mtim}, 0), 0);
	assert_differing(1);
}

static void test_leftovers_do_not_count(void **state)
{
	(void)state;
	put("users/.t-yamada.acl.swp", "x");
	put("users/t-yamada.acl~", "x");
	put("users/notes.txt", "x");
	put("other.acl", "x");
	assert_differing(0);
}

/* Files are read again only when one looks changed: a damaged memory of the last look is believed as long as nothing does. */
static void test_read_only_when_changed(void **state)
{
	(void)state;
	assert_differing(0);
	drift.differing = 42;
	assert_differing(42);
	put("systems.acl", "system web tcp 443 10.20.0.10\n");
	assert_differing(0);
}

/* The files stay, and what is in force changes. */
static void test_another_generation(void **state)
{
	unsigned n = 0;
	(void)state;
	put("users/t-yamada.acl", "allow web\n");
	assert_differing(1);
	load();
	assert_differing(1);
	assert_int_equal(drift_look(&drift, folder, policy, 2, &n), 0);
	assert_int_equal(n, 0);
}

static void test_no_folder(void **state)
{
	unsigned n = 7;
	(void)state;
	assert_int_equal(drift_look(&drift, "/nonexistent", policy, 1, &n), -ENOENT);
	assert_int_equal(n, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_counts),
		TEST(test_hidden_change),
		TEST(test_leftovers_do_not_count),
		TEST(test_read_only_when_changed),
		TEST(test_another_generation),
		TEST(test_no_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
