/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only wireguard-go can do to us: be killed, leave things behind, be missing, be somebody else's. */
#include "tests/unit/tunnel_fixture.h"

static void kill_server(const char *interface)
{
	pid_t pid = server(interface);
	int process = pidfd(pid);

	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_exit(process);
}

static void test_killed(void **state)
{
	struct tunnel *t = open_a();
	char path[UAPI_PATH_MAX];
	struct peers all;

	(void)state;
	kill_server("ska0");
	assert_int_equal(tunnel_check(t), -ENODEV);
	assert_int_equal(access(uapi_path("ska0", path), F_OK), 0); /* the stale socket */
	struct tunnel_peer p = {.public_key = key_number(1)};
	assert_int_equal(tunnel_peer_install(t, &p), -ECONNREFUSED);
	tunnel_close(t);
	t = open_a();
	assert_int_equal(tunnel_check(t), 0);
	assert_null(find(t, &all, &public_b));
	assert_int_equal(all.count, 0);
	tunnel_close(t);
}

static void test_refused_userspace(void **state)
{
	struct tunnel_spec spec = spec_of("ska2", &private_a, PORT_A + 2, "10.98.0.1", "fd98::1");
	struct ifreq request = {.ifr_name = "ska2", .ifr_flags = IFF_TUN | IFF_NO_PI};
	int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	(void)state;
	if (!kernel_has) {
		spec.backend = BACKEND_KERNEL;
		refused(&spec, -EOPNOTSUPP, "this kernel has no WireGuard");
		spec.backend = BACKEND_USERSPACE;
	}

	/* Not installed, as far as this mount namespace goes. */
	assert_int_equal(mount("tmpfs", "/usr/bin", "tmpfs", 0, NULL), 0);
	refused(&spec, -ENOENT, "install the package wireguard-go");
	assert_int_equal(umount("/usr/bin"), 0);

	/* Some other program has a tun device of that name: it is left alone. */
	assert_int_equal(ioctl(tun, TUNSETIFF, &request), 0);
	refused(&spec, -EBUSY, "/proc/");
	assert_true(netif_index("ska2") > 0);
	close(tun);

	/* It serves an interface that is not here. */
	enter(ns_b);
	spec.interface = "ska0";
	refused(&spec, -EADDRNOTAVAIL, "network namespace");
	enter(ns_a);
	assert_int_equal(uapi_connect("nobody0"), -ENOENT);
}

static void test_leftover(void **state)
{
	struct tunnel_spec spec = spec_of("ska2", &private_a, PORT_A + 2, "10.98.0.1", "fd98::1");

	(void)state;
	spec.network4 = network("10.98.0.0/16");
	spec.network6 = network("fd98::/64");
	assert_int_equal(RUN("ip", "tuntap", "add", "mode", "tun", "name", "ska2"), 0);
	struct tunnel *t = open_spec(&spec);
	assert_int_equal(tunnel_check(t), 0);
	destroy(t, "ska2");
	assert_int_equal(RUN("ip", "tuntap", "add", "mode", "tun", "name", "ska2"), 0);
	destroy(NULL, "ska2"); /* nobody serves it */
}

static int body(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_refused_userspace),
		cmocka_unit_test(test_leftover),
	};

	if (access("/usr/bin/wireguard-go", X_OK) < 0 || access("/dev/net/tun", R_OK | W_OK) < 0) {
		puts("SKIPPED: needs wireguard-go and /dev/net/tun");
		return 0;
	}
	backend = &tunnel_uapi;
	return cmocka_run_group_tests(tests, setup, NULL);
}

static int probe(void)
{
	return netif_create_wireguard("skprobe");
}

int main(void)
{
	kernel_has = geteuid() == 0 && namespace_main(probe) == 0;
	return namespace_main(body);
}
