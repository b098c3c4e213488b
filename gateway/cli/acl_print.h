/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gateway/acl_json.h says, for people: shared by `acl explain` and `acl show`. */
#ifndef SEKISHO_CLI_ACL_PRINT_H
#define SEKISHO_CLI_ACL_PRINT_H

#include <jansson.h>
#include <stdint.h>

/* "groups/soumu.acl:4" of an object with "file" and "line". Returns `text`. */
enum { ACL_PLACE = 512 };
const char *acl_print_place(const json_t *object, char text[static ACL_PLACE]);

/* A table of rules. An exit code. */
int acl_print_rules(const json_t *rules);

/* One line: may a session exist at that time, and until when; nothing when nothing limits it. */
void acl_print_session(const json_t *session, int64_t at);

/* A table of the statements about hours, places, periods and lifetimes; nothing when there are none. An exit code. */
int acl_print_statements(const json_t *statements);

#endif
