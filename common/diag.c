/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

struct diag diag_new(void)
{
	return (struct diag){0};
}

static void entry_free(struct diag_entry *e)
{
	free(e->file);
	free(e->text);
	free(e->source);
}

void diag_free(struct diag *d)
{
	for (size_t i = 0; i < d->count; i++)
		entry_free(&d->entries[i]);
	free(d->entries);
	*d = diag_new();
}

/* Room for one more entry; the array doubles. */
static bool grow(struct diag *d)
{
	if (d->count & (d->count - 1) || d->count == DIAG_MAX)
		return d->count < DIAG_MAX;
	size_t room = d->count ? 2 * d->count : 1;
	struct diag_entry *more = reallocarray(d->entries, room, sizeof *more);
	if (more)
		d->entries = more;
	return more != NULL;
}

void diag_add(struct diag *d, enum diag_level level, const char *file, unsigned line, unsigned column, unsigned width,
	const char *source, const char *format, ...)
{
	struct diag_entry e = {.level = level, .line = line, .column = column, .width = width ? width : 1};
	va_list args;
	va_start(args, format);
	if (vasprintf(&e.text, format, args) < 0)
		e.text = NULL;
	va_end(args);
	e.file = strdup(file);
	e.source = source ? strdup(source) : NULL;
	bool whole = e.text && e.file && (!source || e.source);
	if (!whole || level == DIAG_ERROR)
		d->failed = true;
	if (whole && grow(d)) {
		d->entries[d->count++] = e;
		return;
	}
	d->dropped++;
	/* A warning that found no memory is a failure too: what else was missed? */
	if (d->count < DIAG_MAX)
		d->failed = true;
	entry_free(&e);
}

static bool put_safe(FILE *f, const char *text)
{
	size_t size = strlen(text) * TEXT_SAFE_GROWTH + 1;
	char *safe = malloc(size);
	if (safe)
		fputs(text_safe(text, safe, size), f);
	free(safe);
	return safe != NULL;
}

/* One character of a source line as it is shown: sets its columns, returns its bytes. */
static size_t show(const char *at, size_t left, char out[static 16], unsigned *columns)
{
	char one[5] = {0};
	uint32_t code;
	size_t n = text_utf8_decode(at, left, &code);
	if (n == 0)
		n = 1;
	memcpy(one, *at == '\t' ? " " : at, *at == '\t' ? 1 : n);
	text_safe(one, out, 16);
	/* Escapes are longer than the character they stand for, and ASCII. */
	*columns = strcmp(one, out) ? (unsigned)strlen(out) : text_columns(n > 1 ? code : 'a');
	return n;
}

/* The line itself, and a caret line under the characters meant. */
static void put_source(FILE *f, const struct diag_entry *e)
{
	size_t left = strlen(e->source);
	unsigned before = 0, under = 0, position = 1;
	fputs("    ", f);
	for (const char *at = e->source; left; position++) {
		char shown[16];
		unsigned columns;
		size_t n = show(at, left, shown, &columns);
		fputs(shown, f);
		if (position < e->column)
			before += columns;
		else if (position - e->column < e->width)
			under += columns;
		at += n;
		left -= n;
	}
	fputc('\n', f);
	if (e->column == 0)
		return;
	fprintf(f, "    %*s^", (int)before, "");
	while (under-- > 1)
		fputc('~', f);
	fputc('\n', f);
}

static bool put_entry(FILE *f, const struct diag_entry *e)
{
	bool whole = put_safe(f, e->file);
	if (e->line)
		fprintf(f, ":%u", e->line);
	if (e->line && e->column)
		fprintf(f, ":%u", e->column);
	fprintf(f, ": %s: ", e->level == DIAG_ERROR ? "error" : "warning");
	whole = put_safe(f, e->text) && whole;
	fputc('\n', f);
	if (e->source)
		put_source(f, e);
	return whole;
}

char *diag_render(const struct diag *d)
{
	char *text = NULL;
	size_t size;
	bool whole = true;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	for (size_t i = 0; i < d->count; i++)
		whole = put_entry(f, &d->entries[i]) && whole;
	if (d->dropped)
		fprintf(f, "%zu more not shown; mend these first\n", d->dropped);
	whole = !ferror(f) && whole;
	whole = fclose(f) == 0 && whole;
	if (!whole) {
		free(text);
		text = NULL;
	}
	return text;
}
