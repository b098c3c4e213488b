/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a statement is about: protocol, ports, destinations. */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "config/nearest.h"
#include "config/policy_internal.h"

#define PORTS_EXPECTED "expected ports: 443, 80,443, 8000-8100, or * for every port"
#define DEST_EXPECTED "expected an address (10.20.0.10, 2001:db8::5), a network (10.20.0.0/24) or a range (10.20.0.5-10.20.0.9)"

static const struct protocol {
	const char *name;
	uint8_t first, last; /* for destinations of IPv4 */
	uint8_t first6, last6;
	bool has_ports;
} protocols[] = {
	{"tcp", IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, true},
	{"udp", IPPROTO_UDP, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_UDP, true},
	{"icmp", IPPROTO_ICMP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_ICMPV6, false},
	{"any", 0, 255, 0, 255, false},
};

enum { PROTOCOLS = sizeof protocols / sizeof *protocols };

struct ports {
	struct {
		uint16_t first, last;
	} range[POLICY_PORTS_MAX];
	size_t count;
};

struct dests {
	struct {
		struct addr first, last;
	} range[POLICY_DESTS_MAX];
	size_t count;
};

static const struct protocol *protocol_find(const char *word)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (!strcmp(protocols[i].name, word))
			return &protocols[i];
	return NULL;
}

bool policy_what_is_protocol(const char *word)
{
	return protocol_find(word) != NULL;
}

/* One number of PORTS, `size` bytes at `from` of the word. */
static bool parse_port(const struct lexer *lx, const struct word *w, size_t from, size_t size, uint16_t *out)
{
	struct word part = word_part(w, from, size);
	unsigned port = 0;

	if (!size) {
		lexer_mistake(lx, &part, "a port number is missing; " PORTS_EXPECTED ", without spaces");
		return false;
	}
	if (!word_number(w->text + from, size, UINT16_MAX, &port) || port == 0) {
		lexer_mistake(lx, &part, "'%.*s' is not a port number; expected 1 to 65535", (int)size, w->text + from);
		return false;
	}
	*out = (uint16_t)port;
	return true;
}

/* One item of PORTS: "443" or "8000-8100". */
static bool parse_port_item(const struct lexer *lx, const struct word *w, size_t from, size_t size, struct ports *out)
{
	const char *const dash = memchr(w->text + from, '-', size);
	const size_t front = dash ? (size_t)(dash - (w->text + from)) : size;
	const struct word part = word_part(w, from, size);
	uint16_t first = 0, last = 0;

	if (!parse_port(lx, w, from, front, &first))
		return false;
	last = first;
	if (dash && !parse_port(lx, w, from + front + 1, size - front - 1, &last))
		return false;
	if (first > last) {
		lexer_mistake(lx, &part, "the range is empty: %u is above %u; write the smaller port first", first, last);
		return false;
	}
	for (size_t i = 0; i < out->count; i++) {
		if (first > out->range[i].last || last < out->range[i].first)
			continue;
		lexer_mistake(lx, &part, "port %u stands twice in this list; name every port once",
			first > out->range[i].first ? first : out->range[i].first);
		return false;
	}
	if (out->count == POLICY_PORTS_MAX) {
		lexer_mistake(
			lx, &part, "more than %d ports in one statement; write a range or a second statement", POLICY_PORTS_MAX);
		return false;
	}
	out->range[out->count].first = first;
	out->range[out->count++].last = last;
	return true;
}

static bool parse_ports(const struct lexer *lx, const struct word *w, struct ports *out)
{
	bool good = true;

	out->count = 0;
	if (!strcmp(w->text, "*")) {
		out->range[out->count].first = 0;
		out->range[out->count++].last = UINT16_MAX;
		return true;
	}
	for (size_t from = 0;; from++) {
		const size_t size = strcspn(w->text + from, ",");
		good = parse_port_item(lx, w, from, size, out) && good;
		from += size;
		if (!w->text[from])
			return good;
	}
}

/* Could somebody have meant ports by this word, or a destination? Letters and dots are no ports. */
static bool like_ports(const char *text)
{
	return *text && text[strspn(text, "0123456789,-*")] == '\0';
}

static bool like_dest(const char *text)
{
	return strpbrk(text, ".:/") != NULL && (*text == ':' || isxdigit((unsigned char)*text));
}

/* "FIRST-LAST" */
static bool parse_range(const struct lexer *lx, const struct word *w, struct addr *first, struct addr *last)
{
	const size_t front = strcspn(w->text, "-");
	char text[ADDR_TEXT];

	snprintf(text, sizeof text, "%.*s", (int)front, w->text);
	if (front >= sizeof text || addr_parse(text, first) < 0) {
		const struct word wrong = word_part(w, 0, front);
		lexer_mistake(
			lx, &wrong, "'%.*s' is not an address; expected a range like 10.20.0.5-10.20.0.9", (int)front, w->text);
		return false;
	}
	const struct word part = word_part(w, front + 1, strlen(w->text + front + 1));
	if (!w->text[front + 1]) {
		lexer_mistake(lx, &part, "the last address is missing; expected a range like 10.20.0.5-10.20.0.9");
		return false;
	}
	if (addr_parse(w->text + front + 1, last) < 0) {
		lexer_mistake(
			lx, &part, "'%s' is not an address; expected a range like 10.20.0.5-10.20.0.9", w->text + front + 1);
		return false;
	}
	if (first->family != last->family) {
		lexer_mistake(lx, w, "the range mixes IPv4 and IPv6; write one range for each");
		return false;
	}
	if (addr_compare(first, last) > 0) {
		lexer_mistake(lx, w, "the range is empty: its first address is above its last; write the smaller one first");
		return false;
	}
	return true;
}

/* The network that somebody meant who wrote one with host bits: "10.20.0.10/24" -> "10.20.0.0/24". */
static const char *without_host_bits(const char *written, char text[static PREFIX_TEXT])
{
	const char *const slash = strchr(written, '/');
	unsigned bits = 0;
	struct prefix p = {0};
	char front[ADDR_TEXT];

	if (!slash)
		return NULL;
	snprintf(front, sizeof front, "%.*s", (int)(slash - written), written);
	if (addr_parse(front, &p.addr) < 0 || !word_number(slash + 1, strlen(slash + 1), 128, &bits))
		return NULL;
	if (p.addr.family == 4 && strchr(front, ':')) { /* IPv4-mapped */
		if (bits < 96)
			return NULL;
		bits -= 96;
	}
	p.bits = (uint8_t)bits;
	for (size_t i = 0; i < addr_size(&p.addr); i++) {
		const unsigned kept = bits > 8 * i ? bits - 8 * (unsigned)i : 0;
		p.addr.bytes[i] &= (uint8_t)(kept >= 8 ? 0xff : 0xff00 >> kept);
	}
	return prefix_format(&p, text);
}

static bool parse_network(const struct lexer *lx, const struct word *w, struct addr *first, struct addr *last)
{
	char text[PREFIX_TEXT];
	struct prefix p;
	const int r = prefix_parse(w->text, &p);

	if (r == -EDOM) {
		const char *const meant = without_host_bits(w->text, text);
		lexer_mistake(lx, w, "'%s' has bits set below its mask; expected the network %s, or a bare address for one host",
			w->text, meant ? meant : "address");
		return false;
	}
	if (r < 0) {
		lexer_mistake(lx, w, "'%s' is not a destination; " DEST_EXPECTED, w->text);
		return false;
	}
	prefix_range(&p, first, last);
	return true;
}

static bool parse_dest(const struct lexer *lx, const struct word *w, struct dests *out)
{
	struct addr first, last;

	if (w->quoted) {
		lexer_mistake(lx, w, "a quoted text is not a destination; " DEST_EXPECTED ", or reason \"TEXT\"");
		return false;
	}
	const bool range = strchr(w->text, '-') && like_dest(w->text);
	if (range ? !parse_range(lx, w, &first, &last) : !parse_network(lx, w, &first, &last))
		return false;
	for (size_t i = 0; i < out->count; i++)
		if (addr_equal(&out->range[i].first, &first) && addr_equal(&out->range[i].last, &last)) {
			lexer_mistake(lx, w, "destination '%s' stands twice in this statement; remove one", w->text);
			return false;
		}
	if (out->count == POLICY_DESTS_MAX) {
		lexer_mistake(lx, w, "more than %d destinations in one statement; write a second statement", POLICY_DESTS_MAX);
		return false;
	}
	out->range[out->count].first = first;
	out->range[out->count++].last = last;
	return true;
}

/* DEST... up to the end or `reason`; a word without any digit is no attempt at an address and ends the search for more mistakes.
 */
static bool parse_dests(const struct lexer *lx, unsigned *next, const struct protocol *proto, struct dests *out)
{
	const unsigned from = *next;
	bool good = true;

	out->count = 0;
	for (; *next < lx->count && !lexer_is(lx, *next, "reason"); ++*next) {
		const struct word w = lexer_word(lx, *next);
		if (*next == from && !proto->has_ports && !w.quoted && like_ports(w.text)) {
			lexer_mistake(lx, &w, "%s takes no ports; " DEST_EXPECTED, proto->name);
			good = false;
			continue;
		}
		if (!parse_dest(lx, &w, out)) {
			good = false;
			if (w.quoted || !strpbrk(w.text, "0123456789"))
				return false;
		}
	}
	if (*next == from) {
		const struct word w = lexer_word(lx, *next);
		lexer_mistake(lx, &w, "no destination; " DEST_EXPECTED);
		good = false;
	}
	return good;
}

/* Writes down every combination. */
static bool combine(struct build *b, const struct lexer *lx, const struct protocol *proto, const struct ports *ports,
	const struct dests *dests, struct boxes *out)
{
	const size_t count = ports->count * dests->count;
	const struct word w = lexer_word(lx, 0);

	if (b->box_count + count > POLICY_BOXES_MAX) {
		if (b->box_count <= POLICY_BOXES_MAX) /* said once */
			lexer_mistake(lx, &w,
				"more than %d combinations of ports and destination in all files; use networks and ranges",
				POLICY_BOXES_MAX);
		b->box_count = POLICY_BOXES_MAX + 1;
		return false;
	}
	struct profile_box *box = arena_alloc(&b->policy->arena, count, sizeof *box);
	if (!box) {
		b->error = -ENOMEM;
		return false;
	}
	b->box_count += count;
	*out = (struct boxes){.box = box, .count = count};
	for (size_t i = 0; i < dests->count; i++) {
		const bool v6 = dests->range[i].first.family == 6;
		for (size_t j = 0; j < ports->count; j++)
			*box++ = (struct profile_box){
				.first = dests->range[i].first,
				.last = dests->range[i].last,
				.proto_first = v6 ? proto->first6 : proto->first,
				.proto_last = v6 ? proto->last6 : proto->last,
				.port_first = ports->range[j].first,
				.port_last = ports->range[j].last,
			};
	}
	return true;
}

/* The word where a protocol should be is none. */
static void not_a_protocol(const struct lexer *lx, const struct word *w)
{
	struct nearest n = nearest_to(w->text);
	char hint[NEAREST_TEXT];

	for (size_t i = 0; i < PROTOCOLS; i++)
		nearest_offer(&n, protocols[i].name);
	lexer_mistake(lx, w, "expected a protocol: tcp, udp, icmp or any%s", nearest_hint(&n, hint));
}

bool policy_what_parse(struct build *b, const struct lexer *lx, unsigned *next, struct boxes *out)
{
	struct ports ports = {.range = {{0, UINT16_MAX}}, .count = 1};
	struct dests dests;
	const struct word first = lexer_word(lx, *next);
	const struct protocol *const proto = first.quoted ? NULL : protocol_find(first.text);
	bool good = true;

	if (!proto) {
		not_a_protocol(lx, &first);
		return false;
	}
	++*next;
	if (proto->has_ports) {
		const struct word w = lexer_word(lx, *next);
		if (!*w.text || w.quoted || lexer_is(lx, *next, "reason") || (like_dest(w.text) && !like_ports(w.text))) {
			lexer_mistake(lx, &w, "%s needs ports before the destination; " PORTS_EXPECTED, proto->name);
			good = false;
			if (!like_dest(w.text))
				return false;
		} else {
			good = parse_ports(lx, &w, &ports);
			++*next;
			/* "80, 443": what follows was meant as ports too. */
			if (!good && (*next == lx->count || w.text[strlen(w.text) - 1] == ','))
				return false;
		}
	}
	return parse_dests(lx, next, proto, &dests) && good && combine(b, lx, proto, &ports, &dests, out);
}
