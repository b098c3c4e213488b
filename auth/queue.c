/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/queue.h"

#include <time.h>
#include <utlist.h>

#include "auth/dialog.h"
#include "common/text.h"

/* In the loop's next turn, so that nobody's dialog changes under the feet of whoever ends another one. */
static void stir(struct queue *q)
{
	if (q->first)
		sd_event_source_set_enabled(q->turn, SD_EVENT_ONESHOT);
}

static void begin(struct queue *q, struct dialog *d)
{
	DL_DELETE2(q->first, d, before, behind);
	d->place = PLACE_STARTING;
	d->began = time_boot();
	q->active++;
	q->starting++;
	dialog_start(d);
}

/* Those who have just joined and must wait are told so. */
static void tell(struct queue *q)
{
	struct dialog *d = q->first ? q->first->before : NULL; /* the last: utlist(3) */

	while (d && !d->told) {
		d->told = true;
		dialog_wake(d);
		d = d == q->first ? NULL : d->before;
	}
}

static int on_turn(sd_event_source *s, void *arg)
{
	struct dialogs *set = arg;
	struct queue *q = &set->queue;

	(void)s;
	while (q->first && q->active < set->limit && q->starting < QUEUE_STARTS)
		begin(q, q->first);
	tell(q);
	if (q->first && q->starting >= QUEUE_STARTS) {
		sd_event_source_set_time_relative(q->pace, QUEUE_START_MS * UINT64_C(1000));
		sd_event_source_set_enabled(q->pace, SD_EVENT_ONESHOT);
	}
	return 0;
}

static int on_pace(sd_event_source *s, uint64_t usec, void *arg)
{
	struct dialogs *set = arg;
	int64_t since = time_boot() - QUEUE_START_MS * INT64_C(1000);
	struct dialog *d;

	(void)s, (void)usec;
	DL_FOREACH(set->list, d)
	{
		if (d->began <= since)
			queue_started(d);
	}
	stir(&set->queue);
	return 0;
}

int queue_open(struct dialogs *set)
{
	struct queue *q = &set->queue;
	int err = sd_event_add_defer(set->loop, &q->turn, on_turn, set);

	if (err >= 0)
		err = sd_event_source_set_enabled(q->turn, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_add_time_relative(set->loop, &q->pace, CLOCK_BOOTTIME, 0, 0, on_pace, set);
	if (err >= 0)
		err = sd_event_source_set_enabled(q->pace, SD_EVENT_OFF);
	if (err < 0)
		queue_close(set);
	return err < 0 ? err : 0;
}

void queue_close(struct dialogs *set)
{
	set->queue.turn = sd_event_source_disable_unref(set->queue.turn);
	set->queue.pace = sd_event_source_disable_unref(set->queue.pace);
}

void queue_join(struct dialog *d)
{
	struct queue *q = &d->set->queue;

	DL_APPEND2(q->first, d, before, behind);
	d->place = PLACE_IN_LINE;
	stir(q);
}

void queue_started(struct dialog *d)
{
	if (d->place != PLACE_STARTING)
		return;
	d->place = PLACE_ACTIVE;
	d->set->queue.starting--;
	stir(&d->set->queue);
}

void queue_leave(struct dialog *d)
{
	struct queue *q = &d->set->queue;

	queue_started(d);
	if (d->place == PLACE_IN_LINE)
		DL_DELETE2(q->first, d, before, behind);
	if (d->place == PLACE_ACTIVE)
		q->active--;
	d->place = PLACE_NONE;
	stir(q);
}

unsigned queue_before(const struct dialog *d)
{
	const struct dialog *other;
	unsigned n = 0;

	if (d->place != PLACE_IN_LINE)
		return 0;
	for (other = d->set->queue.first; other != d; other = other->behind)
		n++;
	return n;
}
