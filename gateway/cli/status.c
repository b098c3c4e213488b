/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <unistd.h>

#include "common/text.h"
#include "gateway/cli/check.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"
#include "gateway/cli/units.h"

enum { VALUE_MAX = 512 };

static json_int_t number(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

static void line(struct table *t, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void line(struct table *t, const char *name, const char *format, ...)
{
	char value[VALUE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	table_cell(t, name);
	table_cell(t, value);
}

#define N "%" JSON_INTEGER_FORMAT

static void line_certificate(struct table *t, const json_t *s)
{
	char when[CLI_WHEN];
	const json_t *c = json_object_get(s, "certificate");
	const char *mark = json_is_true(json_object_get(c, "due")) ? "⚠ " : "";
	const json_int_t days = number(c, "days");
	if (!json_is_object(c))
		line(t, "Certificate", "cannot be read");
	else
		line(t, "Certificate", "%sexpires in " N " day%s: %s", mark, days, days == 1 ? "" : "s",
			cli_when(cli_text(c, "until"), time_now(), when));
}

static void lines_gateway(struct table *t, const json_t *s)
{
	char when[CLI_WHEN];
	const char *v6 = cli_text(s, "v6");
	line(t, "Gateway", "version %s, since %s", cli_text(s, "version"), cli_when(cli_text(s, "started"), time_now(), when));
	line(t, "Tunnel", "%s (%s), port " N ", %s%s%s", cli_text(s, "interface"), cli_text(s, "backend"),
		number(s, "listen_port"), cli_text(s, "v4"), *v6 ? ", " : "", v6);
	line(t, "Phones dial", "%s", cli_text(s, "endpoint"));
	line(t, "Public key", "%s", cli_text(s, "public_key"));
	line(t, "Login page", "%s", json_is_true(json_object_get(s, "portal")) ? "connected" : "not connected");
	line_certificate(t, s);
}

static void lines_use(struct table *t, const json_t *s)
{
	char when[CLI_WHEN];
	const json_t *d = json_object_get(s, "devices"), *a = json_object_get(s, "acl"), *archive = json_object_get(a, "archive");
	line(t, "Devices", N " active (" N " online), " N " suspended, " N " lost, " N " revoked", number(d, "active"),
		number(d, "online"), number(d, "suspended"), number(d, "lost"), number(d, "revoked"));
	line(t, "Sessions", N " open, " N " logins under way", number(s, "sessions"), number(s, "logins"));
	line(t, "ACLs", "generation " N " of %s: " N " files, " N " rules, " N " profiles", number(a, "generation"),
		cli_when(cli_text(a, "applied"), time_now(), when), number(a, "files"), number(a, "rules"),
		number(s, "profiles"));
	line(t, "ACL archive", N " generations, " N " KiB", number(archive, "generations"),
		(number(archive, "bytes") + 1023) / 1024);
}

static void lines_refused(struct table *t, const json_t *s)
{
	const json_t *f = json_object_get(s, "firewall"), *k = json_object_get(s, "knocks");
	line(t, "Knocks", N " seen: " N " admitted, " N " refused, " N " replayed, " N " forged, " N " dropped",
		number(f, "knocks"), number(k, "admitted"), number(k, "refused"), number(k, "replayed"), number(k, "forged"),
		number(k, "dropped"));
	line(t, "Packets refused", N " by ACL, " N " without session, " N " of ended sessions, " N " spoofed",
		number(f, "denied"), number(f, "no_session"), number(f, "stale"), number(f, "spoofed"));
}

static void lines_alerts(struct table *t, const json_t *s)
{
	const json_t *a = json_object_get(s, "alerts");
	const char *hook = cli_text(a, "hook");
	char held[96] = "";
	if (number(a, "suppressed"))
		snprintf(held, sizeof held, ", and " N " held back", number(a, "suppressed"));
	if (*hook)
		line(t, "Alerts", N " since the start%s; hook: " N " runs, " N " failed, " N " missed", number(a, "raised"), held,
			number(a, "hook_runs"), number(a, "hook_failures"), number(a, "hook_missed"));
	else
		line(t, "Alerts", N " since the start%s; no hook (alert-hook)", number(a, "raised"), held);
}

#undef N

static void print_sentences(const char *title, const json_t *sentences)
{
	const json_t *sentence;
	char safe[VALUE_MAX];
	size_t i;
	printf("\n%s\n", title);
	json_array_foreach(sentences, i, sentence)
	{
		const char *text = json_string_value(sentence);
		printf("  %s\n", text_safe(text ? text : "", safe, sizeof safe));
	}
}

/* What systemd knows about a gateway that does not answer. */
static void hint_units(void)
{
	json_t *problems = json_array();
	const json_t *problem;
	size_t i;
	units_problems(problems, false);
	json_array_foreach(problems, i, problem)
	{
		fputs("hint: ", stderr);
		cli_lines(stderr, json_string_value(problem));
	}
	json_decref(problems);
}

static void print_alerts(const json_t *last)
{
	const json_t *alert;
	char when[CLI_WHEN], safe[VALUE_MAX];
	size_t i;
	if (json_array_size(last))
		printf("\nLast alerts:\n");
	json_array_foreach(last, i, alert)
	{
		printf("  %s  %s\n", cli_when(cli_text(alert, "time"), time_now(), when),
			text_safe(cli_text(alert, "text"), safe, sizeof safe));
	}
}

static void print_notes(const json_t *notices, const json_t *problems)
{
	if (json_array_size(notices))
		print_sentences("To know:", notices);
	print_sentences(json_array_size(problems) ? "Problems:" : "No problems.", problems);
}

/* Why it does not run may stand in the files: only root can read all of them. */
static void hint_installation(void)
{
	if (geteuid() != 0) {
		fputs("hint: sudo sekisho setup --check  tells whether the installation is complete\n", stderr);
		return;
	}
	struct check c = {0};
	check_all(&c);
	if (c.count)
		fprintf(stderr, "hint: sekisho setup --check  finds %zu problem%s in the installation\n", c.count,
			c.count == 1 ? "" : "s");
	check_clear(&c);
}

int status_verb(int argc, char **argv)
{
	static const struct table_column columns[] = {{NULL, TABLE_LEFT, TABLE_WHOLE}, {NULL, TABLE_LEFT, TABLE_WHOLE}};
	json_t *end = NULL;
	int code = option_only(argc, argv, NULL, NULL);
	if (code)
		return code;
	code = client_ask(json_pack("{s:s}", "verb", "status"), NULL, &end);
	if (code == CLI_UNREACHABLE) {
		hint_units();
		hint_installation();
	}
	if (code)
		return code;
	units_problems(json_object_get(end, "problems"), json_is_true(json_object_get(end, "portal_dns")));
	if (cli_json)
		return cli_print_json(end);
	struct table *t = table_new(columns, 2);
	lines_gateway(t, end);
	lines_use(t, end);
	lines_refused(t, end);
	lines_alerts(t, end);
	code = table_show(t);
	print_alerts(json_object_get(json_object_get(end, "alerts"), "last"));
	print_notes(json_object_get(end, "notices"), json_object_get(end, "problems"));
	json_decref(end);
	return code;
}
