/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The login page's certificate: an alert each day from CERTIFICATE_DAYS before it expires until there is another. */
#ifndef SEKISHO_CERTIFICATE_H
#define SEKISHO_CERTIFICATE_H

#include "gateway/gateway.h"

enum { CERTIFICATE_DAYS = 14 };

/* Looks at PATH_TLS_CERT; one that cannot be read is the portal's to complain about. `now` is time_now(). */
void certificate_look(struct gateway *g, int64_t now);

#endif
