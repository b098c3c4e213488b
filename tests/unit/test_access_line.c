/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of connections, composed by hand: every one is JSON, says what a tree would, and is whole or nothing. */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "common/text.h"
#include "gateway/access_line.h"
#include "gateway/event.h"
#include "gateway/jsonline.h"
#include "gateway/log_internal.h"

static struct session person;
static struct flow_record flow;
static struct endpoint outer;
static struct access_who who;

static void address(const char *text, struct addr *out)
{
	assert_int_equal(addr_parse(text, out), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&person, 0, sizeof person);
	person.serial = person.row.serial = 12;
	person.row.opened = INT64_C(1795395903500000);
	snprintf(person.row.user, sizeof person.row.user, "t-yamada");
	person.device = (struct device){.id = 7, .device_class = CLASS_MINISTRY};
	snprintf(person.device.label, sizeof person.device.label, "iPhone \"山田\" \\ \x01\xff");
	address("10.64.0.8", &person.device.v4);
	address("fd64::8", &person.device.v6);
	flow = (struct flow_record){.serial = 12,
		.proto = IPPROTO_TCP,
		.source.port = 50312,
		.destination.port = 443,
		.source_bytes = 5310,
		.source_packets = 41,
		.destination_bytes = UINT64_C(9007199254740993),
		.destination_packets = 77,
		.start = INT64_C(1795395982481516),
		.end = INT64_C(1795396582000009)};
	address("10.64.0.8", &flow.source.addr);
	address("10.20.0.10", &flow.destination.addr);
	outer.port = 51820;
	address("203.0.113.5", &outer.addr);
	return 0;
}

static json_t *line(const struct access_story *s)
{
	char event[ACCESS_EVENT_MAX], rest[ACCESS_REST_MAX], text[LOG_LINE_MAX];
	const struct log_envelope envelope = {
		.when = INT64_C(1795396600000001), .sequence = 42, .dataset = "sekisho.access", .observer = "gw1"};
	json_error_t error;
	assert_int_equal(access_line(s, &who, event, rest), 0);
	ssize_t size = log_compose_text(event, rest, &envelope, text);
	assert_true(size > 0 && text[size - 1] == '\n' && !memchr(text, '\n', (size_t)size - 1));
	json_t *whole = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, &error);
	if (!whole)
		fail_msg("%s: %.*s", error.text, (int)size, text);
	return whole;
}

/* The same as a tree. */
static json_t *tree(const struct access_story *s, const char *action)
{
	char line_text[LOG_LINE_MAX];
	const struct log_envelope envelope = {
		.when = INT64_C(1795396600000001), .sequence = 42, .dataset = "sekisho.access", .observer = "gw1"};
	json_t *e = event_new(action, "success", s->reason);
	event_flow(e, s->flow->proto, &s->flow->source, &s->flow->destination);
	if (s->session)
		event_device(e, &s->session->device);
	event_endpoint(e, s->outer);
	if (s->session && s->session->row.opened) {
		event_user(e, s->session->row.user);
		event_session(e, s->session->row.serial, s->session->row.opened);
	}
	if (s->rule) {
		event_rule(e, s->rule->file, s->rule->line);
		event_number(e, "sekisho.acl.generation", (int64_t)s->generation);
	}
	if (s->action != ACCESS_OPENED) {
		event_number(e, "source.bytes", (int64_t)s->flow->source_bytes);
		event_number(e, "source.packets", (int64_t)s->flow->source_packets);
		event_number(e, "destination.bytes", (int64_t)s->flow->destination_bytes);
		event_number(e, "destination.packets", (int64_t)s->flow->destination_packets);
		event_number(e, "event.duration", (s->flow->end - s->flow->start) * 1000);
	}
	event_time(e, "event.start", s->flow->start);
	if (s->action == ACCESS_CLOSED)
		event_time(e, "event.end", s->flow->end);
	ssize_t size = log_compose(e, &envelope, line_text);
	assert_true(size > 0);
	json_decref(e);
	return json_loadb(line_text, (size_t)size, 0, NULL);
}

static void sort_addresses(json_t *e)
{
	json_t *related = json_object_get(e, "related"), *from = json_object_get(related, "ip"), *sorted = json_array();
	while (json_array_size(from)) {
		size_t least = 0;
		for (size_t i = 1; i < json_array_size(from); i++)
			if (strcmp(json_string_value(json_array_get(from, i)), json_string_value(json_array_get(from, least))) <
				0)
				least = i;
		json_array_append(sorted, json_array_get(from, least));
		json_array_remove(from, least);
	}
	json_object_set_new(related, "ip", sorted);
}

static void assert_like_tree(const struct access_story *s, const char *action)
{
	json_t *by_hand = line(s), *by_tree = tree(s, action);
	sort_addresses(by_hand);
	sort_addresses(by_tree);
	if (!json_equal(by_hand, by_tree)) {
		json_dumpf(by_hand, stderr, JSON_SORT_KEYS);
		fputc('\n', stderr);
		json_dumpf(by_tree, stderr, JSON_SORT_KEYS);
		fail_msg("%s differs from its tree", action);
	}
	json_decref(by_hand);
	json_decref(by_tree);
}

static void test_like_the_tree(void **state)
{
	const struct endpoint nowhere = {0};
	const struct rule_ref rule = {.file = "users/a\"b.acl", .line = 3};
	struct access_story s = {
		.action = ACCESS_CLOSED, .flow = &flow, .session = &person, .outer = &outer, .rule = &rule, .generation = 31};

	(void)state;
	assert_like_tree(&s, "connection-closed");
	s.reason = "gateway-down";
	assert_like_tree(&s, "connection-closed");
	s = (struct access_story){.action = ACCESS_OPENED, .flow = &flow, .session = &person, .outer = &nowhere};
	assert_like_tree(&s, "connection-opened");
	flow.proto = IPPROTO_ICMPV6;
	flow.source.port = flow.destination.port = 0;
	address("fd64::8", &flow.source.addr);
	address("2001:db8:20::10", &flow.destination.addr);
	person.row.opened = 0;
	*person.device.label = '\0';
	s = (struct access_story){.action = ACCESS_OPEN, .flow = &flow, .session = &person, .outer = &outer};
	assert_like_tree(&s, "connection-open");
	flow.proto = 47;
	s = (struct access_story){.action = ACCESS_CLOSED, .flow = &flow, .outer = &nowhere};
	assert_like_tree(&s, "connection-closed");
}

/* The longest names of everything fit. */
static void test_longest(void **state)
{
	char file[200];
	const struct rule_ref rule = {.file = file, .line = UINT32_MAX};
	const struct access_story s = {.action = ACCESS_CLOSED,
		.reason = "gateway-down",
		.flow = &flow,
		.session = &person,
		.outer = &outer,
		.rule = &rule,
		.generation = UINT64_MAX >> 1};

	(void)state;
	memset(file, '"', sizeof file - 1);
	file[sizeof file - 1] = '\0';
	memset(person.row.user, '\\', sizeof person.row.user - 1);
	memset(person.device.label, '\x01', sizeof person.device.label - 1);
	flow.source_bytes = flow.source_packets = flow.destination_bytes = flow.destination_packets = INT64_MAX;
	json_decref(line(&s));
}

static void test_times(void **state)
{
	char want[TIME_TEXT + 2], got[64];

	(void)state;
	setenv("TZ", "Asia/Kolkata", 1);
	tzset();
	for (int64_t i = -3; i < 200; i++) {
		int64_t usec = i * 777777777777777 % (INT64_C(253402300800) * 1100000);
		struct jsonline l = {.data = got, .size = sizeof got};
		want[0] = '"';
		time_format(usec, want + 1);
		strncat(want, "\"", 2);
		jsonline_time(&l, usec);
		assert_false(l.full);
		got[l.used] = '\0';
		assert_string_equal(got, want);
	}
}

static void test_whole_or_nothing(void **state)
{
	char room[8];

	(void)state;
	for (size_t size = 0; size <= sizeof room; size++) {
		struct jsonline l = {.data = room, .size = size};
		jsonline_text(&l, "a\"b");
		jsonline_number(&l, 0);
		assert_int_equal(l.full, size < 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_like_the_tree, setup),
		cmocka_unit_test_setup(test_longest, setup),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_whole_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
