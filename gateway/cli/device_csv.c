/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/device_csv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/message.h"
#include "common/key.h"
#include "common/text.h"
#include "config/device_form.h"
#include "config/nearest.h"
#include "config/policy.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/csv.h"
#include "gateway/cli/details.h"
#include "gateway/control.h"
#include "gateway/ledger.h"

enum column {
	ID,
	STATUS,
	USERS,
	LABEL,
	CLASS,
	PUBLIC_KEY,
	V4,
	V6,
	FROM,
	UNTIL,
	CREATED,
	LAST_SEEN,
	REPLACES,
	FORM,
	COLUMNS = FORM + FORM_FIELDS
};

static const char *const names[FORM] = {"id", "status", "users", "label", "class", "public_key", "v4", "v6", "valid_from",
	"valid_until", "created", "last_seen", "replaces"};

static const char *column_name(unsigned i)
{
	return i < FORM ? names[i] : device_form_name(i - FORM);
}

static unsigned column_find(const char *name)
{
	unsigned i = 0;
	while (i < COLUMNS && strcmp(column_name(i), name) != 0)
		i++;
	return i;
}

/* ---- writing ---- */

/* Local time as reading takes it; midnight is a day, and a period that ends at midnight lasts until the day before. */
static const char *local(const char *instant, bool whole_day, char text[static 32])
{
	int64_t usec;
	struct tm tm;
	text[0] = '\0';
	if (!*instant || cli_instant(instant, &usec))
		return text;
	time_t at = (time_t)(usec / 1000000);
	if (!localtime_r(&at, &tm))
		return text;
	const bool midnight = !tm.tm_hour && !tm.tm_min && !tm.tm_sec;
	if (midnight && whole_day) {
		tm.tm_mday--;
		tm.tm_hour = 12;
		tm.tm_isdst = -1;
		(void)mktime(&tm);
	}
	(void)strftime(text, 32, midnight ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M", &tm);
	return text;
}

static const char *users_text(const json_t *row, char *text, size_t size)
{
	cli_join(row, "users", text, size);
	for (char *c = text; *c; c++)
		if (*c == ',')
			memmove(c, c + 1, strlen(c));
	return text;
}

static const char *value(const json_t *row, unsigned i, char *room, size_t size)
{
	if (i >= FORM)
		return cli_text(json_object_get(row, "form"), column_name(i));
	switch (i) {
	case USERS:
		return users_text(row, room, size);
	case FROM:
	case UNTIL:
		return local(cli_text(row, column_name(i)), i == UNTIL, room);
	default:
		return cli_text(row, column_name(i));
	}
}

int device_csv_print(const json_t *rows)
{
	char room[CSV_CELL_MAX];
	const json_t *row;
	size_t at;
	csv_begin(stdout);
	for (unsigned i = 0; i < COLUMNS; i++)
		csv_put(stdout, column_name(i), i + 1 == COLUMNS);
	json_array_foreach(rows, at, row)
	{
		for (unsigned i = 0; i < COLUMNS; i++)
			csv_put(stdout, value(row, i, room, sizeof room), i + 1 == COLUMNS);
	}
	return CLI_OK;
}

/* ---- reading ---- */

struct reading {
	struct csv csv;
	struct diag *d;
	unsigned required;
	int column[CSV_CELLS_MAX]; /* of each cell */
	size_t columns;
	json_t *devices;
};

static void header_cell(struct reading *r, size_t i)
{
	struct nearest n = nearest_to(r->csv.cells[i].text);
	char hint[NEAREST_TEXT];
	for (unsigned k = 0; k < COLUMNS; k++)
		nearest_offer(&n, column_name(k));
	const unsigned column = column_find(r->csv.cells[i].text);
	r->column[i] = (int)column;
	if (column == COLUMNS)
		csv_mistake(&r->csv, &r->csv.cells[i], r->d, "there is no column '%.80s'%s", r->csv.cells[i].text,
			n.best ? nearest_hint(&n, hint) : "; sekisho(8) lists them");
	for (size_t j = 0; j < i; j++)
		if (column < COLUMNS && r->column[j] == (int)column)
			csv_mistake(&r->csv, &r->csv.cells[i], r->d, "column '%s' stands twice", column_name(column));
}

static int header(struct reading *r)
{
	bool users = false;
	const int got = csv_next(&r->csv, r->d);
	if (got < 0)
		return got;
	if (!got) {
		diag_add(r->d, DIAG_ERROR, r->csv.name, 0, 0, 1, NULL, "is empty; its first line names the columns");
		return -1;
	}
	r->columns = r->csv.count;
	for (size_t i = 0; i < r->columns; i++) {
		header_cell(r, i);
		users = users || r->column[i] == USERS;
	}
	if (!users)
		csv_mistake(&r->csv, &r->csv.cells[0], r->d,
			"there is no column 'users'; the first line names the columns, separated by commas");
	return r->d->failed ? -1 : 0;
}

static bool take_users(struct reading *r, const struct csv_cell *cell, json_t *device)
{
	char text[CSV_CELL_MAX + 1], *rest = text, *name;
	json_t *users = json_array();
	snprintf(text, sizeof text, "%s", cell->text);
	while ((name = strsep(&rest, " ,;\t\r\n"))) {
		if (!*name)
			continue;
		if (!text_name_valid(name) || !text_name_valid(name + (*name == '@'))) {
			csv_mistake(&r->csv, cell, r->d, "'%.80s' is no user's name", name);
			json_decref(users);
			return false;
		}
		(void)json_array_append_new(users, json_string(name));
	}
	if (!json_array_size(users) || json_array_size(users) > DEVICE_USERS_MAX) {
		csv_mistake(&r->csv, cell, r->d, "1 to %d users are expected, separated by spaces", DEVICE_USERS_MAX);
		json_decref(users);
		return false;
	}
	(void)json_object_set_new(device, "users", users);
	return true;
}

static bool take_day(struct reading *r, const struct csv_cell *cell, unsigned column, json_t *device)
{
	int64_t usec;
	if (!*cell->text)
		return true;
	if (details_day(cell->text, column == UNTIL, &usec)) {
		csv_mistake(&r->csv, cell, r->d, "'%.80s' is no date; YYYY-MM-DD or YYYY-MM-DDTHH:MM is expected", cell->text);
		return false;
	}
	(void)json_object_set_new(device, column_name(column), json_integer(usec));
	return true;
}

static bool take_key(struct reading *r, const struct csv_cell *cell, json_t *device)
{
	struct key key;
	if (!*cell->text)
		return true;
	if (key_parse(cell->text, &key) || key_is_zero(&key)) {
		csv_mistake(&r->csv, cell, r->d, "this is no WireGuard public key: 44 characters of base64; empty: one is made");
		return false;
	}
	const json_t *other;
	size_t i;
	json_array_foreach(r->devices, i, other)
	{
		if (!strcmp(cli_text(other, "public_key"), cell->text)) {
			csv_mistake(&r->csv, cell, r->d, "this key stands in line %" JSON_INTEGER_FORMAT " as well",
				json_integer_value(json_object_get(other, "row")));
			return false;
		}
	}
	(void)json_object_set_new(device, "public_key", json_string(cell->text));
	return true;
}

static bool take_plain(struct reading *r, const struct csv_cell *cell, unsigned column, json_t *device)
{
	enum device_class class;
	if (column == LABEL && strlen(cell->text) >= LABEL_MAX) {
		csv_mistake(&r->csv, cell, r->d, "the label is longer than %d bytes", LABEL_MAX - 1);
		return false;
	}
	if (column == CLASS && *cell->text && device_class_parse(cell->text, &class)) {
		csv_mistake(&r->csv, cell, r->d, "'%.80s' is no class of device: ministry, private or shared", cell->text);
		return false;
	}
	if (column == STATUS && *cell->text && strcmp(cell->text, "active") != 0) {
		csv_mistake(&r->csv, cell, r->d,
			"this device is %.80s: leave its line out, import makes devices that may come in", cell->text);
		return false;
	}
	if ((column == LABEL || column == CLASS) && *cell->text)
		(void)json_object_set_new(device, column_name(column), json_string(cell->text));
	return true;
}

static void take_cell(struct reading *r, size_t i, json_t *device, struct device_form *form)
{
	const struct csv_cell *cell = &r->csv.cells[i];
	const unsigned column = (unsigned)r->column[i];
	char why[512];
	if (column == USERS)
		(void)take_users(r, cell, device);
	else if (column == FROM || column == UNTIL)
		(void)take_day(r, cell, column, device);
	else if (column == PUBLIC_KEY)
		(void)take_key(r, cell, device);
	else if (column < FORM)
		(void)take_plain(r, cell, column, device);
	else if (device_form_set(form, (enum form_field)(column - FORM), cell->text, why, sizeof why) < 0)
		csv_mistake(&r->csv, cell, r->d, "%s", why);
}

static void put_form(const struct device_form *form, json_t *device)
{
	json_t *object = json_object();
	for (unsigned i = 0; i < FORM_FIELDS; i++)
		if (*form->text[i])
			(void)json_object_set_new(object, device_form_name(i), json_string(form->text[i]));
	(void)json_object_set_new(device, "form", object);
}

static void take_row(struct reading *r)
{
	struct device_form form = {0};
	const struct csv_cell *first = &r->csv.cells[0];
	json_t *device = json_pack("{s:I}", "row", (json_int_t)first->line);
	char missing[256];
	if (r->csv.count != r->columns)
		csv_mistake(&r->csv, first, r->d, "this line has %zu cells, the first one names %zu columns", r->csv.count,
			r->columns);
	for (size_t i = 0; i < r->csv.count && i < r->columns; i++)
		take_cell(r, i, device, &form);
	const json_int_t from = json_integer_value(json_object_get(device, "valid_from")),
			 until = json_integer_value(json_object_get(device, "valid_until"));
	if (from && until && from >= until)
		csv_mistake(&r->csv, first, r->d, "the period of use ends before it begins");
	if (device_form_missing(&form, until != 0, r->required, missing, sizeof missing))
		csv_mistake(&r->csv, first, r->d, "the form is not complete: %s (device-form in sekisho.conf)", missing);
	put_form(&form, device);
	(void)json_array_append_new(r->devices, device);
}

json_t *device_csv_read(const char *name, char *text, size_t size, unsigned required, struct diag *d)
{
	struct reading *r = calloc(1, sizeof *r);
	json_t *devices = json_array();
	int got = -1;
	if (r && devices) {
		r->d = d;
		r->required = required;
		r->devices = devices;
		got = csv_start(&r->csv, name, text, size, d);
		if (!got)
			got = header(r);
		while (!got && (got = csv_next(&r->csv, d)) > 0) {
			take_row(r);
			got = json_array_size(devices) > CONTROL_IMPORT_MAX ? -1 : 0;
			if (got)
				diag_add(d, DIAG_ERROR, name, 0, 0, 1, NULL, "has more than %d devices; split it",
					CONTROL_IMPORT_MAX);
		}
		if (!got && !json_array_size(devices) && !d->failed)
			diag_add(d, DIAG_ERROR, name, 0, 0, 1, NULL, "has no device below the line that names the columns");
	} else {
		diag_add(d, DIAG_ERROR, name, 0, 0, 1, NULL, "cannot be read: out of memory");
	}
	free(r);
	if (got < 0 || d->failed) {
		json_decref(devices);
		devices = NULL;
	}
	return devices;
}
