/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/logperiod.h"
#include "gateway/cli/option.h"

enum { PEOPLE_MOST = 16384, KNOWN_MOST = 131072 };

struct words {
	const char *since, *until, *html, *lang, *dir, *keys;
	bool utc, no_verify, commands;
};

/* As locale(7) ranks the variables; Japanese only where somebody chose it. */
static enum report_lang language_of_locale(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return strncmp(value, "ja", 2) == 0 ? REPORT_JA : REPORT_EN;
	}
	return REPORT_EN;
}

static int language(const char *word, enum report_lang *out)
{
	if (word && strcmp(word, "ja") != 0 && strcmp(word, "en") != 0)
		return cli_usage("'%s' is no language of the report: ja or en", word);
	*out = !word ? language_of_locale() : !strcmp(word, "ja") ? REPORT_JA : REPORT_EN;
	return CLI_OK;
}

static int period(const struct words *w, struct report *r)
{
	struct logperiod p;
	if (!w->since)
		return cli_usage("--since is missing: as in --since yesterday, --since -7d, --since 2026-11-01");
	int code = logperiod_parse(w->since, w->until, w->utc, r->now, &p);
	if (code)
		return code;
	r->since = p.since;
	r->until = p.until > r->now ? r->now : p.until;
	if (r->since >= r->until)
		return cli_usage("the period from %s is empty, or has not begun", w->since);
	if (r->until - r->since > REPORT_DAYS_MAX * (24 * 3600 * INT64_C(1000000)))
		return cli_usage("a report covers at most %d days: give a later --since or an earlier --until", REPORT_DAYS_MAX);
	return CLI_OK;
}

static int report_open(struct report *r)
{
	for (size_t i = 0; i < REPORT_BAGS; i++) {
		size_t most = i == BAG_PEOPLE					? PEOPLE_MOST
			      : i == BAG_KNOWN_NETWORK || i == BAG_KNOWN_DEVICE ? KNOWN_MOST
										: REPORT_BAG_MAX;
		if (report_bag_open(&r->bags[i], most, i == BAG_PEOPLE ? report_person_size() : 0) < 0)
			return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	}
	for (size_t i = 0; i < REPORT_LISTS; i++)
		r->lists[i].rows = json_array();
	report_slots_make(r);
	return CLI_OK;
}

static void report_close(struct report *r)
{
	for (size_t i = 0; i < REPORT_BAGS; i++)
		report_bag_close(&r->bags[i]);
	for (size_t i = 0; i < REPORT_LISTS; i++)
		json_decref(r->lists[i].rows);
	json_decref(r->verification);
	free(r);
}

/* ---- the page ---- */

/* DIR/2026-11-22.html, after the first day of the period, when a folder was named. */
static int html_path(const char *word, const struct report *r, char *out, size_t size)
{
	struct stat st;
	char day[TIME_TEXT];
	bool folder = word[strlen(word) - 1] == '/' || (stat(word, &st) == 0 && S_ISDIR(st.st_mode));
	int n = snprintf(out, size, folder ? "%s/%.10s.html" : "%s", word, time_format(r->since, day));
	return n < 0 || (size_t)n >= size ? cli_fail(CLI_FAILED, NULL, "the name %s is too long", word) : CLI_OK;
}

/* Whole or not at all: written beside, then renamed. */
static int html_write(const char *path, const json_t *document, enum report_lang lang)
{
	char beside[PATH_MAX];
	snprintf(beside, sizeof beside, "%.*s.XXXXXX", (int)sizeof beside - 8, path);
	int fd = mkostemp(beside, O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		int error = errno;
		if (fd >= 0) {
			close(fd);
			unlink(beside);
		}
		return cli_fail(CLI_FAILED, "name a file in a folder that you may write in", "cannot write %s: %s", path,
			strerror(error));
	}
	const mode_t mask = umask(0);
	umask(mask);
	report_html(f, document, lang);
	bool failed = fchmod(fd, 0640 & ~mask) < 0 || fflush(f) || fsync(fd) < 0 || ferror(f);
	int error = errno;
	failed |= fclose(f) != 0;
	if (!failed && rename(beside, path) == 0)
		return CLI_OK;
	error = failed ? error : errno;
	unlink(beside);
	return cli_fail(CLI_FAILED, "is the disk full?", "cannot write %s: %s", path, strerror(error));
}

static int show(const struct words *w, const struct report *r, json_t *document)
{
	char path[PATH_MAX];
	int code = CLI_OK;
	if (w->html) {
		code = html_path(w->html, r, path, sizeof path);
		if (!code)
			code = html_write(path, document, r->lang);
		if (!code && !cli_json)
			printf("%s\n", path);
	}
	if (!code && cli_json)
		code = cli_print_json(json_incref(document));
	else if (!code && !w->html)
		report_text(stdout, document, r->lang, w->commands);
	return code;
}

static int make(const struct words *w, struct report *r)
{
	struct logset set = {0};
	json_t *document = NULL;
	int code = report_open(r);
	if (!code)
		code = logset_open(w->dir ? w->dir : PATH_LOG_DIR, &set);
	if (!code)
		code = report_collect(r, &set);
	if (!code && !w->no_verify)
		code = report_verify(r, &set, w->keys ? w->keys : PATH_SEAL_KEYS);
	logset_close(&set);
	if (!code && !(document = report_build(r)))
		code = cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	if (!code)
		code = show(w, r, document);
	json_decref(document);
	return code;
}

int log_verb_report(int argc, char **argv)
{
	struct words w = {0};
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "since", .value = &w.since}, {.name = "until", .value = &w.until},
		{.name = "utc", .flag = &w.utc}, {.name = "html", .value = &w.html}, {.name = "lang", .value = &w.lang},
		{.name = "key", .value = &w.keys}, {.name = "no-verify", .flag = &w.no_verify},
		{.name = "commands", .flag = &w.commands}};
	struct report *r = calloc(1, sizeof *r);
	if (!r)
		return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	r->now = time_now();
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 0, 1, "");
	w.dir = rest.count ? rest.items[0] : NULL;
	if (!code && w.utc && (setenv("TZ", "UTC", 1) || (tzset(), false)))
		code = cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	if (!code && w.html && !*w.html)
		code = cli_usage("--html needs the name of a file");
	if (!code)
		code = language(w.lang, &r->lang);
	if (!code)
		code = period(&w, r);
	r->dir = w.dir;
	if (!code)
		code = make(&w, r);
	report_close(r);
	return code;
}
