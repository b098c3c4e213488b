/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into the gateway by tests (ld.so(8), LD_PRELOAD): another clock, faults on its way to nftables and of the disk that
 * the logs are on. Told what to do by a file that the test maps too, so that both take effect at once; without the file it does
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

enum { ACT_NOTHING, ACT_KILL_BEFORE, ACT_KILL_AFTER, ACT_FAIL };

struct orders {
	int64_t clock_usec; /* added to CLOCK_REALTIME */
	int32_t action; /* at the ... */
	int32_t countdown; /* ... so manieth transaction from now, 1: the next one */
	int32_t transactions; /* counted since the start */
	int32_t write_error, sync_error; /* errno of each write(2), fdatasync(2) to the logs; 0: they work */
	int32_t sync_msec; /* how long each fdatasync(2) of the logs takes longer */
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

static int is_log(int fd)
{
	char name[32], path[64];
	int flags = orders ? fcntl(fd, F_GETFL) : -1;
	if (flags < 0 || !(flags & O_APPEND))
		return 0;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, path, sizeof path);
	return n > (ssize_t)strlen(LOGS) && !memcmp(path, LOGS, strlen(LOGS));
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
