/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statements of an ACL file: one function for each, called by policy_parse.c with the lexer on a line that begins with the
 * statement's keyword. Each puts what the line says into ps->file or reports every mistake it finds; nothing is kept of a line
 * with a mistake. After -ENOMEM (in ps->b->error) the rest does nothing.
 */
#ifndef SEKISHO_STATEMENT_H
#define SEKISHO_STATEMENT_H

#include "config/policy_internal.h"

/* One ACL file being read. */
struct parser {
	struct build *b;
	struct rule_file *file;
	size_t room; /* rules that the file's array holds */
	void *seen; /* statements by text, tsearch(3); freed with policy_build_keep() */
	struct expectation *expectations, **expectations_end; /* in file order */
	struct term **terms_end; /* where the next one goes */
	unsigned owner_line, valid_line, session_line; /* of what may stand once, 0: not yet */
	struct networks networks; /* of a list's file, as far as it is read: in the order of the file */
	size_t networks_room;
	struct lexer lx;
};

void statement_system(struct parser *ps);
void statement_allow(struct parser *ps);
void statement_deny(struct parser *ps);
void statement_expect(struct parser *ps);
void statement_owner(struct parser *ps);
void statement_hours(struct parser *ps);
void statement_from(struct parser *ps);
void statement_valid(struct parser *ps);
void statement_session(struct parser *ps);

/* A line of a list's file that is no other statement: networks. */
void statement_networks(struct parser *ps);

/* Ends a list's file: what it names can be referred to from now on, even if it had mistakes. */
void statement_list_end(struct parser *ps);

/* Warns of an `allow` that the file's own denies close, and of `from` lines that leave no address a phone could come from. The
 * file, whose `text` this is, has no mistakes. */
void statement_judge(struct parser *ps, const char *text, size_t size);

/* ---- for several of them ---- */

/* Reports a mistake at word `i`, or just behind the line's last word. */
void statement_mistake(struct parser *ps, unsigned i, const char *text);

/* Words from..to-1 as memory of the policy; NULL when out of memory. */
const char *statement_words(struct parser *ps, unsigned from, unsigned to);

/* Is this the first statement of the file that begins with the words up to `to`? Otherwise it is reported. */
bool statement_first_time(struct parser *ps, unsigned to);

/* Does nothing follow? Otherwise it is reported; `expected` is what could have stood there. */
bool statement_at_end(struct parser *ps, unsigned i, const char *expected);

/* Is word `i` a text in quotes that says something? Otherwise it is reported. */
bool statement_quoted(struct parser *ps, unsigned i);

/* May the statement stand once only, and is this the first? `line` is where it stands. Otherwise it is reported. */
bool statement_once(struct parser *ps, unsigned *line);

/* The date in word `i`: its first instant and the first one after it. Otherwise it is reported. */
bool statement_date(struct parser *ps, unsigned i, int64_t *first, int64_t *after);

/* A term of the file, in order; NULL when out of memory. */
struct term *statement_term(struct parser *ps, enum term_kind kind);

#endif
