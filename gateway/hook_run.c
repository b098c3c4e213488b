/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The runner: takes orders, runs hooks, writes down what they say and how they end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/say.h"
#include "common/text.h"
#include "gateway/hook_internal.h"
#include "gateway/hook_output.h"
#include "gateway/privileges.h"

static const int64_t SECOND = 1000000;
enum { LAST_SECONDS = 10 /* for all that is left when the gateway has gone */, EXIT_USAGE = 2 };

struct run {
	pid_t pid; /* 0: free */
	int process, in, out; /* pidfd, our ends of its standard files; -1: closed */
	int64_t deadline; /* CLOCK_BOOTTIME microseconds */
	bool timed_out;
	size_t fed, size;
	struct hook_order order;
	struct hook_output output;
};

struct runner {
	struct run runs[HOOK_AT_ONCE];
	bool gone; /* the gateway */
	int64_t end; /* then: when to give up */
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void report(enum hook_end end, int code)
{
	const struct hook_report r = {.end = (uint8_t)end, .code = code};
	(void)send(HOOK_FD, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- one hook ---- */

static int open_pipes(int in[2], int out[2])
{
	int r = pipe2(in, O_CLOEXEC) < 0 ? -errno : 0;
	if (r < 0)
		return r;
	r = pipe2(out, O_CLOEXEC) < 0 ? -errno : 0;
	if (r < 0)
		goto close_in;
	if (fcntl(in[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0) {
		r = -EIO;
		goto close_out;
	}
	return 0;
close_out:
	close(out[0]);
	close(out[1]);
close_in:
	close(in[0]);
	close(in[1]);
	return r;
}

static int launch(struct run *run, const char *program)
{
	int in[2], out[2];
	int r = open_pipes(in, out);
	if (r < 0)
		return r;
	pid_t pid = fork();
	if (!pid)
		hook_become(&run->order, program, in[0], out[1]);
	r = pid < 0 ? -errno : 0;
	close(in[0]);
	close(out[1]);
	run->in = in[1];
	run->out = out[0];
	run->process = r < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (r == 0 && run->process < 0) {
		r = -errno;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	if (r < 0) {
		shut(&run->in);
		shut(&run->out);
		return r;
	}
	run->pid = pid;
	return 0;
}

static void start(struct run *run)
{
	char why[2 * HOOK_PATH_MAX + 256], *program = NULL;
	int r = hook_program_resolve(run->order.path, &program, why, sizeof why);
	if (r == 0) {
		r = launch(run, program);
		if (r < 0)
			snprintf(why, sizeof why, "%s cannot be started: %s", run->order.path, strerror(-r));
	}
	free(program);
	if (r < 0) {
		say_warning("the alert hook was not run: %s", why);
		report(HOOK_REFUSED, -r);
		return;
	}
	run->fed = 0;
	run->timed_out = false;
	run->deadline = time_boot() + run->order.seconds * SECOND;
	hook_output_start(&run->output);
}

static void feed(struct run *run)
{
	ssize_t n = write(run->in, run->order.record + run->fed, run->size - run->fed);
	if (n >= 0)
		run->fed += (size_t)n;
	else if (errno == EAGAIN || errno == EINTR)
		return;
	if (n < 0 || run->fed == run->size)
		shut(&run->in);
}

/* False when there is nothing now. */
static bool hear(struct run *run)
{
	char data[4096];
	ssize_t n = read(run->out, data, sizeof data);
	if (n > 0)
		hook_output_take(&run->output, data, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		shut(&run->out);
	return n > 0;
}

static void tell_end(const struct run *run, int status)
{
	const struct hook_order *o = &run->order;
	if (run->timed_out) {
		say_warning("the alert hook %s (%s) was ended: it took longer than %lld s (alert-timeout)", o->path, o->reason,
			(long long)o->seconds);
		report(HOOK_TIMED_OUT, (int)o->seconds);
	} else if (WIFSIGNALED(status)) {
		say_warning("the alert hook %s (%s) was killed by signal %d", o->path, o->reason, WTERMSIG(status));
		report(HOOK_KILLED, WTERMSIG(status));
	} else {
		if (WEXITSTATUS(status))
			say_warning("the alert hook %s (%s) ended with exit code %d", o->path, o->reason, WEXITSTATUS(status));
		report(HOOK_EXITED, WEXITSTATUS(status));
	}
}

/* The process has ended; what it left in its group ends too. It is still a zombie, so that the group's number is nobody else's.
 */
static void finish(struct run *run)
{
	enum { LAST_WORDS = 64 }; /* reads: somebody who got away may write for ever */
	int status = 0;
	(void)kill(-run->pid, SIGKILL);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	for (unsigned i = 0; i < LAST_WORDS && run->out >= 0 && hear(run); i++)
		;
	hook_output_end(&run->output);
	shut(&run->in);
	shut(&run->out);
	shut(&run->process);
	run->pid = 0;
	tell_end(run, status);
}

/* ---- all of them ---- */

static struct run *free_run(struct runner *r)
{
	for (unsigned i = 0; i < HOOK_AT_ONCE; i++)
		if (!r->runs[i].pid)
			return &r->runs[i];
	return NULL;
}

static void mark_gone(struct runner *r)
{
	if (!r->gone)
		r->end = time_boot() + LAST_SECONDS * SECOND;
	r->gone = true;
}

/* Takes orders while there is room. Returns false when no more can come. */
static bool take_orders(struct runner *r)
{
	struct run *run;
	while ((run = free_run(r))) {
		ssize_t n = recv(HOOK_FD, &run->order, sizeof run->order, MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= (ssize_t)offsetof(struct hook_order, record) || (size_t)n > sizeof run->order)
			return false;
		run->size = (size_t)n - offsetof(struct hook_order, record);
		run->order.path[HOOK_PATH_MAX] = run->order.reason[HOOK_REASON_MAX - 1] = '\0';
		start(run);
	}
	return true;
}

/* The gateway has gone, and time is up. */
static bool give_up(void)
{
	static struct hook_order order;
	unsigned left = 0;
	while (recv(HOOK_FD, &order, sizeof order, MSG_DONTWAIT) > 0)
		left++;
	if (left)
		say_warning(
			"the alert hook was not run for the last %u alerts, which audit.jsonl has: the gateway has ended", left);
	return false;
}

static bool busy(const struct runner *r)
{
	for (unsigned i = 0; i < HOOK_AT_ONCE; i++)
		if (r->runs[i].pid)
			return true;
	return false;
}

/* Ends what is overdue; how many milliseconds there is nothing to end, -1 for ever. */
static int enforce_deadlines(struct runner *r)
{
	int64_t now = time_boot(), next = INT64_MAX;
	for (unsigned i = 0; i < HOOK_AT_ONCE; i++) {
		struct run *run = &r->runs[i];
		if (!run->pid || run->timed_out)
			continue;
		int64_t deadline = r->gone && r->end < run->deadline ? r->end : run->deadline;
		if (deadline <= now) {
			run->timed_out = true;
			(void)kill(-run->pid, SIGKILL);
		} else if (deadline < next) {
			next = deadline;
		}
	}
	return next == INT64_MAX ? -1 : (int)((next - now) / 1000 + 1);
}

enum { LOOK_PROCESS, LOOK_IN, LOOK_OUT, LOOK_EACH };

static void serve(struct runner *r, const struct pollfd *look)
{
	for (unsigned i = 0; i < HOOK_AT_ONCE; i++) {
		struct run *run = &r->runs[i];
		const struct pollfd *p = look + (size_t)i * LOOK_EACH;
		if (!run->pid)
			continue;
		if (p[LOOK_IN].revents)
			feed(run);
		if (p[LOOK_OUT].revents)
			(void)hear(run);
		if (p[LOOK_PROCESS].revents)
			finish(run);
	}
}

static void loop(struct runner *r)
{
	struct pollfd look[HOOK_AT_ONCE * LOOK_EACH + 1];
	struct pollfd *orders = &look[HOOK_AT_ONCE * LOOK_EACH];
	bool more = true;
	while (more || busy(r)) {
		int patience = enforce_deadlines(r);
		for (unsigned i = 0; i < HOOK_AT_ONCE; i++) {
			const struct run *run = &r->runs[i];
			struct pollfd *p = look + (size_t)i * LOOK_EACH;
			const bool on = run->pid != 0;
			p[LOOK_PROCESS] = (struct pollfd){.fd = on ? run->process : -1, .events = POLLIN};
			p[LOOK_IN] = (struct pollfd){.fd = on ? run->in : -1, .events = POLLOUT};
			p[LOOK_OUT] = (struct pollfd){.fd = on ? run->out : -1, .events = POLLIN};
		}
		/* A hang-up is always reported: it is looked for only until it is known, orders only while there is room for one.
		 */
		const bool room = free_run(r) != NULL;
		*orders = (struct pollfd){.fd = more && (room || !r->gone) ? HOOK_FD : -1, .events = room ? POLLIN : 0};
		if (poll(look, HOOK_AT_ONCE * LOOK_EACH + 1, patience) < 0 && errno != EINTR)
			say_fatal("the alert runner cannot wait: %s", strerror(errno));
		if (orders->revents & POLLHUP)
			mark_gone(r);
		serve(r, look);
		if (r->gone && time_boot() >= r->end)
			more = give_up();
		else if (more && (orders->revents || r->gone))
			more = take_orders(r);
	}
}

int hook_run(void)
{
	static struct runner r;
	char why[256];
	int type = 0;
	socklen_t size = sizeof type;
	say_name("sekisho-alert");
	if (getsockopt(HOOK_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
		return EXIT_USAGE;
	if (privileges_drop_all(why, sizeof why) < 0)
		say_fatal("%s", why);
	(void)prctl(PR_SET_NAME, "sekisho-alert");
	signal(SIGPIPE, SIG_IGN);
	(void)fcntl(HOOK_FD, F_SETFD, FD_CLOEXEC);
	loop(&r);
	return EXIT_SUCCESS;
}
