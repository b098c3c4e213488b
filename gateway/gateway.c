/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/gateway.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/access.h"
#include "gateway/admission.h"
#include "gateway/alert.h"
#include "gateway/boot.h"
#include "gateway/brute.h"
#include "gateway/control.h"
#include "gateway/enforcement.h"
#include "gateway/event.h"
#include "gateway/evidence.h"
#include "gateway/generation.h"
#include "gateway/hook.h"
#include "gateway/login.h"
#include "gateway/merge.h"
#include "gateway/leavers.h"
#include "gateway/peer.h"
#include "gateway/portalchan.h"
#include "gateway/recheck.h"
#include "gateway/session.h"
#include "gateway/tally.h"
#include "gateway/terms.h"
#include "gateway/upkeep.h"

#define RUNNING_MARK PATH_STATE_DIR "/running"

enum {
	KNOCK_SNAPLEN = 40 + 8 + INITIATION_SIZE + 16,
	REFUSAL_SNAPLEN = 128,
	NFLOG_BUFFER = 4 << 20,
};

static int fail(int r, char *why, size_t why_size, const char *what, const char *remedy)
{
	snprintf(why, why_size, "%s: %s; %s", what, strerror(-r), remedy);
	return r;
}

/* ---- the steps of a start, in their order ---- */

static int start_mark(struct gateway *g)
{
	g->was_clean = access(RUNNING_MARK, F_OK) < 0;
	int fd = open(RUNNING_MARK, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int open_records(struct gateway *g, char *why, size_t why_size)
{
	char host[HOST_NAME_LIMIT] = "";
	gethostname(host, sizeof host - 1);
	int r = ledger_open(PATH_LEDGER, &g->ledger, why, why_size);
	if (r == 0)
		r = log_open(PATH_LOG_DIR, PATH_STATE_DIR, host, g->settings.log_reserve_bytes, &g->log, why, why_size);
	if (r == 0)
		evidence_settings(g);
	return r;
}

/* To be called before we write to them. */
static int64_t last_line(void)
{
	static const char *const files[] = {
		PATH_LOG_DIR "/auth.jsonl", PATH_LOG_DIR "/access.jsonl", PATH_LOG_DIR "/audit.jsonl"};
	int64_t newest = 0;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct stat st;
		if (lstat(files[i], &st) < 0)
			continue;
		int64_t written = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
		newest = written > newest ? written : newest;
	}
	return newest;
}

static int start_records(struct gateway *g, char *why, size_t why_size)
{
	g->last_line = last_line();
	int r = open_records(g, why, why_size);
	if (r < 0)
		return r;
	g->rebooted = !boot_same();
	r = start_mark(g);
	if (r < 0)
		return fail(r, why, why_size, "cannot write " RUNNING_MARK,
			"make room in " PATH_STATE_DIR " and check that it is writable");
	return generation_start(g, why, why_size);
}

static int start_readers(struct gateway *g, char *why, size_t why_size)
{
	int r = access_open(g, why, why_size);
	if (r < 0)
		return r;
	access_refused_resume(g);
	r = nflog_open(NFLOG_REFUSED, REFUSAL_SNAPLEN, NFLOG_BUFFER, access_refused, g, &g->refusal_log, why, why_size);
	if (r < 0)
		return r;
	return nflog_open(NFLOG_KNOCK, KNOCK_SNAPLEN, NFLOG_BUFFER, admission_knock, g, &g->knock_log, why, why_size);
}

static int start_tables(struct gateway *g)
{
	int r = peers_new(&session_peer_login, &g->peers);
	if (r == 0)
		r = sessions_new(&g->sessions);
	if (r == 0)
		r = merge_new(g->log, &g->refusals);
	if (r == 0)
		r = tally_open(PATH_TALLY, &g->tally);
	if (r == 0)
		r = admission_new(g, &g->admission);
	if (r == 0)
		r = brute_new(&g->brute);
	if (r == 0)
		r = alerts_open(g);
	return r;
}

static int start_sockets(struct gateway *g, char *why, size_t why_size)
{
	int r = rechecks_open(g, &g->rechecks);
	if (r == 0)
		r = leavers_open(g, &g->leavers);
	if (r == 0)
		r = logins_open(g, &g->logins);
	if (r == 0)
		r = portalchan_open(g, &g->portal);
	if (r == 0)
		r = control_open(g, &g->control);
	if (r == -ESRCH)
		return fail(r, why, why_size, "user " USER_PORTAL " does not exist", "run systemd-sysusers");
	if (r < 0)
		return fail(
			r, why, why_size, "cannot listen in " PATH_RUN_DIR, "check that user " USER_GATEWAY " owns this folder");
	return 0;
}

static void log_started(struct gateway *g)
{
	struct policy_counts counts = policy_counts(g->policy);
	char digest[POLICY_DIGEST_TEXT], key[KEY_TEXT];
	json_t *e = event_new("gateway-started", "success", g->was_clean ? NULL : "unclean");
	event_text(e, "sekisho.version", SEKISHO_VERSION);
	event_text(e, "sekisho.tunnel.backend", tunnel_backend(g->tunnel));
	event_text(e, "sekisho.tunnel.key", key_format(handshake_public(g->handshake), key));
	event_number(e, "sekisho.acl.generation", (int64_t)g->generation);
	event_number(e, "sekisho.acl.files", counts.files);
	event_number(e, "sekisho.acl.rules", counts.rules);
	if (policy_digest(g->policy, digest) == 0)
		event_text(e, "sekisho.acl.sha256", digest);
	event_text(e, "sekisho.config.sha256", g->settings.sha256);
	event_number(e, "sekisho.taken_over.sessions", sessions_count(g));
	event_number(e, "sekisho.taken_over.peers", peers_count(g));
	(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
}

int gateway_settings(struct settings *settings, char *why, size_t why_size)
{
	struct diag d = diag_new();
	int r = settings_load_digest(PATH_CONFIG, settings, &d);
	if (r == 0)
		r = hook_settings_check(PATH_CONFIG, settings, &d);
	if (r == 0)
		r = settings_apply_time_zone(settings);
	char *text = d.count ? diag_render(&d) : NULL;
	if (r < 0)
		snprintf(why, why_size,
			"%sNothing was changed. Mend the file and try again; `sekisho setup --check` finds the same mistakes.",
			text ? text : "");
	else if (text)
		say_warning("%s", text);
	free(text);
	diag_free(&d);
	return r;
}

static int start_terms(struct gateway *g, char *why, size_t why_size)
{
	struct diag d = diag_new();
	int r = terms_load(PATH_TERMS_DIR, &g->terms, &d);
	char *text = d.count ? diag_render(&d) : NULL;
	if (r < 0)
		snprintf(why, why_size,
			"%sThe conditions of use cannot be shown, so nobody could log in. Mend or remove the file.",
			text ? text : "");
	free(text);
	diag_free(&d);
	return r;
}

int gateway_start(struct gateway *g, char *why, size_t why_size)
{
	struct key key;
	g->started = time_now();
	int r = gateway_settings(&g->settings, why, why_size);
	if (r == 0)
		r = start_terms(g, why, why_size);
	if (r < 0)
		return r;
	r = key_read_file(PATH_TUNNEL_KEY, &key, why, why_size);
	if (r < 0)
		return r;
	r = handshake_new(&key, &g->handshake);
	if (r < 0) {
		fail(r, why, why_size, "OpenSSL cannot do WireGuard's handshake",
			"check that libssl3 is whole (debsums libssl3)");
		goto out;
	}
	r = start_records(g, why, why_size);
	if (r < 0)
		goto out;
	r = start_tables(g);
	if (r < 0) {
		fail(r, why, why_size, "cannot prepare the tables", "check free memory");
		goto out;
	}
	r = enforcement_open(g, &key, why, why_size);
	if (r < 0)
		goto out;
	r = start_readers(g, why, why_size);
	if (r < 0)
		goto out;
	r = sessions_take_over(g);
	if (r == 0)
		r = peers_take_over(g);
	if (r < 0) {
		fail(r, why, why_size, "cannot take over sessions and peers",
			"`sekisho-gateway --close` clears the kernel's side");
		goto out;
	}
	/* Only now: cut short before, the next start would end the rest of the sessions. */
	r = boot_note();
	if (r < 0) {
		fail(r, why, why_size, "cannot note this boot in " PATH_STATE_DIR, "make room and check that it is writable");
		goto out;
	}
	g->rebooted = false;
	access_resume(g);
	r = start_sockets(g, why, why_size);
	if (r < 0)
		goto out;
	r = upkeep_start(g);
	if (r < 0) {
		fail(r, why, why_size, "cannot start the timers", "check free memory");
		goto out;
	}
	log_started(g);
	g->running = true;
out:
	secret_wipe(&key, sizeof key);
	return r;
}

void gateway_stop(struct gateway *g)
{
	control_close(g->control);
	portalchan_close(g->portal);
	leavers_close(g->leavers);
	rechecks_close(g->rechecks);
	if (g->logins)
		logins_close(g->logins);
	nflog_close(g->knock_log);
	access_close(g);
	access_refused_close(g);
	admission_free(g->admission);
	if (g->running) {
		alerts_tick(g, time_boot(), true);
		json_t *e = event_new("gateway-stopped", "success", NULL);
		event_text(e, "sekisho.version", SEKISHO_VERSION);
		event_number(e, "sekisho.left_in_force.sessions", sessions_count(g));
		event_number(e, "sekisho.left_in_force.peers", peers_count(g));
		(void)log_write(g->log, LOG_AUDIT, time_now(), e, true);
		(void)unlink(RUNNING_MARK);
	}
	if (g->running)
		sessions_save(g);
	sessions_free(g->sessions);
	peers_free(g->peers);
	if (g->tunnel)
		tunnel_close(g->tunnel);
	if (g->firewall)
		firewall_close(g->firewall);
	alerts_close(g->alerts);
	brute_free(g->brute);
	if (g->log)
		log_close(g->log);
	if (g->ledger)
		ledger_close(g->ledger);
	handshake_free(g->handshake);
	policy_unref(g->policy);
	terms_free(g->terms);
}

int gateway_adopt_acl(struct gateway *g, uint32_t uid, const char *who, char *why, size_t why_size)
{
	int r = gateway_settings(&g->settings, why, why_size);
	if (r == 0)
		r = open_records(g, why, why_size);
	return r < 0 ? r : generation_adopt(g, &(struct generation_order){uid, who}, why, why_size);
}
