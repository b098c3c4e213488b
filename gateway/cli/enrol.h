/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Giving a phone a key: the pair is made in this process, or is the phone's own. Only the public half goes to the gateway; the
 * private half exists nowhere but in what is shown or written for the phone: neither the gateway's memory nor its ledger, logs or
 * backups ever hold it, so that nobody who reads them can pass for the phone. Whoever holds a struct enrolment wipes it, and has
 * made the process undumpable (prctl(2)) before.
 */
#ifndef SEKISHO_CLI_ENROL_H
#define SEKISHO_CLI_ENROL_H

#include "common/key.h"
#include "gateway/cli/handover.h"
#include "gateway/cli/option.h"

enum { ENROLMENT_OPTIONS = 2 + HANDOVER_OPTIONS };

struct enrolment {
	struct option_words words;
	const char *pubkey;
	bool no_psk;
	struct handover out;
	struct key private_key, public_key;
};

/* --pubkey, --no-psk, and those of handover_options(). */
void enrolment_options(struct enrolment *e, struct option_spec specs[static ENROLMENT_OPTIONS]);

/* Was any of them given? */
bool enrolment_said(const struct enrolment *e);

/* Do they go together? Takes the key of --pubkey. CLI_OK, or CLI_USAGE after saying so. */
int enrolment_check(struct enrolment *e);

/* What messages say was done to the device, and what to do when its configuration could not be handed over; what else to say at
 * the end (may be NULL). */
struct enrolment_kind {
	const char *done, *hint; /* hint NULL: revoke the device, which is new */
	void (*say)(const json_t *end);
};

/* Makes the keys unless the phone has, sends `request` (stolen) with the public one, and hands over. CLI_OK, or a code after
 * saying what is wrong. */
int enrolment_run(struct enrolment *e, json_t *request, const struct enrolment_kind *kind);

#endif
