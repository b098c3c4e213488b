/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A phone's WireGuard configuration as text that both official apps import. The iOS app refuses a configuration with a key it
 * does not know, so that only keys of wg(8) and wg-quick(8) which both have are written: PrivateKey, Address, DNS, MTU;
 * PublicKey, PresharedKey, AllowedIPs, Endpoint, PersistentKeepalive.
 */
#ifndef SEKISHO_PHONE_H
#define SEKISHO_PHONE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/message.h"
#include "common/key.h"
#include "config/settings.h"
#include "gateway/ledger.h"

enum {
	PHONE_MTU = 1280,     /* what every IPv6 path carries (RFC 8200 section 5), and both apps' default */
	PHONE_KEEPALIVE = 25, /* seconds; below the UDP timeouts of common address translators */
	PHONE_TEXT = 8192,    /* bytes that hold any configuration */
};

struct phone {
	bool own_key;				       /* the phone made its key pair itself: no private key here */
	struct key private_key, server_key, preshared; /* preshared all zero: none */
	char id[DEVICE_ID_TEXT], label[LABEL_MAX];
	struct addr v4, v6; /* family 0: none */
	struct addr dns[RESOLVERS_MAX];
	unsigned dns_count;
	char search[SEARCH_MAX][HOST_NAME_LIMIT];
	unsigned search_count;
	char endpoint[HOST_NAME_LIMIT + 8], portal[HOST_NAME_LIMIT + 8], service[LABEL_MAX]; /* service: the gateway's label */
};

/*
 * Takes what the gateway answered to `device-add` (its `end` object); `private_key` NULL: the phone's own. Everything is parsed
 * again, so that no answer can add a line to a configuration. 0, or -EBADMSG with the member that is wrong in *what. On
 * success the caller wipes `out`.
 */
int phone_read(const json_t *end, const struct key *private_key, struct phone *out, const char **what);

/*
 * Writes the configuration into `text` of `size` bytes (PHONE_TEXT is enough). With `comments`, lines for people stand in it:
 * whose it is, and where the phone's own key belongs. Codes are made without, hence of ASCII only: scanners guess the
 * character set of anything else. Bytes without the NUL, or -EMSGSIZE.
 */
int phone_text(const struct phone *p, bool comments, char *text, size_t size);

#endif
