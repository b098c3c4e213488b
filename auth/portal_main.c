/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sekisho-portal: the login page, inside the tunnel. Order at the start: settings, rights dropped, key and certificate (as they
 * can be read then, so that a reload finds the same), sockets checked, sandbox closed; only then is anything from a client read.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "auth/listener.h"
#include "auth/portal.h"
#include "auth/sandbox.h"
#include "auth/tls.h"
#include "common/diag.h"
#include "common/paths.h"
#include "common/say.h"
#include "common/text.h"

/* Every client, the most dialogs that can be set (login-attempts-max), and a few of our own. */
enum { DESCRIPTORS = CLIENTS_MAX + 2000 + 64, WHY_MAX = 512 };

/* Reads sekisho.conf; what is wrong with it is said line by line. */
static int read_settings(struct settings *out)
{
	struct diag d = diag_new();
	int err = settings_load(PATH_CONFIG, out, &d);
	if (!err)
		err = settings_apply_time_zone(out);
	char *text = d.count ? diag_render(&d) : NULL;

	for (char *line = text, *end; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (err)
			say_error("%s", line);
		else
			say_warning("%s", line);
		if (!end)
			break;
	}
	free(text);
	diag_free(&d);
	return err;
}

static uid_t uid_of(const char *user)
{
	const struct passwd *p = getpwnam(user);

	if (!p)
		say_warning("there is no user '%s': only a gateway that runs as root will be trusted", user);
	return p ? p->pw_uid : 0;
}

static void reload(struct portal *p)
{
	struct settings s;
	SSL_CTX *tls = NULL;
	char why[WHY_MAX] = "";

	if (read_settings(&s) < 0) {
		say_error("%s has mistakes: the portal goes on with the old settings and the old certificate", PATH_CONFIG);
		return;
	}
	if (memcmp(&s.gateway4, &p->settings.gateway4, sizeof s.gateway4) ||
		memcmp(&s.gateway6, &p->settings.gateway6, sizeof s.gateway6)) {
		say_error("tunnel-network has changed, and the portal still listens in the old one: nothing reloaded; restart "
			  "sekisho-portal");
		return;
	}
	if (tls_load(PATH_TLS_CERT, PATH_TLS_KEY, &s, &tls, why, sizeof why) < 0) {
		say_error("%s. The portal goes on with the old certificate and settings", why);
		return;
	}
	portal_renew(p, &s, tls);
	say_info("reloaded settings and certificate");
}

/* sd_notify(3), Type=notify-reload: RELOADING with the time, then READY whether it worked or not. */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct timespec now;

	(void)source, (void)info;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIi64, (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	reload(arg);
	sd_notify(0, "READY=1");
	return 0;
}

static int add_signals(sd_event *loop, struct portal *p)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	err = sd_event_add_signal(loop, NULL, SIGHUP, on_reload, p);
	if (err >= 0)
		err = sd_event_add_signal(loop, NULL, SIGTERM, NULL, NULL);
	if (err >= 0)
		err = sd_event_add_signal(loop, NULL, SIGINT, NULL, NULL);
	return err < 0 ? err : 0;
}

static void check_arguments(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("sekisho-portal " SEKISHO_VERSION);
		exit(0);
	}
	if (argc > 1)
		say_fatal("unknown argument '%s': sekisho-portal takes none but --version; it is set up in %s", argv[1],
			PATH_CONFIG);
}

int main(int argc, char **argv)
{
	static struct portal portal;
	struct settings settings;
	SSL_CTX *tls = NULL;
	sd_event *loop = NULL;
	char why[WHY_MAX] = "";

	say_name("sekisho-portal");
	check_arguments(argc, argv);
	if (sandbox_close_inherited(why, sizeof why) < 0)
		say_fatal("%s", why);
	tzset();
	if (read_settings(&settings) < 0)
		say_fatal("%s cannot be used: mend it (`sekisho setup --check` shows the same mistakes) and start again",
			PATH_CONFIG);
	uid_t gateway = uid_of(USER_GATEWAY);
	if (sandbox_drop(USER_PORTAL, DESCRIPTORS, why, sizeof why) < 0)
		say_fatal("%s", why);
	if (tls_load(PATH_TLS_CERT, PATH_TLS_KEY, &settings, &tls, why, sizeof why) < 0)
		say_fatal("%s", why);
	int err = sd_event_default(&loop);
	if (err >= 0)
		err = portal_open(&portal, loop, &settings, tls, gateway);
	if (err >= 0)
		err = add_signals(loop, &portal);
	if (err >= 0)
		err = sd_event_set_watchdog(loop, true);
	if (err < 0)
		say_fatal("cannot set up the event loop (%s)", strerror(-err));
	if (listener_open(loop, &settings, &portal.clients, why, sizeof why) < 0 ||
		sandbox_lock(why, sizeof why) < 0)
		say_fatal("%s", why);

	sd_notify(0, "READY=1\nSTATUS=Serving the login page");
	err = sd_event_loop(loop);
	sd_notify(0, "STOPPING=1");
	portal_close(&portal);
	sd_event_unref(loop);
	if (err < 0)
		say_error("the event loop failed (%s)", strerror(-err));
	return err < 0 ? 1 : 0;
}
