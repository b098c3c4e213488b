/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must survive: devices, their users and addresses, sessions, and the last handshake timestamp of each device, in SQLite
 * (WAL, synchronous=FULL, foreign keys). All SQL of the program stands in ledger*.c, in plain statements. The schema has a
 * version (PRAGMA user_version) and is brought forward by numbered migrations, each in one transaction; a newer one is refused.
 * Every change is one transaction: on return 0 it is on disk, otherwise nothing has changed.
 */
#ifndef SEKISHO_LEDGER_H
#define SEKISHO_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/message.h"
#include "common/secret.h"
#include "common/text.h"
#include "config/policy.h"
#include "gateway/handshake.h"

struct ledger;

enum { DEVICE_USERS_MAX = 32, DEVICE_ID_TEXT = 12 };

enum device_status { DEVICE_ACTIVE, DEVICE_SUSPENDED, DEVICE_LOST, DEVICE_REVOKED, DEVICE_STATUSES };
const char *device_status_name(enum device_status s); /* "active", "suspended", "lost", "revoked" */

struct device {
	uint32_t id; /* shown as "d7" */
	struct key public_key, preshared;
	enum device_class device_class;
	enum device_status status;
	char label[LABEL_MAX];
	struct addr v4, v6; /* tunnel addresses; v6.family 0 when the gateway has no IPv6 network */
	int64_t valid_from, valid_until; /* microseconds since the epoch; 0: no bound */
	int64_t created, changed;
	int64_t last_seen; /* last admission or handshake, 0 for never */
	uint8_t last_timestamp[TAI64N_SIZE]; /* newest handshake timestamp admitted */
	unsigned user_count;
	char users[DEVICE_USERS_MAX][USER_NAME_MAX + 1];
};

struct session_row {
	uint32_t serial;
	uint32_t device;
	char user[USER_NAME_MAX + 1];
	int64_t opened, expires;
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

/*
 * Adds a device: fills in id, created, changed and the next addresses of the two networks (first host address is the gateway's;
 * network and IPv4 broadcast addresses are skipped; an address once given is never given again, even after revocation). 0;
 * -EEXIST when the key is or was in use; -EADDRNOTAVAIL when the network is used up; -errno.
 */
int ledger_device_add(
	struct ledger *l, struct device *d, const struct prefix *network4, const struct prefix *network6, int64_t now);

/* -ENOENT when there is none. */
int ledger_device_by_id(struct ledger *l, uint32_t id, struct device *out);
int ledger_device_by_key(struct ledger *l, const struct key *k, struct device *out);
int ledger_device_by_address(struct ledger *l, const struct addr *a, struct device *out);

/* In order of id; stops when `each` returns non-zero and returns that. The struct is only good during the call. */
int ledger_devices(struct ledger *l, int (*each)(const struct device *d, void *arg), void *arg);

/* Changes the status. Allowed: active <-> suspended, any but revoked -> lost, any -> revoked; else -EPERM. `lost` never goes
 * back. */
int ledger_device_status(struct ledger *l, uint32_t id, enum device_status status, int64_t now);

/* Notes an admission: last_seen and the handshake timestamp. Batched with others by the caller's transaction is not needed. */
int ledger_device_seen(struct ledger *l, uint32_t id, const uint8_t timestamp[static TAI64N_SIZE], int64_t now);

/*
 * Opens a session: takes the next serial (1..2^20-1, wrapping, skipping those alive), ends any other live session of the device
 * as `superseded` is the caller's work beforehand. Fills in row->serial. 0 or -errno (-EBUSY when the device has a live session).
 */
int ledger_session_open(struct ledger *l, struct session_row *row);

/* Notes the end with reason and totals. -ENOENT when it is not alive. */
int ledger_session_end(struct ledger *l, const struct session_row *row);

/* Saves the running totals of a live session. */
int ledger_session_totals(struct ledger *l, const struct session_row *row);

/* Live sessions, in order of opening. */
int ledger_sessions_live(struct ledger *l, int (*each)(const struct session_row *row, void *arg), void *arg);

/* The last ended session of a device (for 'why did it end'). -ENOENT when there is none. groups is left empty. */
int ledger_session_last(struct ledger *l, uint32_t device, struct session_row *out);

void ledger_session_clear(struct session_row *row); /* frees groups */

/* The next number for a set of ACLs that comes into force; never given twice. 0 or -errno. */
int ledger_generation_next(struct ledger *l, uint64_t *out);

/* "d7" for 7, and back. 0 or -EINVAL. */
const char *device_id_format(uint32_t id, char text[static DEVICE_ID_TEXT]);
int device_id_parse(const char *text, uint32_t *id);

#endif
