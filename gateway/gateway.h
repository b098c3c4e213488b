/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway as a whole: its parts, and the order in which they come up, are reloaded and go down. Single-threaded around one
 * sd-event loop; every part is reached through this struct, and nothing in it is shared with another process.
 *
 * Start: read and check everything -> ledger and logs -> firewall closed -> tunnel -> sessions and peers taken over -> sockets ->
 * dead-man time renewed for the first time: only now is anything forwarded. A failure on the way exits with the reason, and what
 * an earlier run left in the kernel stays as closed as it was.
 */
#ifndef SEKISHO_GATEWAY_H
#define SEKISHO_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "config/policy.h"
#include "config/settings.h"
#include "gateway/clock.h"
#include "gateway/firewall.h"
#include "gateway/flow.h"
#include "gateway/handshake.h"
#include "gateway/ledger.h"
#include "gateway/log.h"
#include "gateway/nflog.h"
#include "gateway/tunnel.h"

struct admission;
struct control;
struct logins;
struct merge;
struct peers;
struct portalchan;
struct rechecks;
struct sessions;

struct gateway {
	sd_event *loop;
	struct settings settings;
	struct policy *policy; /* in force */
	uint64_t generation; /* of the policy, counted over restarts */
	int64_t applied; /* when it came into force */
	int64_t started;
	struct clock_watch clock;
	bool was_clean; /* the run before this one ended in order */
	bool rebooted; /* while starting: the machine was started since the last run */

	struct ledger *ledger;
	struct log *log;
	struct firewall *firewall;
	struct tunnel *tunnel;
	struct handshake *handshake;
	struct flow *flow;
	struct nflog *knock_log, *refusal_log;

	struct peers *peers;
	struct sessions *sessions;
	struct admission *admission;
	struct merge *refusals;
	struct logins *logins;
	struct portalchan *portal;
	struct rechecks *rechecks;
	struct control *control;

	bool running; /* the start went through */
	int enforcement_error; /* -errno while firewall or tunnel could not be put right; 0 when all is well */
};

/* Brings everything up; the process has already dropped its privileges. 0, or -errno with `why`. */
int gateway_start(struct gateway *g, char *why, size_t why_size);

/* Frees everything; tunnel, peers, firewall and sessions stay in the kernel. */
void gateway_stop(struct gateway *g);

/*
 * Reads settings and ACLs again and puts them in force, or leaves everything as it was. Recorded in the audit log either way;
 * `uid` and `who` name the one who asked. On failure `text` gets what to tell that person (the caller frees it); NULL is allowed.
 * `changed` (may be NULL): how many sessions have other rules now.
 */
int gateway_reload(struct gateway *g, uint32_t uid, const char *who, unsigned *changed, char **text);

/* The ACLs alone. Same conventions. */
int gateway_apply_acl(struct gateway *g, uint32_t uid, const char *who, unsigned *changed, char **text);

#endif
