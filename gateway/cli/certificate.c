/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/certificate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/secret.h"
#include "gateway/cli/ca.h"
#include "gateway/cli/check.h"
#include "gateway/cli/cli.h"

enum { KEY_FILE_MAX = 16384 };

static const struct install_mode everybody = {0, 0644}, root_only = {0, 0600};

/* The key first: a certificate without key would stand in the way of the next run as much as a key without certificate. */
static int put_pair(struct install *in, const char *certificate_path, const char *key_path, const struct ca_pair *p,
	struct install_mode key_mode)
{
	int made = install_file(in, key_path, p->key, key_mode);
	if (made < 0)
		return made;
	int error = install_file(in, certificate_path, p->certificate, everybody);
	if (error < 0 && made == 1)
		unlink(key_path);
	return error < 0 ? error : 0;
}

/* One of two files that only make sense together is there. */
static int say_half(const char *there, const char *missing)
{
	cli_fail(CLI_FAILED, "put the missing file there, or move the other away, then run this again",
		"%s is there, but %s is not", there, missing);
	return -EINVAL;
}

int certificate_authority(struct ca_pair *out)
{
	char key[KEY_FILE_MAX + 1], why[512];
	struct ca_pair ca = {0};
	ssize_t n = secret_read_file(PATH_CA_KEY, key, KEY_FILE_MAX, why, sizeof why);
	if (n < 0) {
		cli_fail(CLI_FAILED, "then run this again", "%s", why);
		return (int)n;
	}
	key[n] = '\0';
	int error = cli_read(PATH_CA_CERT, &ca.certificate);
	ca.key = strdup(key);
	secret_wipe(key, sizeof key);
	if (!error && !ca.key)
		error = -ENOMEM;
	if (error) {
		cli_fail(CLI_FAILED, "mend the file, then run this again", PATH_CA_CERT " cannot be read: %s", strerror(-error));
		ca_pair_clear(&ca);
		return error;
	}
	*out = ca;
	return 0;
}

/* The trial CA: the one that is there, or a new one. */
static int ca_get(struct install *in, const struct ca_subject *subject, struct ca_pair *ca)
{
	bool certificate = install_present(PATH_CA_CERT), key = install_present(PATH_CA_KEY);
	if (certificate != key)
		return certificate ? say_half(PATH_CA_CERT, PATH_CA_KEY) : say_half(PATH_CA_KEY, PATH_CA_CERT);
	if (!certificate && ca_new(subject, ca)) {
		cli_fail(CLI_FAILED, "is OpenSSL whole? openssl version -a", "no certification authority could be made");
		return -EIO;
	}
	if (!certificate)
		return put_pair(in, PATH_CA_CERT, PATH_CA_KEY, ca, root_only);
	int error = certificate_authority(ca);
	if (!error)
		error = install_keep(in, PATH_CA_CERT);
	return error ? error : install_keep(in, PATH_CA_KEY);
}

/* A certificate for the portal; says what is wrong. */
static int issue(const struct ca_pair *ca, const struct ca_subject *subject, struct ca_pair *leaf)
{
	int error = ca_issue(ca, subject, leaf);
	if (error == -EPERM)
		cli_fail(CLI_FAILED, "sekisho ca renew --authority makes a new one, which the phones must then be given",
			"the authority in " PATH_CA_CERT " has ended or was made for another portal-name or network than %s",
			subject->name);
	else if (error)
		cli_fail(CLI_FAILED, "do " PATH_CA_CERT " and " PATH_CA_KEY " belong together?",
			"the authority could not sign a certificate");
	return error;
}

static int put_new(struct install *in, const struct settings *s, gid_t portal)
{
	const struct ca_subject subject = {s->portal_name, s->gateway4, s->gateway6};
	struct ca_pair ca = {0}, leaf = {0};
	int error = ca_get(in, &subject, &ca);
	if (error)
		goto out;
	error = issue(&ca, &subject, &leaf);
	if (!error)
		error = put_pair(in, PATH_TLS_CERT, PATH_TLS_KEY, &leaf, (struct install_mode){portal, 0640});
out:
	ca_pair_clear(&ca);
	ca_pair_clear(&leaf);
	return error;
}

int certificate_install(struct install *in, const struct settings *s, gid_t portal)
{
	int error = install_dir(in, PATH_CONFIG_DIR "/tls", (struct install_mode){0, 0755});
	bool certificate = install_present(PATH_TLS_CERT), key = install_present(PATH_TLS_KEY);
	if (error < 0)
		return error;
	if (certificate != key)
		return certificate ? say_half(PATH_TLS_CERT, PATH_TLS_KEY) : say_half(PATH_TLS_KEY, PATH_TLS_CERT);
	if (!certificate)
		return put_new(in, s, portal);
	error = install_keep(in, PATH_TLS_CERT);
	return error ? error : install_keep(in, PATH_TLS_KEY);
}

/* Keys first: what is left after an interruption is mended by another run. */
static int replace_pair(const char *certificate_path, const char *key_path, const struct ca_pair *p, struct install_mode key_mode)
{
	int error = install_replace(key_path, p->key, key_mode);
	return error ? error : install_replace(certificate_path, p->certificate, everybody);
}

int certificate_renew(const struct settings *s, gid_t portal, bool anew)
{
	const struct ca_subject subject = {s->portal_name, s->gateway4, s->gateway6};
	struct ca_pair ca = {0}, leaf = {0};
	int error = anew ? ca_new(&subject, &ca) : certificate_authority(&ca);
	if (error && anew)
		cli_fail(CLI_FAILED, "is OpenSSL whole? openssl version -a", "no certification authority could be made");
	if (!error)
		error = issue(&ca, &subject, &leaf);
	if (!error && anew)
		error = replace_pair(PATH_CA_CERT, PATH_CA_KEY, &ca, root_only);
	if (!error)
		error = replace_pair(PATH_TLS_CERT, PATH_TLS_KEY, &leaf, (struct install_mode){portal, 0640});
	ca_pair_clear(&ca);
	ca_pair_clear(&leaf);
	return error;
}
