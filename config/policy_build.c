/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Begins and ends a set; what its files share: names of systems, mistakes. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy_internal.h"

void policy_build_start(struct build *b, const struct policy_context *context, struct diag *d)
{
	*b = (struct build){.d = d, .failed_before = d->failed, .policy = calloc(1, sizeof *b->policy)};
	if (context)
		b->context = *context;
	d->failed = false;
	if (b->policy)
		b->policy->references = 1;
	else
		b->error = -ENOMEM;
}

static int system_compare(const void *a, const void *b)
{
	return strcmp(((const struct system *)a)->name, ((const struct system *)b)->name);
}

struct system *policy_build_system(const struct build *b, const char *name)
{
	const struct system key = {.name = name};
	void *const *const node = tfind(&key, &b->system_tree, system_compare);

	return node ? *node : NULL;
}

struct system *policy_build_system_add(struct build *b, const char *name)
{
	struct policy *const p = b->policy;
	struct arena *const arena = &p->arena;
	struct system *s = arena_alloc(arena, 1, sizeof *s);

	if (p->system_count % 64 == 0) {
		struct system **more = reallocarray(p->systems, p->system_count + 64, sizeof(struct system *));
		if (!more)
			s = NULL;
		else
			p->systems = more;
	}
	if (!s || !(s->name = arena_text(arena, name)) || !tsearch(s, &b->system_tree, system_compare)) {
		b->error = -ENOMEM;
		return NULL;
	}
	p->systems[p->system_count++] = s;
	p->counts.systems++;
	return s;
}

struct address_list *policy_build_list(const struct build *b, const char *name)
{
	for (size_t i = 0; i < b->list_count; i++)
		if (!strcmp(b->lists[i]->name, name))
			return b->lists[i];
	return NULL;
}

struct address_list *policy_build_list_add(struct build *b, const char *name, const char *path)
{
	struct address_list *const l = arena_alloc(&b->policy->arena, 1, sizeof *l);
	struct address_list **const more = reallocarray(b->lists, b->list_count + 1, sizeof(struct address_list *));

	if (more)
		b->lists = more;
	if (!l || !more) {
		b->error = -ENOMEM;
		return NULL;
	}
	l->name = name;
	l->path = path;
	b->lists[b->list_count++] = l;
	return l;
}

void policy_build_unread(struct build *b, enum policy_file_kind kind)
{
	b->systems_unknown = b->systems_unknown || kind == FILE_SYSTEMS;
	b->lists_unknown = b->lists_unknown || kind == FILE_LIST;
}

static void warn_unused(const struct build *b)
{
	for (size_t i = 0; i < b->list_count; i++)
		if (!b->lists[i]->used)
			diag_add(b->d, DIAG_WARNING, b->lists[i]->path, 0, 0, 1, NULL,
				"no from line names the list '%s'; remove the file if nobody needs it", b->lists[i]->name);
	for (size_t i = 0; i < b->policy->system_count; i++) {
		const struct system *const s = b->policy->systems[i];
		if (!s->used)
			diag_add(b->d, DIAG_WARNING, "systems.acl", s->line, s->place.column, s->place.width, s->source,
				"no allow or deny names the system '%s'; remove it if nobody needs it", s->name);
	}
}

void policy_build_keep(void *node)
{
	(void)node;
}

struct rule_file *policy_build_add(struct build *b, enum policy_file_kind kind, const char *path, const char *name)
{
	struct policy *const p = b->policy;

	if ((p->file_count & (p->file_count - 1)) == 0) {
		struct rule_file *more = reallocarray(p->files, p->file_count ? 2 * p->file_count : 1, sizeof *more);
		if (!more)
			return NULL;
		p->files = more;
	}
	struct rule_file *const file = &p->files[p->file_count];
	*file = (struct rule_file){.kind = kind, .path = arena_text(&p->arena, path), .name = arena_text(&p->arena, name)};
	if (!file->path || !file->name)
		return NULL;
	p->file_count++;
	p->counts.files++;
	return file;
}

int policy_build_end(struct build *b, struct policy **out)
{
	int r = b->error ? b->error : b->fault;

	if (!r && b->d->failed)
		r = -EINVAL;
	if (!r)
		warn_unused(b);
	b->d->failed = b->d->failed || b->failed_before;
	tdestroy(b->system_tree, policy_build_keep);
	free(b->lists);
	if (r) {
		policy_unref(b->policy);
	} else {
		if (b->policy->file_count)
			qsort(b->policy->files, b->policy->file_count, sizeof *b->policy->files, policy_file_compare);
		*out = b->policy;
	}
	*b = (struct build){0};
	return r;
}
