/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What administrators are told about their mistakes, word for word: tests/golden/acl/NAME/ is a set of ACL files and
 * tests/golden/conf/NAME.conf a settings file; NAME.expected beside each is what diag_render() makes of it. The folder is found
 * by SEKISHO_GOLDEN or from the top of the source tree. With SEKISHO_GOLDEN_UPDATE=1 the .expected files are written anew, to be
 * read with `git diff`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/text.h"
#include "config/policy.h"
#include "config/settings.h"

enum { PATH_SIZE = 1024, FILE_SIZE = 1 << 20 };

static char *read_text(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	char *text = calloc(1, FILE_SIZE + 1);
	assert_non_null(text);
	*size = fread(text, 1, FILE_SIZE, f);
	fclose(f);
	return text;
}

/* Compares with the file, or writes it. Returns whether all is well. */
static bool matches(const char *path, const char *actual)
{
	size_t size = 0;

	if (getenv("SEKISHO_GOLDEN_UPDATE")) {
		FILE *f = fopen(path, "wb");
		assert_non_null(f);
		fputs(actual, f);
		assert_int_equal(fclose(f), 0);
		return true;
	}
	char *expected = read_text(path, &size);
	const bool same = expected && strlen(actual) == size && !memcmp(expected, actual, size);
	if (!same)
		fprintf(stderr, "%s\n--- expected\n%s--- actual\n%s", path, expected ? expected : "(no file)\n", actual);
	free(expected);
	return same;
}

/* One case: returns whether messages and result are as they should be. */
typedef bool golden_case(const char *folder, const char *name);

static bool finish(const char *folder, const char *name, struct diag *d, int result)
{
	char path[PATH_SIZE];

	char *text = diag_render(d);
	assert_non_null(text);
	snprintf(path, sizeof path, "%s/%s.expected", folder, name);
	bool good = matches(path, text);
	if ((result == -EINVAL) != (strstr(text, "error: ") != NULL) || (result && result != -EINVAL)) {
		fprintf(stderr, "%s: result %d does not go with its messages\n", path, result);
		good = false;
	}
	free(text);
	diag_free(d);
	return good;
}

/* Kinds of mistakes that were seen: messages without what differs from case to case, names and numbers. */
static char *kinds[512];
static size_t kind_count;

static void note_kind(const struct diag_entry *e)
{
	char kind[1024];
	size_t n = 0;

	for (const char *c = e->text; *c && n + 1 < sizeof kind; c++) {
		const char *const end = *c == '\'' ? strchr(c + 1, '\'') : NULL;
		if (end) {
			kind[n++] = '\'';
			c = end;
		} else if (*c < '0' || *c > '9') {
			kind[n++] = *c;
		}
	}
	kind[n] = '\0';
	/* The same mistake, whether or not a name was near. */
	char *const hint = strstr(kind, "; did you mean");
	if (hint)
		*hint = '\0';
	for (size_t i = 0; i < kind_count; i++)
		if (!strcmp(kinds[i], kind))
			return;
	assert_true(kind_count < sizeof kinds / sizeof *kinds);
	kinds[kind_count] = strdup(kind);
	assert_non_null(kinds[kind_count++]);
}

/* What the cases of tests/golden/acl are read with; the time zone is main()'s. */
static struct prefix internal[3];
static struct policy_context context = {.internal = internal, .internal_count = 3};

static void set_context(void)
{
	assert_int_equal(prefix_parse("10.20.0.0/16", &internal[0]), 0);
	assert_int_equal(prefix_parse("2400:db8:20::/48", &internal[1]), 0);
	assert_int_equal(prefix_parse("100.100.0.0/16", &internal[2]), 0);
	assert_int_equal(time_parse("2026-11-23T12:00", &context.now), 0);
}

static bool acl_case(const char *folder, const char *name)
{
	char path[PATH_SIZE];
	struct diag d = diag_new();
	struct policy *p = NULL;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	const int r = policy_load(path, &context, &p, &d);
	assert_true(r == 0 ? p != NULL : p == NULL);
	policy_unref(p);
	for (size_t i = 0; i < d.count; i++)
		note_kind(&d.entries[i]);
	return finish(folder, name, &d, r);
}

static bool conf_case(const char *folder, const char *name)
{
	char path[PATH_SIZE];
	struct diag d = diag_new();
	struct settings s;
	size_t size = 0;

	snprintf(path, sizeof path, "%s/%s.conf", folder, name);
	char *text = read_text(path, &size);
	assert_non_null(text);
	snprintf(path, sizeof path, "%s.conf", name);
	const int r = settings_parse(path, text, size, &s, &d);
	free(text);
	return finish(folder, name, &d, r);
}

/* Runs all cases of a kind: the entries that are folders, or end in `suffix`. Returns how many messages they hold. */
static void run_all(const char *kind, const char *suffix, golden_case *run, unsigned least)
{
	const char *const root = getenv("SEKISHO_GOLDEN");
	char folder[PATH_SIZE / 2];
	struct dirent **names;
	unsigned cases = 0, wrong = 0;

	snprintf(folder, sizeof folder, "%s/%s", root ? root : "tests/golden", kind);
	const int n = scandir(folder, &names, NULL, alphasort);
	if (n < 0)
		fail_msg("%s: %s; run this from the top of the source tree or set SEKISHO_GOLDEN", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		char path[PATH_SIZE];
		struct stat st;
		char *const name = names[i]->d_name;
		char *const end = *suffix ? strstr(name, suffix) : NULL;
		snprintf(path, sizeof path, "%s/%s", folder, name);
		const bool is_case =
			*suffix ? end && !end[strlen(suffix)] : name[0] != '.' && !stat(path, &st) && S_ISDIR(st.st_mode);
		if (is_case) {
			if (end)
				*end = '\0';
			cases++;
			wrong += !run(folder, name);
		}
		free(names[i]);
	}
	free(names);
	assert_true(cases >= least);
	assert_int_equal(wrong, 0);
}

static void test_acl(void **state)
{
	(void)state;
	set_context();
	run_all("acl", "", acl_case, 20);
	print_message("%zu kinds of mistakes and warnings in ACL files\n", kind_count);
	assert_in_range(kind_count, 100, sizeof kinds / sizeof *kinds);
	while (kind_count)
		free(kinds[--kind_count]);
}

static void test_conf(void **state)
{
	(void)state;
	run_all("conf", ".conf", conf_case, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_acl), cmocka_unit_test(test_conf)};

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
