/* SPDX-License-Identifier: GPL-3.0-or-later */
/* WireGuard in wireguard-go, for kernels that have none. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/secret.h"
#include "common/text.h"
#include "gateway/netif.h"
#include "gateway/tunnel_backend.h"
#include "gateway/uapi.h"

enum { REQUEST_MAX = 1024, LOOK_USEC = 10000, PATIENCE_USEC = 15 * 1000000, END_PATIENCE_USEC = 5 * 1000000 };

struct request {
	char text[REQUEST_MAX];
	size_t used;
};

static void add(struct request *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct request *r, const char *format, ...)
{
	size_t left = sizeof r->text - r->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(r->text + r->used, left, format, args);
	va_end(args);
	r->used += n < 0 || (size_t)n >= left ? 0 : (size_t)n; /* the longest request has less than half of the room */
}

static void add_key(struct request *r, const char *name, const struct key *k)
{
	add(r, "%s=", name);
	for (size_t i = 0; i < KEY_SIZE; i++)
		add(r, "%02x", k->bytes[i]);
	add(r, "\n");
}

static void add_allowed(struct request *r, const struct addr *a)
{
	char text[ADDR_TEXT];

	if (a->family)
		add(r, "allowed_ip=%s/%zu\n", addr_format(a, text), 8 * addr_size(a));
}

/* Sends the lines so far as one change, and wipes them. */
static int change(const char *interface, struct request *r)
{
	struct uapi_answer a;
	int ret;

	add(r, "\n");
	ret = uapi_ask(interface, r->text, r->used, &a);
	secret_wipe(r, sizeof *r);
	if (!ret)
		uapi_answer_free(&a);
	return ret;
}

static struct request change_new(void)
{
	struct request r = {.used = 0};

	add(&r, "set=1\n");
	return r;
}

static int uapi_dump(const char *interface, struct tunnel_dump *out)
{
	static const char get[] = "get=1\n\n";
	struct uapi_answer a;
	int ret = uapi_ask(interface, get, sizeof get - 1, &a);

	if (ret)
		return ret;
	if (!key_is_zero(&a.private_key))
		ret = key_public(&a.private_key, &a.dump.public_key);
	if (!ret) {
		*out = a.dump;
		a.dump = (struct tunnel_dump){0};
	}
	uapi_answer_free(&a);
	return ret;
}

static int port_now(const char *interface)
{
	struct tunnel_dump d;
	int ret = uapi_dump(interface, &d);

	if (ret)
		return ret;
	ret = d.listen_port;
	tunnel_dump_free(&d);
	return ret;
}

static int set_port(const char *interface, unsigned port)
{
	struct request r = change_new();

	add(&r, "listen_port=%u\n", port);
	return change(interface, &r);
}

static int set_private_key(const struct tunnel_spec *spec)
{
	struct request r = change_new();

	add_key(&r, "private_key", &spec->private_key);
	return change(spec->interface, &r);
}

/* The port that is open; `process` is a connection to it. */
static int wait_port(const char *interface, int process)
{
	int64_t deadline = time_boot() + PATIENCE_USEC;

	for (;;) {
		int port = port_now(interface);
		if (port)
			return port;
		if (time_boot() > deadline)
			return -ETIMEDOUT;
		if (uapi_wait_end(process, LOOK_USEC) != -ETIMEDOUT)
			return -ECONNRESET;
	}
}

/*
 * wireguard-go opens its port some time after the link came up, and when that port is taken it only writes a line in its own log.
 * So let it open any port, wait until it has, and then ask for the right one: that is answered with EADDRINUSE.
 */
static int bring_up(const struct tunnel_spec *spec)
{
	int up = netif_is_up(spec->interface), process = uapi_connect(spec->interface);
	int port, ret;

	if (up < 0 || process < 0) {
		ret = up < 0 ? up : process;
		goto out;
	}
	ret = up ? 0 : set_port(spec->interface, 0);
	if (!ret)
		ret = netif_up(spec->interface, spec->mtu);
	if (ret)
		goto out;
	port = up ? port_now(spec->interface) : wait_port(spec->interface, process);
	if (port < 0)
		ret = port;
	else if (port != spec->listen_port)
		ret = set_port(spec->interface, spec->listen_port);
out:
	if (process >= 0)
		close(process);
	return ret;
}

/* Waits until whoever serves the interface has ended: a process whose interface was deleted does so by itself. 0 also when
 * nobody does. */
static int wait_end(const char *interface)
{
	int process = uapi_connect(interface), ret;

	if (process < 0)
		return 0;
	ret = uapi_wait_end(process, END_PATIENCE_USEC);
	close(process);
	return ret;
}

/* A process that serves an interface of ours is taken over; one whose interface has gone is given time to end. */
static int find_or_spawn(const char *interface, char *why, size_t why_size)
{
	int port = port_now(interface);

	if (port >= 0 && netif_index(interface) >= 0)
		return 0;
	if (port >= 0 && wait_end(interface)) {
		snprintf(why, why_size,
			"a wireguard-go answers at " UAPI_DIR "/%s.sock, but its interface is not in this network namespace: "
			"end it, or choose another name for 'interface'",
			interface);
		return -EADDRNOTAVAIL;
	}
	if (port < 0 && port != -ENOENT && port != -ECONNREFUSED) {
		snprintf(why, why_size,
			"the wireguard-go of interface '%s' does not answer at " UAPI_DIR "/%s.sock: %s; end it and start again",
			interface, interface, strerror(-port));
		return port;
	}
	return tunnel_spawn(interface, why, why_size);
}

static int uapi_start(const struct tunnel_spec *spec, char *why, size_t why_size)
{
	int ret = find_or_spawn(spec->interface, why, why_size);

	if (ret)
		return ret;
	ret = set_private_key(spec);
	if (!ret)
		ret = bring_up(spec);
	if (ret == -EADDRINUSE)
		return tunnel_port_taken(spec->listen_port, why, why_size);
	if (ret)
		snprintf(why, why_size,
			"cannot give wireguard-go's interface '%s' its key and bring it up: %s; try: ip link del %s",
			spec->interface, strerror(-ret), spec->interface);
	return ret;
}

static int uapi_install(const char *interface, const struct tunnel_peer *p)
{
	struct request r = change_new();
	char text[ENDPOINT_TEXT];

	add_key(&r, "public_key", &p->public_key);
	add_key(&r, "preshared_key", &p->preshared);
	if (p->endpoint.addr.family)
		add(&r, "endpoint=%s\n", endpoint_format(&p->endpoint, text));
	add(&r, "replace_allowed_ips=true\n");
	add_allowed(&r, &p->v4);
	add_allowed(&r, &p->v6);
	add(&r, "persistent_keepalive_interval=%u\n", p->keepalive);
	return change(interface, &r);
}

static int uapi_keepalive(const char *interface, const struct key *public_key, uint16_t seconds)
{
	struct request r = change_new();

	add_key(&r, "public_key", public_key);
	add(&r, "update_only=true\npersistent_keepalive_interval=%u\n", seconds);
	return change(interface, &r);
}

static int uapi_remove(const char *interface, const struct key *public_key)
{
	struct request r = change_new();

	add_key(&r, "public_key", public_key);
	add(&r, "remove=true\n");
	return change(interface, &r);
}

static int uapi_clear(const char *interface)
{
	struct request r = change_new();

	add(&r, "replace_peers=true\n");
	return change(interface, &r);
}

static int uapi_stop(const char *interface)
{
	int ret = netif_delete(interface);

	return ret ? ret : wait_end(interface);
}

const struct tunnel_backend tunnel_uapi = {
	.name = "wireguard-go",
	.kind = "tun",
	.start = uapi_start,
	.install = uapi_install,
	.keepalive = uapi_keepalive,
	.remove = uapi_remove,
	.clear = uapi_clear,
	.dump = uapi_dump,
	.stop = uapi_stop,
};
