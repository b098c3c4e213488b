/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may begin a login now. A dialog under way costs a process that talks PAM until its user has answered, so only so many go on
 * at a time; whoever comes then stands in line, is told how many are before him, and begins when it is his turn: first come,
 * first served. And only a few processes are started at a time, because hundreds that start together hold up everything else of
 * the machine, the gateway too. Whoever does not look after his place for a while loses it.
 */
#ifndef SEKISHO_QUEUE_H
#define SEKISHO_QUEUE_H

#include <stdint.h>
#include <systemd/sd-event.h>

struct dialog;
struct dialogs;

enum {
	QUEUE_STARTS = 16, /* sekisho-auth processes that have not spoken yet */
	QUEUE_START_MS = 500, /* after which one that still has not is no reason to hold others up: its module may hang */
	QUEUE_HELD = 100, /* so many at the front wait inside of their request, so that no place lies idle until a page reloads */
	QUEUE_HOLD_SECONDS = 20,
	QUEUE_LOOK_SECONDS = 60, /* within which whoever stands in line must ask for the page, which reloads itself sooner */
};

struct queue {
	sd_event_source *turn, *pace;
	struct dialog *first; /* in line, oldest first */
	unsigned active, starting;
};

/* 0 or -errno. `set->loop` is there already. */
int queue_open(struct dialogs *set);
void queue_close(struct dialogs *set);

/* Puts a new dialog at the end of the line. dialog_start() is called when it is its turn, never before this returns; if that is
 * not at once, whoever waits for the dialog's next phase is woken. */
void queue_join(struct dialog *d);

/* sekisho-auth has spoken for the first time; harmless later. */
void queue_started(struct dialog *d);

/* The dialog needs no turn or place any more; harmless when it has none. */
void queue_leave(struct dialog *d);

/* How many are before it in line; 0 when it stands in none. */
unsigned queue_before(const struct dialog *d);

#endif
