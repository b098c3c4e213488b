/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

static const char *name = "sekisho";

void say_name(const char *program)
{
	name = program;
}

static void say(enum say_level level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void say_line(enum say_level level, const char *text)
{
	char safe[2048], front[80];
	text_safe(text, safe, sizeof safe);
	if (isatty(STDERR_FILENO))
		snprintf(front, sizeof front, "%s: %s", name,
			level == SAY_INFO    ? ""
			: level <= SAY_ERROR ? "error: "
					     : "warning: ");
	else
		snprintf(front, sizeof front, "<%d>", (int)level);
	/* One write: lines of several processes on one pipe must not mix. */
	dprintf(STDERR_FILENO, "%s%s\n", front, safe);
}

static void say(enum say_level level, const char *format, va_list args)
{
	char *text, *rest, *line;
	if (vasprintf(&text, format, args) < 0) {
		say_line(level, format);
		return;
	}
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			say_line(level, line);
	free(text);
}

void say_error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(SAY_ERROR, format, args);
	va_end(args);
}

void say_warning(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(SAY_WARNING, format, args);
	va_end(args);
}

void say_info(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(SAY_INFO, format, args);
	va_end(args);
}

void say_at(enum say_level level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(level, format, args);
	va_end(args);
}

void say_fatal(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(SAY_ERROR, format, args);
	va_end(args);
	exit(1);
}
