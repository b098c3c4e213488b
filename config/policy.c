/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy_internal.h"

static const char *const class_names[DEVICE_CLASSES] = {
	[CLASS_MINISTRY] = "ministry",
	[CLASS_PRIVATE] = "private",
	[CLASS_SHARED] = "shared",
};

const char *device_class_name(enum device_class c)
{
	return (unsigned)c < DEVICE_CLASSES ? class_names[c] : "unknown";
}

int device_class_parse(const char *text, enum device_class *out)
{
	for (unsigned i = 0; i < DEVICE_CLASSES; i++)
		if (!strcmp(class_names[i], text)) {
			*out = (enum device_class)i;
			return 0;
		}
	return -EINVAL;
}

struct policy *policy_ref(struct policy *p)
{
	p->references++;
	return p;
}

void policy_unref(struct policy *p)
{
	if (!p || --p->references)
		return;
	for (size_t i = 0; i < p->file_count; i++)
		free(p->files[i].rules);
	free(p->files);
	free(p->systems);
	arena_free(&p->arena);
	free(p);
}

struct policy_counts policy_counts(const struct policy *p)
{
	return p->counts;
}

int policy_file_compare(const void *a, const void *b)
{
	const struct rule_file *const x = a, *const y = b;

	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->name, y->name);
}

static const struct rule_file *find_file(const struct policy *p, enum policy_file_kind kind, const char *name)
{
	const struct rule_file key = {.kind = kind, .name = name};

	if (!name || !p->file_count)
		return NULL;
	return bsearch(&key, p->files, p->file_count, sizeof key, policy_file_compare);
}

static bool listed_before(const struct subject *s, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(s->groups[j], s->groups[i]))
			return true;
	return false;
}

const struct rule_file *policy_walk(struct file_walk *w)
{
	const struct subject *const s = w->subject;

	while (w->step < s->group_count + 2) {
		const size_t step = w->step++;
		const struct rule_file *file;

		if (step == 0)
			file = find_file(w->policy, FILE_USER, s->user);
		else if (step <= s->group_count)
			file = find_file(w->policy, FILE_GROUP, s->groups[step - 1]);
		else
			file = find_file(w->policy, FILE_DEVICE, device_class_name(s->device_class));
		if (file && (file->kind != FILE_GROUP || !listed_before(s, step - 1)))
			return file;
	}
	return NULL;
}

bool policy_has_files(const struct policy *p, const struct subject *s)
{
	struct file_walk w = {.policy = p, .subject = s};
	const struct rule_file *const file = policy_walk(&w);

	return file && file->kind != FILE_DEVICE;
}

static int compare_marks(const void *a, const void *b)
{
	const char *const x = *(const char *const *)a, *const y = *(const char *const *)b;

	return (x > y) - (x < y);
}

size_t policy_marks(const struct policy *p, const struct subject *s, const void **marks)
{
	struct file_walk w = {.policy = p, .subject = s};
	size_t count = 0;

	for (const struct rule_file *file; (file = policy_walk(&w));)
		marks[count++] = file;
	qsort(marks, count, sizeof *marks, compare_marks);
	return count;
}

const char *policy_owner(const struct policy *p, const char *file)
{
	for (size_t i = 0; i < p->file_count; i++)
		if (!strcmp(p->files[i].path, file))
			return p->files[i].owner;
	return NULL;
}

void policy_files(const struct policy *p, bool (*each)(const struct policy_file *, void *), void *arg)
{
	for (size_t i = 0; i < p->file_count; i++) {
		const struct rule_file *const f = &p->files[i];
		struct policy_file file = {
			.path = f->path, .name = f->name, .owner = f->owner, .kind = f->kind, .rules = (unsigned)f->count};
		memcpy(file.sha256, f->sha256, sizeof file.sha256);
		if (!each(&file, arg))
			return;
	}
}
