/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of ACL files as they lie in folders: what is read, what is refused, the examples, and files with random damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/input.h"
#include "tests/unit/policy_text.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH];

static int set_up(void **state)
{
	(void)state;
	scratch_make(folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(folder);
	return 0;
}

/* A path below the test's folder; its own folder is made. */
static const char *below(const char *path)
{
	static char full[512];
	const char *const slash = strchr(path, '/');

	if (slash) {
		snprintf(full, sizeof full, "%s/%.*s", folder, (int)(slash - path), path);
		mkdir(full, 0755);
	}
	snprintf(full, sizeof full, "%s/%s", folder, path);
	return full;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(below(path), "wb");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* Loads the folder and compares with "file: error: part of the text" lines, in order. */
static void load(int result, const char *const *expected)
{
	struct diag d = diag_new();
	struct policy *p = NULL;
	size_t n = 0;

	assert_int_equal(policy_load(folder, NULL, &p, &d), result);
	assert_int_equal(p == NULL, result != 0);
	for (; expected[n]; n++) {
		char text[1024] = "";
		if (n < d.count)
			snprintf(text, sizeof text, "%s: %s: %s", d.entries[n].file,
				d.entries[n].level == DIAG_ERROR ? "error" : "warning", d.entries[n].text);
		if (strncmp(text, expected[n], strlen(expected[n])))
			fail_msg("expected '%s...', got '%s'", expected[n], text);
	}
	assert_int_equal(d.count, n);
	policy_unref(p);
	diag_free(&d);
}

static void test_kinds_of_files(void **state)
{
	static const char *const expected[] = {
		"groups/-option.acl: error: the file's name is no group name",
		"groups/fifo.acl: error: is not a regular file",
		"groups/link.acl: error: is a symbolic link",
		"groups/space here.acl: error: the file's name is no group name",
		"groups/総務課.acl: error: the file's name is no group name",
		"users/big.acl: error: is larger than 1 MiB",
		"users/dangling.acl: error: is a symbolic link",
		"users/folder.acl: error: is not a regular file",
		"users/other-link: warning: is not read",
		"users/socket.acl: error: is not a regular file",
		"devices: error: is not a folder",
		NULL,
	};
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	(void)state;
	put("groups/good.acl", "allow tcp 1 10.0.0.1\n");
	put("groups/-option.acl", "");
	put("groups/space here.acl", "");
	put("groups/総務課.acl", "");
	put("groups/.hidden.acl", "alow\n");
	put("groups/good.acl~", "alow\n");
	assert_int_equal(symlink("good.acl", below("groups/link.acl")), 0);
	assert_int_equal(mkfifo(below("groups/fifo.acl"), 0600), 0);
	assert_int_equal(mkdir(below("users/folder.acl"), 0700), 0);
	assert_int_equal(symlink("/nowhere", below("users/dangling.acl")), 0);
	assert_int_equal(symlink("/nowhere", below("users/other-link")), 0);
	assert_int_equal(symlink("groups", below("devices")), 0);
	put("users/big.acl", "");
	assert_int_equal(truncate(below("users/big.acl"), INPUT_MAX + 1), 0);
	const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(name.sun_path, sizeof name.sun_path, "%s", below("users/socket.acl"));
	assert_true(s >= 0);
	assert_int_equal(bind(s, (struct sockaddr *)&name, sizeof name), 0);
	close(s);
	load(-EINVAL, expected);
}

static void test_empty_and_missing(void **state)
{
	static const char *const nothing[] = {NULL};
	struct diag d = diag_new();
	struct policy *p = NULL;

	(void)state;
	load(0, nothing);
	put("users/u.acl", "allow tcp 443 10.0.0.1\n");
	load(0, nothing);
	assert_int_equal(policy_load("/nonexistent/acl", NULL, &p, &d), -ENOENT);
	assert_int_equal(policy_load(below("users/u.acl"), NULL, &p, &d), -ENOTDIR);
	assert_null(p);
	assert_int_equal(d.count, 2);
	assert_true(d.failed);
	diag_free(&d);
}

/* systems.acl that cannot be read is one mistake, not one for every name. */
static void test_systems_unreadable(void **state)
{
	static const char *const expected[] = {
		"systems.acl: error: is a symbolic link", "users/u.acl: error: '10.0.0.300' is not a destination", NULL};

	(void)state;
	put("real.txt~", "system webmail tcp 443 10.0.0.1\n");
	assert_int_equal(symlink("real.txt~", below("systems.acl")), 0);
	put("users/u.acl", "allow webmail\nallow tcp 443 10.0.0.300\nexpect allow tcp 443 10.0.0.1\n");
	load(-EINVAL, expected);
}

/* The largest file that is read, full of words. */
static void test_full_file(void **state)
{
	static const char *const nothing[] = {NULL};
	char *const text = malloc(INPUT_MAX + 1);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < INPUT_MAX; i++)
		text[i] = i % 4000 == 3999 ? '\n' : i % 4000 ? 'x' : '#';
	text[INPUT_MAX] = '\0';
	put("users/u.acl", text);
	load(0, nothing);
	free(text);
}

/* --- random damage ------------------------------------------------------------------------------------------------- */

static uint32_t random_state;

static unsigned pick(unsigned n)
{
	random_state = random_state * 1664525 + 1013904223; /* Numerical Recipes, 2nd ed., section 7.1 */
	return (random_state >> 8) % n;
}

/* One file of each kind with every statement that may stand there. */
static const struct {
	enum policy_file_kind kind;
	const char *path, *name, *text;
} whole[] = {
	{FILE_SYSTEMS, "systems.acl", "",
		"owner \"IT\"\nsystem webmail tcp 443 10.20.0.10 2001:db8:20::10\nsystem web tcp 80,443 internet\n"
		"system files tcp 445 10.20.2.5-10.20.2.9\n"},
	{FILE_LIST, "lists/hotels.acl", "hotels",
		"owner \"IT\"\n203.0.113.0/24 198.51.100.0/24 # a chain\n2001:db8:5::/48 192.0.2.1\n"},
	{FILE_GROUP, "groups/g.acl", "g",
		"owner \"総務課 ネットワーク担当\"\n"
		"allow webmail until 2027-03-31 reason \"年度更新 R8-112\"\n"
		"allow tcp 80,443,8000-8100 10.20.0.10 10.21.0.0/24 10.20.0.5-10.20.0.9 2001:db8:20::/64\n"
		"allow web until 2028-02-29\n"
		"deny any 2001:db8::1-2001:db8::ff # never\n"
		"allow icmp 10.20.0.0/16\n"
		"deny udp * 10.20.0.53\n"
		"hours mon-fri 07:00-22:00\n"
		"hours sat,sun 09:00-12:00\n"
		"from 192.0.2.0/24 list hotels 2001:db8::/32\n"
		"session 8h idle 30m\n"
		"expect allow tcp 443 10.21.0.7\n"
		"expect deny udp 53 10.20.0.53\n"},
	{FILE_USER, "users/u.acl", "u",
		"valid from 2026-04-01 until 2027-03-31\nallow files\nallow udp 53 internet reason \"x\"\ndeny tcp 22 internet\n"
		"hours daily 00:00-24:00\nfrom list hotels\nsession 1h30m\nexpect allow tcp 445 10.20.2.7\n"},
	{FILE_DEVICE, "devices/shared.acl", "shared",
		"owner \"security\"\ndeny tcp 445 10.20.0.0/16 until 2027-03-31\nhours daily 05:00-23:59\nfrom 0.0.0.0/0 ::/0\n"
		"session 4h idle 15m\n"},
};
enum { WHOLE = sizeof whole / sizeof *whole, DAMAGED_MAX = 4096 };

/* Changes some bytes, takes some out, repeats some. Returns the new size. */
static size_t damage(char *text, size_t size, size_t room)
{
	static const char bytes[] = "\0\n\t \"#,-*/.:0x29\xff\xe3\x80";

	for (unsigned changes = 1 + pick(6); changes--;) {
		const unsigned at = pick((unsigned)size), length = pick(40);
		const size_t end = at + length < size ? at + length : size;
		switch (pick(4)) {
		case 0:
			text[at] = bytes[pick(sizeof bytes - 1)];
			break;
		case 1:
			text[at] = (char)pick(256);
			break;
		case 2:
			memmove(text + at, text + end, size - end);
			size -= end - at;
			break;
		default:
			if (size + (end - at) > room)
				break;
			memmove(text + end, text + at, size - at);
			size += end - at;
		}
		if (!size)
			text[size++] = '\n';
	}
	return size;
}

/* Every question that can be asked of a policy. What it answers is told elsewhere; here, that it does. */
static void ask_everything(const struct policy *p)
{
	const struct subject s = {
		.user = "u", .groups = (const char *const[]){"g"}, .group_count = 1, .device_class = CLASS_SHARED};
	const struct target t = {.addr = {.family = 4, .bytes = {10, 20, 0, 10}}, .proto = 6, .port = 443};
	const int64_t at = INT64_C(1790000000000000);
	struct profile *profile;
	struct policy_terms terms;
	size_t n;

	assert_int_equal(profile_compile(p, &s, at, &profile), 0);
	assert_int_equal(policy_decide(p, &s, &t, at, NULL, 0, &n), profile_allows(profile, &t));
	profile_free(profile);
	policy_terms(p, &s, at, &terms);
	if (terms.bar == BAR_NONE) {
		assert_true(terms.ends > at);
		assert_null(terms.bar_line.file);
	} else {
		assert_true(terms.opens > at);
		assert_non_null(terms.bar_line.file);
	}
	(void)policy_from(p, &s, &t.addr, NULL);
}

/* Reads the set with one file damaged. Returns whether it was accepted. */
static bool read_damaged(unsigned which, const char *text, size_t size)
{
	struct diag d = diag_new();
	struct policy *p = NULL;
	struct build b;

	policy_build_start(&b, NULL, &d);
	for (unsigned i = 0; i < WHOLE; i++)
		policy_build_file(&b, whole[i].kind, whole[i].path, whole[i].name, i == which ? text : whole[i].text,
			i == which ? size : strlen(whole[i].text));
	const int r = policy_build_end(&b, &p);
	char *const shown = diag_render(&d);
	assert_non_null(shown);
	assert_true(r == 0 || r == -EINVAL);
	assert_int_equal(d.failed, r != 0);
	assert_int_equal(p == NULL, r != 0);
	assert_int_equal(strstr(shown, ": error: ") != NULL, r != 0);
	if (p)
		ask_everything(p);
	free(shown);
	policy_unref(p);
	diag_free(&d);
	return r == 0;
}

static void test_damage(void **state)
{
	enum { ROUNDS = 10000 };
	char text[DAMAGED_MAX];
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		const unsigned which = i % WHOLE;
		size_t size = strlen(whole[which].text);
		random_state = i;
		memcpy(text, whole[which].text, size);
		if (i >= WHOLE)
			size = damage(text, size, sizeof text);
		/* An exact copy, so that a sanitizer sees a read past its end. */
		char *const exact = malloc(size);
		assert_non_null(exact);
		memcpy(exact, text, size);
		good += read_damaged(which, exact, size);
		if (i + 1 == WHOLE)
			assert_int_equal(good, WHOLE);
		free(exact);
	}
	/* Most damage is noticed, some falls into comments and texts. */
	assert_in_range(good, ROUNDS / 100, ROUNDS / 2);
}

/* What the manual of the logs promises: a few commands give the same name to a set. */
static void test_digest(void **state)
{
	char command[1024], shown[80] = "", text[POLICY_DIGEST_TEXT] = "", first[POLICY_DIGEST_TEXT];
	struct diag d = diag_new();
	struct policy *p = NULL;

	(void)state;
	for (int round = 0; round < 2; round++) {
		put("systems.acl", "system web tcp 443 10.0.0.1\n");
		put("groups/b.acl", round ? "deny web\n" : "allow web\n");
		put("users/a.acl", "allow web\n");
		put("users/A-Z.acl", "");
		put("devices/private.acl", "# nothing\n");
		assert_int_equal(policy_load(folder, NULL, &p, &d), 0);
		assert_int_equal(policy_digest(p, text), 0);
		policy_unref(p);
		snprintf(command, sizeof command,
			"mkdir -p %s/lists && cd %s && find systems.acl lists groups users devices -name '*.acl' | LC_ALL=C sort "
			"| xargs sha256sum | sha256sum",
			folder, folder);
		FILE *f = popen(command, "r");
		assert_non_null(f);
		assert_non_null(fgets(shown, sizeof shown, f));
		pclose(f);
		shown[64] = '\0';
		assert_string_equal(text, shown);
		if (round)
			assert_string_not_equal(text, first);
		memcpy(first, text, sizeof first);
	}
	diag_free(&d);
}

static void note_change(const struct policy_file_change *f, void *arg)
{
	char *said = arg;
	const size_t used = strlen(said);
	snprintf(said + used, 512 - used, "%s %.8s\n", f->path, *f->sha256 ? f->sha256 : "removed");
}

static void test_files_changed(void **state)
{
	struct diag d = diag_new();
	struct policy *before = NULL, *after = NULL;
	char said[512] = "";
	(void)state;
	put("systems.acl", "system web tcp 443 10.0.0.1\n");
	put("groups/b.acl", "allow web\n");
	put("users/gone.acl", "allow web\n");
	put("users/same.acl", "allow web\n");
	assert_int_equal(policy_load(folder, NULL, &before, &d), 0);
	assert_int_equal(unlink(below("users/gone.acl")), 0);
	put("groups/b.acl", "deny web\n");
	put("users/new.acl", "");
	assert_int_equal(policy_load(folder, NULL, &after, &d), 0);
	policy_files_changed(before, after, note_change, said);
	/* sha256sum(1) of "deny web\n" and of nothing */
	assert_string_equal(said, "groups/b.acl ef870bae\nusers/gone.acl removed\nusers/new.acl e3b0c442\n");
	*said = '\0';
	policy_files_changed(after, after, note_change, said);
	assert_string_equal(said, "");
	policy_files_changed(NULL, after, note_change, said);
	assert_non_null(strstr(said, "systems.acl "));
	assert_non_null(strstr(said, "users/same.acl "));
	policy_unref(before);
	policy_unref(after);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds_of_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_empty_and_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_systems_unreadable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_digest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files_changed, set_up, tear_down),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
