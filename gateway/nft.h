/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thin, generic layer over libnftnl and libmnl for one nftables table of family inet: transactions, rules, sets, elements and
 * dumps. It knows nothing of what the firewall means; gateway/firewall*.c says that. Needs CAP_NET_ADMIN and nothing else.
 *
 * A transaction is one buffer and one send(2): nft_begin(), any number of calls that add a message, nft_commit(). Errors on
 * the way (no memory, buffer full) are sticky: the calls after them do nothing and nft_commit() returns them, so that a
 * caller asks once. The kernel applies a transaction as a whole or not at all.
 * Message formats: include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h; nft(8) for what they mean.
 */
#ifndef SEKISHO_NFT_H
#define SEKISHO_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct mnl_socket;
struct nlmsghdr;
struct nftnl_rule;
struct nftnl_set;
struct nftnl_set_elem;

enum {
	NFT_BATCH_MAX = 524288, /* bytes after which work that may be split goes into a further transaction */
	NFT_TRANSACTION_MAX = 1 << 28, /* bytes of a transaction that may not be split: more than 500,000 sessions */
	NFT_MESSAGE_MAX = 65536, /* bytes of the largest message */
	NFT_FAILURES_MAX = 16,
	NFT_KEY_MAX = 16, /* bytes of the keys of struct nft_element */
};

struct nft_failure {
	unsigned message; /* number within the transaction, from 0 */
	int error; /* -errno */
};

struct nft {
	struct mnl_socket *socket;
	const char *table; /* not owned */
	uint32_t sequence, first; /* last sequence number used; that of the transaction's begin */
	char *buffer;
	size_t size, used;
	size_t last; /* where the last message begins; 0: there is none */
	size_t send_size; /* what the socket takes at once */
	struct nftnl_rule *rule; /* under construction */
	unsigned rules; /* rules that the transaction adds */
	int error; /* sticky */
	unsigned failure_count; /* of the last commit; more than NFT_FAILURES_MAX are only counted */
	struct nft_failure failures[NFT_FAILURES_MAX];
};

/* Opens the netlink socket. `table` must live as long. 0 or -errno. */
int nft_open(struct nft *n, const char *table);
void nft_close(struct nft *n);

/* The socket's netlink port id: it marks the events of our own transactions. */
uint32_t nft_port(const struct nft *n);

/* Starts a transaction; what an unfinished one had is dropped. */
void nft_begin(struct nft *n);

/* How many messages the transaction has so far: the number that the next one gets. */
unsigned nft_count(const struct nft *n);

/* Is there room in a transaction of ordinary size, or is it time to commit what may be committed in parts? */
bool nft_has_room(const struct nft *n);

/*
 * Sends the transaction and collects what the kernel says. 0; the sticky error; the first error that the kernel reports
 * (n->failures names the messages); -ETIMEDOUT when it says nothing for 5 s. Nothing has changed unless it returns 0
 * (or -ETIMEDOUT, -ENOBUFS: unknown).
 */
int nft_commit(struct nft *n);

/* Low level: a message of type NFT_MSG_* with NLM_F_* flags; NULL after an error. nft_message_end() takes it in. */
struct nlmsghdr *nft_message(struct nft *n, uint16_t type, uint16_t flags);
void nft_message_end(struct nft *n);

/* A question outside transactions (which it ends): nft_question() starts it, attributes are added to it, nft_ask() sends it (with
 * NLM_F_ACK) and returns 0 or the kernel's -errno; the answer itself is passed over. */
struct nlmsghdr *nft_question(struct nft *n, uint16_t type, uint16_t flags);
int nft_ask(struct nft *n, const struct nlmsghdr *question);

/* ---- tables, chains, counters, sets (nft_object.c): created unless they are there, in the same shape ---- */

struct nft_hook {
	uint32_t number; /* NF_INET_* */
	int32_t priority;
	const char *type; /* NULL: "filter" */
};

struct nft_set_shape {
	const char *name;
	uint32_t flags; /* NFT_SET_*; NFT_SET_MAP with data mark unless verdict */
	uint32_t key_type, key_size; /* nft's datatype number, see NFT_TYPE_* below */
	bool host_order, verdict;
	uint32_t timeout_ms, size; /* of dynamic sets; 0: none */
	const uint8_t *fields; /* bytes of each field of a concatenation */
	uint32_t field_count;
};

/* Datatype numbers that nft(8) writes beside a set so that it can print it (enum datatypes in nftables' datatype.h). */
enum {
	NFT_TYPE_IPV4 = 7,
	NFT_TYPE_IPV6 = 8,
	NFT_TYPE_PROTOCOL = 12,
	NFT_TYPE_SERVICE = 13,
	NFT_TYPE_MARK = 19,
	NFT_TYPE_IFNAME = 41,
	NFT_TYPE_CONCAT_BITS = 6,
};

void nft_table_create(struct nft *n);
void nft_table_delete(struct nft *n);
void nft_chain_create(struct nft *n, const char *name, const struct nft_hook *hook); /* policy accept; hook NULL: none */
void nft_chain_delete(struct nft *n, const char *name); /* with its rules */
void nft_chain_flush(struct nft *n, const char *name);
void nft_counter_create(struct nft *n, const char *name);
void nft_set_create(struct nft *n, const struct nft_set_shape *s);
void nft_set_delete(struct nft *n, const char *name);
void nft_set_flush(struct nft *n, const char *name);

/* ---- elements (nft_element.c) ---- */

struct nft_element {
	const char *set;
	uint8_t key[NFT_KEY_MAX]; /* zero behind key_size */
	uint8_t key_size;
	bool gone; /* nft_elements_apply(): afterwards it is not there */
	bool present; /* scratch of nft_elements_apply() */
	uint32_t order; /* the same */
	uint32_t mark; /* the data of a map of marks; 0: no data */
	const char *jump; /* the data of a verdict map: chain to jump to; NULL: no data */
	uint64_t timeout_ms; /* 0: none */
};

/* Adds one element to the transaction, without asking whether it is there: -EEXIST. */
void nft_element_add(struct nft *n, const struct nft_element *e);

/*
 * One transaction of its own: afterwards the elements are there with these data and timeouts, or are not there (`gone`), whatever
 * was there before. Of several for the same key one that is to be there wins, else the last. An element that the kernel expires
 * meanwhile does no harm. Sorts `elements` and drops doubles. 0 or -errno: nothing changed (-ETIMEDOUT, -ENOBUFS: unknown; it
 * may be asked for again). -ENOENT when a set or a chain to jump to is not there.
 */
int nft_elements_apply(struct nft *n, struct nft_element *elements, unsigned count);

/* Adds all elements collected in a libnftnl set (at most about 500: NFT_MESSAGE_MAX) as one message. */
void nft_elements_add(struct nft *n, struct nftnl_set *set);

/* ---- dumps (nft_dump.c) ---- */

/*
 * Reads everything of a kind: `type` is NFT_MSG_GETCHAIN, GETRULE, GETSET, GETOBJ or GETSETELEM (then of `set`, else NULL).
 * `each` gets the kernel's messages, of other tables too; when it returns non-zero, that is returned. A dump that another
 * transaction disturbed starts again after `restart(arg)`; -EINTR when that happens 16 times. 0 or -errno.
 */
int nft_dump(struct nft *n, uint16_t type, const char *set, void (*restart)(void *arg),
	int (*each)(const struct nlmsghdr *message, void *arg), void *arg);

/* Calls `each` for the elements in one message of a dump. 0, -ENOMEM, or -EBADMSG when it is ill-formed or `each` returns < 0. */
int nft_each_element(const struct nlmsghdr *message, int (*each)(struct nftnl_set_elem *e, void *arg), void *arg);

/* 1 when the table, or a chain of it, exists, 0 when not, -errno. */
int nft_table_exists(struct nft *n);
int nft_chain_exists(struct nft *n, const char *name);

/* Is the message (event or dump) about our table? */
bool nft_is_ours(const struct nft *n, const struct nlmsghdr *message);

/* One attribute of a message: its payload and size, or NULL when it is not there. As text: "" when it is not there or no text. */
const void *nft_attribute(const struct nlmsghdr *message, uint16_t type, size_t *size);
const char *nft_text(const struct nlmsghdr *message, uint16_t type);

/* ---- rules (nft_rule.c, nft_rule_match.c): nft_rule() starts one in a chain, nft_rule_end() adds it at the chain's end ---- */

enum { NFT_R1 = 1, NFT_R32_1 = 9, NFT_R32_2 = 10, NFT_R32_4 = 12, NFT_R32_5 = 13 }; /* registers: a 16-byte one, 4-byte ones */

void nft_rule(struct nft *n, const char *chain);
void nft_rule_end(struct nft *n);

/* Loads into a register. */
void nft_rule_meta(struct nft *n, uint32_t key, uint32_t reg);
void nft_rule_ct(struct nft *n, uint32_t key, uint32_t reg);
void nft_rule_load_mark(struct nft *n, uint32_t mask); /* packet mark & mask */
void nft_rule_payload(struct nft *n, uint32_t base, uint32_t offset, uint32_t size, uint32_t reg);
/* Compares, masks, looks up register 1. */
void nft_rule_cmp(struct nft *n, uint32_t op, const void *data, uint32_t size);
void nft_rule_cmp_u32(struct nft *n, uint32_t op, uint32_t value); /* host order */
void nft_rule_mask(struct nft *n, const void *mask, uint32_t size);
void nft_rule_lookup(struct nft *n, const char *set, bool invert); /* match */
void nft_rule_map(struct nft *n, const char *map); /* data into register 1 */
void nft_rule_vmap(struct nft *n, const char *map); /* verdict */
/* Complete matches (nft_rule_match.c). */
void nft_rule_interface(struct nft *n, uint32_t key, uint32_t op, const char *name);
void nft_rule_family(struct nft *n, uint8_t nfproto);
void nft_rule_protocol(struct nft *n, uint8_t protocol);
void nft_rule_port(struct nft *n, uint32_t offset, uint16_t port); /* th + offset, after nft_rule_protocol() */
void nft_rule_ct_state(struct nft *n, uint32_t bits, bool any); /* any of the bits set, or none */
void nft_rule_ct_direction(struct nft *n, uint8_t direction);
void nft_rule_ct_unmarked(struct nft *n); /* connection mark is 0 */
/* Of packets of family `nfproto` only: the address at `offset` of the network header into register 1; is it `a`; is it (or is it
 * not: `op`) in `p`? */
void nft_rule_load_address(struct nft *n, uint8_t nfproto, uint32_t offset, uint32_t size);
void nft_rule_address(struct nft *n, uint8_t nfproto, uint32_t offset, const struct addr *a);
void nft_rule_network(struct nft *n, uint8_t nfproto, uint32_t offset, uint32_t op, const struct prefix *p);
void nft_rule_destination_type(struct nft *n, uint32_t type); /* RTN_* that routing finds for the destination */
/* Statements. */
void nft_rule_set_mark(struct nft *n); /* packet mark := register 1 */
void nft_rule_set_mark_to(struct nft *n, uint32_t mark);
void nft_rule_set_ct_mark(struct nft *n); /* connection mark := register 1 */
void nft_rule_counter(struct nft *n, const char *name);
void nft_rule_log(struct nft *n, const char *prefix, uint16_t group, uint32_t snaplen, uint16_t threshold);
void nft_rule_limit(struct nft *n, uint64_t rate, uint32_t burst); /* packets a second; matches below it */
void nft_rule_update(struct nft *n, const char *set, uint64_t rate, uint32_t burst); /* the same for each value of register 1 */
void nft_rule_redirect(struct nft *n, uint16_t port); /* to this host, to that port; of nat chains */
void nft_rule_clamp_mss(struct nft *n, uint32_t side, const char *interface); /* TCP SYN: MSS to what the route carries */
void nft_rule_reject(struct nft *n, uint32_t type, uint8_t code);
void nft_rule_conclude(struct nft *n, int verdict); /* NF_ACCEPT or NF_DROP, and ends the rule */
void nft_rule_jump(struct nft *n, const char *chain); /* goes there and comes back, and ends the rule */
void nft_rule_goto(struct nft *n, const char *chain); /* goes there, and ends the rule */

#endif
