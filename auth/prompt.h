/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PAM prompt asks for, guessed from its words, so that phones offer the right keyboard and the right saved secret
 * (HTML standard, section 4.10.18.7 "Autofill"). A wrong guess costs comfort only. Pure.
 */
#ifndef SEKISHO_PROMPT_H
#define SEKISHO_PROMPT_H

#include <stdbool.h>

#include "common/message.h"

enum prompt_kind { PROMPT_IS_PASSWORD, PROMPT_IS_NEW_PASSWORD, PROMPT_IS_CODE, PROMPT_IS_TEXT };

/* `first` says that this is the attempt's first question. A later secret without other words for it is taken for a code. */
enum prompt_kind prompt_kind(const struct prompt *p, bool first);

/* The prompt as a label: without blanks and colons at its ends. */
const char *prompt_label(const struct prompt *p, char label[static PROMPT_MAX]);

/* Is the label just the word that PAM modules use when they speak no other language? */
bool prompt_is_plain_password(const char *label);

#endif
