/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of the tunnel share: network namespace A is the gateway's, B a phone's, joined by a veth pair. `backend` is the
 * one under test; the tests run inside namespace_main().
 */
#ifndef SEKISHO_TESTS_TUNNEL_FIXTURE_H
#define SEKISHO_TESTS_TUNNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "common/text.h"
#include "gateway/netif.h"
#include "gateway/tunnel.h"
#include "gateway/tunnel_backend.h"
#include "gateway/uapi.h"
#include "tests/unit/namespace.h"

enum { PORT_A = 51820, PORT_B = 51821, DEADLINE_USEC = 20 * 1000000 };

static const struct tunnel_backend *backend;	/* the one under test */
__attribute__((unused)) static bool kernel_has; /* WireGuard */
static int ns_a, ns_b;
static struct key private_a, private_b, public_a, public_b;
static char why[512];

static __attribute__((unused)) struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static __attribute__((unused)) struct prefix network(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static __attribute__((unused)) void enter(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static __attribute__((unused)) struct tunnel_spec spec_of(
	const char *interface, const struct key *private_key, uint16_t port, const char *v4, const char *v6)
{
	return (struct tunnel_spec){
		.interface = interface,
		.backend = backend == &tunnel_kernel ? BACKEND_KERNEL : BACKEND_USERSPACE,
		.private_key = *private_key,
		.listen_port = port,
		.network4 = network("10.99.0.0/16"),
		.network6 = network("fd99::/64"),
		.gateway4 = address(v4),
		.gateway6 = address(v6),
		.mtu = 1280,
	};
}

static __attribute__((unused)) struct tunnel_spec spec_a(void)
{
	return spec_of("ska0", &private_a, PORT_A, "10.99.0.1", "fd99::1");
}

static __attribute__((unused)) struct tunnel *open_spec(const struct tunnel_spec *spec)
{
	struct tunnel *t = NULL;

	*why = '\0';
	if (tunnel_open(spec, &t, why, sizeof why))
		fail_msg("tunnel_open: %s", why);
	return t;
}

static __attribute__((unused)) void destroy(struct tunnel *t, const char *interface)
{
	*why = '\0';
	tunnel_close(t);
	if (tunnel_destroy(interface, why, sizeof why))
		fail_msg("tunnel_destroy: %s", why);
	assert_int_equal(netif_index(interface), -ENODEV);
}

static __attribute__((unused)) struct tunnel *open_a(void)
{
	struct tunnel_spec spec = spec_a();

	return open_spec(&spec);
}

/* The pid of the wireguard-go that serves an interface: with -f the listener is the process itself. 0 for the kernel. */
static __attribute__((unused)) pid_t server(const char *interface)
{
	struct ucred c = {0};
	socklen_t size = sizeof c;
	int fd;

	if (backend == &tunnel_kernel)
		return 0;
	fd = uapi_connect(interface);
	if (fd < 0)
		return fd;
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &size), 0);
	close(fd);
	assert_true(c.pid > 1);
	return c.pid;
}

static __attribute__((unused)) int pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_true(fd >= 0);
	return fd;
}

static __attribute__((unused)) void wait_exit(int process)
{
	struct pollfd p = {.fd = process, .events = POLLIN};

	assert_int_equal(poll(&p, 1, DEADLINE_USEC / 1000), 1);
	close(process);
}

static __attribute__((unused)) struct key key_number(unsigned n)
{
	struct key k = {{9}};

	k.bytes[1] = (uint8_t)n;
	k.bytes[2] = (uint8_t)(n >> 8);
	return k;
}

struct peers {
	struct tunnel_peer list[8];
	unsigned count;
};

static __attribute__((unused)) int collect(const struct tunnel_peer *p, void *arg)
{
	struct peers *all = arg;

	if (all->count == 8)
		return 7;
	all->list[all->count++] = *p;
	return 0;
}

static __attribute__((unused)) const struct tunnel_peer *find(struct tunnel *t, struct peers *all, const struct key *k)
{
	all->count = 0;
	assert_int_equal(tunnel_each(t, collect, all), 0);
	for (unsigned i = 0; i < all->count; i++)
		if (key_equal(&all->list[i].public_key, k))
			return &all->list[i];
	return NULL;
}

static __attribute__((unused)) int udp_bound(const char *text, uint16_t port)
{
	struct endpoint e = {address(text), port};
	struct sockaddr_storage ss;
	socklen_t size = endpoint_to_sockaddr(&e, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	if (ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&ss, size) < 0) {
		int ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static __attribute__((unused)) void refused(const struct tunnel_spec *spec, int error, const char *words)
{
	struct tunnel *t = NULL;

	*why = '\0';
	assert_int_equal(tunnel_open(spec, &t, why, sizeof why), error);
	assert_null(t);
	if (!strstr(why, words))
		fail_msg("'%s' is not in: %s", words, why);
}

static __attribute__((unused)) int setup(void **state)
{
	char path[64];

	(void)state;
	assert_int_equal(key_generate(&private_a), 0);
	assert_int_equal(key_generate(&private_b), 0);
	assert_int_equal(key_public(&private_a, &public_a), 0);
	assert_int_equal(key_public(&private_b, &public_b), 0);
	ns_a = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	ns_b = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(ns_a >= 0 && ns_b >= 0);
	assert_int_equal(RUN("ip", "link", "set", "lo", "up"), 0);
	enter(ns_a);
	snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), ns_b);
	assert_int_equal(RUN("ip", "link", "add", "va", "type", "veth", "peer", "name", "vb", "netns", path), 0);
	assert_int_equal(RUN("ip", "address", "add", "192.0.2.1/24", "dev", "va"), 0);
	assert_int_equal(RUN("ip", "link", "set", "va", "up"), 0);
	enter(ns_b);
	assert_int_equal(RUN("ip", "address", "add", "192.0.2.2/24", "dev", "vb"), 0);
	assert_int_equal(RUN("ip", "link", "set", "vb", "up"), 0);
	enter(ns_a);
	return 0;
}

#endif
