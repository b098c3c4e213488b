/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/policy_diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy_diff_internal.h"
#include "config/policy_words.h"
#include "config/profile_sweep.h"

struct policy_diff {
	struct arena arena;
	size_t room;
};

static const char *const verbs[POLICY_CHANGES] = {
	[CHANGE_FILE_ADDED] = "is new",
	[CHANGE_FILE_REMOVED] = "is removed",
	[CHANGE_GAINS] = "gains",
	[CHANGE_LOSES] = "loses",
	[CHANGE_DENIES] = "denies",
	[CHANGE_DENIES_NO_MORE] = "denies no more",
	[CHANGE_ADDS] = "adds",
	[CHANGE_REMOVES] = "removes",
	[CHANGE_REWORDED] = "is reworded (comments, reasons or order)",
};

const char *policy_change_verb(enum policy_change_kind kind)
{
	return (unsigned)kind < POLICY_CHANGES ? verbs[kind] : "";
}

char *policy_change_sentence(const struct policy_change *c)
{
	const char *const between = !*c->text ? "" : c->kind == CHANGE_ADDS || c->kind == CHANGE_REMOVES ? ": " : " ";
	char *text;

	if (asprintf(&text, "%s%s%s%s%s", c->file ? c->file : "", c->file ? " " : "", policy_change_verb(c->kind), between,
		    c->text) < 0)
		return NULL;
	return text;
}

void differ_add(struct differ *d, enum policy_change_kind kind, const char *file, const char *text, bool loss)
{
	struct policy_changes *const out = d->out;

	if (d->error)
		return;
	if (!out->change || out->count == out->memory->room) {
		const size_t room = 2 * out->count + 16;
		struct policy_change *const more = arena_alloc(d->arena, room, sizeof *more);
		if (!more) {
			d->error = -ENOMEM;
			return;
		}
		if (out->count)
			memcpy(more, out->change, out->count * sizeof *more);
		out->change = more;
		out->memory->room = room;
	}
	const char *const copy = arena_text(d->arena, text);
	if (!copy) {
		d->error = -ENOMEM;
		return;
	}
	out->change[out->count++] = (struct policy_change){.kind = kind, .file = file, .text = copy, .loss = loss};
	out->loss = out->loss || loss;
}

void differ_add_more(struct differ *d, enum policy_change_kind kind, const char *file, size_t count, bool loss)
{
	char text[40];

	if (!count)
		return;
	snprintf(text, sizeof text, "%zu more", count);
	differ_add(d, kind, file, text, loss);
}

/* Adds what `more` holds beyond `less`, named by the rules of `from`. */
static void add_excess(struct differ *d, enum policy_change_kind kind, const char *file, const struct profile *more,
	const struct profile *less, const struct words_source *from, bool loss)
{
	struct profile *excess = NULL;
	struct words words = {0};

	if (d->error)
		return;
	d->error = profile_minus(more, less, &excess);
	if (!d->error && excess->count)
		d->error = policy_words(d->arena, from, excess, POLICY_DIFF_TEXTS, &words);
	profile_free(excess);
	for (size_t i = 0; i < words.count; i++)
		differ_add(d, kind, file, words.text[i], loss);
	differ_add_more(d, kind, file, words.more, loss);
}

/* The files of one side. */
struct side {
	const struct policy *policy;
	const struct rule_file *const *files;
	size_t count;
};

static struct words_rules rules_of(const struct side *side, enum rule_action action)
{
	return (struct words_rules){.files = side->files, .count = side->count, .action = action};
}

/* What is open after and was not before, and the other way round. */
static void add_open(struct differ *d, const char *file, const struct side *before, const struct side *after)
{
	struct profile *was = NULL, *is = NULL;

	if (d->error)
		return;
	d->error = profile_of_files(before->files, before->count, d->at, &was);
	if (!d->error)
		d->error = profile_of_files(after->files, after->count, d->at, &is);
	add_excess(d, CHANGE_GAINS, file, is, was,
		&(struct words_source){.policy = after->policy,
			.rules = {rules_of(after, RULE_ALLOW), rules_of(before, RULE_DENY)},
			.at = d->at},
		false);
	add_excess(d, CHANGE_LOSES, file, was, is,
		&(struct words_source){.policy = before->policy,
			.rules = {rules_of(before, RULE_ALLOW), rules_of(after, RULE_DENY)},
			.at = d->at},
		true);
	profile_free(was);
	profile_free(is);
}

/* Everything that a file denies. */
static int denied(const struct rule_file *file, int64_t at, struct profile **out)
{
	size_t total = 0, n = 0;

	for (size_t i = 0; i < file->count; i++)
		total += file->rules[i].boxes.count;
	struct sweep_box *const all = calloc(total + 1, sizeof *all);
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < file->count; i++)
		if (file->rules[i].action == RULE_DENY && rule_holds(&file->rules[i], at))
			for (size_t j = 0; j < file->rules[i].boxes.count; j++)
				all[n++].box = &file->rules[i].boxes.box[j];
	const int r = profile_of_boxes(all, n, out);
	free(all);
	return r;
}

static void add_denied(struct differ *d, const struct file_pair *f, const struct side *before, const struct side *after)
{
	struct profile *was = NULL, *is = NULL;

	if (d->error)
		return;
	d->error = denied(f->before, d->at, &was);
	if (!d->error)
		d->error = denied(f->after, d->at, &is);
	add_excess(d, CHANGE_DENIES, f->path, is, was,
		&(struct words_source){.policy = after->policy, .rules = {rules_of(after, RULE_DENY)}, .at = d->at}, true);
	add_excess(d, CHANGE_DENIES_NO_MORE, f->path, was, is,
		&(struct words_source){.policy = before->policy, .rules = {rules_of(before, RULE_DENY)}, .at = d->at}, false);
	profile_free(was);
	profile_free(is);
}

/* Do both cover the same, rule by rule? The usual case, seen quickly. */
static bool same_rules(const struct rule_file *a, const struct rule_file *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct rule *const x = &a->rules[i], *const y = &b->rules[i];
		if (x->action != y->action || x->until != y->until || x->boxes.count != y->boxes.count ||
			(x->boxes.count && memcmp(x->boxes.box, y->boxes.box, x->boxes.count * sizeof *x->boxes.box)))
			return false;
	}
	return true;
}

/* In the place of a file that one of the sets lacks. */
static const struct rule_file no_file;

static bool exists(const struct rule_file *file)
{
	return file->path;
}

static bool pair_files(struct differ *d, const struct rule_file *before, const struct rule_file *after, struct file_pair *out)
{
	*out = (struct file_pair){
		.before = before, .after = after, .path = arena_text(d->arena, exists(after) ? after->path : before->path)};
	if (!out->path && !d->error)
		d->error = -ENOMEM;
	return !d->error;
}

static void compare_files(struct differ *d, const struct rule_file *before, const struct rule_file *after)
{
	const enum policy_file_kind kind = exists(after) ? after->kind : before->kind;
	const size_t count = d->out->count;
	struct file_pair f;

	if (!pair_files(d, before, after, &f))
		return;
	if (!exists(before))
		differ_add(d, CHANGE_FILE_ADDED, f.path, "", false);
	if (!exists(after))
		differ_add(d, CHANGE_FILE_REMOVED, f.path, "", false);
	if (!same_rules(before, after)) {
		const struct side was = {.policy = d->before, .files = &before, .count = 1};
		const struct side is = {.policy = d->after, .files = &after, .count = 1};
		add_open(d, f.path, &was, &is);
		add_denied(d, &f, &was, &is);
	}
	if (kind == FILE_SYSTEMS)
		differ_systems(d, f.path);
	if (kind == FILE_LIST)
		differ_networks(d, &f);
	differ_statements(d, &f);
	if (d->out->count == count && memcmp(before->sha256, after->sha256, sizeof before->sha256))
		differ_add(d, CHANGE_REWORDED, f.path, "", false);
}

static struct differ begin(const struct policy *before, const struct policy *after, int64_t at, struct policy_changes *out)
{
	struct differ d = {.before = before, .after = after, .at = at, .out = out};

	*out = (struct policy_changes){.memory = calloc(1, sizeof *out->memory)};
	if (out->memory)
		d.arena = &out->memory->arena;
	else
		d.error = -ENOMEM;
	return d;
}

/* Hands over what was found, or nothing. */
static int finish(struct differ *d, struct policy_changes *found, struct policy_changes *out)
{
	if (d->error)
		policy_changes_free(found);
	else
		*out = *found;
	return d->error;
}

int policy_diff(const struct policy *before, const struct policy *after, int64_t at, struct policy_changes *out)
{
	struct policy_changes found;
	struct differ d = begin(before, after, at, &found);
	size_t i = 0, j = 0;

	while (!d.error && (i < before->file_count || j < after->file_count)) {
		const struct rule_file *const a = i < before->file_count ? &before->files[i] : &no_file;
		const struct rule_file *const b = j < after->file_count ? &after->files[j] : &no_file;
		const int order = !exists(a) ? 1 : !exists(b) ? -1 : policy_file_compare(a, b);
		compare_files(&d, order <= 0 ? a : &no_file, order >= 0 ? b : &no_file);
		i += order <= 0;
		j += order >= 0;
	}
	return finish(&d, &found, out);
}

/* The files of a subject; as many as it has groups, and two. */
static int walk(const struct policy *p, const struct subject *s, const struct rule_file ***out, size_t *count)
{
	struct file_walk w = {.policy = p, .subject = s};
	const struct rule_file **const files = calloc(s->group_count + 2, sizeof(struct rule_file *));

	if (!files)
		return -ENOMEM;
	*count = 0;
	for (const struct rule_file *file; (file = policy_walk(&w));)
		files[(*count)++] = file;
	*out = files;
	return 0;
}

static const struct rule_file *find(const struct side *side, const struct rule_file *like)
{
	for (size_t i = 0; i < side->count; i++)
		if (policy_file_compare(side->files[i], like) == 0)
			return side->files[i];
	return &no_file;
}

static void subject_statements(struct differ *d, const struct side *before, const struct side *after)
{
	struct file_pair f;

	for (size_t i = 0; i < before->count && !d->error; i++)
		if (pair_files(d, before->files[i], find(after, before->files[i]), &f))
			differ_statements(d, &f);
	for (size_t i = 0; i < after->count && !d->error; i++)
		if (!exists(find(before, after->files[i])) && pair_files(d, &no_file, after->files[i], &f))
			differ_statements(d, &f);
}

int policy_diff_subject(
	const struct policy *before, const struct policy *after, const struct subject *s, int64_t at, struct policy_changes *out)
{
	struct policy_changes found;
	struct differ d = begin(before, after, at, &found);
	const struct rule_file **was = NULL, **is = NULL;
	struct side a = {.policy = before}, b = {.policy = after};

	if (!d.error)
		d.error = walk(before, s, &was, &a.count);
	if (!d.error)
		d.error = walk(after, s, &is, &b.count);
	a.files = was;
	b.files = is;
	if (!d.error && policy_has_files(before, s) && !policy_has_files(after, s))
		differ_add(
			&d, CHANGE_LOSES, NULL, "the last ACL file, without which `default-access` decides about logins", true);
	add_open(&d, NULL, &a, &b);
	subject_statements(&d, &a, &b);
	free(was);
	free(is);
	return finish(&d, &found, out);
}

int policy_reach(const struct policy *p, const struct subject *s, int64_t at, struct policy_changes *out)
{
	static const struct policy nothing;
	struct policy_changes found;
	struct differ d = begin(&nothing, p, at, &found);
	const struct rule_file **files = NULL;
	struct side all = {.policy = p}, none = {.policy = &nothing};

	if (!d.error)
		d.error = walk(p, s, &files, &all.count);
	all.files = files;
	add_open(&d, NULL, &none, &all);
	free(files);
	return finish(&d, &found, out);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool policy_changes_equal(const struct policy_changes *a, const struct policy_changes *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->change[i].kind != b->change[i].kind || !same_text(a->change[i].file, b->change[i].file) ||
			!same_text(a->change[i].text, b->change[i].text))
			return false;
	return true;
}

void policy_changes_free(struct policy_changes *c)
{
	if (c->memory)
		arena_free(&c->memory->arena);
	free(c->memory);
	*c = (struct policy_changes){0};
}
