/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values on the wire: their bytes are fixed, and the first mistake makes the whole message fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/wire.h"

static const uint8_t sample[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, /* u8 u16 u32 */
	0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0xaa, 0xbb,	   /* u64, bytes */
	0x00, 0x03, 0xe9, 0x96, 0xa2, 0x00, 0x00,			   /* a text, an empty one */
	0x04, 192, 0, 2, 1, 0x00};					   /* an address, none */

static void put_sample(struct wire_out *w)
{
	struct addr a, none = {0};
	assert_int_equal(addr_parse("192.0.2.1", &a), 0);
	wire_put_u8(w, 1);
	wire_put_u16(w, 0x0203);
	wire_put_u32(w, 0x04050607);
	wire_put_u64(w, 0x1112131415161718);
	wire_put_bytes(w, "\xaa\xbb", 2);
	wire_put_text(w, "関");
	wire_put_text(w, NULL);
	wire_put_addr(w, &a);
	wire_put_addr(w, &none);
}

static void test_put(void **state)
{
	(void)state;
	uint8_t data[sizeof sample + 1];
	struct wire_out w = wire_out(data, sizeof data);
	put_sample(&w);
	assert_int_equal(wire_out_end(&w), sizeof sample);
	assert_memory_equal(data, sample, sizeof sample);
	for (size_t size = 0; size < sizeof sample; size++) {
		data[size] = 0x5a;
		w = wire_out(data, size);
		put_sample(&w);
		assert_int_equal(wire_out_end(&w), -EMSGSIZE);
		assert_int_equal(data[size], 0x5a);
	}
}

static int get_sample(const uint8_t *data, size_t size)
{
	struct wire_in r = wire_in(data, size);
	uint8_t bytes[2];
	char text[4], empty[1];
	struct addr a, none;
	uint64_t sum = wire_get_u8(&r);
	sum += wire_get_u16(&r);
	sum += wire_get_u32(&r);
	sum += wire_get_u64(&r);
	wire_get_bytes(&r, bytes, sizeof bytes);
	wire_get_text(&r, text, sizeof text);
	wire_get_text(&r, empty, sizeof empty);
	wire_get_addr(&r, &a);
	wire_get_addr(&r, &none);
	int err = wire_in_end(&r);
	if (!err) {
		assert_true(sum == 1 + 0x0203 + 0x04050607 + 0x1112131415161718);
		assert_memory_equal(bytes, "\xaa\xbb", 2);
		assert_string_equal(text, "関");
		assert_string_equal(empty, "");
		assert_int_equal(a.family, 4);
		assert_int_equal(none.family, 0);
	} else if (r.failed) {
		assert_int_equal(none.family, 0);
	}
	return err;
}

static void test_get(void **state)
{
	(void)state;
	uint8_t data[sizeof sample + 1] = {0};
	memcpy(data, sample, sizeof sample);
	assert_int_equal(get_sample(data, sizeof sample), 0);
	for (size_t size = 0; size < sizeof sample; size++)
		assert_int_equal(get_sample(data, size), -EBADMSG);
	assert_int_equal(get_sample(data, sizeof data), -EBADMSG);
}

static void assert_text_refused(const void *data, size_t size)
{
	char text[8] = "before";
	struct wire_in r = wire_in(data, size);
	wire_get_text(&r, text, sizeof text);
	assert_true(r.failed);
	assert_string_equal(text, "");
}

static void test_text(void **state)
{
	(void)state;
	assert_text_refused("\x00\x03"
			    "a\x00z",
		5);
	assert_text_refused("\x00\x02\xc0\x80", 4);
	assert_text_refused("\x00\x01\xff", 3);
	assert_text_refused("\x00\x08"
			    "12345678",
		10);
	assert_text_refused("\x00\x03"
			    "ab",
		4);
	assert_text_refused("\xff\xff"
			    "ab",
		4);
	assert_text_refused("\x00", 1);
	char text[8];
	struct wire_in r = wire_in("\x00\x07"
				   "1234567",
		9);
	wire_get_text(&r, text, sizeof text);
	assert_int_equal(wire_in_end(&r), 0);
	assert_string_equal(text, "1234567");
}

static void test_addr(void **state)
{
	(void)state;
	static const uint8_t bad[][17] = {{1}, {5}, {255}, {6, [11] = 0xff, [12] = 0xff, [13] = 10, [16] = 1}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct addr a = {.family = 4};
		struct wire_in r = wire_in(bad[i], sizeof bad[i]);
		wire_get_addr(&r, &a);
		assert_true(r.failed);
		assert_int_equal(a.family, 0);
	}
	static const uint8_t good[17] = {6, 0x20, 0x01, [16] = 1};
	struct addr a;
	struct wire_in r = wire_in(good, sizeof good);
	wire_get_addr(&r, &a);
	assert_int_equal(wire_in_end(&r), 0);
	assert_int_equal(a.family, 6);
	assert_memory_equal(a.bytes, good + 1, 16);
}

static void test_sticky(void **state)
{
	(void)state;
	uint8_t data[4] = {1, 2, 3, 4};
	struct wire_in r = wire_in(data, sizeof data);
	assert_int_equal(wire_get_u64(&r), 0);
	assert_int_equal(wire_get_u8(&r), 0);
	assert_int_equal(wire_in_end(&r), -EBADMSG);
	struct wire_out w = wire_out(data, sizeof data);
	wire_put_u64(&w, 9);
	wire_put_u8(&w, 9);
	assert_int_equal(data[0], 1);
	assert_int_equal(wire_out_end(&w), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_sticky),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
