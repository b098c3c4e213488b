/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes files and folders that are not there yet, whole or not at all, and never touches what is there: everything is made under
 * a temporary name, with its owner and mode, and then given its name by renameat2(2) with RENAME_NOREPLACE.
 */
#ifndef SEKISHO_INSTALL_H
#define SEKISHO_INSTALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What was done so far. */
struct install {
	json_t *report; /* array of {"path", "result": "wrote" | "kept"} */
};

/* Who may use a new file: its owner is root. */
struct install_mode {
	gid_t group;
	mode_t mode;
};

/* Is there something of this name, a dangling link included? */
bool install_present(const char *path);

/* Adds "kept PATH" to the report, and says it: for what is known to be there. 0 or -ENOMEM. */
int install_keep(struct install *in, const char *path);

/*
 * Makes one folder, or one file with this content. Adds to the report and, unless `--json`, says "wrote PATH" or "kept PATH".
 * 1 when it was made, 0 when something of that name was there, -errno after saying what went wrong.
 */
int install_dir(struct install *in, const char *path, struct install_mode m);
int install_file(struct install *in, const char *path, const char *text, struct install_mode m);

/* One file with this content in the place of what has that name, if anything has; whoever opens it sees the old or the new one. 0,
 * or -errno after saying what went wrong: the old one is there. */
int install_replace(const char *path, const char *text, struct install_mode m);

/* Gives a file another name, in the place of what has it: there is the old or the new one, also after a power failure. 0, or -errno
 * after saying what went wrong. */
int install_move(const char *from, const char *to);

/* A new file (0644) of the caller's own at any path, whole or not at all. 0, or an exit code after saying what is wrong. */
int install_export(const char *path, const void *data, size_t size);

#endif
