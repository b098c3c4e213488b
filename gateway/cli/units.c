/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/units.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "gateway/systemd.h"

enum { SENTENCE_MAX = 512 };

struct unit {
	const char *name, *what;
};

static const struct unit units[] = {
	{"sekisho-guard.service", "what shuts this machine at boot"}, {"sekisho-gateway.service", "the gateway"},
	{"sekisho-auth.socket", "what starts login attempts"}, {"sekisho-portal.socket", "the login page's address"},
	{"sekisho-portal.service", "the login page"},
	{"sekisho-dns.socket", "what answers for the login page's name"}, /* the last: only if it is wanted */
};

struct state {
	char *load, *active, *sub, *result;
	uint32_t restarts; /* by itself, since somebody started it */
};

static void state_clear(struct state *s)
{
	free(s->load);
	free(s->active);
	free(s->sub);
	free(s->result);
}

static int get(sd_bus *bus, const char *path, const char *interface, const char *property, char **out)
{
	return sd_bus_get_property_string(bus, SYSTEMD_NAME, path, interface, property, NULL, out);
}

static int ask(sd_bus *bus, const struct unit *u, struct state *s)
{
	char *path = NULL;
	const char *kind = strstr(u->name, ".socket") ? SYSTEMD_NAME ".Socket" : SYSTEMD_NAME ".Service";
	int r = systemd_unit_path(u->name, &path);
	if (r == 0)
		r = get(bus, path, SYSTEMD_NAME ".Unit", "LoadState", &s->load);
	if (r >= 0)
		r = get(bus, path, SYSTEMD_NAME ".Unit", "ActiveState", &s->active);
	if (r >= 0)
		r = get(bus, path, SYSTEMD_NAME ".Unit", "SubState", &s->sub);
	if (r >= 0)
		r = get(bus, path, kind, "Result", &s->result);
	if (r >= 0 && strstr(u->name, ".service"))
		r = sd_bus_get_property_trivial(
			bus, SYSTEMD_NAME, path, SYSTEMD_NAME ".Service", "NRestarts", NULL, 'u', &s->restarts);
	free(path);
	return r;
}

static void say(json_t *problems, const struct unit *u, const struct state *s)
{
	char text[SENTENCE_MAX];
	bool starting = strcmp(s->active, "activating") == 0;
	if (starting && (s->restarts || strcmp(s->sub, "auto-restart") == 0))
		snprintf(text, sizeof text, "%s ends and is started again and again, %u times until now (%s): journalctl -u %s",
			u->name, s->restarts, u->what, u->name);
	else if (starting)
		snprintf(text, sizeof text, "%s is still starting (%s): journalctl -u %s", u->name, u->what, u->name);
	else if (strcmp(s->active, "failed") == 0)
		snprintf(text, sizeof text, "%s has failed (%s; %s): journalctl -u %s", u->name, u->what, s->result, u->name);
	else if (strcmp(s->active, "inactive") == 0 || strcmp(s->active, "deactivating") == 0)
		snprintf(text, sizeof text, "%s is not started (%s): systemctl start %s", u->name, u->what, u->name);
	else
		return; /* active, reloading */
	(void)json_array_append_new(problems, json_string(text));
}

void units_problems(json_t *problems, bool portal_dns)
{
	const size_t count = sizeof units / sizeof *units - !portal_dns;
	sd_bus *bus = NULL;
	int r = sd_booted() > 0 ? systemd_connect(&bus) : 0;
	for (size_t i = 0; r >= 0 && bus && i < count; i++) {
		struct state s = {0};
		r = ask(bus, &units[i], &s);
		if (r >= 0 && strcmp(s.load, "not-found") != 0)
			say(problems, &units[i], &s);
		state_clear(&s);
	}
	if (r < 0) {
		char text[SENTENCE_MAX];
		snprintf(text, sizeof text, "systemd cannot be asked about the units (%s): systemctl status 'sekisho*'",
			strerror(-r));
		(void)json_array_append_new(problems, json_string(text));
	}
	sd_bus_flush_close_unref(bus);
}
