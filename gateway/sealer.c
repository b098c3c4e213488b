/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/sealer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/secret.h"
#include "common/text.h"

static const char MAGIC[8] = "SEALSEK1";
enum { SLOTS = 2, SLOT_SIZE = 512, SLOT_HASH = 32 };

/* As it stands on disk, in the machine's own byte order: it never leaves the machine. */
struct slot {
	char magic[sizeof MAGIC];
	uint64_t counter; /* the higher one counts */
	uint64_t epoch;
	struct key now, next; /* private; next is zero while no seal is being made */
	uint64_t sealed; /* number of the last seal's line, 0 for none */
	uint8_t hash[SEAL_HASH]; /* of the chain up to it */
	uint8_t check[SLOT_HASH]; /* SHA-256 of all before */
};
_Static_assert(sizeof(struct slot) <= SLOT_SIZE, "a slot must fit its place");

struct chain {
	int fd;
	unsigned at; /* which slot holds `slot` */
	struct slot slot;
	struct seal_head head; /* up to the last line */
	uint64_t first, count; /* lines since the last seal's */
	int64_t sealed_at; /* CLOCK_BOOTTIME */
};

struct sealer {
	struct chain chains[LOG_FILES];
};

static int slot_check(const struct slot *slot, uint8_t check[static SLOT_HASH])
{
	return EVP_Digest(slot, offsetof(struct slot, check), check, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

static int slot_write(const struct chain *c, unsigned at, const void *data, size_t size)
{
	ssize_t n = pwrite(c->fd, data, size, (off_t)at * SLOT_SIZE);
	if (n < 0)
		return -errno;
	return (size_t)n < size ? -ENOSPC : 0;
}

/* Puts `slot` into the place that is not in use, flushes it, and only then wipes the other. */
static int slot_store(struct chain *c, struct slot *slot)
{
	static const char zeros[SLOT_SIZE];
	unsigned other = (c->at + 1) % SLOTS;
	memcpy(slot->magic, MAGIC, sizeof MAGIC);
	slot->counter = c->slot.counter + 1;
	int r = slot_check(slot, slot->check);
	if (!r)
		r = slot_write(c, other, slot, sizeof *slot);
	if (!r && fdatasync(c->fd) < 0)
		r = -errno;
	if (r < 0)
		return r;
	unsigned spent = c->at;
	c->slot = *slot;
	c->at = other;
	/* Should this fail, the next slot is written over it. */
	if (slot_write(c, spent, zeros, sizeof zeros) == 0)
		(void)fdatasync(c->fd);
	return 0;
}

static bool slot_read(const struct chain *c, unsigned at, struct slot *out)
{
	uint8_t check[SLOT_HASH];
	ssize_t n = pread(c->fd, out, sizeof *out, (off_t)at * SLOT_SIZE);
	return n == (ssize_t)sizeof *out && !memcmp(out->magic, MAGIC, sizeof MAGIC) && slot_check(out, check) == 0 &&
	       !memcmp(check, out->check, sizeof check);
}

/* Nothing was ever stored here: the file is empty, or its making did not get further than to reserve room. */
static bool is_blank(const struct chain *c)
{
	char data[SLOTS * SLOT_SIZE + 1];
	ssize_t n = pread(c->fd, data, sizeof data, 0);
	for (ssize_t i = 0; i < n; i++)
		if (data[i])
			return false;
	return n >= 0;
}

/* The newest whole slot. 1, 0 when nothing was ever stored, -EUCLEAN when it holds something else. */
static int slot_find(struct chain *c)
{
	struct slot slot;
	int found = 0;
	for (unsigned i = 0; i < SLOTS; i++)
		if (slot_read(c, i, &slot) && (!found || slot.counter > c->slot.counter)) {
			c->slot = slot;
			c->at = i;
			found = 1;
		}
	secret_wipe(&slot, sizeof slot);
	return found || is_blank(c) ? found : -EUCLEAN;
}

/* Adds the first public key of a file to DIR/log-keys, for people to keep elsewhere. */
static int publish(int dir, enum log_file file, const struct slot *slot)
{
	char line[128], text[KEY_TEXT];
	struct key key;
	int r = seal_key_public(&slot->now, &key);
	int fd = r < 0 ? r : openat(dir, "log-keys", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return r < 0 ? r : -errno;
	int size = snprintf(
		line, sizeof line, "%s %llu %s\n", seal_file_name(file), (unsigned long long)slot->epoch, key_format(&key, text));
	ssize_t n = write(fd, line, (size_t)size);
	r = n < 0 ? -errno : n < size ? -ENOSPC : fchmod(fd, 0644) < 0 || fdatasync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int chain_create(struct chain *c, int dir, enum log_file file)
{
	static const char zeros[SLOTS * SLOT_SIZE];
	struct slot slot = {.epoch = 1};
	int r = seal_key_generate(&slot.now);
	if (!r)
		r = slot_write(c, 0, zeros, sizeof zeros); /* room for good: a full disk must not stop a seal */
	if (!r)
		r = publish(dir, file, &slot);
	if (!r)
		r = slot_store(c, &slot);
	secret_wipe(&slot, sizeof slot);
	return r;
}

static int chain_open(struct chain *c, int dir, enum log_file file, bool *fresh, char *why, size_t why_size)
{
	char name[32];
	snprintf(name, sizeof name, "%s.seal", seal_file_name(file));
	c->fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int r = c->fd < 0 ? -errno : slot_find(c);
	if (r == 0) {
		*fresh = true;
		r = chain_create(c, dir, file);
	}
	if (r < 0) {
		snprintf(why, why_size, "%s: %s; %s", name, strerror(-r),
			r == -EUCLEAN ? "move it away to begin with new keys, which `sekisho log verify` will show"
				      : "check its folder's disk, owner and mode");
		return r;
	}
	c->head = (struct seal_head){.sequence = c->slot.sealed};
	memcpy(c->head.hash, c->slot.hash, SEAL_HASH);
	c->first = c->slot.sealed + 1;
	c->sealed_at = time_boot();
	return 0;
}

int sealer_open(const char *dir, struct sealer **out, bool *fresh, char *why, size_t why_size)
{
	char text[256];
	bool made = false;
	struct sealer *s = calloc(1, sizeof *s);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = !s ? -ENOMEM : fd < 0 ? -errno : 0;
	if (r < 0)
		snprintf(why, why_size, "%s: %s", dir, strerror(-r));
	for (enum log_file i = 0; s && i < LOG_FILES; i++)
		s->chains[i].fd = -1;
	for (enum log_file i = 0; !r && i < LOG_FILES; i++) {
		r = chain_open(&s->chains[i], fd, i, &made, text, sizeof text);
		if (r < 0)
			snprintf(why, why_size, "%s/%s", dir, text);
	}
	if (fd >= 0) {
		if (!r && made && fsync(fd) < 0)
			r = -errno;
		close(fd);
	}
	if (r < 0) {
		sealer_close(s);
		return r;
	}
	if (fresh)
		*fresh = made;
	*out = s;
	return 0;
}

void sealer_close(struct sealer *s)
{
	if (!s)
		return;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		if (s->chains[i].fd >= 0)
			close(s->chains[i].fd);
	secret_wipe(s, sizeof *s);
	free(s);
}

void sealer_key(const struct sealer *s, enum log_file file, struct key *out, uint64_t *epoch)
{
	*epoch = s->chains[file].slot.epoch;
	if (seal_key_public(&s->chains[file].slot.now, out) < 0)
		memset(out, 0, sizeof *out);
}

uint64_t sealer_sealed(const struct sealer *s, enum log_file file)
{
	return s->chains[file].slot.sealed;
}

void sealer_head(const struct sealer *s, enum log_file file, struct seal_head *out)
{
	*out = s->chains[file].head;
}

int sealer_line(struct sealer *s, enum log_file file, uint64_t sequence, const char *line, size_t size)
{
	struct chain *c = &s->chains[file];
	int r = seal_extend(&c->head, sequence, line, size);
	if (!r)
		c->count++;
	return r;
}

/* Forgets the key of the seal whose line is now the last of the chain. */
static int advance(struct chain *c)
{
	struct slot slot = {.epoch = c->slot.epoch + 1, .now = c->slot.next, .sealed = c->head.sequence};
	memcpy(slot.hash, c->head.hash, SEAL_HASH);
	int r = slot_store(c, &slot);
	secret_wipe(&slot, sizeof slot);
	if (!r) {
		c->first = c->head.sequence + 1;
		c->count = 0;
	}
	return r;
}

/* Is this the line of the seal that was being made? */
static bool is_pending(const struct chain *c, enum log_file file, const char *line, size_t size)
{
	struct key public_key;
	struct seal seal;
	if (key_is_zero(&c->slot.next) || !memmem(line, size, "\"log-seal\"", 10))
		return false;
	json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	bool is = root && seal_parse(root, file, &seal) == 0 && seal.epoch == c->slot.epoch &&
		  seal_key_public(&c->slot.now, &public_key) == 0 && seal_verify(&seal, &public_key) == 0;
	json_decref(root);
	return is;
}

int sealer_resume(struct sealer *s, enum log_file file, uint64_t sequence, const char *line, size_t size)
{
	struct chain *c = &s->chains[file];
	bool pending = is_pending(c, file, line, size);
	int r = sealer_line(s, file, sequence, line, size);
	return r < 0 || !pending ? r : advance(c);
}

void sealer_restart(struct sealer *s, enum log_file file, uint64_t sequence)
{
	struct chain *c = &s->chains[file];
	c->head = (struct seal_head){.sequence = sequence};
	c->first = sequence + 1;
	c->count = 0;
}

bool sealer_due(const struct sealer *s, enum log_file file, int64_t boot)
{
	const struct chain *c = &s->chains[file];
	return c->count >= SEAL_LINES || boot - c->sealed_at >= SEAL_SECONDS * INT64_C(1000000);
}

int sealer_make(struct sealer *s, enum log_file file, int64_t when, struct seal *out)
{
	struct chain *c = &s->chains[file];
	struct seal seal = {.file = file, .epoch = c->slot.epoch, .when = when, .first = c->first, .count = c->count};
	if (key_is_zero(&c->slot.next)) {
		struct slot slot = c->slot;
		int r = seal_key_generate(&slot.next);
		if (!r)
			r = slot_store(c, &slot);
		secret_wipe(&slot, sizeof slot);
		if (r < 0)
			return r;
	}
	for (enum log_file i = 0; i < LOG_FILES; i++)
		seal.heads[i] = s->chains[i].head;
	int r = seal_key_public(&c->slot.next, &seal.next);
	if (!r)
		r = seal_sign(&seal, &c->slot.now);
	if (!r)
		*out = seal;
	return r;
}

int sealer_made(struct sealer *s, enum log_file file, int64_t boot)
{
	int r = advance(&s->chains[file]);
	if (!r)
		s->chains[file].sealed_at = boot;
	return r;
}
