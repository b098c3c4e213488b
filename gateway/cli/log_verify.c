/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho log verify` and `sekisho log key`. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/log_verify.h"
#include "gateway/cli/option.h"

/* Promised in sekisho(8): not the other verbs' codes, for `cannot tell` is an answer here. */
enum { VERIFY_EXIT_ALTERED = 1, VERIFY_EXIT_UNKNOWN = 2, FINDINGS_SHOWN = 100 };

struct view {
	json_t *findings; /* with --json */
	size_t shown, hidden;
};

static const char *const level_names[] = {[VERIFY_NOTE] = "note", [VERIFY_UNKNOWN] = "unknown", [VERIFY_ALTERED] = "ALTERED"};

static void show(const struct verify_finding *f, void *arg)
{
	struct view *view = arg;
	char name[32], safe[1024];
	snprintf(name, sizeof name, "%s.jsonl", seal_file_name(f->file));
	if (view->shown == FINDINGS_SHOWN) {
		view->hidden++;
		return;
	}
	view->shown++;
	if (view->findings) {
		json_array_append_new(view->findings,
			json_pack("{s:s, s:s, s:s*, s:I, s:s}", "level", level_names[f->level], "log", seal_file_name(f->file),
				"file", f->path, "line", (json_int_t)f->line, "text", f->text));
		return;
	}
	printf("%s: ", level_names[f->level]);
	printf("%s", text_safe(f->path ? f->path : name, safe, sizeof safe));
	if (f->line)
		printf(":%" PRIu64, f->line);
	printf(": %s\n", f->text);
}

/* ---- keys ---- */

/* "auth 1 BASE64": 0, or -EINVAL. */
static int anchor_parse(const char *line, struct verify *v)
{
	char name[8], text[KEY_TEXT], rest;
	uint64_t epoch;
	struct verify_anchor a = {.known = true};
	if (sscanf(line, "%7s %" SCNu64 " %44s %c", name, &epoch, text, &rest) != 3 || !epoch || key_parse(text, &a.key) < 0)
		return -EINVAL;
	a.epoch = epoch;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		if (!strcmp(name, seal_file_name(i))) {
			v->logs[i].anchor = a; /* of several the last: keys were made anew */
			return 0;
		}
	return -EINVAL;
}

int log_verify_keys(const char *path, struct verify *v)
{
	char *text = NULL, *rest, *line;
	unsigned number = 0;
	int error = cli_read(path, &text), code = CLI_OK;
	if (error)
		return cli_fail(VERIFY_EXIT_UNKNOWN, "`sekisho log key` prints one on the gateway",
			"cannot read the keys in %s: %s", path, strerror(-error));
	rest = text;
	while (!code && (line = strsep(&rest, "\n"))) {
		number++;
		if (*line && *line != '#' && anchor_parse(line, v) < 0)
			code = cli_fail(VERIFY_EXIT_UNKNOWN, "`sekisho log key` and --checkpoint print such files",
				"%s:%u: expected 'auth', 'access' or 'audit', a number, and a key in base64", path, number);
	}
	free(text);
	return code;
}

static int checkpoint_write(const char *path, const struct verify *v)
{
	char key[KEY_TEXT];
	FILE *f = fopen(path, "wxe");
	if (!f)
		return cli_fail(
			VERIFY_EXIT_UNKNOWN, "name a file that does not exist yet", "cannot write %s: %s", path, strerror(errno));
	fputs("# Keys of the next seals, for `sekisho log verify --key`. Keep this file away from the gateway.\n", f);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		if (v->logs[i].trusted)
			fprintf(f, "%s %" PRIu64 " %s\n", seal_file_name(i), v->logs[i].next.epoch,
				key_format(&v->logs[i].next.key, key));
	if (fclose(f))
		return cli_fail(VERIFY_EXIT_UNKNOWN, "is the disk full?", "cannot write %s", path);
	return CLI_OK;
}

int log_verb_key(int argc, char **argv)
{
	char *text = NULL;
	int code = option_only(argc, argv, NULL, NULL);
	if (code)
		return code;
	int error = cli_read(PATH_SEAL_KEYS, &text);
	if (error)
		return cli_fail(CLI_FAILED,
			error == -ENOENT ? "the gateway writes it when it starts for the first time" : "use sudo",
			"cannot read " PATH_SEAL_KEYS ": %s", strerror(-error));
	if (cli_json)
		code = cli_print_json(json_pack("{s:s}", "keys", text));
	else
		fputs(text, stdout);
	free(text);
	return code;
}

/* ---- the logs ---- */

struct pass {
	struct verify *v;
	enum log_file file;
	void (*each)(struct verify *, enum log_file, const struct logset_line *);
};

static bool pass_line(const struct logset_line *line, void *arg)
{
	const struct pass *p = arg;
	p->each(p->v, p->file, line);
	return true;
}

static int pass_all(struct verify *v, const struct logset *set,
	void (*each)(struct verify *, enum log_file, const struct logset_line *), bool first)
{
	int code = CLI_OK;
	for (enum log_file i = 0; i < LOG_FILES && !code; i++) {
		struct pass p = {v, i, each};
		code = logset_read(set, i, pass_line, &p);
		if (first && !code)
			verify_log_end(v, i);
	}
	return code;
}

static json_t *log_json(const struct verify *v, enum log_file file)
{
	const struct verify_log *l = &v->logs[file];
	char time[TIME_TEXT];
	json_t *sealed = l->sealed ? json_string(time_format(l->sealed, time)) : json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:o}", "log", seal_file_name(file), "lines", (json_int_t)l->lines,
		"first", (json_int_t)l->first, "last", (json_int_t)l->last, "seals", (json_int_t)l->seals, "unsealed",
		(json_int_t)l->unsealed, "trusted", l->trusted, "sealed", sealed);
}

static int conclude(const struct verify *v, const struct view *view)
{
	static const char *const verdicts[] = {
		[VERIFY_NOTE] = "whole", [VERIFY_UNKNOWN] = "cannot tell", [VERIFY_ALTERED] = "ALTERED"};
	static const int codes[] = {
		[VERIFY_NOTE] = CLI_OK, [VERIFY_UNKNOWN] = VERIFY_EXIT_UNKNOWN, [VERIFY_ALTERED] = VERIFY_EXIT_ALTERED};
	if (view->findings) {
		json_t *logs = json_array();
		for (enum log_file i = 0; i < LOG_FILES; i++)
			json_array_append_new(logs, log_json(v, i));
		int code = cli_print_json(json_pack("{s:s, s:o, s:O, s:I}", "verdict", verdicts[v->worst], "logs", logs,
			"findings", view->findings, "findings_hidden", (json_int_t)view->hidden));
		return code ? VERIFY_EXIT_UNKNOWN : codes[v->worst];
	}
	if (view->hidden)
		printf("... and %zu more\n", view->hidden);
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		const struct verify_log *l = &v->logs[i];
		char time[TIME_TEXT];
		printf("%s.jsonl: lines %" PRIu64 " to %" PRIu64 ", %" PRIu64 " seals", seal_file_name(i), l->first, l->last,
			l->seals);
		if (l->sealed)
			printf(", the last at %s; behind it %" PRIu64 " lines that no seal covers yet",
				time_format(l->sealed, time), l->unsealed);
		putchar('\n');
	}
	printf("%s\n", verdicts[v->worst]);
	return codes[v->worst];
}

int log_verify_set(struct verify *v, const struct logset *set)
{
	int code = pass_all(v, set, verify_line, true);
	if (code)
		return VERIFY_EXIT_UNKNOWN;
	verify_refs(v);
	code = pass_all(v, set, verify_again, false);
	if (!code && v->failed)
		code = cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	return code ? VERIFY_EXIT_UNKNOWN : CLI_OK;
}

int log_verb_verify(int argc, char **argv)
{
	struct option_words rest = {0};
	const char *key = NULL, *checkpoint = NULL;
	struct view view = {0};
	struct verify v = {.report = show, .arg = &view};
	struct logset set = {0};
	const struct option_spec specs[] = {{.name = "key", .value = &key}, {.name = "checkpoint", .value = &checkpoint}};
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 0, 1, "");
	if (code)
		return code;
	if (cli_json)
		view.findings = json_array();
	code = log_verify_keys(key ? key : PATH_SEAL_KEYS, &v);
	if (!code && logset_open(rest.count ? rest.items[0] : PATH_LOG_DIR, &set))
		code = VERIFY_EXIT_UNKNOWN;
	if (!code)
		code = log_verify_set(&v, &set);
	if (!code && checkpoint && v.worst == VERIFY_NOTE)
		code = checkpoint_write(checkpoint, &v);
	if (!code)
		code = conclude(&v, &view);
	verify_end(&v);
	logset_close(&set);
	json_decref(view.findings);
	return code;
}
