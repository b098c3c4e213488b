/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/history.h"

#include <stdio.h>

#include "common/paths.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"

#define HINT_HISTORY "sekisho acl history  lists them"

int history_ask(json_t **rows)
{
	return client_rows(json_pack("{s:s}", "verb", "acl-history"), rows);
}

static json_int_t number_of(const json_t *row)
{
	return json_integer_value(json_object_get(row, "generation"));
}

json_t *history_number(const json_t *rows, json_int_t number)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (number_of(row) == number)
			return row;
	}
	(void)cli_fail(CLI_FAILED, HINT_HISTORY, "there is no generation %" JSON_INTEGER_FORMAT, number);
	return NULL;
}

json_t *history_in_force(const json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (json_is_true(json_object_get(row, "in_force")))
			return row;
	}
	(void)cli_fail(CLI_FAILED, "sekisho acl apply", "no ACLs are in force");
	return NULL;
}

int64_t history_applied(const json_t *row)
{
	int64_t usec;

	return cli_instant(cli_text(row, "applied"), &usec) ? INT64_MAX : usec;
}

json_t *history_at(const json_t *rows, int64_t at)
{
	char text[TIME_TEXT];
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (history_applied(row) <= at)
			return row;
	}
	(void)cli_fail(CLI_FAILED, HINT_HISTORY, "no ACLs were in force at %s", time_format(at, text));
	return NULL;
}

const char *history_path(json_int_t number, char path[static HISTORY_PATH])
{
	snprintf(path, HISTORY_PATH, PATH_ARCHIVE "/%06" JSON_INTEGER_FORMAT, number);
	return path;
}
