/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/guard.h"

#include <errno.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/boot.h"
#include "gateway/enforcement.h"
#include "gateway/flow_left.h"
#include "gateway/systemd.h"
#include "gateway/tally.h"

#define GATEWAY_UNIT "sekisho-gateway.service"

int guard_shut(struct gateway *g, char *why, size_t why_size)
{
	int r = gateway_settings(&g->settings, why, why_size);
	if (r < 0)
		return r;
	if (ledger_in_use(PATH_LEDGER)) {
		say_info("a gateway runs and keeps its own firewall: nothing was changed");
		return 0;
	}
	r = enforcement_shut(g, !boot_same(), why, why_size);
	if (r == 0)
		say_info("shut: nothing passes to or from %s before the gateway runs", g->settings.interface);
	return r;
}

int guard_close(struct gateway *g, char *why, size_t why_size)
{
	int r = gateway_settings(&g->settings, why, why_size);
	if (r < 0)
		return r;
	/* The ledger's lock: a running gateway would put back what is taken out here. What else is wrong with it keeps nothing
	 * open. */
	r = ledger_open(PATH_LEDGER, &g->ledger, why, why_size);
	if (r == -EBUSY || (r < 0 && ledger_in_use(PATH_LEDGER)))
		return r;
	if (r < 0)
		say_warning("%s; closing all the same", why);
	/* What the counters say before they go is for the next gateway to record. */
	r = tally_open(PATH_TALLY, &g->tally);
	if (r < 0)
		snprintf(why, why_size, "out of memory");
	else
		r = enforcement_remove(g, why, why_size);
	if (r == 0)
		flow_left_shut(PATH_FLOWS, PATH_FLOWS_SHUT);
	if (r == 0)
		say_info("tunnel and firewall are out of the kernel; no device can reach anything");
	return r;
}

bool guard_was_stopped(void)
{
	int r = systemd_unit_stops(GATEWAY_UNIT);
	if (r < 0)
		say_warning("systemd cannot be asked whether this is a stop or a restart (%s): who is in stays in; to close: "
			    "sekisho-gateway --close",
			strerror(-r));
	return r > 0;
}

int guard_stopped(struct gateway *g, char *why, size_t why_size)
{
	int r = gateway_settings(&g->settings, why, why_size);
	if (r < 0)
		return r;
	if (ledger_in_use(PATH_LEDGER)) {
		say_info("a gateway runs: nothing was taken out; to stop it: systemctl stop " GATEWAY_UNIT);
		return 0;
	}
	if (!g->settings.stop_leaves) {
		r = guard_close(g, why, why_size);
		return r < 0 ? r : enforcement_shut(g, true, why, why_size);
	}
	say_info("who is in stays in until the session's end, for at most %lld seconds (on-stop leave); to close now: "
		 "sekisho-gateway --close",
		(long long)g->settings.dead_man_seconds);
	return 0;
}
