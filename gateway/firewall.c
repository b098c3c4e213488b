/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/firewall_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

static const char *spec_fault(const struct firewall_spec *s)
{
	if (!s->interface || !*s->interface || strlen(s->interface) >= IFNAMSIZ)
		return "the interface name is empty or too long";
	if (!s->listen_port || !s->portal_port)
		return "a port is 0";
	if (s->network4.addr.family != 4 || s->gateway4.family != 4)
		return "there is no IPv4 tunnel network or no gateway address in it";
	if (s->network6.addr.family && (s->network6.addr.family != 6 || s->gateway6.family != 6))
		return "the IPv6 tunnel network has no gateway address";
	if (s->resolver_count > RESOLVERS_MAX)
		return "there are too many resolvers";
	if (s->extra_port_count > EXTRA_PORTS_MAX)
		return "there are too many extra ports";
	return NULL;
}

static void spec_take(struct firewall *f, const struct firewall_spec *s)
{
	char name[IFNAMSIZ] = {0};

	memcpy(name, s->interface, strnlen(s->interface, sizeof(name) - 1)); /* it may be our own */
	f->spec = *s;
	memcpy(f->interface, name, sizeof(name));
	f->spec.interface = f->interface;
}

static const char *advice(int rc)
{
	switch (rc) {
	case -EPERM:
	case -EACCES:
		return "the gateway needs CAP_NET_ADMIN: start it through its systemd unit";
	case -EEXIST:
	case -EBUSY:
		return "a table `inet " FIREWALL_TABLE
		       "` of another shape is there, from another version or another program: look at "
		       "`nft list table inet " FIREWALL_TABLE "`, close with `sekisho-gateway --close`, then start again";
	case -EOPNOTSUPP:
	case -EPROTONOSUPPORT:
	case -ENOENT:
		return "the kernel lacks a part of nftables: load nf_tables, nft_chain_nat, nft_ct, nft_fib_inet, nft_limit, "
		       "nft_log, nft_objref, nft_redir, nft_reject_inet and nfnetlink_log";
	default:
		return "see `nft list table inet " FIREWALL_TABLE "` and the kernel's log";
	}
}

static int explain(int rc, const char *what, char *why, size_t why_size)
{
	(void)snprintf(why, why_size, "cannot %s the firewall table: %s; %s", what, strerror(-rc), advice(rc));
	return rc;
}

int firewall_open(const struct firewall_spec *spec, struct firewall **out, bool *taken_over, char *why, size_t why_size)
{
	const char *fault = spec_fault(spec), *step = "reach";
	struct firewall *f;
	int rc, there;

	if (fault) {
		(void)snprintf(why, why_size, "cannot make the firewall table: %s; check sekisho.conf", fault);
		return -EINVAL;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return explain(-ENOMEM, step, why, why_size);
	spec_take(f, spec);
	rc = nft_open(&f->nft, FIREWALL_TABLE);
	if (rc == 0)
		rc = firewall_watch_open(f); /* before anything is made: no change by others goes unseen */
	if (rc < 0)
		goto out;
	there = rc = nft_table_exists(&f->nft);
	if (rc < 0)
		goto out;
	step = there ? "take over" : "create";
	rc = firewall_base_install(f);
	if (rc == 0)
		rc = firewall_profile_adopt(f);
	if (rc == 0)
		rc = firewall_watch_seal(f);
out:
	if (rc < 0) {
		firewall_close(f);
		return explain(rc, step, why, why_size);
	}
	firewall_ports_release(f);
	*out = f;
	*taken_over = there != 0;
	return 0;
}

int firewall_respec(struct firewall *f, const struct firewall_spec *spec)
{
	struct firewall_spec old = f->spec;
	char old_interface[IFNAMSIZ];
	int rc;

	if (spec_fault(spec))
		return -EINVAL;
	memcpy(old_interface, f->interface, sizeof(old_interface));
	spec_take(f, spec);
	rc = firewall_base_install(f);
	if (rc == 0) {
		/* The new rules are in force. Without a new fingerprint firewall_whole() says no, and all is made anew. */
		(void)firewall_watch_seal(f);
		firewall_ports_release(f);
		return 0;
	}
	old.interface = old_interface;
	spec_take(f, &old);
	return rc;
}

void firewall_close(struct firewall *f)
{
	if (!f)
		return;
	if (f->monitor)
		mnl_socket_close(f->monitor);
	nft_close(&f->nft);
	free(f);
}

int firewall_destroy(struct firewall *f)
{
	int rc;

	nft_begin(&f->nft);
	nft_table_delete(&f->nft);
	rc = nft_commit(&f->nft);
	return rc == -ENOENT ? 0 : rc;
}

int firewall_alive(struct firewall *f, unsigned seconds)
{
	struct nft_element e = {
		.set = SET_ALIVE, .key_size = IFNAMSIZ, .timeout_ms = seconds * UINT64_C(1000), .gone = seconds == 0};

	memcpy(e.key, f->interface, IFNAMSIZ);
	return nft_elements_apply(&f->nft, &e, 1);
}
