/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys in base64, X25519 against RFC 7748, and which files a secret is read from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "common/key.h"
#include "common/secret.h"

static char folder[] = "/tmp/test_secret.XXXXXX";

/* The path of a name in the test's folder; good until the next call. */
static const char *in_folder(const char *name)
{
	static char path[64];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void write_file(const char *path, const void *data, size_t size, mode_t mode)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_base64(void **state)
{
	(void)state;
	struct key k, back;
	char text[KEY_TEXT], expected[KEY_TEXT];
	for (unsigned round = 0; round < 256; round++) {
		for (unsigned i = 0; i < KEY_SIZE; i++)
			k.bytes[i] = (uint8_t)(round + 37 * i * (round & 7));
		EVP_EncodeBlock((unsigned char *)expected, k.bytes, KEY_SIZE);
		assert_string_equal(key_format(&k, text), expected);
		assert_int_equal(key_parse(text, &back), 0);
		assert_true(key_equal(&k, &back));
	}
}

static void test_base64_refused(void **state)
{
	(void)state;
	static const char good[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct key k = {.bytes = {1}};
	char text[KEY_TEXT + 2];
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (unsigned position = 0; position < KEY_TEXT - 2; position++)
		for (unsigned c = 1; c < 256; c++) {
			struct key out;
			memcpy(text, good, sizeof good);
			text[position] = (char)c;
			/* The last digit carries four bits of the key: its two lowest bits must be zero. */
			const char *digit = strchr(digits, (int)c);
			bool fine = digit && (position < KEY_TEXT - 3 || (digit - digits) % 4 == 0);
			assert_int_equal(key_parse(text, &out), fine ? 0 : -EINVAL);
		}
	static const char *const bad[] = {"", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		" AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(key_parse(bad[i], &k), -EINVAL);
	assert_int_equal(k.bytes[0], 1);
}

static void test_x25519(void **state)
{
	(void)state;
	/* RFC 7748 section 6.1, Alice. */
	static const struct key private_key = {
		{0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f,
			0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a}};
	static const struct key public_key = {{0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e,
		0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a}};
	struct key k, other;
	assert_int_equal(key_public(&private_key, &k), 0);
	assert_true(key_equal(&k, &public_key));
	assert_int_equal(key_generate(&k), 0);
	assert_int_equal(key_generate(&other), 0);
	assert_false(key_equal(&k, &other));
	assert_int_equal(k.bytes[0] & 7, 0);
	assert_int_equal(k.bytes[31] & 0xc0, 0x40);
	assert_false(key_is_zero(&k));
	secret_wipe(&k, sizeof k);
	assert_true(key_is_zero(&k));
}

static void test_read(void **state)
{
	(void)state;
	char data[16] = "", why[512] = "";
	const char *path = in_folder("secret");
	write_file(path, "0123456789", 10, 0600);
	assert_int_equal(secret_read_file(path, data, sizeof data, NULL, 0), 10);
	assert_memory_equal(data, "0123456789", 10);
	assert_int_equal(secret_read_file(path, data, 10, why, sizeof why), 10);
	assert_string_equal(why, "");
	assert_int_equal(secret_read_file(path, data, 9, why, sizeof why), -EFBIG);
	assert_non_null(strstr(why, "larger than 9 bytes"));
	assert_memory_equal(data, "\0\0\0\0\0\0\0\0\0", 9);
	write_file(path, "", 0, 0400);
	assert_int_equal(secret_read_file(path, data, sizeof data, NULL, 0), 0);
}

static void test_read_mode(void **state)
{
	(void)state;
	char data[16], why[512];
	const char *path = in_folder("mode");
	for (mode_t mode = 0400; mode < 01000; mode++) {
		if (!(mode & S_IRUSR))
			continue;
		write_file(path, "x", 1, mode);
		ssize_t n = secret_read_file(path, data, sizeof data, why, sizeof why);
		assert_int_equal(n, mode & 0027 ? -EACCES : 1);
		if (n < 0)
			assert_non_null(strstr(why, "run: chmod o=,g-w "));
	}
}

static void test_read_kind(void **state)
{
	(void)state;
	char data[16], why[512], link[64];
	assert_int_equal(secret_read_file(in_folder("missing"), data, sizeof data, why, sizeof why), -ENOENT);
	assert_non_null(strstr(why, "install -m 0600"));
	assert_int_equal(secret_read_file(folder, data, sizeof data, why, sizeof why), -EINVAL);
	assert_non_null(strstr(why, "not a regular file"));
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	assert_int_equal(secret_read_file(in_folder("fifo"), data, sizeof data, why, sizeof why), -EINVAL);
	snprintf(link, sizeof link, "%s", in_folder("link"));
	write_file(in_folder("target"), "x", 1, 0600);
	assert_int_equal(symlink(in_folder("target"), link), 0);
	assert_int_equal(secret_read_file(link, data, sizeof data, why, sizeof why), -ELOOP);
	assert_non_null(strstr(why, "symbolic link"));
}

static void test_read_owner(void **state)
{
	(void)state;
	char data[16], why[512];
	const char *path = in_folder("owner");
	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	write_file(path, "x", 1, 0600);
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_int_equal(secret_read_file(path, data, sizeof data, why, sizeof why), -EPERM);
	assert_non_null(strstr(why, "belongs to uid 12345"));
}

static void test_read_key(void **state)
{
	(void)state;
	struct key k, want;
	char text[KEY_TEXT + 2], why[512];
	const char *path = in_folder("key");
	assert_int_equal(key_generate(&want), 0);
	key_format(&want, text);
	write_file(path, text, KEY_TEXT - 1, 0600);
	assert_int_equal(key_read_file(path, &k, why, sizeof why), 0);
	assert_true(key_equal(&k, &want));
	text[KEY_TEXT - 1] = '\n';
	write_file(path, text, KEY_TEXT, 0640);
	secret_wipe(&k, sizeof k);
	assert_int_equal(key_read_file(path, &k, why, sizeof why), 0);
	assert_true(key_equal(&k, &want));
	text[KEY_TEXT] = '\n';
	write_file(path, text, KEY_TEXT + 1, 0600);
	assert_int_equal(key_read_file(path, &k, why, sizeof why), -EFBIG);
	text[4] = '\0';
	write_file(path, text, KEY_TEXT, 0600);
	assert_int_equal(key_read_file(path, &k, why, sizeof why), -EINVAL);
	assert_non_null(strstr(why, "wg genkey"));
	write_file(path, "", 0, 0600);
	assert_int_equal(key_read_file(path, &k, NULL, 0), -EINVAL);
	write_file(path, text, KEY_TEXT, 0644);
	assert_int_equal(key_read_file(path, &k, why, sizeof why), -EACCES);
	assert_true(key_equal(&k, &want));
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const names[] = {"secret", "mode", "fifo", "link", "target", "owner", "key"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(in_folder(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_refused),
		cmocka_unit_test(test_x25519),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_mode),
		cmocka_unit_test(test_read_kind),
		cmocka_unit_test(test_read_owner),
		cmocka_unit_test(test_read_key),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
