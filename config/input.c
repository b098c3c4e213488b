/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads to the end of the file, however long fstat(2) said it was. */
static int read_all(int fd, char *out, size_t room, size_t *size)
{
	size_t used = 0;

	while (used < room) {
		const ssize_t n = read(fd, out + used, room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	if (used > INPUT_MAX)
		return -EFBIG;
	*size = used;
	return 0;
}

int input_read(int dirfd, const char *path, bool follow, char **out, size_t *size)
{
	char *data = NULL;
	struct stat st;
	int r = 0;

	const int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return errno == ENXIO ? -ENOTSUP : -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -ENOTSUP;
	else if (st.st_size > INPUT_MAX)
		r = -EFBIG;
	if (r < 0)
		goto out;
	data = malloc(INPUT_MAX + 1);
	r = data ? read_all(fd, data, INPUT_MAX + 1, size) : -ENOMEM;
	if (r < 0)
		goto out;
	char *fitted = realloc(data, *size + 1);
	*out = fitted ? fitted : data;
	data = NULL;
out:
	free(data);
	close(fd);
	return r;
}

void input_complain(struct diag *d, const char *name, int error)
{
	const char *text;

	switch (error) {
	case -ELOOP:
		text = "is a symbolic link; put the file itself here";
		break;
	case -ENOTSUP:
		text = "is not a regular file; expected a text file";
		break;
	case -EFBIG:
		text = "is larger than 1 MiB; split it or remove what is not needed";
		break;
	case -ENOENT:
		text = "does not exist; create it";
		break;
	case -EACCES:
		text = "may not be read; let the group 'sekisho' read it (chgrp sekisho, chmod g+rX) or run this as root";
		break;
	default:
		diag_add(d, DIAG_ERROR, name, 0, 0, 1, NULL, "cannot be read: %s; mend this and try again", strerror(-error));
		return;
	}
	diag_add(d, DIAG_ERROR, name, 0, 0, 1, NULL, "%s", text);
}
