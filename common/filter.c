/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/filter.h"

#include <errno.h>

static int add(scmp_filter_ctx filter, const struct filter_rule *r)
{
	const struct scmp_arg_cmp only = {.arg = r->argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = r->mask, .datum_b = r->value};
	if (r->call < 0)
		return 0;
	return seccomp_rule_add_array(filter, r->action, r->call, r->conditional, &only);
}

int filter_load(uint32_t otherwise, const struct filter_rule *rules, size_t count)
{
	scmp_filter_ctx filter = seccomp_init(otherwise);
	int err = filter ? seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;
	for (size_t i = 0; !err && i < count; i++)
		err = add(filter, &rules[i]);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}
