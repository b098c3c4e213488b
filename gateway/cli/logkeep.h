/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last so many lines that were put in, copied. */
#ifndef SEKISHO_LOGKEEP_H
#define SEKISHO_LOGKEEP_H

#include "gateway/cli/logmerge.h"

enum { LOGKEEP_MAX = 10000 };

struct logkeep {
	size_t room, count, next;
	struct logkeep_line {
		char *text;
		size_t size;
		enum log_file file;
	} * lines;
};

/* For the last `room` lines (1..LOGKEEP_MAX). 0 or -ENOMEM, here and below. */
int logkeep_open(struct logkeep *k, size_t room);
void logkeep_close(struct logkeep *k);

int logkeep_put(struct logkeep *k, const struct logmatch *match);

/* Line `index` of those that are kept, the oldest being 0; points into `k`. All zeros when there is no such line. */
void logkeep_get(const struct logkeep *k, size_t index, struct logmatch *out);

#endif
