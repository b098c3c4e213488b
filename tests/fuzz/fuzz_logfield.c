/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A log line: what is taken is JSON to jansson too, and every string field has the text that jansson gives it. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "gateway/cli/logfield.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *member(json_t *at, enum logfield field)
{
	char path[64], *rest = path, *name;
	if (!logfield_path(field, path, sizeof path))
		abort();
	while ((name = strsep(&rest, ".")))
		at = json_object_get(at, name);
	return at;
}

static void check_text(struct logvalue v, const json_t *expected)
{
	char *text = malloc(v.size + 1);
	if (!text)
		abort();
	size_t size = logvalue_text(v, text, v.size + 1);
	if (json_is_string(expected) != v.string)
		abort();
	if (v.string && (size != json_string_length(expected) || memcmp(text, json_string_value(expected), size) != 0 ||
				!logvalue_equals(v, json_string_value(expected))))
		abort();
	if (json_is_integer(expected) && logvalue_number(v) != json_integer_value(expected) &&
		json_integer_value(expected) != INT64_MIN)
		abort();
	free(text);
}

static void check_items(struct logvalue v, const json_t *expected)
{
	struct logvalue item;
	size_t at = 0, i = 0;
	while (logvalue_next(v, &at, &item)) {
		if (item.text < v.text || item.text + item.size > v.text + v.size)
			abort();
		const json_t *wanted = json_array_get(expected, i++);
		if (json_is_string(wanted) != item.string)
			abort();
	}
	if (i != json_array_size(expected))
		abort();
}

static bool count(struct logvalue v, void *arg)
{
	(void)v;
	(*(size_t *)arg)++;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct logvalue values[LOGFIELDS];
	const char *line = (const char *)data;
	size_t strings = 0;
	int r = logfield_scan(line, size, values);
	if ((logfield_strings(line, size, count, &strings) < 0) != (r < 0))
		abort();
	json_t *root = json_loadb(line, size, 0, NULL);
	/* jansson alone knows other limits for depth and numbers, and refuses what UTF-8 and \u cannot say. */
	if (r == 0 && root)
		for (enum logfield field = 0; field < LOGFIELDS; field++) {
			const json_t *expected = member(root, field);
			if ((values[field].text != NULL) != (expected && !json_is_null(expected)))
				abort();
			check_text(values[field], expected);
			check_items(values[field], expected);
			(void)logvalue_time(values[field]);
		}
	json_decref(root);
	return 0;
}
