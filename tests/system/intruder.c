/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into a program by test_intruder.py: on SIGUSR2 it does, as somebody would who runs code of his own in there, the act
 * that stands in /run/world/intruder. The program is the real one, and what it has given up by then is gone. How it went stands
 * in the same file, unless the kernel has ended the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define ORDERS "/run/world/intruder"

struct orders {
	int32_t state; /* 0, 1: it came back */
	int32_t error; /* 0: it worked */
	char act[56];
};

static struct orders *orders;
static struct sockaddr_in elsewhere;

static long try_exec(void)
{
	char *const arguments[] = {(char[]){"true"}, NULL};
	return syscall(SYS_execve, "/usr/bin/true", arguments, NULL);
}

static long try_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);
}

static long try_connect(void)
{
	long fd = syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	long r = fd < 0 ? fd : syscall(SYS_connect, fd, &elsewhere, sizeof elsewhere);
	/* Whoever gets this far is not stopped by us, wherever the way may end. */
	return fd >= 0 && r < 0 && (errno == EINPROGRESS || errno == ENETUNREACH) ? 0 : r;
}

/* A listening socket that was handed over becomes one that has not been used yet. */
static long try_reuse(void)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	long r = syscall(SYS_connect, 3, &nowhere, sizeof nowhere);
	return r < 0 ? r : syscall(SYS_connect, 3, &elsewhere, sizeof elsewhere) < 0 && errno != EINPROGRESS ? -1 : 0;
}

static long try_fast_open(void)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	syscall(SYS_connect, 3, &nowhere, sizeof nowhere);
	return syscall(SYS_sendto, 3, "x", 1L, MSG_FASTOPEN, &elsewhere, sizeof elsewhere);
}

static long try_listen(void)
{
	const struct sockaddr_un at = {.sun_family = AF_UNIX}; /* the kernel chooses a name, unix(7) */
	long fd = syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	long r = fd < 0 ? fd : syscall(SYS_bind, fd, &at, sizeof at.sun_family);
	return r < 0 ? r : syscall(SYS_listen, fd, 1);
}

static long try_mmap(void)
{
	long p = syscall(SYS_mmap, NULL, 4096L, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1L, 0L);
	return p < 0 ? -1 : 0;
}

static long try_peek(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {orders, 1};
	return syscall(SYS_process_vm_readv, syscall(SYS_getppid), &here, 1L, &there, 1L, 0L);
}

static const struct {
	const char *name;
	long (*act)(void);
	long call, arguments[5];
} acts[] = {
	{"exec", try_exec, 0, {0}},
	{"fork", try_fork, 0, {0}},
	{"connect", try_connect, 0, {0}},
	{"reuse-socket", try_reuse, 0, {0}},
	{"fast-open", try_fast_open, 0, {0}},
	{"listen", try_listen, 0, {0}},
	{"write-execute", try_mmap, 0, {0}},
	{"peek", try_peek, 0, {0}},
	{"execute-later", NULL, SYS_mprotect, {0, 4096, PROT_EXEC}},
	{"read-elsewhere", NULL, SYS_openat, {AT_FDCWD, (long)"/usr/bin/true", O_RDONLY}},
	{"write-elsewhere", NULL, SYS_openat, {AT_FDCWD, (long)"/tmp/intruder", O_WRONLY | O_CREAT, 0600}},
	{"link-elsewhere", NULL, SYS_symlink, {(long)"/etc/shadow", (long)"/tmp/link"}},
	{"datagrams", NULL, SYS_socket, {AF_INET6, SOCK_DGRAM}},
	{"raw-socket", NULL, SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_ICMP}},
	{"packet-socket", NULL, SYS_socket, {AF_PACKET, SOCK_DGRAM}},
	{"alg-socket", NULL, SYS_socket, {AF_ALG, SOCK_SEQPACKET}},
	{"ptrace", NULL, SYS_ptrace, {PTRACE_TRACEME}},
	{"kill", NULL, SYS_kill, {1, 0}},
	{"setuid", NULL, SYS_setuid, {0}},
	{"mount", NULL, SYS_mount, {(long)"none", (long)"/tmp", (long)"tmpfs"}},
	{"unshare", NULL, SYS_unshare, {CLONE_NEWUSER}},
	{"clone-user", NULL, SYS_clone, {SIGCHLD | CLONE_NEWUSER}},
	{"clone3", NULL, SYS_clone3, {0}},
	{"setns", NULL, SYS_setns, {0, 0}},
	{"dump", NULL, SYS_prctl, {PR_SET_DUMPABLE, 1}},
	{"bpf", NULL, SYS_bpf, {0}},
	{"module", NULL, SYS_finit_module, {0, (long)""}},
	{"io-uring", NULL, SYS_io_uring_setup, {1}},
	{"perf", NULL, SYS_perf_event_open, {0}},
	{"userfaultfd", NULL, SYS_userfaultfd, {0}},
	{"keyring", NULL, SYS_keyctl, {0}},
	{"memfd", NULL, SYS_memfd_create, {(long)"x", 0}},
	{"clock", NULL, SYS_clock_settime, {0}},
};

static void on_signal(int number)
{
	(void)number;
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		if (strcmp(acts[i].name, orders->act))
			continue;
		const long *a = acts[i].arguments;
		long r = acts[i].act ? acts[i].act() : syscall(acts[i].call, a[0], a[1], a[2], a[3], a[4]);
		orders->error = r < 0 ? errno : 0;
		orders->state = 1;
	}
	syscall(SYS_exit_group, 0);
}

__attribute__((constructor)) static void start(void)
{
	const struct sigaction act = {.sa_handler = on_signal};
	int fd = open(ORDERS, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	void *map = mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	orders = map;
	elsewhere = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(0x0a14000a)}};
	sigaction(SIGUSR2, &act, NULL);
}
