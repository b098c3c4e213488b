/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logreader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/cli/cli.h"

enum { COMPRESSED_PIECE = 1 << 16 };

int logreader_open(struct logreader *r, const char *path, off_t offset)
{
	struct logreader new = {.path = path, .data = malloc(LOGREADER_BUFFER)};
	struct stat st = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int error = fd < 0 || fstat(fd, &st) < 0 ? errno : !S_ISREG(st.st_mode) ? EINVAL : 0;
	if (!error && !(new.file = gzdopen(fd, "r")))
		error = ENOMEM;
	/* One byte before: if it is a newline, a line starts at `offset` itself. */
	if (!error && offset > 0 && gzseek(new.file, offset - 1, SEEK_SET) < 0)
		error = EIO;
	if (!error && (!new.data || gzbuffer(new.file, COMPRESSED_PIECE) < 0))
		error = ENOMEM;
	if (error) {
		if (fd >= 0 && !new.file)
			close(fd);
		logreader_close(&new);
		if (error == ENOENT)
			return -ENOENT;
		return cli_fail(CLI_FAILED, error == EACCES ? "use sudo, or join group sekisho-logs" : NULL, "cannot read %s: %s",
			path, strerror(error));
	}
	new.device = st.st_dev;
	new.inode = st.st_ino;
	new.skipping = offset > 0;
	*r = new;
	return CLI_OK;
}

void logreader_close(struct logreader *r)
{
	if (r->file)
		gzclose(r->file);
	free(r->data);
	*r = (struct logreader){.ended = true};
}

static int say_damaged(const struct logreader *r)
{
	int error = 0;
	const char *why = gzerror(r->file, &error);
	if (error == Z_OK || error == Z_STREAM_END)
		return 0;
	cli_fail(CLI_FAILED, "is it damaged? gzip -t tells", "cannot read all of %s: %s", r->path,
		error == Z_ERRNO ? strerror(errno) : why);
	return -1;
}

/* Drops what was read up to the newline that ends a line longer than the buffer. */
static void skip(struct logreader *r)
{
	const char *newline = memchr(r->data, '\n', r->end);
	r->skipping = !newline;
	r->at = newline ? (size_t)(newline - r->data) + 1 : r->end;
}

/* Where compressed data is damaged, all is lost that was asked for at once. */
static int read_some(struct logreader *r)
{
	size_t room = LOGREADER_BUFFER - r->end;
	if (!gzdirect(r->file) && room > COMPRESSED_PIECE)
		room = COMPRESSED_PIECE;
	return gzread(r->file, r->data + r->end, (unsigned)room);
}

/* Reads on behind the piece of a line that is left. 1, 0 at the end, -1. */
static int fill(struct logreader *r)
{
	do {
		memmove(r->data, r->data + r->at, r->end - r->at);
		r->end -= r->at;
		r->at = r->whole = 0;
		int n = r->ended ? 0 : read_some(r);
		if (n <= 0 && !r->ended) {
			r->ended = true;
			if (say_damaged(r) < 0)
				return -1;
		}
		r->end += n > 0 ? (size_t)n : 0;
		if (r->skipping)
			skip(r);
		const char *last = memrchr(r->data + r->at, '\n', r->end - r->at);
		r->whole = last ? (size_t)(last - r->data) + 1 : r->ended || r->end == LOGREADER_BUFFER ? r->end : r->at;
	} while (r->whole == r->at && !r->ended);
	return r->whole > r->at;
}

int logreader_next(struct logreader *r, const struct logneedles *needles, struct logset_line *out)
{
	const bool all = !needles || !needles->count;
	for (;;) {
		if (r->at == r->whole) {
			int more = r->file ? fill(r) : 0;
			if (more <= 0)
				return more;
		}
		const char *end = r->data + r->whole, *from = r->data + r->at;
		if (!all) {
			const char *hit = logneedle_find(needles, from, end);
			r->at = r->whole;
			if (!hit)
				continue;
			const char *before = memrchr(from, '\n', (size_t)(hit - from));
			from = before ? before + 1 : from;
			end = memchr(hit, '\n', (size_t)(end - hit));
		} else {
			end = memchr(from, '\n', (size_t)(end - from));
			r->number++;
		}
		r->at = end ? (size_t)(end + 1 - r->data) : r->whole;
		r->skipping = !end && !r->ended;
		*out = (struct logset_line){r->path, from, (size_t)(r->data + r->at - from), r->number};
		return 1;
	}
}
