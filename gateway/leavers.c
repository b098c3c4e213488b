/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/leavers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/ledger_user.h"
#include "gateway/recheck.h"

static const int64_t SECOND = 1000000;
enum {
	MARGIN_SECONDS = 5, /* beyond one PAM computation, as for rechecks */
	PAUSE_MAX_SECONDS = 300, /* a new device's user is seen to within that */
};

struct leavers {
	struct gateway *gateway;
	sd_event_source *timer;
	struct recheck *running;
	char user[USER_NAME_MAX + 1]; /* of the one that is running */
};

/* So long that everybody's turn comes once in `leaver-check`. */
static uint64_t pause_usec(struct leavers *all)
{
	const int64_t interval = all->gateway->settings.leaver_check_seconds;
	unsigned users = 0;
	(void)ledger_account_users(all->gateway->ledger, &users);
	int64_t seconds = interval / (users + 1);
	seconds = seconds > PAUSE_MAX_SECONDS ? PAUSE_MAX_SECONDS : seconds;
	return (uint64_t)(seconds > 0 ? seconds * SECOND : SECOND / 5);
}

static void pause_for_next(struct leavers *all)
{
	int r = sd_event_source_set_time_relative(all->timer, pause_usec(all));
	if (r >= 0)
		r = sd_event_source_set_enabled(all->timer, SD_EVENT_ONESHOT);
	if (r < 0)
		say_error("the accounts of users with devices are not looked at any more: %s", strerror(-r));
}

static void on_done(const struct recheck_answer *answer, void *arg)
{
	struct leavers *all = arg;
	struct ledger *l = all->gateway->ledger;
	char refused[ACCOUNT_TEXT] = "";
	all->running = NULL;
	/* Who cannot be looked at is what was found before, and comes again when the others have had their turn. */
	if (answer->result == RECHECK_UNAVAILABLE)
		(void)ledger_account(l, all->user, refused);
	else if (answer->result == RECHECK_INVALID)
		snprintf(refused, sizeof refused, "%s", login_reason_name(answer->reason));
	int r = ledger_account_note(l, all->user, refused, time_now());
	if (r < 0)
		say_warning("cannot note in the ledger what account %s is: %s; check space in " PATH_STATE_DIR, all->user,
			strerror(-r));
	pause_for_next(all);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct leavers *all = arg;
	struct gateway *g = all->gateway;
	(void)source;
	(void)usec;
	int r = ledger_account_next(g->ledger, time_now() - g->settings.leaver_check_seconds * SECOND, all->user);
	if (r == 0)
		r = recheck_start(g->loop, PATH_AUTH_SOCKET, all->user, "", g->settings.pam_timeout_seconds + MARGIN_SECONDS,
			on_done, all, &all->running);
	if (r < 0)
		pause_for_next(all);
	return 0;
}

int leavers_open(struct gateway *g, struct leavers **out)
{
	struct leavers *all = calloc(1, sizeof *all);
	if (!all)
		return -ENOMEM;
	all->gateway = g;
	int r = sd_event_add_time_relative(g->loop, &all->timer, CLOCK_BOOTTIME, (uint64_t)SECOND, 0, on_timer, all);
	if (r < 0) {
		free(all);
		return r;
	}
	*out = all;
	return 0;
}

void leavers_close(struct leavers *all)
{
	if (!all)
		return;
	recheck_cancel(all->running);
	sd_event_source_disable_unref(all->timer);
	free(all);
}
