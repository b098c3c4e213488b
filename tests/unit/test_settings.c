/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/device_form.h"
#include "config/settings.h"

#define REQUIRED                                                                                                                 \
	"endpoint Gate.Example.jp:51820\n"                                                                                       \
	"tunnel-network fd64:0:0:1::/64 10.64.0.0/16\n"                                                                          \
	"resolver 10.20.0.53 2001:db8:20::53\n"                                                                                  \
	"internal-networks 10.20.0.0/16 2001:db8:20::/48\n"                                                                      \
	"portal-name Login.Example.jp\n"

static int parse(const char *text, struct settings *s)
{
	struct diag d = diag_new();
	const int r = settings_parse("sekisho.conf", text, strlen(text), s, &d);

	if (r < 0) {
		char *const shown = diag_render(&d);
		fputs(shown ? shown : "out of memory\n", stderr);
		free(shown);
	}
	assert_int_equal(d.failed, r != 0);
	diag_free(&d);
	return r;
}

static void assert_addr(const struct addr *a, const char *expected)
{
	char text[ADDR_TEXT];

	assert_string_equal(addr_format(a, text), expected);
}

static void assert_prefix(const struct prefix *p, const char *expected)
{
	char text[PREFIX_TEXT];

	assert_string_equal(prefix_format(p, text), expected);
}

static void test_defaults(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(parse(REQUIRED, &s), 0);
	assert_string_equal(s.endpoint_host, "gate.example.jp");
	assert_int_equal(s.endpoint_port, 51820);
	assert_int_equal(s.listen_port, 51820);
	assert_string_equal(s.interface, "sekisho0");
	assert_int_equal(s.backend, BACKEND_AUTO);
	assert_prefix(&s.tunnel4, "10.64.0.0/16");
	assert_prefix(&s.tunnel6, "fd64:0:0:1::/64");
	assert_addr(&s.gateway4, "10.64.0.1");
	assert_addr(&s.gateway6, "fd64:0:0:1::1");
	assert_int_equal(s.resolver_count, 2);
	assert_addr(&s.resolvers[0], "10.20.0.53");
	assert_addr(&s.resolvers[1], "2001:db8:20::53");
	assert_int_equal(s.network_count, 2);
	assert_prefix(&s.networks[1], "2001:db8:20::/48");
	assert_string_equal(s.portal_name, "login.example.jp");
	assert_string_equal(s.label, "login.example.jp");
	assert_int_equal(s.portal_port, 443);
	assert_false(s.portal_dns);
	assert_int_equal(s.session_seconds, 12 * 3600);
	assert_int_equal(s.session_idle_seconds, 3600);
	assert_false(s.default_login);
	assert_int_equal(s.peer_idle_seconds, 900);
	assert_int_equal(s.poll_seconds, 10);
	assert_int_equal(s.dead_man_seconds, 900);
	assert_int_equal(s.login_parallel, 4);
	assert_int_equal(s.login_attempts_max, 200);
	assert_int_equal(s.login_timeout_seconds, 300);
	assert_int_equal(s.pam_timeout_seconds, 20);
	assert_int_equal(s.account_recheck_seconds, 300);
	assert_int_equal(s.leaver_check_seconds, 86400);
	assert_int_equal(s.device_form, 0);
	assert_false(s.shared_takeover);
	assert_int_equal(s.login_failures, 5);
	assert_int_equal(s.login_failures_seconds, 300);
	assert_false(s.unknown_users_plain);
	assert_false(s.stop_leaves);
	assert_false(s.reboot_keeps);
	assert_false(s.connection_opened);
	assert_int_equal(s.connection_interval_seconds, 0);
	assert_int_equal(s.log_reserve_bytes, 64 << 20);
	assert_int_equal(s.log_low_bytes, 256 << 20);
	assert_int_equal(s.log_full_action, LOG_FULL_REFUSE_LOGINS);
	assert_false(s.log_copy_auth || s.log_copy_access || s.log_copy_audit);
	assert_int_equal(s.search_count, 0);
	assert_string_equal(s.time_zone, "");
	assert_int_equal(s.extra_port_count, 0);
}

static void test_values(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(
		parse(REQUIRED "listen-port 443\nextra-ports 53 65535\ninterface wg_0.a-b\nbackend userspace\nportal-port 8443\nportal-dns on\n"
			       "session 1h30m idle 90s\ndefault-access login\npeer-idle 5s\npoll-interval 60s\ndead-man 1d\n"
			       "login-parallel 64\nlogin-attempts-max 2000\nlogin-timeout 30m\npam-timeout 5m\naccount-recheck "
			       "1d\nleaver-check 30d\nshared-login takeover\ndevice-form period applicant\nlogin-failures "
			       "100 per 1d\n"
			       "unknown-users plain\nconnection-opened on\nconnection-interval 1m\non-stop leave\nsessions-after-reboot keep\nlog-space-reserve "
			       "1048576\nlog-space-low 1048576\nlog-full-action close-sessions\nlog-copy audit access\n"
			       "dns-search Example.jp lan.example.jp\n"
			       "time-zone Asia/Tokyo\nlabel \"例示省 # リモート\"   # comment\n",
			&s),
		0);
	assert_int_equal(s.listen_port, 443);
	assert_int_equal(s.extra_port_count, 2);
	assert_int_equal(s.extra_ports[0], 53);
	assert_int_equal(s.extra_ports[1], 65535);
	assert_int_equal(s.endpoint_port, 51820);
	assert_string_equal(s.interface, "wg_0.a-b");
	assert_string_equal(s.time_zone, "Asia/Tokyo");
	assert_int_equal(s.backend, BACKEND_USERSPACE);
	assert_int_equal(s.portal_port, 8443);
	assert_true(s.portal_dns);
	assert_int_equal(s.session_seconds, 5400);
	assert_int_equal(s.session_idle_seconds, 90);
	assert_true(s.default_login);
	assert_int_equal(s.peer_idle_seconds, 5);
	assert_int_equal(s.poll_seconds, 60);
	assert_int_equal(s.dead_man_seconds, 86400);
	assert_int_equal(s.login_parallel, 64);
	assert_int_equal(s.login_attempts_max, 2000);
	assert_int_equal(s.login_timeout_seconds, 1800);
	assert_int_equal(s.pam_timeout_seconds, 300);
	assert_int_equal(s.account_recheck_seconds, 86400);
	assert_int_equal(s.leaver_check_seconds, 30 * 86400);
	assert_true(s.shared_takeover);
	assert_int_equal(s.device_form, 1U << FORM_PERIOD | 1U << FORM_APPLICANT);
	assert_int_equal(s.login_failures, 100);
	assert_int_equal(s.login_failures_seconds, 86400);
	assert_true(s.unknown_users_plain);
	assert_true(s.stop_leaves);
	assert_true(s.reboot_keeps);
	assert_true(s.connection_opened);
	assert_int_equal(s.connection_interval_seconds, 60);
	assert_int_equal(s.log_reserve_bytes >> 20, 1048576);
	assert_int_equal(s.log_low_bytes >> 20, 1048576);
	assert_int_equal(s.log_full_action, LOG_FULL_CLOSE_SESSIONS);
	assert_true(!s.log_copy_auth && s.log_copy_access && s.log_copy_audit);
	assert_int_equal(s.search_count, 2);
	assert_string_equal(s.search[0], "example.jp");
	assert_string_equal(s.label, "例示省 # リモート");
}

static void test_forms(void **state)
{
	struct settings s;

	(void)state;
	assert_int_equal(parse("\xef\xbb\xbf"
			       "endpoint [2001:db8::1]:443\r\ntunnel-network 10.0.0.0/8\r\nresolver 192.168.0.53\r\n"
			       "internal-networks 192.168.0.0/16\r\nportal-name portal\r\nsession 10m\r\nlabel two   words",
				 &s),
		0);
	assert_string_equal(s.endpoint_host, "2001:db8::1");
	assert_int_equal(s.listen_port, 443);
	assert_int_equal(s.tunnel6.addr.family, 0);
	assert_int_equal(s.gateway6.family, 0);
	assert_int_equal(s.session_idle_seconds, 600); /* no longer than the session */
	assert_string_equal(s.label, "two words");
	/* A label that follows from a long name is cut to fit. */
	char text[1024], name[200];
	memset(name, 'a', sizeof name);
	for (size_t i = 50; i < sizeof name; i += 50)
		name[i] = '.';
	snprintf(text, sizeof text,
		"endpoint gate.example.jp:443\ntunnel-network 10.0.0.0/8\nresolver 192.168.0.53\ninternal-networks "
		"192.168.0.0/16\n"
		"portal-name %.199s\n",
		name);
	assert_int_equal(parse(text, &s), 0);
	assert_int_equal(strlen(s.portal_name), 199);
	assert_int_equal(strlen(s.label), sizeof s.label - 1);
}

static void test_untouched(void **state)
{
	static const char wrong[] = REQUIRED "portal-port 0\n";
	struct settings s, before;
	struct diag d = diag_new();

	(void)state;
	memset(&s, 0x5a, sizeof s);
	before = s;
	assert_int_equal(settings_parse("x", wrong, strlen(wrong), &s, &d), -EINVAL);
	assert_memory_equal(&s, &before, sizeof s);
	/* What went wrong elsewhere is not this file's fault, and is not forgotten. */
	assert_int_equal(settings_parse("x", REQUIRED, strlen(REQUIRED), &s, &d), 0);
	assert_true(d.failed);
	assert_int_equal(d.count, 1);
	diag_free(&d);
}

static void test_load(void **state)
{
	char path[] = "/tmp/sekisho-conf-XXXXXX", link[64];
	struct settings s;
	struct diag d = diag_new();
	const int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, REQUIRED, strlen(REQUIRED)), (int)strlen(REQUIRED));
	close(fd);
	assert_int_equal(settings_load(path, &s, &d), 0);
	assert_string_equal(s.sha256, "");
	assert_int_equal(settings_load_digest(path, &s, &d), 0);
	assert_int_equal(strlen(s.sha256), 64);
	/* A link to the settings is nobody's trick: whoever can make it there can write the file. */
	snprintf(link, sizeof link, "%s.link", path);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(settings_load(link, &s, &d), 0);
	assert_int_equal(truncate(path, (1 << 20) + 1), 0);
	assert_int_equal(settings_load(path, &s, &d), -EINVAL);
	unlink(link);
	unlink(path);
	assert_int_equal(d.count, 1);
	assert_int_equal(settings_load(path, &s, &d), -ENOENT);
	assert_int_equal(settings_load("/tmp", &s, &d), -EINVAL);
	assert_int_equal(d.count, 3);
	assert_string_equal(d.entries[1].file, path);
	assert_non_null(strstr(d.entries[1].text, "does not exist"));
	diag_free(&d);
}

static void test_difference(void **state)
{
	struct settings a, b;

	(void)state;
	assert_int_equal(parse(REQUIRED, &a), 0);
	assert_int_equal(parse(REQUIRED "portal-port 8443\nsession 1h idle 1m\nlabel x\n", &b), 0);
	assert_null(settings_fixed_difference(&a, &b));
	assert_int_equal(parse(REQUIRED "interface wg0\n", &b), 0);
	assert_string_equal(settings_fixed_difference(&a, &b), "interface");
	assert_int_equal(parse(REQUIRED "backend kernel\n", &b), 0);
	assert_string_equal(settings_fixed_difference(&a, &b), "backend");
	assert_int_equal(parse(REQUIRED "listen-port 1\n", &b), 0);
	assert_string_equal(settings_fixed_difference(&a, &b), "listen-port");
	b = a;
	b.tunnel6 = (struct prefix){.bits = 0};
	assert_string_equal(settings_fixed_difference(&a, &b), "tunnel-network");
	b = a;
	b.tunnel4.bits = 17;
	assert_string_equal(settings_fixed_difference(&a, &b), "tunnel-network");
}

/* Names what is written otherwise, also where it means the same. */
static void test_what_changed(void **state)
{
	struct settings a, b;
	unsigned at = 0;
	(void)state;
	assert_int_equal(parse(REQUIRED "label x\nportal-port 443\n", &a), 0);
	assert_int_equal(parse(REQUIRED "portal-port 443 # as ever\nlabel  x\n", &b), 0);
	assert_null(settings_difference(&a, &b, &at));
	assert_int_equal(parse(REQUIRED "label y\nlogin-failures 3 per 5m\n", &b), 0);
	at = 0;
	assert_string_equal(settings_difference(&a, &b, &at), "portal-port");
	assert_string_equal(settings_difference(&a, &b, &at), "login-failures");
	assert_string_equal(settings_difference(&a, &b, &at), "label");
	assert_null(settings_difference(&a, &b, &at));
	/* The same letters in other words. */
	assert_int_equal(parse(REQUIRED "extra-ports 44 3\n", &a), 0);
	assert_int_equal(parse(REQUIRED "extra-ports 443\n", &b), 0);
	at = 0;
	assert_string_equal(settings_difference(&a, &b, &at), "extra-ports");
}

static void test_example(void **state)
{
	const char *const golden = getenv("SEKISHO_GOLDEN");
	char path[512], text[8192], line[256];
	struct settings example, all;
	struct diag d = diag_new();
	size_t used = 0;

	(void)state;
	snprintf(path, sizeof path, "%s/../../docs/examples/sekisho.conf", golden ? golden : "tests/golden");
	assert_int_equal(settings_load(path, &example, &d), 0);
	assert_int_equal(d.count, 0);
	/* What stands there as comments are the defaults. */
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		const bool setting = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
		used += (size_t)snprintf(text + used, sizeof text - used, "%s", line + setting);
		assert_true(used < sizeof text);
	}
	fclose(f);
	assert_int_equal(parse(text, &all), 0);
	assert_memory_equal(&all, &example, offsetof(struct settings, sha256));
	diag_free(&d);
}

static uint32_t random_state;

static unsigned pick(unsigned n)
{
	random_state = random_state * 1664525 + 1013904223; /* Numerical Recipes, 2nd ed., section 7.1 */
	return (random_state >> 8) % n;
}

static void test_damage(void **state)
{
	static const char whole[] =
		REQUIRED "session 1h idle 5m\nlogin-failures 5 per 5m\nlabel \"例示省\"\ndns-search example.jp # one\n";
	static const char bytes[] = "\0\n\t \"#,-*/.:[]0x\xff\xe3\x80";
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct settings s;
		struct diag d = diag_new();
		random_state = i;
		const size_t size =
			i ? 1 + pick(sizeof whole - 1) / (1 + 7 * pick(2)) + sizeof whole / 2 * pick(2) : sizeof whole - 1;
		char *const exact = malloc(size);
		assert_non_null(exact);
		for (size_t j = 0; j < size; j++)
			exact[j] = whole[j % (sizeof whole - 1)];
		for (unsigned changes = i ? pick(5) : 0; changes--;)
			exact[pick((unsigned)size)] = pick(2) ? bytes[pick(sizeof bytes - 1)] : (char)pick(256);
		const int r = settings_parse("x", exact, size, &s, &d);
		char *const shown = diag_render(&d);
		assert_non_null(shown);
		assert_true(r == 0 || r == -EINVAL);
		assert_int_equal(d.failed, r != 0);
		assert_int_equal(strstr(shown, ": error: ") != NULL, r != 0);
		good += r == 0;
		free(shown);
		free(exact);
		diag_free(&d);
	}
	assert_in_range(good, 1, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_difference),
		cmocka_unit_test(test_what_changed),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
