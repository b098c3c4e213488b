/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/handshake.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "gateway/noise.h"

/* Where the fields of a first message lie (white paper, section 5.4.2). */
enum {
	AT_TYPE = 0,
	AT_EPHEMERAL = 8,
	AT_STATIC = AT_EPHEMERAL + KEY_SIZE,
	AT_TIMESTAMP = AT_STATIC + KEY_SIZE + NOISE_TAG,
	AT_MAC1 = AT_TIMESTAMP + TAI64N_SIZE + NOISE_TAG,
	AT_MAC2 = AT_MAC1 + NOISE_MAC,
	TYPE_INITIATION = 1,
};
_Static_assert(AT_MAC2 + NOISE_MAC == INITIATION_SIZE, "the fields fill the message");

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
static const char label_mac1[] = "mac1----";

struct handshake {
	struct noise *noise;
	EVP_PKEY *private_key;
	struct key public_key;
	uint8_t chain[NOISE_HASH], hash[NOISE_HASH]; /* the same at the start of every message to us */
	uint8_t mac1_key[NOISE_HASH];
};

static int prepare(struct handshake *h, const struct key *private_key)
{
	int ret = noise_new(&h->noise);
	size_t size = KEY_SIZE;

	if (ret)
		return ret;
	ret = noise_private(private_key, &h->private_key);
	if (ret)
		return ret;
	if (!EVP_PKEY_get_raw_public_key(h->private_key, h->public_key.bytes, &size))
		return -EIO;
	ret = noise_hash(h->noise, construction, sizeof construction - 1, NULL, 0, h->chain);
	if (!ret)
		ret = noise_hash(h->noise, h->chain, sizeof h->chain, identifier, sizeof identifier - 1, h->hash);
	if (!ret)
		ret = noise_hash(h->noise, h->hash, sizeof h->hash, h->public_key.bytes, KEY_SIZE, h->hash);
	if (!ret)
		ret = noise_hash(h->noise, label_mac1, sizeof label_mac1 - 1, h->public_key.bytes, KEY_SIZE, h->mac1_key);
	return ret;
}

int handshake_new(const struct key *private_key, struct handshake **out)
{
	struct handshake *h = calloc(1, sizeof *h);
	int ret;

	if (!h)
		return -ENOMEM;
	ret = prepare(h, private_key);
	if (ret)
		handshake_free(h);
	else
		*out = h;
	return ret;
}

void handshake_free(struct handshake *h)
{
	if (!h)
		return;
	EVP_PKEY_free(h->private_key);
	noise_free(h->noise);
	secret_wipe(h, sizeof *h);
	free(h);
}

const struct key *handshake_public(const struct handshake *h)
{
	return &h->public_key;
}

int handshake_mac1(const struct handshake *h, const uint8_t packet[static INITIATION_SIZE])
{
	static const uint8_t start[4] = {TYPE_INITIATION, 0, 0, 0};
	uint8_t mac[NOISE_MAC];

	if (memcmp(packet + AT_TYPE, start, sizeof start) != 0)
		return -EBADMSG;
	/* A failure of OpenSSL's counts as a bad packet here: handshake_open() is the one that reports it. */
	if (noise_mac(h->noise, h->mac1_key, packet, AT_MAC1, mac))
		return -EBADMSG;
	return CRYPTO_memcmp(mac, packet + AT_MAC1, sizeof mac) ? -EBADMSG : 0;
}

struct progress {
	uint8_t chain[NOISE_HASH], hash[NOISE_HASH], key[NOISE_HASH], shared[KEY_SIZE];
};

/* One step of the pattern: mix DH(gateway, `point`) in, then open the field that it protects. */
static int open_field(const struct handshake *h, struct progress *p, const uint8_t point[static KEY_SIZE], const uint8_t *sealed,
	size_t size, uint8_t *plain)
{
	int ret = noise_dh(h->private_key, point, p->shared);

	if (!ret)
		ret = noise_kdf(h->noise, p->chain, p->shared, sizeof p->shared, p->chain, p->key);
	if (!ret)
		ret = noise_open(h->noise, p->key, p->hash, sealed, size, plain);
	if (!ret)
		ret = noise_hash(h->noise, p->hash, sizeof p->hash, sealed, size + NOISE_TAG, p->hash);
	return ret;
}

int handshake_open(const struct handshake *h, const uint8_t packet[static INITIATION_SIZE], struct knock *out)
{
	const uint8_t *ephemeral = packet + AT_EPHEMERAL;
	struct progress p;
	struct knock k = {0};
	int ret;

	memcpy(p.chain, h->chain, sizeof p.chain);
	ret = noise_kdf(h->noise, p.chain, ephemeral, KEY_SIZE, p.chain, NULL);
	if (!ret)
		ret = noise_hash(h->noise, h->hash, sizeof h->hash, ephemeral, KEY_SIZE, p.hash);
	if (!ret)
		ret = open_field(h, &p, ephemeral, packet + AT_STATIC, KEY_SIZE, k.device.bytes);
	if (!ret)
		ret = open_field(h, &p, k.device.bytes, packet + AT_TIMESTAMP, TAI64N_SIZE, k.timestamp);
	if (!ret)
		*out = k;
	secret_wipe(&p, sizeof p);
	return ret;
}
