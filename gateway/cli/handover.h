/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Handing a phone its configuration over: as text, as a picture of the code, on the terminal. The files are made before anything
 * is registered, with mode 0600, and taken away again when nothing came of it: what they hold exists nowhere else.
 */
#ifndef SEKISHO_CLI_HANDOVER_H
#define SEKISHO_CLI_HANDOVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "gateway/cli/option.h"
#include "gateway/cli/phone.h"

enum handover_file { HANDOVER_CONF, HANDOVER_PNG, HANDOVER_SVG, HANDOVER_FILES };
enum { HANDOVER_OPTIONS = 5, HANDOVER_USERS = 4096 };

struct handover {
	const char *paths[HANDOVER_FILES]; /* NULL: not wanted; HANDOVER_CONF may be "-" */
	FILE *files[HANDOVER_FILES];
	bool qr, no_qr;
	bool quiet; /* files only, nothing on standard output */
	bool no_private_key; /* the phone made its own: there is no code to scan */
};

/* --conf, --png, --svg, --qr, --no-qr. */
void handover_options(struct handover *h, struct option_spec specs[static HANDOVER_OPTIONS]);

/* Does it go somewhere, and to one place on standard output? CLI_OK or CLI_USAGE after saying so. */
int handover_check(struct handover *h);

/* Makes the files. CLI_OK or CLI_FAILED after saying why not. */
int handover_open(struct handover *h);

/* Takes away what was made and not filled. */
void handover_drop(struct handover *h);

/* Writes and shows it all; `end` is the gateway's answer. 0 or -errno. */
int handover_run(struct handover *h, const struct phone *p, json_t *end);

#endif
