/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What groups users were found in, and when; who there was; and what has been said once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/ledger_internal.h"

enum { NAMES_TEXT = GROUPS_MAX * (USER_NAME_MAX + 1) + 1 };

void ledger_groups_clear(struct user_groups *g)
{
	free(g->names);
	*g = (struct user_groups){0};
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The names sorted, each once, with a space between. New memory, or NULL with `r` set. */
static char *join(char (*groups)[USER_NAME_MAX + 1], uint16_t count, int *r)
{
	char(*sorted)[USER_NAME_MAX + 1] = calloc(count + 1U, sizeof *sorted), *text = calloc(1, NAMES_TEXT), *end = text;
	*r = sorted && text ? 0 : -ENOMEM;
	for (unsigned i = 0; i < count && !*r; i++) {
		if (strnlen(groups[i], sizeof groups[i]) == sizeof groups[i] || !text_name_valid(groups[i]))
			*r = -EINVAL;
		else
			memcpy(sorted[i], groups[i], sizeof *sorted);
	}
	if (!*r)
		qsort(sorted, count, sizeof *sorted, compare);
	for (unsigned i = 0; i < count && !*r; i++) {
		if (i && !strcmp(sorted[i], sorted[i - 1]))
			continue;
		if (i)
			*end++ = ' ';
		end = stpcpy(end, sorted[i]);
	}
	free(sorted);
	if (*r) {
		free(text);
		text = NULL;
	}
	return text;
}

static int split(char *text, struct user_groups *out)
{
	char *rest = text, *name;
	out->names = calloc(GROUPS_MAX, sizeof *out->names);
	if (!out->names)
		return -ENOMEM;
	while ((name = strsep(&rest, " "))) {
		if (!*name && !rest && !out->count)
			break;
		if (out->count == GROUPS_MAX || !text_name_valid(name))
			return -EUCLEAN;
		memcpy(out->names[out->count++], name, strlen(name) + 1);
	}
	return 0;
}

/* The names of the first row of a bound query for (observed, names). 0, -ENOENT, -errno. */
static int names_take(struct query *q, int64_t *observed, char text[static NAMES_TEXT])
{
	int found = query_row(q);
	if (found == 1) {
		*observed = query_int(q, 0);
		query_text(q, 1, text, NAMES_TEXT);
	}
	int r = query_end(q);
	return r < 0 ? r : found ? 0 : -ENOENT;
}

int ledger_groups_note(struct ledger *l, const char *user, char (*groups)[USER_NAME_MAX + 1], uint16_t count, int64_t now)
{
	int64_t observed;
	int r = -EINVAL;
	char *last = NULL, *text = text_name_valid(user) && count <= GROUPS_MAX ? join(groups, count, &r) : NULL;
	if (!text)
		return r;
	last = calloc(1, NAMES_TEXT);
	if (last) {
		struct query q = query(
			l, SLOT_GROUPS_LAST, "SELECT observed, names FROM user_groups WHERE user = ? ORDER BY id DESC LIMIT 1");
		query_put_text(&q, user);
		r = names_take(&q, &observed, last);
	} else {
		r = -ENOMEM;
	}
	if (r == -ENOENT || (!r && strcmp(last, text))) {
		struct query q = query(l, SLOT_GROUPS_INSERT, "INSERT INTO user_groups (user, observed, names) VALUES (?, ?, ?)");
		query_put_text(&q, user);
		query_put_int(&q, now);
		query_put_text(&q, text);
		r = query_run(&q);
		if (!r)
			r = 1;
	}
	free(last);
	free(text);
	return r;
}

int ledger_groups_at(struct ledger *l, const char *user, int64_t at, struct user_groups *out)
{
	struct user_groups groups = {0};
	char *text = calloc(1, NAMES_TEXT);
	if (!text)
		return -ENOMEM;
	struct query q = query(l, SLOT_GROUPS_AT,
		"SELECT observed, names FROM user_groups WHERE user = ? AND observed <= ? ORDER BY observed DESC, id DESC LIMIT "
		"1");
	query_put_text(&q, user);
	query_put_int(&q, at);
	int r = names_take(&q, &groups.observed, text);
	if (!r)
		r = split(text, &groups);
	free(text);
	if (!r)
		*out = groups;
	else
		ledger_groups_clear(&groups);
	return r;
}

int ledger_user_after(struct ledger *l, const char *after, int64_t at, char out[static USER_NAME_MAX + 1])
{
	struct query q = query(l, SLOT_USER_AFTER,
		"SELECT name FROM (SELECT min(name) AS name FROM device_user JOIN device ON device.id = device_user.device "
		"WHERE name > ?1 AND created <= ?2 UNION ALL SELECT min(user) FROM user_groups WHERE user > ?1 AND observed <= "
		"?2) "
		"WHERE name IS NOT NULL ORDER BY name LIMIT 1");
	query_put_text(&q, after);
	query_put_int(&q, at);
	return query_name(&q, out);
}

int ledger_notice_once(struct ledger *l, const char *key, int64_t now)
{
	size_t length = strnlen(key, NOTICE_KEY_MAX + 1);
	if (!length || length > NOTICE_KEY_MAX || !text_utf8_valid(key, length))
		return -EINVAL;
	struct query q = query(l, SLOT_NOTICE, "INSERT INTO notice (key, said) VALUES (?, ?) ON CONFLICT (key) DO NOTHING");
	query_put_text(&q, key);
	query_put_int(&q, now);
	int r = query_run(&q);
	return r < 0 ? r : sqlite3_changes(l->db) > 0;
}
