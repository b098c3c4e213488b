/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile_words.h"

#include <errno.h>
#include <netinet/in.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

enum { HEAD_MAX = 2 * 6 * WORDS_PORTS_MAX + 24, RANGE_MAX = 2 * ADDR_TEXT };

/* One text in the making: what stands before the destinations, and these. */
struct line {
	char head[HEAD_MAX]; /* "tcp 80,443" */
	const struct profile_box *dest[WORDS_DESTS_MAX];
	size_t dest_count;
};

struct writer {
	struct arena scratch;
	struct line **lines; /* in the order of their first destination */
	size_t count, room;
	void *tree; /* the line to which a head's next destination goes */
};

static int order(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static bool same_dest(const struct profile_box *a, const struct profile_box *b)
{
	return addr_equal(&a->first, &b->first) && addr_equal(&a->last, &b->last);
}

/* The language's name of a range of protocols; NULL when it has none. */
static const char *protocol_name(const struct profile_box *b)
{
	const uint8_t icmp = b->first.family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	if (b->proto_first == 0 && b->proto_last == UINT8_MAX)
		return "any";
	if (b->proto_first != b->proto_last)
		return NULL;
	return b->proto_first == IPPROTO_TCP   ? "tcp"
	       : b->proto_first == IPPROTO_UDP ? "udp"
	       : b->proto_first == icmp	       ? "icmp"
					       : NULL;
}

/* Only tcp and udp have ports in the language, and boxes of other protocols never tell any apart. */
static bool has_ports(const struct profile_box *b)
{
	return b->proto_first == b->proto_last && (b->proto_first == IPPROTO_TCP || b->proto_first == IPPROTO_UDP);
}

/* Do both belong to one list, of ports or of protocols without a name? */
static bool same_list(const struct profile_box *a, const struct profile_box *b)
{
	if (!same_dest(a, b))
		return false;
	if (has_ports(a))
		return a->proto_first == b->proto_first && a->proto_last == b->proto_last;
	return !protocol_name(a) && !protocol_name(b);
}

/* Equal destinations side by side, and in them lists of ports and of protocols without a name, sorted. */
static int compare_boxes(const void *a, const void *b)
{
	const struct profile_box *const x = *(const struct profile_box *const *)a, *const y =
											   *(const struct profile_box *const *)b;
	int c = addr_compare(&x->first, &y->first);

	c = c ? c : addr_compare(&x->last, &y->last);
	c = c ? c : order(protocol_name(x) != NULL, protocol_name(y) != NULL);
	c = c ? c : order(x->proto_first, y->proto_first);
	return c ? c : order(x->port_first, y->port_first);
}

static void add_range(char *head, unsigned first, unsigned last, bool begin)
{
	const size_t used = strlen(head);
	const char *const before = begin ? " " : ",";

	if (first == last)
		snprintf(head + used, HEAD_MAX - used, "%s%u", before, first);
	else
		snprintf(head + used, HEAD_MAX - used, "%s%u-%u", before, first, last);
}

/* Writes the head of the boxes of one list that follow each other. Returns how many it took. */
static size_t write_head(const struct profile_box *const *boxes, size_t left, char head[static HEAD_MAX])
{
	const struct profile_box *const b = boxes[0];
	const char *const name = protocol_name(b);
	const bool ports = has_ports(b);
	size_t n = 1;

	if (ports && b->port_first == 0 && b->port_last == UINT16_MAX) {
		snprintf(head, HEAD_MAX, "%s *", name);
		return 1;
	}
	if (name && !ports) {
		snprintf(head, HEAD_MAX, "%s", name);
		return 1;
	}
	while (n < left && n < WORDS_PORTS_MAX && same_list(b, boxes[n]))
		n++;
	const bool plural = n > 1 || b->proto_first != b->proto_last;
	snprintf(head, HEAD_MAX, "%s", ports ? name : plural ? "protocols" : "protocol");
	for (size_t i = 0; i < n; i++)
		if (ports)
			add_range(head, boxes[i]->port_first, boxes[i]->port_last, i == 0);
		else
			add_range(head, boxes[i]->proto_first, boxes[i]->proto_last, i == 0);
	return n;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->head, ((const struct line *)b)->head);
}

static int line_add(struct writer *w, const char *head, const struct profile_box *dest, struct line **out)
{
	struct line *const l = arena_alloc(&w->scratch, 1, sizeof *l);

	if (!l)
		return -ENOMEM;
	struct line **const lines = array_room(w->lines, &w->room, w->count, 1, sizeof(struct line *));
	if (!lines)
		return -ENOMEM;
	w->lines = lines;
	w->lines[w->count++] = l;
	snprintf(l->head, sizeof l->head, "%s", head);
	l->dest[l->dest_count++] = dest;
	*out = l;
	return 0;
}

static int place(struct writer *w, const char *head, const struct profile_box *dest)
{
	struct line key = {0}, *fresh = NULL;

	snprintf(key.head, sizeof key.head, "%s", head);
	struct line **const found = tfind(&key, &w->tree, compare_lines);
	if (found && (*found)->dest_count < WORDS_DESTS_MAX) {
		(*found)->dest[(*found)->dest_count++] = dest;
		return 0;
	}
	const int r = line_add(w, head, dest, &fresh);
	if (r < 0)
		return r;
	if (found)
		*found = fresh;
	else if (!tsearch(fresh, &w->tree, compare_lines))
		return -ENOMEM;
	return 0;
}

static int write_lines(struct writer *w, const struct profile *p)
{
	const struct profile_box **const boxes = calloc(p->count + 1, sizeof(struct profile_box *));
	char head[HEAD_MAX];
	int r = 0;

	if (!boxes)
		return -ENOMEM;
	for (size_t i = 0; i < p->count; i++)
		boxes[i] = &p->boxes[i];
	qsort(boxes, p->count, sizeof(struct profile_box *), compare_boxes);
	for (size_t i = 0, n; i < p->count && !r; i += n) {
		n = write_head(boxes + i, p->count - i, head);
		r = place(w, head, boxes[i]);
	}
	free(boxes);
	return r;
}

static unsigned bit(const struct addr *a, unsigned i)
{
	return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

/* The length of the prefix that is this range, or -1 when none is. */
static int prefix_bits(const struct addr *first, const struct addr *last)
{
	const unsigned size = 8 * (unsigned)addr_size(first);
	unsigned same = 0;

	while (same < size && bit(first, same) == bit(last, same))
		same++;
	for (unsigned i = same; i < size; i++)
		if (bit(first, i) || !bit(last, i))
			return -1;
	return (int)same;
}

static void dest_text(const struct profile_box *b, char text[static RANGE_MAX])
{
	const int bits = prefix_bits(&b->first, &b->last);
	char first[ADDR_TEXT], last[ADDR_TEXT];

	if (addr_equal(&b->first, &b->last))
		addr_format(&b->first, text);
	else if (bits >= 0)
		prefix_format(&(struct prefix){.addr = b->first, .bits = (uint8_t)bits}, text);
	else
		snprintf(text, RANGE_MAX, "%s-%s", addr_format(&b->first, first), addr_format(&b->last, last));
}

static const char *line_text(struct arena *arena, const struct line *l)
{
	char text[HEAD_MAX + WORDS_DESTS_MAX * (RANGE_MAX + 1)], dest[RANGE_MAX];
	int used = snprintf(text, sizeof text, "%s", l->head);

	for (size_t i = 0; i < l->dest_count; i++) {
		dest_text(l->dest[i], dest);
		used += snprintf(text + used, sizeof text - (size_t)used, " %s", dest);
	}
	return arena_text(arena, text);
}

static void keep_node(void *node)
{
	(void)node; /* lines belong to the arena */
}

int profile_words(struct arena *arena, const struct profile *p, size_t max, struct words *out)
{
	struct writer w = {0};
	struct words words = {0};

	int r = write_lines(&w, p);
	if (!r) {
		const size_t count = w.count < max ? w.count : max;
		words.more = w.count - count;
		words.text = arena_alloc(arena, count + 1, sizeof(char *));
		for (; words.text && words.count < count; words.count++)
			if (!(words.text[words.count] = line_text(arena, w.lines[words.count])))
				break;
		r = words.count == count && words.text ? 0 : -ENOMEM;
	}
	if (!r)
		*out = words;
	tdestroy(w.tree, keep_node);
	free(w.lines);
	arena_free(&w.scratch);
	return r;
}

int profile_sentence(struct arena *arena, const struct profile *p, size_t max, const char **out)
{
	struct arena scratch = {0};
	struct words words = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *f = NULL;

	int r = profile_words(&scratch, p, max, &words);
	if (r < 0)
		goto out;
	r = -ENOMEM;
	f = open_memstream(&text, &size);
	if (!f)
		goto out;
	for (size_t i = 0; i < words.count; i++)
		fprintf(f, "%s%s", i ? "; " : "", words.text[i]);
	if (words.more)
		fprintf(f, "%sand %zu more", words.count ? "; " : "", words.more);
	const bool written = !ferror(f);
	if (fclose(f) || !written)
		goto out;
	const char *const copy = arena_text(arena, text);
	if (copy) {
		*out = copy;
		r = 0;
	}
out:
	free(text);
	arena_free(&scratch);
	return r;
}
