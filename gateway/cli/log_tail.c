/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho log tail`: the last lines that fit, and those that come. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/logfollow.h"
#include "gateway/cli/logkeep.h"
#include "gateway/cli/logprint.h"
#include "gateway/log_replay.h"
#include "gateway/seal.h"

enum {
	LAST_LINES = 10,
	FIRST_SPAN = 1 << 20, /* bytes at a file's end that are looked at first; then ever more */
	SPAN_GROWS = 8,
	BEGIN_TRIES = 10,
	RENAMED = INT_MIN,
	LOOK_MSEC = 1000, /* where inotify(7) tells nothing: file systems of the network */
};

struct tail {
	struct logquery query;
	struct logprint print;
	const char *dir, *lines_text;
	size_t lines;
	bool follow, started;
	struct logkeep keeps[LOG_FILES]; /* the last lines of each log, until they are shown */
	struct logfollow follows[LOG_FILES];
};

/* A line of a log, while the last ones are looked for and then as it is written. */
static int take(enum log_file file, const struct logset_line *line, void *arg)
{
	struct tail *t = arg;
	struct logmatch match;
	if (logmatch_read(&match, &t->query, file, line) <= 0)
		return CLI_OK;
	if (t->started)
		return logprint_line(&t->print, &match);
	if (!t->lines)
		return CLI_OK;
	return logkeep_put(&t->keeps[file], &match) ? cli_fail(CLI_FAILED, "ask for fewer lines", "out of memory") : CLI_OK;
}

/* ---- the last lines ---- */

static int open_at(struct logreader *r, const char *path, off_t offset)
{
	int code = logreader_open(r, path, offset);
	return code == -ENOENT ? RENAMED : code;
}

/* How many lines behind `offset` fit, up to the number that is wanted; RENAMED; -1 after saying what cannot be read. */
static int64_t count_from(const struct tail *t, enum log_file file, const char *path, off_t offset)
{
	struct logreader r;
	struct logset_line line;
	struct logmatch match;
	size_t found = 0;
	int got = 0;
	const int code = open_at(&r, path, offset);
	if (code)
		return code == RENAMED ? RENAMED : -1;
	while (found < t->lines && (got = logreader_next(&r, &t->query.needles, &line)) > 0)
		found += logmatch_read(&match, &t->query, file, &line) > 0;
	logreader_close(&r);
	return got < 0 ? -1 : (int64_t)found;
}

/* Where in a file to begin, looking at ever larger pieces of its end: at enough lines, or at its beginning. How many there are;
 * RENAMED, -1. */
static int64_t start_in(const struct tail *t, enum log_file file, const struct logset_file *f, off_t *start)
{
	struct stat st;
	if (stat(f->path, &st) < 0 && errno == ENOENT)
		return RENAMED;
	if (stat(f->path, &st) < 0)
		return cli_fail(-1, "run it again", "cannot read %s: %s", f->path, strerror(errno));
	for (off_t span = FIRST_SPAN;; span *= SPAN_GROWS) {
		*start = f->compressed || span >= st.st_size ? 0 : st.st_size - span;
		const int64_t found = count_from(t, file, f->path, *start);
		if (found < 0 || (size_t)found >= t->lines || !*start)
			return found;
	}
}

/* `last`: NULL, or gets the number of the file's last line, for which every line has to be looked at. */
static int read_from(struct tail *t, enum log_file file, const struct logset_file *f, off_t start, uint64_t *last)
{
	struct logreader r;
	struct logset_line line;
	int got = 0, code = open_at(&r, f->path, start);
	if (code)
		return code;
	while (!code && (got = logreader_next(&r, last ? NULL : &t->query.needles, &line)) > 0) {
		if (last)
			*last = log_line_number(line.text, line.size);
		code = take(file, &line, t);
	}
	logreader_close(&r);
	return got < 0 ? CLI_FAILED : code;
}

/* Is the file that is followed the one that the set has as the one being written? */
static bool is_written(const struct logfollow *f, const struct logset_file *written)
{
	return f->fd >= 0 && f->device == written->device && f->inode == written->inode;
}

/* Keeps the last lines of one log, and begins to follow it behind them. RENAMED: rotated between the look at the folder and now. */
static int begin_log(struct tail *t, const struct logset *set, enum log_file file)
{
	const size_t count = set->count[file];
	char name[PATH_MAX];
	off_t start = 0;
	size_t from = count;
	snprintf(name, sizeof name, "%s/%s.jsonl", t->dir, seal_file_name(file));
	for (size_t found = 0; from && (found < t->lines || from == count); from--) {
		const int64_t more = start_in(t, file, &set->files[file][from - 1], &start);
		if (more < 0)
			return more == RENAMED ? RENAMED : CLI_FAILED;
		found += (size_t)more;
	}
	const bool written = count && !strcmp(set->files[file][count - 1].path, name);
	const size_t older = count - written;
	uint64_t last = 0;
	int code = CLI_OK;
	for (size_t i = from; !code && i < older; i++)
		code = read_from(t, file, &set->files[file][i], i == from ? start : 0, i + 1 == older ? &last : NULL);
	if (code)
		return code;
	const int error = logfollow_open(&t->follows[file], t->dir, file, written && from + 1 == count ? start : 0, take, t);
	if (error)
		return cli_fail(CLI_FAILED, error == -EACCES ? "use sudo, or join group sekisho-logs" : NULL,
			"cannot follow %s: %s", name, strerror(-error));
	if (written && !is_written(&t->follows[file], &set->files[file][count - 1]))
		return RENAMED;
	t->follows[file].last = last;
	t->follows[file].patient = t->follow;
	return logfollow_read(&t->follows[file]);
}

/* Shows what was kept, the logs together in the order of time. */
static int show_kept(struct tail *t)
{
	struct logmatch heads[LOG_FILES];
	size_t next[LOG_FILES] = {0}, left = 0;
	int code = CLI_OK;
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		left += t->keeps[i].count;
		logkeep_get(&t->keeps[i], 0, &heads[i]);
	}
	for (; left && !code; left--) {
		int first = -1;
		for (int i = 0; i < LOG_FILES; i++)
			if (next[i] < t->keeps[i].count && (first < 0 || heads[i].time < heads[first].time))
				first = i;
		if (left <= t->lines)
			code = logprint_line(&t->print, &heads[first]);
		logkeep_get(&t->keeps[first], ++next[first], &heads[first]);
	}
	for (enum log_file i = 0; i < LOG_FILES; i++)
		logkeep_close(&t->keeps[i]);
	return code ? code : logprint_flush(&t->print);
}

static int begin_once(struct tail *t)
{
	struct logset set;
	int code = logset_open(t->dir, &set);
	if (code)
		return code;
	for (enum log_file i = 0; i < LOG_FILES && !code; i++) {
		if (!t->query.files[i])
			continue;
		if (t->lines && logkeep_open(&t->keeps[i], t->lines))
			code = cli_fail(CLI_FAILED, "ask for fewer lines", "out of memory");
		else
			code = begin_log(t, &set, i);
	}
	logset_close(&set);
	return code;
}

static int begin(struct tail *t)
{
	int code = RENAMED;
	for (unsigned tries = 0; code == RENAMED && tries < BEGIN_TRIES; tries++) {
		for (enum log_file i = 0; i < LOG_FILES; i++) {
			logfollow_close(&t->follows[i]);
			logkeep_close(&t->keeps[i]);
		}
		code = begin_once(t);
	}
	if (code == RENAMED)
		code = cli_fail(CLI_FAILED, "run it again", "the logs in %s are rotated all the time", t->dir);
	if (!code)
		code = show_kept(t);
	t->started = true;
	return code;
}

/* ---- what comes ---- */

/* Waits until something has happened in the folder, or a while. False when nobody reads what is shown any more. */
static bool wait_change(int notify)
{
	char events[4096];
	struct pollfd fds[] = {{.fd = notify, .events = POLLIN}, {.fd = STDOUT_FILENO}};
	if (poll(fds, 2, LOOK_MSEC) < 0 && errno != EINTR)
		return false;
	while (read(notify, events, sizeof events) > 0)
		;
	return !(fds[1].revents & (POLLERR | POLLHUP | POLLNVAL));
}

static int follow(struct tail *t, int notify)
{
	int code = CLI_OK;
	while (!code && wait_change(notify)) {
		for (enum log_file i = 0; i < LOG_FILES && !code; i++)
			if (t->query.files[i])
				code = logfollow_read(&t->follows[i]);
		if (!code)
			code = logprint_flush(&t->print);
	}
	return code;
}

static int run(struct tail *t)
{
	/* Before the first look, so that nothing is missed in between. */
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (notify >= 0)
		(void)inotify_add_watch(notify, t->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	int code = begin(t);
	if (!code && t->follow)
		code = follow(t, notify);
	if (notify >= 0)
		close(notify);
	return code;
}

static int options(struct tail *t, int argc, char **argv, struct option_words *rest)
{
	struct option_spec specs[LOGQUERY_SPECS + 2] = {
		{.name = "follow", .letter = 'f', .flag = &t->follow},
		{.name = "lines", .letter = 'n', .value = &t->lines_text},
	};
	logquery_specs(&t->query, specs + 2);
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, rest);
	if (!code)
		code = option_count(rest, 0, 1, "");
	int64_t lines = LAST_LINES;
	if (!code && t->lines_text)
		lines = logvalue_number((struct logvalue){t->lines_text, strlen(t->lines_text), false});
	if (!code && (lines < 0 || lines > LOGKEEP_MAX))
		code = cli_usage("-n: '%s' is no number up to %d", t->lines_text, LOGKEEP_MAX);
	t->lines = (size_t)lines;
	t->dir = rest->count ? rest->items[0] : PATH_LOG_DIR;
	t->print.form = cli_json ? LOGPRINT_JSON : LOGPRINT_TABLE;
	t->print.utc = t->query.utc;
	return code ? code : logquery_prepare(&t->query, time_now());
}

int log_verb_tail(int argc, char **argv)
{
	struct option_words rest = {0};
	struct tail *t = calloc(1, sizeof *t);
	if (!t)
		return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	for (enum log_file i = 0; i < LOG_FILES; i++)
		t->follows[i].fd = -1;
	/* Who reads may stop reading, whatever this process has inherited. */
	signal(SIGPIPE, SIG_DFL);
	int code = options(t, argc, argv, &rest);
	if (!code)
		code = run(t);
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		logfollow_close(&t->follows[i]);
		logkeep_close(&t->keeps[i]);
	}
	free(t);
	return code;
}
