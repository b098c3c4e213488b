/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/alert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/text.h"
#include "gateway/alert_words.h"
#include "gateway/event.h"
#include "gateway/hook.h"

static const int64_t SECOND = 1000000;
enum { WORDS_MAX = 512, RECENT = 8, AGAIN_SECONDS = 10 /* until a runner that has died is started again */ };

static const struct {
	const char *reason; /* event.reason: published */
	enum say_level level;
	const char *sentence;
} kinds[ALERT_KINDS] = {
	[ALERT_LOST_DEVICE_SEEN] = {"lost-device-seen", SAY_ERROR,
		"lost device {device.id} knocked from {sekisho.endpoint.ip} and was refused; auth.jsonl has it as "
		"device-refused"},
	[ALERT_FIREWALL_RESTORED] = {"table-changed", SAY_CRITICAL,
		"the firewall table `inet sekisho` was changed by somebody else and has been restored; find out by whom: only "
		"the gateway "
		"may change it"},
	[ALERT_ROUTING_RESTORED] = {"routing-rule-removed", SAY_CRITICAL,
		"the routing rule of preference 90 was changed by somebody else and has been restored; find out by whom: only "
		"the "
		"gateway may change it"},
	[ALERT_TUNNEL_RESTORED] = {"tunnel-restored", SAY_WARNING,
		"the tunnel's interface had gone and was made again; phones come back as they knock"},
	[ALERT_ACCOUNT_RECHECK] = {"account-recheck-unavailable", SAY_ERROR,
		"the account of user {user.name}, who is logged in, cannot be looked at: {error.message}; sessions go on "
		"meanwhile"},
	[ALERT_BRUTE_DEVICE] = {"brute-force-device", SAY_WARNING,
		"{sekisho.count} logins of device {device.id} failed within {sekisho.alert.within}, the last one as user "
		"{user.name|user.hash}; ask who has it, or: sekisho device suspend {device.id}"},
	[ALERT_BRUTE_USER] = {"brute-force-user", SAY_WARNING,
		"logins as user {user.name|user.hash} failed on {sekisho.count} devices within {sekisho.alert.within}, the last "
		"one "
		"{device.id}; somebody may be guessing this password"},
	[ALERT_BRUTE_KEYS] = {"brute-force-keys", SAY_WARNING,
		"{sekisho.count} different keys from {sekisho.endpoint.ip} were refused within {sekisho.alert.within}; "
		"auth.jsonl has "
		"them as device-refused"},
	[ALERT_LOG_GAP] = {"log-gap", SAY_ERROR, "{error.message}"},
	[ALERT_SEAL_FAILED] = {"seal-failed", SAY_CRITICAL, "{error.message}"},
	[ALERT_DISK_LOW] = {"log-space-low", SAY_WARNING, "{error.message}"},
	[ALERT_LOG_FULL] = {"log-full", SAY_CRITICAL, "{error.message}"},
	[ALERT_LOG_ERROR] = {"log-error", SAY_CRITICAL, "{error.message}"},
	[ALERT_CERTIFICATE] = {"certificate-expiring", SAY_WARNING,
		"the login page's certificate is valid until {tls.server.not_after}: renew " PATH_TLS_CERT},
	[ALERT_CLOCK_STEPPED] = {"clock-stepped", SAY_WARNING,
		"the clock was set {sekisho.clock.direction} by {sekisho.clock.step_ms} ms; sessions are judged by the new time"},
	[ALERT_HOOK_FAILED] = {"hook-failed", SAY_ERROR, "the alert hook does not work: {error.message}"},
	[ALERT_SUPPRESSED] = {"alerts-suppressed", SAY_WARNING,
		"{sekisho.alert.suppressed} more alerts of kind {sekisho.alert.of} were held back (alert-rate)"},
};

/* One kind's alerts of the current time, from its first one on. */
struct pass {
	int64_t since; /* CLOCK_BOOTTIME microseconds */
	unsigned passed;
	uint64_t held; /* not in any record yet */
	int64_t first_held, last_held; /* CLOCK_REALTIME microseconds */
};

struct recent {
	int64_t when;
	const char *reason;
	char words[WORDS_MAX];
};

struct alerts {
	struct pass passes[ALERT_KINDS];
	struct recent recent[RECENT];
	uint64_t raised, suppressed; /* `suppressed`: held back, told or not */
	uint64_t hook_runs, hook_failures,
		hook_missed; /* missed: recorded, but too many waited for the hook, or it had no runner */
	uint64_t hook_missed_untold; /* to the hook */
	bool hook_failing; /* the last run, or the runner */
	char hook_why[160];
	struct hook_runner runner;
	int64_t runner_again; /* CLOCK_BOOTTIME microseconds */
	sd_event_source *reports;
	char line[LOG_COPY_MAX];
};

json_t *alert_new(enum alert_kind kind)
{
	return event_new("alert", NULL, kinds[kind].reason);
}

static enum alert_kind kind_of(const json_t *event)
{
	const char *reason = json_string_value(json_object_get(json_object_get(event, "event"), "reason"));
	enum alert_kind kind = 0;
	while (kind < ALERT_SUPPRESSED && (!reason || strcmp(reason, kinds[kind].reason)))
		kind++;
	return kind;
}

/* ---- the hook ---- */

static void hook_trouble(struct gateway *g, const char *why)
{
	struct alerts *a = g->alerts;
	snprintf(a->hook_why, sizeof a->hook_why, "%s", why);
	if (a->hook_failing || !*g->settings.alert_hook)
		return;
	a->hook_failing = true;
	json_t *e = alert_new(ALERT_HOOK_FAILED);
	event_text(e, "error.message", why);
	alert_raise(g, e);
}

static void take_report(struct gateway *g, const struct hook_report *report)
{
	struct alerts *a = g->alerts;
	char why[128];
	a->hook_runs++;
	if (report->end == HOOK_EXITED && report->code == 0) {
		a->hook_failing = false;
		return;
	}
	a->hook_failures++;
	if (report->end == HOOK_EXITED)
		snprintf(why, sizeof why, "it ended with exit code %d", report->code);
	else if (report->end == HOOK_KILLED)
		snprintf(why, sizeof why, "it was killed by signal %d", report->code);
	else if (report->end == HOOK_TIMED_OUT)
		snprintf(why, sizeof why, "it took longer than %d s (alert-timeout)", report->code);
	else
		snprintf(why, sizeof why, "it cannot be run (%s)", strerror(report->code));
	hook_trouble(g, why);
}

static void runner_lost(struct gateway *g)
{
	struct alerts *a = g->alerts;
	a->reports = sd_event_source_disable_unref(a->reports);
	hook_runner_bury(&a->runner);
	a->runner_again = time_boot() + AGAIN_SECONDS * SECOND;
	hook_trouble(g, "the process that runs it has ended; it is started again");
}

static int on_report(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct gateway *g = arg;
	struct hook_report report;
	int r;
	(void)source;
	(void)fd;
	(void)events;
	while ((r = hook_receive(&g->alerts->runner, &report)) == 0)
		take_report(g, &report);
	if (r == -ESRCH)
		runner_lost(g);
	return 0;
}

static void start_runner(struct gateway *g)
{
	struct alerts *a = g->alerts;
	char why[128];
	int r = hook_runner_start(&a->runner);
	if (r == 0) {
		r = sd_event_add_io(g->loop, &a->reports, a->runner.fd, EPOLLIN, on_report, g);
		if (r < 0)
			hook_runner_bury(&a->runner);
	}
	if (r >= 0)
		return;
	a->runner_again = time_boot() + AGAIN_SECONDS * SECOND;
	snprintf(why, sizeof why, "the process that runs it cannot be started: %s", strerror(-r));
	hook_trouble(g, why);
}

static void call_hook(struct gateway *g, enum alert_kind kind)
{
	const struct settings *s = &g->settings;
	struct alerts *a = g->alerts;
	/* Of a hook that does not work it is not told. */
	if (!*s->alert_hook || kind == ALERT_HOOK_FAILED || !*a->line)
		return;
	if (hook_send(&a->runner, s->alert_hook, s->alert_timeout_seconds, kinds[kind].reason, a->line) == 0) {
		a->hook_missed_untold = 0;
		return;
	}
	a->hook_missed++;
	a->hook_missed_untold++;
	hook_trouble(g, "more alerts wait for it than there is room for, or the process that runs it has ended");
}

/* ---- raising ---- */

static void note_recent(struct alerts *a, enum alert_kind kind, int64_t when, const char *words)
{
	struct recent *r = &a->recent[a->raised % RECENT];
	r->when = when;
	r->reason = kinds[kind].reason;
	text_safe(words, r->words, sizeof r->words); /* it may be cut within a character */
	a->raised++;
}

static void pass(struct gateway *g, enum alert_kind kind, struct pass *p, json_t *event)
{
	char words[WORDS_MAX];
	int64_t now = time_now();
	p->passed++;
	if (p->held) {
		event_number(event, "sekisho.alert.suppressed", (int64_t)p->held);
		event_time(event, "event.start", p->first_held);
		event_time(event, "event.end", p->last_held);
		p->held = 0;
	}
	if (g->alerts->hook_missed_untold)
		event_number(event, "sekisho.alert.undelivered", (int64_t)g->alerts->hook_missed_untold);
	alert_words(kinds[kind].sentence, event, words, sizeof words);
	event_text(event, "message", words);
	say_at(kinds[kind].level, "%s", words);
	note_recent(g->alerts, kind, now, words);
	(void)log_write_copy(g->log, LOG_AUDIT, now, event, g->alerts->line);
	call_hook(g, kind);
}

static bool is_over(const struct gateway *g, const struct pass *p, int64_t now)
{
	return now - p->since >= g->settings.alert_rate_seconds * SECOND;
}

void alert_raise(struct gateway *g, json_t *event)
{
	enum alert_kind kind = kind_of(event);
	struct pass *p = &g->alerts->passes[kind];
	int64_t now = time_boot();
	if (!p->passed || is_over(g, p, now)) {
		p->since = now;
		p->passed = 0;
	}
	if (p->passed < g->settings.alert_rate) {
		pass(g, kind, p, event);
		return;
	}
	p->last_held = time_now();
	if (!p->held++)
		p->first_held = p->last_held;
	g->alerts->suppressed++;
	json_decref(event);
}

void alerts_tick(struct gateway *g, int64_t now, bool all)
{
	struct alerts *a = g->alerts;
	for (enum alert_kind kind = 0; kind < ALERT_SUPPRESSED; kind++) {
		struct pass *p = &a->passes[kind];
		if (!p->held || (!all && !is_over(g, p, now)))
			continue;
		p->since = now;
		p->passed = 0;
		json_t *e = alert_new(ALERT_SUPPRESSED);
		event_text(e, "sekisho.alert.of", kinds[kind].reason);
		pass(g, ALERT_SUPPRESSED, p, e);
	}
	if (a->runner.fd < 0 && now >= a->runner_again && !all)
		start_runner(g);
}

/* ---- for `sekisho status` ---- */

json_t *alerts_json(const struct gateway *g)
{
	const struct alerts *a = g->alerts;
	json_t *last = json_array();
	char when[TIME_TEXT];
	for (uint64_t i = a->raised; i > 0 && a->raised - i < RECENT; i--) {
		const struct recent *r = &a->recent[(i - 1) % RECENT];
		(void)json_array_append_new(last,
			json_pack("{s:s, s:s, s:s}", "time", time_format(r->when, when), "reason", r->reason, "text", r->words));
	}
	return json_pack("{s:I, s:I, s:s?, s:I, s:I, s:I, s:o}", "raised", (json_int_t)a->raised, "suppressed",
		(json_int_t)a->suppressed, "hook", *g->settings.alert_hook ? g->settings.alert_hook : NULL, "hook_runs",
		(json_int_t)a->hook_runs, "hook_failures", (json_int_t)a->hook_failures, "hook_missed",
		(json_int_t)a->hook_missed, "last", last);
}

bool alerts_problem(const struct gateway *g, char *text, size_t size)
{
	const struct alerts *a = g->alerts;
	if (!a->hook_failing || !*g->settings.alert_hook)
		return false;
	snprintf(text, size, "the alert hook does not work: %s; see journalctl -u sekisho-gateway", a->hook_why);
	return true;
}

int alerts_open(struct gateway *g)
{
	struct alerts *a = calloc(1, sizeof *a);
	if (!a)
		return -ENOMEM;
	a->runner.fd = -1;
	g->alerts = a;
	start_runner(g);
	return 0;
}

void alerts_close(struct alerts *a)
{
	if (!a)
		return;
	sd_event_source_disable_unref(a->reports);
	hook_runner_stop(&a->runner);
	free(a);
}
