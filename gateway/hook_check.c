/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/hook_internal.h"

static int refuse(char *why, size_t why_size, const char *path, const char *fault, const char *remedy)
{
	snprintf(why, why_size, "%s %s; %s %s", path, fault, remedy, path);
	return -EPERM;
}

static int check_owner(const char *path, const struct stat *st, char *why, size_t why_size)
{
	if (st->st_uid != 0)
		return refuse(why, why_size, path, "does not belong to root, who alone may change what runs here", "chown root");
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(why, why_size, path, "may be changed by others than root", "chmod go-w");
	return 0;
}

/* Whoever may write a folder on the way may put another program there. `path` is cut and mended. */
static int check_folders(char *path, char *why, size_t why_size)
{
	struct stat st;
	for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
		const bool top = slash == path;
		slash[top] = '\0';
		int r = stat(path, &st) < 0 ? -errno : check_owner(path, &st, why, why_size);
		if (r < 0 || top)
			return r;
	}
	return 0;
}

static int check(char *path, char *why, size_t why_size)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return refuse(why, why_size, path, "is not a file", "name a program instead of");
	int r = check_owner(path, &st, why, why_size);
	if (r == 0 && !(st.st_mode & S_IXOTH))
		r = refuse(why, why_size, path, "is not executable for the gateway's user", "chmod a+rx");
	return r < 0 ? r : check_folders(path, why, why_size);
}

int hook_program_resolve(const char *path, char **resolved, char *why, size_t why_size)
{
	*why = '\0';
	char *real = realpath(path, NULL), *cut = NULL;
	int r = real ? 0 : -errno;
	if (real && !(cut = strdup(real)))
		r = -ENOMEM;
	if (cut)
		r = check(cut, why, why_size);
	if (r < 0 && !*why)
		snprintf(why, why_size, "%s: %s; put the program there, owned by root, or name another", path, strerror(-r));
	free(cut);
	if (r < 0)
		free(real);
	else
		*resolved = real;
	return r;
}

int hook_program_check(const char *path, char *why, size_t why_size)
{
	char *resolved = NULL;
	int r = hook_program_resolve(path, &resolved, why, why_size);
	free(resolved);
	return r;
}

int hook_settings_check(const char *name, const struct settings *s, struct diag *d)
{
	char why[2 * HOOK_PATH_MAX + 256];
	if (!*s->alert_hook || hook_program_check(s->alert_hook, why, sizeof why) == 0)
		return 0;
	diag_add(d, DIAG_ERROR, name, s->alert_hook_line, s->alert_hook_column, 1, NULL, "alert-hook: %s", why);
	return -EINVAL;
}
