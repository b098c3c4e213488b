/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/seal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "gateway/event.h"

enum { HEX_SIGNATURE = 2 * SEAL_SIGNATURE + 1, STATEMENT_MAX = 1024 };

const char *seal_file_name(enum log_file file)
{
	static const char *const names[LOG_FILES] = {[LOG_AUTH] = "auth", [LOG_ACCESS] = "access", [LOG_AUDIT] = "audit"};
	return names[file];
}

int seal_extend(struct seal_head *head, uint64_t sequence, const void *line, size_t size)
{
	uint8_t hash[SEAL_HASH];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int good = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(c, head->hash, SEAL_HASH) == 1 &&
		   EVP_DigestUpdate(c, line, size) == 1 && EVP_DigestFinal_ex(c, hash, NULL) == 1;
	EVP_MD_CTX_free(c);
	if (!good)
		return -EIO;
	memcpy(head->hash, hash, sizeof hash);
	head->sequence = sequence;
	return 0;
}

int seal_key_generate(struct key *private_key)
{
	return RAND_priv_bytes(private_key->bytes, KEY_SIZE) == 1 ? 0 : -EIO;
}

int seal_key_public(const struct key *private_key, struct key *out)
{
	size_t size = KEY_SIZE;
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key->bytes, KEY_SIZE);
	int good = k && EVP_PKEY_get_raw_public_key(k, out->bytes, &size) == 1 && size == KEY_SIZE;
	EVP_PKEY_free(k);
	return good ? 0 : -EIO;
}

static const char *hex(const uint8_t *bytes, size_t count, char *text)
{
	for (size_t i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

const char *seal_hash_format(const uint8_t hash[static SEAL_HASH], char text[static SEAL_HASH_TEXT])
{
	return hex(hash, SEAL_HASH, text);
}

/* What is signed: one line for each fact, so that nothing can be read in two ways. Bytes used. */
static size_t statement(const struct seal *s, char text[static STATEMENT_MAX])
{
	char hash[SEAL_HASH_TEXT], key[KEY_TEXT];
	int n = snprintf(text, STATEMENT_MAX,
		"sekisho log seal 1\nfile %s\nepoch %llu\nwhen %lld\nfirst %llu\ncount %llu\nnext %s\n", seal_file_name(s->file),
		(unsigned long long)s->epoch, (long long)s->when, (unsigned long long)s->first, (unsigned long long)s->count,
		key_format(&s->next, key));
	for (enum log_file i = 0; i < LOG_FILES; i++)
		n += snprintf(text + n, STATEMENT_MAX - (size_t)n, "head %s %llu %s\n", seal_file_name(i),
			(unsigned long long)s->heads[i].sequence, hex(s->heads[i].hash, SEAL_HASH, hash));
	return (size_t)n;
}

int seal_sign(struct seal *s, const struct key *private_key)
{
	char text[STATEMENT_MAX];
	size_t length = statement(s, text), size = SEAL_SIGNATURE;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key->bytes, KEY_SIZE);
	int good = c && k && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 &&
		   EVP_DigestSign(c, s->signature, &size, (const unsigned char *)text, length) == 1 && size == SEAL_SIGNATURE;
	EVP_PKEY_free(k);
	EVP_MD_CTX_free(c);
	return good ? 0 : -EIO;
}

int seal_verify(const struct seal *s, const struct key *public_key)
{
	char text[STATEMENT_MAX];
	size_t length = statement(s, text);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key->bytes, KEY_SIZE);
	int r = -EIO;
	if (c && k && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1)
		r = EVP_DigestVerify(c, s->signature, SEAL_SIGNATURE, (const unsigned char *)text, length) == 1 ? 0 : -EBADMSG;
	EVP_PKEY_free(k);
	EVP_MD_CTX_free(c);
	return r;
}

/* ---- JSON ---- */

static json_t *head_json(const struct seal_head *head)
{
	char hash[SEAL_HASH_TEXT];
	return json_pack("{s:I, s:s}", "sequence", (json_int_t)head->sequence, "hash", hex(head->hash, SEAL_HASH, hash));
}

json_t *seal_event(const struct seal *s, const char *reason)
{
	char key[KEY_TEXT], signature[HEX_SIGNATURE];
	json_t *e = event_new("log-seal", NULL, reason), *heads = json_object();
	event_number(e, "sekisho.seal.epoch", (int64_t)s->epoch);
	event_number(e, "sekisho.seal.when", s->when);
	event_number(e, "sekisho.seal.first", (int64_t)s->first);
	event_number(e, "sekisho.seal.count", (int64_t)s->count);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		(void)json_object_set_new(heads, seal_file_name(i), head_json(&s->heads[i]));
	event_set(e, "sekisho.seal.heads", heads);
	event_text(e, "sekisho.seal.next_key", key_format(&s->next, key));
	event_text(e, "sekisho.seal.signature", hex(s->signature, SEAL_SIGNATURE, signature));
	return e;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const char *text, uint8_t *out, size_t count)
{
	if (!text || strlen(text) != 2 * count)
		return false;
	for (size_t i = 0; i < count; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int seal_hash_parse(const char *text, uint8_t hash[static SEAL_HASH])
{
	return unhex(text, hash, SEAL_HASH) ? 0 : -EINVAL;
}

static bool whole(const json_t *object, const char *member, uint64_t *out)
{
	const json_t *value = json_object_get(object, member);
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*out = (uint64_t)json_integer_value(value);
	return true;
}

int seal_parse(const json_t *line, enum log_file file, struct seal *out)
{
	struct seal s = {.file = file};
	const json_t *seal = json_object_get(json_object_get(line, "sekisho"), "seal");
	const json_t *heads = json_object_get(seal, "heads");
	const char *next = json_string_value(json_object_get(seal, "next_key"));
	uint64_t when;
	bool good = next && key_parse(next, &s.next) == 0 && whole(seal, "when", &when) && whole(seal, "epoch", &s.epoch) &&
		    s.epoch && whole(seal, "first", &s.first) && whole(seal, "count", &s.count) &&
		    unhex(json_string_value(json_object_get(seal, "signature")), s.signature, SEAL_SIGNATURE);
	for (enum log_file i = 0; good && i < LOG_FILES; i++) {
		const json_t *head = json_object_get(heads, seal_file_name(i));
		good = whole(head, "sequence", &s.heads[i].sequence) &&
		       unhex(json_string_value(json_object_get(head, "hash")), s.heads[i].hash, SEAL_HASH);
	}
	if (!good)
		return -EBADMSG;
	s.when = (int64_t)when;
	*out = s;
	return 0;
}
