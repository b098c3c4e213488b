/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/cli/phone.h"
#include "gateway/cli/qr.h"

#define PRIVATE "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define SERVER "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define PRESHARED "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE="

static const char reply[] =
	"{\"device\": {\"id\": \"d7\", \"label\": \"\\u5c71\\u7530\", \"v4\": \"10.64.0.7\", \"v6\": \"fd64:5e61::7\"},"
	" \"preshared_key\": \"" PRESHARED "\","
	" \"server\": {\"public_key\": \"" SERVER "\", \"endpoint\": \"vpn.example.jp:51820\","
	"  \"dns\": [\"10.20.0.53\", \"2001:db8::53\"],"
	"  \"portal\": \"gate.example.jp\", \"search\": [\"example.jp\"], \"label\": \"Ministry\"}}";

/* Reads the reply after setting one member of `object` ("" for the top) to a JSON value, or removing it for NULL. */
static int read_with(const char *object, const char *member, const char *value, const struct key *key, struct phone *p,
	const char **what)
{
	json_t *end = json_loads(reply, 0, NULL);
	assert_non_null(end);
	json_t *at = *object ? json_object_get(end, object) : end;
	if (member && value)
		assert_int_equal(json_object_set_new(at, member, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
	else if (member)
		assert_int_equal(json_object_del(at, member), 0);
	int error = phone_read(end, key, p, what);
	json_decref(end);
	return error;
}

static void text_is_exact(void **state)
{
	(void)state;
	struct key key;
	struct phone p;
	const char *what;
	char text[PHONE_TEXT];
	assert_int_equal(key_parse(PRIVATE, &key), 0);
	assert_int_equal(read_with("", NULL, NULL, &key, &p, &what), 0);
	int n = phone_text(&p, true, text, sizeof text);
	assert_string_equal(text,
		"# d7: 山田 at Ministry\n"
		"[Interface]\n"
		"PrivateKey = " PRIVATE "\n"
		"Address = 10.64.0.7/32, fd64:5e61::7/128\n"
		"DNS = 10.20.0.53, 2001:db8::53, example.jp\n"
		"MTU = 1280\n"
		"\n"
		"[Peer]\n"
		"PublicKey = " SERVER "\n"
		"PresharedKey = " PRESHARED "\n"
		"AllowedIPs = 0.0.0.0/0, ::/0\n"
		"Endpoint = vpn.example.jp:51820\n"
		"PersistentKeepalive = 25\n");
	assert_int_equal(n, strlen(text));
	const char *bare = strstr(text, "[Interface]");
	char code[PHONE_TEXT];
	phone_text(&p, false, code, sizeof code);
	assert_string_equal(code, bare);
}

static void without_ipv6_psk_and_key(void **state)
{
	(void)state;
	struct phone p;
	const char *what;
	char text[PHONE_TEXT];
	json_t *end = json_loads(reply, 0, NULL);
	json_object_set_new(json_object_get(end, "device"), "v6", json_null());
	json_object_set_new(json_object_get(end, "device"), "label", json_string(""));
	json_object_set_new(json_object_get(end, "server"), "label", json_string(""));
	json_object_set_new(json_object_get(end, "server"), "search", json_array());
	json_object_set_new(end, "preshared_key", json_null());
	assert_int_equal(phone_read(end, NULL, &p, &what), 0);
	json_decref(end);
	assert_true(phone_text(&p, true, text, sizeof text) > 0);
	assert_string_equal(text,
		"# d7\n"
		"[Interface]\n"
		"# PrivateKey = (the phone keeps its own; enter it there)\n"
		"Address = 10.64.0.7/32\n"
		"DNS = 10.20.0.53, 2001:db8::53\n"
		"MTU = 1280\n"
		"\n"
		"[Peer]\n"
		"PublicKey = " SERVER "\n"
		"AllowedIPs = 0.0.0.0/0, ::/0\n"
		"Endpoint = vpn.example.jp:51820\n"
		"PersistentKeepalive = 25\n");
}

/* No label may end its comment and begin a setting. */
static void label_cannot_add_a_line(void **state)
{
	(void)state;
	struct key key;
	struct phone p;
	const char *what;
	char text[PHONE_TEXT];
	assert_int_equal(key_parse(PRIVATE, &key), 0);
	assert_int_equal(read_with("device", "label", "\"x\\nPostUp = reboot\"", &key, &p, &what), 0);
	assert_true(phone_text(&p, true, text, sizeof text) > 0);
	assert_null(strstr(text, "\nPostUp"));
	assert_non_null(strstr(text, "x\\x0aPostUp"));
}

static void bad_members_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *object, *member, *value, *what;
	} cases[] = {
		{"device", "id", NULL, "device.id"},
		{"device", "id", "\"7\"", "device.id"},
		{"device", "v4", "\"fd64::1\"", "device.v4"},
		{"device", "v4", "\"\"", "device.v4"},
		{"device", "v6", "\"10.1.2.3\"", "device.v6"},
		{"", "preshared_key", "\"short\"", "preshared_key"},
		{"", "preshared_key", "7", "preshared_key"},
		{"", "preshared_key", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "preshared_key"},
		{"", "server", NULL, "server.public_key"},
		{"server", "public_key", "\"\"", "server.public_key"},
		{"server", "endpoint", "\"vpn.example.jp\"", "server.endpoint"},
		{"server", "endpoint", "\"vpn.example.jp:0\"", "server.endpoint"},
		{"server", "endpoint", "\"vpn.example.jp:65536\"", "server.endpoint"},
		{"server", "endpoint", "\"vpn.example.jp:1x\"", "server.endpoint"},
		{"server", "endpoint", "\"vpn.example.jp:-1\"", "server.endpoint"},
		{"server", "endpoint", "\"a\\nPostUp = b:1\"", "server.endpoint"},
		{"server", "endpoint", "\":51820\"", "server.endpoint"},
		{"server", "portal", "\"a b\"", "server.portal"},
		{"server", "dns", "[]", "server.dns"},
		{"server", "dns", "[\"x\"]", "server.dns"},
		{"server", "dns", "[\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\",\"1.1.1.5\"]", "server.dns"},
		{"server", "search", "[\"a, b\"]", "server.search"},
		{"server", "search", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", "server.search"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct phone p;
		const char *what = NULL;
		assert_int_equal(read_with(cases[i].object, cases[i].member, cases[i].value, NULL, &p, &what), -EBADMSG);
		assert_string_equal(what, cases[i].what);
	}
}

static void good_endpoints(void **state)
{
	(void)state;
	static const char *const good[] = {"\"192.0.2.1:51820\"", "\"[2001:db8::1]:443\"", "\"vpn-1.example.jp:65535\""};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct phone p;
		const char *what;
		assert_int_equal(read_with("server", "endpoint", good[i], NULL, &p, &what), 0);
	}
}

static void text_that_does_not_fit(void **state)
{
	(void)state;
	struct phone p;
	const char *what;
	char text[PHONE_TEXT];
	assert_int_equal(read_with("", NULL, NULL, NULL, &p, &what), 0);
	int n = phone_text(&p, true, text, sizeof text);
	char *exact = malloc((size_t)n + 1);
	assert_int_equal(phone_text(&p, true, exact, (size_t)n + 1), n);
	assert_string_equal(exact, text);
	for (size_t size = 1; size <= (size_t)n; size += 13)
		assert_int_equal(phone_text(&p, true, exact, size), -EMSGSIZE);
	assert_int_equal(phone_text(&p, true, exact, (size_t)n), -EMSGSIZE);
	free(exact);
}

/* Reads the half blocks back: one row of modules from the upper halves, one from the lower. */
static void terminal_shows_the_modules(void **state)
{
	(void)state;
	static const char *const blocks[] = {" ", "▀", "▄", "█"};
	struct qr *q;
	char *drawn = NULL;
	size_t drawn_size;
	assert_int_equal(qr_encode("Interface, Peer, and enough more to need some version above one.", &q), 0);
	FILE *f = open_memstream(&drawn, &drawn_size);
	qr_terminal(q, f);
	fclose(f);
	unsigned side = qr_columns(q), y = 0;
	assert_int_equal(side, q->size + 8);
	for (char *line = strtok(drawn, "\n"); line; line = strtok(NULL, "\n"), y += 2) {
		const char *at = line;
		assert_memory_equal(at, "\033[38;5;16;48;5;231m", 19);
		at += 19;
		for (unsigned x = 0; x < side; x++) {
			unsigned block = 0;
			for (unsigned i = 1; i < 4; i++)
				if (!strncmp(at, blocks[i], strlen(blocks[i])))
					block = i;
			at += strlen(blocks[block]);
			for (unsigned half = 0; half < 2; half++) {
				unsigned row = y + half;
				unsigned inside = x >= 4 && row >= 4 && x < q->size + 4 && row < q->size + 4;
				unsigned expected = inside ? q->dark[(row - 4) * q->size + x - 4] : 0;
				assert_int_equal(block >> half & 1, expected);
			}
		}
		assert_string_equal(at, "\033[0m");
	}
	assert_true(y == side + (side & 1));
	/* The finder pattern's corner is dark: an inverted code would not be read. */
	assert_int_equal(q->dark[0], 1);
	qr_free(q);
	free(drawn);
}

static void codes_have_an_end(void **state)
{
	(void)state;
	struct qr *q;
	char text[2955];
	memset(text, 'x', sizeof text);
	text[2953] = '\0';
	assert_int_equal(qr_encode(text, &q), 0);
	assert_int_equal(q->size, QR_MODULES_MAX);
	qr_free(q);
	text[2953] = 'x';
	text[2954] = '\0';
	assert_int_equal(qr_encode(text, &q), -ERANGE);
	qr_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_exact),
		cmocka_unit_test(without_ipv6_psk_and_key),
		cmocka_unit_test(label_cannot_add_a_line),
		cmocka_unit_test(bad_members_are_named),
		cmocka_unit_test(good_endpoints),
		cmocka_unit_test(text_that_does_not_fit),
		cmocka_unit_test(terminal_shows_the_modules),
		cmocka_unit_test(codes_have_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
