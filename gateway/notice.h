/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What will end soon, on record once: rules with `until`, and devices' periods of use. */
#ifndef SEKISHO_NOTICE_H
#define SEKISHO_NOTICE_H

#include <stdint.h>

#include "gateway/gateway.h"

enum { NOTICE_RULE_DAYS = 14, NOTICE_DEVICE_DAYS = 30 };

/* Records `allow-lapsing` and `device-expiring` for what has come that near by `now` and was not recorded before. */
void notices_look(struct gateway *g, int64_t now);

#endif
