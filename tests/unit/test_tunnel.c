/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tunnel on each backend that this machine has: a real wireguard-go, and the kernel's WireGuard. */
#include "tests/unit/tunnel_fixture.h"

static bool has_address(const char *interface, const char *text)
{
	struct addr wanted = address(text);
	struct ifaddrs *all;
	bool found = false;

	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct endpoint e;
		if (i->ifa_addr && strcmp(i->ifa_name, interface) == 0 &&
			endpoint_from_sockaddr(i->ifa_addr,
				i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6),
				&e) == 0)
			found = found || addr_equal(&e.addr, &wanted);
	}
	freeifaddrs(all);
	return found;
}

/* The source address that the routing table chooses for a destination: the route is there, and through our interface. */
static void assert_route(const char *destination, const char *source)
{
	struct endpoint to = {address(destination), 9}, from;
	struct sockaddr_storage ss;
	socklen_t size = endpoint_to_sockaddr(&to, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct addr expected = address(source);

	assert_int_equal(connect(fd, (struct sockaddr *)&ss, size), 0);
	size = sizeof ss;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &size), 0);
	assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&ss, size, &from), 0);
	assert_true(addr_equal(&from.addr, &expected));
	close(fd);
}

static void test_open(void **state)
{
	struct tunnel_spec spec = spec_a();
	/* What 'auto' comes to. */
	if (kernel_has == (backend == &tunnel_kernel))
		spec.backend = BACKEND_AUTO;
	struct tunnel *t = open_spec(&spec);
	struct ifreq mtu = {.ifr_name = "ska0"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_string_equal(tunnel_backend(t), backend == &tunnel_kernel ? "kernel" : "wireguard-go");
	assert_int_equal(tunnel_check(t), 0);
	assert_true(has_address("ska0", "10.99.0.1"));
	assert_true(has_address("ska0", "fd99::1"));
	assert_int_equal(ioctl(fd, SIOCGIFMTU, &mtu), 0);
	assert_int_equal(mtu.ifr_mtu, 1280);
	close(fd);
	assert_int_equal(netif_is_up("ska0"), 1);
	assert_int_equal(netif_is_kind("ska0", "tun"), backend == &tunnel_uapi);
	assert_int_equal(netif_is_kind("ska0", "wireguard"), backend == &tunnel_kernel);
	assert_route("10.99.7.7", "10.99.0.1");
	assert_route("fd99::77", "fd99::1");
	assert_int_equal(udp_bound("0.0.0.0", PORT_A), -EADDRINUSE);
	assert_int_equal(udp_bound("::", PORT_A), -EADDRINUSE);
	tunnel_close(t);
}

static void test_peers(void **state)
{
	struct tunnel *t = open_a();
	struct key one = key_number(1), two = key_number(2);
	struct tunnel_peer p = {.public_key = one, .v4 = address("10.99.0.11"), .v6 = address("fd99::11"), .keepalive = 25};
	struct tunnel_peer q = {.public_key = two, .preshared = key_number(3), .v4 = address("10.99.0.12")};
	const struct tunnel_peer *seen;
	struct peers all;

	(void)state;
	assert_int_equal(endpoint_parse("[2001:db8::5]:4500", &p.endpoint), 0);
	assert_int_equal(tunnel_peer_install(t, &p), 0);
	assert_int_equal(tunnel_peer_install(t, &q), 0);
	seen = find(t, &all, &one);
	assert_non_null(seen);
	assert_int_equal(all.count, 2);
	assert_true(endpoint_equal(&seen->endpoint, &p.endpoint));
	assert_true(addr_equal(&seen->v4, &p.v4));
	assert_true(addr_equal(&seen->v6, &p.v6));
	assert_int_equal(seen->keepalive, 25);
	assert_int_equal(seen->last_handshake, 0);
	assert_false(seen->extra_addresses);
	assert_true(key_is_zero(&seen->preshared));

	/* Installing again replaces addresses and keepalive, and leaves an endpoint that is not named. */
	p.v4 = address("10.99.0.13");
	p.v6.family = 0;
	memset(p.v6.bytes, 0, sizeof p.v6.bytes);
	p.keepalive = 0;
	struct endpoint endpoint = p.endpoint;
	p.endpoint = (struct endpoint){0};
	assert_int_equal(tunnel_peer_install(t, &p), 0);
	seen = find(t, &all, &one);
	assert_true(addr_equal(&seen->v4, &p.v4));
	assert_int_equal(seen->v6.family, 0);
	assert_int_equal(seen->keepalive, 0);
	assert_true(endpoint_equal(&seen->endpoint, &endpoint));

	assert_int_equal(tunnel_peer_keepalive(t, &one, 7), 0);
	assert_int_equal(find(t, &all, &one)->keepalive, 7);

	assert_int_equal(tunnel_peer_remove(t, &one), 0);
	assert_int_equal(tunnel_peer_keepalive(t, &one, 9), -ENOENT);
	assert_null(find(t, &all, &one));
	assert_int_equal(tunnel_peer_remove(t, &one), 0);
	assert_non_null(find(t, &all, &two));
	tunnel_close(t);
}

/* What others do to a peer is seen, and a keepalive never brings back one that they took out. */
static void test_foreign_changes(void **state)
{
	struct tunnel *t = open_a();
	struct key two = key_number(2);
	char text[KEY_TEXT];
	struct peers all;

	(void)state;
	key_format(&two, text);
	assert_int_equal(RUN("wg", "set", "ska0", "peer", text, "allowed-ips", "10.99.0.12/32,10.20.0.0/16"), 0);
	assert_true(find(t, &all, &two)->extra_addresses);
	assert_int_equal(RUN("wg", "set", "ska0", "peer", text, "remove"), 0);
	assert_int_equal(tunnel_peer_keepalive(t, &two, 9), 0);
	assert_null(find(t, &all, &two));
	assert_int_equal(tunnel_peer_keepalive(t, &two, 9), -ENOENT);

	assert_int_equal(RUN("ip", "link", "set", "ska0", "down"), 0);
	assert_int_equal(tunnel_check(t), -ENETDOWN);
	tunnel_close(t);
	t = open_a();
	assert_int_equal(tunnel_check(t), 0);
	tunnel_close(t);
}

static int stop_at_first(const struct tunnel_peer *p, void *arg)
{
	(void)p;
	++*(int *)arg;
	return 42;
}

static void test_takeover(void **state)
{
	struct tunnel *t = open_a();
	struct tunnel_spec spec = spec_a();
	struct peers all;
	pid_t pid = server("ska0");
	int calls = 0;

	(void)state;
	for (unsigned i = 20; i < 23; i++) {
		struct tunnel_peer p = {.public_key = key_number(i), .v4 = address("10.99.0.1")};
		p.v4.bytes[3] = (uint8_t)i;
		assert_int_equal(tunnel_peer_install(t, &p), 0);
	}
	tunnel_close(t);
	assert_int_equal(RUN("ip", "address", "add", "172.31.9.9/24", "dev", "ska0"), 0);
	assert_int_equal(RUN("ip", "address", "add", "fd77::9/64", "dev", "ska0"), 0);
	assert_int_equal(RUN("ip", "route", "replace", "10.99.0.0/16", "dev", "lo"), 0);

	t = open_a();
	assert_int_equal(server("ska0"), pid);
	find(t, &all, &public_b);
	assert_int_equal(all.count, 3);
	assert_int_equal(tunnel_each(t, stop_at_first, &calls), 42);
	assert_int_equal(calls, 1);
	assert_int_equal(tunnel_peer_keepalive(t, &all.list[0].public_key, 5), 0); /* known from the take-over */
	assert_false(has_address("ska0", "172.31.9.9"));
	assert_false(has_address("ska0", "fd77::9"));
	assert_true(has_address("ska0", "10.99.0.1"));
	assert_route("10.99.7.7", "10.99.0.1");
	assert_int_not_equal(RUN_QUIET("ip", "route", "del", "10.99.0.0/16", "dev", "lo"), 0);
	tunnel_close(t);

	/* Another port and another key for the same process. */
	spec.listen_port = PORT_A + 7;
	spec.private_key = private_b;
	t = open_spec(&spec);
	assert_int_equal(server("ska0"), pid);
	assert_int_equal(udp_bound("0.0.0.0", PORT_A + 7), -EADDRINUSE);
	assert_int_equal(RUN("wg", "set", "ska0", "listen-port", "51999"), 0);
	assert_int_equal(tunnel_check(t), -ENOTCONN);
	struct tunnel *other = open_a();
	assert_int_equal(tunnel_check(t), -EKEYREJECTED);
	assert_int_equal(tunnel_check(other), 0);
	tunnel_close(other);
	tunnel_close(t);
}

static void test_port_taken(void **state)
{
	struct tunnel_spec spec = spec_of("ska1", &private_a, PORT_A + 1, "10.98.0.1", "fd98::1");
	struct tunnel *t = NULL;
	int fd = udp_bound("0.0.0.0", PORT_A + 1);

	(void)state;
	spec.network4 = network("10.98.0.0/16");
	spec.network6 = (struct prefix){0};
	spec.gateway6 = (struct addr){0};
	assert_true(fd >= 0);
	for (int i = 0; i < 2; i++) { /* started afresh, then taken over */
		*why = '\0';
		assert_int_equal(tunnel_open(&spec, &t, why, sizeof why), -EADDRINUSE);
		assert_null(t);
		assert_non_null(strstr(why, "51821"));
		assert_non_null(strstr(why, "ss -ulpn"));
	}
	close(fd);
	t = open_spec(&spec);
	assert_int_equal(udp_bound("0.0.0.0", PORT_A + 1), -EADDRINUSE);
	destroy(t, "ska1");
}

static void test_refused(void **state)
{
	struct tunnel_spec spec = spec_of("va", &private_a, PORT_A + 2, "10.98.0.1", "fd98::1");

	(void)state;
	refused(&spec, -EEXIST, "ip link del va");
	spec.interface = "a-name-that-is-too-long";
	refused(&spec, -EINVAL, "1 to 15");
	spec.interface = "";
	refused(&spec, -EINVAL, "1 to 15");
	spec.interface = "ska0";
	spec.backend = backend == &tunnel_kernel ? BACKEND_USERSPACE : BACKEND_KERNEL;
	refused(&spec, -EEXIST, "ip link del ska0");
}

/* The interface goes away under the kernel's tunnel. */
static void test_deleted(void **state)
{
	struct tunnel *t = open_a();
	struct peers all;

	(void)state;
	assert_int_equal(RUN("ip", "link", "del", "ska0"), 0);
	assert_int_equal(tunnel_check(t), -ENODEV);
	struct tunnel_peer p = {.public_key = key_number(1)};
	assert_int_equal(tunnel_peer_install(t, &p), -ENODEV);
	tunnel_close(t);
	t = open_a();
	assert_int_equal(tunnel_check(t), 0);
	assert_null(find(t, &all, &public_b));
	assert_int_equal(all.count, 0);
	tunnel_close(t);
}

/* Nothing of ours is left open in it, and it is in no session of ours. */
static void assert_detached(pid_t pid, uid_t uid)
{
	char path[64], target[64] = "";
	struct stat st;

	snprintf(path, sizeof path, "/proc/%d", pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, uid);
	snprintf(path, sizeof path, "/proc/%d/fd/1", pid);
	assert_true(readlink(path, target, sizeof target - 1) > 0);
	assert_string_equal(target, "/dev/null");
	assert_int_not_equal(getsid(pid), getsid(0));
}

/* As the gateway runs: no root, one capability; and wireguard-go outlives the one who started it. */
static void test_unprivileged(void **state)
{
	enum { NOBODY = 65534 };
	struct tunnel_spec spec = spec_of("ska3", &private_a, PORT_A + 3, "10.97.0.1", "fd97::1");
	int status;
	pid_t pid;

	(void)state;
	spec.network4 = network("10.97.0.0/16");
	spec.network6 = network("fd97::/64");
	if (backend == &tunnel_uapi) { /* what udev and tmpfiles.d give the gateway's user; in this test's mount namespace only */
		assert_int_equal(chmod("/run/wireguard", 0777), 0);
		assert_int_equal(mknod("/run/wireguard/tun", S_IFCHR, makedev(10, 200)), 0);
		assert_int_equal(chmod("/run/wireguard/tun", 0666), 0);
		assert_int_equal(mount("/run/wireguard/tun", "/dev/net/tun", "none", MS_BIND, NULL), 0);
	}
	fflush(NULL);
	pid = fork();
	if (!pid) {
		const char *argv[] = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,+net_admin",
			"--ambient-caps=-all,+net_admin", "--no-new-privs", "/proc/self/exe", "--unprivileged", backend->name,
			NULL};
		char self[4096] = "";
		if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
			_exit(3);
		argv[7] = self;
		execvp(argv[0], (char *const *)argv);
		_exit(4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(netif_index("ska3") > 0);
	struct tunnel *t = open_spec(&spec);
	assert_int_equal(tunnel_check(t), 0);
	if (backend == &tunnel_uapi)
		assert_detached(server("ska3"), NOBODY);
	destroy(t, "ska3");
}

static int unprivileged(void)
{
	struct key private_key = {{1}};
	struct tunnel_spec spec = spec_of("ska3", &private_key, PORT_A + 3, "10.97.0.1", "fd97::1");
	struct tunnel *t;

	spec.network4 = network("10.97.0.0/16");
	spec.network6 = network("fd97::/64");
	if (tunnel_open(&spec, &t, why, sizeof why)) {
		fprintf(stderr, "unprivileged: %s\n", why);
		return 1;
	}
	int ret = tunnel_check(t);
	tunnel_close(t);
	return ret ? 2 : 0;
}

/* Sends from one socket to the other until it arrives: the first packets wait for the handshake. */
static void assert_reaches(int from, int to, const char *destination, uint16_t port)
{
	struct endpoint e = {address(destination), port};
	struct sockaddr_storage ss;
	socklen_t size = endpoint_to_sockaddr(&e, &ss);
	int64_t deadline = time_boot() + DEADLINE_USEC;
	struct pollfd p = {.fd = to, .events = POLLIN};
	char got[16] = "";

	do {
		assert_true(time_boot() < deadline);
		assert_int_equal(sendto(from, "ping", 4, 0, (struct sockaddr *)&ss, size), 4);
	} while (poll(&p, 1, 100) == 0);
	assert_int_equal(recv(to, got, sizeof got, MSG_DONTWAIT), 4);
	assert_string_equal(got, "ping");
	while (recv(to, got, sizeof got, MSG_DONTWAIT) > 0)
		;
}

static void test_ping(void **state)
{
	struct tunnel_spec spec_b = spec_of("skb0", &private_b, PORT_B, "10.99.0.2", "fd99::2");
	struct tunnel_peer b = {
		.public_key = public_b, .preshared = key_number(50), .v4 = spec_b.gateway4, .v6 = spec_b.gateway6};
	struct tunnel_peer a = {
		.public_key = public_a, .preshared = key_number(50), .v4 = address("10.99.0.1"), .v6 = address("fd99::1")};
	struct peers all;

	(void)state;
	assert_int_equal(endpoint_parse("192.0.2.1:51820", &a.endpoint), 0);
	struct tunnel *ta = open_a();
	assert_int_equal(tunnel_peer_install(ta, &b), 0);
	enter(ns_b);
	struct tunnel *tb = open_spec(&spec_b);
	assert_int_equal(tunnel_peer_install(tb, &a), 0);
	int b4 = udp_bound("10.99.0.2", 7000), b6 = udp_bound("fd99::2", 7000);
	enter(ns_a);
	int a4 = udp_bound("10.99.0.1", 7000), a6 = udp_bound("fd99::1", 7000);
	assert_true(a4 >= 0 && a6 >= 0 && b4 >= 0 && b6 >= 0);
	assert_reaches(b4, a4, "10.99.0.1", 7000);
	assert_reaches(a4, b4, "10.99.0.2", 7000);
	assert_reaches(b6, a6, "fd99::1", 7000);
	assert_reaches(a6, b6, "fd99::2", 7000);

	const struct tunnel_peer *seen = find(ta, &all, &public_b);
	assert_non_null(seen);
	assert_true(seen->last_handshake > 0);
	assert_true(seen->rx_bytes > 0 && seen->tx_bytes > 0);
	struct addr outer = address("192.0.2.2");
	assert_true(addr_equal(&seen->endpoint.addr, &outer));
	assert_int_equal(seen->endpoint.port, PORT_B);
	close(a4);
	close(a6);
	close(b4);
	close(b6);
	enter(ns_b);
	destroy(tb, "skb0");
	enter(ns_a);
	tunnel_close(ta);
}

static void test_destroy(void **state)
{
	struct tunnel *t = open_a();
	struct tunnel_peer p = {.public_key = key_number(1), .v4 = address("10.99.0.11")};
	int process = backend == &tunnel_uapi ? pidfd(server("ska0")) : -1;

	(void)state;
	assert_int_equal(tunnel_peer_install(t, &p), 0);
	destroy(t, "ska0");
	if (backend == &tunnel_uapi) {
		wait_exit(process);
		assert_true(server("ska0") < 0);
	}
	assert_int_equal(tunnel_destroy("ska0", why, sizeof why), 0); /* nothing is there */
	assert_int_equal(tunnel_destroy("va", why, sizeof why), -EEXIST); /* somebody's cable */
	assert_non_null(strstr(why, "not WireGuard"));
	assert_true(netif_index("va") > 0);
}

static int userspace(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_foreign_changes),
		cmocka_unit_test(test_takeover),
		cmocka_unit_test(test_port_taken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_destroy),
	};

	if (access("/usr/bin/wireguard-go", X_OK) < 0 || access("/dev/net/tun", R_OK | W_OK) < 0) {
		puts("SKIPPED: userspace: needs wireguard-go and /dev/net/tun");
		return 0;
	}
	backend = &tunnel_uapi;
	return cmocka_run_group_tests_name("userspace", tests, setup, NULL);
}

static int kernel(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_foreign_changes),
		cmocka_unit_test(test_takeover),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_port_taken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_destroy),
	};

	if (!kernel_has) {
		puts("SKIPPED: kernel: this kernel has no WireGuard");
		return 0;
	}
	backend = &tunnel_kernel;
	return cmocka_run_group_tests_name("kernel", tests, setup, NULL);
}

static int probe(void)
{
	return netif_create_wireguard("skprobe");
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--unprivileged") == 0) {
		backend = strcmp(argv[2], tunnel_kernel.name) == 0 ? &tunnel_kernel : &tunnel_uapi;
		return unprivileged();
	}
	kernel_has = geteuid() == 0 && namespace_main(probe) == 0;
	int failed = namespace_main(userspace);
	return namespace_main(kernel) || failed;
}
