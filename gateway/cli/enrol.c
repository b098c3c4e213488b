/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `sekisho device add`: registers a phone and hands its configuration over.
 *
 * The phone's key pair is made in this process. Only the public half goes to the gateway; the private half exists nowhere but
 * in what this command shows or writes for the phone: neither the gateway's memory nor its ledger, logs or backups ever
 * hold it, so that nobody who reads them can pass for the phone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/secret.h"
#include "common/text.h"
#include "config/policy.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/client.h"
#include "gateway/cli/command.h"
#include "gateway/cli/option.h"
#include "gateway/cli/phone.h"
#include "gateway/cli/qr.h"

enum output { OUTPUT_CONF, OUTPUT_PNG, OUTPUT_SVG, OUTPUTS };

struct enrolment {
	struct option_words users;
	const char *label, *class, *pubkey, *valid_from, *valid_until;
	bool no_psk, qr, no_qr;
	const char *paths[OUTPUTS]; /* NULL: not wanted; OUTPUT_CONF may be "-" */
	FILE *files[OUTPUTS];
	int64_t from, until;
	struct key private_key, public_key;
};

static bool conf_on_stdout(const struct enrolment *e)
{
	return e->paths[OUTPUT_CONF] && !strcmp(e->paths[OUTPUT_CONF], "-");
}

/* "until a day" means that the day still counts, as in the ACL files. */
static int date_parse(const char *option, const char *text, bool whole_day, int64_t *out)
{
	if (!text)
		return CLI_OK;
	if (time_parse(text, out))
		return cli_usage("--%s %s is no date: YYYY-MM-DD or YYYY-MM-DDTHH:MM is expected", option, text);
	if (whole_day && !strchr(text, 'T')) {
		time_t day = (time_t)(*out / 1000000);
		struct tm tm;
		localtime_r(&day, &tm);
		tm.tm_mday++;
		tm.tm_isdst = -1;
		*out = (int64_t)mktime(&tm) * 1000000;
	}
	return CLI_OK;
}

/* Where does the configuration go? It exists only now, so it must go somewhere, and to one place on standard output. */
static int check_outputs(struct enrolment *e)
{
	bool picture = e->paths[OUTPUT_PNG] || e->paths[OUTPUT_SVG];
	if (e->qr && e->no_qr)
		return cli_usage("--qr and --no-qr contradict each other");
	if (e->pubkey && (e->qr || picture))
		return cli_usage(
			"with --pubkey there is no code to scan: the apps import none without a private key; use --conf FILE");
	if (e->qr + conf_on_stdout(e) + cli_json > 1)
		return cli_usage("of --qr, --conf - and --json only one can go to standard output");
	if (picture || e->paths[OUTPUT_CONF] || cli_json || e->qr)
		return CLI_OK;
	if (!isatty(STDOUT_FILENO) || e->no_qr)
		return cli_usage(
			"where should the configuration go? --conf FILE, --conf -, --png FILE, --svg FILE, --qr or --json");
	if (e->pubkey)
		e->paths[OUTPUT_CONF] = "-";
	else
		e->qr = true;
	return CLI_OK;
}

static int enrol_parse(int argc, char **argv, struct enrolment *e)
{
	const struct option_spec specs[] = {
		{.name = "label", .value = &e->label},
		{.name = "class", .value = &e->class},
		{.name = "pubkey", .value = &e->pubkey},
		{.name = "no-psk", .flag = &e->no_psk},
		{.name = "valid-from", .value = &e->valid_from},
		{.name = "valid-until", .value = &e->valid_until},
		{.name = "conf", .value = &e->paths[OUTPUT_CONF]},
		{.name = "png", .value = &e->paths[OUTPUT_PNG]},
		{.name = "svg", .value = &e->paths[OUTPUT_SVG]},
		{.name = "qr", .flag = &e->qr},
		{.name = "no-qr", .flag = &e->no_qr},
	};
	enum device_class class;
	int code = option_parse(argc, argv, specs, sizeof specs / sizeof *specs, &e->users);
	if (!code)
		code = option_count(&e->users, 1, DEVICE_USERS_MAX, "USER");
	if (!code)
		code = date_parse("valid-from", e->valid_from, false, &e->from);
	if (!code)
		code = date_parse("valid-until", e->valid_until, true, &e->until);
	if (code)
		return code;
	for (size_t i = 0; i < e->users.count; i++)
		if (!text_name_valid(e->users.items[i]))
			return cli_usage("'%s' is no user's name", e->users.items[i]);
	if (e->class && device_class_parse(e->class, &class))
		return cli_usage("'%s' is no class of device: ministry, private or shared", e->class);
	if (e->pubkey && (key_parse(e->pubkey, &e->public_key) || key_is_zero(&e->public_key)))
		return cli_usage("--pubkey takes the 44 characters that the app shows as the public key");
	return check_outputs(e);
}

/* Opens the files before anything is registered: a device whose configuration cannot be kept is of no use. */
static int files_open(struct enrolment *e)
{
	for (int i = 0; i < OUTPUTS; i++) {
		if (!e->paths[i] || (i == OUTPUT_CONF && conf_on_stdout(e)))
			continue;
		int fd = open(e->paths[i], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		e->files[i] = fd < 0 ? NULL : fdopen(fd, "w");
		if (e->files[i])
			continue;
		int error = errno;
		if (fd >= 0) {
			close(fd);
			unlink(e->paths[i]);
		}
		return cli_fail(CLI_FAILED, error == EEXIST ? "name another file, or remove this one" : "name another file",
			"%s cannot be made: %s; no device was added", e->paths[i], strerror(error));
	}
	return CLI_OK;
}

/* What was opened and not filled is taken away again. */
static void files_drop(struct enrolment *e)
{
	for (int i = 0; i < OUTPUTS; i++) {
		if (!e->files[i])
			continue;
		fclose(e->files[i]);
		unlink(e->paths[i]);
	}
}

static json_t *enrol_request(const struct enrolment *e)
{
	char key[KEY_TEXT];
	json_t *users = json_array();
	for (size_t i = 0; i < e->users.count; i++)
		if (json_array_append_new(users, json_string(e->users.items[i]))) {
			json_decref(users);
			return NULL;
		}
	json_t *from = e->valid_from ? json_integer(e->from) : NULL, *until = e->valid_until ? json_integer(e->until) : NULL;
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:b, s:o*, s:o*}", "verb", "device-add", "users", users, "label",
		e->label ? e->label : "", "class", e->class ? e->class : device_class_name(CLASS_MINISTRY), "public_key",
		key_format(&e->public_key, key), "preshared", !e->no_psk, "valid_from", from, "valid_until", until);
}

/* Closes a written file; 0 only when it is on disk. */
static int file_close(FILE **file)
{
	int error = ferror(*file) || fflush(*file) || fsync(fileno(*file)) ? -EIO : 0;
	if (fclose(*file))
		error = -EIO;
	*file = NULL;
	return error;
}

static int output_write(struct enrolment *e, enum output i, const char *conf, const struct qr *q)
{
	int error = 0;
	if (!e->files[i])
		return 0;
	if (i == OUTPUT_CONF)
		fputs(conf, e->files[i]);
	else if (i == OUTPUT_SVG)
		qr_svg(q, e->files[i]);
	else
		error = qr_png(q, e->files[i]);
	int failed = file_close(&e->files[i]);
	error = error ? error : failed;
	if (error)
		unlink(e->paths[i]);
	return error;
}

/* Tells what was made; to standard error when standard output carries the configuration. */
static void tell(const struct enrolment *e, const struct phone *p)
{
	FILE *to = conf_on_stdout(e) ? stderr : stdout;
	char label[LABEL_MAX * TEXT_SAFE_GROWTH], address[ADDR_TEXT];
	fprintf(to, "Device     %s%s%s\n", p->id, *p->label ? "  " : "", text_safe(p->label, label, sizeof label));
	fprintf(to, "Users     ");
	for (size_t i = 0; i < e->users.count; i++)
		fprintf(to, " %s", e->users.items[i]);
	fprintf(to, "\nAddresses  %s", addr_format(&p->v4, address));
	if (p->v6.family)
		fprintf(to, "  %s", addr_format(&p->v6, address));
	putc('\n', to);
	for (int i = 0; i < OUTPUTS; i++)
		if (e->paths[i] && !(i == OUTPUT_CONF && conf_on_stdout(e)))
			fprintf(to, "Written    %s  (holds the phone's keys: delete it when the phone has them)\n", e->paths[i]);
}

static void tell_next(const struct enrolment *e, const struct phone *p)
{
	fprintf(conf_on_stdout(e) ? stderr : stdout,
		"\nNext: %s in the phone's WireGuard app, switch the tunnel on, then open https://%s/ there and log in.\n",
		e->pubkey						? "enter these settings"
		: e->qr || e->paths[OUTPUT_PNG] || e->paths[OUTPUT_SVG] ? "scan the code"
									: "import the file",
		p->portal);
}

static void show_code(const struct qr *q, const char *conf)
{
	unsigned columns = cli_columns();
	putchar('\n');
	if (!columns || columns >= qr_columns(q)) {
		qr_terminal(q, stdout);
		return;
	}
	printf("The code needs %u columns, the terminal has %u; this is what the code would hold:\n\n%s", qr_columns(q), columns,
		conf);
}

/* Everything that the reply leads to. 0 or -errno. */
static int hand_over(struct enrolment *e, const struct phone *p, json_t *end)
{
	char conf[PHONE_TEXT], bare[PHONE_TEXT];
	struct qr *q = NULL;
	int error = phone_text(p, true, conf, sizeof conf);
	if (error >= 0)
		error = phone_text(p, false, bare, sizeof bare);
	if (error >= 0)
		error = e->pubkey ? 0 : qr_encode(bare, &q);
	for (int i = 0; !error && i < OUTPUTS; i++)
		error = output_write(e, (enum output)i, conf, q);
	if (!error && cli_json) {
		bool written = e->paths[OUTPUT_CONF] || e->paths[OUTPUT_PNG] || e->paths[OUTPUT_SVG];
		json_object_del(end, "preshared_key");
		if (json_object_set_new(end, "configuration", written ? json_null() : json_string(conf)) ||
			cli_print_json(json_incref(end)))
			error = -EIO;
	} else if (!error) {
		tell(e, p);
		if (e->qr)
			show_code(q, bare);
		else if (conf_on_stdout(e))
			fputs(conf, stdout);
		tell_next(e, p);
	}
	qr_free(q);
	secret_wipe(conf, sizeof conf);
	secret_wipe(bare, sizeof bare);
	return error || fflush(stdout) ? -EIO : 0;
}

static int enrol_finish(struct enrolment *e, json_t *end)
{
	struct phone p;
	const char *what;
	char hint[128];
	const char *id = cli_text(json_object_get(end, "device"), "id");
	snprintf(hint, sizeof hint, "sekisho device revoke %.*s, then add the phone again", DEVICE_ID_TEXT, id);
	if (phone_read(end, e->pubkey ? NULL : &e->private_key, &p, &what))
		return cli_fail(CLI_FAILED, hint, "device %s was added, but the gateway's answer is unusable: %s", id, what);
	int error = hand_over(e, &p, end);
	secret_wipe(&p, sizeof p);
	return error ? cli_fail(CLI_FAILED, hint, "device %s was added, but its configuration could not be written", id) : CLI_OK;
}

static int enrol_run(struct enrolment *e)
{
	json_t *end = NULL;
	if (!e->pubkey && (key_generate(&e->private_key) || key_public(&e->private_key, &e->public_key)))
		return cli_fail(CLI_FAILED, "is OpenSSL whole? openssl list -public-key-algorithms", "no key could be made");
	int code = files_open(e);
	if (!code)
		code = client_ask(enrol_request(e), NULL, &end);
	if (!code)
		code = enrol_finish(e, end);
	files_drop(e);
	json_decref(end);
	return code;
}

int enrol_verb(int argc, char **argv)
{
	struct enrolment e = {0};
	/* No core dump, no debugger of the same user: the key is in memory. */
	prctl(PR_SET_DUMPABLE, 0);
	int code = enrol_parse(argc, argv, &e);
	if (!code)
		code = enrol_run(&e);
	secret_wipe(&e, sizeof e);
	return code;
}
