/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a request on the control socket says of a device, checked and taken into a record. Each returns false with the fault, and
 * what the record then holds is not to be used. */
#ifndef SEKISHO_CONTROL_RECORD_H
#define SEKISHO_CONTROL_RECORD_H

#include <jansson.h>

#include "config/settings.h"
#include "gateway/device_record.h"

struct record_fault {
	char text[512]; /* what is wrong */
	const char *hint; /* what to do */
};

/* Users: an array of 1..DEVICE_USERS_MAX names of users or, with '@' in front, groups. */
bool record_take_users(const json_t *users, struct device *d, struct record_fault *fault);

/* NULL leaves what is there; so it does below. */
bool record_take_details(const char *label, const char *device_class, struct device *d, struct record_fault *fault);

/* Microseconds since the epoch, 0 for no bound. */
bool record_take_period(const json_int_t *from, const json_int_t *until, struct device *d, struct record_fault *fault);

/* An object of texts by names of fields. */
bool record_take_form(const json_t *form, struct device_form *out, struct record_fault *fault);

/* A WireGuard public key in base64. */
bool record_take_key(const char *text, struct key *out, struct record_fault *fault);

/* All of the above as `device-add` has it, and the key. `preshared`: is a preshared key wanted? */
bool record_take_new(const json_t *object, struct device_record *r, bool *preshared, struct record_fault *fault);

/* Is everything there that `device-form` asks for? */
bool record_is_complete(const struct settings *s, const struct device_record *r, struct record_fault *fault);

#endif
