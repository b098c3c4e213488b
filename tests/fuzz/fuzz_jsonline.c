/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text from outside on its way into a log line and out again: a whole line or none, JSON to jansson, and the same text to both
 * readers. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/logfield.h"
#include "gateway/jsonline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 4096, LINE_MAX_SIZE = 8 * TEXT_MAX * TEXT_SAFE_GROWTH };

static void check(const char *line, size_t size, const char *safe)
{
	static struct logvalue values[LOGFIELDS];
	json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	const char *text = json_string_value(json_object_get(root, "message"));

	if (memchr(line, '\n', size) || !text || strcmp(text, safe) != 0)
		abort();
	if (logfield_scan(line, size, values) < 0 || !logvalue_equals(values[LOGFIELD_MESSAGE], safe))
		abort();
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_MAX + 1], safe[JSONLINE_TEXT], line[LINE_MAX_SIZE];

	/* The first two bytes: how much room there is. */
	if (size < 2 || size - 2 > TEXT_MAX)
		return 0;
	memcpy(text, data + 2, size - 2);
	text[size - 2] = '\0';
	text_safe(text, safe, sizeof safe);

	struct jsonline all = {.data = line, .size = sizeof line};
	jsonline_put(&all, "{\"message\":");
	jsonline_text(&all, text);
	jsonline_put(&all, "}");
	if (all.full)
		abort();
	check(line, all.used, safe);

	const size_t room = (size_t)(data[0] << 8 | data[1]) % (all.used + 8);
	char *exact = malloc(room ? room : 1);
	if (!exact)
		abort();
	struct jsonline some = {.data = exact, .size = room};
	jsonline_put(&some, "{\"message\":");
	jsonline_text(&some, text);
	jsonline_put(&some, "}");
	if (some.used > room || (!some.full && (some.used != all.used || memcmp(exact, line, all.used) != 0)) ||
		(some.full && room >= all.used))
		abort();
	free(exact);
	return 0;
}
