/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/ledger_record.h"

#include <errno.h>
#include <string.h>

#include "gateway/ledger_internal.h"

/* ---- the form ---- */

static int form_put(struct ledger *l, uint32_t id, const struct device_form *form)
{
	struct query q = query(l, SLOT_FORM_FORGET, "DELETE FROM device_form WHERE device = ?");
	query_put_int(&q, id);
	int r = query_run(&q);
	for (unsigned i = 0; i < FORM_FIELDS && !r; i++) {
		if (!*form->text[i])
			continue;
		q = query(l, SLOT_FORM_INSERT, "INSERT INTO device_form (device, field, value) VALUES (?, ?, ?)");
		query_put_int(&q, id);
		query_put_text(&q, device_form_name(i));
		query_put_text(&q, form->text[i]);
		r = query_run(&q);
	}
	return r;
}

int ledger_form(struct ledger *l, uint32_t id, struct device_form *out)
{
	struct device_form form = {0};
	struct query q = query(l, SLOT_FORM_GET, "SELECT field, value FROM device_form WHERE device = ?");
	query_put_int(&q, id);
	while (query_row(&q) == 1) {
		char name[32];
		query_text(&q, 0, name, sizeof name);
		const unsigned field = q.error ? FORM_NAMES : device_form_find(name);
		if (field < FORM_FIELDS)
			query_text(&q, 1, form.text[field], sizeof form.text[field]);
		else if (!q.error)
			q.error = -EUCLEAN;
	}
	const int r = query_end(&q);
	if (!r)
		*out = form;
	return r;
}

/* ---- registering ---- */

static int add_all(struct ledger *l, struct ledger_entry *list, size_t count, const struct prefix *network4,
	const struct prefix *network6, const struct actor *by, int64_t now)
{
	int r = 0, known = 0;
	for (size_t i = 0; i < count && !r; i++) {
		struct device_record *record = &list[i].record;
		r = list[i].result = ledger_device_insert(l, &record->device, network4, network6, by, now);
		if (r == -EEXIST) {
			known = r;
			r = 0;
		} else if (!r) {
			r = form_put(l, record->device.id, &record->form);
		}
	}
	return r ? r : known;
}

int ledger_devices_add(struct ledger *l, struct ledger_entry *list, size_t count, const struct prefix *network4,
	const struct prefix *network6, const struct actor *by, bool rehearse, int64_t now)
{
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = add_all(l, list, count, network4, network6, by, now);
	if (!r && rehearse) {
		(void)ledger_finish(l, -ECANCELED);
		return 0;
	}
	return ledger_finish(l, r);
}

/* ---- changing ---- */

static int change_note(
	struct ledger *l, uint32_t id, unsigned field, const char *before, const char *after, const struct actor *by, int64_t now)
{
	struct query q = query(l, SLOT_CHANGE_INSERT,
		"INSERT INTO device_change (device, at, field, before, after, uid, who, role) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	query_put_int(&q, id);
	query_put_int(&q, now);
	query_put_text(&q, device_record_name(field));
	query_put_text(&q, before);
	query_put_text(&q, after);
	query_put_actor(&q, by);
	return query_run(&q);
}

/* How many fields differ, each noted; or -errno. */
static int changes_note(struct ledger *l, const struct device_record *before, const struct device_record *after,
	const struct actor *by, int64_t now)
{
	char a[RECORD_TEXT], b[RECORD_TEXT];
	int count = 0, r = 0;
	for (unsigned i = 0; i < RECORD_FIELDS && !r; i++) {
		if (!strcmp(device_record_text(before, i, a), device_record_text(after, i, b)))
			continue;
		r = change_note(l, before->device.id, i, a, b, by, now);
		count++;
	}
	return r < 0 ? r : count;
}

static int device_update(struct ledger *l, const struct device *d, int64_t now)
{
	struct query q = query(l, SLOT_DEVICE_UPDATE,
		"UPDATE device SET label = ?, class = ?, valid_from = ?, valid_until = ?, changed = ? WHERE id = ?");
	query_put_text(&q, d->label);
	query_put_text(&q, device_class_name(d->device_class));
	query_put_int(&q, d->valid_from);
	query_put_int(&q, d->valid_until);
	query_put_int(&q, now);
	query_put_int(&q, d->id);
	int r = query_run(&q);
	if (!r && !sqlite3_changes(l->db))
		r = -ENOENT;
	if (!r) {
		q = query(l, SLOT_DEVICE_USERS_FORGET, "DELETE FROM device_user WHERE device = ?");
		query_put_int(&q, d->id);
		r = query_run(&q);
	}
	return r ? r : ledger_device_users_insert(l, d);
}

int ledger_record_change(struct ledger *l, const struct device_record *before, const struct device_record *after,
	const struct actor *by, int64_t now)
{
	if (!ledger_device_valid(&after->device) || before->device.id != after->device.id)
		return -EINVAL;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	const int count = changes_note(l, before, after, by, now);
	r = count < 0 ? count : 0;
	if (count > 0)
		r = device_update(l, &after->device, now);
	if (count > 0 && !r)
		r = form_put(l, after->device.id, &after->form);
	return ledger_finish(l, r);
}
