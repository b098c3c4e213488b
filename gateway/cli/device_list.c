/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho device list`: all devices, or those that somebody looks for. */
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "common/text.h"
#include "config/policy.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/csv.h"
#include "gateway/cli/device_csv.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"

static const int64_t DAY = INT64_C(86400) * 1000000;
enum { USERS_TEXT = 512, DAYS_MAX = 36500 };

struct filter {
	const char *status, *department, *user, *class, *expiring, *not_seen, *key_older;
	bool never_seen, leavers, next_key, no_next_key, csv;
	int64_t expiring_usec, not_seen_usec, key_older_usec, now;
};

/* "30" or "30d". */
static int days_parse(const char *option, const char *text, int64_t *usec)
{
	char *end;
	if (!text)
		return CLI_OK;
	const unsigned long days = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || days > DAYS_MAX || (strcmp(end, "d") != 0 && *end))
		return cli_usage("--%s %s is no number of days; for example 30 or 30d", option, text);
	*usec = (int64_t)days * DAY;
	return CLI_OK;
}

static bool names(const json_t *device, const char *user)
{
	const json_t *name;
	size_t i;
	json_array_foreach(json_object_get(device, "users"), i, name)
	{
		if (!strcmp(json_string_value(name) ? json_string_value(name) : "", user))
			return true;
	}
	return false;
}

/* Of one that is in use, or might be again. */
static bool alive(const json_t *device)
{
	const char *status = cli_text(device, "status");
	return !strcmp(status, "active") || !strcmp(status, "suspended");
}

static bool expires(const struct filter *f, const json_t *device)
{
	int64_t until;
	return alive(device) && *cli_text(device, "valid_until") && !cli_instant(cli_text(device, "valid_until"), &until) &&
	       until > f->now && until <= f->now + f->expiring_usec;
}

/* Neither seen nor added since. */
static bool unseen(const struct filter *f, const json_t *device)
{
	const char *seen = cli_text(device, "last_seen");
	int64_t last;
	if (cli_instant(*seen ? seen : cli_text(device, "created"), &last))
		return true;
	return last <= f->now - f->not_seen_usec;
}

/* Due for another key. */
static bool key_is_old(const struct filter *f, const json_t *device)
{
	int64_t since;
	return alive(device) && (cli_instant(cli_text(device, "key_since"), &since) || since <= f->now - f->key_older_usec);
}

static bool matches(const struct filter *f, const json_t *device)
{
	if (f->department && strcmp(f->department, cli_text(json_object_get(device, "form"), "department")) != 0)
		return false;
	if (f->class && strcmp(f->class, cli_text(device, "class")) != 0)
		return false;
	if (f->user && !names(device, f->user))
		return false;
	if (f->never_seen && *cli_text(device, "last_seen"))
		return false;
	if (f->leavers && !(alive(device) && json_array_size(json_object_get(device, "leavers"))))
		return false;
	const bool has_next = json_is_object(json_object_get(device, "next_key"));
	if ((f->next_key && !(alive(device) && has_next)) || (f->no_next_key && !(alive(device) && !has_next)))
		return false;
	if (f->key_older && !key_is_old(f, device))
		return false;
	return (!f->expiring || expires(f, device)) && (!f->not_seen || (alive(device) && unseen(f, device)));
}

static json_t *choose(const struct filter *f, json_t *rows)
{
	json_t *chosen = json_array(), *row;
	size_t i;
	json_array_foreach(rows, i, row)
	{
		if (matches(f, row) && json_array_append(chosen, row)) {
			json_decref(chosen);
			chosen = NULL;
		}
	}
	json_decref(rows);
	return chosen;
}

static int show(const json_t *rows, bool leavers)
{
	static const struct table_column columns[] = {
		{"ID", TABLE_LEFT, TABLE_WHOLE},
		{"LABEL", TABLE_LEFT, TABLE_CUT},
		{"USERS", TABLE_LEFT, TABLE_CUT},
		{"CLASS", TABLE_LEFT, TABLE_WHOLE},
		{"STATUS", TABLE_LEFT, TABLE_WHOLE},
		{"ADDRESS", TABLE_LEFT, TABLE_WHOLE},
		{"ONLINE", TABLE_LEFT, TABLE_WHOLE},
		{"LAST SEEN", TABLE_LEFT, TABLE_CUT},
		{"LEAVERS", TABLE_LEFT, TABLE_CUT},
	};
	const json_t *row;
	struct table *t = table_new(columns, sizeof columns / sizeof *columns - !leavers);
	int64_t now = time_now();
	size_t i;
	json_array_foreach(rows, i, row)
	{
		char users[USERS_TEXT], when[CLI_WHEN];
		table_cell(t, cli_text(row, "id"));
		table_cell(t, cli_text(row, "label"));
		table_cell(t, cli_join(row, "users", users, sizeof users));
		table_cell(t, cli_text(row, "class"));
		table_cell(t, cli_text(row, "status"));
		table_cell(t, cli_text(row, "v4"));
		table_cell(t, json_is_true(json_object_get(row, "online")) ? "yes" : "no");
		table_cell(t, cli_when(cli_text(row, "last_seen"), now, when));
		if (leavers)
			table_cell(t, cli_join(row, "leavers", users, sizeof users));
	}
	return table_show(t);
}

static int filter_parse(int argc, char **argv, struct filter *f)
{
	struct option_words rest = {0};
	enum device_class class;
	const struct option_spec specs[] = {
		{.name = "status", .value = &f->status},
		{.name = "department", .value = &f->department},
		{.name = "user", .value = &f->user},
		{.name = "class", .value = &f->class},
		{.name = "expiring", .value = &f->expiring},
		{.name = "not-seen", .value = &f->not_seen},
		{.name = "never-seen", .flag = &f->never_seen},
		{.name = "leavers", .flag = &f->leavers},
		{.name = "key-older", .value = &f->key_older},
		{.name = "next-key", .flag = &f->next_key},
		{.name = "no-next-key", .flag = &f->no_next_key},
		{.name = "csv", .flag = &f->csv},
	};
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	if (!code)
		code = days_parse("expiring", f->expiring, &f->expiring_usec);
	if (!code)
		code = days_parse("not-seen", f->not_seen, &f->not_seen_usec);
	if (!code)
		code = days_parse("key-older", f->key_older, &f->key_older_usec);
	if (!code && f->class && device_class_parse(f->class, &class))
		code = cli_usage("'%s' is no class of device: ministry, private or shared", f->class);
	if (!code && f->csv && cli_json)
		code = cli_usage("--csv and --json contradict each other");
	return code;
}

int device_verb_list(int argc, char **argv)
{
	struct filter f = {.now = time_now()};
	json_t *rows = NULL;
	int code = filter_parse(argc, argv, &f);
	if (!code)
		code = client_rows(json_pack("{s:s, s:s*}", "verb", "device-list", "status", f.status), &rows);
	if (code)
		return code;
	rows = choose(&f, rows);
	if (cli_json || !rows)
		return cli_print_json(rows);
	code = f.csv ? device_csv_print(rows) : show(rows, f.leavers);
	json_decref(rows);
	return code;
}
