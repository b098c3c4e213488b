/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Datagrams from another process: whatever is taken in has one form (encoded again it is the same bytes) and is judged by
 * the table of turns on every channel without harm.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[MESSAGE_MAX];
	struct message *m;
	if (size > MESSAGE_MAX || message_decode(data, size, &m) < 0)
		return 0;
	if (message_encode(m, again, sizeof again) != (ssize_t)size || memcmp(again, data, size) != 0)
		abort();
	for (unsigned channel = CHANNEL_PORTAL; channel < CHANNELS; channel++)
		for (unsigned last = 0; last < 256; last++)
			for (unsigned from = SIDE_CLIENT; from <= SIDE_SERVER; from++) {
				struct message_state s = {.channel = channel, .last = (uint8_t)last};
				if (message_turn(&s, from, m) == 0 && s.asked > PROMPTS_MAX)
					abort();
			}
	message_free(m);
	return 0;
}
