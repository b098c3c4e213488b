/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From lines to counts. */
#include <string.h>
#include <time.h>

#include "common/addr.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/logmerge.h"
#include "gateway/cli/report.h"

enum { PORTS_SHOWN = 4 };

const char *report_field(const struct report_line *line, enum logfield field, char out[static REPORT_PART_MAX])
{
	char raw[4 * REPORT_PART_MAX];
	logvalue_text(line->values[field], raw, sizeof raw);
	return text_safe(raw, out, REPORT_PART_MAX);
}

uint64_t report_number(const struct report_line *line, enum logfield field)
{
	int64_t n = logvalue_number(line->values[field]);
	return n > 0 ? (uint64_t)n : 0;
}

const char *report_network(const struct report_line *line, char out[static REPORT_PART_MAX])
{
	struct addr a;
	struct prefix p;
	char text[REPORT_PART_MAX];
	out[0] = '\0';
	if (addr_parse(report_field(line, LOGFIELD_ENDPOINT_IP, text), &a) < 0)
		return out;
	p = (struct prefix){.addr = {.family = a.family}, .bits = a.family == 4 ? 16 : 32};
	memcpy(p.addr.bytes, a.bytes, p.bits / 8);
	return prefix_format(&p, out);
}

/* A merged line stands for sekisho.count events, any other for one. */
static uint64_t times_of(const struct report_line *line)
{
	uint64_t n = report_number(line, LOGFIELD_COUNT_FIELD);
	return n ? n : 1;
}

static void count(struct report_count *c, const struct report_line *line)
{
	report_count_add(c, line->when, times_of(line), report_number(line, LOGFIELD_SOURCE_BYTES),
		report_number(line, LOGFIELD_DESTINATION_BYTES));
}

struct report_entry *report_add(
	struct report *r, enum report_bags bag, const struct report_line *line, size_t parts_count, const char *const *parts)
{
	char key[REPORT_KEY_MAX];
	struct report_entry *e = report_bag_get(&r->bags[bag], report_key(key, parts_count, parts));
	if (e)
		count(&e->count, line);
	else
		r->failed = true;
	return e;
}

void report_list_add(struct report *r, enum report_lists list, json_t *row)
{
	struct report_list *l = &r->lists[list];
	if (json_array_size(l->rows) >= REPORT_EVENTS_MAX) {
		l->hidden++;
		json_decref(row);
	} else if (json_array_append_new(l->rows, row) < 0) {
		r->failed = true;
	}
}

static void in_series(struct report *r, enum report_series series, const struct report_line *line)
{
	struct report_slot *day = report_slot_of(&r->days, line->when), *hour = report_slot_of(&r->hours, line->when);
	count(&r->total[series], line);
	if (day)
		count(&day->count[series], line);
	if (hour)
		count(&hour->count[series], line);
}

/* Appends "tcp 443" to the entry's list of ports, unless it is there or the list is long enough. */
static void note_port(struct report_entry *e, const struct report_line *line)
{
	char port[REPORT_PART_MAX], transport[REPORT_PART_MAX], all[REPORT_PART_MAX];
	const char *old = e->note ? e->note : "";
	size_t shown = *old != '\0';
	for (const char *c = old; *c; c++)
		shown += *c == ',';
	if (shown > PORTS_SHOWN || strlen(old) > sizeof all - 48)
		return;
	report_field(line, LOGFIELD_DESTINATION_PORT, port);
	report_field(line, LOGFIELD_TRANSPORT, transport);
	if (!*transport)
		report_field(line, LOGFIELD_PROTOCOL, transport);
	char word[32];
	snprintf(word, sizeof word, "%.12s%s%.8s", transport, *port ? " " : "", port);
	for (const char *c = old; *word && (c = strstr(c, word)); c++)
		if ((c == old || c[-1] == ' ') && (c[strlen(word)] == ',' || !c[strlen(word)]))
			return;
	if (!*word)
		return;
	snprintf(all, sizeof all, "%s%s%s", old, *old ? ", " : "", shown == PORTS_SHOWN ? "…" : word);
	report_entry_note(e, all);
}

static void login_failed(struct report *r, const struct report_line *line)
{
	char reason[REPORT_PART_MAX], user[REPORT_PART_MAX], hash[REPORT_PART_MAX], device[REPORT_PART_MAX];
	in_series(r, REPORT_FAILURES, line);
	report_add(r, BAG_FAILURE, line, 1, (const char *[]){report_field(line, LOGFIELD_REASON, reason)});
	report_field(line, LOGFIELD_USER, user);
	report_field(line, LOGFIELD_USER_HASH, hash);
	report_field(line, LOGFIELD_DEVICE, device);
	if (*user || *hash)
		report_add(r, BAG_FAILURE_WHO, line, 3, (const char *[]){user, hash, device});
}

static void device_refused(struct report *r, const struct report_line *line)
{
	char reason[REPORT_PART_MAX], device[REPORT_PART_MAX], key[REPORT_PART_MAX], label[REPORT_PART_MAX],
		from[REPORT_PART_MAX];
	report_field(line, LOGFIELD_REASON, reason);
	report_field(line, LOGFIELD_DEVICE, device);
	report_field(line, LOGFIELD_DEVICE_KEY, key);
	report_field(line, LOGFIELD_DEVICE_LABEL, label);
	report_field(line, LOGFIELD_ENDPOINT_IP, from);
	in_series(r, REPORT_DEVICES_REFUSED, line);
	report_add(r, BAG_REFUSED, line, 1, (const char *[]){reason});
	report_add(r, BAG_REFUSED_FROM, line, 1, (const char *[]){from});
	if (!*key)
		return;
	struct report_entry *e = report_add(r, BAG_REFUSED_WHO, line, 3, (const char *[]){device, key, reason});
	if (e)
		report_entry_note(e, label);
	if (strcmp(reason, "lost") != 0)
		return;
	e = report_add(r, BAG_LOST, line, 3, (const char *[]){device, key, from});
	if (e)
		report_entry_note(e, label);
}

static void connection_refused(struct report *r, const struct report_line *line)
{
	char reason[REPORT_PART_MAX], user[REPORT_PART_MAX], device[REPORT_PART_MAX], to[REPORT_PART_MAX];
	report_field(line, LOGFIELD_USER, user);
	report_field(line, LOGFIELD_DEVICE, device);
	in_series(r, REPORT_CONNECTIONS_REFUSED, line);
	report_add(r, BAG_CONNECTION, line, 1, (const char *[]){report_field(line, LOGFIELD_REASON, reason)});
	struct report_entry *e = report_add(r, BAG_CONNECTION_WHO, line, 4,
		(const char *[]){user, *user ? "" : device, report_field(line, LOGFIELD_DESTINATION_IP, to), reason});
	if (e)
		note_port(e, line);
}

static void connection_closed(struct report *r, const struct report_line *line)
{
	char user[REPORT_PART_MAX], to[REPORT_PART_MAX];
	struct report_entry *e;
	report_field(line, LOGFIELD_USER, user);
	report_field(line, LOGFIELD_DESTINATION_IP, to);
	in_series(r, REPORT_CONNECTIONS, line);
	if (!*user)
		return;
	report_add(r, BAG_VOLUME, line, 1, (const char *[]){user});
	if ((e = report_add(r, BAG_DESTINATION, line, 1, (const char *[]){to})))
		note_port(e, line);
	if ((e = report_add(r, BAG_USER_DESTINATION, line, 2, (const char *[]){user, to})))
		note_port(e, line);
}

static void login_succeeded(struct report *r, const struct report_line *line)
{
	char user[REPORT_PART_MAX];
	if (line->counted) {
		in_series(r, REPORT_LOGINS, line);
		report_add(r, BAG_USER, line, 1, (const char *[]){report_field(line, LOGFIELD_USER, user)});
	}
	report_people_login(r, line);
}

static void session_opened(struct report *r, const struct report_line *line)
{
	if (line->counted)
		in_series(r, REPORT_SESSIONS, line);
	report_people_opened(r, line);
}

static void session_ended(struct report *r, const struct report_line *line)
{
	char reason[REPORT_PART_MAX];
	if (line->counted)
		report_add(r, BAG_ENDED, line, 1, (const char *[]){report_field(line, LOGFIELD_REASON, reason)});
	report_people_ended(r, line);
}

/* Admitted for the first time, as far as the logs reach? */
static void device_admitted(struct report *r, const struct report_line *line)
{
	char device[REPORT_PART_MAX], label[REPORT_PART_MAX];
	const char *parts[] = {report_field(line, LOGFIELD_DEVICE, device)};
	if (!line->counted) {
		report_add(r, BAG_KNOWN_DEVICE, line, 1, parts);
		return;
	}
	struct report_entry *e =
		report_bag_find(&r->bags[BAG_KNOWN_DEVICE], device) ? NULL : report_add(r, BAG_NEW_DEVICE, line, 1, parts);
	if (e)
		report_entry_note(e, report_field(line, LOGFIELD_DEVICE_LABEL, label));
}

static void device_roamed(struct report *r, const struct report_line *line)
{
	char device[REPORT_PART_MAX], label[REPORT_PART_MAX];
	struct report_entry *e =
		report_add(r, BAG_ROAMED, line, 1, (const char *[]){report_field(line, LOGFIELD_DEVICE, device)});
	if (e)
		report_entry_note(e, report_field(line, LOGFIELD_DEVICE_LABEL, label));
}

static const struct {
	const char *action;
	enum log_file file;
	bool before; /* lines from before the period count too */
	void (*run)(struct report *, const struct report_line *);
} kinds[] = {
	{"connection-closed", LOG_ACCESS, false, connection_closed},
	{"log-thinned", LOG_ACCESS, false, report_gateway},
	{"connection-refused", LOG_ACCESS, false, connection_refused},
	{"login-succeeded", LOG_AUTH, true, login_succeeded},
	{"login-failed", LOG_AUTH, false, login_failed},
	{"session-opened", LOG_AUTH, true, session_opened},
	{"session-ended", LOG_AUTH, true, session_ended},
	{"device-admitted", LOG_AUTH, true, device_admitted},
	{"device-refused", LOG_AUTH, false, device_refused},
	{"device-roamed", LOG_AUTH, false, device_roamed},
};

struct pass {
	struct report *r;
	enum log_file file;
};

static void judge(struct report *r, const struct report_line *line)
{
	if (line->counted && logvalue_equals(line->values[LOGFIELD_ACTION], "log-gap"))
		report_gap(r, line);
	else if (line->counted && line->file == LOG_AUDIT)
		report_audit_line(r, line);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].file == line->file && (line->counted || kinds[i].before) &&
			logvalue_equals(line->values[LOGFIELD_ACTION], kinds[i].action)) {
			kinds[i].run(r, line);
			return;
		}
}

static void note_observer(struct report *r, const struct report_line *line)
{
	json_t *root = json_loadb(line->raw->text, line->raw->size, 0, NULL);
	text_safe(cli_text(json_object_get(root, "observer"), "name"), r->observer, sizeof r->observer);
	if (!r->observer[0])
		snprintf(r->observer, sizeof r->observer, "-");
	json_decref(root);
}

static bool take(const struct logset_line *raw, void *arg)
{
	const struct pass *p = arg;
	struct report *r = p->r;
	struct logvalue values[LOGFIELDS];
	struct report_line line = {.file = p->file, .raw = raw, .values = values};
	if (logfield_scan(raw->text, raw->size, values) < 0) {
		r->unreadable++;
		return true;
	}
	line.when = logvalue_time(values[LOGFIELD_TIME]);
	if (line.when == LOGVALUE_NONE) {
		r->undated++;
		return true;
	}
	if (p->file == LOG_AUTH && (r->reaches == LOGVALUE_NONE || line.when < r->reaches))
		r->reaches = line.when;
	line.counted = line.when >= r->since && line.when < r->until;
	if (line.counted && !r->observer[0])
		note_observer(r, &line);
	r->lines[p->file] += line.counted;
	if (line.when < r->until)
		judge(r, &line);
	return !r->failed;
}

/* The files of a log, without those that end before the period; of auth.jsonl all, for what was before is what new is compared
 * with. A file's lines lie between its first one and that of the next file. */
static struct logset files_of(const struct report *r, const struct logset *set, enum log_file file)
{
	struct logset some = *set;
	while (file != LOG_AUTH && some.count[file] > 1 && some.files[file][1].time != LOGVALUE_NONE &&
		some.files[file][1].time + LOGMERGE_MARGIN_USEC < r->since) {
		some.files[file]++;
		some.count[file]--;
	}
	return some;
}

int report_collect(struct report *r, const struct logset *set)
{
	int code = CLI_OK;
	r->reaches = LOGVALUE_NONE;
	for (enum log_file i = 0; i < LOG_FILES && !code; i++) {
		const struct logset some = files_of(r, set, i);
		code = logset_read(&some, i, take, &(struct pass){r, i});
	}
	if (!code && r->failed)
		code = cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	return code;
}
