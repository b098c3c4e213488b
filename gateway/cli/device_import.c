/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `sekisho device import`: registers what a table lists, all of it or none. The keys of phones that have none yet are made here,
 * as `device add` does, and go into a new folder with a configuration for each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/key.h"
#include "common/secret.h"
#include "common/text.h"
#include "config/input.h"
#include "config/settings.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/details.h"
#include "gateway/cli/device_csv.h"
#include "gateway/cli/handover.h"
#include "gateway/cli/option.h"
#include "gateway/cli/phone.h"

struct import {
	const char *dir;
	bool dry_run, png, no_psk;
	json_t *devices;
	struct key *keys; /* private; all zero where the phone has its own */
	size_t count, made;
};

/* ---- the table ---- */

static int file_read(const char *path, struct import *im)
{
	struct diag d = diag_new();
	char *text = NULL, *room = NULL;
	size_t size = 0;
	int error = input_read(AT_FDCWD, path, true, &text, &size);
	if (!error && !(room = realloc(text, size + 1)))
		error = -ENOMEM;
	if (error)
		input_complain(&d, path, error);
	text = room ? room : text;
	if (room)
		im->devices = device_csv_read(path, text, size, details_required(), &d);
	free(text);
	char *said = diag_render(&d);
	cli_lines(stderr, said ? said : "");
	free(said);
	diag_free(&d);
	return im->devices ? CLI_OK
			   : cli_fail(CLI_FAILED, "mend what is shown; sekisho(8) lists the columns",
				     "%s cannot be imported: no device was added", path);
}

/* ---- keys ---- */

static int keys_make(struct import *im)
{
	json_t *device;
	size_t i;
	im->count = json_array_size(im->devices);
	im->keys = calloc(im->count, sizeof *im->keys);
	if (!im->keys)
		return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	json_array_foreach(im->devices, i, device)
	{
		struct key public_key;
		char text[KEY_TEXT];
		(void)json_object_set_new(device, "preshared", json_boolean(!im->no_psk));
		if (json_object_get(device, "public_key"))
			continue;
		if (key_generate(&im->keys[i]) || key_public(&im->keys[i], &public_key))
			return cli_fail(
				CLI_FAILED, "is OpenSSL whole? openssl list -public-key-algorithms", "no key could be made");
		(void)json_object_set_new(device, "public_key", json_string(key_format(&public_key, text)));
		im->made++;
	}
	return CLI_OK;
}

/* ---- the folder ---- */

static int folder_make(const struct import *im)
{
	if (im->dry_run || !im->dir)
		return CLI_OK;
	if (mkdir(im->dir, 0700) == 0)
		return CLI_OK;
	return cli_fail(CLI_FAILED, "name a folder that does not exist yet, where you may write",
		"cannot make %s: %s; no device was added", im->dir, strerror(errno));
}

static int device_write(const struct import *im, size_t i, const json_t *row, const json_t *server)
{
	char conf[4096], png[4096];
	const char *what;
	struct phone p;
	struct handover out = {.paths = {conf, im->png ? png : NULL}, .quiet = true, .no_private_key = key_is_zero(&im->keys[i])};
	const char *id = cli_text(json_object_get(row, "device"), "id");
	json_t *end = json_pack("{s:O, s:O, s:O}", "device", json_object_get(row, "device"), "preshared_key",
		json_object_get(row, "preshared_key"), "server", server);
	if (out.no_private_key)
		out.paths[HANDOVER_PNG] = NULL;
	snprintf(conf, sizeof conf, "%s/%.*s.conf", im->dir, DEVICE_ID_TEXT, id);
	snprintf(png, sizeof png, "%s/%.*s.png", im->dir, DEVICE_ID_TEXT, id);
	int failed = strchr(id, '/') || phone_read(end, out.no_private_key ? NULL : &im->keys[i], &p, &what);
	if (!failed) {
		failed = handover_open(&out) || handover_run(&out, &p, end);
		handover_drop(&out);
		secret_wipe(&p, sizeof p);
	}
	json_decref(end);
	return failed ? cli_fail(CLI_FAILED, "revoke it (sekisho device revoke), then add the phone again",
				"device %s was added, but its configuration could not be written", id)
		      : CLI_OK;
}

/* ---- the answer ---- */

static void say_mistakes(const char *path, const json_t *mistakes)
{
	const json_t *mistake;
	char line[1024];
	size_t i;
	json_array_foreach(mistakes, i, mistake)
	{
		snprintf(line, sizeof line, "%s:%" JSON_INTEGER_FORMAT ":1: error: %s", path,
			json_integer_value(json_object_get(mistake, "row")), cli_text(mistake, "text"));
		cli_lines(stderr, line);
	}
}

static int tell(const struct import *im, const json_t *rows)
{
	const json_t *row;
	size_t i;
	if (im->dry_run) {
		printf("%zu devices could be added; nothing was.\n", im->count);
		return CLI_OK;
	}
	json_array_foreach(rows, i, row)
	{
		const json_t *d = json_object_get(row, "device");
		char users[HANDOVER_USERS], label[LABEL_MAX * TEXT_SAFE_GROWTH];
		printf("%s  %s  %s\n", cli_text(d, "id"), cli_join(d, "users", users, sizeof users),
			text_safe(cli_text(d, "label"), label, sizeof label));
	}
	printf("%zu devices are added.\n", im->count);
	if (im->dir)
		printf("Their configurations are in %s: they hold the phones' keys, delete each when its phone has it.\n",
			im->dir);
	return CLI_OK;
}

static int finish(const struct import *im, json_t *rows, const json_t *end)
{
	json_t *row;
	size_t i;
	int code = json_array_size(rows) == (im->dry_run ? 0 : im->count)
			   ? CLI_OK
			   : cli_fail(CLI_FAILED, "sekisho device list", "the gateway's answer is not complete");
	json_array_foreach(rows, i, row)
	{
		if (im->dir && i < im->count && device_write(im, i, row, json_object_get(end, "server")))
			code = CLI_FAILED;
		(void)json_object_del(row, "preshared_key");
	}
	if (cli_json)
		return cli_print_json(json_pack("{s:O, s:b}", "devices", rows, "dry_run", im->dry_run)) ? CLI_FAILED : code;
	const int told = tell(im, rows);
	return code ? code : told;
}

static int run(struct import *im, const char *path)
{
	json_t *rows = NULL, *end = NULL, *mistakes = NULL;
	int code = file_read(path, im);
	if (!code)
		code = keys_make(im);
	if (!code && im->made && !im->dir && !im->dry_run)
		code = cli_usage(
			"%zu devices have no public_key: where should the configurations with their keys go? --conf-dir DIR",
			im->made);
	if (!code)
		code = folder_make(im);
	if (code)
		return code;
	code = client_ask_long(
		json_pack("{s:s, s:O, s:b}", "verb", "device-import", "devices", im->devices, "dry_run", im->dry_run), &rows,
		&end, &mistakes);
	say_mistakes(path, mistakes);
	if (!code)
		code = finish(im, rows, end);
	else if (im->dir && !im->dry_run)
		(void)rmdir(im->dir);
	json_decref(mistakes);
	json_decref(rows);
	json_decref(end);
	return code;
}

int device_verb_import(int argc, char **argv)
{
	struct import im = {0};
	struct option_words rest = {0};
	const struct option_spec specs[] = {{.name = "dry-run", .flag = &im.dry_run}, {.name = "conf-dir", .value = &im.dir},
		{.name = "png", .flag = &im.png}, {.name = "no-psk", .flag = &im.no_psk}};
	prctl(PR_SET_DUMPABLE, 0);
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 1, 1, "FILE");
	if (!code && im.png && !im.dir)
		code = cli_usage("--png goes with --conf-dir DIR");
	if (!code)
		code = run(&im, rest.items[0]);
	if (im.keys)
		secret_wipe(im.keys, im.count * sizeof *im.keys);
	free(im.keys);
	json_decref(im.devices);
	return code;
}
