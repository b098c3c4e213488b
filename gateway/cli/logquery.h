/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `log search` and `log tail` look for: the options that say so, and whether a line fits. Of several values of one option
 * any may fit; all options that are given must. What each compares stands in sekisho(8). The time options are logperiod.h's.
 */
#ifndef SEKISHO_LOGQUERY_H
#define SEKISHO_LOGQUERY_H

#include "common/addr.h"
#include "gateway/cli/logfield.h"
#include "gateway/cli/logperiod.h"
#include "gateway/cli/logreader.h"
#include "gateway/cli/option.h"
#include "gateway/log.h"

enum logquery_option {
	LOGQUERY_USER,
	LOGQUERY_ADMIN,
	LOGQUERY_DEVICE,
	LOGQUERY_KEY,
	LOGQUERY_ADDRESS,
	LOGQUERY_DESTINATION,
	LOGQUERY_PORT,
	LOGQUERY_ACTION,
	LOGQUERY_OUTCOME,
	LOGQUERY_REASON,
	LOGQUERY_SESSION,
	LOGQUERY_RULE,
	LOGQUERY_TEXT,
	LOGQUERY_FILE,
	LOGQUERY_OPTIONS
};

enum { LOGQUERY_HASH = 65, LOGQUERY_SPECS = LOGQUERY_OPTIONS + 3 };

struct logquery_range {
	uint32_t first, last;
};

struct logquery {
	struct option_words words[LOGQUERY_OPTIONS]; /* as they were given; borrowed from argv */
	const char *since, *until;
	bool utc;
	/* what they mean */
	struct logperiod period;
	struct prefix addresses[OPTION_WORDS], destinations[OPTION_WORDS];
	struct logquery_range ports[OPTION_WORDS], sessions[OPTION_WORDS];
	char hashes[OPTION_WORDS][LOGQUERY_HASH]; /* of the users' names, as user.hash has them */
	bool files[LOG_FILES]; /* which logs can have such lines */
	/* Lines without one of these cannot fit. */
	struct logneedles needles;
	char needle_texts[LOGNEEDLES][ADDR_TEXT + 2];
};

/* The options, for option_parse() into a zeroed query; `specs` has LOGQUERY_SPECS. */
void logquery_specs(struct logquery *q, struct option_spec *specs);

/* Understands what option_parse() has put there. CLI_OK; CLI_USAGE after saying what is wrong; CLI_FAILED when out of memory. */
int logquery_prepare(struct logquery *q, int64_t now);

/* `values` are what logfield_scan() found in `line`. */
bool logquery_matches(const struct logquery *q, const struct logvalue values[static LOGFIELDS], const struct logset_line *line);

#endif
