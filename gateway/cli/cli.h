/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every verb of the `sekisho` command shares: exit codes, errors with a hint, JSON whose memory is wiped, and how
 * instants and sizes are shown to people. Standard output carries results only; errors, questions and notes go to
 * standard error.
 */
#ifndef SEKISHO_CLI_H
#define SEKISHO_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes; promised in sekisho(8). */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_UNREACHABLE = 3 };

enum { CLI_WHEN = 80, CLI_SIZE = 24 };

/* One verb: `words` is one or two words; `arguments` what may follow, as the help shows it; `options` explains them, one
 * line each, or is NULL. `run` gets the words after the verb and returns an exit code. */
struct command {
	const char *words, *arguments, *summary, *options;
	int (*run)(int argc, char **argv);
};

/* Set by `--json`: print one JSON value instead of tables. */
extern bool cli_json;

/* The verb under way, for usage errors; borrowed. */
void cli_command(const struct command *c);

/* Prints `sekisho: what`, and `hint: ...` unless NULL, on standard error; both made safe. Returns `code`. */
int cli_fail(int code, const char *hint, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for wrong words on the command line, with the usage line of the verb as the hint. Returns CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints text of several lines, each made safe. */
void cli_lines(FILE *to, const char *text);

/* Pretty-prints and frees `value` (NULL: out of memory). Returns an exit code. */
int cli_print_json(json_t *value);

/* A member as text: "" when missing, null or no string. Borrowed from `object`. */
const char *cli_text(const json_t *object, const char *member);

/* The strings of an array member joined by ", " into `text` of `size` bytes. Returns `text`. */
const char *cli_join(const json_t *object, const char *member, char *text, size_t size);

/* RFC 3339 (section 5.6) with 'Z' or a numeric offset -> microseconds since the epoch. 0 or -EINVAL. */
int cli_instant(const char *text, int64_t *usec);

/* An RFC 3339 instant for people, local and relative to `now`: "2026-11-23 10:05 (3h ago)"; "-" when it is empty, as it
 * came when it is no instant. */
const char *cli_when(const char *instant, int64_t now, char text[static CLI_WHEN]);

/* "0 B", "1.5 KiB", "20 MiB": IEC 80000-13 prefixes. */
const char *cli_size(uint64_t bytes, char text[static CLI_SIZE]);

/* A whole text file, as input_read() takes it, in new memory that the caller frees. 0, or -errno; -EINVAL with a NUL in it. */
int cli_read(const char *path, char **out);

/* write(2) until all is written. 0 or -errno. */
int cli_write(int fd, const void *data, size_t size);

/* This machine's settings, read for this command; says all that is wrong with them. An exit code. */
struct settings;
int cli_settings(struct settings *out);

/* Columns of the terminal on standard output, 0 when it is none. */
unsigned cli_columns(void);

/* Can a person be asked: standard input and standard error are terminals. */
bool cli_interactive(void);

/* Asks for a line on standard error and reads it from standard input, without blanks around it; false at its end, or when it is
 * longer than `size`. */
bool cli_question(const char *what, char *answer, size_t size);

/* Asks a yes-or-no question on standard error, reads the answer from standard input; anything but y or yes is no. */
bool cli_confirm(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
