/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/upkeep.h"

#include <inttypes.h>
#include <string.h>

#include "common/say.h"
#include "gateway/access.h"
#include "gateway/alert.h"
#include "gateway/certificate.h"
#include "gateway/enforcement.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/login.h"
#include "gateway/merge.h"
#include "gateway/notice.h"
#include "gateway/peer.h"
#include "gateway/place.h"
#include "gateway/rotation.h"
#include "gateway/session.h"
#include "gateway/suspension.h"

static const uint64_t SECOND = 1000000, HOUR = 3600 * UINT64_C(1000000);
enum { BATCHES_PER_TURN = 32 };

/* ---- records that the kernel dropped are themselves recorded ---- */

static void log_lost_knocks(struct gateway *g, uint64_t count)
{
	if (!count)
		return;
	json_t *e = event_new("log-gap", NULL, "kernel-overrun");
	event_text(e, "sekisho.gap.what", "handshake initiations");
	event_number(e, "sekisho.count", (int64_t)count);
	(void)log_write(g->log, LOG_AUTH, time_now(), e, false);
}

static int on_flow(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct gateway *g = arg;
	(void)source;
	(void)fd;
	(void)events;
	int r = flow_read(g->flow, BATCHES_PER_TURN);
	if (r < 0)
		say_warning("cannot read connection records: %s", strerror(-r));
	return 0;
}

static int on_refusals(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct gateway *g = arg;
	(void)source;
	(void)fd;
	(void)events;
	int r = nflog_read(g->refusal_log, BATCHES_PER_TURN);
	if (r < 0)
		say_warning("cannot read refused packets: %s", strerror(-r));
	return 0;
}

static int on_knocks(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct gateway *g = arg;
	(void)source;
	(void)fd;
	(void)events;
	int r = nflog_read(g->knock_log, BATCHES_PER_TURN);
	if (r < 0)
		say_warning("cannot read handshake initiations: %s", strerror(-r));
	log_lost_knocks(g, nflog_lost(g->knock_log));
	return 0;
}

/* ---- timers ---- */

void upkeep_clock(struct gateway *g)
{
	int64_t step;
	if (!clock_watch_look(&g->clock, clock_offset(), &step))
		return;
	json_t *e = event_new("clock-stepped", NULL, step > 0 ? "forward" : "back");
	event_number(e, "sekisho.clock.step_ms", (step > 0 ? step : -step) / 1000);
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
	e = alert_new(ALERT_CLOCK_STEPPED);
	event_text(e, "sekisho.clock.direction", step > 0 ? "forward" : "back");
	event_number(e, "sekisho.clock.step_ms", (step > 0 ? step : -step) / 1000);
	alert_raise(g, e);
	peers_clock_stepped(g, step);
	sessions_clock_stepped(g, step);
}

static int on_second(sd_event_source *source, uint64_t usec, void *arg)
{
	struct gateway *g = arg;
	int64_t now, next;
	(void)usec;
	upkeep_clock(g);
	now = time_now();
	next = sessions_tick(g, now);
	suspensions_tick(g, now);
	rotations_tick(g, now);
	places_look(g);
	logins_tick(g, time_boot());
	merge_tick(g->refusals, now);
	access_tick(g);
	alerts_tick(g, time_boot(), false);
	(void)log_sync(g->log);
	evidence_look(g);
	/* On time for what is due within the next second; at once when the sessions have more to do. */
	next = next <= now ? 1 : next - now;
	return sd_event_source_set_time_relative(source, (uint64_t)next < SECOND ? (uint64_t)next : SECOND);
}

static int on_hour(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)usec;
	notices_look(arg, time_now());
	certificate_look(arg, time_now());
	return sd_event_source_set_time_relative(source, HOUR);
}

static int on_poll(sd_event_source *source, uint64_t usec, void *arg)
{
	struct gateway *g = arg;
	(void)usec;
	upkeep_clock(g);
	rotations_look(g);
	access_refused_look(g);
	enforcement_check(g, true);
	return sd_event_source_set_time_relative(source, (uint64_t)g->settings.poll_seconds * SECOND);
}

/* A third of the dead-man time: two renewals may fail before the gateway closes itself. */
static int on_renew(sd_event_source *source, uint64_t usec, void *arg)
{
	struct gateway *g = arg;
	(void)usec;
	int r = enforcement_renew(g);
	if (r < 0)
		say_error("cannot renew the dead-man time: %s; everything closes by itself soon", strerror(-r));
	sessions_save(g);
	return sd_event_source_set_time_relative(source, (uint64_t)g->settings.dead_man_seconds * SECOND / 3);
}

static int on_foreign_change(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct gateway *g = arg;
	(void)fd;
	(void)events;
	if (firewall_monitor_drain(g->firewall) != 0)
		enforcement_check(g, false);
	/* The check may have opened the firewall afresh, with another socket. */
	int now = firewall_monitor_fd(g->firewall);
	return now == sd_event_source_get_io_fd(source) ? 0 : sd_event_source_set_io_fd(source, now);
}

/* ---- start ---- */

struct watched {
	int fd;
	sd_event_io_handler_t handler;
	const char *name;
	int64_t priority; /* smaller is sooner */
};

static int add_readers(struct gateway *g)
{
	const struct watched all[] = {
		{firewall_monitor_fd(g->firewall), on_foreign_change, "firewall", SD_EVENT_PRIORITY_IMPORTANT},
		{flow_fd(g->flow), on_flow, "connections", SD_EVENT_PRIORITY_NORMAL},
		{nflog_fd(g->knock_log), on_knocks, "knocks", SD_EVENT_PRIORITY_NORMAL + 5},
		{nflog_fd(g->refusal_log), on_refusals, "refusals", SD_EVENT_PRIORITY_NORMAL + 5},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		sd_event_source *source;
		int r = sd_event_add_io(g->loop, &source, all[i].fd, EPOLLIN, all[i].handler, g);
		if (r < 0)
			return r;
		(void)sd_event_source_set_description(source, all[i].name);
		(void)sd_event_source_set_priority(source, all[i].priority);
		r = sd_event_source_set_floating(source, 1);
		sd_event_source_unref(source);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_timer(struct gateway *g, uint64_t after, sd_event_time_handler_t handler)
{
	sd_event_source *source;
	int r = sd_event_add_time_relative(g->loop, &source, CLOCK_BOOTTIME, after, 0, handler, g);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(source, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_source_set_floating(source, 1);
	sd_event_source_unref(source);
	return r < 0 ? r : 0;
}

int upkeep_start(struct gateway *g)
{
	int r = add_readers(g);
	clock_watch_start(&g->clock, clock_offset());
	if (r == 0)
		r = add_timer(g, 1, on_hour);
	if (r == 0)
		r = add_timer(g, SECOND, on_second);
	if (r == 0)
		r = add_timer(g, (uint64_t)g->settings.poll_seconds * SECOND, on_poll);
	if (r == 0)
		r = add_timer(g, (uint64_t)g->settings.dead_man_seconds * SECOND / 3, on_renew);
	return r < 0 ? r : enforcement_renew(g);
}
