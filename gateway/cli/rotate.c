/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho device rotate`: another key for a device that stays what it is. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/secret.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/enrol.h"

struct rotation {
	struct enrolment enrolment;
	const char *within, *note;
	bool now, cancel, next_gateway;
	int64_t within_seconds;
};

enum { OWN_OPTIONS = 5 };

static int rotation_parse(int argc, char **argv, struct rotation *r)
{
	struct option_spec specs[OWN_OPTIONS + ENROLMENT_OPTIONS] = {{.name = "within", .value = &r->within},
		{.name = "note", .value = &r->note}, {.name = "now", .flag = &r->now}, {.name = "cancel", .flag = &r->cancel},
		{.name = "next-gateway-key", .flag = &r->next_gateway}};
	enrolment_options(&r->enrolment, specs + OWN_OPTIONS);
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &r->enrolment.words);
	if (!code)
		code = option_count(&r->enrolment.words, 1, 1, "the device's ID");
	if (!code && r->within && duration_parse(r->within, &r->within_seconds) < 0)
		code = cli_usage("'%s' is not a time; expected one like 12h, 3d or 14d", r->within);
	if (!code && r->now && r->within)
		code = cli_usage("--now and --within contradict each other");
	if (!code && r->now && r->next_gateway)
		code = cli_usage("--now would leave the device without a key until the gateway's is switched");
	if (!code && r->cancel && (r->now || r->next_gateway || r->within || enrolment_said(&r->enrolment)))
		code = cli_usage("--cancel only takes a key back; there is nothing to hand over");
	return code;
}

static int cancel(const struct rotation *r)
{
	char id[DEVICE_ID_TEXT * TEXT_SAFE_GROWTH];
	json_t *end = NULL;
	int code = client_ask(
		json_pack("{s:s, s:s, s:s*}", "verb", "device-rotate-cancel", "id", r->enrolment.words.items[0], "note", r->note),
		NULL, &end);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(end);
	printf("%s keeps its key; the next one is withdrawn.\n",
		text_safe(cli_text(json_object_get(end, "device"), "id"), id, sizeof id));
	json_decref(end);
	return CLI_OK;
}

/* On standard error: what is on standard output is for the phone. */
static void say_when(const json_t *end)
{
	const json_t *device = json_object_get(end, "device"), *next = json_object_get(device, "next_key");
	char when[CLI_WHEN], id[DEVICE_ID_TEXT * TEXT_SAFE_GROWTH];
	text_safe(cli_text(device, "id"), id, sizeof id);
	if (json_is_object(next))
		fprintf(stderr,
			"%s may come with its present key and with this one; the first use of this one, by %s, retires the "
			"other.\n",
			id, cli_when(cli_text(next, "until"), time_now(), when));
	else
		fprintf(stderr, "%s can come only with this key from now on.\n", id);
}

static int rotate(struct rotation *r)
{
	const char *id = r->enrolment.words.items[0];
	char hint[128];
	snprintf(hint, sizeof hint,
		r->now ? "sekisho device rotate %.*s --now, once more" : "sekisho device rotate %.*s, once more", DEVICE_ID_TEXT,
		id);
	const struct enrolment_kind kind = {"was given the new key", hint, say_when};
	json_t *request = json_pack("{s:s, s:s, s:s*}", "verb", "device-rotate", "id", id, "note", r->note);
	if (r->now)
		(void)json_object_set_new(request, "at_once", json_true());
	if (r->next_gateway)
		(void)json_object_set_new(request, "next_gateway_key", json_true());
	if (r->within)
		(void)json_object_set_new(request, "within", json_integer(r->within_seconds));
	return enrolment_run(&r->enrolment, request, &kind);
}

int device_verb_rotate(int argc, char **argv)
{
	struct rotation r = {0};
	/* As in enrol.c: a private key is in memory. */
	prctl(PR_SET_DUMPABLE, 0);
	int code = rotation_parse(argc, argv, &r);
	if (!code && r.cancel)
		code = cancel(&r);
	else if (!code)
		code = enrolment_check(&r.enrolment);
	if (!code && !r.cancel)
		code = rotate(&r);
	secret_wipe(&r, sizeof r);
	return code;
}
