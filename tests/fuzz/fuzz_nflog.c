/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An IP packet of a stranger, cut off anywhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/nflog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nflog_packet p = {.prefix = ""};
	volatile uint8_t last;

	if (nflog_parse(data, size, &p))
		return 0;
	if (!p.source.addr.family || !p.destination.addr.family || p.length < 20)
		abort();
	if (!p.payload) {
		if (p.payload_size)
			abort();
		return 0;
	}
	if (p.payload < data || p.payload_size > size - (size_t)(p.payload - data))
		abort();
	if (p.payload_size)
		last = p.payload[p.payload_size - 1];
	(void)last;
	return 0;
}
