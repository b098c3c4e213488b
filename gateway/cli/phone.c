/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/phone.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"
#include "common/text.h"
#include "gateway/cli/cli.h"

/* Letters, digits, '.', '-' and '_': what a host name may hold, and nothing that ends a line or a list. */
static bool name_valid(const char *name, size_t size)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	return size > 0 && size < HOST_NAME_LIMIT && strspn(name, allowed) >= size;
}

/* "HOST:PORT", or an address and port. `need_port`: the port must be there. */
static bool host_valid(const char *text, bool need_port)
{
	struct endpoint e;
	if (!endpoint_parse(text, &e))
		return true;
	const char *colon = strchr(text, ':');
	if (!colon)
		return !need_port && name_valid(text, strlen(text));
	char *end;
	errno = 0;
	unsigned long port = strtoul(colon + 1, &end, 10);
	return name_valid(text, (size_t)(colon - text)) && colon[1] >= '0' && colon[1] <= '9' && !*end && !errno && port >= 1 &&
	       port <= 65535;
}

static int copy(const char *from, char *to, size_t size)
{
	int n = snprintf(to, size, "%s", from);
	return n >= 0 && (size_t)n < size ? 0 : -EBADMSG;
}

static int read_names(const json_t *server, struct phone *p)
{
	const json_t *list = json_object_get(server, "search"), *item;
	size_t i;
	json_array_foreach(list, i, item) {
		const char *name = json_string_value(item);
		if (p->search_count == SEARCH_MAX || !name || !name_valid(name, strlen(name)) ||
			copy(name, p->search[p->search_count++], HOST_NAME_LIMIT))
			return -EBADMSG;
	}
	return 0;
}

static int read_dns(const json_t *server, struct phone *p)
{
	const json_t *list = json_object_get(server, "dns"), *item;
	size_t i;
	json_array_foreach(list, i, item) {
		const char *address = json_string_value(item);
		if (p->dns_count == RESOLVERS_MAX || !address || addr_parse(address, &p->dns[p->dns_count++]))
			return -EBADMSG;
	}
	return p->dns_count ? 0 : -EBADMSG;
}

static int read_address(const char *text, uint8_t family, struct addr *out)
{
	if (!*text && family == 6)
		return 0;
	return addr_parse(text, out) || out->family != family ? -EBADMSG : 0;
}

static int read_preshared(const json_t *end, struct key *out)
{
	const json_t *value = json_object_get(end, "preshared_key");
	if (!value || json_is_null(value))
		return 0;
	const char *text = json_string_value(value);
	return !text || key_parse(text, out) || key_is_zero(out) ? -EBADMSG : 0;
}

/* Sets *what to the first member that is wrong, or NULL. */
static void read_members(const json_t *end, struct phone *p, const char **what)
{
	const json_t *device = json_object_get(end, "device"), *server = json_object_get(end, "server");
	uint32_t id;
	*what = NULL;
	if (device_id_parse(cli_text(device, "id"), &id) || copy(cli_text(device, "id"), p->id, sizeof p->id))
		*what = "device.id";
	else if (copy(cli_text(device, "label"), p->label, sizeof p->label))
		*what = "device.label";
	else if (read_address(cli_text(device, "v4"), 4, &p->v4))
		*what = "device.v4";
	else if (read_address(cli_text(device, "v6"), 6, &p->v6))
		*what = "device.v6";
	else if (read_preshared(end, &p->preshared))
		*what = "preshared_key";
	else if (key_parse(cli_text(server, "public_key"), &p->server_key))
		*what = "server.public_key";
	else if (!host_valid(cli_text(server, "endpoint"), true) ||
		 copy(cli_text(server, "endpoint"), p->endpoint, sizeof p->endpoint))
		*what = "server.endpoint";
	else if (!host_valid(cli_text(server, "portal"), false) || copy(cli_text(server, "portal"), p->portal, sizeof p->portal))
		*what = "server.portal";
	else if (read_dns(server, p))
		*what = "server.dns";
	else if (read_names(server, p))
		*what = "server.search";
	else if (copy(cli_text(server, "label"), p->service, sizeof p->service))
		*what = "server.label";
}

int phone_read(const json_t *end, const struct key *private_key, struct phone *out, const char **what)
{
	struct phone p = {.own_key = !private_key};
	if (private_key)
		p.private_key = *private_key;
	read_members(end, &p, what);
	if (!*what)
		*out = p;
	secret_wipe(&p, sizeof p);
	return *what ? -EBADMSG : 0;
}

struct writer {
	char *text;
	size_t size, used;
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct writer *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	size_t left = w->used < w->size ? w->size - w->used : 0;
	int n = vsnprintf(left ? w->text + w->used : NULL, left, format, args);
	va_end(args);
	w->used = n < 0 ? w->size : w->used + (size_t)n;
}

static void put_key(struct writer *w, const char *name, const struct key *k)
{
	char text[KEY_TEXT];
	put(w, "%s = %s\n", name, key_format(k, text));
	secret_wipe(text, sizeof text);
}

static void put_comments(struct writer *w, const struct phone *p)
{
	char label[LABEL_MAX * 4], service[LABEL_MAX * 4];
	put(w, "# %s%s%s", p->id, *p->label ? ": " : "", text_safe(p->label, label, sizeof label));
	put(w, "%s%s\n", *p->service ? " at " : "", text_safe(p->service, service, sizeof service));
}

int phone_text(const struct phone *p, bool comments, char *text, size_t size)
{
	struct writer w = {text, size, 0};
	char address[ADDR_TEXT];
	if (comments)
		put_comments(&w, p);
	put(&w, "[Interface]\n");
	if (!p->own_key)
		put_key(&w, "PrivateKey", &p->private_key);
	else if (comments)
		put(&w, "# PrivateKey = (the phone keeps its own; enter it there)\n");
	put(&w, "Address = %s/32", addr_format(&p->v4, address));
	if (p->v6.family)
		put(&w, ", %s/128", addr_format(&p->v6, address));
	for (unsigned i = 0; i < p->dns_count; i++)
		put(&w, "%s%s", i ? ", " : "\nDNS = ", addr_format(&p->dns[i], address));
	for (unsigned i = 0; i < p->search_count; i++)
		put(&w, ", %s", p->search[i]);
	put(&w, "\nMTU = %d\n\n[Peer]\n", PHONE_MTU);
	put_key(&w, "PublicKey", &p->server_key);
	if (!key_is_zero(&p->preshared))
		put_key(&w, "PresharedKey", &p->preshared);
	/* Both families, also without an IPv6 network: nothing of the phone may go round the tunnel. */
	put(&w, "AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = %s\nPersistentKeepalive = %d\n", p->endpoint, PHONE_KEEPALIVE);
	return w.used < w.size ? (int)w.used : -EMSGSIZE;
}
