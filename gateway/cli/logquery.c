/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logquery.h"

#include <string.h>

typedef bool value_test(const struct logquery *q, struct logvalue v);

static bool words_have(const struct option_words *words, struct logvalue v)
{
	for (size_t i = 0; i < words->count; i++)
		if (logvalue_equals(v, words->items[i]))
			return true;
	return false;
}

static bool one_of(const struct logquery *q, enum logquery_option option, struct logvalue v)
{
	return words_have(&q->words[option], v);
}

/* ---- users ---- */

static bool is_user(const struct logquery *q, struct logvalue v)
{
	return one_of(q, LOGQUERY_USER, v);
}

static bool any_item(const struct logquery *q, struct logvalue array, value_test *test)
{
	struct logvalue item;
	size_t at = 0;
	while (logvalue_next(array, &at, &item))
		if (test(q, item))
			return true;
	return false;
}

static bool user_fits(const struct logquery *q, const struct logvalue *values)
{
	if (is_user(q, values[LOGFIELD_USER]) || any_item(q, values[LOGFIELD_RELATED_USER], is_user))
		return true;
	for (size_t i = 0; values[LOGFIELD_USER_HASH].text && i < q->words[LOGQUERY_USER].count; i++)
		if (logvalue_equals(values[LOGFIELD_USER_HASH], q->hashes[i]))
			return true;
	return false;
}

/* ---- addresses ---- */

static bool within(const struct prefix *prefixes, size_t count, struct logvalue v)
{
	char text[ADDR_TEXT];
	struct addr addr;
	if (!v.text || !v.string || logvalue_text(v, text, sizeof text) >= sizeof text - 1 || addr_parse(text, &addr))
		return false;
	for (size_t i = 0; i < count; i++)
		if (prefix_contains(&prefixes[i], &addr))
			return true;
	return false;
}

static bool is_address(const struct logquery *q, struct logvalue v)
{
	return within(q->addresses, q->words[LOGQUERY_ADDRESS].count, v);
}

static bool address_fits(const struct logquery *q, const struct logvalue *values)
{
	return is_address(q, values[LOGFIELD_SOURCE_IP]) || is_address(q, values[LOGFIELD_ENDPOINT_IP]) ||
	       is_address(q, values[LOGFIELD_DESTINATION_IP]) || is_address(q, values[LOGFIELD_PREVIOUS_IP]) ||
	       any_item(q, values[LOGFIELD_RELATED_IP], is_address);
}

/* ---- the rest ---- */

static bool in_ranges(const struct logquery_range *ranges, size_t count, struct logvalue v)
{
	int64_t number = logvalue_number(v);
	for (size_t i = 0; i < count; i++)
		if (number >= ranges[i].first && number <= ranges[i].last)
			return true;
	return false;
}

/* "groups/soumu.acl:2", or all lines of "groups/soumu.acl". */
static bool rule_fits(const struct logquery *q, struct logvalue v)
{
	const struct option_words *words = &q->words[LOGQUERY_RULE];
	char name[1024];
	if (!v.text || !v.string)
		return false;
	logvalue_text(v, name, sizeof name);
	char *colon = strrchr(name, ':');
	for (size_t i = 0; i < words->count; i++) {
		size_t size = strlen(words->items[i]);
		if (!strcmp(name, words->items[i]) ||
			(colon && (size_t)(colon - name) == size && !memcmp(name, words->items[i], size)))
			return true;
	}
	return false;
}

static bool has_text(struct logvalue v, void *arg)
{
	const struct option_words *const *words_at = arg, *words = *words_at;
	for (size_t i = 0; i < words->count; i++)
		if (logvalue_contains(v, words->items[i]))
			return true;
	return false;
}

static bool option_fits(
	const struct logquery *q, enum logquery_option option, const struct logvalue *values, const struct logset_line *line)
{
	const struct option_words *words = &q->words[option];
	const size_t count = words->count;
	switch (option) {
	case LOGQUERY_USER:
		return user_fits(q, values);
	case LOGQUERY_ADMIN:
		return one_of(q, option, values[LOGFIELD_ADMIN]);
	case LOGQUERY_DEVICE:
		return one_of(q, option, values[LOGFIELD_DEVICE]);
	case LOGQUERY_KEY:
		return one_of(q, option, values[LOGFIELD_DEVICE_KEY]);
	case LOGQUERY_ADDRESS:
		return address_fits(q, values);
	case LOGQUERY_DESTINATION:
		return within(q->destinations, count, values[LOGFIELD_DESTINATION_IP]);
	case LOGQUERY_PORT:
		return in_ranges(q->ports, count, values[LOGFIELD_DESTINATION_PORT]);
	case LOGQUERY_ACTION:
		return one_of(q, option, values[LOGFIELD_ACTION]);
	case LOGQUERY_OUTCOME:
		return one_of(q, option, values[LOGFIELD_OUTCOME]);
	case LOGQUERY_REASON:
		return one_of(q, option, values[LOGFIELD_REASON]);
	case LOGQUERY_SESSION:
		return in_ranges(q->sessions, count, values[LOGFIELD_SESSION]);
	case LOGQUERY_RULE:
		return rule_fits(q, values[LOGFIELD_RULE]);
	case LOGQUERY_TEXT:
		return logfield_strings(line->text, line->size, has_text, &words) > 0;
	case LOGQUERY_FILE:
	case LOGQUERY_OPTIONS:
		break;
	}
	return true;
}

bool logquery_matches(const struct logquery *q, const struct logvalue values[static LOGFIELDS], const struct logset_line *line)
{
	if (!logperiod_contains(&q->period, logvalue_time(values[LOGFIELD_TIME])))
		return false;
	for (enum logquery_option i = 0; i < LOGQUERY_OPTIONS; i++)
		if (q->words[i].count && !option_fits(q, i, values, line))
			return false;
	return true;
}
