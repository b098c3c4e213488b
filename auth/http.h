/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The strict part of HTTP/1.1 (RFC 9110, RFC 9112) that a browser needs for a login page, and nothing else: GET, HEAD and POST on
 * origin-form targets, bodies of known length. What two programs could read differently is refused: bare LF or CR, NUL and other
 * controls, folded lines, blanks before the colon, a field twice that may stand once, any Transfer-Encoding, other versions.
 * Pure functions over memory: no socket, no clock, no allocation.
 */
#ifndef SEKISHO_HTTP_H
#define SEKISHO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	HTTP_HEAD_MAX = 8192, /* bytes of request line and header fields */
	HTTP_HEADERS_MAX = 64,
	HTTP_BODY_MAX = 8192,
	HTTP_REPLY_HEAD_MAX = 2048,
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

/* One parsed request. Strings point into the head that was parsed; absent fields are "". */
struct http_request {
	enum http_method method;
	const char *path; /* without the query; starts with '/', visible ASCII, still percent-encoded */
	const char *host, *origin, *fetch_site, *content_type, *accept_language, *user_agent;
	bool has_origin; /* the field was there, even if empty */
	bool close; /* the client said `Connection: close` */
	bool has_length;
	size_t content_length; /* 0..HTTP_BODY_MAX */
	const char *body; /* not parsed here: set by the owner of the buffer; content_length bytes, no NUL */
};

/*
 * Looks for the end of a head in the first `size` bytes received. `*scanned` is 0 for a new request and is kept between calls, so
 * that each byte is looked at once. Returns the length of the head with its empty line; 0 when more is needed; -EBADMSG as soon
 * as a byte stands where none may; -EMSGSIZE when it is longer than HTTP_HEAD_MAX.
 */
ssize_t http_head_end(const char *data, size_t size, size_t *scanned);

/*
 * Parses a complete head (as found by http_head_end) in place: `head` is cut into NUL-terminated strings. Returns 0, or the
 * status code to refuse with: 400, 411 (POST without length), 413 (body too large), 417 (Expect).
 */
unsigned http_parse(char *head, size_t size, struct http_request *out);

/* Is `text` one of the hosts in `name` (a DNS name) or an address literal given by the caller, with an optional ":port" that must
 * be `port`? Compares without regard to ASCII case; IPv6 literals are expected in brackets in `text`, without in `name`. */
bool http_host_is(const char *text, const char *name, uint16_t port);

/* Is an Origin field value exactly the https origin of a Host field value? RFC 6454 section 6.1. */
bool http_origin_matches(const char *origin, const char *host);

/* Is a Content-Type field value this media type, whatever its parameters? */
bool http_type_is(const char *content_type, const char *type);

struct http_reply {
	unsigned status;
	const char *type; /* Content-Type, or NULL */
	const char *location; /* or NULL */
	const char *allow; /* with 405, or NULL */
	unsigned retry_after; /* seconds; 0: no field */
	bool cacheable; /* a file that any visitor may keep for an hour; else no-store */
	bool close;
	size_t length; /* Content-Length */
};

/* Writes status line and all header fields, the security ones included. `now` is for Date, seconds since the epoch.
 * Bytes written (a NUL follows them), or -EMSGSIZE. */
ssize_t http_reply_head(const struct http_reply *r, int64_t now, char *out, size_t size);

/* "Not Found" for 404; "Error" for a status that this program does not use. */
const char *http_status_text(unsigned status);

#endif
