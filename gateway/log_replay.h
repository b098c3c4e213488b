/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The newest lines of a log again, from the file itself and from what it was called before a rotation. */
#ifndef SEKISHO_LOG_REPLAY_H
#define SEKISHO_LOG_REPLAY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Calls `each` for every line with a number above `after`, in order, up to `until`: `line` with its newline. Looks into `name`
 * and into NAME.* and NAME-* of the folder `dir`, compressed files left out, and reads them from their ends. 0; -ENOENT when one
 * of the numbers is nowhere (nothing has been called then); -ENOMEM, -errno, or what `each` returned below 0.
 */
int log_replay(int dir, const char *name, uint64_t after, uint64_t until,
	int (*each)(uint64_t sequence, const char *line, size_t size, void *arg), void *arg);

/* The number in a line as log_compose() writes it; 0 when there is none. */
uint64_t log_line_number(const char *line, size_t size);

#endif
