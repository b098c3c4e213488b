/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of flows: 8 bytes of key for each, so that a million take 16 MiB at most. */
#ifndef SEKISHO_FLOW_KNOWN_H
#define SEKISHO_FLOW_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/flow.h"

enum { FLOW_KNOWN_MAX = 1 << 20 };

struct flow_known;

/* The kernel's id, which nobody outside can guess, beside a hash of the ends: enough to tell flows apart that exist together. */
uint64_t flow_key(const struct flow_record *r);

/* NULL when out of memory. */
struct flow_known *flow_known_new(void);
void flow_known_free(struct flow_known *k); /* NULL is fine */

/* 1: it is in now; 0: it was already; -ENOMEM: there is no room for it. */
int flow_known_add(struct flow_known *k, uint64_t key);
bool flow_known_has(const struct flow_known *k, uint64_t key);
/* Was it in? */
bool flow_known_remove(struct flow_known *k, uint64_t key);

#endif
