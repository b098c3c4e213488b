/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/logkeep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int logkeep_open(struct logkeep *k, size_t room)
{
	struct logkeep new = {.room = room, .lines = calloc(room, sizeof *new.lines)};
	if (!new.lines)
		return -ENOMEM;
	*k = new;
	return 0;
}

void logkeep_close(struct logkeep *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->lines[i].text);
	free(k->lines);
	*k = (struct logkeep){0};
}

int logkeep_put(struct logkeep *k, const struct logmatch *match)
{
	struct logkeep_line *slot = &k->lines[k->next];
	char *text = malloc(match->line.size);
	if (!text)
		return -ENOMEM;
	memcpy(text, match->line.text, match->line.size);
	free(slot->text);
	slot->text = text;
	slot->size = match->line.size;
	slot->file = match->file;
	k->next = (k->next + 1) % k->room;
	k->count += k->count < k->room;
	return 0;
}

void logkeep_get(const struct logkeep *k, size_t index, struct logmatch *out)
{
	*out = (struct logmatch){0};
	if (index >= k->count)
		return;
	const struct logkeep_line *kept = &k->lines[(k->next + k->room - k->count + index) % k->room];
	out->line = (struct logset_line){.text = kept->text, .size = kept->size};
	out->file = kept->file;
	logfield_scan(kept->text, kept->size, out->values);
	out->time = logvalue_time(out->values[LOGFIELD_TIME]);
}
