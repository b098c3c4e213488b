/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conditions of use: which text is whose, what makes a new version, and what is no text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/sha.h>

#include "gateway/terms.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH];
static struct terms *terms;
static struct diag diag;

static void put(const char *name, const void *text, size_t size)
{
	char path[SCRATCH_PATH];
	FILE *f = fopen(scratch_path(path, folder, name), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static void say(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static int setup(void **state)
{
	(void)state;
	scratch_make(folder);
	diag = diag_new();
	terms = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	terms_free(terms);
	diag_free(&diag);
	scratch_remove(folder);
	return 0;
}

static int load(void)
{
	diag_free(&diag);
	diag = diag_new();
	terms_free(terms);
	terms = NULL;
	return terms_load(folder, &terms, &diag);
}

static const struct terms_set *of(enum device_class c)
{
	return terms_of(terms, c);
}

static void test_nothing_to_accept(void **state)
{
	(void)state;
	assert_int_equal(load(), 0);
	assert_null(terms);
	assert_null(of(CLASS_MINISTRY));
	say("readme.txt", "not one of ours");
	assert_int_equal(load(), 0);
	assert_null(terms);
	scratch_remove(folder);
	assert_int_equal(load(), 0);
	assert_null(terms);
}

static void test_a_class_has_its_own(void **state)
{
	(void)state;
	say("ja.txt", "version 1\n\n業務だけ\n");
	say("en.txt", "version 1\nFor work only.\n");
	say("private.ja.txt", "version P-1\n私物\n");
	assert_int_equal(load(), 0);
	assert_ptr_equal(of(CLASS_MINISTRY), of(CLASS_SHARED));
	assert_string_equal(of(CLASS_MINISTRY)->version, "1");
	assert_string_equal(of(CLASS_MINISTRY)->text[TERMS_JA], "業務だけ\n");
	assert_string_equal(of(CLASS_MINISTRY)->text[TERMS_EN], "For work only.\n");
	assert_string_equal(of(CLASS_PRIVATE)->version, "P-1");
	assert_false(of(CLASS_PRIVATE)->has[TERMS_EN]);
	assert_memory_not_equal(of(CLASS_PRIVATE)->digest, of(CLASS_MINISTRY)->digest, TERMS_SHA256);
	/* somebody who reads English is shown the Japanese text rather than none */
	assert_int_equal(terms_shown(of(CLASS_PRIVATE), "en"), TERMS_JA);
	assert_int_equal(terms_shown(of(CLASS_MINISTRY), "en"), TERMS_EN);
	assert_int_equal(terms_shown(of(CLASS_MINISTRY), "fr"), TERMS_JA);
	assert_string_equal(terms_language_name(TERMS_JA), "ja");
	assert_string_equal(terms_language_name(TERMS_EN), "en");
}

/* Only that class has something to accept. */
static void test_a_class_alone(void **state)
{
	(void)state;
	say("private.en.txt", "Your own phone.");
	assert_int_equal(load(), 0);
	assert_null(of(CLASS_MINISTRY));
	assert_null(of(CLASS_SHARED));
	assert_string_equal(of(CLASS_PRIVATE)->text[TERMS_EN], "Your own phone.");
	assert_int_equal(terms_shown(of(CLASS_PRIVATE), "ja"), TERMS_EN);
}

/* A byte more is another version, also where the name stays the same; without a name the digest names it. */
static void test_every_byte_is_a_version(void **state)
{
	(void)state;
	static const char text[] = "Work only.\n";
	uint8_t first[TERMS_SHA256], sum[TERMS_SHA256];
	char name[13];
	say("en.txt", text);
	assert_int_equal(load(), 0);
	memcpy(first, of(CLASS_MINISTRY)->digest, sizeof first);
	SHA256((const void *)text, strlen(text), sum);
	assert_memory_equal(of(CLASS_MINISTRY)->sha256[TERMS_EN], sum, sizeof sum);
	for (size_t i = 0; i < 6; i++)
		snprintf(name + 2 * i, 3, "%02x", first[i]);
	assert_string_equal(of(CLASS_MINISTRY)->version, name);
	say("en.txt", "Work only. \n");
	assert_int_equal(load(), 0);
	assert_memory_not_equal(of(CLASS_MINISTRY)->digest, first, sizeof first);
	say("en.txt", text);
	say("ja.txt", text); /* the same words in the other language's place are not the same conditions */
	assert_int_equal(load(), 0);
	assert_memory_not_equal(of(CLASS_MINISTRY)->digest, first, sizeof first);
}

static void assert_refused(const char *file, const char *words)
{
	terms_free(terms);
	terms = NULL;
	assert_true(load() < 0);
	assert_null(terms);
	for (size_t i = 0; i < diag.count; i++)
		if (strstr(diag.entries[i].file, file) && strstr(diag.entries[i].text, words))
			return;
	fail_msg("nothing says '%s' of %s", words, file);
}

static void test_what_is_no_text(void **state)
{
	(void)state;
	static char large[TERMS_MAX + 1];
	memset(large, 'x', sizeof large);
	put("en.txt", large, TERMS_MAX - 1);
	assert_int_equal(load(), 0);
	put("en.txt", large, TERMS_MAX);
	assert_refused("/en.txt", "longer than 16,383");
	say("en.txt", "");
	assert_refused("/en.txt", "empty");
	put("en.txt", "a\xff", 2);
	assert_refused("/en.txt", "UTF-8");
	put("en.txt", "a\0b", 3);
	assert_refused("/en.txt", "");
	say("en.txt", "a\tb");
	assert_refused("/en.txt", "control character");
	say("en.txt", "a\r\n");
	assert_refused("/en.txt", "control character");
	say("en.txt", "version 2\nx");
	say("ja.txt", "version 1\nx");
	assert_refused("/en.txt", "another version");
}

/* One bad file among good ones: nothing of the folder is in force, and every mistake is said at once. */
static void test_all_or_nothing(void **state)
{
	(void)state;
	say("ja.txt", "good");
	say("private.ja.txt", "");
	say("shared.en.txt", "b\x01");
	assert_refused("/private.ja.txt", "empty");
	assert_refused("/shared.en.txt", "control character");
	assert_int_equal(diag.count, 2);
}

/* A line that only looks like a version's is text. */
static void test_a_version_has_a_name(void **state)
{
	(void)state;
	static const char *const not_one[] = {"version \nx", "version\nx", "Version 1\nx", " version 1\nx"};
	for (size_t i = 0; i < sizeof not_one / sizeof *not_one; i++) {
		say("en.txt", not_one[i]);
		assert_int_equal(load(), 0);
		assert_string_equal(of(CLASS_MINISTRY)->text[TERMS_EN], not_one[i]);
	}
	say("en.txt", "version 令和8年4月版");
	assert_int_equal(load(), 0);
	assert_string_equal(of(CLASS_MINISTRY)->version, "令和8年4月版");
	assert_string_equal(of(CLASS_MINISTRY)->text[TERMS_EN], "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_to_accept),
		TEST(test_a_class_has_its_own),
		TEST(test_a_class_alone),
		TEST(test_every_byte_is_a_version),
		TEST(test_what_is_no_text),
		TEST(test_all_or_nothing),
		TEST(test_a_version_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
