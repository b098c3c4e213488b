/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"

#define KERNEL_BOOT_ID "/proc/sys/kernel/random/boot_id"
#define NOTE PATH_STATE_DIR "/boot-id"

/* 36 characters and a line feed. */
enum { BOOT_ID_SIZE = 37 };

static int read_id(const char *path, char id[static BOOT_ID_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ssize_t size = read(fd, id, BOOT_ID_SIZE);
	int r = size == BOOT_ID_SIZE ? 0 : size < 0 ? -errno : -EBADMSG;
	close(fd);
	return r;
}

bool boot_same(void)
{
	char now[BOOT_ID_SIZE], noted[BOOT_ID_SIZE];
	return read_id(KERNEL_BOOT_ID, now) == 0 && read_id(NOTE, noted) == 0 && memcmp(now, noted, sizeof now) == 0;
}

static int write_durably(const char *path, const char *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, data, size);
	int r = written < 0 ? -errno : (size_t)written < size ? -ENOSPC : 0;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int sync_folder(void)
{
	int fd = open(PATH_STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int boot_note(void)
{
	char now[BOOT_ID_SIZE];
	int r = read_id(KERNEL_BOOT_ID, now);
	if (r == 0)
		r = write_durably(NOTE ".new", now, sizeof now);
	if (r == 0 && rename(NOTE ".new", NOTE) < 0)
		r = -errno;
	return r < 0 ? r : sync_folder();
}
