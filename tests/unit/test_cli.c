/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"
#include "gateway/json_wipe.h"

/* The table's text at a width; the caller frees it. */
static char *printed(const struct table *t, unsigned width)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	assert_int_equal(table_print(t, f, width), 0);
	fclose(f);
	return text;
}

static const struct table_column people[] = {
	{"ID", TABLE_RIGHT, TABLE_WHOLE}, {"LABEL", TABLE_LEFT, TABLE_CUT}, {"USER", TABLE_LEFT, TABLE_WHOLE}};

static struct table *people_table(void)
{
	struct table *t = table_new(people, 3);
	table_cell(t, "7");
	table_cell(t, "山田の電話");
	table_cell(t, "t-yamada");
	table_cell(t, "12");
	table_cell(t, "phone of suzuki");
	table_cell(t, "h");
	return t;
}

static void wide_characters_line_up(void **state)
{
	(void)state;
	struct table *t = people_table();
	char *text = printed(t, 0);
	assert_string_equal(text,
		"ID  LABEL            USER\n"
		" 7  山田の電話       t-yamada\n"
		"12  phone of suzuki  h\n");
	free(text);
	table_free(t);
}

static void columns_are_cut_to_the_width(void **state)
{
	(void)state;
	struct table *t = people_table();
	char *text = printed(t, 22);
	/* 22 - 2 - 8 - two gaps of 2 leave 8; a wide character that does not fit whole is left out. */
	assert_string_equal(text,
		"ID  LABEL     USER\n"
		" 7  山田の…   t-yamada\n"
		"12  phone o…  h\n");
	free(text);
	text = printed(t, 1);
	assert_string_equal(text,
		"ID  LABEL   USER\n"
		" 7  山田…   t-yamada\n"
		"12  phone…  h\n");
	free(text);
	table_free(t);
}

static void combining_marks_take_no_room(void **state)
{
	(void)state;
	assert_int_equal(table_width("e\u0301"), 1);
	assert_int_equal(table_width("ｶﾅ"), 2);
	assert_int_equal(table_width("漢字"), 4);
	assert_int_equal(table_width("\xff"), 1);
	assert_int_equal(table_width(""), 0);
}

static void no_titles_and_no_control_characters(void **state)
{
	(void)state;
	static const struct table_column columns[] = {{NULL, TABLE_LEFT, TABLE_WHOLE}, {NULL, TABLE_LEFT, TABLE_WHOLE}};
	struct table *t = table_new(columns, 2);
	table_cell(t, "Label");
	table_cell(t, "a\033[31mb");
	table_cell(t, "Id");
	table_cell(t, "d7");
	char *text = printed(t, 0);
	assert_string_equal(text,
		"Label  a\\x1b[31mb\n"
		"Id     d7\n");
	free(text);
	table_free(t);
	assert_int_equal(table_print(NULL, stdout, 0), -ENOMEM);
	table_free(NULL);
}

static void instants(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "x", "2026-11-23", "2026-11-23T10:05:00", "2026-11-23T10:05:00+9", "2026-11-23T10:05:00.Z",
		"2026-11-23T10:05:00Zx", "2026-11-23T10:05:00+25:00", "2026-13-23T10:05:00Z", "26-11-23T10:05:00Z"};
	int64_t usec = 0;
	assert_int_equal(cli_instant("2026-11-23T10:05:00Z", &usec), 0);
	assert_int_equal(usec, INT64_C(1795428300) * 1000000);
	assert_int_equal(cli_instant("2026-11-23T19:05:00.123456+09:00", &usec), 0);
	assert_int_equal(usec, INT64_C(1795428300) * 1000000 + 123456);
	assert_int_equal(cli_instant("2026-11-23T05:35:00.5-04:30", &usec), 0);
	assert_int_equal(usec, INT64_C(1795428300) * 1000000 + 500000);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		usec = 42;
		assert_int_equal(cli_instant(bad[i], &usec), -EINVAL);
		assert_int_equal(usec, 42);
	}
}

static void times_are_local_and_relative(void **state)
{
	(void)state;
	const int64_t now = INT64_C(1795428300) * 1000000; /* 2026-11-23T10:05:00Z */
	char text[CLI_WHEN];
	setenv("TZ", "JST-9", 1);
	tzset();
	assert_string_equal(cli_when("2026-11-23T10:05:00Z", now, text), "2026-11-23 19:05 (0s ago)");
	assert_string_equal(cli_when("2026-11-23T09:04:30Z", now, text), "2026-11-23 18:04 (1h ago)");
	assert_string_equal(cli_when("2026-11-23T11:35:59Z", now, text), "2026-11-23 20:35 (in 1h30m)");
	assert_string_equal(cli_when("2026-11-20T09:05:30Z", now, text), "2026-11-20 18:05 (3d ago)");
	assert_string_equal(cli_when("", now, text), "-");
	assert_string_equal(cli_when("soon", now, text), "soon");
}

static void sizes(void **state)
{
	(void)state;
	char text[CLI_SIZE];
	assert_string_equal(cli_size(0, text), "0 B");
	assert_string_equal(cli_size(1023, text), "1023 B");
	assert_string_equal(cli_size(1536, text), "1.5 KiB");
	assert_string_equal(cli_size(20971520, text), "20 MiB");
	assert_string_equal(cli_size(UINT64_MAX, text), "16 EiB");
}

struct words {
	bool flag, maybe;
	const char *value, *maybe_value;
	struct option_words list, rest;
};

/* Parses a line of words parted by single spaces. `line` is kept by the static buffer. */
static int parse(const char *line, struct words *w)
{
	static char buffer[4096];
	char *argv[256];
	int argc = 0;
	*w = (struct words){0};
	const struct option_spec specs[] = {
		{.name = "flag", .flag = &w->flag},
		{.name = "value", .value = &w->value},
		{.name = "list", .list = &w->list},
		{.name = "maybe", .flag = &w->maybe, .value = &w->maybe_value},
	};
	snprintf(buffer, sizeof buffer, "%s", line);
	cli_json = false;
	for (char *at = buffer, *word; *line && (word = strsep(&at, " "));)
		argv[argc++] = word;
	return option_parse(argc, argv, specs, 4, &w->rest);
}

static void options_of_every_kind(void **state)
{
	(void)state;
	struct words w;
	assert_int_equal(parse("a --flag b --value v c --json", &w), 0);
	assert_true(w.flag && cli_json && !w.maybe);
	assert_string_equal(w.value, "v");
	assert_int_equal(w.rest.count, 3);
	assert_string_equal(w.rest.items[2], "c");

	assert_int_equal(parse("--list a b,c --value=x=y --list=d e", &w), 0);
	assert_int_equal(w.list.count, 4);
	assert_string_equal(w.list.items[2], "c");
	assert_string_equal(w.list.items[3], "d");
	assert_string_equal(w.value, "x=y");
	assert_int_equal(w.rest.count, 1);

	assert_int_equal(parse("--maybe user --value -", &w), 0);
	assert_true(w.maybe && !w.maybe_value);
	assert_string_equal(w.value, "-");
	assert_int_equal(parse("--maybe /etc user", &w), 0);
	assert_string_equal(w.maybe_value, "/etc");
	assert_int_equal(parse("--maybe=etc -- --flag -x", &w), 0);
	assert_string_equal(w.maybe_value, "etc");
	assert_false(w.flag);
	assert_int_equal(w.rest.count, 2);
	assert_int_equal(parse("", &w), 0);
}

static void wrong_options(void **state)
{
	(void)state;
	static const char *const bad[] = {"--flog", "-f", "--flag=1", "--value", "--value --flag", "--value a --value b",
		"--flag --flag", "--list", "--list --flag", "--list a,,b", "--list=", "--=x", "--json --json", "--jso"};
	struct words w;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(parse(bad[i], &w), CLI_USAGE);
	char many[2 * OPTION_WORDS + 2]; /* one word more than fit */
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = i % 2 ? ' ' : 'x';
	many[sizeof many - 1] = '\0';
	assert_int_equal(parse(many, &w), CLI_USAGE);
	assert_int_equal(option_count(&w.rest, OPTION_WORDS, OPTION_WORDS, "X"), 0);
	assert_int_equal(option_count(&w.rest, 0, 1, "X"), CLI_USAGE);
	assert_int_equal(option_count(&(struct option_words){0}, 1, 1, "X"), CLI_USAGE);
}

static void members_of_replies(void **state)
{
	(void)state;
	json_t *o = json_pack("{s:s, s:n, s:i, s:[s,s,i]}", "text", "t", "null", "number", 7, "users", "a", "b", 3);
	char text[32];
	assert_string_equal(cli_text(o, "text"), "t");
	assert_string_equal(cli_text(o, "null"), "");
	assert_string_equal(cli_text(o, "number"), "");
	assert_string_equal(cli_text(NULL, "text"), "");
	assert_string_equal(cli_join(o, "users", text, sizeof text), "a, b, ");
	assert_string_equal(cli_join(o, "none", text, sizeof text), "");
	char small[3];
	assert_int_equal(strlen(cli_join(o, "users", small, sizeof small)), 2);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide_characters_line_up),
		cmocka_unit_test(columns_are_cut_to_the_width),
		cmocka_unit_test(combining_marks_take_no_room),
		cmocka_unit_test(no_titles_and_no_control_characters),
		cmocka_unit_test(instants),
		cmocka_unit_test(times_are_local_and_relative),
		cmocka_unit_test(sizes),
		cmocka_unit_test(options_of_every_kind),
		cmocka_unit_test(wrong_options),
		cmocka_unit_test(members_of_replies),
	};
	json_wipe_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
