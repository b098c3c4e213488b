/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/firewall_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

/* A profile's next contents. */
struct next {
	uint16_t id;
	uint32_t generation;
	struct profile_names names; /* `elements` of the switch point here */
	struct profile contents; /* a copy, its boxes are owned */
};

struct firewall_change {
	struct firewall *f;
	struct next *profiles;
	size_t profile_count, profile_room;
	struct nft_element *sessions; /* what the switch does to their elements, as it was asked for */
	size_t session_count, session_room;
};

int firewall_change_new(struct firewall *f, struct firewall_change **out)
{
	struct firewall_change *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->f = f;
	*out = c;
	return 0;
}

void firewall_change_free(struct firewall_change *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->profile_count; i++)
		free(c->profiles[i].contents.boxes);
	free(c->profiles);
	free(c->sessions);
	free(c);
}

/* ---- collecting ---- */

int firewall_change_profile(struct firewall_change *c, uint16_t id, const struct profile *p)
{
	struct next *x = NULL, *profiles;
	struct profile_box *boxes;

	if (!id || id > PROFILE_ID_MAX || p->count > PROFILE_BOXES_MAX)
		return -EINVAL;
	profiles = array_room(c->profiles, &c->profile_room, c->profile_count, 1, sizeof(*profiles));
	if (!profiles)
		return -ENOMEM;
	c->profiles = profiles;
	boxes = calloc(p->count ? p->count : 1, sizeof(*boxes));
	if (!boxes)
		return -ENOMEM;
	for (size_t i = 0; i < c->profile_count; i++)
		if (c->profiles[i].id == id)
			x = &c->profiles[i];
	if (x)
		free(x->contents.boxes);
	else
		x = &c->profiles[c->profile_count++];
	if (p->count)
		memcpy(boxes, p->boxes, p->count * sizeof(*boxes));
	*x = (struct next){.id = id, .contents = {.count = p->count, .hash = p->hash, .boxes = boxes}};
	return 0;
}

static int take_session(struct firewall_change *c, const struct firewall_session *s, bool gone)
{
	struct nft_element *e = array_room(c->sessions, &c->session_room, c->session_count, SESSION_ELEMENTS_MAX, sizeof(*e));

	if (!e)
		return -ENOMEM;
	c->sessions = e;
	c->session_count += firewall_session_elements(s, gone, e + c->session_count);
	return 0;
}

int firewall_change_session(struct firewall_change *c, const struct firewall_session *s)
{
	return firewall_session_valid(s) ? take_session(c, s, false) : -EINVAL;
}

int firewall_change_drop(struct firewall_change *c, const struct firewall_session *s)
{
	return take_session(c, s, true);
}

/* ---- commit ---- */

static int build_aside(struct firewall_change *c)
{
	struct firewall *f = c->f;
	int rc = 0;

	nft_begin(&f->nft);
	for (size_t i = 0; i < c->profile_count && rc == 0; i++) {
		struct next *x = &c->profiles[i];

		x->generation = ++f->generation;
		x->names = firewall_profile_names(x->id, x->generation);
		rc = firewall_profile_build(f, &x->names, &x->contents);
	}
	return rc < 0 ? rc : firewall_profile_commit(f);
}

static int switch_over(struct firewall_change *c)
{
	size_t count = 0, most = c->profile_count * PROFILE_ELEMENTS + c->session_count;
	struct nft_element *e;
	int rc;

	if (!most)
		return 0;
	e = calloc(most, sizeof(*e));
	if (!e)
		return -ENOMEM;
	for (size_t i = 0; i < c->profile_count; i++, count += PROFILE_ELEMENTS)
		firewall_profile_elements(c->profiles[i].id, &c->profiles[i].names, e + count);
	if (c->session_count)
		memcpy(e + count, c->sessions, c->session_count * sizeof(*e));
	rc = nft_elements_apply(&c->f->nft, e, (unsigned)most);
	if (rc == -ETIMEDOUT || rc == -ENOBUFS)
		c->f->foreign = c->f->touched = true; /* nobody knows: let everything be made anew */
	firewall_watch_collect(c->f);
	free(e);
	return rc;
}

/* The new contents are in force whatever becomes of the old ones, to which nothing refers. */
static void delete_old(struct firewall_change *c)
{
	struct firewall *f = c->f;
	int rc = 0;

	nft_begin(&f->nft);
	for (size_t i = 0; i < c->profile_count; i++) {
		uint32_t *in_force = &f->profiles[c->profiles[i].id];
		struct profile_names old = firewall_profile_names(c->profiles[i].id, *in_force);

		if (*in_force && rc == 0)
			rc = firewall_profile_discard(f, &old);
		*in_force = c->profiles[i].generation;
	}
	if (rc == 0)
		rc = firewall_profile_commit(f);
	if (rc < 0)
		(void)firewall_profile_sweep(f);
}

int firewall_change_commit(struct firewall_change *c)
{
	int rc = build_aside(c);

	if (rc == 0)
		rc = switch_over(c);
	if (rc < 0)
		(void)firewall_profile_sweep(c->f);
	else
		delete_old(c);
	return rc;
}
