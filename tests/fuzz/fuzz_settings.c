/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as sekisho.conf. What is accepted must keep the promises of settings.h. */
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool promises_kept(const struct settings *s)
{
	return s->endpoint_port && s->listen_port && s->portal_port && s->portal_port != 53 && *s->endpoint_host &&
	       *s->portal_name && *s->interface && *s->label && s->tunnel4.addr.family == 4 && s->tunnel4.bits >= 8 &&
	       s->tunnel4.bits <= 28 && prefix_contains(&s->tunnel4, &s->gateway4) && s->resolver_count >= 1 &&
	       s->resolver_count <= RESOLVERS_MAX && s->network_count >= 1 && s->network_count <= NETWORKS_MAX &&
	       s->search_count <= SEARCH_MAX && s->session_idle_seconds >= 1 && s->session_idle_seconds <= s->session_seconds &&
	       s->login_parallel <= s->login_attempts_max && s->dead_man_seconds >= 2 * s->poll_seconds &&
	       s->pam_timeout_seconds <= s->login_timeout_seconds;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag d = diag_new();
	struct settings s;

	if (!settings_parse("sekisho.conf", (const char *)data, size, &s, &d) && !promises_kept(&s))
		abort();
	free(diag_render(&d));
	diag_free(&d);
	return 0;
}
