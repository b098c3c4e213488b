/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/aclset.h"

#include "common/paths.h"
#include "common/text.h"
#include "config/settings.h"

int aclset_load(const char *dir, struct policy **out, struct diag *d)
{
	struct diag of_settings = diag_new();
	struct settings s;

	const bool known = settings_load(PATH_CONFIG, &s, &of_settings) == 0;
	diag_free(&of_settings);
	const int r = known ? settings_apply_time_zone(&s) : 0;
	if (r < 0)
		return r;
	return settings_policy_load(known ? &s : NULL, dir, time_now(), out, d);
}
