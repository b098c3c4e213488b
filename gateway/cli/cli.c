/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/paths.h"
#include "common/secret.h"
#include "common/text.h"
#include "config/input.h"
#include "config/settings.h"

enum { LINE_MAX_BYTES = 4096 };

bool cli_json;

static const struct command *current;

void cli_command(const struct command *c)
{
	current = c;
}

static void say(const char *front, const char *text)
{
	char safe[LINE_MAX_BYTES];
	fprintf(stderr, "%s%s\n", front, text_safe(text, safe, sizeof safe));
}

int cli_fail(int code, const char *hint, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	say("sekisho: ", text);
	if (hint)
		say("hint: ", hint);
	return code;
}

int cli_usage(const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	say("sekisho: ", text);
	if (current)
		fprintf(stderr, "usage: sekisho %s %s\nhint: sekisho help %s\n", current->words, current->arguments,
			current->words);
	else
		fputs("hint: sekisho help\n", stderr);
	return CLI_USAGE;
}

void cli_lines(FILE *to, const char *text)
{
	char line[LINE_MAX_BYTES], safe[LINE_MAX_BYTES];
	while (*text) {
		size_t size = strcspn(text, "\n");
		snprintf(line, sizeof line, "%.*s", (int)(size < sizeof line ? size : sizeof line - 1), text);
		fprintf(to, "%s\n", text_safe(line, safe, sizeof safe));
		text += size + (text[size] == '\n');
	}
}

int cli_print_json(json_t *value)
{
	if (!value)
		return cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	int failed = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	json_decref(value);
	putchar('\n');
	return failed ? cli_fail(CLI_FAILED, "is the disk full?", "cannot write the result") : CLI_OK;
}

const char *cli_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	return text ? text : "";
}

const char *cli_join(const json_t *object, const char *member, char *text, size_t size)
{
	const json_t *array = json_object_get(object, member), *item;
	size_t i, used = 0;
	text[0] = '\0';
	json_array_foreach(array, i, item)
	{
		const char *word = json_string_value(item);
		int n = snprintf(text + used, size - used, "%s%s", i ? ", " : "", word ? word : "");
		if (n < 0 || (size_t)n >= size - used)
			break;
		used += (size_t)n;
	}
	return text;
}

static int offset_parse(const char *text, long *seconds)
{
	if (!strcmp(text, "Z")) {
		*seconds = 0;
		return 0;
	}
	unsigned hours, minutes;
	char sign;
	int used = 0;
	if (strlen(text) != 6 || sscanf(text, "%c%2u:%2u%n", &sign, &hours, &minutes, &used) != 3 || used != 6 ||
		(sign != '+' && sign != '-') || hours > 23 || minutes > 59)
		return -EINVAL;
	*seconds = (long)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return 0;
}

int cli_instant(const char *text, int64_t *usec)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || strspn(text, "0123456789") != 4)
		return -EINVAL;
	int64_t fraction = 0;
	if (*rest == '.') {
		int64_t unit = 100000;
		size_t digits = strspn(++rest, "0123456789");
		if (!digits)
			return -EINVAL;
		for (size_t i = 0; i < digits; i++, unit /= 10)
			fraction += (rest[i] - '0') * unit;
		rest += digits;
	}
	long offset;
	if (offset_parse(rest, &offset) < 0)
		return -EINVAL;
	*usec = ((int64_t)timegm(&tm) - offset) * 1000000 + fraction;
	return 0;
}

const char *cli_when(const char *instant, int64_t now, char text[static CLI_WHEN])
{
	int64_t usec;
	struct tm tm;
	char local[32], relative[DURATION_TEXT];
	if (!*instant || cli_instant(instant, &usec) < 0) {
		snprintf(text, CLI_WHEN, "%s", *instant ? instant : "-");
		return text;
	}
	time_t seconds = (time_t)(usec / 1000000);
	if (!localtime_r(&seconds, &tm) || !strftime(local, sizeof local, "%Y-%m-%d %H:%M", &tm)) {
		snprintf(text, CLI_WHEN, "%s", instant);
		return text;
	}
	int64_t distance = (now - usec) / 1000000, size = distance < 0 ? -distance : distance;
	int64_t grain = size >= 86400 ? 3600 : size >= 60 ? 60 : 1;
	duration_format(size / grain * grain, relative);
	snprintf(text, CLI_WHEN, distance < 0 ? "%s (in %s)" : "%s (%s ago)", local, relative);
	return text;
}

const char *cli_size(uint64_t bytes, char text[static CLI_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
		value /= 1024;
	snprintf(text, CLI_SIZE, unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return text;
}

int cli_read(const char *path, char **out)
{
	char *data;
	size_t size;
	int error = input_read(AT_FDCWD, path, true, &data, &size);
	if (error)
		return error;
	char *text = memchr(data, '\0', size) ? NULL : strndup(data, size);
	error = text ? 0 : memchr(data, '\0', size) ? -EINVAL : -ENOMEM;
	free(data);
	if (!error)
		*out = text;
	return error;
}

int cli_write(int fd, const void *data, size_t size)
{
	for (const char *at = data; size;) {
		ssize_t n = write(fd, at, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

unsigned cli_columns(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

bool cli_interactive(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool cli_confirm(const char *format, ...)
{
	char text[LINE_MAX_BYTES], safe[LINE_MAX_BYTES], answer[16];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fprintf(stderr, "%s [y/N] ", text_safe(text, safe, sizeof safe));
	if (!fgets(answer, sizeof answer, stdin))
		return false;
	answer[strcspn(answer, "\n")] = '\0';
	return !strcasecmp(answer, "y") || !strcasecmp(answer, "yes");
}

bool cli_question(const char *what, char *answer, size_t size)
{
	char line[LINE_MAX_BYTES];
	fprintf(stderr, "%s: ", what);
	if (!fgets(line, sizeof line, stdin) || !strchr(line, '\n'))
		return false;
	line[strcspn(line, "\n")] = '\0';
	char *begin = line + strspn(line, " \t\r"), *end = begin + strlen(begin);
	while (end > begin && strchr(" \t\r", end[-1]))
		*--end = '\0';
	if (strlen(begin) >= size || !text_utf8_valid(begin, strlen(begin)))
		return false;
	memcpy(answer, begin, strlen(begin) + 1);
	return true;
}

int cli_settings(struct settings *out)
{
	struct diag d = diag_new();
	int code = settings_load(PATH_CONFIG, out, &d) ? CLI_FAILED : CLI_OK;
	if (code) {
		char *text = diag_render(&d);
		cli_lines(stderr, text ? text : "");
		free(text);
		cli_fail(code, "edit " PATH_CONFIG ", then run this again", PATH_CONFIG " has mistakes: nothing was changed");
	}
	diag_free(&d);
	return code;
}
