/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who knocks, and may it come in? Copies of handshake initiations arrive from the firewall; what names a known, active device
 * within its period of use has its peer installed, all else gets no answer and a record. Work is bounded twice before any
 * Diffie-Hellman is computed: by the kernel's rate limit per source, and by a queue with room for KNOCK_QUEUE knocks here.
 */
#ifndef SEKISHO_ADMISSION_H
#define SEKISHO_ADMISSION_H

#include <stdint.h>

#include "gateway/gateway.h"

enum { KNOCK_QUEUE = 512 };

struct admission_counts {
	uint64_t admitted, refused, replayed, forged, dropped;
};

int admission_new(struct gateway *g, struct admission **out);
void admission_free(struct admission *a);
struct admission_counts admission_counts(const struct gateway *g);

/* The reader of NFLOG_KNOCK: queues one copy. `arg` is the gateway. */
void admission_knock(const struct nflog_packet *p, void *arg);

#endif
