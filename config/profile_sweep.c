/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/profile_sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/profile_runs.h"

/* One side of a box in the sweep: where it begins or ends to count. Ports stand in cells, see struct sweep. */
struct edge {
	uint32_t rank; /* index into the positions */
	uint32_t cell_first, cell_end; /* half-open */
	int32_t step; /* +1 at the first address, -1 behind the last */
	bool deny;
};

/* A range of ports that the boxes do not tell apart. */
struct cell {
	uint32_t allow, deny; /* boxes that cover it at the current address */
	uint32_t since; /* rank where it became allowed */
	bool open; /* it is allowed */
};

/* One pass over the addresses, for one range of protocols. */
struct sweep {
	struct edge *edges;
	size_t edge_count;
	uint32_t *ports; /* first port of each cell, and 65536 at the end */
	size_t port_count;
	struct cell *cells;
	struct runs *runs;
	uint8_t proto_first, proto_last;
};

static int compare_u32(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int compare_edges(const void *a, const void *b)
{
	const struct edge *const x = a, *const y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->cell_first > y->cell_first) - (x->cell_first < y->cell_first);
}

/* Sorts and removes what stands twice; returns how many are left. */
static size_t sort_unique(uint32_t *values, size_t count)
{
	size_t kept = 0;

	qsort(values, count, sizeof *values, compare_u32);
	for (size_t i = 0; i < count; i++)
		if (!kept || values[kept - 1] != values[i])
			values[kept++] = values[i];
	return kept;
}

static uint32_t cell_of(const struct sweep *s, uint32_t port)
{
	const uint32_t *const found = bsearch(&port, s->ports, s->port_count, sizeof port, compare_u32);

	return (uint32_t)(found - s->ports);
}

static bool concerns(const struct sweep *s, const struct profile_box *box)
{
	return box->proto_first <= s->proto_first && box->proto_last >= s->proto_last;
}

/* Lays out cells and edges for the boxes that concern this pass. */
static int prepare(struct sweep *s, const struct ranked_box *boxes, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += concerns(s, boxes[i].source->box);
	s->edges = calloc(2 * n + 1, sizeof *s->edges);
	s->ports = calloc(2 * n + 1, sizeof *s->ports);
	s->cells = calloc(2 * n + 1, sizeof *s->cells);
	if (!s->edges || !s->ports || !s->cells)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (concerns(s, boxes[i].source->box)) {
			s->ports[s->port_count++] = boxes[i].source->box->port_first;
			s->ports[s->port_count++] = (uint32_t)boxes[i].source->box->port_last + 1;
		}
	s->port_count = sort_unique(s->ports, s->port_count);
	for (size_t i = 0; i < count; i++) {
		const struct profile_box *const box = boxes[i].source->box;
		if (!concerns(s, box))
			continue;
		struct edge e = {.rank = boxes[i].first,
			.cell_first = cell_of(s, box->port_first),
			.cell_end = cell_of(s, (uint32_t)box->port_last + 1),
			.step = 1,
			.deny = boxes[i].source->deny};
		s->edges[s->edge_count++] = e;
		e.rank = boxes[i].end;
		e.step = -1;
		s->edges[s->edge_count++] = e;
	}
	qsort(s->edges, s->edge_count, sizeof *s->edges, compare_edges);
	return 0;
}

/* Writes down the run of the cells first..end-1 that ends before `rank`. */
static int close_run(struct sweep *s, uint32_t first, uint32_t end, uint32_t since, uint32_t rank)
{
	return runs_add(s->runs, &(struct run){.first = since,
					 .end = rank,
					 .proto_first = s->proto_first,
					 .proto_last = s->proto_last,
					 .port_first = (uint16_t)s->ports[first],
					 .port_last = (uint16_t)(s->ports[end] - 1)});
}

/* Looks which of some cells became allowed or ceased to be at `rank`. Neighbours that began together end as
 * one. */
static int settle(struct sweep *s, uint32_t first, uint32_t end, uint32_t rank)
{
	uint32_t from = first; /* cells from..i-1 have just closed and began together */
	int r = 0;

	for (uint32_t i = first; i < end && !r; i++) {
		struct cell *const c = &s->cells[i];
		const bool allowed = c->allow && !c->deny;
		const bool closes = c->open && !allowed;
		const bool joins = closes && from < i && c->since == s->cells[from].since;

		if (!joins && from < i)
			r = close_run(s, from, i, s->cells[from].since, rank);
		if (!joins)
			from = closes ? i : i + 1;
		if (allowed && !c->open)
			c->since = rank;
		c->open = allowed;
	}
	if (!r && from < end)
		r = close_run(s, from, end, s->cells[from].since, rank);
	return r;
}

static void apply(struct sweep *s, const struct edge *e)
{
	for (uint32_t i = e->cell_first; i < e->cell_end; i++)
		*(e->deny ? &s->cells[i].deny : &s->cells[i].allow) += (uint32_t)e->step;
}

static int pass(struct sweep *s)
{
	size_t i = 0;
	int r = 0;

	while (i < s->edge_count && !r) {
		/* Edges at one address whose ports touch are settled together: what ends with one may go on with the other. */
		const uint32_t rank = s->edges[i].rank, first = s->edges[i].cell_first;
		uint32_t end = first;
		for (; i < s->edge_count && s->edges[i].rank == rank && s->edges[i].cell_first <= end; i++) {
			apply(s, &s->edges[i]);
			if (s->edges[i].cell_end > end)
				end = s->edges[i].cell_end;
		}
		r = settle(s, first, end, rank);
	}
	return r;
}

static int sweep_protocols(
	const struct ranked_box *boxes, size_t count, uint8_t proto_first, uint8_t proto_last, struct runs *runs)
{
	struct sweep s = {.runs = runs, .proto_first = proto_first, .proto_last = proto_last};

	int r = prepare(&s, boxes, count);
	if (!r)
		r = pass(&s);
	free(s.edges);
	free(s.ports);
	free(s.cells);
	return r;
}

/* One pass for each range of protocols that no box divides. */
static int sweep_all(const struct ranked_box *boxes, size_t count, struct runs *runs)
{
	bool begins[257] = {0};
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		begins[boxes[i].source->box->proto_first] = true;
		begins[boxes[i].source->box->proto_last + 1] = true;
	}
	for (unsigned first = 0; first < 256 && !r;) {
		unsigned end = first + 1;
		while (end < 256 && !begins[end])
			end++;
		r = sweep_protocols(boxes, count, (uint8_t)first, (uint8_t)(end - 1), runs);
		first = end;
	}
	return r;
}

int profile_sweep(const struct sweep_box *all, size_t count, uint8_t family, struct profile_boxes *out)
{
	struct positions positions = {0};
	struct runs runs = {0};
	struct ranked_box *boxes = NULL;
	size_t ranked = 0;

	int r = positions_rank(all, count, family, &positions, &boxes, &ranked);
	if (!r)
		r = sweep_all(boxes, ranked, &runs);
	if (!r)
		r = runs_finish(&runs, &positions, out);
	free(boxes);
	free(runs.run);
	free(positions.address);
	return r;
}
