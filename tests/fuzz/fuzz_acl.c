/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as ACL files: up to the first line '%%' systems.acl, then a group's file, a user's file and a device class's file,
 * each up to the next such line. A set that is accepted must decide every packet as its compiled profile does.
 */
#include <stdlib.h>
#include <string.h>

#include "config/policy_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Asks policy and profile about one packet. */
static void compare(const struct policy *p, const struct subject *s, const struct profile *profile, const struct addr *a,
	unsigned proto, unsigned port)
{
	const struct target t = {.addr = *a, .proto = (uint8_t)proto, .port = (uint16_t)port};
	struct rule_ref rule;
	size_t n;

	if (policy_decide(p, s, &t, 0, &rule, 1, &n) != profile_allows(profile, &t))
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
	const struct subject s = {
		.user = "u", .groups = (const char *const[]){"g"}, .group_count = 1, .device_class = CLASS_SHARED};
	struct profile *profile;

	if (profile_compile(p, &s, 0, &profile) < 0)
		return;
	for (size_t i = 0; i < profile->count && i < 200; i++)
		compare_edges(p, &s, profile, &profile->boxes[i]);
	for (size_t i = 0; i < p->file_count; i++)
		for (size_t j = 0; j < p->files[i].count && j < 100; j++)
			compare_edges(p, &s, profile, p->files[i].rules[j].boxes.box);
	profile_free(profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		enum policy_file_kind kind;
		const char *path, *name;
	} files[] = {{FILE_SYSTEMS, "systems.acl", ""}, {FILE_GROUP, "groups/g.acl", "g"}, {FILE_USER, "users/u.acl", "u"},
		{FILE_DEVICE, "devices/shared.acl", "shared"}};
	enum { FILES = sizeof files / sizeof *files };
	struct diag d = diag_new();
	struct policy *p = NULL;
	struct build b;

	policy_build_start(&b, NULL, &d);
	for (unsigned i = 0; i < FILES; i++) {
		const uint8_t *const end = size ? memmem(data, size, "\n%%\n", 4) : NULL;
		const size_t part = end && i + 1 < FILES ? (size_t)(end - data) : size;
		policy_build_file(&b, files[i].kind, files[i].path, files[i].name, (const char *)data, part);
		const size_t step = end && i + 1 < FILES ? part + 4 : part;
		data += step;
		size -= step;
	}
	if (!policy_build_end(&b, &p))
		judge(p);
	policy_unref(p);
	free(diag_render(&d));
	diag_free(&d);
	return 0;
}
