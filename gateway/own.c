/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/say.h"
#include "common/secret.h"
#include "gateway/device.h"
#include "gateway/device_change.h"

static bool may_be_shown(const struct device *d)
{
	return d->status == DEVICE_ACTIVE || d->status == DEVICE_SUSPENDED;
}

struct listing {
	const struct session *session;
	struct message *m;
};

static int list(const struct device *d, void *arg)
{
	struct listing *l = arg;
	if (d->id == l->session->device_id || !may_be_shown(d) || l->m->own_count == OWN_MAX)
		return 0;
	struct own_device *own = &l->m->own[l->m->own_count++];
	own->id = d->id;
	own->suspended = d->status == DEVICE_SUSPENDED;
	own->shared = device_is_shared(d);
	own->seen = d->last_seen;
	memcpy(own->label, d->label, sizeof own->label);
	return 0;
}

int own_list(struct gateway *g, const struct session *s, struct message *m)
{
	struct listing l = {.session = s, .m = m};
	return ledger_devices_registered(g->ledger, s->row.user, list, &l);
}

static bool is_user_of(const struct device *d, const char *user)
{
	for (unsigned i = 0; i < d->user_count; i++)
		if (!strcmp(d->users[i], user))
			return true;
	return false;
}

int own_suspend(struct gateway *g, const struct session *s, uint32_t device)
{
	struct device d;
	struct device_change done;
	struct actor by = {.role = ROLE_NONE};
	char note[64];
	int r = ledger_device_by_id(g->ledger, device, &d);
	if (r < 0)
		return r;
	secret_wipe(&d.preshared, sizeof d.preshared);
	if (device == s->device_id || !is_user_of(&d, s->row.user) || !may_be_shown(&d))
		return -ENOENT;
	if (d.status == DEVICE_SUSPENDED)
		return 0;
	memcpy(by.name, s->row.user, sizeof by.name);
	snprintf(note, sizeof note, "said to be lost, on the login page, from device d%u", s->device_id);
	r = device_change(g, &d, DEVICE_SUSPENDED, &by, note, &done);
	if (r < 0)
		say_error("cannot note that user %s has suspended device d%u: %s; it is cut off, but would come back: sekisho "
			  "device "
			  "suspend d%u",
			s->row.user, device, strerror(-r), device);
	return r;
}
