/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoding of first messages: those that a real wireguard-go sent (tests/golden/handshake), and forged ones made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/handshake.h"
#include "gateway/noise.h"

#define GOLDEN "tests/golden/handshake/"

static const char *const names[] = {"plain", "psk", "ipv6", "later"};

struct golden {
	uint8_t packet[INITIATION_SIZE];
	struct key gateway_private, gateway, device;
};

static struct golden golden_load(const char *name)
{
	struct golden g;
	char path[256], line[KEY_TEXT + 1];
	struct key *at[] = {&g.gateway_private, &g.gateway, &g.device};
	FILE *f;

	snprintf(path, sizeof path, GOLDEN "%s.packet", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s: %s; run the tests in the project's folder", path, strerror(errno));
	assert_int_equal(fread(g.packet, 1, sizeof g.packet, f), sizeof g.packet);
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
	snprintf(path, sizeof path, GOLDEN "%s.keys", name);
	f = fopen(path, "r");
	assert_non_null(f);
	for (int i = 0; i < 3; i++) {
		assert_non_null(fgets(line, sizeof line, f));
		line[KEY_TEXT - 1] = '\0';
		assert_int_equal(key_parse(line, at[i]), 0);
	}
	fclose(f);
	return g;
}

static struct handshake *identity(const struct key *private_key)
{
	struct handshake *h = NULL;

	assert_int_equal(handshake_new(private_key, &h), 0);
	return h;
}

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct golden g = golden_load(names[i]);
		struct handshake *h = identity(&g.gateway_private);
		struct knock k;

		assert_memory_equal(handshake_public(h), &g.gateway, sizeof g.gateway);
		assert_int_equal(handshake_mac1(h, g.packet), 0);
		assert_int_equal(handshake_open(h, g.packet, &k), 0);
		assert_memory_equal(&k.device, &g.device, sizeof g.device);
		/* TAI64N: seconds since 1970 in TAI plus 2^62, hence 0x40 first (https://cr.yp.to/libtai/tai64.html). */
		assert_int_equal(k.timestamp[0], 0x40);
		assert_int_equal(k.timestamp[1], 0);
		handshake_free(h);
	}
}

static void test_other_gateway(void **state)
{
	struct golden g = golden_load("plain"), other = golden_load("psk");
	struct handshake *h = identity(&other.gateway_private);
	struct knock k;

	(void)state;
	assert_int_equal(handshake_mac1(h, g.packet), -EBADMSG);
	assert_int_equal(handshake_open(h, g.packet, &k), -EBADMSG);
	handshake_free(h);
}

/* Every changed bit is noticed: under mac1 by mac1, and what matters to the decoding by the decoding alone. */
static void test_changed(void **state)
{
	struct golden g = golden_load("plain");
	struct handshake *h = identity(&g.gateway_private);
	enum { MAC1 = 116, MAC2 = 132, EPHEMERAL = 8 };

	(void)state;
	for (size_t i = 0; i < INITIATION_SIZE; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct knock k, untouched;
			memset(&k, 0x5a, sizeof k);
			memset(&untouched, 0x5a, sizeof untouched);
			g.packet[i] ^= (uint8_t)(1 << bit);
			assert_int_equal(handshake_mac1(h, g.packet), i < MAC2 ? -EBADMSG : 0);
			if (bit == 0 || i == EPHEMERAL + KEY_SIZE - 1) {
				assert_int_equal(handshake_open(h, g.packet, &k), i >= EPHEMERAL && i < MAC1 ? -EBADMSG : 0);
				if (i >= EPHEMERAL && i < MAC1)
					assert_memory_equal(&k, &untouched, sizeof k);
			}
			g.packet[i] ^= (uint8_t)(1 << bit);
		}
	assert_int_equal(handshake_mac1(h, g.packet), 0);
	handshake_free(h);
}

/* --- an initiator of our own, to lie with --- */

struct initiator {
	const struct key *gateway;
	struct key static_private; /* the second Diffie-Hellman is made with this one ... */
	struct key static_claimed; /* ... and this is the name it gives */
	struct key ephemeral_private;
	uint8_t timestamp[TAI64N_SIZE];
};

static void mix(struct noise *n, uint8_t *chain, const struct key *private_key, const struct key *gateway, uint8_t *key)
{
	uint8_t shared[KEY_SIZE];
	EVP_PKEY *p;

	assert_int_equal(noise_private(private_key, &p), 0);
	assert_int_equal(noise_dh(p, gateway->bytes, shared), 0);
	assert_int_equal(noise_kdf(n, chain, shared, sizeof shared, chain, key), 0);
	EVP_PKEY_free(p);
}

static void initiate(const struct initiator *w, const uint8_t *ephemeral, uint8_t packet[static INITIATION_SIZE])
{
	static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s",
			  identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
	uint8_t chain[NOISE_HASH], hash[NOISE_HASH], key[NOISE_HASH];
	struct noise *n;

	assert_int_equal(noise_new(&n), 0);
	memset(packet, 0, INITIATION_SIZE);
	packet[0] = 1;
	memcpy(packet + 8, ephemeral, KEY_SIZE);
	noise_hash(n, construction, sizeof construction - 1, NULL, 0, chain);
	noise_hash(n, chain, sizeof chain, identifier, sizeof identifier - 1, hash);
	noise_hash(n, hash, sizeof hash, w->gateway->bytes, KEY_SIZE, hash);
	noise_kdf(n, chain, ephemeral, KEY_SIZE, chain, NULL);
	noise_hash(n, hash, sizeof hash, ephemeral, KEY_SIZE, hash);
	mix(n, chain, &w->ephemeral_private, w->gateway, key);
	assert_int_equal(noise_seal(n, key, hash, w->static_claimed.bytes, KEY_SIZE, packet + 40), 0);
	noise_hash(n, hash, sizeof hash, packet + 40, KEY_SIZE + NOISE_TAG, hash);
	mix(n, chain, &w->static_private, w->gateway, key);
	assert_int_equal(noise_seal(n, key, hash, w->timestamp, TAI64N_SIZE, packet + 88), 0);
	noise_hash(n, "mac1----", 8, w->gateway->bytes, KEY_SIZE, key);
	assert_int_equal(noise_mac(n, key, packet, 116, packet + 116), 0);
	noise_free(n);
}

static struct initiator initiator_new(const struct key *gateway, struct key *ephemeral)
{
	struct initiator w = {.gateway = gateway, .timestamp = {0x40, 0, 0, 0, 0x66, 0, 0, 1, 2, 3, 4, 5}};

	assert_int_equal(key_generate(&w.static_private), 0);
	assert_int_equal(key_public(&w.static_private, &w.static_claimed), 0);
	assert_int_equal(key_generate(&w.ephemeral_private), 0);
	assert_int_equal(key_public(&w.ephemeral_private, ephemeral), 0);
	return w;
}

static void test_forged(void **state)
{
	struct golden g = golden_load("plain");
	struct handshake *h = identity(&g.gateway_private);
	uint8_t packet[INITIATION_SIZE];
	struct key ephemeral;
	struct initiator w = initiator_new(&g.gateway, &ephemeral);
	struct knock k;

	(void)state;
	initiate(&w, ephemeral.bytes, packet);
	assert_int_equal(handshake_mac1(h, packet), 0);
	assert_int_equal(handshake_open(h, packet, &k), 0); /* so what follows fails for its own reason */
	assert_memory_equal(&k.device, &w.static_claimed, sizeof k.device);
	assert_memory_equal(k.timestamp, w.timestamp, sizeof k.timestamp);

	/* It claims the name of a device whose private key it does not have. */
	w.static_claimed = g.device;
	initiate(&w, ephemeral.bytes, packet);
	assert_int_equal(handshake_mac1(h, packet), 0);
	assert_int_equal(handshake_open(h, packet, &k), -EBADMSG);
	handshake_free(h);
}

/* Points of small order make a shared secret of zero, which everybody knows (RFC 7748 section 6.1). */
static void test_small_order(void **state)
{
	static const struct key points[] = {{{0}}, {{1}},
		{{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
			0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00}}};
	struct golden g = golden_load("plain");
	struct handshake *h = identity(&g.gateway_private);
	uint8_t packet[INITIATION_SIZE];
	struct key ephemeral;
	struct initiator w = initiator_new(&g.gateway, &ephemeral);
	struct knock k;

	(void)state;
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		initiate(&w, points[i].bytes, packet);
		assert_int_equal(handshake_mac1(h, packet), 0);
		assert_int_equal(handshake_open(h, packet, &k), -EBADMSG);
		w.static_claimed = points[i];
		initiate(&w, ephemeral.bytes, packet);
		assert_int_equal(handshake_open(h, packet, &k), -EBADMSG);
	}
	handshake_free(h);
}

/* RFC 7693 appendix B, BLAKE2s-256 of "abc". Buffers have bounds. */
static void test_primitives(void **state)
{
	static const uint8_t abc[] = {0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2, 0xe1, 0xa7, 0x2b, 0xa3, 0x4e, 0xeb, 0x45,
		0x2f, 0x37, 0x45, 0x8b, 0x20, 0x9e, 0xd6, 0x3a, 0x29, 0x4d, 0x99, 0x9b, 0x4c, 0x86, 0x67, 0x59, 0x82};
	uint8_t out[NOISE_HASH], sealed[NOISE_PLAIN_MAX + NOISE_TAG] = {0}, plain[NOISE_PLAIN_MAX] = {0};
	struct noise *n;

	(void)state;
	assert_int_equal(noise_new(&n), 0);
	assert_int_equal(noise_hash(n, "a", 1, "bc", 2, out), 0);
	assert_memory_equal(out, abc, sizeof out);
	assert_int_equal(noise_seal(n, abc, abc, plain, sizeof plain + 1, sealed), -EIO);
	assert_int_equal(noise_open(n, abc, abc, sealed, sizeof plain + 1, plain), -EIO);
	assert_int_equal(noise_open(n, abc, abc, sealed, sizeof plain, plain), -EBADMSG);
	noise_free(n);
	noise_free(NULL);
	handshake_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_other_gateway),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_small_order),
		cmocka_unit_test(test_primitives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
