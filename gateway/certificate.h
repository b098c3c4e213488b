/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The login page's certificate: an alert each day from CERTIFICATE_DAYS before it expires until there is another. */
#ifndef SEKISHO_CERTIFICATE_H
#define SEKISHO_CERTIFICATE_H

#include "gateway/gateway.h"

enum { CERTIFICATE_DAYS = 14 };

struct certificate {
	int64_t until; /* the last moment at which it is valid, microseconds since the epoch */
	int64_t days; /* whole days until then, 0 when that is past */
	bool due; /* it has less than CERTIFICATE_DAYS, or has expired */
};

/* The first certificate of PATH_TLS_CERT, the page's own, as of `now` (time_now()). 0 or -errno. */
int certificate_read(int64_t now, struct certificate *out);

/* Looks at PATH_TLS_CERT; one that cannot be read is the portal's to complain about. */
void certificate_look(struct gateway *g, int64_t now);

#endif
