/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What session*.c share among themselves: the tables, and the steps that opening, taking over and applying have in common. */
#ifndef SEKISHO_SESSION_INTERNAL_H
#define SEKISHO_SESSION_INTERNAL_H

#include "gateway/index.h"
#include "gateway/profiles.h"
#include "gateway/session.h"

struct sessions {
	struct session *all; /* in order of opening */
	unsigned count;
	struct index by_serial, by_device;
	struct profiles *profiles;
};

/* A session of this device, not yet in the tables; NULL when out of memory. session_discard() frees one that is in none. */
struct session *session_note(const struct device *d, int64_t now);
void session_discard(struct session *s);

/* Into the tables once row.serial is known: 0, -ENOMEM, or -EEXIST for a serial or device that is in. And out (freed). */
int session_index(struct sessions *all, struct session *s);
void session_forget(struct sessions *all, struct session *s);

/* What the firewall should hold for it at `now`. */
struct firewall_session session_element(const struct session *s, int64_t now);

/* Its rules by `policy`, compiled; and whether the policy has any file for it (always true with `default-access login`). */
int session_compile(const struct session *s, const struct policy *policy, struct profile **out);
bool session_has_access(struct gateway *g, const struct session *s, const struct policy *policy);

/* Writes one session event, durable. 0 or -errno. */
int session_log(struct gateway *g, const struct session *s, const char *action, const char *reason, int64_t now);

/* Does `after` allow everything that `before` allowed? NULL stands for a profile that allows nothing. Pure. */
bool session_still_covers(const struct profile *after, const struct profile *before);

#endif
