/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logset.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "gateway/cli/cli.h"
#include "gateway/log_replay.h"
#include "gateway/seal.h"

enum { READ_BUFFER = 1 << 18 };

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && !strcmp(text + n - m, end);
}

/* Reads one line of any length; what is longer than the buffer is cut, and its rest skipped. False at the end. */
static bool next_line(gzFile f, char *text, size_t *size)
{
	*size = 0;
	if (!gzgets(f, text, LOGSET_LINE_MAX))
		return false;
	/* A NUL in the line ends what gzgets() shows; such a line is none of ours anyway. */
	*size = strlen(text);
	if (*size && text[*size - 1] == '\n')
		return true;
	int c = 0;
	while (*size == LOGSET_LINE_MAX - 1 && (c = gzgetc(f)) >= 0 && c != '\n')
		;
	return true;
}

static int file_read(const char *path, bool (*each)(const struct logset_line *, void *), void *arg, bool *go_on)
{
	struct logset_line line = {.path = path};
	int error = 0;
	char *text = malloc(LOGSET_LINE_MAX);
	gzFile f = gzopen(path, "rbe");
	if (!f || !text || gzbuffer(f, READ_BUFFER) < 0) {
		free(text);
		if (f)
			gzclose(f);
		return cli_fail(CLI_FAILED, errno == EACCES ? "use sudo, or join group sekisho-logs" : NULL, "cannot read %s: %s",
			path, strerror(f ? ENOMEM : errno));
	}
	line.text = text;
	while (*go_on && next_line(f, text, &line.size)) {
		line.number++;
		*go_on = each(&line, arg);
	}
	const char *why = gzerror(f, &error);
	int code = error == Z_OK || error == Z_STREAM_END || !*go_on
			   ? CLI_OK
			   : cli_fail(CLI_FAILED, "is it damaged? gzip -t tells", "cannot read all of %s: %s", path,
				     error == Z_ERRNO ? strerror(errno) : why);
	gzclose(f);
	free(text);
	return code;
}

static bool take_first(const struct logset_line *line, void *arg)
{
	*(uint64_t *)arg = log_line_number(line->text, line->size);
	return false;
}

/* 1 when it was added, 0 when it is none of this log's files, or an exit code, negated. */
static int add(struct logset *set, enum log_file file, const char *dir, const char *entry)
{
	static const char *const unread[] = {".xz", ".bz2", ".zst", ".lz4"};
	char name[32];
	struct logset_file *more, f = {0};
	bool go_on = true;
	snprintf(name, sizeof name, "%s.jsonl", seal_file_name(file));
	size_t length = strlen(name);
	if (strncmp(entry, name, length) || (entry[length] && entry[length] != '.' && entry[length] != '-'))
		return 0;
	for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
		if (ends_with(entry, unread[i]))
			return -cli_fail(CLI_FAILED, "decompress it first; gzip is read as it is",
				"%s/%s is compressed by another program", dir, entry);
	if (asprintf(&f.path, "%s/%s", dir, entry) < 0)
		return -cli_fail(CLI_FAILED, NULL, "out of memory");
	int code = file_read(f.path, take_first, &f.first, &go_on);
	more = code ? NULL : reallocarray(set->files[file], set->count[file] + 1, sizeof f);
	if (!more) {
		free(f.path);
		return code ? -code : -cli_fail(CLI_FAILED, NULL, "out of memory");
	}
	set->files[file] = more;
	more[set->count[file]++] = f;
	return 1;
}

/* By their lines; files without any come last, as the one just begun does. */
static int compare(const void *a, const void *b)
{
	const struct logset_file *x = a, *y = b;
	uint64_t m = x->first - 1, n = y->first - 1;
	return m != n ? (m > n) - (m < n) : strcmp(x->path, y->path);
}

int logset_open(const char *dir, struct logset *out)
{
	struct logset set = {0};
	struct dirent *entry;
	int code = CLI_OK, found = 0;
	DIR *folder = opendir(dir);
	if (!folder)
		return cli_fail(CLI_FAILED,
			errno == EACCES ? "use sudo, or join group sekisho-logs" : "name the folder of the logs",
			"cannot open %s: %s", dir, strerror(errno));
	while (!code && (entry = readdir(folder)))
		for (enum log_file i = 0; i < LOG_FILES && !code; i++) {
			int r = add(&set, i, dir, entry->d_name);
			code = r < 0 ? -r : CLI_OK;
			found += r > 0;
		}
	closedir(folder);
	if (!code && !found)
		code = cli_fail(
			CLI_FAILED, "name the folder that holds auth.jsonl, access.jsonl and audit.jsonl", "no logs in %s", dir);
	if (code) {
		logset_close(&set);
		return code;
	}
	for (enum log_file i = 0; i < LOG_FILES; i++)
		if (set.count[i])
			qsort(set.files[i], set.count[i], sizeof **set.files, compare);
	*out = set;
	return CLI_OK;
}

void logset_close(struct logset *set)
{
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		for (size_t j = 0; j < set->count[i]; j++)
			free(set->files[i][j].path);
		free(set->files[i]);
	}
	*set = (struct logset){0};
}

int logset_read(const struct logset *set, enum log_file file, bool (*each)(const struct logset_line *, void *), void *arg)
{
	bool go_on = true;
	int code = CLI_OK;
	for (size_t i = 0; i < set->count[file] && go_on && !code; i++)
		code = file_read(set->files[file][i].path, each, arg, &go_on);
	return code;
}
