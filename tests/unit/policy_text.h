/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: a policy from a few texts, without a folder. */
#ifndef SEKISHO_TEST_POLICY_TEXT_H
#define SEKISHO_TEST_POLICY_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy_internal.h"

struct policy_text {
	const char *path; /* "systems.acl" first, "users/NAME.acl", ... */
	const char *text;
};

static inline int policy_of_texts(const struct policy_text *files, size_t count, struct policy **out, struct diag *d)
{
	struct build b;

	policy_build_start(&b, NULL, d);
	for (size_t i = 0; i < count; i++) {
		const char *const path = files[i].path, *const slash = strchr(path, '/');
		char name[128] = "";
		if (slash)
			snprintf(name, sizeof name, "%.*s", (int)(strlen(slash + 1) - 4), slash + 1);
		const enum policy_file_kind kind = !slash	  ? FILE_SYSTEMS
						   : *path == 'l' ? FILE_LIST
						   : *path == 'g' ? FILE_GROUP
						   : *path == 'u' ? FILE_USER
								  : FILE_DEVICE;
		policy_build_file(&b, kind, path, name, files[i].text, strlen(files[i].text));
	}
	return policy_build_end(&b, out);
}

/* A policy that must be right; otherwise its mistakes are printed and NULL is returned. */
static inline struct policy *policy_right(const struct policy_text *files, size_t count)
{
	struct diag d = diag_new();
	struct policy *p = NULL;

	if (policy_of_texts(files, count, &p, &d) < 0) {
		char *const text = diag_render(&d);
		fputs(text ? text : "out of memory\n", stderr);
		free(text);
	}
	diag_free(&d);
	return p;
}

#endif
