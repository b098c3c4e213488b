/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/nearest.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/logquery_internal.h"
#include "gateway/cli/logschema.h"
#include "gateway/seal.h"

static const char *const names[LOGQUERY_OPTIONS] = {
	[LOGQUERY_USER] = "user",
	[LOGQUERY_ADMIN] = "admin",
	[LOGQUERY_DEVICE] = "device",
	[LOGQUERY_KEY] = "key",
	[LOGQUERY_ADDRESS] = "address",
	[LOGQUERY_DESTINATION] = "destination",
	[LOGQUERY_PORT] = "port",
	[LOGQUERY_ACTION] = "action",
	[LOGQUERY_OUTCOME] = "outcome",
	[LOGQUERY_REASON] = "reason",
	[LOGQUERY_SESSION] = "session",
	[LOGQUERY_RULE] = "rule",
	[LOGQUERY_TEXT] = "text",
	[LOGQUERY_FILE] = "file",
};

void logquery_specs(struct logquery *q, struct option_spec *specs)
{
	for (enum logquery_option i = 0; i < LOGQUERY_OPTIONS; i++)
		specs[i] = (struct option_spec){.name = names[i], .list = &q->words[i], .verbatim = i == LOGQUERY_TEXT};
	specs[LOGQUERY_OPTIONS] = (struct option_spec){.name = "since", .value = &q->since};
	specs[LOGQUERY_OPTIONS + 1] = (struct option_spec){.name = "until", .value = &q->until};
	specs[LOGQUERY_OPTIONS + 2] = (struct option_spec){.name = "utc", .flag = &q->utc};
}

/* ---- words that are known ---- */

static int say_unknown(enum logquery_option option, const char *word, struct nearest *n)
{
	char hint[NEAREST_TEXT];
	return cli_usage("--%s: there is no '%s'%s", names[option], word, nearest_hint(n, hint));
}

static int words_known(const struct logquery *q, enum logquery_option option, const char *const *known)
{
	for (size_t i = 0; i < q->words[option].count; i++) {
		const char *word = q->words[option].items[i];
		struct nearest n = nearest_to(word);
		bool found = false;
		for (size_t k = 0; known[k] && !found; k++) {
			found = !strcmp(word, known[k]);
			nearest_offer(&n, known[k]);
		}
		if (!found)
			return say_unknown(option, word, &n);
	}
	return CLI_OK;
}

/* An action's reasons; all of its own are offered. */
static bool reason_known(json_t *actions, const char *word, struct nearest *n)
{
	const char *action, *reason;
	json_t *entry, *meaning;
	json_object_foreach(actions, action, entry)
	{
		json_object_foreach(json_object_get(entry, "reasons"), reason, meaning)
		{
			if (!strcmp(word, reason))
				return true;
			nearest_offer(n, reason);
		}
	}
	return false;
}

static bool action_known(json_t *actions, const char *word, struct nearest *n)
{
	const char *action;
	json_t *entry;
	if (json_object_get(actions, word))
		return true;
	json_object_foreach(actions, action, entry)
	{
		nearest_offer(n, action);
	}
	return false;
}

/* The logs that can have one of the actions. */
static void actions_files(struct logquery *q, json_t *actions)
{
	bool can[LOG_FILES] = {false};
	for (size_t i = 0; i < q->words[LOGQUERY_ACTION].count; i++) {
		json_t *files = json_object_get(json_object_get(actions, q->words[LOGQUERY_ACTION].items[i]), "files"), *file;
		size_t at;
		json_array_foreach(files, at, file) for (enum log_file f = 0; f < LOG_FILES; f++) can[f] =
			can[f] || !strcmp(json_string_value(file), seal_file_name(f));
	}
	for (enum log_file f = 0; q->words[LOGQUERY_ACTION].count && f < LOG_FILES; f++)
		q->files[f] = q->files[f] && can[f];
}

static int schema_words(struct logquery *q)
{
	static const struct {
		enum logquery_option option;
		bool (*known)(json_t *actions, const char *word, struct nearest *n);
	} tests[] = {{LOGQUERY_ACTION, action_known}, {LOGQUERY_REASON, reason_known}};
	int code = CLI_OK;
	if (!q->words[LOGQUERY_ACTION].count && !q->words[LOGQUERY_REASON].count)
		return CLI_OK;
	json_t *schema = logschema_load(), *actions = json_object_get(schema, "actions");
	if (!schema)
		return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	for (size_t t = 0; t < sizeof tests / sizeof *tests; t++)
		for (size_t i = 0; !code && i < q->words[tests[t].option].count; i++) {
			const char *word = q->words[tests[t].option].items[i];
			struct nearest n = nearest_to(word);
			if (!tests[t].known(actions, word, &n))
				code = say_unknown(tests[t].option, word, &n);
		}
	actions_files(q, actions);
	json_decref(schema);
	return code;
}

static int fixed_words(struct logquery *q)
{
	static const char *const outcomes[] = {"success", "failure", "unknown", NULL};
	const char *files[LOG_FILES + 1] = {0};
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		files[i] = seal_file_name(i);
		q->files[i] = !q->words[LOGQUERY_FILE].count;
		for (size_t w = 0; w < q->words[LOGQUERY_FILE].count; w++)
			q->files[i] = q->files[i] || !strcmp(q->words[LOGQUERY_FILE].items[w], files[i]);
	}
	int code = words_known(q, LOGQUERY_OUTCOME, outcomes);
	return code ? code : words_known(q, LOGQUERY_FILE, files);
}

/* ---- numbers and addresses ---- */

static bool number(const char *text, size_t size, uint32_t most, uint32_t *out)
{
	int64_t n = logvalue_number((struct logvalue){text, size, false});
	if (n < 0 || n > most)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* "443" or "8000-8100". */
static int ranges(const struct logquery *q, enum logquery_option option, uint32_t most, struct logquery_range *out)
{
	for (size_t i = 0; i < q->words[option].count; i++) {
		const char *word = q->words[option].items[i], *dash = strchr(word, '-');
		size_t size = dash ? (size_t)(dash - word) : strlen(word);
		const char *last = dash ? dash + 1 : word;
		if (!number(word, size, most, &out[i].first) || !number(last, strlen(last), most, &out[i].last) ||
			out[i].first > out[i].last)
			return cli_usage(
				"--%s: '%s' is neither a number up to %u nor a range like 20-30", names[option], word, most);
	}
	return CLI_OK;
}

static int prefixes(const struct logquery *q, enum logquery_option option, struct prefix *out)
{
	for (size_t i = 0; i < q->words[option].count; i++) {
		const char *word = q->words[option].items[i];
		int error = prefix_parse(word, &out[i]);
		if (error == -EDOM)
			return cli_usage(
				"--%s: '%s' has bits behind its length: 10.20.0.0/16, not 10.20.0.1/16", names[option], word);
		if (error)
			return cli_usage(
				"--%s: '%s' is no address and no prefix like 10.20.0.0/16 or 2001:db8::/32", names[option], word);
	}
	return CLI_OK;
}

/* As event_user_hash() makes it of a name that was nobody's. */
static bool hash_name(const char *name, char out[static LOGQUERY_HASH])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	if (!EVP_Digest(name, strlen(name), digest, &size, EVP_sha256(), NULL) || 2 * size + 1 != LOGQUERY_HASH)
		return false;
	for (unsigned i = 0; i < size; i++)
		snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
	return true;
}

/* A folder that stands behind a list was taken for one of its values. */
static int users(struct logquery *q)
{
	for (size_t i = 0; i < q->words[LOGQUERY_USER].count; i++) {
		const char *name = q->words[LOGQUERY_USER].items[i];
		if (*name == '/')
			return cli_usage("--user: '%s' is no user; name the folder before the options", name);
		if (!hash_name(name, q->hashes[i]))
			return cli_fail(CLI_FAILED, "free some memory and try again", "cannot compute SHA-256");
	}
	return CLI_OK;
}

int logquery_prepare(struct logquery *q, int64_t now)
{
	int code = logperiod_parse(q->since, q->until, q->utc, now, &q->period);
	if (!code)
		code = users(q);
	if (!code)
		code = prefixes(q, LOGQUERY_ADDRESS, q->addresses);
	if (!code)
		code = prefixes(q, LOGQUERY_DESTINATION, q->destinations);
	if (!code)
		code = ranges(q, LOGQUERY_PORT, UINT16_MAX, q->ports);
	if (!code)
		code = ranges(q, LOGQUERY_SESSION, UINT32_MAX, q->sessions);
	if (!code)
		code = fixed_words(q);
	if (!code)
		code = schema_words(q);
	if (!code)
		logquery_needles(q);
	return code;
}
