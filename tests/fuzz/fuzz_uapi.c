/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer on wireguard-go's socket. The first byte says how it is cut into pieces: that must not change what it means. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/uapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(struct uapi_answer *a, const char *text, size_t size, size_t piece)
{
	int ret = 0;

	for (size_t at = 0; at < size && ret >= 0; at += piece)
		ret = uapi_feed(a, text + at, size - at < piece ? size - at : piece);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uapi_answer whole = {0}, pieces = {0};
	const char *text = (const char *)data + 1;

	if (!size)
		return 0;
	int a = feed(&whole, text, size - 1, size);
	int b = feed(&pieces, text, size - 1, (size_t)data[0] + 1);
	if (a != b || whole.dump.count != pieces.dump.count || whole.error != pieces.error || whole.error > 0)
		abort();
	if (a == 1 && (!whole.ended || !whole.has_error))
		abort();
	uapi_answer_free(&whole);
	uapi_answer_free(&pieces);
	return 0;
}
