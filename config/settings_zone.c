/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which clock on the wall dates and hours are read by. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/nearest.h"
#include "config/settings_internal.h"

#define ZONES "/usr/share/zoneinfo"

/* A file of the time zone database under that name (tzfile(5)). */
static bool zone_known(const char *name)
{
	char path[sizeof ZONES + TIME_ZONE_MAX + 1], magic[4];

	if (name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")] || *name == '/')
		return false;
	snprintf(path, sizeof path, ZONES "/%s", name);
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const bool known = fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic && !memcmp(magic, "TZif", sizeof magic);
	if (fd >= 0)
		close(fd);
	return known;
}

/* The name in the third column of zone.tab that is nearest. */
static const char *zone_hint(const char *name, char hint[static NEAREST_TEXT])
{
	char line[512], zone[TIME_ZONE_MAX + 1], best[TIME_ZONE_MAX + 1] = "";
	struct nearest n = nearest_to(name);
	FILE *const f = fopen(ZONES "/zone.tab", "re");

	while (f && fgets(line, sizeof line, f)) {
		const char *const before = n.best;
		if (*line == '#' || sscanf(line, "%*s %*s %63s", zone) != 1)
			continue;
		nearest_offer(&n, zone);
		if (n.best != before)
			memcpy(best, zone, sizeof best);
		n.best = *best ? best : NULL;
	}
	if (f)
		fclose(f);
	return nearest_hint(&n, hint);
}

bool settings_read_time_zone(struct reader *r)
{
	const struct word w = lexer_word(&r->lx, 1);
	const size_t size = strlen(w.text);
	char hint[NEAREST_TEXT];

	if (size > TIME_ZONE_MAX || !zone_known(w.text)) {
		lexer_mistake(&r->lx, &w, "'%s' is no time zone; expected a name below " ZONES ", like Asia/Tokyo or UTC%s",
			w.text, zone_hint(w.text, hint));
		return false;
	}
	memcpy(r->s.time_zone, w.text, size + 1);
	return true;
}

int settings_apply_time_zone(const struct settings *s)
{
	static char *own; /* TZ as the process found it */
	static bool known;

	if (!known) {
		const char *const found = getenv("TZ");
		own = found ? strdup(found) : NULL;
		if (found && !own)
			return -ENOMEM;
		known = true;
	}
	const char *const zone = *s->time_zone ? s->time_zone : own;
	if ((zone ? setenv("TZ", zone, 1) : unsetenv("TZ")) < 0)
		return -errno;
	tzset();
	return 0;
}
