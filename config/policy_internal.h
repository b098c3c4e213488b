/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a policy is kept, and how it is put together file by file: shared by the parts of config/ and by tests, which build
 * policies from memory. Order of work: policy_build_start(), systems.acl, every other file, policy_build_end().
 */
#ifndef SEKISHO_POLICY_INTERNAL_H
#define SEKISHO_POLICY_INTERNAL_H

#include "common/diag.h"
#include "config/arena.h"
#include "config/hours.h"
#include "config/lexer.h"
#include "config/networks.h"
#include "config/policy.h"
#include "config/profile.h"

enum {
	POLICY_RULES_MAX = 100000, /* allow and deny statements of a set */
	POLICY_BOXES_MAX = 500000, /* combinations of ports and destination that a set writes down, 40 bytes each */
	POLICY_PORTS_MAX = 64, /* ports and port ranges of one statement */
	POLICY_DESTS_MAX = 256, /* destinations of one statement */
	SYSTEM_NAME_MAX = 64,
};

/* What a statement covers, in normal form: address range x protocol range x port range. May overlap. */
struct boxes {
	const struct profile_box *box;
	size_t count;
};

struct system {
	const char *name;
	struct profile_box *box;
	size_t count, room;
	unsigned line; /* of its first definition, which the rest describes too */
	const char *source;
	struct word place;
	bool used;
};

struct rule {
	enum rule_action action;
	unsigned line;
	const char *text, *what, *reason; /* reason NULL: none */
	int64_t until; /* INT64_MAX: none */
	struct boxes boxes;
};

/* A statement about when, from where and for how long. */
struct term {
	struct term *next; /* of the file, in its order */
	enum term_kind { TERM_HOURS, TERM_FROM, TERM_VALID, TERM_SESSION } kind;
	unsigned line;
	const char *text;
	union {
		struct {
			unsigned days, first, end; /* as hours_add() takes them */
		} hours;
		struct {
			const struct networks **networks; /* those written here, and lists */
			size_t count;
		} from;
		struct {
			int64_t from, until; /* INT64_MIN, INT64_MAX: not said */
		} valid;
		struct {
			int64_t seconds, idle_seconds; /* 0: not said */
		} session;
	};
};

struct rule_file {
	enum policy_file_kind kind;
	const char *path; /* relative to the set's folder */
	const char *name; /* of the user, group or class */
	const char *owner; /* NULL when nobody is named */
	struct rule *rules;
	size_t count;
	struct term *terms;
	const struct networks *networks; /* of a list */
	unsigned char sha256[POLICY_SHA256]; /* of the file as read */
};

struct policy {
	unsigned references;
	struct arena arena; /* all that the rest points to, but `files` and the rules' arrays */
	struct rule_file *files; /* sorted by kind, then name */
	size_t file_count;
	struct system **systems; /* in the order of their first definition */
	size_t system_count;
	struct policy_counts counts;
};

/* The networks of a file in lists/. */
struct address_list {
	const char *name, *path;
	const struct networks *networks;
	bool used;
};

/* A policy under construction. */
struct build {
	struct policy *policy;
	struct diag *d;
	struct policy_context context;
	void *system_tree; /* struct system by name, tsearch(3) */
	size_t box_count;
	struct address_list **lists; /* in the order of their files */
	size_t list_count;
	const struct networks *internet; /* NULL until a statement names it */
	bool lists_unknown; /* a list could not be read: no name can be called wrong */
	bool systems_unknown; /* systems.acl could not be read: no name can be called wrong */
	bool systems_mistaken; /* it has mistakes: no expectation can be judged */
	bool failed_before; /* d->failed at the start; in between it means this set */
	int fault; /* the first failure to read something, reported already */
	int error; /* -ENOMEM: nothing more is done; 0 so far */
};

/* Begins an empty set whose mistakes go to `d`; `context` may be NULL, what it points to must live until the end. Check
 * build->error at the end only: after a failure the rest does nothing. */
void policy_build_start(struct build *b, const struct policy_context *context, struct diag *d);

/* Adds one file from memory; everything is copied. `path` stands in messages, `name` is the user, group or class ("" for
 * systems). */
void policy_build_file(
	struct build *b, enum policy_file_kind kind, const char *path, const char *name, const char *text, size_t size);

/* Ends the work and frees what belonged to it. 0 and a policy with one reference; or build->error, build->fault, -EINVAL when
 * there was a mistake, whichever is not 0 first. */
int policy_build_end(struct build *b, struct policy **out);

/* A new empty file of the policy, which later ones may move; NULL when out of memory. */
struct rule_file *policy_build_add(struct build *b, enum policy_file_kind kind, const char *path, const char *name);

/* For tdestroy(3) of a tree whose nodes belong to the arena. */
void policy_build_keep(void *node);

/* The system of that name, or NULL. */
struct system *policy_build_system(const struct build *b, const char *name);

/* A new system without destinations; NULL when out of memory (then in build->error). */
struct system *policy_build_system_add(struct build *b, const char *name);

/* The list of that name, or NULL. */
struct address_list *policy_build_list(const struct build *b, const char *name);

/* A new list without networks; NULL when out of memory (then in build->error). */
struct address_list *policy_build_list_add(struct build *b, const char *name, const char *path);

/* A file of that kind is there and could not be read. */
void policy_build_unread(struct build *b, enum policy_file_kind kind);

/* Does the bare word `i` end a WHAT: `until` or `reason`? */
bool policy_what_ends(const struct lexer *lx, unsigned i);

/* Reads "PROTO [PORTS] DEST..." from word `*next` on, up to the end of the line or policy_what_ends(), into `out` (memory of the
 * policy) and moves `*next` behind it. False when something was reported. */
bool policy_what_parse(struct build *b, const struct lexer *lx, unsigned *next, struct boxes *out);

/* Is it one of the words that stand for protocols? They cannot name a system. */
bool policy_what_is_protocol(const char *word);

/* The keyword of statement `i`, counted from 0, or NULL when there are no more. */
const char *policy_keyword(size_t i);

/* `expect` statements of one file, judged when all of it has been read. */
struct expectation {
	struct expectation *next;
	bool allow;
	unsigned line;
	const char *source;
	struct word place;
	struct boxes boxes;
};

/* Reports each expectation that the rules of `file` alone do not fulfil. */
void policy_expect_judge(struct build *b, const struct rule_file *file, const struct expectation *first);

/* Walks over the files whose rules make up those of a subject: user, groups in the order given, class. No file comes twice. */
struct file_walk {
	const struct policy *policy;
	const struct subject *subject;
	size_t step;
};
const struct rule_file *policy_walk(struct file_walk *w);

bool profile_box_contains(const struct profile_box *box, const struct target *t);
bool boxes_cover(const struct boxes *b, const struct target *t); /* does any of them contain it? */

/* Orders struct rule_file by kind, then name; for qsort(3) and bsearch(3). */
int policy_file_compare(const void *a, const void *b);

static inline bool rule_holds(const struct rule *r, int64_t at)
{
	return at < r->until;
}

/* Compiles the rules of some files that hold at `at`; see profile_compile(). */
int profile_of_files(const struct rule_file *const *files, size_t count, int64_t at, struct profile **out);

#endif
