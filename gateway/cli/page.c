/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho page`: where the login page is, for people (as a code to scan) and for what answers its name before a login. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/paths.h"
#include "config/settings.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/install.h"
#include "gateway/cli/option.h"
#include "gateway/cli/qr.h"
#include "gateway/cli/skeleton.h"

enum { ADDRESS_MAX = SETTINGS_PORTAL_HOST + 16 };

/* ---- qr ---- */

static int draw_svg(const struct qr *q, FILE *to)
{
	qr_svg(q, to);
	return 0;
}

/* A picture of the code in a new file. An exit code. */
static int picture(const struct qr *q, int (*draw)(const struct qr *q, FILE *to), const char *path)
{
	char *data = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&data, &size);
	int error = memory ? draw(q, memory) : -ENOMEM;
	if (memory && (ferror(memory) || fclose(memory)))
		error = -ENOMEM;
	int code = error ? cli_fail(CLI_FAILED, "free some memory and run it again", "the code cannot be drawn: %s",
				   strerror(-error))
			 : install_export(path, data, size);
	free(data);
	return code;
}

static int show(const struct qr *q, const char *address, const char *png, const char *svg)
{
	if (cli_json)
		return cli_print_json(json_pack("{s:s, s:s*, s:s*}", "address", address, "png", png, "svg", svg));
	if (!png && !svg && (!cli_columns() || cli_columns() >= qr_columns(q)))
		qr_terminal(q, stdout);
	printf("%s\n", address);
	return CLI_OK;
}

int page_verb_qr(int argc, char **argv)
{
	struct option_words rest = {0};
	struct settings s;
	const char *png = NULL, *svg = NULL;
	char host[SETTINGS_PORTAL_HOST], address[ADDRESS_MAX];
	struct qr *q = NULL;
	const struct option_spec specs[] = {{.name = "png", .value = &png}, {.name = "svg", .value = &svg}};
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	if (!code)
		code = cli_settings(&s);
	if (code)
		return code;
	snprintf(address, sizeof address, "https://%s/", settings_portal_host(&s, host));
	if (qr_encode(address, &q))
		return cli_fail(CLI_FAILED, "free some memory and run it again", "no code can be made of %s", address);
	if (png)
		code = picture(q, qr_png, png);
	if (!code && svg)
		code = picture(q, draw_svg, svg);
	if (!code)
		code = show(q, address, png, svg);
	qr_free(q);
	return code;
}

/* ---- dns ---- */

int page_verb_dns(int argc, char **argv)
{
	struct option_words rest = {0};
	struct settings s;
	const char *output = NULL;
	const struct option_spec specs[] = {{.name = "output", .value = &output}};
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	if (!code)
		code = cli_settings(&s);
	if (!code && !s.portal_dns)
		code = cli_fail(CLI_FAILED,
			"write `portal-dns on` there; or, without it: systemctl disable --now sekisho-dns.socket "
			"sekisho-dns.service",
			"portal-dns is off in " PATH_CONFIG ": the resolvers answer for the login page's name");
	if (code)
		return code;
	char *text = skeleton_dns(&s);
	if (!text)
		return cli_fail(CLI_FAILED, "free some memory and run it again", "out of memory");
	if (output)
		code = install_export(output, text, strlen(text));
	else if (cli_json)
		code = cli_print_json(json_pack("{s:s}", "configuration", text));
	else
		fputs(text, stdout);
	free(text);
	return code;
}
