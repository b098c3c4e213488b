/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 9110 section 5.6.2. */
static bool is_token(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* RFC 9110 section 5.5: visible characters, blanks and bytes above ASCII. */
static bool is_value(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

ssize_t http_head_end(const char *data, size_t size, size_t *scanned)
{
	size_t limit = size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX;

	for (; *scanned < limit; (*scanned)++) {
		size_t i = *scanned;
		unsigned char c = (unsigned char)data[i];
		bool after_cr = i > 0 && data[i - 1] == '\r';

		if (after_cr != (c == '\n') || (c != '\r' && c != '\n' && !is_value(c)))
			return -EBADMSG;
		if (c == '\n' && i >= 3 && data[i - 2] == '\n')
			return (ssize_t)i + 1;
	}
	return size >= HTTP_HEAD_MAX ? -EMSGSIZE : 0;
}

static unsigned parse_request_line(char *line, struct http_request *r)
{
	static const struct {
		const char *name;
		enum http_method method;
	} methods[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_HEAD}, {"POST", HTTP_POST}};
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;

	if (!version || target == line)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	if (strcmp(version, "HTTP/1.1") != 0 || *target != '/')
		return 400;
	for (const char *c = line; *c; c++)
		if (!is_token((unsigned char)*c))
			return 400;
	for (const char *c = target; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '#')
			return 400;
	r->method = HTTP_OTHER;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (!strcmp(line, methods[i].name))
			r->method = methods[i].method;
	target[strcspn(target, "?")] = '\0';
	r->path = target;
	return 0;
}

/* 1*DIGIT (RFC 9110 section 8.6); a list of equal values is legal there and refused here. */
static unsigned parse_length(const char *value, struct http_request *r)
{
	size_t n = 0;

	if (r->has_length || !*value)
		return 400;
	for (const char *c = value; *c; c++) {
		if (*c < '0' || *c > '9')
			return 400;
		if (n <= HTTP_BODY_MAX)
			n = n * 10 + (size_t)(*c - '0');
	}
	if (n > HTTP_BODY_MAX)
		return 413;
	r->content_length = n;
	r->has_length = true;
	return 0;
}

static bool list_has(const char *list, const char *word)
{
	size_t size = strlen(word);

	while (*list) {
		list += strspn(list, " \t,");
		size_t n = strcspn(list, " \t,");
		if (n == size && !strncasecmp(list, word, size))
			return true;
		list += n;
	}
	return false;
}

static unsigned parse_field(const char *name, const char *value, struct http_request *r)
{
	const struct {
		const char *name;
		const char **to;
	} singles[] = {
		{"Host", &r->host},
		{"Origin", &r->origin},
		{"Sec-Fetch-Site", &r->fetch_site},
		{"Content-Type", &r->content_type},
		{"User-Agent", &r->user_agent},
	};

	for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
		if (strcasecmp(name, singles[i].name) != 0)
			continue;
		if (*singles[i].to)
			return 400;
		*singles[i].to = value;
		return 0;
	}
	if (!strcasecmp(name, "Content-Length"))
		return parse_length(value, r);
	if (!strcasecmp(name, "Transfer-Encoding"))
		return 400;
	if (!strcasecmp(name, "Expect"))
		return 417;
	if (!strcasecmp(name, "Connection"))
		r->close |= list_has(value, "close");
	if (!strcasecmp(name, "Accept-Language") && !r->accept_language)
		r->accept_language = value;
	return 0;
}

/* One line without its CRLF, already NUL-terminated. */
static unsigned parse_line(char *line, struct http_request *r)
{
	char *colon = strchr(line, ':');

	if (!colon || colon == line)
		return 400;
	for (const char *c = line; c < colon; c++)
		if (!is_token((unsigned char)*c)) /* also a folded line and a blank before the colon */
			return 400;
	*colon = '\0';
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t n = strlen(value);
	while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		n--;
	value[n] = '\0';
	return parse_field(line, value, r);
}

/* What can only be judged when all fields are known; absent ones become "". */
static unsigned complete(struct http_request *r)
{
	const char **optional[] = {&r->origin, &r->fetch_site, &r->content_type, &r->accept_language, &r->user_agent};

	if (!r->host || !*r->host)
		return 400;
	r->has_origin = r->origin != NULL;
	for (size_t i = 0; i < sizeof optional / sizeof *optional; i++)
		if (!*optional[i])
			*optional[i] = "";
	if (r->method == HTTP_POST)
		return r->has_length ? 0 : 411;
	return r->content_length ? 400 : 0;
}

unsigned http_parse(char *head, size_t size, struct http_request *out)
{
	struct http_request r = {0};
	size_t lines = 0, scanned = 0;
	unsigned status = 0;

	if (http_head_end(head, size, &scanned) != (ssize_t)size)
		return 400;
	for (char *line = head; *line != '\r';) {
		char *end = memchr(line, '\r', size - (size_t)(line - head));
		*end = '\0';
		status = lines ? parse_line(line, &r) : parse_request_line(line, &r);
		if (!status && lines++ > HTTP_HEADERS_MAX)
			status = 400;
		if (status)
			return status;
		line = end + 2;
	}
	status = lines ? complete(&r) : 400;
	if (!status)
		*out = r;
	return status;
}

bool http_host_is(const char *text, const char *name, uint16_t port)
{
	bool literal = strchr(name, ':') != NULL;
	size_t n = strlen(name);
	char expected[8];

	if (literal && *text++ != '[')
		return false;
	if (strncasecmp(text, name, n) != 0)
		return false;
	text += n;
	if (literal && *text++ != ']')
		return false;
	snprintf(expected, sizeof expected, ":%u", port);
	return !*text || !strcmp(text, expected);
}

bool http_origin_matches(const char *origin, const char *host)
{
	static const char scheme[] = "https://";
	size_t n = sizeof scheme - 1;

	return !strncasecmp(origin, scheme, n) && !strcasecmp(origin + n, host);
}

bool http_type_is(const char *content_type, const char *type)
{
	size_t n = strlen(type);

	if (strncasecmp(content_type, type, n) != 0)
		return false;
	content_type += n + strspn(content_type + n, " \t");
	return !*content_type || *content_type == ';';
}
