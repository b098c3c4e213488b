/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The administrators' ACL files as one checked, immutable value: see sekisho-acl(5). Deny beats allow, what no rule allows
 * is denied; order and the number of files never matter. Knows no kernel, no clock and no PAM: groups are given by name, and
 * what the time is. Instants are microseconds since the epoch, INT64_MAX is never. Dates and times of day in the files are local
 * time: that of the process (TZ) while a set is loaded and asked.
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

/* What the statements refer to beyond the files; all borrowed for the call only. All zero: nothing is known. */
struct policy_context {
	const struct prefix
		*internal; /* what `internet` leaves out beside the special-use networks: see settings_policy_context() */
	size_t internal_count;
	int64_t now; /* to warn of what has lapsed already; 0: unknown, no such warnings */
};

/*
 * Loads systems.acl, lists/, groups/ and users/ (*.acl) and devices/ (ministry, private, shared) below `dir`. All mistakes of all
 * files go to `d`, with file names relative to `dir`. Missing files or folders are an empty set, but `dir` itself must exist.
 * `context` may be NULL. 0 and a policy with one reference; -EINVAL when there was a mistake; -errno when something could not be
 * read.
 */
int policy_load(const char *dir, const struct policy_context *context, struct policy **out, struct diag *d);

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

/*
 * Which files apply to a subject: a mark for each, in an order of its own that depends on nothing but the files. Subjects with
 * equal marks have equal rules and terms at every instant, so that what was made for one serves the other. `marks` has room for
 * group_count + 2; how many there are. Good for comparison only, while the policy lives.
 */
size_t policy_marks(const struct policy *p, const struct subject *s, const void **marks);

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
	const char *reason; /* the text of its `reason`, or NULL */
	int64_t until; /* first instant at which it no longer holds (local midnight after its date); INT64_MAX: none */
};

/*
 * Judges one packet at the instant `at`. Returns true when it is allowed. Up to `max` rules that hold then and cover it are put
 * into `rules` (the deciding one first: a deny if there is one, else the first allow) and their total number into `count`; 0
 * means that no rule covers it.
 */
bool policy_decide(const struct policy *p, const struct subject *s, const struct target *t, int64_t at, struct rule_ref *rules,
	size_t max, size_t *count);

typedef bool policy_rule_visitor(const struct rule_ref *, void *arg);

/* Every rule of a subject that holds at `at`, allow before deny, in file order: calls `each` until it returns false. */
void policy_rules(const struct policy *p, const struct subject *s, int64_t at, policy_rule_visitor *each, void *arg);

/* The allow rules among them of which something is left in `open`, the subject's compiled profile: what others deny altogether is
 * passed over. */
struct profile;
void policy_rules_open(const struct policy *p, const struct subject *s, int64_t at, const struct profile *open,
	policy_rule_visitor *each, void *arg);

/* Rules of any subject, by file and line, whose `until` lies in [from, to): to warn ahead, and to record what lapsed. */
void policy_lapsing(const struct policy *p, int64_t from, int64_t to, policy_rule_visitor *each, void *arg);

/* The same for one subject, allow before deny. */
void policy_lapsing_of(
	const struct policy *p, const struct subject *s, int64_t from, int64_t to, policy_rule_visitor *each, void *arg);

/* A statement; strings live as long as the policy. `file` NULL: none. */
struct line_ref {
	const char *file; /* relative */
	unsigned line;
	const char *text; /* without comment */
};

enum policy_bar { BAR_NONE, BAR_NOT_YET, BAR_PERIOD, BAR_HOURS };

/* When a session may exist, and for how long. */
struct policy_terms {
	enum policy_bar bar; /* BAR_NONE: a session may exist at `at` */
	struct line_ref bar_line; /* which statement bars it */
	int64_t opens; /* barred: first instant after `at` at which nothing bars it, INT64_MAX when never; else `at` */
	int64_t ends; /* not barred: first instant after `at` at which it is barred, INT64_MAX when never; else `at` */
	enum policy_bar ends_bar;
	struct line_ref ends_line;
	int64_t changes; /* first instant after `at` at which a rule of this subject lapses */
	int64_t session_seconds, idle_seconds; /* the shortest that any file says, 0: no file says */
	struct line_ref session_line, idle_line;
};

void policy_terms(const struct policy *p, const struct subject *s, int64_t at, struct policy_terms *out);

/* Every hours, from, valid and session statement of a subject, in file order: calls `each` until it returns false. */
void policy_statements(const struct policy *p, const struct subject *s, bool (*each)(const struct line_ref *, void *), void *arg);

/* May the device come from this outer address? Every file with `from` statements must agree; false with the first `from` of the
 * first file that does not in `line`. `line` may be NULL and is untouched when the answer is true. */
bool policy_from(const struct policy *p, const struct subject *s, const struct addr *outer, struct line_ref *line);

enum policy_file_kind { FILE_SYSTEMS, FILE_LIST, FILE_GROUP, FILE_USER, FILE_DEVICE };
enum { POLICY_SHA256 = 32 };

/* One file of the set; strings live as long as the policy. */
struct policy_file {
	const char *path; /* relative, "groups/soumu.acl" */
	const char *name; /* of the list, group, user or class; "" for systems.acl */
	const char *owner; /* NULL when nobody is named */
	enum policy_file_kind kind;
	unsigned rules; /* allow and deny statements */
	unsigned char sha256[POLICY_SHA256]; /* of the file as read */
};

/* Every file of the set, sorted by kind, then name: calls `each` until it returns false. */
void policy_files(const struct policy *p, bool (*each)(const struct policy_file *, void *), void *arg);

/* Who answers for a file ("users/t-yamada.acl"): the text of its `owner` statement, or NULL. Lives as long as the policy. */
const char *policy_owner(const struct policy *p, const char *file);

/*
 * Names the set by its contents: the SHA-256, in hex, of what this prints in the set's folder:
 *     find systems.acl lists groups users devices -name '*.acl' | LC_ALL=C sort | xargs sha256sum
 * 0, -ENOMEM, or -EIO when OpenSSL fails.
 */
enum { POLICY_DIGEST_TEXT = 65 };
int policy_digest(const struct policy *p, char text[static POLICY_DIGEST_TEXT]);

/* A file that is not as it was; `sha256` in hex, "" when it is gone. */
struct policy_file_change {
	const char *path;
	char sha256[POLICY_DIGEST_TEXT];
};

/* Every file that `after` has otherwise than `before` (NULL: an empty set), or not at all, sorted by kind, then name. */
void policy_files_changed(const struct policy *before, const struct policy *after,
	void (*each)(const struct policy_file_change *, void *), void *arg);

/* Parses "tcp 443 10.1.2.3" style words: proto name or number, port ("" or NULL where the protocol has none), address.
 * "icmp" is protocol 1 or 58 by the address's family. 0 or -EINVAL with a sentence in `why`. */
int target_parse(const char *proto, const char *port, const char *address, struct target *out, char *why, size_t why_size);

#endif
