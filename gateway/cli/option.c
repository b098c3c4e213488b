/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/option.h"

#include <string.h>

#include "config/nearest.h"
#include "gateway/cli/cli.h"

static int word_add(struct option_words *words, const char *word)
{
	if (words->count == OPTION_WORDS)
		return cli_usage("more than %d words: that is too many", OPTION_WORDS);
	words->items[words->count++] = word;
	return 0;
}

/* "a,b" -> two words; empty pieces are a mistake. */
static int list_add(const struct option_spec *s, char *text)
{
	if (s->verbatim && *text)
		return word_add(s->list, text);
	for (char *piece; (piece = strsep(&text, ","));) {
		if (!*piece)
			return cli_usage("--%s has an empty value", s->name);
		int failed = word_add(s->list, piece);
		if (failed)
			return failed;
	}
	return 0;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0' && (word[1] < '0' || word[1] > '9');
}

static const struct option_spec *spec_find(const struct option_spec *specs, size_t count, const char *name, size_t size)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(specs[i].name) == size && !memcmp(specs[i].name, name, size))
			return &specs[i];
	return NULL;
}

static const struct option_spec *letter_find(const struct option_spec *specs, size_t count, char letter)
{
	for (size_t i = 0; i < count; i++)
		if (specs[i].letter == letter)
			return &specs[i];
	return NULL;
}

/* Takes all words up to the next option. Moves *at over what it took. */
static int list_take(const struct option_spec *s, int argc, char **argv, int *at)
{
	int failed = 0;
	while (!failed && *at + 1 < argc && !is_option(argv[*at + 1]))
		failed = list_add(s, argv[++*at]);
	return failed;
}

/* Takes the value of one option: `attached` after its '=', or from the words that follow. Moves *at over what it took. */
static int spec_take(const struct option_spec *s, char *attached, int argc, char **argv, int *at)
{
	char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
	if ((s->flag && *s->flag) || (s->value && *s->value))
		return cli_usage("--%s is given twice", s->name);
	if (s->flag && attached && !s->value)
		return cli_usage("--%s takes no value", s->name);
	if (!s->flag && !attached && (!next || is_option(next)))
		return cli_usage("--%s needs a value", s->name);
	if (s->list)
		return attached ? list_add(s, attached) : list_take(s, argc, argv, at);
	if (s->flag)
		*s->flag = true;
	if (s->value && attached)
		*s->value = attached;
	else if (s->value && (!s->flag || (next && (next[0] == '/' || next[0] == '.'))))
		*s->value = argv[++*at];
	return 0;
}

static int say_unknown(const struct option_spec *specs, size_t count, const char *word, size_t size)
{
	char name[NEAREST_NAME_MAX + 1], hint[NEAREST_TEXT];
	snprintf(name, sizeof name, "%.*s", (int)size, word);
	struct nearest n = nearest_to(name + strspn(name, "-"));
	for (size_t i = 0; i < count; i++)
		nearest_offer(&n, specs[i].name);
	return cli_usage("unknown option '%s'%s", name, nearest_hint(&n, hint));
}

int option_parse(int argc, char **argv, const struct option_spec *specs, size_t spec_count, struct option_words *rest)
{
	static const struct option_spec json = {.name = "json", .flag = &cli_json};
	bool options = true;
	for (int i = 0; i < argc; i++) {
		char *word = argv[i];
		if (!options || !is_option(word)) {
			int failed = word_add(rest, word);
			if (failed)
				return failed;
			continue;
		}
		if (!strcmp(word, "--")) {
			options = false;
			continue;
		}
		size_t size = strcspn(word, "=");
		const struct option_spec *s = NULL;
		if (size > 2 && word[1] == '-')
			s = spec_find(specs, spec_count, word + 2, size - 2);
		if (size == 2 && word[1] != '-')
			s = letter_find(specs, spec_count, word[1]);
		if (!s && size == 6 && !memcmp(word, "--json", 6))
			s = &json;
		if (!s)
			return say_unknown(specs, spec_count, word, size);
		int failed = spec_take(s, word[size] ? word + size + 1 : NULL, argc, argv, &i);
		if (failed)
			return failed;
	}
	return 0;
}

int option_count(const struct option_words *rest, size_t least, size_t most, const char *what)
{
	if (rest->count < least)
		return cli_usage("%s is missing", what);
	if (rest->count > most)
		return cli_usage("'%s' is one word too many", rest->items[most]);
	return 0;
}

int option_only(int argc, char **argv, const char *what, const char **word)
{
	struct option_words rest = {0};
	int code = option_parse(argc, argv, NULL, 0, &rest);
	if (!code)
		code = option_count(&rest, word != NULL, word != NULL, what);
	if (!code && word)
		*word = rest.items[0];
	return code;
}
