/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/preview.h"
#include "gateway/cli/table.h"

enum { WHAT_MAX = 1024, WHO_MAX = 4096 };

/* "denies-no-more" of the JSON, as people say it. */
static const char *in_words(const char *change, char text[static WHAT_MAX])
{
	snprintf(text, WHAT_MAX, "%s", change);
	for (char *c = text; *c; c++)
		if (*c == '-')
			*c = ' ';
	return text;
}

static int print_files(const json_t *changes)
{
	static const struct table_column columns[] = {
		{"FILE", TABLE_LEFT, TABLE_CUT}, {"CHANGE", TABLE_LEFT, TABLE_WHOLE}, {"WHAT", TABLE_LEFT, TABLE_CUT}};
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	char text[WHAT_MAX];
	const json_t *change;
	size_t i;

	json_array_foreach(changes, i, change)
	{
		table_cell(t, cli_text(change, "file"));
		table_cell(t, in_words(cli_text(change, "change"), text));
		table_cell(t, cli_text(change, "text"));
	}
	return table_show(t);
}

/* A change of one person or session: what it loses, or which line of which file. */
static const char *what(const json_t *change, char text[static WHAT_MAX])
{
	const char *const file = cli_text(change, "file");

	snprintf(text, WHAT_MAX, *file ? "%.800s  (%.200s)" : "%.800s", cli_text(change, "text"), file);
	return text;
}

static int print_people(const json_t *people)
{
	static const struct table_column columns[] = {{"WHO", TABLE_LEFT, TABLE_CUT}, {"CLASS", TABLE_LEFT, TABLE_WHOLE},
		{"CHANGE", TABLE_LEFT, TABLE_WHOLE}, {"WHAT", TABLE_LEFT, TABLE_CUT}};
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	char who[WHO_MAX], text[WHAT_MAX];
	const json_t *fate, *change;
	size_t i, j;

	json_array_foreach(people, i, fate)
	{
		json_array_foreach(json_object_get(fate, "changes"), j, change)
		{
			table_cell(t, j ? "" : cli_join(fate, "users", who, sizeof who));
			table_cell(t, j ? "" : cli_text(fate, "class"));
			table_cell(t, in_words(cli_text(change, "change"), text));
			table_cell(t, what(change, text));
		}
	}
	return table_show(t);
}

/* Why a session ends or is shorter, and when its user may come back. */
static const char *why(const json_t *session, char text[static WHAT_MAX])
{
	const bool over = !strcmp(cli_text(session, "change"), "ends");
	const char *const instant = cli_text(session, over ? "opens" : "until"), *const reason = cli_text(session, "why");
	char when[CLI_WHEN];

	if (!*instant)
		snprintf(text, WHAT_MAX, "%.800s", reason);
	else
		snprintf(text, WHAT_MAX, over ? "%.800s; again from %s" : "%.800s; until %s", reason,
			cli_when(instant, time_now(), when));
	return text;
}

static void session_rows(struct table *t, const json_t *session)
{
	const json_t *change, *changes = json_object_get(session, "changes");
	const bool reason = *cli_text(session, "why");
	char id[24], text[WHAT_MAX], word[WHAT_MAX], cell[2 * WHAT_MAX];
	size_t i, rows = json_array_size(changes) + reason;

	snprintf(id, sizeof id, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(session, "id")));
	for (i = 0; i < rows; i++) {
		change = json_array_get(changes, i - reason);
		table_cell(t, i ? "" : id);
		table_cell(t, i ? "" : cli_text(session, "user"));
		table_cell(t, i ? "" : cli_text(session, "device"));
		table_cell(t, i ? "" : cli_text(session, "change"));
		if (reason && i == 0) {
			table_cell(t, why(session, text));
			continue;
		}
		snprintf(cell, sizeof cell, "%s %s", in_words(cli_text(change, "change"), word), what(change, text));
		table_cell(t, cell);
	}
}

static int print_sessions(const json_t *sessions)
{
	static const struct table_column columns[] = {{"SESSION", TABLE_RIGHT, TABLE_WHOLE}, {"USER", TABLE_LEFT, TABLE_CUT},
		{"DEVICE", TABLE_LEFT, TABLE_WHOLE}, {"CHANGE", TABLE_LEFT, TABLE_WHOLE}, {"WHAT", TABLE_LEFT, TABLE_CUT}};
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	const json_t *session;
	size_t i;

	json_array_foreach(sessions, i, session)
	{
		session_rows(t, session);
	}
	return table_show(t);
}

/* A section that has nothing in it is one line. */
static int section(const json_t *list, const char *none, int (*print)(const json_t *))
{
	if (!json_is_array(list))
		return CLI_OK;
	putchar('\n');
	if (json_array_size(list))
		return print(list);
	puts(none);
	return CLI_OK;
}

int preview_print(const json_t *preview, const struct aclset *before, const struct aclset *after)
{
	const json_t *const files = json_object_get(preview, "files");
	char safe[2 * sizeof after->name], unknown[WHO_MAX], who[WHO_MAX];

	if (!json_array_size(files)) {
		printf("No difference between %s", text_safe(after->name, safe, sizeof safe));
		printf(" and %s\n", text_safe(before->name, safe, sizeof safe));
	} else {
		printf("With %s", text_safe(after->name, safe, sizeof safe));
		printf(" instead of %s:\n\n", text_safe(before->name, safe, sizeof safe));
	}
	int code = json_array_size(files) ? print_files(files) : CLI_OK;
	if (!code && json_array_size(files))
		code = section(
			json_object_get(preview, "people"), "Nobody who has a device gains or loses anything now.", print_people);
	if (!code)
		code = section(json_object_get(preview, "sessions"), "No open session changes.", print_sessions);
	if (!code && json_array_size(json_object_get(preview, "unknown")))
		printf("\nNot in the directory of this machine, and judged without groups: %s\n",
			text_safe(cli_join(preview, "unknown", unknown, sizeof unknown), who, sizeof who));
	return code;
}
