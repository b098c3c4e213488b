/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sekisho-auth: one login attempt, or one recheck of somebody who is logged in. Started by systemd for each connection to
 * PATH_AUTH_SOCKET (Accept=yes, systemd.socket(5)) with that connection as descriptor 3; runs as root, because that is what PAM
 * modules expect, without CAP_NET_ADMIN; ends with the connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cap-ng.h>

#include "auth/account.h"
#include "auth/activation.h"
#include "auth/attempt.h"
#include "auth/supervise.h"
#include "auth/talk.h"
#include "common/filter.h"
#include "common/forbid.h"
#include "common/paths.h"
#include "common/say.h"
#include "config/settings.h"

static void limit(int resource, rlim_t most)
{
	struct rlimit r = {.rlim_cur = most, .rlim_max = most}, now;
	/* Raising needs a capability that the unit does not give: what is lower stays. */
	if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max < most)
		return;
	if (setrlimit((__rlimit_resource_t)resource, &r) < 0)
		say_fatal("cannot set a resource limit: %s", strerror(errno));
}

/* No answer in a core file, no runaway module, no inherited environment or descriptor. */
static void confine(void)
{
	umask(077);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, 256);
#ifndef FILTER_SANITIZED /* which reserves terabytes of address space */
	limit(RLIMIT_AS, (rlim_t)1 << 30);
#endif
	if (clearenv() != 0 || setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) < 0)
		say_fatal("cannot clear the environment: out of memory");
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		say_fatal("cannot open /dev/null: %s", strerror(errno));
	if (close_range(ACTIVATION_FD + 1, ~0U, 0) < 0)
		say_fatal("cannot close inherited descriptors: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		say_fatal("cannot forbid dumps: %s", strerror(errno));
}

/* What a process that talks PAM has no business with, whatever unit or hand started it. */
static const unsigned never[] = {
	CAP_NET_ADMIN,
	CAP_NET_RAW,
	CAP_SYS_ADMIN,
	CAP_SYS_MODULE,
	CAP_SYS_RAWIO,
	CAP_SYS_BOOT,
	CAP_SYS_TIME,
	CAP_MKNOD,
	CAP_BPF,
	CAP_PERFMON,
#ifndef FILTER_SANITIZED /* whose search for leaks looks into the process from another one */
	CAP_SYS_PTRACE,
#endif
};

/* Returns whether there was anything to drop. */
static bool drop(unsigned capability)
{
	static const capng_type_t sets[] = {CAPNG_EFFECTIVE, CAPNG_PERMITTED, CAPNG_INHERITABLE};
	bool had = false;
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		had = had || capng_have_capability(sets[i], capability);
		capng_update(CAPNG_DROP, sets[i], capability);
	}
	/* The unit may have taken it away already, together with the right to change the set. */
	if (prctl(PR_CAPBSET_READ, capability) == 1 && prctl(PR_CAPBSET_DROP, capability) < 0)
		say_fatal("cannot give up capability %u for good: %s; use the unit sekisho-auth@.service as it is delivered",
			capability, strerror(errno));
	return had;
}

/*
 * The bounding set counts for what modules execute. No new privileges (prctl(2)): helpers such as unix_chkpwd are set-user-ID for
 * programs that are not root; for root pam_unix reads the shadow file itself.
 */
static void drop_privileges(void)
{
	bool had = false;
	if (capng_get_caps_process() < 0)
		say_fatal("cannot read the own capabilities");
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		had = drop(never[i]) || had;
	/* The unit's filter forbids even to give up a capability; it has these taken away already. */
	if (had && capng_apply(CAPNG_SELECT_CAPS) < 0)
		say_fatal("cannot give up capabilities: see capabilities(7)");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		say_fatal("cannot set no_new_privs: %s", strerror(errno));
	int err = forbid(false);
	if (err)
		say_fatal("cannot install the system call filter (%s): the kernel needs CONFIG_SECCOMP_FILTER", strerror(-err));
}

static void read_settings(struct settings *s)
{
	struct diag d = diag_new();
	if (settings_load(PATH_CONFIG, s, &d) < 0) {
		char *text = diag_render(&d);
		say_error("%s", text ? text : "out of memory");
		free(text);
		diag_free(&d);
		say_fatal("nobody can log in until " PATH_CONFIG " is correct; see sekisho.conf(5)");
	}
	diag_free(&d);
	if (settings_apply_time_zone(s) < 0)
		say_fatal("cannot set the time zone: out of memory");
}

struct job {
	int peer;
	struct settings settings;
};

static int work(void *argument)
{
	const struct job *job = argument;
	enum talk_peer who;
	int err = talk_who(job->peer, &who);
	if (!err)
		err = who == PEER_PORTAL ? attempt_run(job->peer, &job->settings)
					 : account_run(job->peer, job->settings.pam_timeout_seconds);
	return err && err != -EPIPE;
}

/* When the worker is gone, its peers must see their connections close. */
static void release(void *argument)
{
	const struct job *job = argument;
	close(job->peer);
}

int main(void)
{
	static struct job job = {.peer = ACTIVATION_FD};
	say_name("sekisho-auth");
	if (activation_check() < 0)
		say_fatal("started by hand? It is started for each login by its socket: systemctl start sekisho-auth.socket");
	if (geteuid() != 0)
		say_fatal("PAM needs root; use the unit sekisho-auth@.service as it is delivered");
	confine();
	drop_privileges();
	read_settings(&job.settings);
	/* The gateway keeps the time of each part; this is for when it does not. Reading comes after login-timeout, and only
	 * where there is something to read. */
	int64_t reading = access(PATH_TERMS_DIR, F_OK) == 0 ? ATTEMPT_READING_SECONDS : 0;
	return supervise(work, release, &job, job.settings.login_timeout_seconds + reading) != 0;
}
