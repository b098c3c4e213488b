/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may come in: the users of the devices that are registered, or were at an instant, one by one also where a
 * device is registered for a group, and the groups that their rules come from. At present the groups are those that this
 * machine's directory names (getgrouplist(3)), as at a login; in the past those in which the gateway last found the user. Where
 * nobody had looked they are unknown, and that is said; a group's members of the past are those who had logged in by then.
 */
#ifndef SEKISHO_CLI_PEOPLE_H
#define SEKISHO_CLI_PEOPLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/message.h"
#include "config/policy.h"

/* The groups that this machine's directory gives a user, as an array of names. 0; -ENOENT: no such user, `out` untouched; -E2BIG:
 * more than GROUPS_MAX; -ENOMEM. */
int people_directory_groups(const char *user, json_t **out);

struct person {
	const char *user;
	json_t *groups; /* array of names; NULL: unknown */
	json_t *devices; /* {"id", "class", "label"} */
};

struct people {
	struct person *list; /* sorted by user */
	size_t count;
	json_t *rows; /* what the gateway answered, and members of groups; users and devices live there */
	json_t *partly; /* names of groups that have devices, and of whose members only those are known who have logged in */
};

/* Asks the gateway. `on` 0: now. An exit code. */
int people_ask(int64_t on, struct people *out);
void people_free(struct people *p); /* all zero is fine */

/* The person of that name, or NULL. */
const struct person *people_find(const struct people *p, const char *user);

/* The subject of a user with these groups (NULL: none) on a device of a class; `room` holds the names. */
struct subject people_subject(
	const char *user, const json_t *groups, enum device_class class, const char *room[static GROUPS_MAX]);

/* Does the person have a device of that class? */
bool people_has_class(const struct person *p, enum device_class class);

#endif
