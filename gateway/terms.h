/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conditions of use: plain UTF-8 text in PATH_TERMS_DIR, ja.txt and en.txt, at least one of them, and for devices of one
 * class others in their place, as private.ja.txt. A first line `version NAME` names the version; it must be the same in both. A
 * folder that is missing or has none of these files means that nothing has to be accepted. Which user has accepted what is in the
 * ledger: a text that differs in a single byte is a new version.
 */
#ifndef SEKISHO_TERMS_H
#define SEKISHO_TERMS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/diag.h"
#include "gateway/ledger.h"

enum terms_language { TERMS_JA, TERMS_EN, TERMS_LANGUAGES };

/* What one class of devices has to accept. */
struct terms_set {
	char version[TERMS_VERSION_MAX]; /* of the first line, or the beginning of the digest */
	uint8_t digest[TERMS_SHA256]; /* of both languages: names the version for the ledger */
	bool has[TERMS_LANGUAGES];
	uint8_t sha256[TERMS_LANGUAGES][TERMS_SHA256]; /* of the file as it lies there: sha256sum(1) */
	char text[TERMS_LANGUAGES][TERMS_MAX]; /* without the version's line */
};

struct terms;

/* Reads the folder. 0 (*out may be NULL: nothing to accept), or -errno with every mistake in `d`: what is wrong, where, what to
 * do. */
int terms_load(const char *folder, struct terms **out, struct diag *d);
void terms_free(struct terms *t); /* NULL is fine */

/* What users of such a device have to accept; NULL for nothing. */
const struct terms_set *terms_of(const struct terms *t, enum device_class c);

/* In which of its languages the set is shown to somebody who wants `language` ("ja", "en"). */
enum terms_language terms_shown(const struct terms_set *s, const char *language);
const char *terms_language_name(enum terms_language l); /* "ja", "en" */

#endif
