/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "gateway/ledger_internal.h"

int ledger_terms_accepted(struct ledger *l, const char *user, const uint8_t digest[static TERMS_SHA256])
{
	struct query q = query(l, SLOT_TERMS_ACCEPTED, "SELECT 1 FROM terms_accepted WHERE user = ? AND digest = ?");
	query_put_text(&q, user);
	query_put_blob(&q, digest, TERMS_SHA256);
	return query_exists(&q);
}

static int keep_text(struct ledger *l, const struct terms_acceptance *a, int64_t now)
{
	struct query q = query(l, SLOT_TERMS_KEEP,
		"INSERT INTO terms (digest, version, first, ja, en) VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING");
	query_put_blob(&q, a->digest, TERMS_SHA256);
	query_put_text(&q, a->version);
	query_put_int(&q, now);
	query_put_text(&q, a->ja);
	query_put_text(&q, a->en);
	return query_run(&q);
}

int ledger_terms_accept(struct ledger *l, const struct terms_acceptance *a, int64_t now)
{
	if (!text_name_valid(a->user))
		return -EINVAL;
	int r = ledger_begin(l);
	if (r < 0)
		return r;
	r = keep_text(l, a, now);
	if (!r) {
		struct query q = query(l, SLOT_TERMS_ACCEPT,
			"INSERT INTO terms_accepted (user, digest, accepted, device, language) VALUES (?, ?, ?, ?, ?) "
			"ON CONFLICT (user, digest) DO NOTHING");
		query_put_text(&q, a->user);
		query_put_blob(&q, a->digest, TERMS_SHA256);
		query_put_int(&q, now);
		query_put_int(&q, a->device);
		query_put_text(&q, a->language);
		r = query_run(&q);
	}
	return ledger_finish(l, r);
}
