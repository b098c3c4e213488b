/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho acl history`: which sets of ACLs have been in force, at whose word, and what they changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/export.h"
#include "gateway/cli/history.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"

enum { CHANGES_SHOWN = 8 }; /* of each generation in the list of all */

static json_int_t integer(const json_t *row, const char *member)
{
	return json_integer_value(json_object_get(row, member));
}

static void cell_number(struct table *t, json_int_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, number);
	table_cell(t, text);
}

/* The cells before the changes: in the first line what it is, in the others nothing. */
static void head_cells(struct table *t, const json_t *row, bool first)
{
	char when[CLI_WHEN];

	if (!first) {
		for (unsigned i = 0; i < 5; i++)
			table_cell(t, "");
		return;
	}
	cell_number(t, integer(row, "generation"));
	table_cell(t, json_is_true(json_object_get(row, "in_force")) ? "now" : "");
	table_cell(
		t, history_applied(row) == INT64_MAX ? "never in force" : cli_when(cli_text(row, "applied"), time_now(), when));
	table_cell(t, cli_text(row, "who"));
	cell_number(t, integer(row, "rules"));
}

static void generation_lines(struct table *t, const json_t *row, size_t most)
{
	const json_t *const changes = json_object_get(row, "changes");
	const size_t total = (size_t)integer(row, "changes_total"), count = json_array_size(changes);
	size_t shown = 0;
	char more[64];

	for (; shown < count && shown < most; shown++) {
		const char *const text = json_string_value(json_array_get(changes, shown));
		head_cells(t, row, shown == 0);
		table_cell(t, text ? text : "");
	}
	if (shown && total <= shown)
		return;
	head_cells(t, row, shown == 0);
	snprintf(more, sizeof more, "and %zu more", total > shown ? total - shown : 0);
	table_cell(t, total > shown ? more : "-");
}

static int print(const json_t *rows, size_t most)
{
	static const struct table_column columns[] = {{"GENERATION", TABLE_RIGHT, TABLE_WHOLE},
		{"IN FORCE", TABLE_LEFT, TABLE_WHOLE}, {"SINCE", TABLE_LEFT, TABLE_CUT}, {"BY", TABLE_LEFT, TABLE_WHOLE},
		{"RULES", TABLE_RIGHT, TABLE_WHOLE}, {"CHANGES", TABLE_LEFT, TABLE_CUT}};
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		generation_lines(t, row, most);
	}
	return table_show(t);
}

static int parse_number(const char *text, json_int_t *out)
{
	char *behind;

	errno = 0;
	const long long number = strtoll(text, &behind, 10);
	if (text[0] < '0' || text[0] > '9' || *behind || errno || number < 1)
		return cli_usage("'%s' is no generation, which is a number as `sekisho acl history` shows it", text);
	*out = number;
	return CLI_OK;
}

/* One generation as a list of its own, with all its changes; or its files into a new folder. */
static int one(const json_t *rows, json_int_t number, const char *export)
{
	json_t *const row = history_number(rows, number);

	if (!row)
		return CLI_FAILED;
	if (export)
		return export_generation(row, export);
	json_t *const list = json_pack("[O]", row);
	const int code = cli_json ? cli_print_json(json_incref(row)) : print(list, SIZE_MAX);
	json_decref(list);
	return code;
}

int acl_verb_history(int argc, char **argv)
{
	const char *generation = NULL;
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "export", .value = &generation}};
	json_int_t number = 0;
	json_t *rows = NULL;

	int code = option_parse(argc, argv, specs, 1, &rest);
	if (!code)
		code = option_count(&rest, generation ? 1 : 0, 1, "DIR");
	if (!code && (generation || rest.count))
		code = parse_number(generation ? generation : rest.items[0], &number);
	if (!code)
		code = history_ask(&rows);
	if (code)
		return code;
	if (number)
		code = one(rows, number, generation ? rest.items[0] : NULL);
	else
		code = cli_json ? cli_print_json(json_incref(rows)) : print(rows, CHANGES_SHOWN);
	json_decref(rows);
	return code;
}
