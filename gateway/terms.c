/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/terms.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/input.h"

struct terms {
	struct terms_set *common, *own[DEVICE_CLASSES]; /* NULL: none */
};

const char *terms_language_name(enum terms_language l)
{
	return l == TERMS_EN ? "en" : "ja";
}

void terms_free(struct terms *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < DEVICE_CLASSES; i++)
		free(t->own[i]);
	free(t->common);
	free(t);
}

const struct terms_set *terms_of(const struct terms *t, enum device_class c)
{
	return !t ? NULL : t->own[c] ? t->own[c] : t->common;
}

enum terms_language terms_shown(const struct terms_set *s, const char *language)
{
	enum terms_language wanted = strcmp(language, "en") == 0 ? TERMS_EN : TERMS_JA;
	return s->has[wanted] ? wanted : wanted == TERMS_JA ? TERMS_EN : TERMS_JA;
}

static int digest(const void *data, size_t size, uint8_t out[static TERMS_SHA256])
{
	return EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

/* Plain text: what a page can show and a court can read. */
static const char *mistake_of(const char *text, size_t size)
{
	if (!size)
		return "is empty; write the conditions of use into it, or remove it";
	if (size >= TERMS_MAX)
		return "is longer than 16,383 bytes; shorten it";
	if (!text_utf8_valid(text, size))
		return "is not UTF-8 text; save it as such";
	for (size_t i = 0; i < size; i++)
		if ((text[i] >= 0 && text[i] < ' ' && text[i] != '\n') || text[i] == 0x7f)
			return "has a control character in it (a tabulator, a carriage return ...); expected plain lines";
	return NULL;
}

/* Takes the line `version NAME` off the beginning, if there is one. */
static const char *take_version(const char *text, char version[static TERMS_VERSION_MAX])
{
	static const char word[] = "version ";
	size_t n = sizeof word - 1, size = strcspn(text, "\n");
	version[0] = '\0';
	if (strncmp(text, word, n) != 0 || size <= n || size - n >= TERMS_VERSION_MAX)
		return text;
	memcpy(version, text + n, size - n);
	version[size - n] = '\0';
	text += size;
	return text + strspn(text, "\n");
}

struct reading {
	int folder;
	const char *path;
	struct diag *d;
};

/* One file into its place of the set. 1, 0 when there is none, -errno when it is no good or has another version. */
static int read_one(const struct reading *r, const char *name, enum terms_language l, struct terms_set *s)
{
	char path[256], version[TERMS_VERSION_MAX], *text = NULL;
	size_t size = 0;
	snprintf(path, sizeof path, "%s/%s", r->path, name);
	int e = input_read(r->folder, name, true, &text, &size);
	if (e == -ENOENT)
		return 0;
	if (e < 0) {
		input_complain(r->d, path, e);
		return e;
	}
	const char *mistake = mistake_of(text, size);
	bool first = !s->has[TERMS_JA] && !s->has[TERMS_EN];
	e = mistake ? -EINVAL : digest(text, size, s->sha256[l]);
	if (!e) {
		text[size] = '\0'; /* input_read() leaves room for one byte */
		snprintf(s->text[l], sizeof s->text[l], "%s", take_version(text, version));
		s->has[l] = true;
		if (first)
			memcpy(s->version, version, sizeof version);
		else if (strcmp(s->version, version) != 0)
			mistake = "has another version than the other language; let both begin with the same line: version NAME";
	}
	if (mistake)
		diag_add(r->d, DIAG_ERROR, path, 0, 0, 1, NULL, "%s", mistake);
	free(text);
	return mistake ? -EINVAL : e < 0 ? e : 1;
}

static int name_version(struct terms_set *s)
{
	uint8_t both[TERMS_LANGUAGES][TERMS_SHA256];
	memcpy(both, s->sha256, sizeof both);
	int r = digest(both, sizeof both, s->digest);
	const bool named = s->version[0];
	for (size_t i = 0; !named && !r && i < 6; i++)
		snprintf(s->version + 2 * i, 3, "%02x", s->digest[i]);
	return r;
}

/* The set of names "PREFIXja.txt" and "PREFIXen.txt". */
static int read_set(const struct reading *r, const char *prefix, struct terms_set **out)
{
	struct terms_set *s = calloc(1, sizeof *s);
	int found = 0, result = 0;
	if (!s)
		return -ENOMEM;
	for (enum terms_language l = 0; l < TERMS_LANGUAGES; l++) {
		char name[64];
		snprintf(name, sizeof name, "%s%s.txt", prefix, terms_language_name(l));
		int one = read_one(r, name, l, s);
		found += one > 0;
		result = one < 0 ? one : result;
	}
	if (!result && found)
		result = name_version(s);
	if (result || !found)
		free(s);
	else
		*out = s;
	return result;
}

int terms_load(const char *folder, struct terms **out, struct diag *d)
{
	struct reading r = {.folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), .path = folder, .d = d};
	struct terms *t = calloc(1, sizeof *t);
	int result = 0;
	bool any = false;
	if (!t)
		result = -ENOMEM;
	else if (r.folder < 0 && errno != ENOENT)
		input_complain(d, folder, result = -errno);
	if (result || r.folder < 0)
		goto out;
	result = read_set(&r, "", &t->common);
	any = t->common;
	for (enum device_class c = 0; c < DEVICE_CLASSES; c++) {
		char prefix[32];
		snprintf(prefix, sizeof prefix, "%s.", device_class_name(c));
		int one = read_set(&r, prefix, &t->own[c]);
		result = one < 0 ? one : result;
		any = any || t->own[c];
	}
out:
	if (r.folder >= 0)
		close(r.folder);
	if (result || !any) {
		terms_free(t);
		t = NULL;
	}
	if (!result)
		*out = t;
	return result;
}
