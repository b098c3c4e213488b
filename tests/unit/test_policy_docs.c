/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is written about the ACL language is true: the manual's example, what the manual says of it, and the editor's words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "config/profile.h"
#include "config/settings.h"
#include "tests/unit/policy_text.h"

enum { TEXT_MAX = 1 << 17 };

/* The top of the source tree. */
static const char *root(void)
{
	static char path[512];
	const char *const golden = getenv("SEKISHO_GOLDEN");

	snprintf(path, sizeof path, "%s%s", golden ? golden : ".", golden ? "/../.." : "");
	return path;
}

static char *read_below_root(const char *name)
{
	char path[1024];
	char *const text = calloc(1, TEXT_MAX + 1);

	snprintf(path, sizeof path, "%s/%s", root(), name);
	FILE *const f = fopen(path, "rbe");
	if (!f)
		fail_msg("%s cannot be opened; run this from the top of the source tree", path);
	assert_non_null(text);
	assert_in_range(fread(text, 1, TEXT_MAX, f), 1, TEXT_MAX - 1);
	fclose(f);
	return text;
}

/* The set in docs/examples/acl with the settings beside it: without a word. */
static struct policy *example(void)
{
	char path[1024];
	struct diag d = diag_new();
	struct settings s;
	struct policy *p = NULL;

	snprintf(path, sizeof path, "%s/docs/examples/sekisho.conf", root());
	assert_int_equal(settings_load(path, &s, &d), 0);
	assert_int_equal(settings_apply_time_zone(&s), 0);
	snprintf(path, sizeof path, "%s/docs/examples/acl", root());
	(void)settings_policy_load(&s, path, INT64_C(1795000000000000), &p, &d);
	char *const text = diag_render(&d);
	assert_non_null(text);
	assert_string_equal(text, "");
	assert_non_null(p);
	free(text);
	diag_free(&d);
	return p;
}

static int64_t local(const char *text)
{
	int64_t at = 0;

	assert_int_equal(time_parse(text, &at), 0);
	return at;
}

static bool reaches(const struct policy *p, const struct subject *s, const char *port, const char *address)
{
	struct target t;
	char why[256];
	size_t n;

	assert_int_equal(target_parse("tcp", port, address, &t, why, sizeof why), 0);
	return policy_decide(p, s, &t, local("2026-11-23T12:00"), NULL, 0, &n);
}

static enum policy_bar barred(const struct policy *p, const struct subject *s, const char *at)
{
	struct policy_terms t;

	policy_terms(p, s, local(at), &t);
	return t.bar;
}

static const char *const soumu[] = {"soumu"}, *const johosys[] = {"johosys"}, *const both[] = {"johosys", "soumu"};

/* Sentence by sentence what stands below the example. */
static void test_example(void **state)
{
	struct policy *const p = example();
	struct subject yamada = {.user = "t-yamada", .groups = soumu, .group_count = 1, .device_class = CLASS_MINISTRY};
	const struct subject suzuki = {.user = "c-suzuki", .device_class = CLASS_MINISTRY};
	const struct subject both_groups = {.user = "x", .groups = both, .group_count = 2, .device_class = CLASS_MINISTRY};
	const struct subject it = {.user = "x", .groups = johosys, .group_count = 1, .device_class = CLASS_MINISTRY};
	static const char *const outside[] = {"198.51.100.8", "203.0.113.16", "2001:db8:65::1"};
	static const char *const inside[] = {"198.51.100.7", "203.0.113.15", "2001:db8:64::1"};
	struct policy_terms t;
	struct addr a;

	(void)state;
	assert_int_equal(barred(p, &yamada, "2026-11-23T21:59"), BAR_NONE);
	assert_int_equal(barred(p, &yamada, "2026-11-23T22:00"), BAR_HOURS);
	assert_int_equal(barred(p, &yamada, "2026-11-28T11:59"), BAR_NONE);
	assert_int_equal(barred(p, &yamada, "2026-11-29T11:00"), BAR_HOURS);
	assert_true(reaches(p, &yamada, "443", "10.20.0.10"));
	assert_true(reaches(p, &yamada, "80", "10.20.1.1"));
	assert_true(reaches(p, &yamada, "3389", "10.30.5.77"));
	assert_true(reaches(p, &yamada, "443", "10.30.4.20"));
	assert_true(reaches(p, &yamada, "445", "10.20.2.5"));
	assert_true(reaches(p, &yamada, "445", "10.20.2.8"));
	assert_false(reaches(p, &yamada, "445", "10.20.2.9"));
	yamada.device_class = CLASS_PRIVATE;
	assert_true(reaches(p, &yamada, "443", "10.20.0.10"));
	assert_false(reaches(p, &yamada, "445", "10.20.2.5"));
	policy_terms(p, &yamada, local("2026-11-23T12:00"), &t);
	assert_int_equal(t.session_seconds, 4 * 3600);
	assert_int_equal(t.idle_seconds, 15 * 60);
	assert_int_equal(barred(p, &suzuki, "2026-11-23T09:00"), BAR_NONE);
	assert_int_equal(barred(p, &suzuki, "2026-11-23T18:00"), BAR_HOURS);
	assert_int_equal(barred(p, &suzuki, "2026-03-31T12:00"), BAR_NOT_YET);
	assert_int_equal(barred(p, &suzuki, "2099-04-01T12:00"), BAR_PERIOD);
	assert_true(reaches(p, &suzuki, "443", "10.30.4.20"));
	assert_false(reaches(p, &suzuki, "443", "10.20.0.10"));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(addr_parse(inside[i], &a), 0);
		assert_true(policy_from(p, &suzuki, &a, NULL));
		assert_int_equal(addr_parse(outside[i], &a), 0);
		assert_false(policy_from(p, &suzuki, &a, NULL));
		assert_true(policy_from(p, &yamada, &a, NULL));
	}
	assert_int_equal(barred(p, &both_groups, "2026-11-23T23:00"), BAR_HOURS);
	assert_int_equal(barred(p, &it, "2026-11-23T23:00"), BAR_NONE);
	assert_true(reaches(p, &it, "443", "8.8.8.8"));
	assert_false(reaches(p, &yamada, "443", "8.8.8.8"));
	assert_true(reaches(p, &it, "22", "10.20.8.7"));
	assert_false(reaches(p, &it, "22", "10.20.9.7"));
	assert_false(reaches(p, &both_groups, "22", "10.20.9.7"));
	assert_false(reaches(p, &yamada, "22", "10.20.9.7"));
	policy_unref(p);
}

static bool in_manual(const struct policy_file *f, void *arg)
{
	const char *const manual = arg;
	char name[512];

	snprintf(name, sizeof name, "docs/examples/acl/%s", f->path);
	char *const text = read_below_root(name);
	const char *const shown = strchr(text, '\n'); /* below the licence */
	assert_non_null(shown);
	if (!strstr(manual, shown + 1))
		fail_msg("%s does not stand in sekisho-acl(5) as it is", name);
	free(text);
	return true;
}

static void test_manual(void **state)
{
	struct policy *const p = example();
	char *const manual = read_below_root("docs/sekisho-acl.5");

	(void)state;
	policy_files(p, in_manual, manual);
	for (size_t i = 0; policy_keyword(i); i++) {
		char item[64];
		snprintf(item, sizeof item, "\n.It Ic %s ", policy_keyword(i));
		if (!strstr(manual, item))
			fail_msg("sekisho-acl(5) does not explain %s", policy_keyword(i));
	}
	free(manual);
	policy_unref(p);
}

/* Does a word stand in the text by itself? */
static bool has_word(const char *text, const char *word)
{
	const size_t size = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += size)
		if (at > text && !isalnum((unsigned char)at[-1]) && !isalnum((unsigned char)at[size]))
			return true;
	return false;
}

static void test_vim_words(void **state)
{
	static const char *const others[] = {
		"tcp", "udp", "icmp", "any", "until", "reason", "list", "idle", "internet", "daily", NULL};
	char *const syntax = read_below_root("share/vim/syntax/sekishoacl.vim");

	(void)state;
	for (size_t i = 0; policy_keyword(i); i++)
		if (!has_word(syntax, policy_keyword(i)))
			fail_msg("the syntax file does not know %s", policy_keyword(i));
	for (size_t i = 0; others[i]; i++)
		if (!has_word(syntax, others[i]))
			fail_msg("the syntax file does not know %s", others[i]);
	free(syntax);
}

/* In vim itself: the type is found by the file's place, and no statement of the example is left without a colour. */
static void test_vim(void **state)
{
	static const char script[] = "verbose silent! edit docs/examples/acl/users/c-suzuki.acl\n"
				     "if &filetype !=# 'sekishoacl' | cquit 2 | endif\n"
				     "for n in range(1, line('$'))\n"
				     "  if getline(n) !=# '' && synIDattr(synID(n, 1, 1), 'name') ==# '' | cquit 3 | endif\n"
				     "endfor\n"
				     "if synIDattr(synID(5, 27, 1), 'name') !=# 'sekishoOption' | cquit 4 | endif\n"
				     "qall!\n";
	char file[] = "/tmp/sekisho-vim.XXXXXX";

	(void)state;
	char version[TEXT_MAX / 4] = "";
	FILE *const vim = popen("vim --version 2>/dev/null", "re");
	assert_non_null(vim);
	assert_true(fread(version, 1, sizeof version - 1, vim) < sizeof version);
	pclose(vim);
	if (!strstr(version, "+syntax")) {
		print_message("no vim with +syntax: only the words were looked at\n");
		skip();
	}
	const int fd = mkstemp(file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, script, sizeof script - 1), sizeof script - 1);
	close(fd);
	const pid_t child = fork();
	if (!child) {
		if (chdir(root()) == 0)
			execlp("vim", "vim", "-u", "NONE", "-i", "NONE", "-n", "-es", "-N", "--cmd", "set rtp^=share/vim", "-c",
				"filetype on", "-c", "syntax on", "-S", file, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	unlink(file);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_vim_words),
		cmocka_unit_test(test_vim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
