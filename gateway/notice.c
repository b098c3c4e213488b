/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/event.h"

static const int64_t DAY = INT64_C(86400) * 1000000;

struct look {
	struct gateway *gateway;
	int64_t now;
};

/* Has it not been said before? What cannot be noted is said: twice is better than never. */
static bool is_new(const struct look *l, const char *key)
{
	int r = ledger_notice_once(l->gateway->ledger, key, l->now);
	if (r < 0)
		say_warning("cannot note in the ledger what was announced: %s; check space in " PATH_STATE_DIR, strerror(-r));
	return r != 0;
}

/* A rule that was moved to another line is the same one; one with another date is not. */
static bool rule_notice(const struct rule_ref *rule, void *arg)
{
	const struct look *l = arg;
	char key[NOTICE_KEY_MAX + 1];
	if (rule->action != RULE_ALLOW)
		return true;
	snprintf(key, sizeof key, "allow-lapsing %s %" PRId64 " %s", rule->file, rule->until, rule->text);
	if (!is_new(l, key))
		return true;
	json_t *e = event_new("allow-lapsing", NULL, NULL);
	event_rule(e, rule->file, rule->line);
	event_text(e, "sekisho.acl.rule", rule->text);
	event_time(e, "sekisho.acl.until", rule->until);
	event_text(e, "sekisho.acl.owner", policy_owner(l->gateway->policy, rule->file));
	event_number(e, "sekisho.acl.generation", (int64_t)l->gateway->generation);
	(void)log_write(l->gateway->log, LOG_AUDIT, l->now, e, true);
	return true;
}

static int device_notice(const struct device *d, void *arg)
{
	const struct look *l = arg;
	char key[64];
	if (!d->valid_until || d->valid_until <= l->now || d->valid_until > l->now + NOTICE_DEVICE_DAYS * DAY ||
		(d->status != DEVICE_ACTIVE && d->status != DEVICE_SUSPENDED))
		return 0;
	snprintf(key, sizeof key, "device-expiring d%" PRIu32 " %" PRId64, d->id, d->valid_until);
	if (!is_new(l, key))
		return 0;
	json_t *e = event_new("device-expiring", NULL, NULL);
	event_device(e, d);
	event_time(e, "sekisho.device.valid_until", d->valid_until);
	for (unsigned i = 0; i < d->user_count; i++)
		event_append_text(e, "related.user", d->users[i]);
	(void)log_write(l->gateway->log, LOG_AUDIT, l->now, e, true);
	return 0;
}

void notices_look(struct gateway *g, int64_t now)
{
	struct look l = {.gateway = g, .now = now};
	policy_lapsing(g->policy, now, now + NOTICE_RULE_DAYS * DAY, rule_notice, &l);
	int r = ledger_devices(g->ledger, device_notice, &l);
	if (r < 0)
		say_warning("cannot look for devices whose period ends soon: %s; check the disk with " PATH_LEDGER, strerror(-r));
}
