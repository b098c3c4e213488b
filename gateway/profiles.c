/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/profiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/say.h"

struct slot {
	struct profile *profile; /* NULL: free */
	unsigned uses;
};

struct profiles {
	struct slot slots[PROFILE_ID_MAX + 1];
	unsigned count;
};

int profiles_new(struct profiles **out)
{
	struct profiles *p = calloc(1, sizeof *p);
	if (!p)
		return -ENOMEM;
	*out = p;
	return 0;
}

void profiles_forget(struct profiles *p)
{
	for (size_t id = 1; id <= PROFILE_ID_MAX; id++)
		profile_free(p->slots[id].profile);
	memset(p, 0, sizeof *p);
}

void profiles_free(struct profiles *p)
{
	if (!p)
		return;
	profiles_forget(p);
	free(p);
}

unsigned profiles_count(const struct profiles *p)
{
	return p->count;
}

const struct profile *profiles_get(const struct profiles *p, uint16_t id)
{
	return id <= PROFILE_ID_MAX ? p->slots[id].profile : NULL;
}

static uint16_t slot_equal(const struct profiles *p, const struct profile *profile)
{
	for (unsigned id = 1; id <= PROFILE_ID_MAX; id++) {
		const struct profile *have = p->slots[id].profile;
		if (have && have->hash == profile->hash && profile_equal(have, profile))
			return (uint16_t)id;
	}
	return 0;
}

static uint16_t slot_free(const struct profiles *p, uint16_t wish)
{
	if (wish && wish <= PROFILE_ID_MAX && !p->slots[wish].profile)
		return wish;
	for (unsigned id = 1; id <= PROFILE_ID_MAX; id++)
		if (!p->slots[id].profile)
			return (uint16_t)id;
	return 0;
}

int profiles_acquire(struct profiles *p, struct firewall *f, struct profile *profile, uint16_t wish)
{
	int r = 0;
	if (!profile->count)
		goto out;
	uint16_t id = slot_equal(p, profile);
	if (id) {
		p->slots[id].uses++;
		r = id;
		goto out;
	}
	id = slot_free(p, wish);
	if (!id) {
		r = -ENOSPC;
		goto out;
	}
	r = firewall_profile_set(f, id, profile);
	if (r < 0)
		goto out;
	p->slots[id] = (struct slot){.profile = profile, .uses = 1};
	p->count++;
	return id;
out:
	profile_free(profile);
	return r;
}

/* Out of the firewall and the table. What cannot be removed stays taken, unused, so that nobody builds on it. */
static void slot_clear(struct profiles *p, struct firewall *f, uint16_t id)
{
	int r = firewall_profile_remove(f, id);
	if (r < 0) {
		say_warning("cannot remove profile %u from the firewall: %s; it is unused, restart the gateway to clear it", id,
			strerror(-r));
		p->slots[id].uses = 1;
		return;
	}
	profile_free(p->slots[id].profile);
	p->slots[id] = (struct slot){0};
	p->count--;
}

void profiles_release(struct profiles *p, struct firewall *f, uint16_t id)
{
	if (!id || id > PROFILE_ID_MAX || !p->slots[id].profile || --p->slots[id].uses)
		return;
	slot_clear(p, f, id);
}

/* An id that may be filled with contents that are nowhere yet. 0: none. */
static uint16_t settle_new(const struct profiles *p, const struct profile_want *w, const bool taken[static PROFILE_ID_MAX + 1])
{
	if (w->before && !taken[w->before] && w->stay >= p->slots[w->before].uses)
		return w->before;
	for (unsigned id = 1; id <= PROFILE_ID_MAX; id++)
		if (!taken[id] && !p->slots[id].profile)
			return (uint16_t)id;
	return 0;
}

int profiles_settle(const struct profiles *p, struct profile_want *first)
{
	bool taken[PROFILE_ID_MAX + 1] = {false};
	for (struct profile_want *w = first; w; w = w->next) {
		bool needed = w->uses && w->profile->count;
		w->id = needed ? slot_equal(p, w->profile) : 0;
		w->build = needed && !w->id;
		taken[w->id] = true;
	}
	for (struct profile_want *w = first; w; w = w->next) {
		if (!w->build)
			continue;
		w->id = settle_new(p, w, taken);
		if (!w->id)
			return -ENOSPC;
		taken[w->id] = true;
	}
	return 0;
}

void profiles_switch(struct profiles *p, struct firewall *f, struct profile_want *first)
{
	for (unsigned id = 1; id <= PROFILE_ID_MAX; id++)
		p->slots[id].uses = 0;
	for (struct profile_want *w = first; w; w = w->next) {
		struct slot *slot = &p->slots[w->id];
		if (!w->id)
			continue;
		slot->uses = w->uses;
		if (!w->build)
			continue;
		p->count += !slot->profile;
		profile_free(slot->profile);
		slot->profile = w->profile;
		w->profile = NULL;
	}
	for (unsigned id = 1; id <= PROFILE_ID_MAX; id++)
		if (p->slots[id].profile && !p->slots[id].uses)
			slot_clear(p, f, (uint16_t)id);
}
