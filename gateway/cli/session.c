/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"

enum { CLI_CAUSE = 256 };

static void cell_size(struct table *t, const json_t *row, const char *member)
{
	char size[CLI_SIZE];
	table_cell(t, cli_size((uint64_t)json_integer_value(json_object_get(row, member)), size));
}

/* Why it ends then: the line that says so, or the word of the log where no line does. */
static void cell_cause(struct table *t, const json_t *row)
{
	char text[CLI_CAUSE];
	const char *reason = cli_text(row, "ends_reason"), *line = cli_text(row, "ends_line");
	snprintf(text, sizeof text, *line ? "%s, %s" : "%s", reason, line);
	table_cell(t, text);
}

/* "3m of 30m": how long nothing came, and when that ends it. */
static void cell_idle(struct table *t, const json_t *row)
{
	char text[CLI_CAUSE];
	snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT "m of %" JSON_INTEGER_FORMAT "m",
		json_integer_value(json_object_get(row, "idle_seconds")) / 60,
		json_integer_value(json_object_get(row, "idle_limit_seconds")) / 60);
	table_cell(t, text);
}

int session_verb_list(int argc, char **argv)
{
	static const struct table_column columns[] = {
		{"ID", TABLE_RIGHT, TABLE_WHOLE},
		{"USER", TABLE_LEFT, TABLE_CUT},
		{"DEVICE", TABLE_LEFT, TABLE_WHOLE},
		{"LABEL", TABLE_LEFT, TABLE_CUT},
		{"ADDRESS", TABLE_LEFT, TABLE_WHOLE},
		{"COMES FROM", TABLE_LEFT, TABLE_CUT},
		{"OPENED", TABLE_LEFT, TABLE_CUT},
		{"ENDS", TABLE_LEFT, TABLE_CUT},
		{"BECAUSE OF", TABLE_LEFT, TABLE_CUT},
		{"IDLE", TABLE_LEFT, TABLE_CUT},
		{"UP", TABLE_RIGHT, TABLE_WHOLE},
		{"DOWN", TABLE_RIGHT, TABLE_WHOLE},
	};
	json_t *rows = NULL, *row;
	int code = option_only(argc, argv, NULL, NULL);
	if (!code)
		code = client_rows(json_pack("{s:s}", "verb", "session-list"), &rows);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(rows);
	struct table *t = table_new(columns, sizeof columns / sizeof *columns);
	int64_t now = time_now();
	size_t i;
	json_array_foreach(rows, i, row)
	{
		char id[24], when[CLI_WHEN];
		snprintf(id, sizeof id, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(row, "id")));
		table_cell(t, id);
		table_cell(t, cli_text(row, "user"));
		table_cell(t, cli_text(row, "device"));
		table_cell(t, cli_text(row, "label"));
		table_cell(t, cli_text(row, "v4"));
		table_cell(t, cli_text(row, "endpoint"));
		table_cell(t, cli_when(cli_text(row, "opened"), now, when));
		table_cell(t, cli_when(cli_text(row, "ends"), now, when));
		cell_cause(t, row);
		cell_idle(t, row);
		cell_size(t, row, "source_bytes");
		cell_size(t, row, "destination_bytes");
	}
	json_decref(rows);
	return table_show(t);
}

int session_verb_end(int argc, char **argv)
{
	const char *word = NULL;
	json_t *end = NULL;
	char *behind = NULL;
	unsigned long id = 0;
	int code = option_only(argc, argv, "the session's ID", &word);
	if (code)
		return code;
	errno = 0;
	id = strtoul(word, &behind, 10);
	if (*word < '0' || *word > '9' || *behind || errno || id > UINT32_MAX)
		return cli_usage("'%s' is no session's ID, which is a number as `sekisho session list` shows it", word);
	code = client_ask(json_pack("{s:s, s:I}", "verb", "session-end", "id", (json_int_t)id), NULL, &end);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(end);
	const json_t *session = json_object_get(end, "session");
	char user[CLI_WHEN], device[CLI_WHEN];
	printf("Session %lu of %s on %s is ended.\n", id, text_safe(cli_text(session, "user"), user, sizeof user),
		text_safe(cli_text(session, "device"), device, sizeof device));
	json_decref(end);
	return CLI_OK;
}
