/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/secret.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/qr.h"

static bool conf_on_stdout(const struct handover *h)
{
	return h->paths[HANDOVER_CONF] && !strcmp(h->paths[HANDOVER_CONF], "-");
}

void handover_options(struct handover *h, struct option_spec specs[static HANDOVER_OPTIONS])
{
	specs[0] = (struct option_spec){.name = "conf", .value = &h->paths[HANDOVER_CONF]};
	specs[1] = (struct option_spec){.name = "png", .value = &h->paths[HANDOVER_PNG]};
	specs[2] = (struct option_spec){.name = "svg", .value = &h->paths[HANDOVER_SVG]};
	specs[3] = (struct option_spec){.name = "qr", .flag = &h->qr};
	specs[4] = (struct option_spec){.name = "no-qr", .flag = &h->no_qr};
}

/* Where does the configuration go? It exists only now, so it must go somewhere, and to one place on standard output. */
int handover_check(struct handover *h)
{
	bool picture = h->paths[HANDOVER_PNG] || h->paths[HANDOVER_SVG];
	if (h->qr && h->no_qr)
		return cli_usage("--qr and --no-qr contradict each other");
	if (h->no_private_key && (h->qr || picture))
		return cli_usage(
			"with --pubkey there is no code to scan: the apps import none without a private key; use --conf FILE");
	if (h->qr + conf_on_stdout(h) + cli_json > 1)
		return cli_usage("of --qr, --conf - and --json only one can go to standard output");
	if (picture || h->paths[HANDOVER_CONF] || cli_json || h->qr)
		return CLI_OK;
	if (!isatty(STDOUT_FILENO) || h->no_qr)
		return cli_usage(
			"where should the configuration go? --conf FILE, --conf -, --png FILE, --svg FILE, --qr or --json");
	if (h->no_private_key)
		h->paths[HANDOVER_CONF] = "-";
	else
		h->qr = true;
	return CLI_OK;
}

/* Opens the files before anything is registered: a device whose configuration cannot be kept is of no use. */
int handover_open(struct handover *h)
{
	for (int i = 0; i < HANDOVER_FILES; i++) {
		if (!h->paths[i] || (i == HANDOVER_CONF && conf_on_stdout(h)))
			continue;
		int fd = open(h->paths[i], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		h->files[i] = fd < 0 ? NULL : fdopen(fd, "w");
		if (h->files[i])
			continue;
		int error = errno;
		if (fd >= 0) {
			close(fd);
			unlink(h->paths[i]);
		}
		return cli_fail(CLI_FAILED, error == EEXIST ? "name another file, or remove this one" : "name another file",
			"%s cannot be made: %s; nothing was registered", h->paths[i], strerror(error));
	}
	return CLI_OK;
}

/* What was opened and not filled is taken away again. */
void handover_drop(struct handover *h)
{
	for (int i = 0; i < HANDOVER_FILES; i++) {
		if (!h->files[i])
			continue;
		fclose(h->files[i]);
		unlink(h->paths[i]);
	}
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

static int output_write(struct handover *h, enum handover_file i, const char *conf, const struct qr *q)
{
	int error = 0;
	if (!h->files[i])
		return 0;
	if (i == HANDOVER_CONF)
		fputs(conf, h->files[i]);
	else if (i == HANDOVER_SVG)
		qr_svg(q, h->files[i]);
	else
		error = qr_png(q, h->files[i]);
	int failed = file_close(&h->files[i]);
	error = error ? error : failed;
	if (error)
		unlink(h->paths[i]);
	return error;
}

/* Tells what was made; to standard error when standard output carries the configuration. */
static void tell(const struct handover *h, const struct phone *p, const json_t *device)
{
	char users[HANDOVER_USERS];
	FILE *to = conf_on_stdout(h) ? stderr : stdout;
	char label[LABEL_MAX * TEXT_SAFE_GROWTH], address[ADDR_TEXT];
	fprintf(to, "Device     %s%s%s\n", p->id, *p->label ? "  " : "", text_safe(p->label, label, sizeof label));
	fprintf(to, "Users     ");
	fprintf(to, " %s", cli_join(device, "users", users, sizeof users));
	fprintf(to, "\nAddresses  %s", addr_format(&p->v4, address));
	if (p->v6.family)
		fprintf(to, "  %s", addr_format(&p->v6, address));
	putc('\n', to);
	for (int i = 0; i < HANDOVER_FILES; i++)
		if (h->paths[i] && !(i == HANDOVER_CONF && conf_on_stdout(h)))
			fprintf(to, "Written    %s  (holds the phone's keys: delete it when the phone has them)\n", h->paths[i]);
}

static void tell_next(const struct handover *h, const struct phone *p)
{
	fprintf(conf_on_stdout(h) ? stderr : stdout,
		"\nNext: %s in the phone's WireGuard app, switch the tunnel on, then open https://%s/ there and log in.\n",
		h->no_private_key					    ? "enter these settings"
		: h->qr || h->paths[HANDOVER_PNG] || h->paths[HANDOVER_SVG] ? "scan the code"
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
int handover_run(struct handover *h, const struct phone *p, json_t *end)
{
	char conf[PHONE_TEXT], bare[PHONE_TEXT];
	struct qr *q = NULL;
	int error = phone_text(p, true, conf, sizeof conf);
	if (error >= 0)
		error = phone_text(p, false, bare, sizeof bare);
	if (error >= 0)
		error = h->no_private_key ? 0 : qr_encode(bare, &q);
	for (int i = 0; !error && i < HANDOVER_FILES; i++)
		error = output_write(h, (enum handover_file)i, conf, q);
	if (!error && h->quiet) {
		;
	} else if (!error && cli_json) {
		bool written = h->paths[HANDOVER_CONF] || h->paths[HANDOVER_PNG] || h->paths[HANDOVER_SVG];
		json_object_del(end, "preshared_key");
		if (json_object_set_new(end, "configuration", written ? json_null() : json_string(conf)) ||
			cli_print_json(json_incref(end)))
			error = -EIO;
	} else if (!error) {
		tell(h, p, json_object_get(end, "device"));
		if (h->qr)
			show_code(q, bare);
		else if (conf_on_stdout(h))
			fputs(conf, stdout);
		tell_next(h, p);
	}
	qr_free(q);
	secret_wipe(conf, sizeof conf);
	secret_wipe(bare, sizeof bare);
	return error || fflush(stdout) ? -EIO : 0;
}
