/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/check.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
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
#include "config/policy.h"
#include "config/settings.h"
#include "gateway/cli/aclset.h"
#include "gateway/cli/ca.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/skeleton.h"
#include "gateway/hook.h"

enum { TEXT_MAX = 1024, KEY_FILE_MAX = 16384 };

#define HINT_SETUP "sekisho setup"
#define HINT_CERTIFICATE                                                                                                         \
	"get a new certificate from your authority; or move " PATH_TLS_CERT " and " PATH_TLS_KEY " away and run `sekisho setup`"

void check_add(struct check *c, const char *hint, const char *format, ...)
{
	char text[TEXT_MAX], safe[TEXT_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!c->problems)
		c->problems = json_array();
	json_array_append_new(c->problems, json_pack("{s:s, s:s?}", "what", text_safe(text, safe, sizeof safe), "hint", hint));
	c->count++;
}

void check_clear(struct check *c)
{
	json_decref(c->problems);
	*c = (struct check){0};
}

void check_print(const struct check *c)
{
	const json_t *problem;
	size_t i;
	json_array_foreach(c->problems, i, problem)
	{
		cli_fail(CLI_FAILED, json_string_value(json_object_get(problem, "hint")), "%s", cli_text(problem, "what"));
	}
}

void check_users(struct check *c)
{
	static const char *const users[] = {USER_GATEWAY, USER_PORTAL};
	static const char *const groups[] = {USER_GATEWAY, USER_PORTAL, GROUP_LOGS};
	char missing[TEXT_MAX / 2] = "";
	size_t used = 0;
	for (size_t i = 0; i < sizeof users / sizeof *users; i++)
		if (!getpwnam(users[i]))
			used += (size_t)snprintf(missing + used, sizeof missing - used, " user %s,", users[i]);
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (!getgrnam(groups[i]))
			used += (size_t)snprintf(missing + used, sizeof missing - used, " group %s,", groups[i]);
	if (!used)
		return;
	missing[used - 1] = '\0';
	check_add(c, "systemd-sysusers  (it reads /usr/lib/sysusers.d/sekisho.conf, which comes with the package)", "missing:%s",
		missing);
}

static void check_diag(struct check *c, const struct diag *d, const char *hint)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct diag_entry *e = &d->entries[i];
		if (e->level != DIAG_ERROR)
			continue;
		if (e->line)
			check_add(c, hint, "%s:%u:%u: %s", e->file, e->line, e->column, e->text);
		else
			check_add(c, hint, "%s: %s", e->file, e->text);
	}
	if (d->dropped)
		check_add(c, hint, "and %zu more mistakes", d->dropped);
}

/* Can the user read the file, by its mode alone? Folders above it must be open to the user as well. */
static void check_reader(struct check *c, const char *path, const char *user, const char *group)
{
	struct stat st;
	char hint[TEXT_MAX];
	const struct passwd *pw = getpwnam(user);
	const struct group *gr = getgrnam(group);
	if (!pw || !gr || stat(path, &st))
		return; /* said elsewhere */
	mode_t need = S_ISDIR(st.st_mode) ? 5 : 4;
	mode_t have = st.st_uid == pw->pw_uid ? st.st_mode >> 6 : st.st_gid == gr->gr_gid ? st.st_mode >> 3 : st.st_mode;
	if ((have & need) == need)
		return;
	snprintf(hint, sizeof hint, "chgrp %s %s; chmod g+r%s %s", group, path, S_ISDIR(st.st_mode) ? "x" : "", path);
	check_add(c, hint, "%s cannot be read by user %s", path, user);
}

static void check_tunnel_key(struct check *c)
{
	struct key key;
	char why[TEXT_MAX];
	if (access(PATH_TUNNEL_KEY, F_OK) && errno == ENOENT)
		check_add(c, HINT_SETUP, PATH_TUNNEL_KEY " is missing");
	else if (key_read_file(PATH_TUNNEL_KEY, &key, why, sizeof why))
		check_add(c, "the phones know this key: mend the file rather than making a new one", "%s", why);
	secret_wipe(&key, sizeof key);
	check_reader(c, PATH_TUNNEL_KEY, USER_GATEWAY, USER_GATEWAY);
}

static void on_certificate(void *arg, const char *what)
{
	check_add(arg, HINT_CERTIFICATE, PATH_TLS_CERT " %s", what);
}

static void check_certificate(struct check *c, const struct settings *s)
{
	char key[KEY_FILE_MAX + 1], why[TEXT_MAX];
	char *certificate = NULL;
	const struct ca_subject subject = {s->portal_name, s->gateway4, s->gateway6};
	if ((access(PATH_TLS_CERT, F_OK) && errno == ENOENT) || (access(PATH_TLS_KEY, F_OK) && errno == ENOENT)) {
		check_add(c, HINT_SETUP " makes a trial certificate when both are missing; or install your own",
			PATH_TLS_CERT " or " PATH_TLS_KEY " is missing");
		return;
	}
	ssize_t n = secret_read_file(PATH_TLS_KEY, key, KEY_FILE_MAX, why, sizeof why);
	if (n < 0)
		check_add(c, NULL, "%s", why);
	else
		key[n] = '\0';
	int error = cli_read(PATH_TLS_CERT, &certificate);
	if (error)
		check_add(c, HINT_CERTIFICATE, PATH_TLS_CERT " cannot be read: %s", strerror(-error));
	else
		ca_judge(certificate, n < 0 ? NULL : key, &subject, on_certificate, c);
	free(certificate);
	secret_wipe(key, sizeof key);
	check_reader(c, PATH_TLS_KEY, USER_PORTAL, USER_PORTAL);
	check_reader(c, PATH_TLS_CERT, USER_PORTAL, USER_PORTAL);
}

static void check_ca_key(struct check *c)
{
	struct stat st;
	if (!lstat(PATH_CA_KEY, &st) && (st.st_uid != 0 || (st.st_mode & 077)))
		check_add(c, "chown root:root " PATH_CA_KEY "; chmod 600 " PATH_CA_KEY,
			PATH_CA_KEY " can be read by others than root");
}

static bool has_line(const char *text, const char *line)
{
	size_t size = strlen(line);
	while (text) {
		if (!strncmp(text, line, size) && (text[size] == '\n' || text[size] == '\0'))
			return true;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return false;
}

/* Has the drop-in of a socket each of its lines for both addresses? `kinds`: as skeleton_listen() takes them, the second may be
 * NULL. */
static void check_dropin(
	struct check *c, const struct settings *s, const char *path, const char *const kinds[static 2], uint16_t port)
{
	const struct addr *const addresses[] = {&s->gateway4, &s->gateway6};
	char *text = NULL, line[SKELETON_LISTEN];
	int error = cli_read(path, &text);
	if (error) {
		check_add(c, HINT_SETUP, "%s cannot be read: %s", path, strerror(-error));
		return;
	}
	for (size_t i = 0; i < 4; i++) {
		const struct addr *address = addresses[i / 2];
		const char *kind = kinds[i % 2];
		if (kind && address->family && !has_line(text, skeleton_listen(kind, address, port, line)))
			check_add(c,
				"put that line there; or remove the file and run `sekisho setup`; then systemctl daemon-reload",
				"%s lacks the line %s", path, line);
	}
	free(text);
}

static void check_dns(struct check *c, const struct settings *s)
{
	static const char *const kinds[] = {"ListenDatagram", "ListenStream"};
	if (!s->portal_dns)
		return;
	check_dropin(c, s, PATH_DNS_DROPIN, kinds, SKELETON_DNS_PORT);
	if (access(PATH_DNS_SERVER, X_OK))
		check_add(c, "apt install unbound; systemctl disable --now unbound  (sekisho-dns.service starts its own)",
			"portal-dns needs " PATH_DNS_SERVER ", which is not there");
	if (!getpwnam(USER_DNS))
		check_add(c, "systemd-sysusers", "missing: user " USER_DNS);
}

static void check_pam(struct check *c)
{
	if (access(PATH_PAM_SERVICE_ETC, R_OK) && access(PATH_PAM_SERVICE_USR, R_OK))
		check_add(c, HINT_SETUP, "there is no PAM service " PATH_PAM_SERVICE_ETC ": who may log in is not decided");
}

static void check_acl(struct check *c)
{
	struct diag d = diag_new();
	struct policy *p = NULL;
	int error = aclset_load(NULL, PATH_ACL_DIR, &p, &d);
	check_diag(c, &d, error == -ENOENT ? HINT_SETUP : "sekisho acl check  shows the lines");
	policy_unref(p);
	diag_free(&d);
	check_reader(c, PATH_ACL_DIR, USER_GATEWAY, USER_GATEWAY);
}

void check_all(struct check *c)
{
	static const char *const page[] = {"ListenStream", NULL};
	struct diag d = diag_new();
	struct settings s;
	check_users(c);
	int error = settings_load(PATH_CONFIG, &s, &d);
	if (!error)
		(void)hook_settings_check(PATH_CONFIG, &s, &d);
	check_diag(c, &d, error == -ENOENT ? HINT_SETUP : "edit " PATH_CONFIG "; man sekisho.conf");
	diag_free(&d);
	check_tunnel_key(c);
	if (!error) {
		check_certificate(c, &s);
		check_dropin(c, &s, PATH_PORTAL_DROPIN, page, s.portal_port);
		check_dns(c, &s);
	}
	check_ca_key(c);
	check_pam(c);
	check_acl(c);
}
