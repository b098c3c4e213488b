/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A profile in the words of the ACL language (sekisho-acl(5)), as few as possible: "tcp 80,443 10.20.0.10 2001:db8::10". What the
 * language cannot say, such as every protocol but tcp, is said in numbers: "protocols 0-5,7-255 10.20.0.10".
 */
#ifndef SEKISHO_PROFILE_WORDS_H
#define SEKISHO_PROFILE_WORDS_H

#include "config/arena.h"
#include "config/profile.h"

enum { WORDS_PORTS_MAX = 16, WORDS_DESTS_MAX = 8 }; /* of one text; a new one begins then */

struct words {
	const char **text; /* memory of the arena */
	size_t count;
	size_t more; /* texts beyond those that were asked for */
};

/* At most `max` texts. 0 or -ENOMEM, `out` untouched. */
int profile_words(struct arena *arena, const struct profile *p, size_t max, struct words *out);

/* The texts joined by "; ", with "and N more" when there are more than `max`. 0 or -ENOMEM. */
int profile_sentence(struct arena *arena, const struct profile *p, size_t max, const char **out);

#endif
