/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets of ACL files as the command reads them itself: from a folder, on any machine and without a gateway, or from the archive of
 * those that have been in force. What is judged by them is judged by config/, as in the gateway.
 */
#ifndef SEKISHO_CLI_ACLSET_H
#define SEKISHO_CLI_ACLSET_H

#include <jansson.h>

#include "common/diag.h"
#include "config/policy.h"
#include "config/settings.h"

/* policy_load() with the settings of the file `config`; NULL: of this machine, where it has some that are in order, else
 * without. Mistakes of a file that was named go to `d` too. */
int aclset_load(const char *config, const char *dir, struct policy **out, struct diag *d);

/* Makes local time that of this machine's sekisho.conf, where it has one that is in order: before dates are read. */
void aclset_local_time(void);

struct aclset {
	struct policy *policy;
	char name[600]; /* for people: "the files in /etc/sekisho/acl", "generation 12" */
	json_t *origin; /* for scripts: {"dir": ...} or {"generation": 12} */
};

/* The files of a folder. 0; or -errno as policy_load() has it, with the mistakes in `d`. */
int aclset_read(const char *config, const char *dir, struct aclset *out, struct diag *d);

/* The same, saying what is wrong. An exit code. */
int aclset_of_files(const char *config, const char *dir, struct aclset *out);

/* A generation by its row of the history: from the archive, checked against its digest, and with the internal networks that its
 * rules referred to. Local time is that of the generation from here on. An exit code. */
int aclset_of_generation(const json_t *row, struct aclset *out);

/* What is in force. */
int aclset_in_force(struct aclset *out);

void aclset_close(struct aclset *s); /* all zero is fine */

/* Which of these is meant by a command: `--files [DIR]`, `--on DATE`, or what is in force. */
struct aclset_choice {
	bool files;
	const char *dir; /* NULL: PATH_ACL_DIR */
	int64_t on; /* 0: now */
};
int aclset_choose(const struct aclset_choice *c, struct aclset *out);

#endif
