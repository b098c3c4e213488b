/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a program tells its operator: lines on standard error, each with an RFC 5424 severity in the form systemd's journal
 * reads (sd-daemon(3), "<3>text") when standard error is not a terminal, plain text when it is. Each line of the
 * text (split at '\n') is passed through text_safe(). Say what happened and what to do next. Evidence for auditors does not
 * go here but to gateway/log.h.
 */
#ifndef SEKISHO_SAY_H
#define SEKISHO_SAY_H

/* Severities of RFC 5424 section 6.2.1, as sd-daemon(3) writes them. */
enum say_level { SAY_CRITICAL = 2, SAY_ERROR = 3, SAY_WARNING = 4, SAY_INFO = 6 };

/* The program's name for the front of a line on a terminal; called once, first. */
void say_name(const char *program);

void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For a level that is known only when it happens. */
void say_at(enum say_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Start-up only: says it and exits with 1. */
void say_fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
