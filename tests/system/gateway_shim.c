/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into the gateway by tests (ld.so(8), LD_PRELOAD): another clock, faults on its way to nftables, of the disk that
 * the logs are on and of the one with the keys of their seals, no memory for a line, and a halt while it archives ACLs. Told what to do by a file that the test maps too, so that both take effect at once; without the file it does
 * nothing.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ORDERS "/run/world/shim"
#define LOGS "/var/log/sekisho/"
#define KEYS "/var/lib/sekisho/"

enum { ACT_NOTHING, ACT_KILL_BEFORE, ACT_KILL_AFTER, ACT_FAIL };

struct orders {
	int64_t clock_usec; /* added to CLOCK_REALTIME */
	int32_t action; /* at the ... */
	int32_t countdown; /* ... so manieth transaction from now, 1: the next one */
	int32_t transactions; /* counted since the start */
	int32_t write_error, sync_error; /* errno of each write(2), fdatasync(2) to the logs; 0: they work */
	int32_t sync_msec; /* how long each fdatasync(2) of the logs takes longer */
	int32_t seal_error; /* errno of each pwrite(2) to the keys of seals; 0: they work */
	int32_t lines_without_memory; /* so many lines from now on cannot be composed */
	int32_t halt; /* not 0: SIGSTOP before the next folder is made below the archive, once */
};

static struct orders *orders;

__attribute__((constructor)) static void start(void)
{
	int fd = open(ORDERS, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	void *map = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	orders = map == MAP_FAILED ? NULL : map;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	if (r == 0 && orders && id == CLOCK_REALTIME) {
		int64_t usec = ts->tv_sec * INT64_C(1000000) + ts->tv_nsec / 1000 + orders->clock_usec;
		ts->tv_sec = usec / 1000000;
		ts->tv_nsec = usec % 1000000 * 1000;
	}
	return r;
}

/* What starts a transaction of nftables, see include/uapi/linux/netfilter/nfnetlink.h. */
static int is_transaction(const void *data, size_t size)
{
	struct nlmsghdr h;
	if (size < sizeof h)
		return 0;
	memcpy(&h, data, sizeof h);
	return h.nlmsg_type == NFNL_MSG_BATCH_BEGIN;
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size)
{
	int action = ACT_NOTHING;
	if (orders && is_transaction(data, size)) {
		orders->transactions++;
		if (orders->action != ACT_NOTHING && --orders->countdown == 0) {
			action = orders->action;
			orders->action = ACT_NOTHING;
		}
	}
	if (action == ACT_KILL_BEFORE)
		kill(getpid(), SIGKILL);
	if (action == ACT_FAIL) {
		errno = ENOMEM;
		return -1;
	}
	ssize_t sent = syscall(SYS_sendto, fd, data, size, flags, to, to_size);
	if (action == ACT_KILL_AFTER)
		kill(getpid(), SIGKILL);
	return sent;
}

/* ---- the disk of the logs ---- */

static int is_below(int fd, const char *folder)
{
	char name[32], path[64];
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, path, sizeof path);
	return n > (ssize_t)strlen(folder) && !memcmp(path, folder, strlen(folder));
}

static int is_log(int fd)
{
	int flags = orders ? fcntl(fd, F_GETFL) : -1;
	return flags >= 0 && flags & O_APPEND && is_below(fd, LOGS);
}

ssize_t write(int fd, const void *data, size_t size)
{
	if (orders && orders->write_error && is_log(fd)) {
		errno = orders->write_error;
		return -1;
	}
	return syscall(SYS_write, fd, data, size);
}

int fdatasync(int fd)
{
	if (orders && (orders->sync_error || orders->sync_msec) && is_log(fd)) {
		struct timespec more = {orders->sync_msec / 1000, orders->sync_msec % 1000 * 1000000L};
		nanosleep(&more, NULL);
		if (orders->sync_error) {
			errno = orders->sync_error;
			return -1;
		}
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* The sealer alone writes so there: SQLite keeps its own table of system calls, which has pwrite64(). */
ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
	if (orders && orders->seal_error && is_below(fd, KEYS)) {
		errno = orders->seal_error;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, data, size, at);
}

/* ---- memory, and a halt ---- */

/* jansson(3): 0 on error. Only lines of the log have a buffer of this size. */
size_t json_dumpb(const void *json, char *buffer, size_t size, size_t flags)
{
	static size_t (*real)(const void *, char *, size_t, size_t);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "json_dumpb");
	if (orders && orders->lines_without_memory && size == 16383) {
		orders->lines_without_memory--;
		return 0;
	}
	return real(json, buffer, size, flags);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	if (orders && orders->halt && is_below(dir, KEYS)) {
		orders->halt = 0;
		raise(SIGSTOP);
	}
	return (int)syscall(SYS_mkdirat, dir, path, mode);
}
