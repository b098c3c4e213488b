/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "gateway/session_internal.h"

/*
 * Is every target of `before` still allowed by `after`? Both are disjoint boxes, so it is enough to take from each old box what
 * each new box covers and see whether anything is left.
 */

static bool addr_step(struct addr *a, int by)
{
	for (size_t i = addr_size(a); i-- > 0;) {
		a->bytes[i] = (uint8_t)(a->bytes[i] + by);
		if (by > 0 ? a->bytes[i] != 0 : a->bytes[i] != 0xff)
			return true;
	}
	return false;
}

static bool boxes_meet(const struct profile_box *a, const struct profile_box *b)
{
	return a->first.family == b->first.family && addr_compare(&a->first, &b->last) <= 0 &&
	       addr_compare(&b->first, &a->last) <= 0 && a->proto_first <= b->proto_last && b->proto_first <= a->proto_last &&
	       a->port_first <= b->port_last && b->port_first <= a->port_last;
}

/* Cuts off what lies outside `by` in one dimension after the other; each piece must be covered by boxes from `next` on. */
static bool covered(const struct profile *after, size_t next, struct profile_box box);

static bool pieces_covered(const struct profile *after, size_t next, struct profile_box box, const struct profile_box *by)
{
	struct profile_box piece;
	if (addr_compare(&box.first, &by->first) < 0) {
		piece = box;
		piece.last = by->first;
		addr_step(&piece.last, -1);
		if (!covered(after, next, piece))
			return false;
		box.first = by->first;
	}
	if (addr_compare(&box.last, &by->last) > 0) {
		piece = box;
		piece.first = by->last;
		addr_step(&piece.first, 1);
		if (!covered(after, next, piece))
			return false;
		box.last = by->last;
	}
	if (box.proto_first < by->proto_first) {
		piece = box;
		piece.proto_last = (uint8_t)(by->proto_first - 1);
		if (!covered(after, next, piece))
			return false;
		box.proto_first = by->proto_first;
	}
	if (box.proto_last > by->proto_last) {
		piece = box;
		piece.proto_first = (uint8_t)(by->proto_last + 1);
		if (!covered(after, next, piece))
			return false;
		box.proto_last = by->proto_last;
	}
	if (box.port_first < by->port_first) {
		piece = box;
		piece.port_last = (uint16_t)(by->port_first - 1);
		if (!covered(after, next, piece))
			return false;
		box.port_first = by->port_first;
	}
	if (box.port_last > by->port_last) {
		piece = box;
		piece.port_first = (uint16_t)(by->port_last + 1);
		return covered(after, next, piece);
	}
	return true;
}

static bool covered(const struct profile *after, size_t next, struct profile_box box)
{
	for (size_t i = next; i < after->count; i++)
		if (boxes_meet(&box, &after->boxes[i]))
			return pieces_covered(after, i + 1, box, &after->boxes[i]);
	return false;
}

bool session_still_covers(const struct profile *after, const struct profile *before)
{
	for (size_t i = 0; before && i < before->count; i++)
		if (!after || !covered(after, 0, before->boxes[i]))
			return false;
	return true;
}
