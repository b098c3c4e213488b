/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events as log_write() gets them: what each action is, where each part stands, and that no text from outside breaks a line. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "gateway/event.h"
#include "tests/unit/scratch.h"

static json_t *at(json_t *e, const char *path)
{
	char part[64];
	const char *dot;
	for (; e && (dot = strchr(path, '.')); path = dot + 1) {
		snprintf(part, sizeof part, "%.*s", (int)(dot - path), path);
		e = json_object_get(e, part);
	}
	return json_object_get(e, path);
}

static const char *text_at(json_t *e, const char *path)
{
	const char *text = json_string_value(at(e, path));
	return text ? text : "(none)";
}

static void assert_array(json_t *array, size_t count, const char *const values[])
{
	assert_int_equal(json_array_size(array), count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(json_string_value(json_array_get(array, i)), values[i]);
}

static void test_new(void **state)
{
	(void)state;
	json_t *e = event_new("device-refused", "failure", "unknown-key");
	assert_string_equal(text_at(e, "event.action"), "device-refused");
	assert_string_equal(text_at(e, "event.kind"), "event");
	assert_array(at(e, "event.category"), 1, (const char *const[]){"network"});
	assert_array(at(e, "event.type"), 2, (const char *const[]){"connection", "denied"});
	assert_string_equal(text_at(e, "event.outcome"), "failure");
	assert_string_equal(text_at(e, "event.reason"), "unknown-key");
	json_decref(e);
	e = event_new("alert", NULL, NULL);
	assert_string_equal(text_at(e, "event.kind"), "alert");
	assert_string_equal(text_at(e, "event.outcome"), "unknown");
	assert_null(at(e, "event.reason"));
	json_decref(e);
}

static void test_unknown_action_aborts(void **state)
{
	int status;
	(void)state;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		event_new("device-beamed-up", NULL, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_values(void **state)
{
	(void)state;
	json_t *e = event_new("login-failed", "failure", "bad-credentials");
	event_text(e, "user_agent.original", "Mozilla\n\x1b[31m\xff \"quoted\" 関所 \xe2\x80\xaez");
	assert_string_equal(text_at(e, "user_agent.original"), "Mozilla\\x0a\\x1b[31m\\xff \"quoted\" 関所 \\u{202e}z");
	event_text(e, "a.b", NULL);
	event_text(e, "a.b", "");
	assert_null(at(e, "a"));
	event_number(e, "sekisho.pam.code", -7);
	assert_int_equal(json_integer_value(at(e, "sekisho.pam.code")), -7);
	event_set(e, "sekisho.x.y.z", json_true());
	assert_true(json_is_true(at(e, "sekisho.x.y.z")));
	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	event_time(e, "event.start", INT64_C(1795395900123456));
	assert_string_equal(text_at(e, "event.start"), "2026-11-23T10:05:00.123456+09:00");
	event_time(e, "event.end", 0);
	assert_null(at(e, "event.end"));
	char *longer = malloc(100001);
	memset(longer, 'x', 100000);
	longer[100000] = '\0';
	event_text(e, "user_agent.original", longer);
	free(longer);
	assert_true(json_string_length(at(e, "user_agent.original")) < 1024);
	json_decref(e);
}

/* A value that cannot be put where it belongs spoils the event, and log_write() refuses what has no action. */
static void test_spoiled(void **state)
{
	(void)state;
	json_t *e = event_new("login-failed", "failure", NULL);
	event_set(e, "user.name", NULL);
	assert_null(at(e, "event.action"));
	json_decref(e);
	e = event_new("login-failed", "failure", NULL);
	event_text(e, "event.action.more", "x");
	assert_null(at(e, "event.action"));
	json_decref(e);
}

static struct device device(void)
{
	struct device d = {.id = 7, .device_class = CLASS_SHARED, .label = "受付 1"};
	memset(d.public_key.bytes, 1, KEY_SIZE);
	memset(d.preshared.bytes, 2, KEY_SIZE);
	addr_parse("10.64.0.9", &d.v4);
	addr_parse("fd64::9", &d.v6);
	return d;
}

static void test_parts(void **state)
{
	char key[KEY_TEXT];
	struct device d = device();
	struct endpoint outer, none = {0};
	(void)state;
	json_t *e = event_new("session-opened", "success", NULL);
	endpoint_parse("203.0.113.5:51000", &outer);
	event_device(e, &d);
	event_endpoint(e, &outer);
	event_endpoint(e, &none);
	event_user(e, "t-yamada");
	event_user(e, "t-yamada");
	event_user(e, NULL);
	event_session(e, 1048575, INT64_C(1795395900999999));
	event_admin(e, &(struct actor){.uid = 1000, .role = ROLE_DESK, .name = "kanri"});
	assert_string_equal(text_at(e, "device.id"), "d7");
	assert_string_equal(text_at(e, "sekisho.device.key"), key_format(&d.public_key, key));
	assert_string_equal(text_at(e, "sekisho.device.class"), "shared");
	assert_string_equal(text_at(e, "sekisho.device.label"), "受付 1");
	assert_string_equal(text_at(e, "source.ip"), "10.64.0.9");
	assert_string_equal(text_at(e, "sekisho.endpoint.ip"), "203.0.113.5");
	assert_int_equal(json_integer_value(at(e, "sekisho.endpoint.port")), 51000);
	assert_string_equal(text_at(e, "user.name"), "t-yamada");
	assert_int_equal(json_integer_value(at(e, "sekisho.session.id")), 1048575);
	assert_non_null(strstr(text_at(e, "sekisho.session.opened"), ":00.999999"));
	assert_int_equal(json_integer_value(at(e, "sekisho.admin.uid")), 1000);
	assert_string_equal(text_at(e, "sekisho.admin.name"), "kanri");
	assert_string_equal(text_at(e, "sekisho.admin.role"), "desk");
	assert_array(at(e, "related.user"), 1, (const char *const[]){"t-yamada"});
	assert_array(at(e, "related.ip"), 3, (const char *const[]){"10.64.0.9", "fd64::9", "203.0.113.5"});
	/* The preshared key is nowhere. */
	char *line = json_dumps(e, JSON_COMPACT);
	assert_null(strstr(line, key_format(&d.preshared, key)));
	free(line);
	json_decref(e);
}

static void test_user_hash(void **state)
{
	(void)state;
	json_t *e = event_new("login-failed", "failure", "user-unknown");
	event_user_hash(e, "abc"); /* FIPS 180-2, appendix B.1 */
	assert_string_equal(text_at(e, "user.hash"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_null(at(e, "user.name"));
	json_decref(e);
}

static void test_null_event(void **state)
{
	struct device d = device();
	struct endpoint a = {.addr = d.v4};
	(void)state;
	event_set(NULL, "a.b", json_true());
	event_text(NULL, "a", "x");
	event_number(NULL, "a", 1);
	event_time(NULL, "a", 1);
	event_device(NULL, &d);
	event_endpoint(NULL, &a);
	event_user(NULL, "x");
	event_user_hash(NULL, "x");
	event_session(NULL, 1, 1);
	event_admin(NULL, &(struct actor){.uid = 1, .name = "x"});
	event_flow(NULL, IPPROTO_TCP, &a, &a);
}

static struct endpoint end(const char *address, unsigned port)
{
	struct endpoint e = {.port = (uint16_t)port};
	assert_int_equal(addr_parse(address, &e.addr), 0);
	return e;
}

/* The specification's own data: https://github.com/corelight/community-id-spec, baseline/baseline_deflt.json. */
static const struct {
	uint8_t proto;
	const char *source, *destination;
	unsigned source_port, destination_port;
	const char *id;
} vectors[] = {
	{58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 135, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
	{58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 136, "1:zavyT/cezQr1fmImYCwYnMXbgck="},
	{58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="},
	{58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4, "1:hLZd0XGWojozrvxqE0dWB1iM6R0="},
	{58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 129, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
	{58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 128, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
	{58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 134, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="},
	{58, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 133, "1:pkvHqCL88/tg1k4cPigmZXUtL00="},
	{1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "192.168.0.1", "192.168.0.89", 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	{1, "10.0.0.1", "10.0.0.2", 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM="},
	/* Not in the data: a one-way type keeps its direction; computed apart from this program. */
	{1, "10.0.0.2", "10.0.0.1", 11, 0, "1:c5iqfdGYsNWhMJVcYXWPNWbpnKs="},
	{6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	{6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
	{132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
	{132, "192.168.170.56", "192.168.170.8", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
	{6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
	{17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
	{46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
	{46, "10.1.12.2", "10.1.12.1", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
};

static void test_community_id(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct endpoint source = end(vectors[i].source, vectors[i].source_port);
		struct endpoint destination = end(vectors[i].destination, vectors[i].destination_port);
		json_t *e = event_new("connection-closed", "success", NULL);
		event_flow(e, vectors[i].proto, &source, &destination);
		assert_string_equal(text_at(e, "network.community_id"), vectors[i].id);
		json_decref(e);
	}
}

static void test_flow(void **state)
{
	struct device d = device();
	struct endpoint source = end("fd64::9", 40000), destination = end("2001:db8:20::1", 443);
	(void)state;
	/* In either order: the flow's source address wins over the device's first. */
	for (int first = 0; first < 2; first++) {
		json_t *e = event_new("connection-closed", "success", NULL);
		if (first)
			event_device(e, &d);
		event_flow(e, IPPROTO_TCP, &source, &destination);
		if (!first)
			event_device(e, &d);
		assert_string_equal(text_at(e, "source.ip"), "fd64::9");
		assert_int_equal(json_integer_value(at(e, "source.port")), 40000);
		assert_string_equal(text_at(e, "destination.ip"), "2001:db8:20::1");
		assert_int_equal(json_integer_value(at(e, "destination.port")), 443);
		assert_string_equal(text_at(e, "network.transport"), "tcp");
		assert_string_equal(text_at(e, "network.iana_number"), "6");
		assert_string_equal(text_at(e, "network.type"), "ipv6");
		assert_int_equal(json_array_size(at(e, "related.ip")), 3);
		json_decref(e);
	}
	source.port = destination.port = 0;
	json_t *e = event_new("connection-closed", "success", NULL);
	event_flow(e, IPPROTO_ICMPV6, &source, &destination);
	assert_string_equal(text_at(e, "network.transport"), "ipv6-icmp");
	assert_null(at(e, "source.port"));
	assert_null(at(e, "network.community_id"));
	json_decref(e);
	e = event_new("connection-closed", "success", NULL);
	event_flow(e, 47, &source, &destination);
	assert_null(at(e, "network.transport"));
	assert_string_equal(text_at(e, "network.iana_number"), "47");
	assert_non_null(at(e, "network.community_id"));
	json_decref(e);
}

/* What is promised to readers of the logs, and what the program says, are one thing. */
static void test_agrees_with_schema(void **state)
{
	json_error_t error;
	const char *action;
	json_t *wanted, *schema = json_load_file("share/log-schema.json", 0, &error);
	(void)state;
	if (!schema)
		fail_msg("share/log-schema.json:%d: %s (run from the top folder)", error.line, error.text);
	assert_true(json_object_size(at(schema, "actions")) > 25);
	json_object_foreach(at(schema, "actions"), action, wanted)
	{
		json_t *e = event_new(action, NULL, NULL);
		if (strcmp(text_at(e, "event.kind"), text_at(wanted, "kind")) ||
			!json_equal(at(e, "event.category"), at(wanted, "category")) ||
			!json_equal(at(e, "event.type"), at(wanted, "type")))
			fail_msg("%s: kind, category or type differ from share/log-schema.json", action);
		json_decref(e);
	}
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_unknown_action_aborts),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_spoiled),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_user_hash),
		cmocka_unit_test(test_null_event),
		cmocka_unit_test(test_community_id),
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_agrees_with_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
