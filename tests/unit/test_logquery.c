/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/logmerge.h"
#include "tests/unit/scratch.h"

static struct logquery query;

/* The words of an option line, parted by blanks. */
static int parse(const char *words)
{
	static char text[512];
	static struct option_words rest;
	struct option_spec specs[LOGQUERY_SPECS];
	char *argv[32], *left = text;
	int argc = 0;
	snprintf(text, sizeof text, "%s", words);
	for (char *word; (word = strsep(&left, " "));)
		argv[argc++] = word;
	memset(&query, 0, sizeof query);
	rest.count = 0;
	logquery_specs(&query, specs);
	int code = option_parse(argc, argv, specs, LOGQUERY_SPECS, &rest);
	return code ? code : logquery_prepare(&query, INT64_C(1795395930000000));
}

static bool needles_find(const char *line)
{
	return !query.needles.count || logneedle_find(&query.needles, line, line + strlen(line));
}

static bool fits(const char *words, const char *text)
{
	struct logmatch match;
	const struct logset_line line = {.text = text, .size = strlen(text)};
	assert_int_equal(parse(words), CLI_OK);
	int r = logmatch_read(&match, &query, LOG_AUTH, &line);
	assert_true(r >= 0);
	/* What fits must never have been passed over. */
	assert_true(!r || needles_find(text));
	return r;
}

static const char refused[] =
	"{\"@timestamp\":\"2026-11-23T10:17:00.000001+09:00\",\"event\":{\"action\":\"connection-refused\",\"outcome\":"
	"\"failure\","
	"\"reason\":\"denied\"},\"device\":{\"id\":\"d7\"},\"sekisho\":{\"device\":{\"key\":"
	"\"xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\","
	"\"label\":\"iPhone "
	"山田\"},\"endpoint\":{\"ip\":\"203.0.113.5\",\"port\":51820},\"session\":{\"id\":12},\"admin\":{\"name\":\"kanri\"}},"
	"\"source\":{\"ip\":\"10.64.0.8\",\"port\":445},\"user\":{\"name\":\"t-yamada\"},\"related\":{\"user\":[\"t-yamada\",\"k-"
	"mori\"],"
	"\"ip\":[\"10.64.0.8\",\"fd64::8\"]},\"destination\":{\"ip\":\"10.20.0.10\",\"port\":8080},\"rule\":{\"name\":\"users/"
	"t-yamada.acl:3\"}}\n";

static void test_each_option(void **state)
{
	static const struct {
		const char *words;
		bool fits;
	} cases[] = {
		{"--user t-yamada", true},
		{"--user k-mori", true},
		{"--user t-yamad", false},
		{"--user x t-yamada", true},
		{"--admin kanri", true},
		{"--admin t-yamada", false},
		{"--device d7", true},
		{"--device d70,d7", true},
		{"--device d", false},
		{"--key xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=", true},
		{"--key xTIB", false},
		{"--address 10.64.0.8", true},
		{"--address 203.0.113.0/24", true},
		{"--address 10.20.0.10", true},
		{"--address fd64::/64", true},
		{"--address FD64:0::8", true},
		{"--address 10.64.0.9", false},
		{"--address 0.0.0.0/0", true},
		{"--address ::ffff:10.64.0.8", true},
		{"--destination 10.20.0.0/16", true},
		{"--destination 10.64.0.8", false},
		{"--port 8080", true},
		{"--port 8000-8100", true},
		{"--port 445", false},
		{"--port 1 2 8080", true},
		{"--action connection-refused", true},
		{"--action connection-closed", false},
		{"--outcome failure", true},
		{"--outcome success,unknown", false},
		{"--reason denied", true},
		{"--reason no-rule", false},
		{"--session 12", true},
		{"--session 1", false},
		{"--rule users/t-yamada.acl", true},
		{"--rule users/t-yamada.acl:3", true},
		{"--rule users/t-yamada.acl:33", false},
		{"--rule t-yamada.acl", false},
		{"--text 山田", true},
		{"--text iphone", false},
		{"--text 51820", false},
		{"--text @timestamp", false},
		{"--user t-yamada --port 445", false},
		{"--user t-yamada --port 8080 --outcome failure", true},
		{"--since 2026-11-23T01:17:00Z", true},
		{"--since 2026-11-23T01:17:00.000001Z", true},
		{"--since 2026-11-23T01:17:00.000002Z", false},
		{"--since 2026-11-23T01:17:00Z --user k-mori", true},
		{"--until 2026-11-23T01:17:00Z", false},
		{"--until -1m", false}, {"--since -1m", true},
		{"--since 2026-11-22 --until 2026-11-23", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (fits(cases[i].words, refused) != cases[i].fits)
			fail_msg("%s", cases[i].words);
}

static void test_a_name_by_its_hash(void **state)
{
	(void)state;
	/* printf tanaka | sha256sum */
	const char *line = "{\"user\":{\"hash\":\"1c20f82b3d0b74e36c2c9fa7ca0b5bd8a2a2bb04ff7f3ff2e9a8a8a1dd3dbd4d\"}}";
	assert_false(fits("--user tanaka", line));
	char good[256];
	assert_int_equal(parse("--user tanaka"), CLI_OK);
	snprintf(good, sizeof good, "{\"user\":{\"hash\":\"%s\"}}", query.hashes[0]);
	assert_true(fits("--user tanaka", good));
	assert_int_equal(strlen(query.hashes[0]), 64);
	assert_int_equal(parse("--user t-yamada"), CLI_OK);
	assert_false(fits("--user t-yamada", good));
}

static void test_any_writing_is_found(void **state)
{
	(void)state;
	assert_true(fits("--user t-yamada", "{\"user\":{\"name\":\"t\\u002dyamada\"}}"));
	assert_true(fits("--rule users/x.acl:3", "{\"rule\":{\"name\":\"users\\/x.acl:3\"}}"));
	assert_true(fits("--text say\"hi\"", "{\"a\":\"I say\\\"hi\\\"!\"}"));
	assert_true(fits("--key ////////=", "{\"sekisho\":{\"device\":{\"key\":\"\\/\\/\\/\\/\\/\\/\\/\\/=\"}}}"));
	assert_true(fits("--port 8080", "{\"destination\":{\"port\" : 8080 }}"));
	assert_true(fits("--session 1234", "{\"sekisho\":{\"session\":{\"id\":1234}}}"));
}

static void test_lines_without_a_time(void **state)
{
	(void)state;
	assert_true(fits("--user a", "{\"user\":{\"name\":\"a\"}}"));
	assert_false(fits("--user a --since 2000-01-01", "{\"user\":{\"name\":\"a\"}}"));
}

static void test_logs_that_can_have_it(void **state)
{
	(void)state;
	assert_int_equal(parse("--action connection-closed"), CLI_OK);
	assert_true(!query.files[LOG_AUTH] && query.files[LOG_ACCESS] && !query.files[LOG_AUDIT]);
	assert_int_equal(parse("--action connection-closed device-lost"), CLI_OK);
	assert_true(!query.files[LOG_AUTH] && query.files[LOG_ACCESS] && query.files[LOG_AUDIT]);
	assert_int_equal(parse("--action log-gap --file audit"), CLI_OK);
	assert_true(!query.files[LOG_AUTH] && !query.files[LOG_ACCESS] && query.files[LOG_AUDIT]);
	assert_int_equal(parse("--user x"), CLI_OK);
	assert_true(query.files[LOG_AUTH] && query.files[LOG_ACCESS] && query.files[LOG_AUDIT]);
}

static void test_mistakes(void **state)
{
	static const char *const wrong[] = {"--action sesion-opened", "--reason lst", "--outcome ok", "--file all",
		"--port 65536", "--port 9-8", "--port -1", "--port 1-", "--session x", "--session 4294967296",
		"--address 10.0.0.1/8", "--address gw1", "--destination 10.0.0", "--since 4h", "--user", "--user /var/log",
		"--device a,,b", "--what"};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (parse(wrong[i]) != CLI_USAGE)
			fail_msg("%s", wrong[i]);
	assert_int_equal(parse("--text a,,b"), CLI_OK);
	assert_string_equal(query.words[LOGQUERY_TEXT].items[0], "a,,b");
}

/* Words of all lengths, at all places of texts of all lengths, beside a plain search. */
static void test_needles(void **state)
{
	char text[80], words[3][24];
	(void)state;
	srand(20261123);
	for (unsigned round = 0; round < 200000; round++) {
		size_t size = (size_t)rand() % sizeof text;
		struct logneedles n = {.count = 1 + (size_t)rand() % 3};
		const char *expected = NULL;
		for (size_t i = 0; i < size; i++)
			text[i] = (char)('a' + rand() % 2);
		for (size_t w = 0; w < n.count; w++) {
			size_t length = 1 + (size_t)rand() % 23;
			for (size_t i = 0; i < length; i++)
				words[w][i] = (char)('a' + rand() % 2);
			n.items[w] = (struct logneedle){words[w], length};
			const char *at = memmem(text, size, words[w], length);
			expected = at && (!expected || at < expected) ? at : expected;
		}
		assert_ptr_equal(logneedle_find(&n, text, text + size), expected);
	}
}

/* ---- reading ---- */

static void write_file(const char *path, const char *text, size_t size)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	fclose(f);
}

static void test_lines_of_any_length(void **state)
{
	enum { LONG = 3 * LOGREADER_BUFFER };
	char folder[SCRATCH_PATH], path[SCRATCH_PATH];
	const struct logneedles needles = {1, {{"here", 4}}};
	struct logset_line line;
	struct logreader r;
	(void)state;
	scratch_path(path, scratch_make(folder), "auth.jsonl");
	char *text = malloc(LONG + 64);
	assert_non_null(text);
	memset(text, 'x', LONG + 64);
	memcpy(text, "first here\n", 11);
	memcpy(text + LONG, "\nlast here", 10);
	write_file(path, text, LONG + 10);
	assert_int_equal(logreader_open(&r, path, 0), CLI_OK);
	assert_int_equal(logreader_next(&r, NULL, &line), 1);
	assert_true(line.number == 1 && line.size == 11);
	assert_int_equal(logreader_next(&r, NULL, &line), 1);
	assert_true(line.number == 2 && line.size <= LOGREADER_BUFFER && line.text[0] == 'x');
	assert_int_equal(logreader_next(&r, NULL, &line), 1);
	assert_true(line.number == 3 && line.size == 9 && !memcmp(line.text, "last here", 9));
	assert_int_equal(logreader_next(&r, NULL, &line), 0);
	logreader_close(&r);
	assert_int_equal(logreader_open(&r, path, 0), CLI_OK);
	assert_int_equal(logreader_next(&r, &needles, &line), 1);
	assert_true(line.size == 11 && !memcmp(line.text, "first", 5));
	assert_int_equal(logreader_next(&r, &needles, &line), 1);
	assert_true(line.size == 9 && !memcmp(line.text, "last", 4));
	assert_int_equal(logreader_next(&r, &needles, &line), 0);
	logreader_close(&r);
	/* From the beginning of a line, and from its second byte. */
	for (off_t offset = LONG + 1; offset <= LONG + 2; offset++) {
		assert_int_equal(logreader_open(&r, path, offset), CLI_OK);
		assert_int_equal(logreader_next(&r, NULL, &line), offset == LONG + 1);
		logreader_close(&r);
	}
	free(text);
	scratch_remove(folder);
}

int main(void)
{
	setenv("TZ", "Asia/Tokyo", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_option),
		cmocka_unit_test(test_a_name_by_its_hash),
		cmocka_unit_test(test_any_writing_is_found),
		cmocka_unit_test(test_lines_without_a_time),
		cmocka_unit_test(test_logs_that_can_have_it),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_needles),
		cmocka_unit_test(test_lines_of_any_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
