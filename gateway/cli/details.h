/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a device on the command line, or asked for on the terminal: label, class, period of use, and the fields of the
 * application form. For the verbs that register devices and the one that changes them. */
#ifndef SEKISHO_CLI_DETAILS_H
#define SEKISHO_CLI_DETAILS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/device_form.h"
#include "gateway/cli/option.h"

enum { DETAILS_OPTIONS = 4 + FORM_FIELDS };

struct details {
	const char *label, *class, *valid_from, *valid_until; /* as they were given, NULL where they were not */
	const char *form[FORM_FIELDS];
	int64_t from, until; /* parsed; 0 also for "none" */
	struct device_form parsed;
	char asked_until[512]; /* a day that was typed at a question */
};

/* --label, --class, --valid-from, --valid-until, and --NAME for each field of the form. */
void details_options(struct details *d, struct option_spec specs[static DETAILS_OPTIONS]);

/* Checks what was given. CLI_OK, or CLI_USAGE after saying what is wrong. */
int details_check(struct details *d);

/*
 * What `device-form` of this machine's sekisho.conf asks for and `d` lacks: on a terminal it is asked for, otherwise CLI_USAGE
 * after naming all of it. Where the file cannot be read the gateway, which has the last word, will say so.
 */
int details_complete(struct details *d);

/* What `device-form` of this machine's sekisho.conf asks for, as a mask; 0 when it cannot be read. */
unsigned details_required(void);

/* Puts what was given into a request as device-add and device-change have it. */
int details_put(const struct details *d, json_t *request);

/* "until a day" means that the day still counts, as in the ACL files. 0 or -EINVAL. */
int details_day(const char *text, bool whole_day, int64_t *usec);

#endif
