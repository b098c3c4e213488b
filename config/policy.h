/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The administrators' ACL files as one checked, immutable value: see sekisho-acl(5). Deny beats allow, what no rule allows
 * is denied; order and the number of files never matter. Knows no kernel, no clock and no PAM: groups are given by name.
 *
 * A decision (policy_decide) and a compiled profile (config/profile.h) come from the same normalised rules.
 */
#ifndef SEKISHO_POLICY_H
#define SEKISHO_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/diag.h"
#include "common/text.h"

struct policy;

/*
 * Loads systems.acl, groups/ and users/ (*.acl) and devices/ (ministry, private, shared) below `dir`. All mistakes of all files go to `d`, with file
 * names relative to `dir`. Missing files or folders are an empty set, but `dir` itself must exist.
 * 0 and a policy with one reference; -EINVAL when there was a mistake; -errno when something could not be read.
 */
int policy_load(const char *dir, struct policy **out, struct diag *d);

struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p); /* NULL is fine */

/* Counts for people: files read, rules (allow and deny statements), systems. */
struct policy_counts {
	unsigned files, rules, systems;
};
struct policy_counts policy_counts(const struct policy *p);

enum device_class { CLASS_MINISTRY, CLASS_PRIVATE, CLASS_SHARED, DEVICE_CLASSES };
const char *device_class_name(enum device_class c); /* "ministry", ... */
int device_class_parse(const char *text, enum device_class *out); /* 0 or -EINVAL */

/* Whose rules: a user, the user's groups, the device's class. Strings are borrowed for the call only. */
struct subject {
	const char *user;
	const char *const *groups;
	size_t group_count;
	enum device_class device_class;
};

/* Has the subject a user file or a file of one of its groups? Without one, `default-access` decides about the login. */
bool policy_has_files(const struct policy *p, const struct subject *s);

/* One packet's destination. `proto` is the IP protocol number; `port` is 0 for protocols without ports. */
struct target {
	struct addr addr;
	uint8_t proto;
	uint16_t port;
};

enum rule_action { RULE_ALLOW, RULE_DENY };

/* Where a rule stands; strings live as long as the policy. */
struct rule_ref {
	enum rule_action action;
	const char *file; /* relative, "users/t-yamada.acl" */
	unsigned line;
	const char *text; /* the statement without comment */
	const char *what; /* for people: the system's name, or "tcp 3389 10.30.5.77" */
};

/*
 * Judges one packet. Returns true when it is allowed. Up to `max` rules that cover it are put into `rules` (the deciding one
 * first: a deny if there is one, else the first allow) and their total number into `count`; 0 means that no rule covers it.
 */
bool policy_decide(const struct policy *p, const struct subject *s, const struct target *t, struct rule_ref *rules,
	size_t max, size_t *count);

/* Every rule of a subject, allow before deny, in file order: calls `each` until it returns false. */
void policy_rules(const struct policy *p, const struct subject *s, bool (*each)(const struct rule_ref *, void *), void *arg);

/* Who answers for a file ("users/t-yamada.acl"): the text of its `owner` statement, or NULL. Lives as long as the policy. */
const char *policy_owner(const struct policy *p, const char *file);

/*
 * Names the set by its contents: the SHA-256, in hex, of what this prints in the set's folder:
 *     find systems.acl groups users devices -name '*.acl' | LC_ALL=C sort | xargs sha256sum
 * 0, -ENOMEM, or -EIO when OpenSSL fails.
 */
enum { POLICY_DIGEST_TEXT = 65 };
int policy_digest(const struct policy *p, char text[static POLICY_DIGEST_TEXT]);

/* Parses "tcp 443 10.1.2.3" style words: proto name or number, port ("" or NULL where the protocol has none), address.
 * "icmp" is protocol 1 or 58 by the address's family. 0 or -EINVAL with a sentence in `why`. */
int target_parse(const char *proto, const char *port, const char *address, struct target *out, char *why, size_t why_size);

#endif
