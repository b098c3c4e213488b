/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What administrators did, what the gateway met, and what could not be recorded. These lines are few, and read whole. */
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/report.h"
#include "gateway/seal.h"

enum { CHANGES_SHOWN = 3 };

/* "d7 iPhone 山田, t-yamada, generation 32": what an audit line is about. */
static void about(const struct report_line *line, char *out, size_t size)
{
	static const struct {
		enum logfield field;
		const char *front;
	} parts[] = {{LOGFIELD_DEVICE, ", "}, {LOGFIELD_DEVICE_LABEL, " "}, {LOGFIELD_USER, ", "}, {LOGFIELD_ENDPOINT_IP, ", "},
		{LOGFIELD_GENERATION, ", #"}, {LOGFIELD_VERB, ", "}, {LOGFIELD_RULE, ", "}, {LOGFIELD_NOTE, ", "},
		{LOGFIELD_ERROR, ", "}};
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char text[REPORT_PART_MAX];
		if (!*report_field(line, parts[i].field, text))
			continue;
		const char *front = used ? parts[i].front : parts[i].front + strspn(parts[i].front, ", ");
		int n = snprintf(out + used, size - used, "%s%s", front, text);
		if (n < 0 || (size_t)n >= size - used) {
			out[used] = '\0';
			return;
		}
		used += (size_t)n;
	}
}

static void event(struct report *r, enum report_lists list, const struct report_line *line)
{
	char action[REPORT_PART_MAX], reason[REPORT_PART_MAX], admin[REPORT_PART_MAX], what[512];
	about(line, what, sizeof what);
	report_list_add(r, list,
		json_pack("{s:I, s:s, s:s, s:s, s:s}", "when", (json_int_t)line->when, "action",
			report_field(line, LOGFIELD_ACTION, action), "reason", report_field(line, LOGFIELD_REASON, reason), "who",
			report_field(line, LOGFIELD_ADMIN, admin), "about", what));
}

static json_t *safe_string(const json_t *value)
{
	char text[512];
	const char *raw = json_string_value(value);
	return json_string(text_safe(raw ? raw : "", text, sizeof text));
}

static void acl_applied(struct report *r, const struct report_line *line)
{
	char admin[REPORT_PART_MAX];
	json_t *root = json_loadb(line->raw->text, line->raw->size, 0, NULL), *changes = json_array(), *change;
	const json_t *acl = json_object_get(json_object_get(root, "sekisho"), "acl");
	size_t i;
	json_array_foreach(json_object_get(acl, "changes"), i, change)
	{
		if (i < CHANGES_SHOWN)
			json_array_append_new(changes, safe_string(change));
	}

	report_list_add(r, LIST_ACL,
		json_pack("{s:I, s:s, s:I, s:I, s:I, s:o}", "when", (json_int_t)line->when, "who",
			report_field(line, LOGFIELD_ADMIN, admin), "generation",
			(json_int_t)report_number(line, LOGFIELD_GENERATION), "changes_total",
			json_integer_value(json_object_get(acl, "changes_total")), "sessions_changed",
			json_integer_value(json_object_get(acl, "sessions_changed")), "changes", changes));
	json_decref(root);
}

void report_gateway(struct report *r, const struct report_line *line)
{
	static const char *const actions[] = {"gateway-started", "gateway-stopped", "firewall-restored", "clock-stepped",
		"acl-rejected", "config-rejected", "log-recovered", "log-thinned"};
	char action[REPORT_PART_MAX], reason[REPORT_PART_MAX];
	report_field(line, LOGFIELD_ACTION, action);
	report_field(line, LOGFIELD_REASON, reason);
	if (!strcmp(action, "device-suspended") && !strcmp(reason, "by-user"))
		report_add(r, BAG_GATEWAY, line, 2, (const char *[]){action, reason});
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(action, actions[i]) != 0)
			continue;
		report_add(r, BAG_GATEWAY, line, 2, (const char *[]){action, ""});
		if (*reason)
			report_add(r, BAG_GATEWAY, line, 2, (const char *[]){action, reason});
	}
}

void report_audit_line(struct report *r, const struct report_line *line)
{
	char action[REPORT_PART_MAX], reason[REPORT_PART_MAX], admin[REPORT_PART_MAX];
	report_field(line, LOGFIELD_ACTION, action);
	report_field(line, LOGFIELD_REASON, reason);
	/* What came of acl-applying is on record too. */
	if (*report_field(line, LOGFIELD_ADMIN, admin) && strcmp(action, "acl-applying") != 0) {
		report_add(r, BAG_ADMIN, line, 2, (const char *[]){admin, action});
		event(r, LIST_ADMIN, line);
	}
	if (!strcmp(action, "acl-applied"))
		acl_applied(r, line);
	if (!strcmp(action, "alert")) {
		report_add(r, BAG_ALERT, line, 1, (const char *[]){reason});
		event(r, LIST_ALERT, line);
	}
	report_gateway(r, line);
}

void report_gap(struct report *r, const struct report_line *line)
{
	char reason[REPORT_PART_MAX], from[REPORT_PART_MAX], to[REPORT_PART_MAX], what[REPORT_PART_MAX];
	const char *file = seal_file_name(line->file);
	report_field(line, LOGFIELD_REASON, reason);
	report_add(r, BAG_GAP, line, 2, (const char *[]){file, reason});
	report_list_add(r, LIST_GAP,
		json_pack("{s:I, s:s, s:s, s:I, s:s, s:s, s:s}", "when", (json_int_t)line->when, "log", file, "reason", reason,
			"count", (json_int_t)report_number(line, LOGFIELD_COUNT_FIELD), "from",
			report_field(line, LOGFIELD_GAP_FROM, from), "to", report_field(line, LOGFIELD_GAP_TO, to), "what",
			report_field(line, LOGFIELD_GAP_WHAT, what)));
}
