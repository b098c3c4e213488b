/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answering half of auth/http.h. */
#include "auth/http.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

const char *http_status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} texts[] = {
		{200, "OK"},
		{303, "See Other"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{411, "Length Required"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Error";
}

/*
 * The page needs its own style sheet and its own forms; everything else is closed. The referrer policy is not `no-referrer`: with
 * that, browsers send `Origin: null` on form posts (Fetch standard, "append a request Origin header"), and the check of the
 * origin would have nothing to go by.
 */
static const char security_fields[] =
	"Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
	"frame-ancestors 'none'; base-uri 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Referrer-Policy: same-origin\r\n"
	"Strict-Transport-Security: max-age=31536000\r\n"
	"Cross-Origin-Opener-Policy: same-origin\r\n"
	"Cross-Origin-Resource-Policy: same-origin\r\n"
	"Cross-Origin-Embedder-Policy: require-corp\r\n";

struct head {
	char *out;
	size_t size, used;
};

static void __attribute__((format(printf, 2, 3))) add(struct head *h, const char *format, ...)
{
	va_list args;

	if (h->used >= h->size)
		return;
	va_start(args, format);
	int n = vsnprintf(h->out + h->used, h->size - h->used, format, args);
	va_end(args);
	h->used = n < 0 ? h->size : h->used + (size_t)n;
}

/* IMF-fixdate, RFC 9110 section 5.6.7. strftime(3) would ask the locale. */
static void add_date(struct head *h, int64_t now)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t seconds = (time_t)now;
	struct tm t;

	if (gmtime_r(&seconds, &t))
		add(h, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
			t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

ssize_t http_reply_head(const struct http_reply *r, int64_t now, char *out, size_t size)
{
	struct head h = {.out = out, .size = size};

	add(&h, "HTTP/1.1 %u %s\r\n", r->status, http_status_text(r->status));
	add_date(&h, now);
	add(&h, "Content-Length: %zu\r\n", r->length);
	if (r->type)
		add(&h, "Content-Type: %s\r\n", r->type);
	if (r->location)
		add(&h, "Location: %s\r\n", r->location);
	if (r->allow)
		add(&h, "Allow: %s\r\n", r->allow);
	if (r->retry_after)
		add(&h, "Retry-After: %u\r\n", r->retry_after);
	add(&h, "Cache-Control: %s\r\n", r->cacheable ? "private, max-age=3600" : "no-store");
	add(&h, "%s", security_fields);
	add(&h, "Connection: %s\r\n\r\n", r->close ? "close" : "keep-alive");
	return h.used < h.size ? (ssize_t)h.used : -EMSGSIZE;
}
