/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must survive: devices, their users and addresses, sessions, the last handshake timestamp of each device, which sets of
 * ACLs were in force, and what groups users were found in, in SQLite (WAL, synchronous=FULL, foreign keys). All SQL of the
 * program stands in ledger*.c, in plain statements. The schema has a version (PRAGMA user_version) and is brought forward by
 * numbered migrations, each in one transaction; a newer one is refused. Every change is one transaction: on return 0 it is on
 * disk, otherwise nothing has changed.
 */
#ifndef SEKISHO_LEDGER_H
#define SEKISHO_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/message.h"
#include "common/key.h"
#include "common/text.h"
#include "config/policy.h"
#include "gateway/handshake.h"
#include "gateway/role.h"

struct ledger;

enum { DEVICE_USERS_MAX = 32, DEVICE_ID_TEXT = 12 };

enum device_status { DEVICE_ACTIVE, DEVICE_SUSPENDED, DEVICE_LOST, DEVICE_REVOKED, DEVICE_STATUSES };
const char *device_status_name(enum device_status s); /* "active", "suspended", "lost", "revoked" */
int device_status_parse(const char *text, enum device_status *out); /* 0 or -EINVAL */

/* What a key is to its device: its own; the one that is to take its place (ledger_device_rotate()); one that did give way to
 * another; one that was to come and never did: withdrawn, or not used in time. */
enum key_use { KEY_CURRENT, KEY_NEXT, KEY_RETIRED, KEY_LAPSED };

struct device {
	uint32_t id; /* shown as "d7" */
	struct key public_key, preshared; /* its own; or the one that ledger_device_by_key() was asked for, then key_use is that one's */
	enum key_use key_use;
	int64_t key_since; /* when its own key became that */
	struct key next_key; /* public, all zero: none; made at next_made, good until next_until */
	int64_t next_made, next_until;
	enum device_class device_class;
	enum device_status status;
	char label[LABEL_MAX];
	struct addr v4, v6; /* tunnel addresses; v6.family 0 when the gateway has no IPv6 network */
	int64_t valid_from, valid_until; /* microseconds since the epoch; 0: no bound */
	int64_t created, changed;
	int64_t last_seen; /* last admission or handshake, 0 for never */
	uint8_t last_timestamp[TAI64N_SIZE]; /* newest handshake timestamp admitted, of public_key */
	struct endpoint endpoint; /* outer address that it was last seen at; family 0: never, or not known */
	uint32_t replaces; /* the lost device whose place it takes, 0 for none */
	unsigned user_count;
	char users[DEVICE_USERS_MAX][USER_NAME_MAX + 1];
};

struct session_row {
	uint32_t serial;
	uint32_t device;
	char user[USER_NAME_MAX + 1];
	int64_t opened, expires;
	int64_t renewed; /* when its user last showed anew who it is, 0 for never */
	int64_t ended; /* 0 while it lives */
	uint8_t end_reason; /* enum session_end */
	struct endpoint endpoint; /* outer address at login */
	uint64_t source_bytes, source_packets, destination_bytes, destination_packets, connections; /* of closed flows */
	uint16_t group_count;
	char (*groups)[USER_NAME_MAX + 1]; /* owned; ledger_session_clear() */
};

/* Opens or creates the file (0600). 0 or -errno with `why` (full disk, read-only, not ours, newer schema, damaged: with remedy).
 */
int ledger_open(const char *path, struct ledger **out, char *why, size_t why_size);
void ledger_close(struct ledger *l);

/* Has another process, a gateway, the ledger open? */
bool ledger_in_use(const char *path);

/*
 * Calls `record` when the next change has been made in all but its commit: what that returns below 0 undoes the change and is its
 * result. So what gives access is on record before it does. Called at most once, and not at all when the change fails before;
 * NULL takes it back. It must not use the ledger.
 */
void ledger_record_first(struct ledger *l, int (*record)(void *arg), void *arg);

/*
 * Adds a device: fills in id, created, changed and the next addresses of the two networks (first host address is the gateway's;
 * network and IPv4 broadcast addresses are skipped; an address once given is never given again, even after revocation). 0;
 * -EEXIST when the key is or was in use; -EADDRNOTAVAIL when the network is used up; -errno.
 */
int ledger_device_add(struct ledger *l, struct device *d, const struct prefix *network4, const struct prefix *network6,
	const struct actor *by, int64_t now);

/* -ENOENT when there is none. */
int ledger_device_by_id(struct ledger *l, uint32_t id, struct device *out);
int ledger_device_by_address(struct ledger *l, const struct addr *a, struct device *out);

/* By any key that the device has, is to have or ever had; a retired or lapsed one comes without its preshared key. */
int ledger_device_by_key(struct ledger *l, const struct key *k, struct device *out);

/* The one with the next higher id (0 starts). -ENOENT: no more. */
int ledger_device_after(struct ledger *l, uint32_t id, struct device *out);

/* In order of id; stops when `each` returns non-zero and returns that. The struct is only good during the call. */
int ledger_devices(struct ledger *l, int (*each)(const struct device *d, void *arg), void *arg);

/* May it become that? active <-> suspended, any but revoked -> lost, any -> revoked. `lost` never goes back. */
bool device_status_allowed(enum device_status from, enum device_status to);

/* Changes the status and notes who did that and why (both may be NULL). -EPERM when it may not become that, -ENOENT, -EINVAL for
 * a note longer than DEVICE_NOTE_MAX bytes. */
enum { DEVICE_NOTE_MAX = 1023 };
int ledger_device_status(
	struct ledger *l, uint32_t id, enum device_status status, const struct actor *by, const char *note, int64_t now);

/* How it came to the status that it has. */
struct status_change {
	enum device_status status;
	int64_t since;
	int64_t uid; /* -1: nobody's, or not known */
	char who[USER_NAME_MAX + 1], role[16]; /* "" likewise; role as role_name() has it */
	char note[DEVICE_NOTE_MAX + 1];
};
int ledger_device_last_change(struct ledger *l, uint32_t id, struct status_change *out);

/* Notes when and where a device was seen with `key`, and that key's newest handshake timestamp. With an endpoint of family 0 the
 * last one stays. Of a retired or lapsed key only the timestamp is noted: whoever has it need not have the device. */
int ledger_device_seen(struct ledger *l, uint32_t id, const struct key *key, const uint8_t timestamp[static TAI64N_SIZE],
	const struct endpoint *from, int64_t now);

/* ---- keys that take each other's place; none is ever given twice ---- */

/* Is the key any device's, or was it ever, or is it to be one? 0 when not, -EEXIST, -errno. */
int ledger_key_known(struct ledger *l, const struct key *k);

struct key_pair {
	struct key public_key, preshared;
};

/*
 * Gives an active or suspended device a next key, good until `until`; one that it had already lapses. With `at_once` it is the
 * device's own from now on, and the former one is retired. 0; -EEXIST when the key is or was in use; -EPERM for a lost or revoked
 * device; -ENOENT; -errno.
 */
int ledger_device_rotate(
	struct ledger *l, uint32_t id, const struct key_pair *next, int64_t until, bool at_once, int64_t now);

/* The next key `next` is the device's own from now on, and the former one is retired. -ENOENT when it is not its next key. */
int ledger_key_promote(struct ledger *l, uint32_t id, const struct key *next, int64_t now);

/* The device's next key is none any more. -ENOENT when it has none. */
int ledger_key_lapse(struct ledger *l, uint32_t id, int64_t now);

/* An active or suspended device whose next key was good until `now` at the latest. -ENOENT: there is none. */
int ledger_key_overdue(struct ledger *l, int64_t now, uint32_t *id);

/*
 * Opens a session: takes the next serial (1..2^20-1, wrapping, skipping those alive), ends any other live session of the device
 * as `superseded` is the caller's work beforehand. Fills in row->serial. 0 or -errno (-EBUSY when the device has a live session).
 */
int ledger_session_open(struct ledger *l, struct session_row *row);

/* Notes the end with reason and totals. -ENOENT when it is not alive. */
int ledger_session_end(struct ledger *l, const struct session_row *row);

/* Saves running totals and expiry of the live sessions that `next` gives, NULL after the last, all in one transaction; passes
 * over those that have ended. */
int ledger_sessions_save(struct ledger *l, const struct session_row *(*next)(void *arg), void *arg);

/* Live sessions, in order of opening. */
int ledger_sessions_live(struct ledger *l, int (*each)(const struct session_row *row, void *arg), void *arg);

/* The last ended session of a device (for 'why did it end'). -ENOENT when there is none. groups is left empty. */
int ledger_session_last(struct ledger *l, uint32_t device, struct session_row *out);

void ledger_session_clear(struct session_row *row); /* frees groups */

/* Its user has shown anew who it is: notes `renewed` and `expires`. -ENOENT when it is not alive. */
int ledger_session_renew(struct ledger *l, const struct session_row *row);

/* A live session's groups are others now: replaces them by those of `row`. -ENOENT when it is not alive. */
int ledger_session_regroup(struct ledger *l, const struct session_row *row);

/* ---- looking back ---- */

/* The next name in bytewise order behind `after` ("" starts) for which a device had been registered by `at` (a user, or "@" and a
 * group), or whose groups had been looked at by then. -ENOENT: no more. */
int ledger_user_after(struct ledger *l, const char *after, int64_t at, char out[static USER_NAME_MAX + 1]);

/* The user's devices that could come in at `at`: active and within their period then. Same conventions as ledger_devices(). */
int ledger_devices_of(struct ledger *l, const char *user, int64_t at, int (*each)(const struct device *d, void *arg), void *arg);

/* The user's devices of today, whatever their status. Same conventions as ledger_devices(). */
int ledger_devices_registered(struct ledger *l, const char *user, int (*each)(const struct device *d, void *arg), void *arg);

/* What groups a user was in, as far as somebody looked. */
struct user_groups {
	int64_t observed; /* when these were first found */
	uint16_t count;
	char (*names)[USER_NAME_MAX + 1]; /* sorted bytewise, owned; ledger_groups_clear() */
};

/* Notes the groups that a user was found in. 1 when they are others than the last (their order does not matter), 0 when they
 * are the same and nothing was written, -EINVAL for names that are none, -errno. */
int ledger_groups_note(struct ledger *l, const char *user, char (*groups)[USER_NAME_MAX + 1], uint16_t count, int64_t now);

/* What was last found at or before `at`. -ENOENT when nobody had looked by then. */
int ledger_groups_at(struct ledger *l, const char *user, int64_t at, struct user_groups *out);
void ledger_groups_clear(struct user_groups *g);

/* For records that are made once: 1 when `key` (1..NOTICE_KEY_MAX bytes) is new and has been noted, 0 when it was noted before,
 * -errno. */
enum { NOTICE_KEY_MAX = 512 };
int ledger_notice_once(struct ledger *l, const char *key, int64_t now);

/* ---- conditions of use ---- */

/* Has the user accepted the version of this digest? 1, 0 or -errno. */
int ledger_terms_accepted(struct ledger *l, const char *user, const uint8_t digest[static TERMS_SHA256]);

struct terms_acceptance {
	const char *user, *version, *language; /* in which they were shown */
	const char *ja, *en; /* the texts, "" for none: kept once, so that what was accepted can be read later */
	uint8_t digest[TERMS_SHA256];
	uint32_t device;
};

/* Notes it; a second time changes nothing. 0 or -errno. */
int ledger_terms_accept(struct ledger *l, const struct terms_acceptance *a, int64_t now);

/* ---- generations: the sets of ACLs that have been in force; their files are the matter of gateway/archive.h ---- */
enum { GENERATION_CHANGES_MAX = 200, GENERATION_CHANGE_TEXT = 300, GENERATION_INTERNAL_TEXT = 4096, GENERATION_ZONE_TEXT = 64 };

struct generation {
	uint64_t number; /* 1, 2, ...; never given twice, and left out when an attempt failed */
	int64_t archived; /* when its files were */
	int64_t applied; /* when it came into force; 0: it never did, or the gateway died before it could say so */
	uint32_t uid; /* who asked for it */
	char who[USER_NAME_MAX + 1];
	char sha256[POLICY_DIGEST_TEXT];
	unsigned files, rules;
	uint64_t bytes; /* of its files */
	/* What the rules referred to beside the files: internal and tunnel networks, separated by spaces; time zone, "" for the
	 * system's. */
	char internal[GENERATION_INTERNAL_TEXT];
	char time_zone[GENERATION_ZONE_TEXT];
	unsigned change_total; /* how many there were, ... */
	unsigned change_count; /* ... and how many of them are kept here */
	char (*changes)[GENERATION_CHANGE_TEXT]; /* against the one before, for people; owned, ledger_generation_clear() */
};
void ledger_generation_clear(struct generation *g); /* frees changes */

/* A number for a new one. 0 or -errno. */
int ledger_generation_next(struct ledger *l, uint64_t *out);

/* Notes a generation that is archived, but not in force (`applied` is ignored). -EEXIST when its number was noted before. */
int ledger_generation_add(struct ledger *l, const struct generation *g);

/* It is in force from `now` on, and no other is. -ENOENT when there is none that was never in force. */
int ledger_generation_enforce(struct ledger *l, uint64_t number, int64_t now);

/* Forgets one that never came into force; its number is not given again. -ENOENT when there is none such. */
int ledger_generation_drop(struct ledger *l, uint64_t number);

/* The one in force, with its changes. -ENOENT when there has never been one. */
int ledger_generation_in_force(struct ledger *l, struct generation *out);

/* The newest whose number is below `number` (UINT64_MAX starts), also when it never came into force. -ENOENT: no more. */
int ledger_generation_before(struct ledger *l, uint64_t number, struct generation *out);

/* How many there are, and the size of their files together. */
int ledger_generation_totals(struct ledger *l, uint64_t *count, uint64_t *bytes);

/* "d7" for 7, and back. 0 or -EINVAL. */
const char *device_id_format(uint32_t id, char text[static DEVICE_ID_TEXT]);
int device_id_parse(const char *text, uint32_t *id);

#endif
