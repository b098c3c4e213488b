/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A whole conversation on one channel, from both sides: what the table of turns lets through keeps the bounds that both programs
 * rely on, and after a refusal or an end nothing is heard any more. First byte: the channel; then for each datagram its
 * side (0 or 1), its size in two bytes, and its bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct message_state *s, enum message_side from, const struct message *m)
{
	const struct message_state before = *s;
	const int r = message_turn(s, from, m);

	if (s->channel != before.channel || s->rounds > ROUNDS_MAX || s->asked > PROMPTS_MAX || s->rounds > before.rounds + 1U)
		abort();
	if (r == 0 && before.last == MESSAGE_SHUT)
		abort();
	/* The portal's channel has no word that opens a session, whoever says it. */
	if (r == 0 && s->channel == CHANNEL_PORTAL && (m->type == VERDICT_BEGIN || m->type == VERDICT_END))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct message_state s = {.channel = data[0] % CHANNELS};
	for (data++, size--; size >= 3;) {
		const enum message_side from = data[0] % 2 ? SIDE_SERVER : SIDE_CLIENT;
		size_t length = (size_t)(data[1] << 8 | data[2]);
		struct message *m;
		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		if (message_decode(data, length, &m) == 0) {
			judge(&s, from, m);
			message_free(m);
		}
		data += length;
		size -= length;
	}
	return 0;
}
