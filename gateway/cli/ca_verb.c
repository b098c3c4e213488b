/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho ca`: the private authority of trials and small sites, and the login page's certificate. */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "common/secret.h"
#include "common/text.h"
#include "gateway/cli/ca.h"
#include "gateway/cli/ca_facts.h"
#include "gateway/cli/ca_profile.h"
#include "gateway/cli/certificate.h"
#include "gateway/cli/check.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/option.h"
#include "gateway/cli/table.h"

static const int64_t day = INT64_C(86400000000);

/* A certificate's text and what it says. An exit code; the caller frees `pem`. */
static int certificate_read(const char *path, char **pem, struct ca_facts *facts)
{
	int error = cli_read(path, pem);
	if (error)
		return cli_fail(
			CLI_FAILED, "sekisho setup makes what is missing", "%s cannot be read: %s", path, strerror(-error));
	if (ca_facts(*pem, facts))
		return cli_fail(CLI_FAILED, "sekisho setup --check tells more", "%s holds no certificate in PEM form", path);
	return CLI_OK;
}

/* Whole days until then, 0 when it has ended. */
static int64_t days_left(const struct ca_facts *f)
{
	int64_t left = f->until - time_now();
	return left > 0 ? left / day : 0;
}

/* ---- show ---- */

static json_t *facts_json(const char *path, const struct ca_facts *f)
{
	char from[TIME_TEXT], until[TIME_TEXT];
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "file", path, "subject", f->title, "names", f->names, "from",
		time_format(f->from, from), "until", time_format(f->until, until), "days", (json_int_t)days_left(f), "sha256",
		f->fingerprint);
}

static void row(struct table *t, const char *name, const char *value)
{
	table_cell(t, name);
	table_cell(t, value);
}

static int facts_print(const char *path, const struct ca_facts *f, const char *by)
{
	static const struct table_column columns[] = {{0}, {0}};
	char until[TIME_TEXT], line[128];
	struct table *t = table_new(columns, 2);
	snprintf(line, sizeof line, "%.10s, in %lld days", time_format(f->until, until), (long long)days_left(f));
	row(t, "File", path);
	row(t, "Subject", f->title);
	row(t, "For", *f->names ? f->names : "-");
	if (by)
		row(t, "Signed by", by);
	row(t, "Until", f->until > time_now() ? line : "has ended");
	row(t, "SHA-256", f->fingerprint);
	return table_show(t);
}

int ca_verb_show(int argc, char **argv)
{
	struct ca_facts page = {0}, authority = {0};
	char *page_pem = NULL, *authority_pem = NULL;
	bool have = install_present(PATH_CA_CERT);
	int code = option_only(argc, argv, NULL, NULL);
	if (!code)
		code = certificate_read(PATH_TLS_CERT, &page_pem, &page);
	if (!code && have)
		code = certificate_read(PATH_CA_CERT, &authority_pem, &authority);
	bool own = !code && have && ca_signed(page_pem, authority_pem);
	if (!code && cli_json) {
		code = cli_print_json(json_pack("{s:o, s:b, s:o?}", "page", facts_json(PATH_TLS_CERT, &page), "private", own,
			"authority", have ? facts_json(PATH_CA_CERT, &authority) : NULL));
	} else if (!code) {
		puts("The login page's certificate");
		code = facts_print(
			PATH_TLS_CERT, &page, own ? "the authority below" : "another authority, not one of this gateway's");
		if (!code && have) {
			puts("\nThe private authority, which phones must trust while the page's certificate is signed by it");
			code = facts_print(PATH_CA_CERT, &authority, NULL);
		}
	}
	free(page_pem);
	free(authority_pem);
	return code;
}

/* ---- renew ---- */

struct renewal {
	bool authority, yes;
	int64_t within; /* days; -1: whenever */
};

/* Is the page's certificate one that we may replace, and is it time to? An exit code; `due` tells. */
static int renewal_judge(const struct renewal *r, bool *due)
{
	char *pem = NULL, *authority = NULL;
	struct ca_facts page = {0}, own = {0};
	bool have = install_present(PATH_CA_CERT);
	*due = true;
	if (!have && !r->authority)
		return cli_fail(CLI_FAILED, "renew it where it came from; or make an authority: sekisho ca renew --authority",
			"there is no private authority: " PATH_CA_CERT " is missing");
	if (!install_present(PATH_TLS_CERT))
		return CLI_OK;
	int code = certificate_read(PATH_TLS_CERT, &pem, &page);
	if (!code && have)
		code = certificate_read(PATH_CA_CERT, &authority, &own);
	if (!code && r->within >= 0 && days_left(&page) > r->within) {
		*due = false;
		if (!cli_json)
			printf("%s is good for %lld more days: nothing was changed.\n", PATH_TLS_CERT,
				(long long)days_left(&page));
	} else if (!code && !r->yes && !(have && ca_signed(pem, authority))) {
		if (!cli_interactive() || !cli_confirm("The login page's certificate comes from another authority (%s). "
						       "Replace it?",
						  page.title))
			code = cli_fail(CLI_FAILED, "--yes replaces it all the same",
				PATH_TLS_CERT " is not from this gateway's authority: nothing was changed");
	}
	free(pem);
	free(authority);
	return code;
}

static int renewal_options(int argc, char **argv, struct renewal *r)
{
	struct option_words rest = {0};
	const char *within = NULL;
	const struct option_spec specs[] = {{.name = "authority", .flag = &r->authority}, {.name = "yes", .flag = &r->yes},
		{.name = "within", .value = &within}};
	char *end = NULL;
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	r->within = -1;
	if (!code && within) {
		r->within = strtol(within, &end, 10);
		if (!*within || *end || r->within < 0 || r->within > CA_LEAF_DAYS)
			return cli_usage("--within takes a number of days, 0 to %d", CA_LEAF_DAYS);
		if (r->authority)
			return cli_usage("--within and --authority do not go together");
	}
	return code;
}

int ca_verb_renew(int argc, char **argv)
{
	struct renewal r = {0};
	struct settings s;
	bool due = true;
	int code = renewal_options(argc, argv, &r);
	if (!code)
		code = cli_settings(&s);
	const struct group *portal = code ? NULL : getgrnam(USER_PORTAL);
	if (!code && !portal)
		code = cli_fail(CLI_FAILED, "systemd-sysusers makes it", "there is no group " USER_PORTAL);
	if (!code)
		code = renewal_judge(&r, &due);
	if (!code && due && r.authority && !r.yes && install_present(PATH_CA_CERT) &&
		!(cli_interactive() &&
			cli_confirm("With a new authority every phone must be given the new " PATH_CA_CERT ". Make it?")))
		code = cli_fail(CLI_FAILED, "--yes makes it without asking", "nothing was changed");
	if (!code && due && portal && certificate_renew(&s, portal->gr_gid, r.authority))
		code = CLI_FAILED;
	if (code || (!due && !cli_json))
		return code;
	if (cli_json)
		return cli_print_json(json_pack("{s:b}", "renewed", due));
	printf("The login page has a new certificate.\nNext:\n  1. systemctl reload sekisho-portal\n");
	if (r.authority)
		puts("  2. sekisho ca export --ios FILE, --android FILE: install the new authority on the phones");
	return CLI_OK;
}

/* ---- export ---- */

static int export_all(const struct settings *s, const char *pem, const char *ios, const char *android)
{
	const struct ca_profile_words words = {s->label, s->portal_name, s->portal_port};
	unsigned char *der = NULL;
	char *profile = NULL;
	size_t size = 0;
	int code = CLI_OK;
	if ((ios && ca_profile(pem, &words, &profile)) || (android && ca_der(pem, &der, &size)))
		code = cli_fail(
			CLI_FAILED, "is " PATH_CA_CERT " whole? sekisho ca show", "the authority could not be written down");
	if (!code && ios)
		code = install_export(ios, profile, strlen(profile));
	if (!code && android)
		code = install_export(android, der, size);
	free(profile);
	free(der);
	return code;
}

int ca_verb_export(int argc, char **argv)
{
	struct option_words rest = {0};
	const char *ios = NULL, *android = NULL;
	struct settings s;
	struct ca_facts facts = {0};
	char *pem = NULL;
	const struct option_spec specs[] = {{.name = "ios", .value = &ios}, {.name = "android", .value = &android}};
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	if (!code && !ios && !android)
		code = cli_usage("name a file for --ios or --android, or both");
	if (!code)
		code = cli_settings(&s);
	if (!code)
		code = certificate_read(PATH_CA_CERT, &pem, &facts);
	if (!code)
		code = export_all(&s, pem, ios, android);
	if (!code && cli_json)
		code = cli_print_json(
			json_pack("{s:s*, s:s*, s:s}", "ios", ios, "android", android, "sha256", facts.fingerprint));
	else if (!code)
		printf("Compare on the phone before it is trusted:\n  SHA-256 %s\n", facts.fingerprint);
	free(pem);
	return code;
}
