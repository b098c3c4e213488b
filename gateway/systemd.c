/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/systemd.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

int systemd_connect(sd_bus **out)
{
	sd_bus *bus = NULL;
	int r = geteuid() == 0 ? sd_bus_new(&bus) : -EPERM;
	if (r >= 0)
		r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		bus = sd_bus_unref(bus);
		r = sd_bus_open_system(&bus);
	}
	if (r < 0)
		return r;
	*out = bus;
	return 0;
}

int systemd_unit_path(const char *unit, char **out)
{
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, out);
	return r < 0 ? r : 0;
}

/* The type of the unit's job; NULL when there is none. */
static int job_type(sd_bus *bus, const char *unit, char **out)
{
	sd_bus_message *m = NULL;
	char *path = NULL;
	const char *job = NULL;
	uint32_t id = 0;
	int r = systemd_unit_path(unit, &path);
	if (r == 0)
		r = sd_bus_get_property(bus, SYSTEMD_NAME, path, SYSTEMD_NAME ".Unit", "Job", NULL, &m, "(uo)");
	if (r >= 0)
		r = sd_bus_message_read(m, "(uo)", &id, &job);
	*out = NULL;
	if (r >= 0 && id)
		r = sd_bus_get_property_string(bus, SYSTEMD_NAME, job, SYSTEMD_NAME ".Job", "JobType", NULL, out);
	sd_bus_message_unref(m);
	free(path);
	return r < 0 ? r : 0;
}

int systemd_unit_stops(const char *unit)
{
	sd_bus *bus = NULL;
	char *type = NULL;
	if (sd_booted() <= 0)
		return 1;
	int r = systemd_connect(&bus);
	if (r == 0)
		r = job_type(bus, unit, &type);
	if (r == 0)
		r = type && strcmp(type, "stop") == 0;
	free(type);
	sd_bus_flush_close_unref(bus);
	return r;
}
