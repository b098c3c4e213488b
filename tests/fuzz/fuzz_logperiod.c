/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A time option: what is taken is a period, and a day given to both ends is not an empty one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/logperiod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
	static const int64_t now = INT64_C(1795395930000000);
	struct logperiod since, until, both;
	for (int utc = 0; utc < 2; utc++) {
		int a = logperiod_parse(text, NULL, utc, now, &since), b = logperiod_parse(NULL, text, utc, now, &until);
		if (a != b || (a != CLI_OK && a != CLI_USAGE))
			abort();
		if (a != CLI_OK)
			continue;
		if (since.since > until.until || since.until != INT64_MAX || until.since != INT64_MIN)
			abort();
		if ((logperiod_parse(text, text, utc, now, &both) == CLI_OK) != (since.since < until.until))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[64];
	static FILE *quiet;
	if (!quiet && !(quiet = fopen("/dev/null", "w")))
		abort();
	if (size >= sizeof text || memchr(data, 0, size))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	/* What is said of a mistake would drown what the fuzzer says. */
	FILE *const loud = stderr;
	stderr = quiet;
	check(text);
	stderr = loud;
	return 0;
}
