/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy_internal.h"

static void hex(const unsigned char sha256[static POLICY_SHA256], char text[static POLICY_DIGEST_TEXT])
{
	for (size_t i = 0; i < POLICY_SHA256; i++)
		snprintf(text + 2 * i, 3, "%02x", sha256[i]);
}

struct entry {
	const struct rule_file *file;
};

static int compare_paths(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return strcmp(x->file->path, y->file->path);
}

/* One line as sha256sum(1) prints it. */
static int add_line(EVP_MD_CTX *c, const struct rule_file *f)
{
	char text[POLICY_DIGEST_TEXT];
	hex(f->sha256, text);
	return EVP_DigestUpdate(c, text, strlen(text)) && EVP_DigestUpdate(c, "  ", 2) &&
	       EVP_DigestUpdate(c, f->path, strlen(f->path)) && EVP_DigestUpdate(c, "\n", 1);
}

int policy_digest(const struct policy *p, char text[static POLICY_DIGEST_TEXT])
{
	unsigned char sha256[POLICY_SHA256];
	struct entry *sorted = calloc(p->file_count + 1, sizeof *sorted);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int good = sorted && c, r = good ? 0 : -ENOMEM;
	for (size_t i = 0; good && i < p->file_count; i++)
		sorted[i].file = &p->files[i];
	if (good && p->file_count)
		qsort(sorted, p->file_count, sizeof *sorted, compare_paths);
	good = good && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; good && i < p->file_count; i++)
		good = add_line(c, sorted[i].file);
	good = good && EVP_DigestFinal_ex(c, sha256, NULL) == 1;
	if (good)
		hex(sha256, text);
	else if (!r)
		r = -EIO;
	EVP_MD_CTX_free(c);
	free(sorted);
	return r;
}

void policy_files_changed(const struct policy *before, const struct policy *after,
	void (*each)(const struct policy_file_change *, void *), void *arg)
{
	const size_t had = before ? before->file_count : 0;
	for (size_t i = 0, j = 0;;) {
		const struct rule_file *old = i < had ? &before->files[i] : NULL;
		const struct rule_file *now = j < after->file_count ? &after->files[j] : NULL;
		if (!old && !now)
			return;
		const int order = !old ? 1 : !now ? -1 : policy_file_compare(old, now);
		struct policy_file_change change = {order < 0 ? old->path : now->path, ""};
		i += order <= 0;
		j += order >= 0;
		if (order == 0 && !memcmp(old->sha256, now->sha256, POLICY_SHA256))
			continue;
		if (order >= 0)
			hex(now->sha256, change.sha256);
		each(&change, arg);
	}
}
