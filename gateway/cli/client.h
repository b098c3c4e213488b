/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command's side of the control socket (gateway/control.h): one request, its rows, its end or error. Who answers is
 * checked with the kernel (SO_PEERCRED of unix(7)): only the gateway's user or root may, since what it says is believed.
 */
#ifndef SEKISHO_CLIENT_H
#define SEKISHO_CLIENT_H

#include <jansson.h>

/*
 * Sends `request` (stolen; NULL is reported as out of memory) and waits for the answer, at most a minute for each datagram.
 * CLI_OK with the `end` object in *end and, unless `rows` is NULL, an array of the rows in *rows; the caller releases both.
 * Otherwise what is wrong and what to do next has been said: CLI_FAILED when the gateway refuses or answers nonsense,
 * CLI_UNREACHABLE when there is no gateway to talk to. Outputs are untouched then.
 */
int client_ask(json_t *request, json_t **rows, json_t **end);

/* One device as `device-show` tells of it, in *end. */
int client_device(const char *id, json_t **end);

/* client_ask() for a verb whose answer is its rows alone. */
int client_rows(json_t *request, json_t **rows);

/* client_ask() for a request whose "devices" may need several datagrams. On failure `mistakes` (may be NULL) gets the gateway's
 * "mistakes", if it has sent any, for the caller to show and release. */
int client_ask_long(json_t *request, json_t **rows, json_t **end, json_t **mistakes);

#endif
