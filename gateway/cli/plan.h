/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a new sekisho.conf will say: from options, from questions on a terminal, from guesses, each value judged by the same
 * parser that will read the file. */
#ifndef SEKISHO_PLAN_H
#define SEKISHO_PLAN_H

#include "config/settings.h"
#include "gateway/cli/option.h"

/* The options of `sekisho setup`; NULL or empty: not given. */
struct plan_options {
	const char *endpoint, *network4, *network6, *portal_name;
	struct option_words internal, resolver;
};

/* Is any of them given? */
bool plan_given(const struct plan_options *o);

/*
 * Settles every value. CLI_OK with the text of the file (the caller frees it) and what it means; or an exit code after saying
 * what is missing or wrong.
 */
int plan_make(const struct plan_options *o, char **config, struct settings *settings);

#endif
