/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An alert in words: one sentence for each kind, with what its event says put in. */
#ifndef SEKISHO_ALERT_WORDS_H
#define SEKISHO_ALERT_WORDS_H

#include <jansson.h>
#include <stddef.h>

/*
 * Puts values of the event into a sentence: {user.name} is that member, {user.name|user.hash} the first of the two that is there,
 * "?" if neither is. Cut to `size` bytes with the NUL. Returns `to`.
 */
const char *alert_words(const char *sentence, const json_t *event, char *to, size_t size);

#endif
