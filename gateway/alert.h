/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody should look at now. An alert is a durable audit record `alert`, a line on standard error with its severity, one
 * of the last alerts of `sekisho status`, and a run of the operator's hook (hook.h). The event behind it, if there is one, has a
 * record of its own, which the caller writes first.
 *
 * Of each kind `alert-rate` alerts pass; the rest of that time is counted, and the count stands in the next one of that kind
 * (sekisho.alert.suppressed), at the latest in an `alerts-suppressed` at the end of that time. A stranger who can cause one kind
 * cannot hide another behind it.
 */
#ifndef SEKISHO_ALERT_H
#define SEKISHO_ALERT_H

#include <jansson.h>
#include <stdint.h>

#include "gateway/gateway.h"

struct alerts;

enum alert_kind {
	ALERT_LOST_DEVICE_SEEN,
	ALERT_FIREWALL_RESTORED,
	ALERT_ROUTING_RESTORED,
	ALERT_TUNNEL_RESTORED,
	ALERT_ACCOUNT_RECHECK,
	ALERT_BRUTE_DEVICE,
	ALERT_BRUTE_USER,
	ALERT_BRUTE_KEYS,
	ALERT_LOG_GAP,
	ALERT_SEAL_FAILED,
	ALERT_DISK_LOW,
	ALERT_LOG_FULL,
	ALERT_LOG_ERROR,
	ALERT_CERTIFICATE,
	ALERT_CLOCK_STEPPED,
	ALERT_HOOK_FAILED,
	ALERT_SUPPRESSED, /* raised here alone */
	ALERT_KINDS
};

/* Makes g->alerts, and starts the hook's runner; when that fails, it says so, and is tried again. g->log is open. 0 or -errno. */
int alerts_open(struct gateway *g);
void alerts_close(struct alerts *a);

/* The audit event `alert`, event.reason the kind's word. The caller adds what the kind's sentence names: device, endpoint, user,
 * error.message ...; see the table in alert.c. */
json_t *alert_new(enum alert_kind kind);

/* Raises it; the event is stolen. Never waits for the hook. */
void alert_raise(struct gateway *g, json_t *event);

/* What was held back and is due; with `all` whatever was held back, for the end. `now` is time_boot(). */
void alerts_tick(struct gateway *g, int64_t now, bool all);

/* For `sekisho status`: {"raised", "suppressed", "hook": path|null, "hook_runs", "hook_failures", "last": [{"time", "reason",
 * "text"}]}, the last ones first. */
json_t *alerts_json(const struct gateway *g);

/* Is the hook in trouble? Then in words. */
bool alerts_problem(const struct gateway *g, char *text, size_t size);

#endif
