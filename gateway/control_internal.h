/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What control.c (sockets, rights, dispatch) and control_*.c (the verbs) share. */
#ifndef SEKISHO_CONTROL_INTERNAL_H
#define SEKISHO_CONTROL_INTERNAL_H

#include <stdint.h>

#include "gateway/control.h"
#include "gateway/gateway.h"
#include "gateway/role.h"

struct session;
struct exchange;

typedef void (*verb_handler)(struct exchange *x);

/* One request and the answer being made to it. */
struct exchange {
	struct gateway *gateway;
	json_t *request;
	struct actor by; /* who asks, from the kernel */
	json_t *answers; /* array of datagrams to send */
	bool ended;
	/* A long answer comes in parts: set by the handler instead of an end, and called whenever what there was has been sent,
	 * until it ends the answer. The gateway does other work between two parts; `position` is where the next begins. */
	verb_handler more;
	struct {
		uint64_t number;
		int64_t at;
		char name[USER_NAME_MAX + 1];
	} position;
};

enum { EXCHANGE_PART = 64 }; /* rows of one part */

/* Add to the answer; objects are stolen. Exactly one of end and error closes it. */
void exchange_row(struct exchange *x, json_t *row);
void exchange_end(struct exchange *x, json_t *end);
void exchange_error(struct exchange *x, const char *code, const char *hint, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Unpacks the request's members beside "verb" as json_unpack(3) does, strictly: a missing, unknown or ill-typed member is
 * answered with an error. True when all is well.
 */
bool exchange_unpack(struct exchange *x, const char *format, ...);

/* May the one who asks do this, beyond what the verb's own role says? If not, that is recorded and answered. */
bool exchange_allowed(struct exchange *x, enum role least);

/* Is it root who asks? If not, that is recorded and answered. For verbs of the table only. */
bool exchange_is_root(struct exchange *x);

/* The groups of a request, an array of names or NULL; answers with an error and returns false when it is something else. */
bool exchange_groups(struct exchange *x, const json_t *groups, const char *names[static GROUPS_MAX]);

/* The device named by a request's "id" member; answers with an error and returns false when there is none. */
bool exchange_device(struct exchange *x, const char *id, struct device *d);

void control_status(struct exchange *x);
void control_device_add(struct exchange *x);
void control_device_change(struct exchange *x);
void control_device_rotate(struct exchange *x);
void control_device_rotate_cancel(struct exchange *x);
void control_device_import(struct exchange *x);
void control_device_report(struct exchange *x);
void control_user_suspend(struct exchange *x);
void control_user_resume(struct exchange *x);
void control_user_list(struct exchange *x);
void control_device_list(struct exchange *x);
void control_device_show(struct exchange *x);
void control_device_suspend(struct exchange *x);
void control_device_resume(struct exchange *x);
void control_device_lost(struct exchange *x);
void control_device_revoke(struct exchange *x);
void control_session_list(struct exchange *x);
void control_session_end(struct exchange *x);
void control_acl_apply(struct exchange *x);
void control_acl_explain(struct exchange *x);
void control_acl_history(struct exchange *x);
void control_acl_subjects(struct exchange *x);
void control_reload(struct exchange *x);
void control_gateway_key(struct exchange *x);

/* What phones dial, as in the settings: "gate.example.jp:51820". Returns `text`. */
enum { CONTROL_ENDPOINT_TEXT = HOST_NAME_LIMIT + 16 };
const char *control_endpoint(const struct settings *s, char text[static CONTROL_ENDPOINT_TEXT]);

/* Checks a device's public key against the gateway's own and makes the preshared key that is wanted for it. False with the fault. */
struct record_fault;
bool control_make_keys(struct exchange *x, const struct key *public_key, bool preshared, struct key *out, struct record_fault *fault);

/* What to do when the ledger or the log cannot be written. */
extern const char control_make_room[], control_unrecordable[];

/* JSON forms as control.h describes them. */
json_t *control_json_time(int64_t usec); /* null for 0 */
json_t *control_json_addr(const struct addr *a); /* null for family 0 */
json_t *control_json_device(struct gateway *g, const struct device *d);
json_t *control_json_enrolled(struct gateway *g, const struct device *d); /* {"device", "preshared_key"} */
json_t *control_json_server(struct gateway *g);
json_t *control_json_session(struct gateway *g, const struct session *s);

#endif
