/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sekisho-gateway: see sekisho-gateway(8). */
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/say.h"
#include "gateway/gateway.h"
#include "gateway/guard.h"
#include "gateway/hook.h"
#include "gateway/json_wipe.h"
#include "gateway/privileges.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
	"usage: sekisho-gateway            run the gateway (normally: systemctl start sekisho-gateway)\n"
	"       sekisho-gateway --shut     closed firewall and routing lock into the kernel, before the network is up\n"
	"       sekisho-gateway --stopped  after a stop: do what `on-stop` of sekisho.conf says\n"
	"       sekisho-gateway --close    take tunnel and firewall of a stopped gateway out of the kernel\n"
	"       sekisho-gateway --adopt-acl  what the next start puts in force is what is in " PATH_ACL_DIR "\n"
	"       sekisho-gateway --version\n";

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
	struct gateway *g = arg;
	struct gateway_request q = {.by = {.uid = si->ssi_uid, .role = ROLE_ADMIN, .name = "signal"}};
	(void)source;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)time_boot());
	int r = gateway_reload(g, &q);
	if (r < 0)
		say_error("reload refused: %s", q.text ? q.text : strerror(-r));
	else
		say_info("reloaded: ACL generation %llu%s, %u session(s) changed%s%s", (unsigned long long)g->generation,
			q.unchanged ? " as before" : "", q.changed, q.text ? "; " : "", q.text ? q.text : "");
	free(q.text);
	sd_notify(0, "READY=1");
	return 0;
}

/* logrotate(8) has renamed the logs. Nothing else is read anew: what somebody is editing is not to come into force at night. */
static int on_rotated(sd_event_source *source, const struct signalfd_siginfo *si, void *arg)
{
	struct gateway *g = arg;
	(void)source;
	(void)si;
	gateway_reopen_logs(g);
	return 0;
}

static int add_signals(struct gateway *g)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	/* A NULL handler ends the loop. */
	int r = sd_event_add_signal(g->loop, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(g->loop, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(g->loop, NULL, SIGHUP, on_reload, g);
	if (r >= 0)
		r = sd_event_add_signal(g->loop, NULL, SIGUSR1, on_rotated, g);
	return r;
}

static int run(struct gateway *g)
{
	static char why[65536];
	int r = sd_event_default(&g->loop);
	if (r >= 0)
		r = add_signals(g);
	if (r < 0)
		say_fatal("cannot set up the event loop: %s", strerror(-r));
	r = gateway_start(g, why, sizeof why);
	if (r < 0) {
		say_error("%s", why);
		gateway_stop(g);
		return EXIT_FAILURE;
	}
	(void)sd_event_set_watchdog(g->loop, 1);
	say_info("ready: %s over %s, ACL generation %llu", g->settings.interface, tunnel_backend(g->tunnel),
		(unsigned long long)g->generation);
	sd_notify(0, "READY=1");
	r = sd_event_loop(g->loop);
	sd_notify(0, "STOPPING=1");
	gateway_stop(g);
	sd_event_unref(g->loop);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void login_name(uid_t uid, char *name, size_t size)
{
	const struct passwd *pw = getpwuid(uid);
	if (pw && text_name_valid(pw->pw_name))
		snprintf(name, size, "%s", pw->pw_name);
	else
		snprintf(name, size, "%u", uid);
}

/* Who started this program, before it drops its privileges. */
static uid_t started_by;

static int adopt(struct gateway *g, char *why, size_t why_size)
{
	char name[USER_NAME_MAX + 1];
	login_name(started_by, name, sizeof name);
	int r = gateway_adopt_acl(g, started_by, name, why, why_size);
	if (r == 0)
		say_info("the files of " PATH_ACL_DIR
			 " are ACL generation %llu: systemctl start sekisho-gateway puts it in force",
			(unsigned long long)g->generation);
	gateway_stop(g);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"shut", no_argument, NULL, 's'}, {"stopped", no_argument, NULL, 't'},
		{"close", no_argument, NULL, 'c'}, {"adopt-acl", no_argument, NULL, 'a'}, {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {0}};
	static struct gateway g;
	static char why[65536];
	int (*once)(struct gateway *, char *, size_t) = NULL;
	int option;
	started_by = getuid();
	say_name("sekisho-gateway");
	/* Started by the gateway for itself (hook.h), with its socket in place: no option of people's. */
	if (argc == 2 && !strcmp(argv[1], "--alert-runner"))
		return hook_run();
	json_wipe_start();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			once = guard_shut;
			break;
		case 't':
			once = guard_stopped;
			break;
		case 'c':
			once = guard_close;
			break;
		case 'a':
			once = adopt;
			break;
		case 'v':
			puts("sekisho-gateway " SEKISHO_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (once == guard_stopped && !guard_was_stopped())
		return EXIT_SUCCESS;
	if (privileges_drop(why, sizeof why) < 0)
		say_fatal("%s", why);
	if (!once)
		return run(&g);
	if (once(&g, why, sizeof why) < 0)
		say_fatal("%s", why);
	return EXIT_SUCCESS;
}
