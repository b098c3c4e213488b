/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/json_wipe.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>

#include "common/secret.h"

static void wipe_free(void *data)
{
	if (!data)
		return;
	secret_wipe(data, malloc_usable_size(data));
	free(data);
}

void json_wipe_start(void)
{
	json_set_alloc_funcs(malloc, wipe_free);
}
