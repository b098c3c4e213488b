/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The generations of ACLs, as the gateway's verb acl-history tells them: rows, newest first. */
#ifndef SEKISHO_CLI_HISTORY_H
#define SEKISHO_CLI_HISTORY_H

#include <jansson.h>
#include <stdint.h>

/* CLI_OK and an array that the caller releases; or an exit code. */
int history_ask(json_t **rows);

/* The row of a number; NULL after saying that there is none. */
json_t *history_number(const json_t *rows, json_int_t number);

/* The row that is in force, or that was at an instant; NULL after saying that none was. */
json_t *history_in_force(const json_t *rows);
json_t *history_at(const json_t *rows, int64_t at);

/* When a row came into force; INT64_MAX when it never did. */
int64_t history_applied(const json_t *row);

/* The folder of a generation in the archive. Returns `path`. */
enum { HISTORY_PATH = 128 };
const char *history_path(json_int_t number, char path[static HISTORY_PATH]);

#endif
