/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words that a line must hold to fit, for logreader.h to look for before anything of the line is understood. A string value
 * stands in a line as it is, unless its writer escaped something: a slash, a quote, a backslash or a control character in some
 * short form, or anything at all as `\uXXXX`. So words are cut at the former, and lines with a `\u` are always looked at.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cli/logquery_internal.h"

/* Shorter ones are in nearly every line. */
enum { NEEDLE_LEAST = 2, NUMBER_LEAST = 1000 };

#define UNICODE_ESCAPE "\\u"

/* The longest piece that has one way to be written. */
static struct logneedle plain_piece(const char *text)
{
	struct logneedle best = {text, 0};
	while (*text) {
		size_t size = strcspn(text,
			"/\"\\\x7f\x01\x02\x03\x04\x05\x06\x07\b\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"
			"\x19\x1a\x1b\x1c\x1d\x1e\x1f");
		if (size > best.size)
			best = (struct logneedle){text, size};
		text += size + (text[size] != '\0');
	}
	return best;
}

static bool add(struct logneedles *n, const char *text)
{
	struct logneedle piece = plain_piece(text);
	if (piece.size < NEEDLE_LEAST || n->count == LOGNEEDLES)
		return false;
	n->items[n->count++] = piece;
	return true;
}

/* A single address is looked for in the one form in which the gateway writes it, that of addr_format(); networks have none. */
static bool add_address(struct logquery *q, struct logneedles *n, const struct prefix *p)
{
	if (p->bits != 8 * addr_size(&p->addr) || n->count == LOGNEEDLES)
		return false;
	return add(n, addr_format(&p->addr, q->needle_texts[n->count]));
}

/* A number stands in a line as its digits; few of them stand anywhere. */
static bool add_number(struct logquery *q, struct logneedles *n, const struct logquery_range *r)
{
	if (r->first != r->last || r->first < NUMBER_LEAST || n->count == LOGNEEDLES)
		return false;
	snprintf(q->needle_texts[n->count], sizeof q->needle_texts[0], "%" PRIu32, r->first);
	return add(n, q->needle_texts[n->count]);
}

static bool collect(struct logquery *q, enum logquery_option option, struct logneedles *n)
{
	for (size_t i = 0; i < q->words[option].count; i++) {
		bool good = option == LOGQUERY_ADDRESS	     ? add_address(q, n, &q->addresses[i])
			    : option == LOGQUERY_DESTINATION ? add_address(q, n, &q->destinations[i])
			    : option == LOGQUERY_PORT	     ? add_number(q, n, &q->ports[i])
			    : option == LOGQUERY_SESSION     ? add_number(q, n, &q->sessions[i])
							     : add(n, q->words[option].items[i]);
		if (!good || (option == LOGQUERY_USER && !add(n, q->hashes[i])))
			return false;
	}
	return true;
}

void logquery_needles(struct logquery *q)
{
	/* What is likely to be rare comes first. */
	static const enum logquery_option order[] = {LOGQUERY_KEY, LOGQUERY_USER, LOGQUERY_DEVICE, LOGQUERY_TEXT,
		LOGQUERY_ADDRESS, LOGQUERY_DESTINATION, LOGQUERY_SESSION, LOGQUERY_RULE, LOGQUERY_ADMIN, LOGQUERY_PORT,
		LOGQUERY_REASON, LOGQUERY_ACTION};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct logneedles n = {0};
		if (!q->words[order[i]].count || !collect(q, order[i], &n) || n.count == LOGNEEDLES)
			continue;
		n.items[n.count++] = (struct logneedle){UNICODE_ESCAPE, sizeof UNICODE_ESCAPE - 1};
		q->needles = n;
		return;
	}
}
