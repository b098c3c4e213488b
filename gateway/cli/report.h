/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `sekisho log report`: what the parts of it share. Lines of the logs become counts (report_collect.c, report_people.c,
 * report_audit.c), counts become a document (report_build*.c), a tree of JSON that --json prints as it is and that report_text.c
 * and report_html.c show to people. Memory is bounded whatever the logs hold: counters are report_bag's, lists end at
 * REPORT_EVENTS_MAX.
 */
#ifndef SEKISHO_REPORT_H
#define SEKISHO_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "gateway/cli/logfield.h"
#include "gateway/cli/logset.h"
#include "gateway/cli/report_bag.h"

enum {
	REPORT_DAYS_MAX = 400, /* as long as logs are kept by the logrotate file that we install */
	REPORT_HOURLY_DAYS = 8, /* up to so many days the chart has hours */
	REPORT_EVENTS_MAX = 200,
	REPORT_SLOTS = REPORT_DAYS_MAX + 2,
};

/* What is "unusual" and "fast"; sekisho(8) says so in words. */
enum {
	REPORT_HISTORY_LEAST = 10, /* logins before the period that make a history */
	REPORT_DAY_BEGINS = 7, /* without one, hours from here ... */
	REPORT_DAY_ENDS = 22, /* ... to before here are usual */
	REPORT_FAST_MINUTES = 10,
	REPORT_MANY_FAILURES = 10, /* failed logins of one name from one device, worth a look */
};

enum report_lang { REPORT_EN, REPORT_JA };

/* What the chart and the list of days and hours count. */
enum report_series {
	REPORT_LOGINS,
	REPORT_FAILURES,
	REPORT_SESSIONS,
	REPORT_DEVICES_REFUSED,
	REPORT_CONNECTIONS_REFUSED,
	REPORT_CONNECTIONS,
	REPORT_SERIES
};

struct report_slot {
	int64_t since; /* to the next slot's */
	struct report_count count[REPORT_SERIES];
};

struct report_slots {
	struct report_slot slot[REPORT_SLOTS]; /* one more than `used`: the end */
	size_t used;
};

enum report_bags {
	BAG_USER, /* user: successful logins */
	BAG_FAILURE, /* reason */
	BAG_FAILURE_WHO, /* user, user's hash, device */
	BAG_ENDED, /* reason of the session's end */
	BAG_REFUSED, /* reason */
	BAG_REFUSED_WHO, /* device, key, reason; note: label */
	BAG_REFUSED_FROM, /* outer address */
	BAG_LOST, /* device, key, outer address; note: label */
	BAG_CONNECTION, /* reason */
	BAG_CONNECTION_WHO, /* user, device (of lines without a user), destination, reason; note: ports */
	BAG_VOLUME, /* user */
	BAG_DESTINATION, /* destination; note: ports */
	BAG_USER_DESTINATION, /* user, destination; note: ports */
	BAG_NEW_NETWORK, /* user, network */
	BAG_NEW_DEVICE, /* device; note: label */
	BAG_UNUSUAL, /* user, beginning of the hour; note: the hours that are usual */
	BAG_ROAMED, /* device; note: label */
	BAG_ADMIN, /* name, action */
	BAG_ALERT, /* reason */
	BAG_GATEWAY, /* action, ""; and once more: action, reason. What the gateway did or met */
	BAG_GAP, /* file, reason */
	/* memory from line to line, of the time before the period as well */
	BAG_PEOPLE, /* user; data: see report_people.c */
	BAG_KNOWN_NETWORK, /* user, network */
	BAG_KNOWN_DEVICE, /* device */
	REPORT_BAGS
};

/* Lists of single events, in the order of the logs; each an array of rows as report_build.c shows them. */
enum report_lists { LIST_APART, LIST_FAST, LIST_ACL, LIST_ADMIN, LIST_ALERT, LIST_GAP, REPORT_LISTS };

struct report_list {
	json_t *rows;
	uint64_t hidden; /* beyond REPORT_EVENTS_MAX */
};

struct report {
	int64_t since, until, now;
	enum report_lang lang;
	const char *dir; /* as it was given; NULL: this gateway's own */
	char observer[REPORT_PART_MAX];
	struct report_slots days, hours; /* hours.used is 0 for long periods */
	struct report_count total[REPORT_SERIES];
	struct report_bag bags[REPORT_BAGS];
	struct report_list lists[REPORT_LISTS];
	int64_t reaches; /* time of the first line of auth.jsonl that is here; LOGVALUE_NONE: there is none */
	uint64_t lines[LOG_FILES]; /* of the period */
	uint64_t unreadable, undated; /* lines that are no JSON object, or without a time */
	json_t *verification; /* NULL: was not asked for */
	bool failed; /* out of memory */
};

/* One line of the logs: what of it the report looks at, made safe for showing. */
struct report_line {
	enum log_file file;
	int64_t when;
	bool counted; /* in the period, not before it */
	const struct logset_line *raw;
	const struct logvalue *values;
};

/* A text field, made safe, "" when absent. Returns `out`. */
const char *report_field(const struct report_line *line, enum logfield field, char out[static REPORT_PART_MAX]);
/* A number field that is not negative, or 0. */
uint64_t report_number(const struct report_line *line, enum logfield field);
/* The /16 or /32 (IPv6) that the outer address is in, "" when it is none. */
const char *report_network(const struct report_line *line, char out[static REPORT_PART_MAX]);

/* Adds the line to the entry whose key is made of `count` parts. NULL when out of memory. */
struct report_entry *report_add(
	struct report *r, enum report_bags bag, const struct report_line *line, size_t count, const char *const *parts);
/* Appends to a list (row stolen). */
void report_list_add(struct report *r, enum report_lists list, json_t *row);

/* All lines of the logs. An exit code of cli.h. */
int report_collect(struct report *r, const struct logset *set);
void report_slots_make(struct report *r);
struct report_slot *report_slot_of(struct report_slots *s, int64_t when);

/* What single lines say of people and of the gateway. */
void report_people_login(struct report *r, const struct report_line *line);
void report_people_opened(struct report *r, const struct report_line *line);
void report_people_ended(struct report *r, const struct report_line *line);
size_t report_person_size(void); /* of what BAG_PEOPLE keeps of each */
void report_audit_line(struct report *r, const struct report_line *line);
void report_gateway(struct report *r, const struct report_line *line);
void report_gap(struct report *r, const struct report_line *line);

/* The seals of the same folder, judged with the keys in a file. An exit code. */
int report_verify(struct report *r, const struct logset *set, const char *keys);

/* The document; NULL when out of memory. */
json_t *report_build(struct report *r);

/* `commands`: with the command behind each figure. */
void report_text(FILE *to, const json_t *document, enum report_lang lang, bool commands);
void report_html(FILE *to, const json_t *document, enum report_lang lang);

#endif
