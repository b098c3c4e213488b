/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One browser's TLS connection: a state machine over non-blocking OpenSSL in the event loop. Each phase has one absolute
 * deadline, set when the phase begins and moved by nothing that the other side does. Requests are handed on one at a time;
 * whatever carried a password is wiped as soon as its request is answered.
 */
#ifndef SEKISHO_CLIENT_H
#define SEKISHO_CLIENT_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "auth/http.h"
#include "common/addr.h"

enum {
	CLIENTS_MAX = 1000,
	CLIENTS_PER_SOURCE = 16,
	CLIENT_REQUESTS_MAX = 100, /* on one connection */
	CLIENT_HANDSHAKE_SECONDS = 10,
	CLIENT_HEAD_SECONDS = 10,
	CLIENT_BODY_SECONDS = 10,
	CLIENT_IDLE_SECONDS = 15, /* between requests */
	CLIENT_WRITE_SECONDS = 15,
	CLIENT_LINGER_SECONDS = 2, /* so that an answer is read before the connection is reset */
};

struct client;

/* All connections, and who answers them. */
struct clients {
	sd_event *loop;
	SSL_CTX *tls; /* for new connections; replaced by a reload */
	unsigned count;
	struct client *list;
	/* Called once for each request; must call client_reply() or client_wait() before it returns. */
	void (*request)(struct client *c, const struct http_request *r, void *arg);
	/* Called instead for a request that cannot be understood; must call client_reply(). */
	void (*refused)(struct client *c, unsigned status, void *arg);
	void *arg;
};

/* Takes over a connected, non-blocking TCP socket; beyond CLIENTS_MAX an idle connection is closed for it. 0; -EBUSY beyond a
 * limit, or -errno; the socket is closed on failure. */
int client_open(struct clients *set, int fd, const struct addr *source);

/* Closes every connection. */
void clients_close(struct clients *set);

const struct addr *client_source(const struct client *c);

/* The request being answered. Its body is gone after client_wait(). */
const struct http_request *client_request(const struct client *c);

/* The answer will come later; `gone` is called if the browser leaves before. The answer's maker has a deadline of its own. */
void client_wait(struct client *c, void (*gone)(struct client *c, void *arg), void *arg);

/*
 * Answers the request. `body` is `reply->length` bytes from malloc(3) or NULL; it is taken over and freed. With HEAD the body is
 * left out. Never frees the client.
 */
void client_reply(struct client *c, const struct http_reply *reply, char *body);

#endif
