/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is unlike a person: networks that are new, hours that are unusual, two devices at two places at once, places that change
 * faster than people do. A place is the outer network, the /16 of an IPv4 address or the /32 of an IPv6 one; of which country or
 * town it is nobody here knows. Addresses of different families are never compared: one place has both.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "gateway/cli/report.h"

enum { SESSIONS_KEPT = 8, NETWORK_TEXT = 24, DEVICE_TEXT = 24, SESSION_TEXT = 64 };

struct place {
	char network[NETWORK_TEXT], device[DEVICE_TEXT];
	int64_t when;
};

struct open_session {
	char id[SESSION_TEXT]; /* number and when it was opened; "": none */
	struct place place;
	uint64_t ordinal;
};

/* What is remembered of a user. */
struct person {
	uint32_t hours; /* bit N: logged in at N o'clock before the period */
	uint32_t history; /* logins before the period */
	struct place last; /* login */
	uint64_t opened; /* sessions so far */
	struct open_session sessions[SESSIONS_KEPT];
	size_t next; /* which one to forget when there are too many */
};

static struct person *person_of(struct report *r, const struct report_line *line, char user[static REPORT_PART_MAX])
{
	if (!*report_field(line, LOGFIELD_USER, user))
		return NULL;
	struct report_entry *e = report_add(r, BAG_PEOPLE, line, 1, (const char *[]){user});
	return e ? e->data : NULL;
}

static struct place place_of(const struct report_line *line)
{
	char network[REPORT_PART_MAX], device[REPORT_PART_MAX];
	struct place p = {.when = line->when};
	snprintf(p.network, sizeof p.network, "%.*s", NETWORK_TEXT - 1, report_network(line, network));
	snprintf(p.device, sizeof p.device, "%.*s", DEVICE_TEXT - 1, report_field(line, LOGFIELD_DEVICE, device));
	return p;
}

static bool is_ipv6(const char *network)
{
	return strchr(network, ':');
}

static bool elsewhere(const struct place *a, const struct place *b)
{
	return *a->network && *b->network && is_ipv6(a->network) == is_ipv6(b->network) && strcmp(a->network, b->network) != 0;
}

static json_t *two_places(const char *user, const struct place *a, const struct place *b, uint64_t lines)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "user", user, "from", a->network, "to", b->network,
		"from_device", a->device, "to_device", b->device, "since", (json_int_t)a->when, "until", (json_int_t)b->when,
		"lines", (json_int_t)lines);
}

static struct tm local(int64_t when)
{
	time_t seconds = (time_t)(when / 1000000);
	struct tm tm = {0};
	localtime_r(&seconds, &tm);
	return tm;
}

static bool usual(const struct person *p, int hour)
{
	if (p->history < REPORT_HISTORY_LEAST)
		return hour >= REPORT_DAY_BEGINS && hour < REPORT_DAY_ENDS;
	return p->hours & (1U << hour | 1U << (hour + 1) % 24 | 1U << (hour + 23) % 24);
}

/* "08-11 13-17": hours of logins before the period; "" without a history. */
static void hours_text(const struct person *p, char *out, size_t size)
{
	size_t used = 0;
	out[0] = '\0';
	if (p->history < REPORT_HISTORY_LEAST)
		return;
	for (int from = 0; from < 24; from++) {
		int to = from;
		if (!(p->hours >> from & 1))
			continue;
		while (to + 1 < 24 && p->hours >> (to + 1) & 1)
			to++;
		int n = snprintf(out + used, size - used, "%s%02d-%02d", used ? " " : "", from, to + 1);
		if (n < 0 || (size_t)n >= size - used)
			return;
		used += (size_t)n;
		from = to;
	}
}

static void judge_hour(struct report *r, const struct report_line *line, const struct person *p, const char *user)
{
	char since[24], hours[REPORT_PART_MAX];
	if (usual(p, local(line->when).tm_hour))
		return;
	const struct tm tm = local(line->when);
	int64_t hour = (line->when / 1000000 - tm.tm_min * 60 - tm.tm_sec) * 1000000;
	snprintf(since, sizeof since, "%lld", (long long)hour);
	struct report_entry *e = report_add(r, BAG_UNUSUAL, line, 2, (const char *[]){user, since});
	hours_text(p, hours, sizeof hours);
	if (e)
		report_entry_note(e, hours);
}

static void judge_network(struct report *r, const struct report_line *line, const char *user, const struct place *place)
{
	const char *parts[] = {user, place->network};
	char key[REPORT_KEY_MAX];
	if (!*place->network)
		return;
	if (!line->counted)
		report_add(r, BAG_KNOWN_NETWORK, line, 2, parts);
	else if (!report_bag_find(&r->bags[BAG_KNOWN_NETWORK], report_key(key, 2, parts)))
		report_add(r, BAG_NEW_NETWORK, line, 2, parts);
}

void report_people_login(struct report *r, const struct report_line *line)
{
	char user[REPORT_PART_MAX];
	struct person *p = person_of(r, line, user);
	if (!p)
		return;
	const struct place place = place_of(line);
	const int64_t passed = place.when - p->last.when;
	if (line->counted) {
		judge_hour(r, line, p, user);
		if (p->last.when && passed >= 0 && passed < REPORT_FAST_MINUTES * INT64_C(60000000) &&
			elsewhere(&p->last, &place))
			report_list_add(r, LIST_FAST, two_places(user, &p->last, &place, 2));
	} else {
		p->hours |= 1U << local(line->when).tm_hour;
		p->history++;
	}
	judge_network(r, line, user, &place);
	p->last = place;
}

/* A session's number comes round, together with when it was opened it never does. */
static void session_id(const struct report_line *line, char id[static SESSION_TEXT])
{
	char number[REPORT_PART_MAX], opened[REPORT_PART_MAX];
	snprintf(id, SESSION_TEXT, "%.20s %.40s", report_field(line, LOGFIELD_SESSION, number),
		report_field(line, LOGFIELD_SESSION_OPENED, opened));
}

void report_people_opened(struct report *r, const struct report_line *line)
{
	char user[REPORT_PART_MAX];
	struct person *p = person_of(r, line, user);
	if (!p)
		return;
	struct open_session new = {.place = place_of(line), .ordinal = ++p->opened};
	session_id(line, new.id);
	size_t at = SESSIONS_KEPT;
	for (size_t i = 0; i < SESSIONS_KEPT; i++) {
		const struct open_session *s = &p->sessions[i];
		if (!s->id[0])
			at = i;
		else if (line->counted && strcmp(s->place.device, new.place.device) != 0 && elsewhere(&s->place, &new.place))
			report_list_add(r, LIST_APART, two_places(user, &s->place, &new.place, new.ordinal - s->ordinal + 1));
	}
	if (at == SESSIONS_KEPT)
		at = p->next++ % SESSIONS_KEPT;
	p->sessions[at] = new;
}

void report_people_ended(struct report *r, const struct report_line *line)
{
	char user[REPORT_PART_MAX], id[SESSION_TEXT];
	if (!*report_field(line, LOGFIELD_USER, user))
		return;
	const struct report_entry *e = report_bag_find(&r->bags[BAG_PEOPLE], user);
	struct person *p = e ? e->data : NULL;
	session_id(line, id);
	for (size_t i = 0; p && i < SESSIONS_KEPT; i++)
		if (!strcmp(p->sessions[i].id, id))
			p->sessions[i].id[0] = '\0';
}

size_t report_person_size(void)
{
	return sizeof(struct person);
}
