/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `sekisho device lost`: cuts the device off at once, then tells what the service desk has to know: where it was seen, which
 * sessions and connections there were, what it had in reach, and what to do next. The connections come from the logs, which not
 * everybody who may report a loss may read: then that is what the report says. It is kept whole in a file that only its writer
 * and root can read; a terminal is shown the beginning of long lists.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/logfield.h"
#include "gateway/cli/logperiod.h"
#include "gateway/cli/logset.h"
#include "gateway/cli/option.h"

static const int64_t DAY = INT64_C(86400) * 1000000;
enum { CONNECTIONS_SHOWN = 500, LINE_TEXT = 1024, USERS_TEXT = 4096, FIELD_TEXT = 256 };

struct lost {
	const char *id, *note, *since_text, *output;
	bool yes;
	int64_t now, since;
	json_t *device, *rows;
	json_int_t ended; /* sessions */
	FILE *to, *file; /* the terminal's, and the one that is kept or NULL */
	char name[4096]; /* of the latter */
};

/* ---- cutting it off ---- */

static int confirm(const struct lost *l)
{
	char users[USERS_TEXT];
	json_t *end = NULL;
	int code = client_device(l->id, &end);
	if (code)
		return code;
	const json_t *d = json_object_get(end, "device");
	bool yes = cli_confirm("Device %s, \"%s\", of %s: report it lost? There is no way back.", cli_text(d, "id"),
		cli_text(d, "label"), cli_join(d, "users", users, sizeof users));
	json_decref(end);
	return yes ? CLI_OK : cli_fail(CLI_FAILED, NULL, "nothing was changed");
}

/* What there is to say of the time before: from a day before it was last seen, unless somebody says since when. */
static int64_t since_default(const struct lost *l)
{
	int64_t seen;
	return cli_instant(cli_text(l->device, "last_seen"), &seen) ? l->now - DAY : seen - DAY;
}

static int cut_off(struct lost *l)
{
	json_t *end = NULL;
	int code = client_ask(json_pack("{s:s, s:s, s:s*}", "verb", "device-lost", "id", l->id, "note", l->note), NULL, &end);
	if (code)
		return code;
	l->device = json_incref(json_object_get(end, "device"));
	l->ended = json_integer_value(json_object_get(end, "sessions_ended"));
	if (!cli_json)
		printf("%s is reported lost and cut off; an alert is recorded if it shows up.%s\n\n", cli_text(l->device, "id"),
			l->ended ? " Its session ended." : "");
	json_decref(end);
	return CLI_OK;
}

static int ask_report(struct lost *l)
{
	json_t *end = NULL;
	if (!l->since_text)
		l->since = since_default(l);
	int code = client_ask(json_pack("{s:s, s:s, s:I}", "verb", "device-report", "id", l->id, "since", (json_int_t)l->since),
		&l->rows, &end);
	json_decref(end);
	return code;
}

/* ---- the report ---- */

/* A line to one of the two, which may be NULL. */
static void say_to(FILE *to, const char *text)
{
	char safe[LINE_TEXT * 4];
	if (to)
		fprintf(to, "%s\n", text_safe(text, safe, sizeof safe));
}

static void say(const struct lost *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct lost *l, const char *format, ...)
{
	char text[LINE_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	say_to(l->to, text);
	say_to(l->file, text);
}

static const char *when(const struct lost *l, const char *instant, char text[static CLI_WHEN])
{
	return *instant ? cli_when(instant, l->now, text) : "never";
}

static void say_device(const struct lost *l)
{
	char users[USERS_TEXT], text[CLI_WHEN], since[TIME_TEXT];
	const json_t *d = l->device, *form = json_object_get(d, "form");
	const char *endpoint = cli_text(d, "endpoint");
	say(l, "Lost device %s \"%s\", class %s", cli_text(d, "id"), cli_text(d, "label"), cli_text(d, "class"));
	say(l, "Users        %.900s", cli_join(d, "users", users, sizeof users));
	say(l, "Applicant    %s %s %s", cli_text(form, "applicant"), cli_text(form, "department"), cli_text(form, "telephone"));
	say(l, "Information  %s", cli_text(form, "information"));
	say(l, "Serial       %s", cli_text(form, "serial"));
	say(l, "Addresses    %s %s", cli_text(d, "v4"), cli_text(d, "v6"));
	say(l, "Last seen    %s%s%s", when(l, cli_text(d, "last_seen"), text), *endpoint ? ", from " : "", endpoint);
	say(l, "Since        %s: what follows is of that time and later%s", time_format(l->since, since),
		l->since_text ? "" : " (a day before it was last seen; --since says otherwise)");
}

static void say_sessions(const struct lost *l)
{
	const json_t *row;
	size_t i, count = 0;
	say(l, "%s", "");
	say(l, "Sessions:");
	json_array_foreach(l->rows, i, row)
	{
		const json_t *s = json_object_get(row, "session");
		char opened[CLI_WHEN], ended[CLI_WHEN], up[CLI_SIZE], down[CLI_SIZE];
		if (!s)
			continue;
		count++;
		say(l,
			"  %" JSON_INTEGER_FORMAT " %s from %s, opened %s, ended %s (%s): %s up, %s down, %" JSON_INTEGER_FORMAT
			" connections",
			json_integer_value(json_object_get(s, "id")), cli_text(s, "user"), cli_text(s, "endpoint"),
			when(l, cli_text(s, "opened"), opened), when(l, cli_text(s, "ended"), ended), cli_text(s, "reason"),
			cli_size((uint64_t)json_integer_value(json_object_get(s, "source_bytes")), up),
			cli_size((uint64_t)json_integer_value(json_object_get(s, "destination_bytes")), down),
			json_integer_value(json_object_get(s, "connections")));
	}
	if (!count)
		say(l, "  none");
}

static void say_reach(const struct lost *l)
{
	const json_t *row;
	const char *last = "";
	size_t i, count = 0;
	say(l, "%s", "");
	say(l, "What its users may reach now, by the rules in force (deny beats allow):");
	json_array_foreach(l->rows, i, row)
	{
		const json_t *r = json_object_get(row, "reach");
		char groups[USERS_TEXT];
		if (!r)
			continue;
		count++;
		if (strcmp(last, cli_text(r, "user")) != 0) {
			const bool known = json_is_array(json_object_get(r, "groups"));
			last = cli_text(r, "user");
			say(l, "  %s (groups as last found: %.800s)", last,
				known ? cli_join(r, "groups", groups, sizeof groups) : "not known");
		}
		say(l, "    %s  (%s:%" JSON_INTEGER_FORMAT ")", cli_text(r, "text"), cli_text(r, "file"),
			json_integer_value(json_object_get(r, "line")));
	}
	if (!count)
		say(l, "  nothing");
}

/* ---- what the logs say ---- */

struct search {
	const struct lost *lost;
	size_t count;
};

static bool add_line(const struct logset_line *line, void *arg)
{
	struct search *s = arg;
	struct logvalue v[LOGFIELDS];
	char device[FIELD_TEXT], action[FIELD_TEXT], text[9][FIELD_TEXT] = {{0}}, all[10 * FIELD_TEXT + 64];
	static const enum logfield shown[] = {LOGFIELD_TIME, LOGFIELD_REASON, LOGFIELD_USER, LOGFIELD_TRANSPORT,
		LOGFIELD_DESTINATION_IP, LOGFIELD_DESTINATION_PORT, LOGFIELD_ENDPOINT_IP, LOGFIELD_SOURCE_BYTES,
		LOGFIELD_DESTINATION_BYTES};
	if (logfield_scan(line->text, line->size, v) < 0 || logvalue_time(v[LOGFIELD_TIME]) < s->lost->since)
		return true;
	(void)logvalue_text(v[LOGFIELD_DEVICE], device, sizeof device);
	if (strcmp(device, cli_text(s->lost->device, "id")) != 0)
		return true;
	(void)logvalue_text(v[LOGFIELD_ACTION], action, sizeof action);
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		(void)logvalue_text(v[shown[i]], text[i], sizeof text[i]);
	snprintf(all, sizeof all, "  %s %s%s%s %s %s %s %s%s%s%s%s%s%s", text[0], action, *text[1] ? " " : "", text[1], text[2],
		text[3], text[4], text[5], *text[6] ? " from " : "", text[6], *text[7] ? " up " : "", text[7],
		*text[8] ? " down " : "", text[8]);
	say_to(s->lost->file, all);
	if (++s->count <= CONNECTIONS_SHOWN)
		say_to(s->lost->to, all);
	return true;
}

/* Where the list goes on that the terminal shows the beginning of. */
static void say_rest(const struct lost *l, size_t more)
{
	char text[LINE_TEXT];
	if (l->file)
		snprintf(text, sizeof text, "  and %zu more, all in %.900s", more, l->name);
	else
		snprintf(text, sizeof text, "  and %zu more: sekisho log search --device %s", more, l->id);
	say_to(l->to, text);
}

static void say_log(const struct lost *l, const struct logset *set, enum log_file file, const char *title)
{
	struct search s = {.lost = l};
	say(l, "%s", "");
	say(l, "%s", title);
	const int failed = logset_read(set, file, add_line, &s);
	if (s.count > CONNECTIONS_SHOWN)
		say_rest(l, s.count - CONNECTIONS_SHOWN);
	if (!s.count && !failed)
		say(l, "  none");
	if (failed)
		say(l, "  (not all logs could be read; this list is not complete)");
}

static void say_logs(const struct lost *l)
{
	struct logset set;
	if (access(PATH_LOG_DIR, R_OK | X_OK) < 0) {
		say(l, "%s", "");
		say(l, "Connections: missing here, whoever wrote this may not read the logs. Root or a member of "
		       "group " GROUP_LOGS " adds them:");
		say(l, "  sekisho log search --device %s", l->id);
		return;
	}
	if (logset_open(PATH_LOG_DIR, &set)) {
		say(l, "%s", "");
		say(l, "Connections: missing here, the logs could not be read.");
		return;
	}
	say_log(l, &set, LOG_AUTH, "Where it was, and who logged in:");
	say_log(l, &set, LOG_ACCESS, "Connections, those that were refused as well:");
	logset_close(&set);
}

static void say_next(const struct lost *l)
{
	say(l, "%s", "");
	say(l, "What to do next:");
	say(l, "  1. Ask the user whether passwords or one-time-code generators were on the phone; if so have them changed, and "
	       "until then");
	say(l, "     sekisho user suspend NAME --note \"lost phone %s\"", l->id);
	say(l, "  2. Have the phone locked or wiped by its device management, and the SIM by its operator.");
	say(l, "  3. Report the loss, with this report, to the officer responsible for information security.");
	say(l, "  4. Watch for alerts: sekisho log search --device %s", l->id);
	say(l, "  5. If it is found: sekisho device found %s enrols it anew; its old key never comes back.", l->id);
}

static void write_report(const struct lost *l)
{
	say_device(l);
	say_sessions(l);
	say_reach(l);
	say_logs(l);
	say_next(l);
}

/* ---- where it goes ---- */

/* The file that is kept; l->file stays NULL, with errno, when there can be none. */
static void create(struct lost *l)
{
	char stamp[32];
	struct tm tm;
	const time_t now = (time_t)(l->now / 1000000);
	localtime_r(&now, &tm);
	(void)strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	if (l->output)
		snprintf(l->name, sizeof l->name, "%s", l->output);
	else
		snprintf(l->name, sizeof l->name, PATH_REPORTS "/lost-%.*s-%s.txt", 16, l->id, stamp);
	const int fd = open(l->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	l->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (fd >= 0 && !l->file)
		close(fd);
}

/* Whole and durable, or gone: half a report would be taken for all there is. `error`: of create(), if there is no file. */
static int keep(struct lost *l, int error)
{
	bool failed = !l->file;
	if (l->file) {
		failed = fflush(l->file) || ferror(l->file) || fsync(fileno(l->file));
		error = errno;
		if (fclose(l->file) && !failed) {
			failed = true;
			error = errno;
		}
		l->file = NULL;
		if (failed)
			unlink(l->name);
	}
	if (failed)
		return cli_fail(CLI_FAILED,
			"the device is cut off all the same; print it again into a file: sekisho device report ID --output FILE",
			"the report could not be written to %s: %s", l->name, strerror(error));
	fprintf(stderr, "The report is in %s, which only you and root can read.\n", l->name);
	return CLI_OK;
}

static int report(struct lost *l)
{
	char *text = NULL;
	size_t size = 0;
	int code = ask_report(l);
	if (code)
		return code;
	l->to = cli_json ? open_memstream(&text, &size) : stdout;
	if (!l->to)
		return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	create(l);
	const int error = errno;
	write_report(l);
	const bool lacking = cli_json && fclose(l->to);
	const int kept = keep(l, error);
	if (lacking)
		code = cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	else if (cli_json)
		code = cli_print_json(json_pack("{s:O, s:I, s:O, s:s, s:s?}", "device", l->device, "sessions_ended", l->ended,
			"rows", l->rows, "report", text, "file", kept ? NULL : l->name));
	free(text);
	return code ? code : kept;
}

static int parse(int argc, char **argv, struct lost *l, bool lost)
{
	struct option_words rest = {0};
	struct logperiod period;
	const struct option_spec specs[] = {{.name = "since", .value = &l->since_text}, {.name = "output", .value = &l->output},
		{.name = "note", .value = &l->note}, {.name = "yes", .flag = &l->yes}};
	int code = option_parse(argc, argv, specs, lost ? 4 : 2, &rest);
	if (!code)
		code = option_count(&rest, 1, 1, "the device's ID");
	if (!code && l->since_text)
		code = logperiod_parse(l->since_text, NULL, false, l->now, &period);
	if (code)
		return code;
	l->since = l->since_text ? period.since : 0;
	l->id = rest.items[0];
	return CLI_OK;
}

static int done(struct lost *l, int code)
{
	json_decref(l->device);
	json_decref(l->rows);
	return code;
}

int device_verb_lost(int argc, char **argv)
{
	struct lost l = {.now = time_now()};
	int code = parse(argc, argv, &l, true);
	if (!code && !l.yes && cli_interactive())
		code = confirm(&l);
	if (!code)
		code = cut_off(&l);
	if (!code)
		code = report(&l);
	return done(&l, code);
}

int device_verb_report(int argc, char **argv)
{
	struct lost l = {.now = time_now()};
	json_t *end = NULL;
	int code = parse(argc, argv, &l, false);
	if (!code)
		code = client_device(l.id, &end);
	if (!code) {
		l.device = json_incref(json_object_get(end, "device"));
		json_decref(end);
		code = report(&l);
	}
	return done(&l, code);
}
