/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SEKISHO_LOGQUERY_INTERNAL_H
#define SEKISHO_LOGQUERY_INTERNAL_H

#include "gateway/cli/logquery.h"

/* Chooses the words that every line that fits must hold; none when no option has such. */
void logquery_needles(struct logquery *q);

#endif
