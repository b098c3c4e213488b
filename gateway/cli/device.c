/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "common/addr.h"
#include "common/message.h"
#include "common/key.h"
#include "common/text.h"
#include "config/device_form.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"

enum { USERS_TEXT = 512 };

static void line(struct table *t, const char *name, const char *value)
{
	if (!*value)
		return;
	table_cell(t, name);
	table_cell(t, value);
}

static void line_when(struct table *t, const char *name, const json_t *device, const char *member)
{
	char when[CLI_WHEN];
	if (*cli_text(device, member))
		line(t, name, cli_when(cli_text(device, member), time_now(), when));
}

static void line_next_key(struct table *t, const json_t *next)
{
	char text[KEY_TEXT + CLI_WHEN + 32], until[CLI_WHEN];
	if (!json_is_object(next))
		return;
	snprintf(text, sizeof text, "%.*s, not used yet, good until %s", KEY_TEXT, cli_text(next, "public_key"),
		cli_when(cli_text(next, "until"), time_now(), until));
	line(t, "Next key", text);
}

static void line_traffic(struct table *t, const json_t *device)
{
	char text[2 * CLI_SIZE + 32], received[CLI_SIZE], sent[CLI_SIZE];
	snprintf(text, sizeof text, "%s from the phone, %s to it",
		cli_size((uint64_t)json_integer_value(json_object_get(device, "rx_bytes")), received),
		cli_size((uint64_t)json_integer_value(json_object_get(device, "tx_bytes")), sent));
	line(t, "Traffic", text);
}

static void line_session(struct table *t, const json_t *session)
{
	char text[USER_NAME_MAX + CLI_WHEN + 64], when[CLI_WHEN];
	if (!json_is_object(session)) {
		line(t, "Session", "none");
		return;
	}
	snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT ", %.*s, until %s",
		json_integer_value(json_object_get(session, "id")), USER_NAME_MAX, cli_text(session, "user"),
		cli_when(cli_text(session, "expires"), time_now(), when));
	line(t, "Session", text);
}

/* Prints one DEVICE as lines of name and value. */
static int device_print(const json_t *device)
{
	static const struct table_column columns[] = {{NULL, TABLE_LEFT, TABLE_WHOLE}, {NULL, TABLE_LEFT, TABLE_WHOLE}};
	char users[USERS_TEXT], addresses[2 * ADDR_TEXT + 2];
	struct table *t = table_new(columns, 2);
	line(t, "Device", cli_text(device, "id"));
	line(t, "Label", cli_text(device, "label"));
	line(t, "Users", cli_join(device, "users", users, sizeof users));
	line(t, "Class", cli_text(device, "class"));
	line(t, "Status", cli_text(device, "status"));
	snprintf(addresses, sizeof addresses, "%.*s%s%.*s", ADDR_TEXT - 1, cli_text(device, "v4"),
		*cli_text(device, "v6") ? ", " : "", ADDR_TEXT - 1, cli_text(device, "v6"));
	line(t, "Addresses", addresses);
	line(t, "Public key", cli_text(device, "public_key"));
	line_when(t, "Key since", device, "key_since");
	line_next_key(t, json_object_get(device, "next_key"));
	line_when(t, "Valid from", device, "valid_from");
	line_when(t, "Valid until", device, "valid_until");
	line_when(t, "Added", device, "created");
	line_when(t, "Last seen", device, "last_seen");
	line(t, "Online", json_is_true(json_object_get(device, "online")) ? "yes" : "no");
	line(t, "Comes from", cli_text(device, "endpoint"));
	line_when(t, "Handshake", device, "last_handshake");
	line_traffic(t, device);
	line_session(t, json_object_get(device, "session"));
	line(t, "In place of", cli_text(device, "replaces"));
	line(t, "Leavers", cli_join(device, "leavers", users, sizeof users));
	for (unsigned i = 0; i < FORM_FIELDS; i++)
		line(t, device_form_name(i), cli_text(json_object_get(device, "form"), device_form_name(i)));
	return table_show(t);
}

int device_verb_show(int argc, char **argv)
{
	const char *id = NULL;
	json_t *end = NULL;
	int code = option_only(argc, argv, "the device's ID", &id);
	if (!code)
		code = client_device(id, &end);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(end);
	code = device_print(json_object_get(end, "device"));
	json_decref(end);
	return code;
}

/* What a change of status is called, and whether there is a way back. */
struct change {
	const char *verb, *done, *question;
};

static int change_confirm(const char *id, const struct change *c)
{
	char users[USERS_TEXT];
	json_t *end = NULL;
	int code = client_device(id, &end);
	if (code)
		return code;
	const json_t *device = json_object_get(end, "device");
	bool yes = cli_confirm("Device %s, \"%s\", of %s: %s There is no way back.", cli_text(device, "id"),
		cli_text(device, "label"), cli_join(device, "users", users, sizeof users), c->question);
	json_decref(end);
	return yes ? CLI_OK : cli_fail(CLI_FAILED, NULL, "nothing was changed");
}

static int change_run(int argc, char **argv, const struct change *c)
{
	const char *note = NULL;
	bool yes = false;
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "note", .value = &note}, {.name = "yes", .flag = &yes}};
	json_t *end = NULL;
	int code = option_parse(argc, argv, specs, c->question ? 2 : 1, &rest);
	if (!code)
		code = option_count(&rest, 1, 1, "the device's ID");
	if (!code && c->question && !yes && cli_interactive())
		code = change_confirm(rest.items[0], c);
	if (!code)
		code = client_ask(json_pack("{s:s, s:s, s:s*}", "verb", c->verb, "id", rest.items[0], "note", note), NULL, &end);
	if (code)
		return code;
	if (cli_json)
		return cli_print_json(end);
	char safe[LABEL_MAX * TEXT_SAFE_GROWTH];
	const json_t *device = json_object_get(end, "device");
	json_int_t ended = json_integer_value(json_object_get(end, "sessions_ended"));
	printf("%s %s.", text_safe(cli_text(device, "id"), safe, sizeof safe), c->done);
	if (ended)
		printf(" %" JSON_INTEGER_FORMAT " session%s ended.", ended, ended == 1 ? "" : "s");
	putchar('\n');
	json_decref(end);
	return CLI_OK;
}

int device_verb_suspend(int argc, char **argv)
{
	static const struct change c = {"device-suspend", "is suspended until `sekisho device resume`", NULL};
	return change_run(argc, argv, &c);
}

int device_verb_resume(int argc, char **argv)
{
	static const struct change c = {"device-resume", "may connect again", NULL};
	return change_run(argc, argv, &c);
}

int device_verb_revoke(int argc, char **argv)
{
	static const struct change c = {"device-revoke", "is revoked", "revoke it?"};
	return change_run(argc, argv, &c);
}
