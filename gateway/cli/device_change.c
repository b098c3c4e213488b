/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho device change`: what is known of a device is something else now. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/details.h"
#include "gateway/cli/option.h"

enum { OWN_OPTIONS = 2 };

static int put_users(const struct option_words *users, json_t *request)
{
	json_t *names = json_array();
	for (size_t i = 0; i < users->count; i++)
		if (json_array_append_new(names, json_string(users->items[i])))
			return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	return json_object_set_new(request, "users", names) ? cli_fail(CLI_FAILED, NULL, "out of memory") : CLI_OK;
}

int device_verb_change(int argc, char **argv)
{
	struct details details = {0};
	struct option_words rest = {0}, users = {0};
	const char *note = NULL;
	json_t *end = NULL;
	struct option_spec specs[OWN_OPTIONS + DETAILS_OPTIONS] = {
		{.name = "users", .list = &users}, {.name = "note", .value = &note}};
	details_options(&details, specs + OWN_OPTIONS);
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 1, 1, "the device's ID");
	if (!code)
		code = details_check(&details);
	if (code)
		return code;
	json_t *request = json_pack("{s:s, s:s, s:s*}", "verb", "device-change", "id", rest.items[0], "note", note);
	if (users.count)
		code = put_users(&users, request);
	if (!code)
		code = details_put(&details, request);
	if (!code && json_object_size(request) == (note ? 3 : 2))
		code = cli_usage("what should change?");
	if (code) {
		json_decref(request);
		return code;
	}
	code = client_ask(request, NULL, &end);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(end);
	char id[CLI_WHEN];
	printf("Device %s %s.\n", text_safe(cli_text(json_object_get(end, "device"), "id"), id, sizeof id),
		json_is_true(json_object_get(end, "changed")) ? "is changed" : "was like that already");
	json_decref(end);
	return CLI_OK;
}
