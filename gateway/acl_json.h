/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ACLs say about somebody, as JSON: the gateway's answer to `acl-explain`, and the same from files that the command reads
 * itself. Each returns a new value, or NULL when out of memory. */
#ifndef SEKISHO_ACL_JSON_H
#define SEKISHO_ACL_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "config/policy.h"

enum { ACL_JSON_RULES = 64 };

/* RFC 3339; null for INT64_MAX (never). */
json_t *acl_json_instant(int64_t usec);

/* {"action", "file", "line", "what", "text", "until"} */
json_t *acl_json_rule(const struct rule_ref *rule);

/* {"file", "line", "text"} */
json_t *acl_json_line(const struct line_ref *line);

/* Every hours, from, valid and session statement: array of lines. */
json_t *acl_json_statements(const struct policy *p, const struct subject *s);

/* May a session exist at `at`? {"bar": null|"not-yet"|"period"|"hours", "file", "line", "text": the statement that bars it or
 * will, "opens" (barred) or "ends": when that changes} */
json_t *acl_json_session(const struct policy *p, const struct subject *s, int64_t at);

/* {"allowed", "at", "class", "rules": at most ACL_JSON_RULES that cover it, the deciding one first, "session", "statements"} */
json_t *acl_json_explain(const struct policy *p, const struct subject *s, const struct target *t, int64_t at);

#endif
