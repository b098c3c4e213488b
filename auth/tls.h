/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The portal's side of TLS: version 1.3 only (RFC 8446), the chain and key at PATH_TLS_CERT and PATH_TLS_KEY, no client
 * certificates (the tunnel has named the device already). A context is immutable; a reload makes a new one for new connections.
 */
#ifndef SEKISHO_TLS_H
#define SEKISHO_TLS_H

#include <openssl/ssl.h>
#include <stddef.h>

#include "config/settings.h"

/*
 * Reads chain and key and makes a context. The key file is judged by secret_read_file(). 0; or -errno with a sentence in `why`
 * that names the file, what is wrong and what to do. A certificate that is not valid for the portal's name and addresses of `s`,
 * has expired or soon will is accepted with a warning to the operator for each, since a page with a warning beats no page.
 */
int tls_load(const char *certificate, const char *key, const struct settings *s, SSL_CTX **out, char *why, size_t why_size);

#endif
