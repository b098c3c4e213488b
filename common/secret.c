/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void secret_wipe(void *data, size_t size)
{
	if (size)
		explicit_bzero(data, size);
}

static ssize_t explain(int err, char *why, size_t size, const char *format, ...) __attribute__((format(printf, 4, 5)));

static ssize_t explain(int err, char *why, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (why && size)
		vsnprintf(why, size, format, args);
	va_end(args);
	return err;
}

static ssize_t explain_open(int err, const char *path, char *why, size_t size)
{
	if (err == -ELOOP)
		return explain(err, why, size,
			"%s is a symbolic link, which is not followed; put the file itself there: mv \"$(readlink -f %s)\" %s",
			path, path, path);
	if (err == -ENOENT)
		return explain(err, why, size,
			"%s does not exist; create it empty, then write the secret into it: install -m 0600 /dev/null %s", path,
			path);
	return explain(err, why, size, "cannot open %s: %s; look at the file and the folders above it: namei -l %s", path,
		strerror(-err), path);
}

/* May only the rightful have read or changed it? */
static ssize_t judge(const struct stat *st, const char *path, char *why, size_t size)
{
	uid_t me = geteuid();
	if (!S_ISREG(st->st_mode))
		return explain(
			-EINVAL, why, size, "%s is not a regular file; see what it is and move it away: ls -ld %s", path, path);
	if (st->st_uid != 0 && st->st_uid != me)
		return explain(-EPERM, why, size,
			"%s belongs to uid %u, who could have read or changed it; make a new secret, then run: chown root %s",
			path, (unsigned)st->st_uid, path);
	if (st->st_mode & (S_IRWXO | S_IWGRP))
		return explain(-EACCES, why, size,
			"%s has mode %04o and is open to others; make a new secret if it was used so, then run: chmod o=,g-w %s",
			path, (unsigned)(st->st_mode & 07777), path);
	return 0;
}

ssize_t secret_read_file(const char *path, void *out, size_t size, char *why, size_t why_size)
{
	struct stat st;
	size_t used = 0;
	ssize_t err;
	/* O_NONBLOCK: opening a FIFO put there by mistake must not hang. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return explain_open(-errno, path, why, why_size);
	if (fstat(fd, &st) < 0) {
		err = explain_open(-errno, path, why, why_size);
		goto out;
	}
	err = judge(&st, path, why, why_size);
	if (err < 0)
		goto out;
	for (;;) {
		char beyond;
		ssize_t n = read(fd, used < size ? (char *)out + used : &beyond, used < size ? size - used : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = explain(-errno, why, why_size, "cannot read %s: %s; check the disk: dmesg", path, strerror(errno));
		else if (n > 0 && used == size)
			err = explain(-EFBIG, why, why_size,
				"%s is larger than %zu bytes and cannot be what it should be; see: ls -l %s", path, size, path);
		else if (n == 0)
			err = (ssize_t)used;
		else {
			used += (size_t)n;
			continue;
		}
		break;
	}
out:
	if (err < 0)
		secret_wipe(out, used);
	close(fd);
	return err;
}
