/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The seals of the folder, for the report: the verdict and the first findings. */
#include <inttypes.h>
#include <unistd.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/log_verify.h"
#include "gateway/cli/report.h"
#include "gateway/seal.h"

enum { FINDINGS_SHOWN = 10 };

static void keep(const struct verify_finding *f, void *arg)
{
	static const char *const levels[] = {[VERIFY_NOTE] = "note", [VERIFY_UNKNOWN] = "unknown", [VERIFY_ALTERED] = "ALTERED"};
	json_t *findings = arg;
	char path[512];
	if (json_array_size(findings) < FINDINGS_SHOWN)
		json_array_append_new(
			findings, json_pack("{s:s, s:s, s:s, s:I, s:s}", "level", levels[f->level], "log",
					  seal_file_name(f->file), "file", text_safe(f->path ? f->path : "", path, sizeof path),
					  "line", (json_int_t)f->line, "text", f->text));
}

static json_t *log_of(const struct verify_log *l, enum log_file file)
{
	char time[TIME_TEXT];
	return json_pack("{s:s, s:I, s:I, s:I, s:o}", "log", seal_file_name(file), "lines", (json_int_t)l->lines, "seals",
		(json_int_t)l->seals, "unsealed", (json_int_t)l->unsealed, "sealed",
		l->sealed ? json_string(time_format(l->sealed, time)) : json_null());
}

int report_verify(struct report *r, const struct logset *set, const char *keys)
{
	static const char *const verdicts[] = {
		[VERIFY_NOTE] = "whole", [VERIFY_UNKNOWN] = "cannot tell", [VERIFY_ALTERED] = "ALTERED"};
	char command[512], shown[256];
	json_t *findings = json_array(), *logs = json_array();
	struct verify v = {.report = keep, .arg = findings};
	/* Without keys the chain is still followed; nobody vouches for its beginning then, and the verdict says so. */
	bool have_keys = access(keys, R_OK) == 0;
	int code = have_keys ? log_verify_keys(keys, &v) : CLI_OK;
	if (!code)
		code = log_verify_set(&v, set);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		json_array_append_new(logs, log_of(&v.logs[i], i));
	text_safe(keys, shown, sizeof shown);
	snprintf(command, sizeof command, "sekisho log verify%s%s --key %s", r->dir ? " " : "", r->dir ? r->dir : "", shown);
	if (!code)
		r->verification = json_pack("{s:s, s:s, s:s, s:O, s:O}", "verdict", verdicts[v.worst], "keys", shown, "command",
			command, "logs", logs, "findings", findings);
	verify_end(&v);
	json_decref(findings);
	json_decref(logs);
	return code ? CLI_FAILED : CLI_OK;
}
