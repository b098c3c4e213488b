/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/nextkey.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/secret.h"

static int public_of(const char *path, struct key *out, char *why, size_t why_size)
{
	struct key key;
	int r = key_read_file(path, &key, why, why_size);
	if (r == 0) {
		r = key_public(&key, out);
		if (r < 0)
			snprintf(why, why_size, "%s holds no key that can be used", path);
	}
	secret_wipe(&key, sizeof key);
	return r;
}

int nextkey_public(struct key *out, char *why, size_t why_size)
{
	if (access(PATH_TUNNEL_KEY_NEXT, F_OK) < 0 && errno == ENOENT)
		return -ENOENT;
	int r = public_of(PATH_TUNNEL_KEY_NEXT, out, why, why_size);
	return r == -ENOENT ? -EIO : r;
}

bool nextkey_switched(const struct gateway *g)
{
	struct key now;
	char why[512];
	return public_of(PATH_TUNNEL_KEY, &now, why, sizeof why) == 0 && !key_equal(&now, handshake_public(g->handshake));
}

struct tally_of_keys {
	unsigned active, moving;
};

static int count(const struct device *d, void *arg)
{
	struct tally_of_keys *t = arg;
	if (d->status == DEVICE_ACTIVE) {
		t->active++;
		t->moving += !key_is_zero(&d->next_key);
	}
	return 0;
}

bool nextkey_notice(struct gateway *g, char *text, size_t size)
{
	struct tally_of_keys t = {0};
	const bool next = access(PATH_TUNNEL_KEY_NEXT, F_OK) == 0, former = access(PATH_TUNNEL_KEY_FORMER, F_OK) == 0;
	if (nextkey_switched(g)) {
		snprintf(text, size,
			"the gateway's key was switched and counts from its next start on: systemctl restart sekisho-gateway");
		return true;
	}
	if ((!next && !former) || ledger_devices(g->ledger, count, &t) < 0)
		return false;
	if (next)
		snprintf(text, size,
			"the gateway's next key is prepared; %u of %u active devices have a new key that they have not used, "
			"those "
			"without one: `sekisho device list --no-next-key`",
			t.moving, t.active);
	else
		snprintf(text, size,
			"the gateway's former key is kept; %u of %u active devices have not come with their new key yet: "
			"`sekisho "
			"device list --next-key`; when all have: `sekisho gateway-key discard`",
			t.moving, t.active);
	return true;
}
