/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wireguard-go's configuration protocol (https://www.wireguard.com/xplatform/, 'Cross-platform Userspace Implementation'):
 * lines of key=value over the stream socket /var/run/wireguard/NAME.sock, a request and an answer that ends with errno=N
 * and an empty line. The answer is taken apart line by line in bounded memory, and nothing in it is trusted.
 */
#ifndef SEKISHO_UAPI_H
#define SEKISHO_UAPI_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/tunnel_backend.h"

#define UAPI_DIR "/var/run/wireguard"

enum {
	UAPI_LINE_MAX = 512, /* bytes; the longest that is known has 83 */
	UAPI_PEERS_MAX = 1 << 20,
	UAPI_PATH_MAX = 64,
};

struct uapi_answer {
	struct tunnel_dump dump; /* public_key stays zero: the answer has the private key */
	struct key private_key;	 /* zero: none */
	int error;		 /* once it has ended: 0 or -errno as wireguard-go says it */
	bool ended, has_error;
	int64_t seconds; /* of the last handshake of the peer that is being read */
	size_t used;
	char line[UAPI_LINE_MAX];
};

/* Takes the next bytes of an answer that began as all zero. 1 when it is complete, 0 when there is more to come, -EBADMSG (also
 * for bytes after its end), -ENOMEM. */
int uapi_feed(struct uapi_answer *a, const char *data, size_t size);

/* Wipes and frees. */
void uapi_answer_free(struct uapi_answer *a);

/* "/var/run/wireguard/NAME.sock". */
const char *uapi_path(const char *interface, char path[static UAPI_PATH_MAX]);

/* A connection, for uapi_wait_end(); the caller closes it. -ENOENT or -ECONNREFUSED when nobody serves that interface,
 * -errno. */
int uapi_connect(const char *interface);

/* Waits until the process at the other end has closed the connection, thus ended. 0, -ETIMEDOUT after `usec` microseconds,
 * -errno. */
int uapi_wait_end(int fd, int64_t usec);

/*
 * Sends a request ("get=1\n\n") and reads the answer. 0, and the caller frees the answer; what wireguard-go refused with;
 * -ENOENT or -ECONNREFUSED when nobody serves that interface; -ETIMEDOUT after 10 s; -EBADMSG; -errno.
 */
int uapi_ask(const char *interface, const char *request, size_t size, struct uapi_answer *out);

#endif
