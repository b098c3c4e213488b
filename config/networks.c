/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/networks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const special[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
	"192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	/* all but 2000::/3 */
	"::/3", "4000::/2", "8000::/1",
	/* and in it */
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"};

static const char *const silent[] = {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The network that somebody meant who wrote one with host bits: "10.20.0.10/24" -> "10.20.0.0/24". */
static const char *without_host_bits(const char *written, char text[static PREFIX_TEXT])
{
	const char *const slash = strchr(written, '/');
	unsigned bits = 0;
	struct prefix p = {0};
	char front[ADDR_TEXT];

	if (!slash)
		return NULL;
	snprintf(front, sizeof front, "%.*s", (int)(slash - written), written);
	if (addr_parse(front, &p.addr) < 0 || !word_number(slash + 1, strlen(slash + 1), 128, &bits))
		return NULL;
	if (p.addr.family == 4 && strchr(front, ':')) { /* IPv4-mapped */
		if (bits < 96)
			return NULL;
		bits -= 96;
	}
	p.bits = (uint8_t)bits;
	for (size_t i = 0; i < addr_size(&p.addr); i++) {
		const unsigned kept = bits > 8 * i ? bits - 8 * (unsigned)i : 0;
		p.addr.bytes[i] &= (uint8_t)(kept >= 8 ? 0xff : 0xff00 >> kept);
	}
	return prefix_format(&p, text);
}

bool networks_word(const struct lexer *lx, const struct word *w, const char *complaint, struct range *out)
{
	char text[PREFIX_TEXT];
	struct prefix p;
	const int r = w->quoted ? -EINVAL : prefix_parse(w->text, &p);

	if (r == -EDOM) {
		const char *const meant = without_host_bits(w->text, text);
		lexer_mistake(lx, w, "'%s' has bits set below its mask; expected the network %s, or a bare address for one host",
			w->text, meant ? meant : "address");
		return false;
	}
	if (w->quoted) {
		lexer_mistake(lx, w, "a network in quotes; write it without quotes");
		return false;
	}
	if (r < 0) {
		lexer_mistake(lx, w, "'%s' %s", w->text, complaint);
		return false;
	}
	prefix_range(&p, &out->first, &out->last);
	return true;
}

static int compare_ranges(const void *a, const void *b)
{
	return addr_compare(&((const struct range *)a)->first, &((const struct range *)b)->first);
}

/* Does `b`, which begins no earlier, overlap `a` or follow it at once? */
static bool joins(const struct range *a, const struct range *b)
{
	struct addr behind;

	if (a->first.family != b->first.family)
		return false;
	return addr_add(&a->last, 1, &behind) < 0 || addr_compare(&b->first, &behind) <= 0;
}

void networks_sort(struct networks *n)
{
	size_t kept = 0;

	if (n->count)
		qsort(n->range, n->count, sizeof *n->range, compare_ranges);
	for (size_t i = 0; i < n->count; i++) {
		struct range *const before = kept ? &n->range[kept - 1] : NULL;
		if (!before || !joins(before, &n->range[i]))
			n->range[kept++] = n->range[i];
		else if (addr_compare(&before->last, &n->range[i].last) < 0)
			before->last = n->range[i].last;
	}
	n->count = kept;
}

bool networks_contain(const struct networks *n, const struct addr *a)
{
	size_t first = 0, end = n->count;

	while (first < end) {
		const size_t middle = first + (end - first) / 2;
		if (addr_compare(&n->range[middle].last, a) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first < n->count && addr_compare(&n->range[first].first, a) <= 0;
}

bool networks_can_send(const struct range *r)
{
	struct prefix p;

	for (size_t i = 0; i < COUNT(silent); i++)
		if (!prefix_parse(silent[i], &p) && prefix_contains(&p, &r->first) && prefix_contains(&p, &r->last))
			return false;
	return true;
}

static struct range range_of(const struct prefix *p)
{
	struct range r;

	prefix_range(p, &r.first, &r.last);
	return r;
}

/* The address before one that is not the first of its family. */
static struct addr addr_before(struct addr a)
{
	for (size_t i = addr_size(&a); i-- > 0 && a.bytes[i]-- == 0;)
		;
	return a;
}

/* Appends what lies between the ranges of a family in a sorted set. */
static void append_gaps(const struct networks *taken, uint8_t family, struct networks *out)
{
	const struct range all = range_of(&(struct prefix){.addr = {.family = family}});
	struct addr next = all.first;
	bool open = true; /* `next` is an address, not beyond the last */

	for (size_t i = 0; i < taken->count; i++) {
		const struct range *const r = &taken->range[i];
		if (r->first.family != family)
			continue;
		if (addr_compare(&next, &r->first) < 0)
			out->range[out->count++] = (struct range){.first = next, .last = addr_before(r->first)};
		open = addr_add(&r->last, 1, &next) == 0;
	}
	if (open)
		out->range[out->count++] = (struct range){.first = next, .last = all.last};
}

int networks_internet(const struct prefix *internal, size_t count, struct arena *arena, struct networks *out)
{
	struct networks taken = {.range = calloc(COUNT(special) + count, sizeof *taken.range)};
	struct networks gaps = {.range = arena_alloc(arena, COUNT(special) + count + 2, sizeof *gaps.range)};
	struct prefix p;
	int r = -ENOMEM;

	if (!taken.range || !gaps.range)
		goto out;
	for (size_t i = 0; i < COUNT(special); i++)
		if (!prefix_parse(special[i], &p))
			taken.range[taken.count++] = range_of(&p);
	for (size_t i = 0; i < count; i++)
		taken.range[taken.count++] = range_of(&internal[i]);
	networks_sort(&taken);
	append_gaps(&taken, 4, &gaps);
	append_gaps(&taken, 6, &gaps);
	*out = gaps;
	r = 0;
out:
	free(taken.range);
	return r;
}
