/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words on the command line: `--name`, `--name VALUE`, `--name=VALUE`, lists, and the words that are no options, in any
 * order; `--` ends the options. Every verb also knows `--json`.
 */
#ifndef SEKISHO_OPTION_H
#define SEKISHO_OPTION_H

#include <stdbool.h>
#include <stddef.h>

enum { OPTION_WORDS = 128 };

struct option_words {
	size_t count;
	const char *items[OPTION_WORDS];
};

/*
 * One option; the members that are set say its kind:
 *   flag          stands alone
 *   value         one value must follow
 *   list          all words up to the next option follow, also parted by commas; may be repeated
 *   flag, value   a value may follow: after '=', or as a word that starts with '/' or '.'
 * A word like -4h, a dash and a digit, is a value.
 */
struct option_spec {
	const char *name; /* without the dashes */
	bool *flag;
	const char **value;
	struct option_words *list;
	bool verbatim; /* values of the list may have commas */
	char letter; /* a second name, "-f"; 0: none */
};

/*
 * Sorts the words into what `specs` point at; `rest` gets the others. Strings are borrowed from argv, whose list values are
 * cut in place. 0; or CLI_USAGE after saying what is wrong: an unknown option, one given twice, a value missing or too many.
 */
int option_parse(int argc, char **argv, const struct option_spec *specs, size_t spec_count, struct option_words *rest);

/* Checks how many words there were: 0, or CLI_USAGE after saying so. `what` names them, as in "USER". */
int option_count(const struct option_words *rest, size_t least, size_t most, const char *what);

/* For a verb without options of its own: parses, and checks that one word follows, which `word` then points to, called `what` in
 * messages; or with `word` NULL that none does. 0, or CLI_USAGE after saying so. */
int option_only(int argc, char **argv, const char *what, const char **word);

#endif
