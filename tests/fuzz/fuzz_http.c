/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request head from a browser: found at the same place however the bytes arrive, and whatever is taken keeps what the rest of
 * the portal relies on.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/http.h"
#include "auth/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *text, const char *head, size_t size)
{
	must(text && (*text == '\0' || (text > head && text < head + size)));
	must(!strpbrk(text, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request r;
	size_t scanned = 0, again = 0;
	if (size > 2 * HTTP_HEAD_MAX)
		return 0;
	char *head = malloc(size + 1);
	must(head != NULL);
	memcpy(head, data, size);
	ssize_t n = http_head_end(head, size, &scanned), m = 0;
	for (size_t step = size / 7 + 1, have = 0; !m && have < size;) {
		have = have + step < size ? have + step : size;
		m = http_head_end(head, have, &again);
	}
	must(n == m);
	if (n > 0 && !http_parse(head, (size_t)n, &r)) {
		must(n <= HTTP_HEAD_MAX && r.path[0] == '/' && !strchr(r.path, '?') && r.host[0] != '\0');
		must(r.content_length <= HTTP_BODY_MAX && (r.method == HTTP_POST) >= (r.content_length > 0));
		const char *const texts[] = {
			r.path, r.host, r.origin, r.fetch_site, r.content_type, r.accept_language, r.user_agent};
		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
			check_text(texts[i], head, (size_t)n);
		must(page_language(r.accept_language) < LANGUAGES);
		must(!http_host_is(r.host, "portal.example", 443) || strlen(r.host) == 14 || strlen(r.host) == 18);
		http_type_is(r.content_type, "application/x-www-form-urlencoded");
		http_origin_matches(r.origin, r.host);
	}
	free(head);
	return 0;
}
