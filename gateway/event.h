/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds log events: the parts that many events share, each put at one place of the JSON tree. All functions accept a NULL
 * event and then do nothing, so that a builder needs no check before log_write(), which refuses NULL with -ENOMEM.
 */
#ifndef SEKISHO_EVENT_H
#define SEKISHO_EVENT_H

#include <jansson.h>
#include <stdint.h>

#include "common/addr.h"
#include "gateway/ledger.h"
#include "gateway/role.h"

/* What kind of event an action is: event.kind, event.category[] and event.type[] come from one table by action name; an action
 * that is not in the table is a programming error (abort). `outcome` is "success", "failure", "unknown" or NULL (which is
 * "unknown"); `reason` may be NULL. */
json_t *event_new(const char *action, const char *outcome, const char *reason);

/* Sets the value at a dotted path, "sekisho.session.id", making objects on the way. Steals `value`. */
void event_set(json_t *e, const char *path, json_t *value);
void event_text(json_t *e, const char *path, const char *value); /* made safe UTF-8; NULL and "" are left out */
void event_number(json_t *e, const char *path, int64_t value);
/* Appends to the array at the path unless it is in it already. */
void event_append_text(json_t *e, const char *path, const char *value);
void event_time(json_t *e, const char *path, int64_t usec); /* 0, never, is left out */

/* Puts an address at `path` (NULL: nowhere else) and into related.ip; nothing for family 0. */
void event_address(json_t *e, const char *path, const struct addr *a);
/* device.id, sekisho.device.{key,class,label}, source.ip, related.ip. */
void event_device(json_t *e, const struct device *d);
/* sekisho.endpoint.{ip,port}, related.ip; nothing for family 0. */
void event_endpoint(json_t *e, const struct endpoint *outer);
/* user.name, related.user. */
void event_user(json_t *e, const char *user);
/* user.hash (SHA-256 in hex) instead of the name: for names that are nobody's here, since people type passwords there. */
void event_user_hash(json_t *e, const char *user);
/* sekisho.session.{id,opened}: serials are given again after a million sessions, both together never. */
void event_session(json_t *e, uint32_t serial, int64_t opened);
/* rule.name, "users/t-yamada.acl:3": the line of an ACL file that decided. */
void event_rule(json_t *e, const char *file, unsigned line);
/* sekisho.admin.{uid,name,role}: who asked for it, or tried to. */
void event_admin(json_t *e, const struct actor *by);
/* The same of who asked for a set of ACLs, which takes an administrator. */
void event_generation(json_t *e, const struct generation *row);
/* network.{transport,type,iana_number,community_id}, source and destination ip and port, related.ip. For ICMP the ports hold type
 * and code; both 0 is 'not known', and then there is no community_id. */
void event_flow(json_t *e, uint8_t proto, const struct endpoint *source, const struct endpoint *destination);

#endif
