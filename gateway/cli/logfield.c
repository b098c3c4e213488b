/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logfield.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The names that count, level by level. */
struct node {
	const char *name;
	size_t size;
	const struct node *below; /* NULL: this is a field */
	size_t count;
	enum logfield field;
};

#define FIELD(name, field)                                                                                                       \
	{                                                                                                                        \
		name, sizeof(name) - 1, NULL, 0, field                                                                           \
	}
#define OBJECT(name, nodes)                                                                                                      \
	{                                                                                                                        \
		name, sizeof(name) - 1, nodes, sizeof(nodes) / sizeof *(nodes), LOGFIELDS                                        \
	}

static const struct node event_nodes[] = {
	FIELD("sequence", LOGFIELD_SEQUENCE),
	FIELD("action", LOGFIELD_ACTION),
	FIELD("outcome", LOGFIELD_OUTCOME),
	FIELD("reason", LOGFIELD_REASON),
	FIELD("start", LOGFIELD_START),
	FIELD("end", LOGFIELD_END),
	FIELD("duration", LOGFIELD_DURATION),
};
static const struct node user_nodes[] = {FIELD("name", LOGFIELD_USER), FIELD("hash", LOGFIELD_USER_HASH)};
static const struct node related_nodes[] = {FIELD("user", LOGFIELD_RELATED_USER), FIELD("ip", LOGFIELD_RELATED_IP)};
static const struct node device_nodes[] = {FIELD("id", LOGFIELD_DEVICE)};
static const struct node source_nodes[] = {
	FIELD("ip", LOGFIELD_SOURCE_IP),
	FIELD("port", LOGFIELD_SOURCE_PORT),
	FIELD("bytes", LOGFIELD_SOURCE_BYTES),
	FIELD("packets", LOGFIELD_SOURCE_PACKETS),
};
static const struct node destination_nodes[] = {
	FIELD("ip", LOGFIELD_DESTINATION_IP),
	FIELD("port", LOGFIELD_DESTINATION_PORT),
	FIELD("bytes", LOGFIELD_DESTINATION_BYTES),
	FIELD("packets", LOGFIELD_DESTINATION_PACKETS),
};
static const struct node network_nodes[] = {FIELD("transport", LOGFIELD_TRANSPORT), FIELD("iana_number", LOGFIELD_PROTOCOL)};
static const struct node rule_nodes[] = {FIELD("name", LOGFIELD_RULE)};
static const struct node error_nodes[] = {FIELD("message", LOGFIELD_ERROR)};
static const struct node agent_nodes[] = {FIELD("original", LOGFIELD_AGENT)};
static const struct node sekisho_device_nodes[] = {
	FIELD("key", LOGFIELD_DEVICE_KEY),
	FIELD("class", LOGFIELD_DEVICE_CLASS),
	FIELD("label", LOGFIELD_DEVICE_LABEL),
	FIELD("status", LOGFIELD_DEVICE_STATUS),
};
static const struct node endpoint_nodes[] = {FIELD("ip", LOGFIELD_ENDPOINT_IP), FIELD("port", LOGFIELD_ENDPOINT_PORT)};
static const struct node previous_nodes[] = {FIELD("ip", LOGFIELD_PREVIOUS_IP), FIELD("port", LOGFIELD_PREVIOUS_PORT)};
static const struct node session_nodes[] = {
	FIELD("id", LOGFIELD_SESSION),
	FIELD("opened", LOGFIELD_SESSION_OPENED),
	FIELD("expires", LOGFIELD_SESSION_EXPIRES),
	FIELD("connections", LOGFIELD_SESSION_CONNECTIONS),
};
static const struct node acl_nodes[] = {FIELD("generation", LOGFIELD_GENERATION)};
static const struct node admin_nodes[] = {FIELD("name", LOGFIELD_ADMIN)};
static const struct node control_nodes[] = {FIELD("verb", LOGFIELD_VERB)};
static const struct node gap_nodes[] = {
	FIELD("from", LOGFIELD_GAP_FROM), FIELD("to", LOGFIELD_GAP_TO), FIELD("what", LOGFIELD_GAP_WHAT)};
static const struct node sekisho_nodes[] = {
	OBJECT("device", sekisho_device_nodes),
	OBJECT("endpoint", endpoint_nodes),
	OBJECT("session", session_nodes),
	OBJECT("acl", acl_nodes),
	FIELD("count", LOGFIELD_COUNT_FIELD),
	OBJECT("previous_endpoint", previous_nodes),
	OBJECT("admin", admin_nodes),
	OBJECT("control", control_nodes),
	OBJECT("gap", gap_nodes),
	FIELD("account", LOGFIELD_ACCOUNT),
	FIELD("note", LOGFIELD_NOTE),
};
static const struct node line_nodes[] = {
	FIELD("@timestamp", LOGFIELD_TIME),
	OBJECT("event", event_nodes),
	OBJECT("device", device_nodes),
	OBJECT("sekisho", sekisho_nodes),
	OBJECT("source", source_nodes),
	OBJECT("user", user_nodes),
	OBJECT("related", related_nodes),
	OBJECT("network", network_nodes),
	OBJECT("destination", destination_nodes),
	OBJECT("rule", rule_nodes),
	OBJECT("error", error_nodes),
	OBJECT("user_agent", agent_nodes),
	FIELD("message", LOGFIELD_MESSAGE),
};
static const struct node line_node = OBJECT("", line_nodes);

struct scan {
	const char *at, *end;
	struct logvalue *values;
	bool (*each)(struct logvalue v, void *arg);
	void *arg;
	bool enough; /* `each` has found what it wanted */
};

static void blanks(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

static bool take(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* Is one of eight bytes a quote, a backslash or a control character? Finds a zero byte in w with (w - 01..) & ~w & 80..; that a
 * byte above one that was found may be named falsely does no harm. */
static bool special(const char *at)
{
	static const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
	uint64_t w, quote, slash;
	memcpy(&w, at, sizeof w);
	quote = w ^ ones * '"';
	slash = w ^ ones * '\\';
	return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * ' ') & ~w)) & high;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool escape_take(struct scan *s)
{
	static const char letters[] = "\"\\/bfnrtu";
	if (s->at == s->end || !memchr(letters, *s->at, sizeof letters - 1))
		return false;
	if (*s->at++ != 'u')
		return true;
	for (unsigned i = 0; i < 4; i++)
		if (s->at == s->end || !is_hex(*s->at++))
			return false;
	return true;
}

/* Behind an opening quote. */
static bool string_take(struct scan *s, struct logvalue *out)
{
	const char *from = s->at;
	for (;;) {
		while (s->end - s->at >= 8 && !special(s->at))
			s->at += 8;
		while (s->at < s->end && *s->at != '"' && *s->at != '\\' && (unsigned char)*s->at >= ' ')
			s->at++;
		if (take(s, '"'))
			break;
		if (!take(s, '\\') || !escape_take(s))
			return false;
	}
	*out = (struct logvalue){from, (size_t)(s->at - 1 - from), true};
	return true;
}

static bool digits_take(struct scan *s)
{
	const char *from = s->at;
	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > from;
}

static bool number_take(struct scan *s)
{
	take(s, '-');
	if (!take(s, '0') && !digits_take(s))
		return false;
	if (take(s, '.') && !digits_take(s))
		return false;
	if (!take(s, 'e') && !take(s, 'E'))
		return true;
	if (!take(s, '+'))
		take(s, '-');
	return digits_take(s);
}

static bool word_take(struct scan *s, const char *word)
{
	size_t size = strlen(word);
	if ((size_t)(s->end - s->at) < size || memcmp(s->at, word, size) != 0)
		return false;
	s->at += size;
	return true;
}

static const struct node *child(const struct node *node, struct logvalue name)
{
	char plain[32];
	if (!node)
		return NULL;
	if (memchr(name.text, '\\', name.size)) {
		name.size = logvalue_text(name, plain, sizeof plain);
		name.text = plain;
	}
	for (size_t i = 0; i < node->count; i++)
		if (node->below[i].size == name.size && !memcmp(node->below[i].name, name.text, name.size))
			return &node->below[i];
	return NULL;
}

/* What an earlier member of the same name has left. */
static void forget(struct scan *s, const struct node *node)
{
	if (!node->below) {
		s->values[node->field] = (struct logvalue){0};
		return;
	}
	for (size_t i = 0; i < node->count; i++)
		forget(s, &node->below[i]);
}

static bool value_take(struct scan *s, const struct node *node, unsigned depth);

static bool member_take(struct scan *s, const struct node *node, unsigned depth)
{
	struct logvalue name;
	blanks(s);
	if (!take(s, '"') || !string_take(s, &name))
		return false;
	blanks(s);
	if (!take(s, ':'))
		return false;
	const struct node *below = child(node, name);
	if (below)
		forget(s, below);
	return value_take(s, below, depth);
}

/* Behind an opening bracket, `close` being the other. `node` names the members of an object. */
static bool list_take(struct scan *s, char close, const struct node *node, unsigned depth)
{
	blanks(s);
	if (take(s, close))
		return true;
	if (depth == LOGFIELD_DEPTH)
		return false;
	for (;;) {
		if (close == '}' ? !member_take(s, node, depth + 1) : !value_take(s, NULL, depth + 1))
			return false;
		if (s->enough)
			return true;
		blanks(s);
		if (take(s, close))
			return true;
		if (!take(s, ','))
			return false;
	}
}

static bool value_take(struct scan *s, const struct node *node, unsigned depth)
{
	struct logvalue v = {0};
	blanks(s);
	const char *from = s->at;
	bool good;
	if (take(s, '"')) {
		good = string_take(s, &v);
		s->enough = good && s->each && s->each(v, s->arg);
	} else {
		good = take(s, '{')   ? list_take(s, '}', node && node->below ? node : NULL, depth)
		       : take(s, '[') ? list_take(s, ']', NULL, depth)
				      : word_take(s, "true") || word_take(s, "false") || word_take(s, "null") || number_take(s);
		if (good && *from != 'n')
			v = (struct logvalue){from, (size_t)(s->at - from), false};
	}
	if (good && node && !node->below)
		s->values[node->field] = v;
	return good;
}

static int line_take(struct scan *s, const struct node *node)
{
	blanks(s);
	if (!take(s, '{') || !list_take(s, '}', node, 1))
		return -EINVAL;
	blanks(s);
	return s->enough || s->at == s->end ? 0 : -EINVAL;
}

int logfield_scan(const char *line, size_t size, struct logvalue values[static LOGFIELDS])
{
	struct scan s = {.at = line, .end = line + size, .values = values};
	memset(values, 0, LOGFIELDS * sizeof *values);
	return line_take(&s, &line_node);
}

int logfield_strings(const char *line, size_t size, bool (*each)(struct logvalue, void *), void *arg)
{
	struct scan s = {.at = line, .end = line + size, .each = each, .arg = arg};
	int r = line_take(&s, NULL);
	return r ? r : s.enough;
}

static bool path_find(const struct node *node, enum logfield field, char *out, size_t size)
{
	for (size_t i = 0; i < node->count; i++) {
		const struct node *n = &node->below[i];
		int used = snprintf(out, size, n->below ? "%s." : "%s", n->name);
		if (n->below ? path_find(n, field, out + used, size - (size_t)used) : n->field == field)
			return true;
	}
	return false;
}

const char *logfield_path(enum logfield field, char *out, size_t size)
{
	return path_find(&line_node, field, out, size) ? out : NULL;
}
