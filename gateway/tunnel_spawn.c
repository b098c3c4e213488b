/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"
#include "gateway/netif.h"
#include "gateway/tunnel_backend.h"
#include "gateway/uapi.h"

#define TUN_DEVICE "/dev/net/tun"

enum { START_PATIENCE_USEC = 15 * 1000000, LOOK_MS = 50 };

static const char *const programs[] = {"/usr/bin/wireguard-go", "/usr/local/bin/wireguard-go", "/usr/sbin/wireguard-go"};

/*
 * An interface of that name that nobody serves is a persistent tun device, left by `ip tuntap add` or its like: attaching to it
 * and making it transient removes it. Attaching fails with EBUSY while a program has it (drivers/net/tun.c).
 */
static int drop_leftover(int tun, const char *interface, char *why, size_t why_size)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int ret = 0;

	if (netif_index(interface) < 0)
		return 0;
	memcpy(request.ifr_name, interface, strlen(interface) + 1);
	if (ioctl(tun, TUNSETIFF, &request) < 0 || ioctl(tun, TUNSETPERSIST, 0) < 0) {
		ret = -errno;
		snprintf(why, why_size,
			"the interface '%s' is there but no wireguard-go answers for it: %s; end the program that holds it "
			"(grep -l 'iff:.%s' /proc/[0-9]*/fdinfo/*) or remove it: ip link del %s",
			interface, strerror(-ret), interface, interface);
	}
	return ret;
}

static int prepare(const char *interface, char *why, size_t why_size)
{
	char path[UAPI_PATH_MAX];
	struct stat st;
	int tun, ret;

	if (mkdir(UAPI_DIR, 0755) < 0 && errno != EEXIST) {
		ret = -errno;
		snprintf(why, why_size, "cannot make %s for wireguard-go's socket: %s; make it and give it to the gateway's user",
			UAPI_DIR, strerror(-ret));
		return ret;
	}
	if (lstat(uapi_path(interface, path), &st) == 0 && (!S_ISSOCK(st.st_mode) || unlink(path) < 0)) {
		ret = S_ISSOCK(st.st_mode) ? -errno : -EEXIST;
		snprintf(why, why_size, "%s is in wireguard-go's way and nobody answers there: %s; remove it", path,
			strerror(-ret));
		return ret;
	}
	tun = open(TUN_DEVICE, O_RDWR | O_CLOEXEC);
	if (tun < 0) {
		ret = -errno;
		snprintf(why, why_size,
			"cannot open %s: %s; wireguard-go needs it: load the module 'tun'; sekisho-gateway.service has it only "
			"with "
			"the drop-in userspace.conf (operations.md, \"Without WireGuard in the kernel\")",
			TUN_DEVICE, strerror(-ret));
		return ret;
	}
	ret = drop_leftover(tun, interface, why, why_size);
	close(tun);
	return ret;
}

/* What the two processes that fork(2) makes tell us; then the pipe closes. */
struct news {
	pid_t pid;
	int error;
};

/* In the new process: nothing of ours but the capabilities stays, then it becomes wireguard-go. Returns errno. */
static int become(const char *interface)
{
	char *const environment[] = {(char[]){"LOG_LEVEL=error"}, (char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
	char name[IFNAMSIZ] = "";
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;
	int nowhere = open("/dev/null", O_RDWR);

	memcpy(name, interface, strlen(interface) + 1);
	if (nowhere < 0 || dup2(nowhere, 0) < 0 || dup2(nowhere, 1) < 0 || dup2(nowhere, 2) < 0 || chdir("/") < 0)
		return errno;
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return errno;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &standard, NULL); /* refused for SIGKILL, SIGSTOP and those of the C library: as it should be */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* What an executed program keeps of ours (capabilities(7), ambient). Root has nothing inheritable, and needs no such
	 * thing. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0);
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		char program[32];
		memcpy(program, programs[i], strlen(programs[i]) + 1);
		execve(programs[i], (char *const[]){program, (char[]){"-f"}, name, NULL}, environment);
		if (errno != ENOENT)
			break;
	}
	return errno;
}

/* The first fork is ours to wait for; its child belongs to init. Only async-signal-safe calls from here (fork(2)). */
static void split(const char *interface, int report)
{
	struct news news = {0};
	pid_t pid;

	setsid();
	pid = fork();
	if (!pid) {
		news.error = become(interface);
		_exit(write(report, &news, sizeof news) == sizeof news ? 1 : 2);
	}
	news.pid = pid;
	news.error = pid < 0 ? errno : 0;
	_exit(write(report, &news, sizeof news) == sizeof news ? 0 : 2);
}

/* The new process as a pidfd, or -errno. */
static int launch(const char *interface)
{
	struct news news;
	int ends[2], ret = -ESRCH;
	ssize_t n;
	pid_t pid, wireguard = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (!pid)
		split(interface, ends[1]);
	if (pid < 0)
		ret = -errno;
	close(ends[1]);
	while (pid > 0 && ((n = read(ends[0], &news, sizeof news)) == sizeof news || (n < 0 && errno == EINTR))) {
		if (n > 0 && news.error)
			ret = -news.error;
		else if (n > 0)
			wireguard = news.pid;
	}
	close(ends[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (ret != -ESRCH)
		return ret;
	ret = wireguard > 0 ? (int)syscall(SYS_pidfd_open, wireguard, 0) : -1;
	return ret < 0 ? -ESRCH : ret;
}

/* Until the socket answers. The folder tells when it appears; the short look covers the moment between bind(2) and listen(2). */
static int wait_answer(const char *interface, int process, int folder)
{
	static const char nothing[] = "set=1\n\n";
	int64_t deadline = time_boot() + START_PATIENCE_USEC;
	struct pollfd wake[] = {{.fd = process, .events = POLLIN}, {.fd = folder, .events = POLLIN}};

	for (;;) {
		_Alignas(struct inotify_event) char events[4096];
		struct uapi_answer a;
		int ret = uapi_ask(interface, nothing, sizeof nothing - 1, &a);

		if (!ret) {
			uapi_answer_free(&a);
			return 0;
		}
		if (ret != -ENOENT && ret != -ECONNREFUSED)
			return ret;
		if (time_boot() > deadline)
			return -ETIMEDOUT;
		if (poll(wake, 2, LOOK_MS) < 0 && errno != EINTR)
			return -errno;
		if (wake[0].revents)
			return -ESRCH;
		while (wake[1].revents && read(folder, events, sizeof events) > 0)
			;
	}
}

int tunnel_spawn(const char *interface, char *why, size_t why_size)
{
	int ret = prepare(interface, why, why_size), folder, process;

	if (ret)
		return ret;
	folder = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (folder < 0 || inotify_add_watch(folder, UAPI_DIR, IN_CREATE | IN_MOVED_TO) < 0) {
		process = -errno;
	} else {
		process = launch(interface);
	}
	ret = process < 0 ? process : wait_answer(interface, process, folder);
	if (process >= 0) {
		if (ret)
			syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0);
		close(process);
	}
	if (folder >= 0)
		close(folder);
	if (ret == -ENOENT)
		snprintf(why, why_size,
			"wireguard-go is not installed, and 'backend' asks for it or this kernel has no WireGuard: "
			"install the package wireguard-go, or a kernel with WireGuard");
	else if (ret == -ESRCH)
		snprintf(why, why_size,
			"wireguard-go ended at once; to see why, run as the gateway's user: LOG_LEVEL=debug wireguard-go -f %s",
			interface);
	else if (ret)
		snprintf(why, why_size, "cannot start wireguard-go for the interface '%s': %s", interface, strerror(-ret));
	return ret;
}
