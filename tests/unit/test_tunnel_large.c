/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tunnel with as many peers as a ministry has, and what is left of keys in memory, on each backend that this machine has. */
#include <inttypes.h>

#include "common/secret.h"
#include "tests/unit/tunnel_fixture.h"

enum { MANY = 10000 };

struct census {
	uint8_t seen[MANY];
	unsigned count, strangers, wrong;
};

/* Without a keepalive: ten thousand that open a handshake at once are not what is tried here. */
static struct tunnel_peer peer_number(unsigned n)
{
	struct tunnel_peer p = {
		.public_key = key_number(n),
		.preshared = key_number(n + 1),
		.v4 = address("10.99.0.0"),
		.v6 = address("fd99::"),
	};
	unsigned host = n + 256;

	p.v4.bytes[2] = p.v6.bytes[14] = (uint8_t)(host >> 8);
	p.v4.bytes[3] = p.v6.bytes[15] = (uint8_t)host;
	p.endpoint = (struct endpoint){address(n % 2 ? "198.51.100.7" : "2001:db8::7"), (uint16_t)(1024 + n)};
	return p;
}

static int census_each(const struct tunnel_peer *p, void *arg)
{
	struct census *c = arg;
	unsigned n = (unsigned)p->public_key.bytes[1] | (unsigned)p->public_key.bytes[2] << 8;

	c->count++;
	if (n >= MANY) {
		c->strangers++;
		return 0;
	}
	struct tunnel_peer wanted = peer_number(n);
	c->seen[n]++;
	c->wrong += !addr_equal(&p->v4, &wanted.v4) || !addr_equal(&p->v6, &wanted.v6) || p->extra_addresses ||
		    !endpoint_equal(&p->endpoint, &wanted.endpoint);
	return 0;
}

/* Every one of [0, MANY) that satisfies n % step == first is there once, and nobody else. */
static void assert_census(struct tunnel *t, unsigned first, unsigned step)
{
	static struct census c;

	memset(&c, 0, sizeof c);
	assert_int_equal(tunnel_each(t, census_each, &c), 0);
	assert_int_equal(c.strangers, 0);
	assert_int_equal(c.wrong, 0);
	for (unsigned n = 0; n < MANY; n++)
		assert_int_equal(c.seen[n], n % step == first);
}

static void test_ten_thousand_peers(void **state)
{
	struct tunnel *t = open_a();

	(void)state;
	for (unsigned n = 0; n < MANY; n++) {
		struct tunnel_peer p = peer_number(n);
		assert_int_equal(tunnel_peer_install(t, &p), 0);
	}
	assert_census(t, 0, 1);
	tunnel_close(t);
	t = open_a(); /* taken over */
	assert_census(t, 0, 1);
	for (unsigned n = 0; n < MANY; n++)
		if (n % 2) {
			struct key k = key_number(n);
			assert_int_equal(tunnel_peer_remove(t, &k), 0);
		}
	assert_census(t, 0, 2);
	destroy(t, "ska0");
}

/* How often 32 bytes stand in this process's writable memory. They are given inverted, so that this search finds no copy of its
 * own. */
static unsigned copies(const struct key *inverted)
{
	uintptr_t first, end;
	unsigned found = 0;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");

	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		char access[5];
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &first, &end, access) != 3 || memcmp(access, "rw", 2) != 0)
			continue;
		for (const volatile uint8_t *at = (const uint8_t *)first; at + KEY_SIZE <= (const uint8_t *)end; at++) {
			unsigned i = 0;
			while (i < KEY_SIZE && (at[i] ^ inverted->bytes[i]) == 0xff)
				i++;
			found += i == KEY_SIZE;
		}
	}
	fclose(f);
	return found;
}

static struct key inverted(const struct key *k)
{
	struct key out;

	for (unsigned i = 0; i < KEY_SIZE; i++)
		out.bytes[i] = (uint8_t)~k->bytes[i];
	return out;
}

static void test_no_key_stays_in_memory(void **state)
{
	struct tunnel_spec spec = spec_a();
	struct tunnel_peer p = peer_number(7);
	struct key not_private, not_preshared;
	struct tunnel *t;
	struct peers all;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its allocator keeps what was freed, and its shadow memory cannot be read */
#endif
	assert_int_equal(key_generate(&spec.private_key), 0);
	assert_int_equal(key_generate(&p.preshared), 0);
	not_private = inverted(&spec.private_key);
	not_preshared = inverted(&p.preshared);
	t = open_spec(&spec);
	assert_int_equal(tunnel_peer_install(t, &p), 0);
	assert_int_equal(copies(&not_private), 1); /* ours: the search finds what is there */
	assert_int_equal(copies(&not_preshared), 1);
	secret_wipe(&spec.private_key, sizeof spec.private_key);
	secret_wipe(&p.preshared, sizeof p.preshared);
	assert_non_null(find(t, &all, &p.public_key)); /* a dump names both keys */
	assert_int_equal(tunnel_peer_keepalive(t, &p.public_key, 3), 0);
	assert_int_equal(tunnel_check(t), 0);
	assert_int_equal(copies(&not_private), 0);
	assert_int_equal(copies(&not_preshared), 0);
	destroy(t, "ska0");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_no_key_stays_in_memory),
	cmocka_unit_test(test_ten_thousand_peers),
};

static int userspace(void)
{
	if (access("/usr/bin/wireguard-go", X_OK) < 0 || access("/dev/net/tun", R_OK | W_OK) < 0) {
		puts("SKIPPED: userspace: needs wireguard-go and /dev/net/tun");
		return 0;
	}
	backend = &tunnel_uapi;
	return cmocka_run_group_tests_name("userspace", tests, setup, NULL);
}

static int kernel(void)
{
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

/* The dynamic linker saves vector registers, through which keys are copied, on the stack when it binds a function at its first
 * call; hence LD_BIND_NOW (ld.so(8)), here as in the gateway's unit. */
int main(int argc, char **argv)
{
	(void)argc;
	if (!getenv("LD_BIND_NOW")) {
		setenv("LD_BIND_NOW", "1", 1);
		execv("/proc/self/exe", argv);
	}
	kernel_has = geteuid() == 0 && namespace_main(probe) == 0;
	int failed = namespace_main(userspace);
	return namespace_main(kernel) || failed;
}
