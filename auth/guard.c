/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/guard.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

enum { SLACK_SECONDS = 2 }; /* the gateway's own deadline comes first, so that its log says 'timeout' */

static timer_t timer;
static time_t limit; /* 0: no guard */

int guard_set(int64_t seconds)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	if (timer_create(CLOCK_BOOTTIME, &event, &timer) < 0)
		return -errno;
	limit = (time_t)seconds + SLACK_SECONDS;
	return 0;
}

static int run(time_t seconds)
{
	const struct itimerspec t = {.it_value = {.tv_sec = seconds}};
	return limit && timer_settime(timer, 0, &t, NULL) < 0 ? -errno : 0;
}

int guard_watch(void)
{
	return run(limit);
}

void guard_rest(void)
{
	(void)run(0);
}
