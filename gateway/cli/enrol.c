/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho device add` and `found`: register a phone and hand its configuration over. */
#include "gateway/cli/enrol.h"

#include <string.h>
#include <sys/prctl.h>

#include "common/secret.h"
#include "common/text.h"
#include "config/policy.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/details.h"
#include "gateway/cli/phone.h"

/* ---- a key for a phone ---- */

void enrolment_options(struct enrolment *e, struct option_spec specs[static ENROLMENT_OPTIONS])
{
	specs[0] = (struct option_spec){.name = "pubkey", .value = &e->pubkey};
	specs[1] = (struct option_spec){.name = "no-psk", .flag = &e->no_psk};
	handover_options(&e->out, specs + 2);
}

bool enrolment_said(const struct enrolment *e)
{
	bool said = e->pubkey || e->no_psk || e->out.qr || e->out.no_qr;
	for (unsigned i = 0; i < HANDOVER_FILES; i++)
		said = said || e->out.paths[i];
	return said;
}

int enrolment_check(struct enrolment *e)
{
	if (e->pubkey && (key_parse(e->pubkey, &e->public_key) || key_is_zero(&e->public_key)))
		return cli_usage("--pubkey takes the 44 characters that the app shows as the public key");
	e->out.no_private_key = e->pubkey != NULL;
	return handover_check(&e->out);
}

static int finish(struct enrolment *e, json_t *end, const struct enrolment_kind *kind)
{
	struct phone p;
	const char *what;
	char revoke[128];
	const char *id = cli_text(json_object_get(end, "device"), "id");
	snprintf(revoke, sizeof revoke, "sekisho device revoke %.*s, then add the phone again", DEVICE_ID_TEXT, id);
	const char *hint = kind->hint ? kind->hint : revoke;
	if (phone_read(end, e->pubkey ? NULL : &e->private_key, &p, &what))
		return cli_fail(CLI_FAILED, hint, "device %s %s, but the gateway's answer is unusable: %s", id, kind->done, what);
	int error = handover_run(&e->out, &p, end);
	secret_wipe(&p, sizeof p);
	if (error)
		return cli_fail(CLI_FAILED, hint, "device %s %s, but its configuration could not be written", id, kind->done);
	if (kind->say)
		kind->say(end);
	return CLI_OK;
}

int enrolment_run(struct enrolment *e, json_t *request, const struct enrolment_kind *kind)
{
	json_t *end = NULL;
	char key[KEY_TEXT];
	int code = CLI_OK;
	if (!e->pubkey && (key_generate(&e->private_key) || key_public(&e->private_key, &e->public_key)))
		code = cli_fail(CLI_FAILED, "is OpenSSL whole? openssl list -public-key-algorithms", "no key could be made");
	if (!code)
		code = handover_open(&e->out);
	if (!code && (json_object_set_new(request, "public_key", json_string(key_format(&e->public_key, key))) ||
			     json_object_set_new(request, "preshared", json_boolean(!e->no_psk))))
		code = cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	if (!code)
		code = client_ask(json_incref(request), NULL, &end);
	if (!code)
		code = finish(e, end, kind);
	handover_drop(&e->out);
	json_decref(request);
	json_decref(end);
	return code;
}

/* ---- a new device ---- */

struct registration {
	struct enrolment enrolment;
	struct details details;
};

static int registration_parse(int argc, char **argv, struct registration *r)
{
	struct option_spec specs[DETAILS_OPTIONS + ENROLMENT_OPTIONS];
	details_options(&r->details, specs);
	enrolment_options(&r->enrolment, specs + DETAILS_OPTIONS);
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &r->enrolment.words);
	if (!code)
		code = details_check(&r->details);
	return code ? code : enrolment_check(&r->enrolment);
}

static int check_users(const struct option_words *users)
{
	int code = option_count(users, 1, DEVICE_USERS_MAX, "USER");
	for (size_t i = 0; i < users->count && !code; i++)
		if (!text_name_valid(users->items[i]) || !text_name_valid(users->items[i] + (*users->items[i] == '@')))
			code = cli_usage("'%s' is no user's name", users->items[i]);
	return code;
}

/* device-add with what is said of the device. NULL when out of memory. */
static json_t *request_new(const struct enrolment *e)
{
	json_t *request = json_pack(
		"{s:s, s:[], s:s, s:s}", "verb", "device-add", "users", "label", "", "class", device_class_name(CLASS_MINISTRY));
	for (size_t i = 0; i < e->words.count && request; i++)
		if (json_array_append_new(json_object_get(request, "users"), json_string(e->words.items[i]))) {
			json_decref(request);
			request = NULL;
		}
	return request;
}

static int registration_run(struct registration *r, json_t *request)
{
	static const struct enrolment_kind added = {"was added", NULL, NULL};
	int code = details_put(&r->details, request);
	if (!code)
		return enrolment_run(&r->enrolment, request, &added);
	json_decref(request);
	return code;
}

int enrol_verb(int argc, char **argv)
{
	struct registration r = {0};
	/* No core dump, no debugger of the same user: the key is in memory. */
	prctl(PR_SET_DUMPABLE, 0);
	int code = registration_parse(argc, argv, &r);
	if (!code)
		code = check_users(&r.enrolment.words);
	if (!code)
		code = details_complete(&r.details);
	if (!code)
		code = registration_run(&r, request_new(&r.enrolment));
	secret_wipe(&r, sizeof r);
	return code;
}

/* ---- a lost one that was found ---- */

/* An instant of the gateway's answer as requests have it. */
static json_t *instant(const json_t *device, const char *member)
{
	int64_t usec;
	return *cli_text(device, member) && !cli_instant(cli_text(device, member), &usec) ? json_integer(usec) : NULL;
}

/* What was known of the lost device is the new one's. */
static int request_found(const char *id, json_t **out)
{
	json_t *end = NULL;
	int code = client_device(id, &end);
	if (code)
		return code;
	const json_t *d = json_object_get(end, "device");
	*out = json_pack("{s:s, s:s, s:O, s:s, s:s, s:o*, s:o*, s:O}", "verb", "device-add", "replaces", id, "users",
		json_object_get(d, "users"), "label", cli_text(d, "label"), "class", cli_text(d, "class"), "valid_from",
		instant(d, "valid_from"), "valid_until", instant(d, "valid_until"), "form", json_object_get(d, "form"));
	json_decref(end);
	return *out ? CLI_OK
		    : cli_fail(CLI_FAILED, "compare `sekisho --version` with `sekisho-gateway --version`",
			      "the gateway's answer cannot be understood");
}

int device_verb_found(int argc, char **argv)
{
	struct registration r = {0};
	json_t *request = NULL;
	prctl(PR_SET_DUMPABLE, 0);
	int code = registration_parse(argc, argv, &r);
	if (!code)
		code = option_count(&r.enrolment.words, 1, 1, "the lost device's ID");
	if (!code)
		code = request_found(r.enrolment.words.items[0], &request);
	if (!code)
		code = registration_run(&r, request);
	secret_wipe(&r, sizeof r);
	return code;
}
