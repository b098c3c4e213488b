/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "gateway/jsonline.h"
#include "gateway/log_internal.h"

#define ECS_VERSION "8.11"

enum { DEPTH_MAX = 8 };

/* Time and number come first, where people look. */
static json_t *complete(json_t *event, const struct log_envelope *envelope)
{
	char time[TIME_TEXT];
	json_t *line = json_object(), *inner = json_object();
	bool failed = json_object_set_new(line, "@timestamp", json_string(time_format(envelope->when, time))) < 0;
	failed |= json_object_set_new(inner, "sequence", json_integer((json_int_t)envelope->sequence)) < 0;
	failed |= json_object_update_missing(inner, json_object_get(event, "event")) < 0;
	failed |= json_object_set_new(inner, "dataset", json_string(envelope->dataset)) < 0;
	failed |= json_object_set_new(line, "event", inner) < 0;
	failed |= json_object_update_missing(line, event) < 0;
	failed |= json_object_set_new(line, "observer", json_pack("{s:s}", "name", envelope->observer)) < 0;
	failed |= json_object_set_new(line, "ecs", json_pack("{s:s}", "version", ECS_VERSION)) < 0;
	if (!failed)
		return line;
	json_decref(line);
	return NULL;
}

static bool is_needed(unsigned depth, const char *key)
{
	static const char *const top[] = {"@timestamp", "event", "observer", "ecs"};
	for (size_t i = 0; depth == 0 && i < sizeof top / sizeof *top; i++)
		if (!strcmp(key, top[i]))
			return true;
	return depth == 1 && !strcmp(key, "dropped");
}

static const char *largest(json_t *object, unsigned depth)
{
	const char *key, *found = NULL;
	json_t *value;
	size_t most = 0;
	json_object_foreach(object, key, value)
	{
		size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
		if (size > most && !is_needed(depth, key)) {
			most = size;
			found = key;
		}
	}
	return found;
}

/* Takes the largest value out and notes its path. */
static int shrink(json_t *line)
{
	char path[256] = "";
	size_t used = 0;
	json_t *at = line;
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		const char *key = largest(at, depth);
		if (!key)
			return -EMSGSIZE;
		int n = snprintf(path + used, sizeof path - used, "%s%s", depth ? "." : "", key);
		if (n < 0 || (size_t)n >= sizeof path - used)
			return -EMSGSIZE;
		used += (size_t)n;
		json_t *child = json_object_get(at, key);
		if (!json_object_size(child)) {
			json_object_del(at, key);
			break;
		}
		at = child;
	}
	json_t *sekisho = json_object_get(line, "sekisho");
	if (!sekisho) {
		json_object_set_new(line, "sekisho", json_object());
		sekisho = json_object_get(line, "sekisho");
	}
	if (!json_object_get(sekisho, "dropped"))
		json_object_set_new(sekisho, "dropped", json_array());
	return json_array_append_new(json_object_get(sekisho, "dropped"), json_string(path)) < 0 ? -ENOMEM : 0;
}

ssize_t log_compose(json_t *event, const struct log_envelope *envelope, char line[static LOG_LINE_MAX])
{
	size_t size = 0;
	int r = 0;
	if (!json_object_get(json_object_get(event, "event"), "action"))
		return -ENOMEM;
	json_t *whole = complete(event, envelope);
	if (!whole)
		return -ENOMEM;
	while (!r && (size = json_dumpb(whole, line, LOG_LINE_MAX - 1, JSON_COMPACT)) > LOG_LINE_MAX - 1)
		r = shrink(whole);
	json_decref(whole);
	if (r < 0 || !size)
		return r < 0 ? r : -ENOMEM;
	line[size] = '\n';
	return (ssize_t)size + 1;
}

ssize_t log_compose_text(const char *event, const char *rest, const struct log_envelope *envelope, char line[static LOG_LINE_MAX])
{
	struct jsonline l = {.data = line, .size = LOG_LINE_MAX};
	jsonline_put(&l, "{\"@timestamp\":");
	jsonline_time(&l, envelope->when);
	jsonline_put(&l, ",\"event\":{\"sequence\":");
	jsonline_number(&l, envelope->sequence);
	jsonline_put(&l, ",");
	jsonline_put(&l, event);
	jsonline_put(&l, ",\"dataset\":\"");
	jsonline_put(&l, envelope->dataset);
	jsonline_put(&l, "\"},");
	jsonline_put(&l, rest);
	jsonline_put(&l, "\"observer\":{\"name\":");
	jsonline_text(&l, envelope->observer);
	jsonline_put(&l, "},\"ecs\":{\"version\":\"" ECS_VERSION "\"}}\n");
	return l.full ? -EMSGSIZE : (ssize_t)l.used;
}
