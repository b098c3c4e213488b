/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TCP sockets that the service manager hands over (sd_listen_fds(3)). The portal never opens one itself, and takes none that
 * could be reached from outside the tunnel: each must listen on one of the gateway's own tunnel addresses.
 */
#ifndef SEKISHO_LISTENER_H
#define SEKISHO_LISTENER_H

#include <stddef.h>
#include <systemd/sd-event.h>

#include "auth/client.h"
#include "config/settings.h"

/*
 * Checks all sockets handed over and begins to accept from them into `set`. 0; or -errno with a sentence in `why`: none handed
 * over, not a listening TCP socket, wildcard or foreign address.
 */
int listener_open(sd_event *loop, const struct settings *s, struct clients *set, char *why, size_t why_size);

/* May the portal listen at `local`? 0, or -EINVAL with `why`. Pure. */
int listener_check(const struct settings *s, const struct endpoint *local, char *why, size_t why_size);

#endif
