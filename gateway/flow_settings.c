/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/flow_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/proc/sys/net/netfilter/"

static const char *const settings[] = {
	"nf_conntrack_acct",
	"nf_conntrack_timestamp",
	/* Since Linux 5.19 this is 2: only entries made while somebody listens are reported at their end. But those that are made
	 * while the gateway is down must be as well. */
	"nf_conntrack_events",
};

static int switch_on(const char *name)
{
	char path[96], value = 0;
	int fd, ret;

	snprintf(path, sizeof path, FOLDER "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = read(fd, &value, 1) == 1 ? 0 : -EIO;
	close(fd);
	if (ret || value == '1')
		return ret;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, "1", 1) == 1 ? 0 : -errno;
	close(fd);
	return ret;
}

int flow_settings(char *why, size_t why_size)
{
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		int ret = switch_on(settings[i]);
		if (ret == -ENOENT)
			snprintf(why, why_size, FOLDER "%s is not there: load the module nf_conntrack", settings[i]);
		else if (ret)
			snprintf(why, why_size,
				"%s is not on and cannot be switched on: %s; as root: sysctl -w net.netfilter.%s=1 (and keep it "
				"in /etc/sysctl.d)",
				settings[i], strerror(-ret), settings[i]);
		if (ret)
			return ret;
	}
	return 0;
}
