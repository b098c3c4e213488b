/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `sekisho device add`: registers a phone and hands its configuration over.
 *
 * The phone's key pair is made in this process. Only the public half goes to the gateway; the private half exists nowhere but
 * in what this command shows or writes for the phone: neither the gateway's memory nor its ledger, logs or backups ever
 * hold it, so that nobody who reads them can pass for the phone.
 */
#include <string.h>
#include <sys/prctl.h>

#include "common/secret.h"
#include "common/text.h"
#include "config/policy.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/details.h"
#include "gateway/cli/handover.h"
#include "gateway/cli/option.h"
#include "gateway/cli/phone.h"

enum { OWN_OPTIONS = 2 };

struct enrolment {
	struct option_words words;
	struct details details;
	const char *pubkey;
	bool no_psk;
	struct handover out;
	struct key private_key, public_key;
};

static int enrol_parse(int argc, char **argv, struct enrolment *e)
{
	struct option_spec specs[OWN_OPTIONS + DETAILS_OPTIONS + HANDOVER_OPTIONS] = {
		{.name = "pubkey", .value = &e->pubkey}, {.name = "no-psk", .flag = &e->no_psk}};
	details_options(&e->details, specs + OWN_OPTIONS);
	handover_options(&e->out, specs + OWN_OPTIONS + DETAILS_OPTIONS);
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &e->words);
	if (!code)
		code = details_check(&e->details);
	if (code)
		return code;
	if (e->pubkey && (key_parse(e->pubkey, &e->public_key) || key_is_zero(&e->public_key)))
		return cli_usage("--pubkey takes the 44 characters that the app shows as the public key");
	e->out.no_private_key = e->pubkey != NULL;
	return handover_check(&e->out);
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

static int enrol_finish(struct enrolment *e, json_t *end)
{
	struct phone p;
	const char *what;
	char hint[128];
	const char *id = cli_text(json_object_get(end, "device"), "id");
	snprintf(hint, sizeof hint, "sekisho device revoke %.*s, then add the phone again", DEVICE_ID_TEXT, id);
	if (phone_read(end, e->pubkey ? NULL : &e->private_key, &p, &what))
		return cli_fail(CLI_FAILED, hint, "device %s was added, but the gateway's answer is unusable: %s", id, what);
	int error = handover_run(&e->out, &p, end);
	secret_wipe(&p, sizeof p);
	return error ? cli_fail(CLI_FAILED, hint, "device %s was added, but its configuration could not be written", id) : CLI_OK;
}

/* Makes the keys, sends the request (stolen), hands over. */
static int enrol_run(struct enrolment *e, json_t *request)
{
	json_t *end = NULL;
	char key[KEY_TEXT];
	int code = details_put(&e->details, request);
	if (!code && !e->pubkey && (key_generate(&e->private_key) || key_public(&e->private_key, &e->public_key)))
		code = cli_fail(CLI_FAILED, "is OpenSSL whole? openssl list -public-key-algorithms", "no key could be made");
	if (!code)
		code = handover_open(&e->out);
	if (!code && (json_object_set_new(request, "public_key", json_string(key_format(&e->public_key, key))) ||
			     json_object_set_new(request, "preshared", json_boolean(!e->no_psk))))
		code = cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	if (!code)
		code = client_ask(json_incref(request), NULL, &end);
	if (!code)
		code = enrol_finish(e, end);
	handover_drop(&e->out);
	json_decref(request);
	json_decref(end);
	return code;
}

int enrol_verb(int argc, char **argv)
{
	struct enrolment e = {0};
	/* No core dump, no debugger of the same user: the key is in memory. */
	prctl(PR_SET_DUMPABLE, 0);
	int code = enrol_parse(argc, argv, &e);
	if (!code)
		code = check_users(&e.words);
	if (!code)
		code = details_complete(&e.details);
	if (!code)
		code = enrol_run(&e, request_new(&e));
	secret_wipe(&e, sizeof e);
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
	struct enrolment e = {0};
	json_t *request = NULL;
	prctl(PR_SET_DUMPABLE, 0);
	int code = enrol_parse(argc, argv, &e);
	if (!code)
		code = option_count(&e.words, 1, 1, "the lost device's ID");
	if (!code)
		code = request_found(e.words.items[0], &request);
	if (!code)
		code = enrol_run(&e, request);
	secret_wipe(&e, sizeof e);
	return code;
}
