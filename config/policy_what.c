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
#define DEST_EXPECTED                                                                                                            \
	"expected an address (10.20.0.10, 2001:db8::5), a network (10.20.0.0/24), a range (10.20.0.5-10.20.0.9) or internet"

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
	struct range range[POLICY_DESTS_MAX];
	size_t count;
	bool internet; /* and that */
};

static const struct protocol *protocol_find(const char *word)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (!strcmp(protocols[i].name, word))
			return &protocols[i];
	return NULL;
}

bool policy_what_ends(const struct lexer *lx, unsigned i)
{
	return lexer_is(lx, i, "until") || lexer_is(lx, i, "reason");
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
static bool parse_range(const struct lexer *lx, const struct word *w, struct range *out)
{
	const size_t front = strcspn(w->text, "-");
	char text[ADDR_TEXT];

	snprintf(text, sizeof text, "%.*s", (int)front, w->text);
	if (front >= sizeof text || addr_parse(text, &out->first) < 0) {
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
	if (addr_parse(w->text + front + 1, &out->last) < 0) {
		lexer_mistake(
			lx, &part, "'%s' is not an address; expected a range like 10.20.0.5-10.20.0.9", w->text + front + 1);
		return false;
	}
	if (out->first.family != out->last.family) {
		lexer_mistake(lx, w, "the range mixes IPv4 and IPv6; write one range for each");
		return false;
	}
	if (addr_compare(&out->first, &out->last) > 0) {
		lexer_mistake(lx, w, "the range is empty: its first address is above its last; write the smaller one first");
		return false;
	}
	return true;
}

static bool parse_network(const struct lexer *lx, const struct word *w, struct range *out)
{
	struct nearest n = nearest_to(w->text);
	char complaint[256], hint[NEAREST_TEXT];

	nearest_offer_all(&n, (const char *const[]){"internet", "until", "reason", NULL});
	snprintf(complaint, sizeof complaint, "is not a destination; " DEST_EXPECTED "%s", nearest_hint(&n, hint));
	return networks_word(lx, w, complaint, out);
}

static bool parse_dest(const struct lexer *lx, const struct word *w, struct dests *out)
{
	struct range r;

	if (w->quoted) {
		lexer_mistake(lx, w, "a quoted text is not a destination; " DEST_EXPECTED ", or reason \"TEXT\"");
		return false;
	}
	if (!strcmp(w->text, "internet") && !out->internet) {
		out->internet = true;
		return true;
	}
	if (!strcmp(w->text, "internet")) {
		lexer_mistake(lx, w, "destination '%s' stands twice in this statement; remove one", w->text);
		return false;
	}
	const bool range = strchr(w->text, '-') && like_dest(w->text);
	if (range ? !parse_range(lx, w, &r) : !parse_network(lx, w, &r))
		return false;
	for (size_t i = 0; i < out->count; i++)
		if (addr_equal(&out->range[i].first, &r.first) && addr_equal(&out->range[i].last, &r.last)) {
			lexer_mistake(lx, w, "destination '%s' stands twice in this statement; remove one", w->text);
			return false;
		}
	if (out->count == POLICY_DESTS_MAX) {
		lexer_mistake(lx, w, "more than %d destinations in one statement; write a second statement", POLICY_DESTS_MAX);
		return false;
	}
	out->range[out->count++] = r;
	return true;
}

/* DEST... up to the end, `until` or `reason`; a word without any digit is no attempt at an address and ends the search for more
 * mistakes.
 */
static bool parse_dests(const struct lexer *lx, unsigned *next, const struct protocol *proto, struct dests *out)
{
	const unsigned from = *next;
	bool good = true;

	out->count = 0;
	out->internet = false;
	for (; *next < lx->count && !policy_what_ends(lx, *next); ++*next) {
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

/* The addresses that `internet` stands for; NULL when there are none, which was reported. */
static const struct networks *internet(struct build *b, const struct lexer *lx)
{
	struct networks *n = NULL;

	if (!b->internet && (n = arena_alloc(&b->policy->arena, 1, sizeof *n)) &&
		!networks_internet(b->context.internal, b->context.internal_count, &b->policy->arena, n))
		b->internet = n;
	if (!b->internet)
		b->error = -ENOMEM;
	else if (!b->internet->count)
		lexer_mistake(lx, &lx->words[0], "nothing is internet, for internal-networks of sekisho.conf are all addresses");
	return b->internet && b->internet->count ? b->internet : NULL;
}

static struct profile_box *combine_range(
	struct profile_box *box, const struct range *r, const struct protocol *proto, const struct ports *ports)
{
	const bool v6 = r->first.family == 6;

	for (size_t i = 0; i < ports->count; i++)
		*box++ = (struct profile_box){
			.first = r->first,
			.last = r->last,
			.proto_first = v6 ? proto->first6 : proto->first,
			.proto_last = v6 ? proto->last6 : proto->last,
			.port_first = ports->range[i].first,
			.port_last = ports->range[i].last,
		};
	return box;
}

/* Writes down every combination. */
static bool combine(struct build *b, const struct lexer *lx, const struct protocol *proto, const struct ports *ports,
	const struct dests *dests, struct boxes *out)
{
	const struct networks *const open = dests->internet ? internet(b, lx) : NULL;
	const size_t count = ports->count * (dests->count + (open ? open->count : 0));
	const struct word w = lexer_word(lx, 0);

	if (dests->internet && !open)
		return false;
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
	for (size_t i = 0; i < dests->count; i++)
		box = combine_range(box, &dests->range[i], proto, ports);
	for (size_t i = 0; open && i < open->count; i++)
		box = combine_range(box, &open->range[i], proto, ports);
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
		if (!*w.text || w.quoted || policy_what_ends(lx, *next) || !strcmp(w.text, "internet") ||
			(like_dest(w.text) && !like_ports(w.text))) {
			lexer_mistake(lx, &w, "%s needs ports before the destination; " PORTS_EXPECTED, proto->name);
			good = false;
			if (!like_dest(w.text) && strcmp(w.text, "internet") != 0)
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
