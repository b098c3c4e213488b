/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A handshake initiation from a stranger: both checks, whatever the first says, since a stranger can make a good mac1. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of tests/golden/handshake/plain.keys, so that the corpus has one packet that opens. */
static const char private_key[] = "iPaE2lhbO/gZ9prbnk8EZZDKyf7ppbYDdASRqsSZdGo=";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct handshake *h;
	struct key k;
	struct knock knock = {0};

	if (!h && (key_parse(private_key, &k) || handshake_new(&k, &h)))
		abort();
	if (size != INITIATION_SIZE)
		return 0;
	(void)handshake_mac1(h, data);
	if (handshake_open(h, data, &knock) && !key_is_zero(&knock.device))
		abort(); /* an output in spite of the refusal */
	return 0;
}
