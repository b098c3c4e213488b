/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/alert_words.h"

#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = 128 };

/* The member at a dotted path; NULL when there is none. `path` is cut up. */
static const json_t *member(const json_t *event, char *path)
{
	char *part;
	while (event && (part = strsep(&path, ".")))
		event = json_object_get(event, part);
	return event;
}

static void value_text(const json_t *event, const char *paths, size_t paths_size, char *to, size_t size)
{
	char copy[PATH_MAX_BYTES], *rest = copy, *path;
	const json_t *value = NULL;
	snprintf(copy, sizeof copy, "%.*s", (int)paths_size, paths);
	while (!value && (path = strsep(&rest, "|")))
		value = member(event, path);
	if (json_is_integer(value))
		snprintf(to, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		snprintf(to, size, "%s", json_is_string(value) ? json_string_value(value) : "?");
}

/* Cut in the middle of a character, the rest of which is missing: text_safe() of whoever shows it makes that visible. */
const char *alert_words(const char *sentence, const json_t *event, char *to, size_t size)
{
	size_t used = 0;
	*to = '\0';
	while (*sentence && used < size - 1) {
		size_t plain = strcspn(sentence, "{");
		used += (size_t)snprintf(to + used, size - used, "%.*s", (int)plain, sentence);
		sentence += plain;
		if (!*sentence || used >= size - 1)
			break;
		plain = strcspn(sentence, "}");
		value_text(event, sentence + 1, plain - 1, to + used, size - used);
		used += strlen(to + used);
		sentence += plain + 1;
	}
	return to;
}
