/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as ACL files: up to the first line '%%' systems.acl, then a group's file, a user's file, a device class's file and a
 * list, each up to the next such line. A set that is accepted must decide every packet as its compiled profile does, and what it
 * says about times must be so when the time comes.
 */
#include <stdlib.h>
#include <string.h>

#include "config/policy_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define AT INT64_C(1790000000000000) /* 2026-09-21 */

static const struct subject whoever = {
	.user = "u", .groups = (const char *const[]){"g"}, .group_count = 1, .device_class = CLASS_SHARED};

/* Asks policy and profile about one packet. */
static void compare(const struct policy *p, const struct subject *s, const struct profile *profile, const struct addr *a,
	unsigned proto, unsigned port)
{
	const struct target t = {.addr = *a, .proto = (uint8_t)proto, .port = (uint16_t)port};
	struct rule_ref rule;
	size_t n;

	if (policy_decide(p, s, &t, AT, &rule, 1, &n) != profile_allows(profile, &t))
		abort();
}

/* At both ends of a box and just beyond. */
static void compare_edges(
	const struct policy *p, const struct subject *s, const struct profile *profile, const struct profile_box *b)
{
	struct addr beyond;

	compare(p, s, profile, &b->first, b->proto_first, b->port_first);
	compare(p, s, profile, &b->last, b->proto_last, b->port_last);
	compare(p, s, profile, &b->first, b->proto_last + 1U, b->port_first);
	compare(p, s, profile, &b->last, b->proto_first, b->port_last + 1U);
	compare(p, s, profile, &b->last, b->proto_first, b->port_first - 1U);
	if (!addr_add(&b->last, 1, &beyond))
		compare(p, s, profile, &beyond, b->proto_first, b->port_first);
}

static void judge(const struct policy *p)
{
	const struct subject s = whoever;
	struct profile *profile;

	if (profile_compile(p, &s, AT, &profile) < 0)
		return;
	for (size_t i = 0; i < profile->count && i < 200; i++)
		compare_edges(p, &s, profile, &profile->boxes[i]);
	for (size_t i = 0; i < p->file_count; i++)
		for (size_t j = 0; j < p->files[i].count && j < 100; j++)
			compare_edges(p, &s, profile, p->files[i].rules[j].boxes.box);
	profile_free(profile);
}

static enum policy_bar bar_at(const struct policy *p, int64_t at)
{
	struct policy_terms t;

	policy_terms(p, &whoever, at, &t);
	if ((t.bar == BAR_NONE) != (t.bar_line.file == NULL))
		abort();
	return t.bar;
}

/* What is foretold comes true, and not earlier. */
static void judge_terms(const struct policy *p, int64_t at)
{
	struct policy_terms t;

	policy_terms(p, &whoever, at, &t);
	const int64_t next = t.bar == BAR_NONE ? t.ends : t.opens;
	if (next <= at || t.changes <= at)
		abort();
	if (next == INT64_MAX)
		return;
	if ((bar_at(p, next) == BAR_NONE) == (t.bar == BAR_NONE) || (bar_at(p, next - 1) == BAR_NONE) != (t.bar == BAR_NONE))
		abort();
	if (t.bar == BAR_NONE && (t.ends_bar != bar_at(p, next) || !t.ends_line.file))
		abort();
	for (size_t i = 0; i < p->file_count; i++)
		for (const struct term *term = p->files[i].terms; term; term = term->next)
			if (term->kind == TERM_FROM && term->from.count && term->from.networks[0]->count)
				(void)policy_from(p, &whoever, &term->from.networks[0]->range[0].last, NULL);
}

/* In the order of the parts; lists are read before those who name them. */
static const struct {
	enum policy_file_kind kind;
	const char *path, *name;
} files[] = {{FILE_SYSTEMS, "systems.acl", ""}, {FILE_GROUP, "groups/g.acl", "g"}, {FILE_USER, "users/u.acl", "u"},
	{FILE_DEVICE, "devices/shared.acl", "shared"}, {FILE_LIST, "lists/l.acl", "l"}};
enum { FILES = sizeof files / sizeof *files };
static const unsigned reading_order[FILES] = {0, 4, 1, 2, 3};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_context context = {.now = AT};
	const char *part[FILES];
	size_t part_size[FILES];
	struct diag d = diag_new();
	struct policy *p = NULL;
	struct build b;

	for (unsigned i = 0; i < FILES; i++) {
		const uint8_t *const end = size && i + 1 < FILES ? memmem(data, size, "\n%%\n", 4) : NULL;
		part[i] = (const char *)data;
		part_size[i] = end ? (size_t)(end - data) : size;
		const size_t step = end ? part_size[i] + 4 : size;
		data += step;
		size -= step;
	}
	policy_build_start(&b, &context, &d);
	for (unsigned i = 0; i < FILES; i++) {
		const unsigned which = reading_order[i];
		policy_build_file(&b, files[which].kind, files[which].path, files[which].name, part[which], part_size[which]);
	}
	if (!policy_build_end(&b, &p)) {
		judge(p);
		judge_terms(p, AT);
		judge_terms(p, 0);
	}
	policy_unref(p);
	free(diag_render(&d));
	diag_free(&d);
	return 0;
}
