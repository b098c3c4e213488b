/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose rules a question is about: a user, with the groups and the class of device that decide beside the user's own file. */
#ifndef SEKISHO_CLI_WHOSE_H
#define SEKISHO_CLI_WHOSE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/message.h"
#include "config/policy.h"
#include "gateway/cli/moment.h"
#include "gateway/cli/option.h"

/* As it was asked; strings are borrowed, NULL where nothing was said. */
struct whose_words {
	const char *user, *class, *device;
	const struct option_words *groups;
};

struct whose {
	const char *user;
	json_t *groups; /* array of names */
	bool groups_unknown; /* nobody knows those of that time: the array is empty */
	enum device_class class;
	json_t *device; /* {"id", "status", "permitted", "valid"}, or NULL */
};

/*
 * Finds out what the words leave open. Groups that are not named are those of this machine's directory; of an instant that has
 * passed (`past`), those in which the gateway last found the user. An exit code.
 */
int whose_find(const struct whose_words *words, int64_t at, bool past, struct whose *out);
void whose_clear(struct whose *w); /* all zero is fine */

struct subject whose_subject(const struct whose *w, const char *room[static GROUPS_MAX]);

/* "class ministry, groups: soumu kikaku", and what is odd about the device, for people. */
void whose_print(const struct whose *w);

#endif
