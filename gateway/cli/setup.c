/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `sekisho setup`: everything that a gateway needs below /etc, made once; a second run finds it all and changes nothing. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/paths.h"
#include "common/key.h"
#include "common/secret.h"
#include "common/text.h"
#include "gateway/cli/certificate.h"
#include "gateway/cli/check.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/cli/install.h"
#include "gateway/cli/option.h"
#include "gateway/cli/plan.h"
#include "gateway/cli/skeleton.h"

enum { STEPS = 3, STEP_TEXT = 512 };

static const struct install_mode everybody_dir = {0, 0755}, everybody = {0, 0644};

struct setup {
	struct install install;
	struct settings settings;
	gid_t gateway, portal;
};

/* Installs a text made by skeleton.c and frees it. 0 or -errno, said. */
static int put(struct setup *s, const char *path, char *text, struct install_mode m)
{
	if (!text) {
		cli_fail(CLI_FAILED, "free some memory and run it again", "out of memory");
		return -ENOMEM;
	}
	int made = install_file(&s->install, path, text, m);
	secret_wipe(text, strlen(text));
	free(text);
	return made < 0 ? made : 0;
}

static int put_dir(struct setup *s, const char *path, struct install_mode m)
{
	int made = install_dir(&s->install, path, m);
	return made < 0 ? made : 0;
}

static int say_mistakes(const struct diag *d)
{
	char *text = diag_render(d);
	cli_lines(stderr, text ? text : "");
	free(text);
	return cli_fail(
		CLI_FAILED, "edit " PATH_CONFIG ", then run this again", PATH_CONFIG " has mistakes: nothing was changed");
}

/* Settings from the file that is there, or from people for a new one. Returns an exit code. */
static int put_config(struct setup *s, const struct plan_options *o)
{
	char *config = NULL;
	int code = CLI_OK;
	if (install_present(PATH_CONFIG)) {
		struct diag d = diag_new();
		if (settings_load(PATH_CONFIG, &s->settings, &d))
			code = say_mistakes(&d);
		else if (plan_given(o))
			fputs("note: " PATH_CONFIG " is there: the options are not used, edit the file instead\n", stderr);
		diag_free(&d);
		return code ? code : install_keep(&s->install, PATH_CONFIG) ? CLI_FAILED : CLI_OK;
	}
	code = plan_make(o, &config, &s->settings);
	if (!code && put_dir(s, PATH_CONFIG_DIR, everybody_dir))
		code = CLI_FAILED;
	if (!code)
		return put(s, PATH_CONFIG, config, everybody) ? CLI_FAILED : CLI_OK;
	free(config);
	return code;
}

static int put_tunnel_key(struct setup *s)
{
	struct key key;
	char text[KEY_TEXT + 1];
	int error = key_generate(&key);
	if (error) {
		cli_fail(CLI_FAILED, "is OpenSSL whole? openssl list -public-key-algorithms", "no key could be made");
		return error;
	}
	key_format(&key, text);
	memcpy(text + KEY_TEXT - 1, "\n", 2);
	int made = install_file(&s->install, PATH_TUNNEL_KEY, text, (struct install_mode){s->gateway, 0640});
	secret_wipe(&key, sizeof key);
	secret_wipe(text, sizeof text);
	return made < 0 ? made : 0;
}

static int put_acl(struct setup *s)
{
	static const char *const dirs[] = {PATH_ACL_DIR, PATH_ACL_DIR "/groups", PATH_ACL_DIR "/users", PATH_ACL_DIR "/devices"};
	const struct install_mode dir = {s->gateway, 0750}, file = {s->gateway, 0640};
	int error = 0;
	for (size_t i = 0; !error && i < sizeof dirs / sizeof *dirs; i++)
		error = put_dir(s, dirs[i], dir);
	if (!error)
		error = put(s, PATH_ACL_DIR "/systems.acl", skeleton_systems(), file);
	return error ? error : put(s, PATH_ACL_DIR "/devices/private.acl", skeleton_private(), file);
}

static int put_pam(struct setup *s)
{
	bool debian = install_present("/etc/pam.d/common-auth");
	if (install_present(PATH_PAM_SERVICE_USR))
		return install_keep(&s->install, PATH_PAM_SERVICE_USR);
	if (!debian && !install_present("/etc/pam.d/system-auth") && !install_present(PATH_PAM_SERVICE_ETC)) {
		cli_fail(CLI_FAILED, "write " PATH_PAM_SERVICE_ETC " yourself, with auth and account lines, then run this again",
			"/etc/pam.d has neither common-auth nor system-auth: who may log in cannot be guessed");
		return -ENOENT;
	}
	return put(s, PATH_PAM_SERVICE_ETC, skeleton_pam(debian), everybody);
}

/* A drop-in in its folder; frees the text. */
static int put_dropin(struct setup *s, const char *path, char *text)
{
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
	int error = put_dir(s, dir, everybody_dir);
	if (!error)
		return put(s, path, text, everybody);
	free(text);
	return error;
}

static int put_sockets(struct setup *s)
{
	/* A machine that was never booted with systemd may lack even these. */
	(void)mkdir("/etc/systemd", 0755);
	(void)mkdir("/etc/systemd/system", 0755);
	int error = put_dropin(s, PATH_PORTAL_DROPIN, skeleton_socket(&s->settings));
	if (error || !s->settings.portal_dns)
		return error;
	return put_dropin(s, PATH_DNS_DROPIN, skeleton_dns_socket(&s->settings));
}

/* What to do next, in three steps. */
static int tell_next(struct setup *s)
{
	const struct settings *c = &s->settings;
	char steps[STEPS][STEP_TEXT], v4[ADDR_TEXT], v6[ADDR_TEXT];
	snprintf(steps[0], STEP_TEXT,
		"Let the DNS servers answer %s with %s%s%s; say who may reach what in " PATH_ACL_DIR
		" (man sekisho-acl), then: sekisho setup --check",
		c->portal_name, addr_format(&c->gateway4, v4), c->gateway6.family ? " and " : "",
		c->gateway6.family ? addr_format(&c->gateway6, v6) : "");
	snprintf(steps[1], STEP_TEXT, "systemctl daemon-reload; systemctl enable --now %ssekisho.target; sekisho status",
		c->portal_dns ? "sekisho-dns.socket " : "");
	snprintf(steps[2], STEP_TEXT, "sekisho device add USER%s",
		install_present(PATH_CA_CERT) ? "; phones need " PATH_CA_CERT " as long as the trial certificate is in use" : "");
	if (cli_json) {
		json_t *next = json_array();
		for (size_t i = 0; i < STEPS; i++)
			json_array_append_new(next, json_string(steps[i]));
		return cli_print_json(json_pack("{s:O, s:o}", "files", s->install.report, "next", next));
	}
	puts("\nNext:");
	for (size_t i = 0; i < STEPS; i++)
		printf("  %zu. %s\n", i + 1, steps[i]);
	return CLI_OK;
}

static bool group_id(const char *name, gid_t *out)
{
	const struct group *group = getgrnam(name);
	if (group)
		*out = group->gr_gid;
	return group;
}

static int setup_run(const struct plan_options *o)
{
	struct check c = {0};
	check_users(&c);
	check_print(&c);
	bool incomplete = c.count;
	check_clear(&c);
	struct setup s = {.install = {json_array()}};
	if (incomplete || !group_id(USER_GATEWAY, &s.gateway) || !group_id(USER_PORTAL, &s.portal)) {
		json_decref(s.install.report);
		return CLI_FAILED;
	}
	int code = put_config(&s, o);
	if (!code && (put_tunnel_key(&s) || put_acl(&s) || certificate_install(&s.install, &s.settings, s.portal) ||
			     put_pam(&s) || put_sockets(&s)))
		code = CLI_FAILED;
	if (!code)
		code = tell_next(&s);
	json_decref(s.install.report);
	return code;
}

static int check_run(void)
{
	struct check c = {0};
	check_all(&c);
	int code = c.count ? CLI_FAILED : CLI_OK;
	if (cli_json) {
		json_t *problems = c.problems ? json_incref(c.problems) : json_array();
		int failed = cli_print_json(json_pack("{s:b, s:o}", "ok", !c.count, "problems", problems));
		code = failed ? failed : code;
	} else if (c.count) {
		check_print(&c);
	} else {
		puts("All is in its place: settings, keys, certificate, PAM service, socket, ACLs.");
	}
	check_clear(&c);
	return code;
}

int setup_verb(int argc, char **argv)
{
	struct plan_options o = {0};
	struct option_words rest = {0};
	bool check = false;
	const struct option_spec specs[] = {
		{.name = "endpoint", .value = &o.endpoint},
		{.name = "network4", .value = &o.network4},
		{.name = "network6", .value = &o.network6},
		{.name = "internal", .list = &o.internal},
		{.name = "resolver", .list = &o.resolver},
		{.name = "portal-name", .value = &o.portal_name},
		{.name = "check", .flag = &check},
	};
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &rest);
	if (!code)
		code = option_count(&rest, 0, 0, "");
	if (!code && check && plan_given(&o))
		code = cli_usage("--check changes nothing and takes no values");
	if (!code && geteuid() != 0)
		code = cli_fail(CLI_FAILED, "sudo sekisho setup", "only root may make and read these files");
	if (code)
		return code;
	return check ? check_run() : setup_run(&o);
}
