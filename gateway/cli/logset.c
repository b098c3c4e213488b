/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logset.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/logfield.h"
#include "gateway/log_replay.h"
#include "gateway/seal.h"

#define COMPRESSED ".gz"

enum { TRIES = 20 };

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && !strcmp(text + n - m, end);
}

static bool is_still(const struct logset_file *file)
{
	struct stat st;
	return !stat(file->path, &st) && st.st_dev == file->device && st.st_ino == file->inode;
}

int logset_file_open(const struct logset_file *file, struct logreader *out)
{
	struct logreader r;
	if (!is_still(file))
		return -ESTALE;
	int code = logreader_open(&r, file->path, 0);
	if (code)
		return code == -ENOENT ? -ESTALE : code;
	if (r.device != file->device || r.inode != file->inode) {
		logreader_close(&r);
		return -ESTALE;
	}
	*out = r;
	return CLI_OK;
}

int logset_say_stale(const struct logset_file *file)
{
	return cli_fail(CLI_FAILED, "run it again", "the logs were rotated meanwhile: %s is another file now", file->path);
}

static int read_all(struct logreader *r, bool (*each)(const struct logset_line *, void *), void *arg, bool *go_on)
{
	struct logset_line line;
	int got = 0;
	while (*go_on && (got = logreader_next(r, NULL, &line)) > 0)
		*go_on = each(&line, arg);
	logreader_close(r);
	return got < 0 ? CLI_FAILED : CLI_OK;
}

static int read_file(const struct logset_file *file, bool (*each)(const struct logset_line *, void *), void *arg, bool *go_on)
{
	struct logreader r;
	int code = logset_file_open(file, &r);
	return code ? code : read_all(&r, each, arg, go_on);
}

int logset_file_read(const struct logset_file *file, bool (*each)(const struct logset_line *, void *), void *arg)
{
	bool go_on = true;
	return read_file(file, each, arg, &go_on);
}

static bool take_first(const struct logset_line *line, void *arg)
{
	struct logset_file *f = arg;
	struct logvalue values[LOGFIELDS];
	f->first = log_line_number(line->text, line->size);
	if (!logfield_scan(line->text, line->size, values))
		f->time = logvalue_time(values[LOGFIELD_TIME]);
	return false;
}

/* gzip(1) makes FILE.gz first and removes FILE then. */
static bool is_copy(const char *path)
{
	char original[PATH_MAX];
	size_t size = strlen(path) - (sizeof COMPRESSED - 1);
	if (!ends_with(path, COMPRESSED) || size >= sizeof original)
		return false;
	memcpy(original, path, size);
	original[size] = '\0';
	return access(original, F_OK) == 0;
}

/* 1 when it was added, 0 when it is none of this log's files, or an exit code, negated. */
static int add(struct logset *set, enum log_file file, const char *dir, const char *entry)
{
	static const char *const unread[] = {".xz", ".bz2", ".zst", ".lz4"};
	char name[32];
	struct logset_file *more, f = {.time = LOGVALUE_NONE, .compressed = ends_with(entry, COMPRESSED)};
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
	struct logreader r;
	int code = is_copy(f.path) ? -ENOENT : logreader_open(&r, f.path, 0);
	/* What is gone by now was renamed: the folder is going to be listed anew. */
	if (code == -ENOENT) {
		free(f.path);
		return 0;
	}
	if (!code) {
		f.device = r.device;
		f.inode = r.inode;
		code = read_all(&r, take_first, &f, &go_on);
	}
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

static int list(const char *dir, DIR *folder, struct logset *set)
{
	struct dirent *entry;
	int code = CLI_OK, found = 0;
	while (!code && (entry = readdir(folder)))
		for (enum log_file i = 0; i < LOG_FILES && !code; i++) {
			int r = add(set, i, dir, entry->d_name);
			code = r < 0 ? -r : CLI_OK;
			found += r > 0;
		}
	if (!code && !found)
		code = cli_fail(
			CLI_FAILED, "name the folder that holds auth.jsonl, access.jsonl and audit.jsonl", "no logs in %s", dir);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		if (set->count[i])
			qsort(set->files[i], set->count[i], sizeof **set->files, compare);
	return code;
}

/* While files are renamed, a list may miss one or have it twice: a folder that was changed meanwhile is listed anew. */
int logset_open(const char *dir, struct logset *out)
{
	struct logset set = {0};
	struct stat before, after;
	int code, tries = 0;
	DIR *folder = opendir(dir);
	if (!folder)
		return cli_fail(CLI_FAILED,
			errno == EACCES ? "use sudo, or join group sekisho-logs" : "name the folder of the logs",
			"cannot open %s: %s", dir, strerror(errno));
	do {
		logset_close(&set);
		rewinddir(folder);
		code = fstat(dirfd(folder), &before) < 0 ? cli_fail(CLI_FAILED, NULL, "cannot read %s: %s", dir, strerror(errno))
							 : list(dir, folder, &set);
	} while (!fstat(dirfd(folder), &after) && memcmp(&before.st_mtim, &after.st_mtim, sizeof after.st_mtim) != 0 &&
		 ++tries < TRIES);
	closedir(folder);
	if (code)
		logset_close(&set);
	else
		*out = set;
	return code;
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
	for (size_t i = 0; i < set->count[file] && go_on && !code; i++) {
		code = read_file(&set->files[file][i], each, arg, &go_on);
		if (code == -ESTALE)
			code = logset_say_stale(&set->files[file][i]);
	}
	return code;
}
