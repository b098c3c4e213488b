/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Unix groups of a user, from wherever NSS takes them (getgrouplist(3): files, LDAP, AD). */
#ifndef SEKISHO_GROUPS_H
#define SEKISHO_GROUPS_H

#include <stdint.h>

#include "common/message.h"

/*
 * Finds all groups with a name that text_name_valid() accepts; no ACL file can belong to any other. A user whom NSS does not know
 * (PAM may keep its own) has none. All or nothing: a group that is left out could be the one whose file denies something.
 * 0 and an array to free(3) (NULL for none); -E2BIG beyond GROUPS_MAX; or another -errno when the directory does not answer.
 */
int groups_of(const char *user, char (**names)[USER_NAME_MAX + 1], uint16_t *count);

#endif
