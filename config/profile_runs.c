/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile_runs.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

/* The protocols that rules can name divide 0..255 into nine ranges; joined, runs become no fewer than a ninth. */
enum { RUNS_MAX = 16 * PROFILE_BOXES_MAX };

static uint64_t half(const struct addr *a, size_t from)
{
	uint64_t n;

	memcpy(&n, a->bytes + from, sizeof n);
	return be64toh(n);
}

/* addr_compare() for one family: most of the time of a compilation goes by here. */
static int compare_addresses(const void *a, const void *b)
{
	const uint64_t x = half(a, 0), y = half(b, 0);

	if (x != y)
		return x < y ? -1 : 1;
	return (half(a, 8) > half(b, 8)) - (half(a, 8) < half(b, 8));
}

static uint32_t rank_of(const struct positions *p, const struct addr *a)
{
	const struct addr *const found = bsearch(a, p->address, p->count, sizeof *a, compare_addresses);

	return (uint32_t)(found - p->address);
}

int positions_rank(const struct sweep_box *all, size_t count, uint8_t family, struct positions *out, struct ranked_box **boxes,
	size_t *ranked)
{
	struct addr behind;
	size_t n = 0;

	*out = (struct positions){.family = family, .address = calloc(2 * count + 1, sizeof *out->address)};
	*boxes = calloc(count + 1, sizeof **boxes);
	if (!out->address || !*boxes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (all[i].box->first.family != family)
			continue;
		(*boxes)[n++].source = &all[i];
		out->address[out->count++] = all[i].box->first;
		if (!addr_add(&all[i].box->last, 1, &behind))
			out->address[out->count++] = behind;
	}
	qsort(out->address, out->count, sizeof *out->address, compare_addresses);
	size_t kept = 0;
	for (size_t i = 0; i < out->count; i++)
		if (!kept || compare_addresses(&out->address[kept - 1], &out->address[i]))
			out->address[kept++] = out->address[i];
	out->count = kept;
	for (size_t i = 0; i < n; i++) {
		const struct profile_box *const box = (*boxes)[i].source->box;
		(*boxes)[i].first = rank_of(out, &box->first);
		(*boxes)[i].end = addr_add(&box->last, 1, &behind) ? RANK_END : rank_of(out, &behind);
	}
	*ranked = n;
	return 0;
}

int runs_add(struct runs *r, const struct run *run)
{
	if (r->count == RUNS_MAX)
		return -E2BIG;
	struct run *more = array_room(r->run, &r->room, r->count, 1, sizeof *more);
	if (!more)
		return -ENOMEM;
	r->run = more;
	r->run[r->count++] = *run;
	return 0;
}

static int order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* Runs of the same addresses side by side, and in them protocols, and in those ports. */
static int compare_runs(const void *a, const void *b)
{
	const struct run *const x = a, *const y = b;
	int c = order(x->first, y->first);

	c = c ? c : order(x->end, y->end);
	c = c ? c : order(x->proto_first, y->proto_first);
	return c ? c : order(x->port_first, y->port_first);
}

/* How many runs from `i` on have the same addresses and protocols. */
static size_t block_size(const struct runs *r, size_t i)
{
	size_t n = 1;

	while (i + n < r->count && r->run[i + n].first == r->run[i].first && r->run[i + n].end == r->run[i].end &&
		r->run[i + n].proto_first == r->run[i].proto_first)
		n++;
	return n;
}

/* May a block be joined to the one before: same addresses, next protocol, same ports? */
static bool same_ports(const struct run *before, size_t before_size, const struct run *block, size_t size)
{
	if (before_size != size || before->first != block->first || before->end != block->end ||
		before->proto_last + 1 != block->proto_first)
		return false;
	for (size_t i = 0; i < size; i++)
		if (before[i].port_first != block[i].port_first || before[i].port_last != block[i].port_last)
			return false;
	return true;
}

static void join_protocols(struct runs *r)
{
	size_t kept = 0, last = 0, last_size = 0; /* the block that was kept last */

	for (size_t i = 0, size; i < r->count; i += size) {
		size = block_size(r, i);
		if (last_size && same_ports(&r->run[last], last_size, &r->run[i], size)) {
			for (size_t j = 0; j < size; j++)
				r->run[last + j].proto_last = r->run[i].proto_last;
			continue;
		}
		memmove(&r->run[kept], &r->run[i], size * sizeof *r->run);
		last = kept;
		last_size = size;
		kept += size;
	}
	r->count = kept;
}

/* The address before that of a rank. */
static struct addr last_before(const struct positions *p, uint32_t rank)
{
	struct addr a = {.family = p->family};

	if (rank == RANK_END) {
		memset(a.bytes, 0xff, addr_size(&a));
		return a;
	}
	a = p->address[rank];
	for (size_t i = addr_size(&a); i-- > 0 && a.bytes[i]-- == 0;)
		;
	return a;
}

static int compare_boxes(const void *a, const void *b)
{
	const struct profile_box *const x = a, *const y = b;
	int c = compare_addresses(&x->first, &y->first);

	c = c ? c : order(x->proto_first, y->proto_first);
	return c ? c : order(x->port_first, y->port_first);
}

int runs_finish(struct runs *r, const struct positions *p, struct profile_boxes *out)
{
	if (!r->count)
		return 0;
	qsort(r->run, r->count, sizeof *r->run, compare_runs);
	join_protocols(r);
	if (r->count + out->count > PROFILE_BOXES_MAX)
		return -E2BIG;
	struct profile_box *const more = reallocarray(out->box, out->count + r->count, sizeof *more);
	if (!more)
		return -ENOMEM;
	out->box = more;
	for (size_t i = 0; i < r->count; i++)
		more[out->count + i] = (struct profile_box){
			.first = p->address[r->run[i].first],
			.last = last_before(p, r->run[i].end),
			.proto_first = r->run[i].proto_first,
			.proto_last = r->run[i].proto_last,
			.port_first = r->run[i].port_first,
			.port_last = r->run[i].port_last,
		};
	qsort(more + out->count, r->count, sizeof *more, compare_boxes);
	out->count += r->count;
	return 0;
}
