/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/guess.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "common/addr.h"
#include "config/settings.h"

enum { RESOLV_LINE = 512 };

/* Appends a word unless it is there already or there is no room. */
static void word_add(char *out, size_t size, const char *word)
{
	size_t used = strlen(out), length = strlen(word);
	for (const char *at = out; (at = strstr(at, word)); at += length)
		if ((at == out || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return;
	if (used + length + 2 <= size)
		snprintf(out + used, size - used, "%s%s", used ? " " : "", word);
}

static bool is_private(const struct addr *a)
{
	static const char *const networks[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};
	struct prefix p;
	for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
		if (!prefix_parse(networks[i], &p) && prefix_contains(&p, a))
			return true;
	return false;
}

/* The network of an interface's address; false for one without a mask. */
static bool network_of(const struct ifaddrs *i, struct prefix *out)
{
	struct endpoint address, mask;
	socklen_t size = i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (!i->ifa_netmask || endpoint_from_sockaddr(i->ifa_addr, size, &address) ||
		endpoint_from_sockaddr(i->ifa_netmask, size, &mask))
		return false;
	struct prefix p = {.addr = address.addr};
	for (size_t b = 0; b < addr_size(&p.addr); b++) {
		p.addr.bytes[b] &= mask.addr.bytes[b];
		p.bits = (uint8_t)(p.bits + __builtin_popcount(mask.addr.bytes[b]));
	}
	*out = p;
	return true;
}

void guess_internal(char *out, size_t size)
{
	struct ifaddrs *all;
	char text[PREFIX_TEXT];
	struct prefix p;
	out[0] = '\0';
	if (getifaddrs(&all))
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		if ((i->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) || !network_of(i, &p) || !is_private(&p.addr))
			continue;
		word_add(out, size, prefix_format(&p, text));
	}
	freeifaddrs(all);
}

void guess_resolvers(char *out, size_t size)
{
	char line[RESOLV_LINE], word[ADDR_TEXT];
	struct addr a;
	struct prefix loopback;
	unsigned count = 0;
	out[0] = '\0';
	if (prefix_parse("127.0.0.0/8", &loopback))
		return;
	FILE *f = fopen("/etc/resolv.conf", "re");
	if (!f)
		return;
	while (count < RESOLVERS_MAX && fgets(line, sizeof line, f)) {
		if (sscanf(line, " nameserver %45s", word) != 1 || addr_parse(word, &a) || prefix_contains(&loopback, &a) ||
			!strcmp(word, "::1"))
			continue;
		word_add(out, size, word);
		count++;
	}
	fclose(f);
}

void guess_network6(char *out, size_t size)
{
	struct prefix p = {.addr = {.family = 6, .bytes = {0xfd}}, .bits = 64};
	char text[PREFIX_TEXT];
	out[0] = '\0';
	if (getrandom(p.addr.bytes + 1, 5, 0) == 5)
		snprintf(out, size, "%s", prefix_format(&p, text));
}
