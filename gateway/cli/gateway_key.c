/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `sekisho gateway-key`: the gateway's own key gives way to another. One interface has one key, so there is a moment from which
 * the next one counts. Until then phones are given, beside the tunnel that they use, one that has the gateway's next key.
 */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/key.h"
#include "common/secret.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/install.h"
#include "gateway/cli/option.h"

enum { KEY_LINE = KEY_TEXT + 1 };

static const char restart[] = "systemctl restart sekisho-gateway";

static int words_parse(int argc, char **argv, bool *yes)
{
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "yes", .flag = yes}};
	int code = option_parse(argc, argv, specs, yes ? 1 : 0, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	if (!code && geteuid() != 0)
		code = cli_fail(CLI_FAILED, "use sudo", "only root may make and read the gateway's keys");
	return code;
}

/* A key that is there and is whole. An exit code; the caller wipes `out`. */
static int key_load(const char *path, const char *hint, struct key *out)
{
	char why[512];
	if (!install_present(path))
		return cli_fail(CLI_FAILED, hint, "there is no %s", path);
	return key_read_file(path, out, why, sizeof why) ? cli_fail(CLI_FAILED, NULL, "%s", why) : CLI_OK;
}

/* Writes a key where another may stand: whoever reads sees the one or the other. An exit code. */
static int key_store(const char *path, const struct key *key)
{
	char text[KEY_LINE];
	const struct group *group = getgrnam(USER_GATEWAY);
	if (!group)
		return cli_fail(CLI_FAILED, "sekisho setup --check", "there is no group " USER_GATEWAY);
	key_format(key, text);
	memcpy(text + KEY_TEXT - 1, "\n", 2);
	int error = install_replace(path, text, (struct install_mode){group->gr_gid, 0640});
	secret_wipe(text, sizeof text);
	return error ? CLI_FAILED : CLI_OK;
}

/* What is done, is done; the gateway puts on record that it was. A NULL key: it could not be read. An exit code. */
static int record(const char *act, const struct key *key)
{
	struct key public_key;
	char text[KEY_TEXT];
	json_t *end = NULL, *request = json_pack("{s:s, s:s}", "verb", "gateway-key", "act", act);
	if (key && key_public(key, &public_key) == 0)
		(void)json_object_set_new(request, "public_key", json_string(key_format(&public_key, text)));
	int code = client_ask(request, NULL, &end);
	json_decref(end);
	if (!code)
		return code;
	(void)fprintf(stderr,
		"The key is %s all the same; audit.jsonl has no line about that. Its gateway-started says which key the "
		"gateway has.\n",
		act);
	return code == CLI_UNREACHABLE ? CLI_OK : code;
}

static int say(const char *done, const struct key *key, const char *next)
{
	struct key public_key;
	char text[KEY_TEXT];
	if (key_public(key, &public_key))
		return cli_fail(CLI_FAILED, "is OpenSSL whole? openssl list -public-key-algorithms", "the key cannot be used");
	key_format(&public_key, text);
	if (cli_json)
		return cli_print_json(json_pack("{s:s, s:s}", "public_key", text, "next", next));
	printf("%s %s.\nNext: %s\n", done, text, next);
	return CLI_OK;
}

int gateway_key_verb_next(int argc, char **argv)
{
	struct key key;
	int code = words_parse(argc, argv, NULL);
	const bool there = !code && install_present(PATH_TUNNEL_KEY_NEXT);
	if (there)
		code = key_load(PATH_TUNNEL_KEY_NEXT, NULL, &key);
	else if (!code && key_generate(&key))
		code = cli_fail(CLI_FAILED, "is OpenSSL whole? openssl list -public-key-algorithms", "no key could be made");
	if (!code && !there)
		code = key_store(PATH_TUNNEL_KEY_NEXT, &key);
	if (!code && !there)
		code = record("prepared", &key);
	if (!code)
		code = say(there ? "The gateway's next key is there already:" : "The gateway's next key is made:", &key,
			"sekisho device rotate ID --next-gateway-key --within 60d, for each device; then sekisho gateway-key "
			"switch");
	secret_wipe(&key, sizeof key);
	return code;
}

/* `from` comes in force; what was stays in `keep`. Cut short anywhere, the one or the other is in force, whole, and neither is
 * lost. */
static int change_over(const char *from, const char *keep, const char *hint, const char *act)
{
	struct key now, coming;
	int code = key_load(from, hint, &coming);
	if (!code)
		code = key_load(PATH_TUNNEL_KEY, "sekisho setup --check", &now);
	if (!code && key_equal(&now, &coming))
		code = cli_fail(CLI_FAILED, "if a switch or a going back was cut short, run that again",
			"%s holds the key that is in force", from);
	if (!code)
		code = key_store(keep, &now);
	if (!code && install_move(from, PATH_TUNNEL_KEY))
		code = CLI_FAILED;
	if (!code)
		code = record(act, &coming);
	if (!code)
		code = say("From the gateway's next start on its key is", &coming, restart);
	secret_wipe(&now, sizeof now);
	secret_wipe(&coming, sizeof coming);
	return code;
}

static int change_verb(
	int argc, char **argv, const char *from, const char *keep, const char *hint, const char *act, const char *question)
{
	bool yes = false;
	int code = words_parse(argc, argv, &yes);
	if (code)
		return code;
	if (!yes && cli_interactive() && !cli_confirm("%s", question))
		return cli_fail(CLI_FAILED, NULL, "nothing was changed");
	return change_over(from, keep, hint, act);
}

int gateway_key_verb_switch(int argc, char **argv)
{
	return change_verb(argc, argv, PATH_TUNNEL_KEY_NEXT, PATH_TUNNEL_KEY_FORMER, "sekisho gateway-key next", "switched",
		"Switch to the gateway's next key? Phones that have no tunnel for it are shut out from the restart on.");
}

int gateway_key_verb_back(int argc, char **argv)
{
	return change_verb(argc, argv, PATH_TUNNEL_KEY_FORMER, PATH_TUNNEL_KEY_NEXT,
		"there was no switch, or discard came after it", "taken-back",
		"Go back to the gateway's former key? Phones that came with the present one are shut out from the restart on.");
}

/* Deletes a key, if it is there, and adds its path to `gone`. An exit code. */
static int key_discard(const char *path, json_t *gone)
{
	char why[512];
	struct key key = {0};
	const bool readable = install_present(path) && key_read_file(path, &key, why, sizeof why) == 0;
	int code = CLI_OK;
	if (unlink(path) == 0) {
		(void)json_array_append_new(gone, json_string(path));
		code = record("discarded", readable ? &key : NULL);
	} else if (errno != ENOENT) {
		code = cli_fail(CLI_FAILED, NULL, "%s cannot be deleted: %s", path, strerror(errno));
	}
	secret_wipe(&key, sizeof key);
	return code;
}

int gateway_key_verb_discard(int argc, char **argv)
{
	static const char *const paths[] = {PATH_TUNNEL_KEY_NEXT, PATH_TUNNEL_KEY_FORMER};
	bool yes = false;
	json_t *gone = json_array();
	int code = words_parse(argc, argv, &yes);
	if (!code && !yes && cli_interactive() &&
		!cli_confirm("Delete the gateway's next and former keys? Tunnels made for them never work again."))
		code = cli_fail(CLI_FAILED, NULL, "nothing was changed");
	for (size_t i = 0; i < sizeof paths / sizeof *paths && !code; i++)
		code = key_discard(paths[i], gone);
	if (!code && cli_json)
		return cli_print_json(json_pack("{s:o}", "deleted", gone));
	for (size_t i = 0; i < json_array_size(gone); i++)
		printf("deleted %s\n", json_string_value(json_array_get(gone, i)));
	json_decref(gone);
	return code;
}
