/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sealing side of seal.h: keys that are destroyed as they evolve, and how far each chain is sealed. Kept in one small file
 * for each log, DIR/NAME.seal (0600), of two slots that are written in turn and overwritten with zeros when they are spent, so
 * that a crash at any moment leaves one that is whole. (What a disk keeps of overwritten blocks is its own affair: see
 * docs/log-events.md.)
 *
 * A seal in three steps: sealer_make() puts the next key on disk beside the present one; the caller writes the seal's line and
 * flushes it; sealer_made() forgets the present key. Stopped in between, the next start finds out by the log whether the line is
 * there (sealer_resume()).
 */
#ifndef SEKISHO_SEALER_H
#define SEKISHO_SEALER_H

#include "gateway/seal.h"

struct sealer;

enum { SEAL_LINES = 1000, SEAL_SECONDS = 60 };

/* Opens or creates the three files in the folder `dir`. `fresh` (may be NULL) becomes true when keys were made: their public keys
 * are then worth keeping elsewhere. 0 or -errno with `why`. */
int sealer_open(const char *dir, struct sealer **out, bool *fresh, char *why, size_t why_size);
void sealer_close(struct sealer *s); /* wipes; NULL is fine */

/* The public key that the next seal will be signed with, and its epoch. */
void sealer_key(const struct sealer *s, enum log_file file, struct key *out, uint64_t *epoch);

/* Up to which line the file is sealed: lines behind it are still to be given to sealer_resume(). */
uint64_t sealer_sealed(const struct sealer *s, enum log_file file);

/*
 * Start-up: one line found in the file, in order, behind sealer_sealed(). Goes on along the chain, and recognises the seal that
 * was being made when the gateway died. 0, or -errno.
 */
int sealer_resume(struct sealer *s, enum log_file file, uint64_t sequence, const char *line, size_t size);

/* Start-up: the lines behind sealer_sealed() cannot be found any more, but the file's numbers go on after `sequence`: begins a
 * new chain there, whose first seal shows it by `first`. */
void sealer_restart(struct sealer *s, enum log_file file, uint64_t sequence);

/* The chain up to the last line. */
void sealer_head(const struct sealer *s, enum log_file file, struct seal_head *out);

/* One line more is in the file. 0 or -EIO. */
int sealer_line(struct sealer *s, enum log_file file, uint64_t sequence, const char *line, size_t size);

/* Is a seal due? By the number of lines, or by the time since the last one or sealer_open(). */
bool sealer_due(const struct sealer *s, enum log_file file, int64_t boot);

/* Makes the seal of all lines so far; what was made and not written is made again with the same next key. 0 or -errno. */
int sealer_make(struct sealer *s, enum log_file file, int64_t when, struct seal *out);

/* The seal's line is on disk (and has been given to sealer_line()): its key is destroyed. `boot` is CLOCK_BOOTTIME. 0 or -errno:
 * the key is still there and sealer_made() may be called again. */
int sealer_made(struct sealer *s, enum log_file file, int64_t boot);

#endif
