/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds the files of a set, and everything that lies there but would never be read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/input.h"
#include "config/nearest.h"
#include "config/policy_internal.h"

enum { PATH_SIZE = 512 };

static const struct folder {
	const char *name;
	enum policy_file_kind kind;
} folders[] = {{"lists", FILE_LIST}, {"groups", FILE_GROUP}, {"users", FILE_USER}, {"devices", FILE_DEVICE}};

enum { FOLDERS = sizeof folders / sizeof *folders };

static const char systems_name[] = "systems.acl", suffix[] = ".acl";

/* Editors' and version control's leftovers: no words about them. */
static bool ignored(const char *name)
{
	return name[0] == '.' || name[strlen(name) - 1] == '~';
}

static bool is_acl(const char *name)
{
	const size_t size = strlen(name);

	return size >= sizeof suffix && !strcmp(name + size - (sizeof suffix - 1), suffix);
}

static void report(struct build *b, enum diag_level level, const char *path, const char *text)
{
	diag_add(b->d, level, path, 0, 0, 1, NULL, "%s", text);
}

/* Something could not be read. A mistake in what lies there is the set's; a failure of the machine is also returned. */
static void fault(struct build *b, const char *path, int error)
{
	if (error == -ENOMEM)
		b->error = error;
	else
		input_complain(b->d, path, error);
	if (!b->error && error != -ELOOP && error != -ENOTSUP && error != -EFBIG)
		b->fault = b->fault ? b->fault : error;
}

static int wanted(const struct dirent *entry)
{
	return !ignored(entry->d_name);
}

/* Bytewise, in every locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Calls `each` for every name in a folder, sorted. 0 or -errno. */
static int for_names(struct build *b, int dirfd, void (*each)(struct build *, int, const struct folder *, const char *),
	const struct folder *folder)
{
	struct dirent **names;

	const int count = scandirat(dirfd, ".", &names, wanted, compare_names);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		if (!b->error)
			each(b, dirfd, folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return 0;
}

static void load_file(
	struct build *b, int dirfd, enum policy_file_kind kind, const char *path, const char *entry, const char *name)
{
	char *text = NULL;
	size_t size = 0;

	const int r = input_read(dirfd, entry, false, &text, &size);
	if (r == -ENOENT && kind == FILE_SYSTEMS)
		return;
	if (r < 0) {
		policy_build_unread(b, kind);
		fault(b, path, r);
		return;
	}
	policy_build_file(b, kind, path, name, text, size);
	free(text);
}

/* May a file of this name stand in this folder? */
static bool name_good(struct build *b, const struct folder *folder, const char *path, const char *name)
{
	enum device_class class;

	if (folder->kind != FILE_DEVICE && !text_name_valid(name)) {
		diag_add(b->d, DIAG_ERROR, path, 0, 0, 1, NULL,
			"the file's name is no %s name; expected 1 to %d of A-Z a-z 0-9 _ . @ -, beginning with neither '-' nor "
			"'.', then .acl",
			folder->kind == FILE_USER    ? "user"
			: folder->kind == FILE_GROUP ? "group"
						     : "list",
			USER_NAME_MAX);
		return false;
	}
	if (folder->kind == FILE_DEVICE && device_class_parse(name, &class) < 0) {
		struct nearest n = nearest_to(name);
		char hint[NEAREST_TEXT];
		for (unsigned i = 0; i < DEVICE_CLASSES; i++)
			nearest_offer(&n, device_class_name((enum device_class)i));
		diag_add(b->d, DIAG_ERROR, path, 0, 0, 1, NULL,
			"'%s' is no class of device; expected ministry.acl, private.acl or shared.acl%s", name,
			nearest_hint(&n, hint));
		return false;
	}
	return true;
}

static void load_entry(struct build *b, int fd, const struct folder *folder, const char *entry)
{
	char path[PATH_SIZE], name[NAME_MAX + 1];

	snprintf(path, sizeof path, "%s/%s", folder->name, entry);
	if (!is_acl(entry)) {
		report(b, DIAG_WARNING, path, "is not read, for its name does not end in .acl; rename it or move it away");
		return;
	}
	snprintf(name, sizeof name, "%.*s", (int)(strlen(entry) - (sizeof suffix - 1)), entry);
	if (name_good(b, folder, path, name))
		load_file(b, fd, folder->kind, path, entry, name);
}

static void load_folder(struct build *b, int dirfd, const struct folder *folder)
{
	const int fd = openat(dirfd, folder->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	if (r == -ENOENT)
		return;
	if (!r)
		r = for_names(b, fd, load_entry, folder);
	if (r == -ENOTDIR || r == -ELOOP)
		report(b, DIAG_ERROR, folder->name,
			"is not a folder (a symbolic link to one is not followed); put a folder here");
	else if (r < 0)
		fault(b, folder->name, r);
	if (r < 0)
		policy_build_unread(b, folder->kind);
	if (fd >= 0)
		close(fd);
}

/* What lies in the set's own folder beside what is read there: a rule that somebody believes in and nobody enforces. */
static void judge_stray(struct build *b, int dirfd, const struct folder *none, const char *name)
{
	(void)none;
	struct nearest n = nearest_to(name);
	char hint[NEAREST_TEXT];
	struct stat st;

	if (!strcmp(name, systems_name))
		return;
	for (size_t i = 0; i < FOLDERS; i++)
		if (!strcmp(name, folders[i].name))
			return;
	nearest_offer(&n, systems_name);
	for (size_t i = 0; i < FOLDERS; i++)
		nearest_offer(&n, folders[i].name);
	const bool folder = !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
	diag_add(b->d, folder || is_acl(name) ? DIAG_ERROR : DIAG_WARNING, name, 0, 0, 1, NULL,
		"is not read; here stand systems.acl, lists/, groups/, users/ and devices/%s",
		n.best ? nearest_hint(&n, hint) : "; move it away");
}

static int load_all(struct build *b, int dirfd)
{
	const int r = for_names(b, dirfd, judge_stray, NULL);
	if (r < 0)
		return r;
	load_file(b, dirfd, FILE_SYSTEMS, systems_name, systems_name, "");
	for (size_t i = 0; i < FOLDERS && !b->error; i++)
		load_folder(b, dirfd, &folders[i]);
	return 0;
}

int policy_load(const char *dir, const struct policy_context *context, struct policy **out, struct diag *d)
{
	struct build b;

	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		const int r = -errno;
		diag_add(d, DIAG_ERROR, dir, 0, 0, 1, NULL, "cannot be opened: %s; expected the folder of the ACL files",
			strerror(-r));
		return r;
	}
	policy_build_start(&b, context, d);
	if (!b.error) {
		const int r = load_all(&b, fd);
		if (r < 0)
			fault(&b, dir, r);
	}
	close(fd);
	return policy_build_end(&b, out);
}
