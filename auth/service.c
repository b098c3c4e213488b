/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"

enum { SERVICE_SIZE_MAX = 65536 };

/* Is the first word of the line this one? */
static bool starts(const char *line, const char *end, const char *word)
{
	size_t size = strlen(word);
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	/* A dash keeps libpam quiet about a module that is missing. */
	if (line < end && *line == '-')
		line++;
	return (size_t)(end - line) > size && !strncasecmp(line, word, size) && (line[size] == ' ' || line[size] == '\t');
}

bool service_speaks(const char *text, size_t size, bool change)
{
	bool auth = false, account = false, password = !change;
	for (const char *line = text, *last = text + size; line < last;) {
		const char *newline = memchr(line, '\n', (size_t)(last - line)), *end = newline ? newline : last;
		bool include = starts(line, end, "@include");
		auth = auth || include || starts(line, end, "auth");
		account = account || include || starts(line, end, "account");
		password = password || include || starts(line, end, "password");
		line = end + 1;
	}
	return auth && account && password;
}

static int read_whole(int fd, char *text, size_t room, size_t *size)
{
	*size = 0;
	while (*size < room) {
		ssize_t n = read(fd, text + *size, room - *size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		*size += (size_t)n;
	}
	return -EFBIG;
}

/* -ENOENT only when there is no such file. */
static int check(const char *path, bool change, char *why, size_t why_size)
{
	char text[SERVICE_SIZE_MAX];
	struct stat st;
	size_t size;
	int err = 0, fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err = -errno;
		snprintf(why, why_size, err == -ELOOP ? "%s is a link; put the file itself there" : "cannot open %s: %s", path,
			strerror(-err));
	} else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH)) {
		err = -EPERM;
		snprintf(why, why_size,
			"%s is not a regular file that only root may write; look at it, then run: chown root: %s; chmod 644 %s",
			path, path, path);
	} else if ((err = read_whole(fd, text, sizeof text, &size)) < 0) {
		snprintf(why, why_size, "cannot read %s: %s", path, strerror(-err));
	} else if (!service_speaks(text, size, change)) {
		err = -EINVAL;
		snprintf(why, why_size,
			"%s needs lines of the kinds auth and account%s, or PAM would ask the service 'other' in its place; see "
			"pam.d(5)",
			path, change ? ", and password for `password-change page`" : "");
	}
	if (fd >= 0)
		close(fd);
	return err;
}

int service_check(const char *service, bool change, char *why, size_t size)
{
	char etc[64], usr[64];
	snprintf(etc, sizeof etc, PATH_PAM_ETC "%s", service);
	snprintf(usr, sizeof usr, PATH_PAM_USR "%s", service);
	int err = check(etc, change, why, size);
	if (err == -ENOENT)
		err = check(usr, change, why, size);
	if (err == -ENOENT)
		snprintf(why, size,
			"there is no PAM service file: nobody can log in; install the package's example as %s (owner root, mode "
			"0644) and "
			"adapt it",
			etc);
	return err;
}
