/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho log search`. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/logkeep.h"
#include "gateway/cli/logprint.h"

/* Promised in sekisho(8), as grep(1) has them: nothing found is an answer, and a file that cannot be read is none. */
enum { SEARCH_EXIT_NONE = 1, SEARCH_EXIT_FAILED = 2 };

struct search {
	struct logquery query;
	struct logset set;
	struct logmerge merge;
	struct logprint print;
	struct logkeep keep; /* with --last */
	const char *limit_text, *last_text;
	uint64_t limit, last; /* 0: none */
	bool csv, count;
	uint64_t found;
};

static int take(struct search *s, const struct logmatch *match)
{
	s->found++;
	if (s->count)
		return CLI_OK;
	if (!s->last)
		return logprint_line(&s->print, match);
	return logkeep_put(&s->keep, match) ? cli_fail(CLI_FAILED, "ask for fewer lines", "out of memory") : CLI_OK;
}

static int number(const char *option, const char *text, uint64_t most, uint64_t *out)
{
	int64_t n = text ? logvalue_number((struct logvalue){text, strlen(text), false}) : 0;
	if (text && (n < 1 || (uint64_t)n > most))
		return cli_usage("--%s: '%s' is no number from 1 to %" PRIu64, option, text, most);
	*out = (uint64_t)n;
	return CLI_OK;
}

static int options(struct search *s, int argc, char **argv, struct option_words *rest)
{
	struct option_spec specs[LOGQUERY_SPECS + 4] = {
		{.name = "csv", .flag = &s->csv},
		{.name = "count", .flag = &s->count},
		{.name = "limit", .value = &s->limit_text},
		{.name = "last", .value = &s->last_text},
	};
	logquery_specs(&s->query, specs + 4);
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, rest);
	if (!code)
		code = option_count(rest, 0, 1, "");
	if (!code)
		code = number("limit", s->limit_text, INT64_MAX, &s->limit);
	if (!code)
		code = number("last", s->last_text, LOGKEEP_MAX, &s->last);
	if (!code && (s->csv + cli_json + s->count > 1 || (s->limit && s->last) || (s->count && s->last)))
		code = cli_usage("these do not go together: --json, --csv and --count; --limit and --last; --count and --last");
	if (!code)
		code = logquery_prepare(&s->query, time_now());
	s->print.form = s->csv ? LOGPRINT_CSV : cli_json ? LOGPRINT_JSON : LOGPRINT_TABLE;
	s->print.utc = s->query.utc;
	return code;
}

static int run(struct search *s)
{
	const struct logmatch *match;
	int code = s->last && logkeep_open(&s->keep, s->last) ? cli_fail(CLI_FAILED, "ask for fewer lines", "out of memory")
							      : CLI_OK;
	while (!code && (!s->limit || s->found < s->limit) && (match = logmerge_next(&s->merge)))
		code = take(s, match);
	for (size_t i = 0; !code && i < s->keep.count; i++) {
		struct logmatch kept;
		logkeep_get(&s->keep, i, &kept);
		code = logprint_line(&s->print, &kept);
	}
	if (!code && s->count)
		printf("%" PRIu64 "\n", s->found);
	else if (!code)
		code = logprint_end(&s->print);
	if (s->merge.unread)
		cli_fail(CLI_OK, "`sekisho log verify` tells more",
			"%" PRIu64 " lines that are no JSON were left out, the first in %s", s->merge.unread,
			s->merge.unread_path);
	return code || s->merge.failed ? SEARCH_EXIT_FAILED : s->found ? CLI_OK : SEARCH_EXIT_NONE;
}

int log_verb_search(int argc, char **argv)
{
	struct option_words rest = {0};
	struct search *s = calloc(1, sizeof *s);
	if (!s)
		return cli_fail(SEARCH_EXIT_FAILED, "free some memory and try again", "out of memory");
	/* Who reads may stop reading, whatever this process has inherited. */
	signal(SIGPIPE, SIG_DFL);
	int code = options(s, argc, argv, &rest);
	if (code == CLI_FAILED)
		code = SEARCH_EXIT_FAILED;
	if (!code && logset_open(rest.count ? rest.items[0] : PATH_LOG_DIR, &s->set))
		code = SEARCH_EXIT_FAILED;
	if (!code) {
		logmerge_open(&s->merge, &s->set, &s->query);
		code = run(s);
		logmerge_close(&s->merge);
	}
	logkeep_close(&s->keep);
	logset_close(&s->set);
	free(s);
	return code;
}
