/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/text.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/guess.h"
#include "gateway/cli/skeleton.h"

enum { VALUE_MAX = 1024, WHY_MAX = 512 };

/* In the order in which they are asked: each is judged together with those before it. */
enum value { ENDPOINT, INTERNAL, NETWORK4, NETWORK6, RESOLVER, PORTAL_NAME, VALUES };

struct plan {
	char values[VALUES][VALUE_MAX]; /* "" until settled */
};

static const struct question {
	const char *option, *text;
	const char *sample; /* stands in, while other values are judged: RFC 5737 and RFC 6761 keep these for nobody */
} questions[VALUES] = {
	[ENDPOINT] = {"endpoint", "Name or address, and UDP port, that phones dial from the Internet", "sekisho.invalid:51820"},
	[INTERNAL] = {"internal", "Internal networks behind this gateway", "192.0.2.0/24"},
	[NETWORK4] = {"network4", "IPv4 network for the phones, used by nothing else", "198.51.100.0/24"},
	[NETWORK6] = {"network6", "IPv6 network for the phones, or 'none'", "none"},
	[RESOLVER] = {"resolver", "DNS servers for the phones", "192.0.2.53"},
	[PORTAL_NAME] = {"portal-name", "DNS name of the login page", "sekisho.invalid"},
};

static const char *value(const struct plan *p, enum value v)
{
	return *p->values[v] ? p->values[v] : questions[v].sample;
}

/* Writes the file with what is settled and samples for the rest, and parses it. 0 or -errno; *config is the caller's. */
static int plan_parse(const struct plan *p, char **config, struct settings *s, struct diag *d)
{
	char tunnel[2 * VALUE_MAX];
	bool v6 = strcmp(value(p, NETWORK6), "none") != 0;
	snprintf(tunnel, sizeof tunnel, "%s%s%s", value(p, NETWORK4), v6 ? " " : "", v6 ? value(p, NETWORK6) : "");
	const struct skeleton k = {value(p, ENDPOINT), value(p, INTERNAL), tunnel, value(p, RESOLVER), value(p, PORTAL_NAME)};
	char *text = skeleton_config(&k);
	if (!text)
		return -ENOMEM;
	int error = settings_parse("sekisho.conf", text, strlen(text), s, d);
	if (error)
		free(text);
	else
		*config = text;
	return error;
}

/* Takes `text` for a value if the file would be good with it. 0, or -EINVAL with `why`, the value unsettled. */
static int value_try(struct plan *p, enum value v, const char *text, char why[static WHY_MAX])
{
	struct settings s;
	struct diag d = diag_new();
	char *config = NULL;
	int error = -EINVAL;
	if (!*text || strlen(text) >= VALUE_MAX || strcspn(text, "#\"\r\n\t") != strlen(text)) {
		snprintf(why, WHY_MAX, "empty, too long, or with characters that do not belong there");
	} else {
		snprintf(p->values[v], VALUE_MAX, "%s", text);
		error = plan_parse(p, &config, &s, &d);
		if (error)
			snprintf(why, WHY_MAX, "%s", d.count ? d.entries[0].text : strerror(-error));
	}
	if (error)
		p->values[v][0] = '\0';
	free(config);
	diag_free(&d);
	return error;
}

static void join(const struct option_words *words, char *out, size_t size)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < words->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "", words->items[i]);
}

/* The option's text, or "". */
static void option_text(const struct plan_options *o, enum value v, char out[static VALUE_MAX])
{
	const char *single[VALUES] = {
		[ENDPOINT] = o->endpoint, [NETWORK4] = o->network4, [NETWORK6] = o->network6, [PORTAL_NAME] = o->portal_name};
	if (v == INTERNAL)
		join(&o->internal, out, VALUE_MAX);
	else if (v == RESOLVER)
		join(&o->resolver, out, VALUE_MAX);
	else
		snprintf(out, VALUE_MAX, "%s", single[v] ? single[v] : "");
}

/* The first of some private networks that the settled values leave free. */
static void guess_network4(struct plan *p, char out[static VALUE_MAX])
{
	static const char *const candidates[] = {"10.64.0.0/16", "172.30.0.0/16", "192.168.192.0/20", "100.100.0.0/16"};
	char why[WHY_MAX];
	out[0] = '\0';
	for (size_t i = 0; i < sizeof candidates / sizeof *candidates && !*out; i++)
		if (!value_try(p, NETWORK4, candidates[i], why))
			snprintf(out, VALUE_MAX, "%s", candidates[i]);
	p->values[NETWORK4][0] = '\0';
}

static void guess(struct plan *p, enum value v, char out[static VALUE_MAX])
{
	out[0] = '\0';
	if (v == INTERNAL)
		guess_internal(out, VALUE_MAX);
	else if (v == NETWORK4)
		guess_network4(p, out);
	else if (v == NETWORK6)
		guess_network6(out, VALUE_MAX);
	else if (v == RESOLVER)
		guess_resolvers(out, VALUE_MAX);
	else if (v == PORTAL_NAME)
		snprintf(out, VALUE_MAX, "sekisho.internal"); /* a top-level name that ICANN keeps for private use */
}

/* Asks until the answer is good. CLI_OK, or CLI_FAILED at the end of input. */
static int ask(struct plan *p, enum value v)
{
	char proposal[VALUE_MAX], answer[VALUE_MAX], why[WHY_MAX], safe[WHY_MAX];
	guess(p, v, proposal);
	for (;;) {
		fprintf(stderr, "%s%s%s%s: ", questions[v].text, *proposal ? " [" : "", proposal, *proposal ? "]" : "");
		if (!fgets(answer, sizeof answer, stdin))
			return cli_fail(CLI_FAILED, "run it again, or give the values as options: sekisho help setup",
				"no answer: nothing was written");
		answer[strcspn(answer, "\n")] = '\0';
		if (!value_try(p, v, *answer ? answer : proposal, why))
			return CLI_OK;
		fprintf(stderr, "  %s\n", text_safe(why, safe, sizeof safe));
	}
}

static int settle(struct plan *p, const struct plan_options *o, enum value v, char *missing, size_t missing_size)
{
	char text[VALUE_MAX], why[WHY_MAX];
	option_text(o, v, text);
	if (*text)
		return value_try(p, v, text, why) ? cli_usage("--%s %s: %s", questions[v].option, text, why) : CLI_OK;
	if (cli_interactive())
		return ask(p, v);
	/* Networks of our own can be chosen unasked; what the others are, only people know. */
	if (v == NETWORK4 || v == NETWORK6) {
		guess(p, v, text);
		if (!value_try(p, v, text, why))
			return CLI_OK;
	}
	size_t used = strlen(missing);
	snprintf(missing + used, missing_size - used, " --%s", questions[v].option);
	return CLI_OK;
}

bool plan_given(const struct plan_options *o)
{
	return o->endpoint || o->network4 || o->network6 || o->portal_name || o->internal.count || o->resolver.count;
}

int plan_make(const struct plan_options *o, char **config, struct settings *settings)
{
	struct plan p = {0};
	char missing[256] = "";
	for (int v = 0; v < VALUES; v++) {
		int code = settle(&p, o, (enum value)v, missing, sizeof missing);
		if (code)
			return code;
	}
	if (*missing)
		return cli_usage("missing, and nobody to ask on a terminal:%s", missing);
	struct diag d = diag_new();
	int code = plan_parse(&p, config, settings, &d)
			   ? cli_fail(CLI_FAILED, "sekisho help setup", "these values do not go together: %s",
				     d.count ? d.entries[0].text : "out of memory")
			   : CLI_OK;
	diag_free(&d);
	return code;
}
