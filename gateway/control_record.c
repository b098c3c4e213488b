/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a request says of a device, taken into a record: for registering and for changing one. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control_record.h"
#include "gateway/gateway.h"

static bool wrong(struct record_fault *fault, const char *hint, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool wrong(struct record_fault *fault, const char *hint, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
	fault->hint = hint;
	return false;
}

bool record_take_users(const json_t *users, struct device *d, struct record_fault *fault)
{
	if (!json_is_array(users) || !json_array_size(users) || json_array_size(users) > DEVICE_USERS_MAX)
		return wrong(
			fault, "name who may log in on it, users or @groups", "a device needs 1 to %d users", DEVICE_USERS_MAX);
	d->user_count = 0;
	for (size_t i = 0; i < json_array_size(users); i++) {
		const char *name = json_string_value(json_array_get(users, i));
		if (!name || !text_name_valid(name) || !text_name_valid(name + (*name == '@')))
			return wrong(fault, "a name has 1 to 64 letters, digits, '.', '_', '-', '@'; a group's begins with '@'",
				"'%s' is no user name", name ? name : "");
		for (unsigned j = 0; j < d->user_count; j++)
			if (!strcmp(d->users[j], name))
				return wrong(fault, "name each user once", "user %s is named twice", name);
		snprintf(d->users[d->user_count++], sizeof *d->users, "%s", name);
	}
	return true;
}

bool record_take_details(const char *label, const char *device_class, struct device *d, struct record_fault *fault)
{
	char safe[LABEL_MAX * TEXT_SAFE_GROWTH];
	if (label && (strlen(label) >= sizeof d->label || !text_utf8_valid(label, strlen(label))))
		return wrong(fault, "shorten it", "the label is longer than %zu bytes", sizeof d->label - 1);
	if (label && strlen(text_safe(label, safe, sizeof safe)) >= sizeof d->label)
		return wrong(fault, "leave control characters out", "the label is too long when it is shown");
	if (label)
		memcpy(d->label, safe, strlen(safe) + 1);
	if (device_class && device_class_parse(device_class, &d->device_class) < 0)
		return wrong(fault, "choose ministry, private or shared", "'%s' is no class of device", device_class);
	return true;
}

bool record_take_period(const json_int_t *from, const json_int_t *until, struct device *d, struct record_fault *fault)
{
	if (from)
		d->valid_from = *from > 0 ? *from : 0;
	if (until)
		d->valid_until = *until > 0 ? *until : 0;
	if (d->valid_from && d->valid_until && d->valid_from >= d->valid_until)
		return wrong(fault, "let the period end after it begins", "the period of use is empty");
	return true;
}

bool record_take_form(const json_t *form, struct device_form *out, struct record_fault *fault)
{
	const char *name;
	const json_t *value;
	if (form && !json_is_object(form))
		return wrong(fault, "use a sekisho command of the gateway's own version", "form is no object");
	json_object_foreach((json_t *)form, name, value)
	{
		const unsigned field = device_form_find(name);
		if (field >= FORM_FIELDS || !json_is_string(value))
			return wrong(fault, "sekisho.conf(5) lists the fields", "'%s' is no field of the form", name);
		if (device_form_set(out, (enum form_field)field, json_string_value(value), fault->text, sizeof fault->text) < 0) {
			fault->hint = "mend it and try again";
			return false;
		}
	}
	return true;
}

bool record_take_key(const char *text, struct key *out, struct record_fault *fault)
{
	if (key_parse(text, out) == 0 && !key_is_zero(out))
		return true;
	return wrong(fault, "copy it from the phone's tunnel: 44 characters of base64", "this is no WireGuard public key");
}

bool record_take_new(const json_t *object, struct device_record *r, bool *preshared, struct record_fault *fault)
{
	json_t *users = NULL, *form = NULL;
	const char *label = NULL, *device_class = "ministry", *public_key;
	json_int_t from = 0, until = 0;
	int psk = 1;
	json_error_t error;
	if (json_unpack_ex((json_t *)object, &error, JSON_STRICT, "{s:o, s?s, s?s, s:s, s?b, s?I, s?I, s?o}", "users", &users,
		    "label", &label, "class", &device_class, "public_key", &public_key, "preshared", &psk, "valid_from", &from,
		    "valid_until", &until, "form", &form))
		return wrong(fault, "use a sekisho command of the gateway's own version", "ill-formed request: %s", error.text);
	if (!record_take_users(users, &r->device, fault) || !record_take_details(label, device_class, &r->device, fault) ||
		!record_take_period(&from, &until, &r->device, fault) || !record_take_form(form, &r->form, fault))
		return false;
	*preshared = psk;
	return record_take_key(public_key, &r->device.public_key, fault);
}

bool record_is_complete(const struct settings *s, const struct device_record *r, struct record_fault *fault)
{
	char missing[256];
	if (!device_form_missing(&r->form, r->device.valid_until != 0, s->device_form, missing, sizeof missing))
		return true;
	return wrong(fault, "`device-form` in sekisho.conf asks for them; sekisho(8) names the options",
		"the form is not complete: %s", missing);
}
