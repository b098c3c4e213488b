/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway as a whole: its parts, and the order in which they come up, are reloaded and go down. Single-threaded around one
 * sd-event loop; every part is reached through this struct, and nothing in it is shared with another process.
 *
 * Start: settings -> ledger and logs -> the ACLs that were in force, from the archive -> firewall closed -> tunnel -> sessions
 * and peers taken over -> sockets -> dead-man time renewed for the first time: only now is anything forwarded. A failure on the
 * way exits with the reason, and what an earlier run left in the kernel stays as closed as it was.
 */
#ifndef SEKISHO_GATEWAY_H
#define SEKISHO_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "config/policy.h"
#include "config/settings.h"
#include "gateway/clock.h"
#include "gateway/drift.h"
#include "gateway/firewall.h"
#include "gateway/flow.h"
#include "gateway/handshake.h"
#include "gateway/ledger.h"
#include "gateway/log.h"
#include "gateway/nflog.h"
#include "gateway/role.h"
#include "gateway/tunnel.h"

struct access;
struct admission;
struct alerts;
struct brute;
struct control;
struct logins;
struct merge;
struct peers;
struct portalchan;
struct rechecks;
struct leavers;
struct sessions;
struct tally;
struct terms;

struct gateway {
	sd_event *loop;
	struct settings settings;
	struct policy *policy; /* in force */
	struct terms *terms; /* the conditions of use; NULL: none */
	uint64_t generation; /* of the policy, counted over restarts; 0 before there is one */
	int64_t applied; /* when it came into force */
	struct drift drift; /* how the files that lie there differ from it */
	int64_t started;
	struct clock_watch clock;
	int64_t last_line; /* when the run before this one last wrote to the logs; 0: there was none */
	bool was_clean; /* the run before this one ended in order */
	bool rebooted; /* while starting: the machine was started since the last run */

	struct ledger *ledger;
	struct log *log;
	struct firewall *firewall;
	struct tunnel *tunnel;
	struct handshake *handshake;
	struct flow *flow;
	struct access *access;
	struct nflog *knock_log, *refusal_log;
	struct tally *tally; /* of refused packets */

	struct peers *peers;
	struct sessions *sessions;
	struct admission *admission;
	struct merge *refusals;
	struct logins *logins;
	struct portalchan *portal;
	struct rechecks *rechecks;
	struct leavers *leavers;
	struct control *control;
	struct alerts *alerts;
	struct brute *brute;

	bool outage_told; /* that nothing can be recorded, see evidence.h */

	bool running; /* the start went through */
	int enforcement_error; /* -errno while firewall or tunnel could not be put right; 0 when all is well */
};

/* Reads PATH_CONFIG; warnings go to the journal. 0, or -errno with all mistakes in `why`. */
int gateway_settings(struct settings *settings, char *why, size_t why_size);

/* Brings everything up; the process has already dropped its privileges. 0, or -errno with `why`. */
int gateway_start(struct gateway *g, char *why, size_t why_size);

/* Frees everything; tunnel, peers, firewall and sessions stay in the kernel. */
void gateway_stop(struct gateway *g);

/* Somebody asks for files to be put in force, and what came of it. */
struct gateway_request {
	struct actor by;
	const char *sha256; /* of the ACLs that were looked at (policy_digest()): no others are taken; NULL: whatever is there */
	unsigned changed; /* out: sessions that have other rules now */
	bool unchanged; /* out: these ACLs were in force already, and no generation was made */
	bool conflict; /* out, on failure: they are not those of `sha256` */
	char *text; /* out: mistakes or warnings to tell that person, or NULL; the caller frees it */
};

/* Reads settings and ACLs again and puts them in force, or leaves everything as it was. Recorded in the audit log either way.
 * 0 or -errno. */
int gateway_reload(struct gateway *g, struct gateway_request *q);

/* Goes on in new log files after a rotation by rename; says so when it cannot. A reload does this as well. */
void gateway_reopen_logs(struct gateway *g);

/* The ACLs alone. */
int gateway_apply_acl(struct gateway *g, struct gateway_request *q);

/* With no gateway running: takes the ACL files as what the next start puts in force; see generation_adopt(). `g` is empty;
 * gateway_stop() frees it afterwards. 0 or -errno with `why`. */
int gateway_adopt_acl(struct gateway *g, uint32_t uid, const char *who, char *why, size_t why_size);

#endif
