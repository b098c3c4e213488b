/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "gateway/cli/ca.h"

static struct ca_subject subject(const char *name, const char *v4, const char *v6)
{
	struct ca_subject s = {.name = name};
	if (v4)
		assert_int_equal(addr_parse(v4, &s.v4), 0);
	if (v6)
		assert_int_equal(addr_parse(v6, &s.v6), 0);
	return s;
}

static X509 *parsed(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(x);
	return x;
}

/* What ca_judge() says, joined by '|'. */
static void note(void *arg, const char *what)
{
	char *text = arg;
	size_t used = strlen(text);
	snprintf(text + used, 512 - used, "%s%s", used ? "|" : "", what);
}

static const char *judged(const char *certificate, const char *key, const struct ca_subject *s)
{
	static char text[512];
	text[0] = '\0';
	ca_judge(certificate, key, s, note, text);
	return text;
}

static void leaf_is_what_phones_take(void **state)
{
	(void)state;
	const struct ca_subject s = subject("gate.example.jp", "10.64.0.1", "fd64:5e61::1");
	struct ca_pair ca, leaf;
	assert_int_equal(ca_new(&s, &ca), 0);
	assert_int_equal(ca_issue(&ca, &s, &leaf), 0);
	assert_string_equal(judged(leaf.certificate, leaf.key, &s), "");

	X509 *x = parsed(leaf.certificate), *root = parsed(ca.certificate);
	int days, seconds;
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), X509_get0_notAfter(x)), 1);
	assert_true(days <= 825 && days > 800);
	assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_SERVER);
	assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	assert_false(X509_check_ca(x));
	assert_int_equal(X509_check_ca(root), 1);
	assert_int_equal(X509_get_pathlen(root), 0);
	assert_int_equal(X509_check_issued(root, x), X509_V_OK);
	NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(root, NID_name_constraints, NULL, NULL);
	assert_int_equal(sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees), 3);
	NAME_CONSTRAINTS_free(constraints);
	X509_free(x);
	X509_free(root);
	ca_pair_clear(&ca);
	ca_pair_clear(&leaf);
	assert_null(leaf.key);
}

static void without_ipv6_and_with_a_long_name(void **state)
{
	(void)state;
	char name[254];
	memset(name, 'a', sizeof name);
	for (size_t i = 60; i < sizeof name; i += 60)
		name[i] = '.';
	name[253] = '\0';
	const struct ca_subject s = subject(name, "10.64.0.1", NULL);
	struct ca_pair ca, leaf;
	assert_int_equal(ca_new(&s, &ca), 0);
	assert_int_equal(ca_issue(&ca, &s, &leaf), 0);
	assert_string_equal(judged(leaf.certificate, leaf.key, &s), "");
	ca_pair_clear(&ca);
	ca_pair_clear(&leaf);
}

static void ca_vouches_for_nobody_else(void **state)
{
	(void)state;
	const struct ca_subject own = subject("gate.example.jp", "10.64.0.1", NULL);
	const struct ca_subject others[] = {
		subject("bank.example.com", "10.64.0.1", NULL),
		subject("gate.example.jp", "10.64.0.2", NULL),
		subject("gate.example.jp", "10.64.0.1", "fd64::1"),
	};
	struct ca_pair ca, leaf = {0};
	assert_int_equal(ca_new(&own, &ca), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(ca_issue(&ca, &others[i], &leaf), -EPERM);
	/* The constraint on addresses covers both families once it names one: RFC 5280 knows one form for both. */
	assert_int_equal(ca_issue(&ca, &others[2], &leaf), -EPERM);
	assert_null(leaf.key);
	ca_pair_clear(&ca);
}

static void ca_that_is_none(void **state)
{
	(void)state;
	const struct ca_subject s = subject("gate.example.jp", "10.64.0.1", NULL);
	struct ca_pair a, b, leaf = {0};
	assert_int_equal(ca_new(&s, &a), 0);
	assert_int_equal(ca_new(&s, &b), 0);
	const struct ca_pair mixed = {a.certificate, b.key}, garbage = {a.certificate, (char[]){"garbage"}},
			     empty = {(char[]){""}, a.key};
	assert_int_equal(ca_issue(&mixed, &s, &leaf), -EINVAL);
	assert_int_equal(ca_issue(&garbage, &s, &leaf), -EINVAL);
	assert_int_equal(ca_issue(&empty, &s, &leaf), -EINVAL);
	ca_pair_clear(&a);
	ca_pair_clear(&b);
}

static void judging_names_and_keys(void **state)
{
	(void)state;
	const struct ca_subject s = subject("gate.example.jp", "10.64.0.1", NULL);
	const struct ca_subject other = subject("door.example.jp", "10.65.0.1", NULL);
	struct ca_pair ca, leaf;
	assert_int_equal(ca_new(&s, &ca), 0);
	assert_int_equal(ca_issue(&ca, &s, &leaf), 0);
	assert_string_equal(judged(leaf.certificate, leaf.key, &other),
		"is not for the portal-name door.example.jp|names addresses, but not the gateway's own in the tunnel, 10.65.0.1");
	assert_string_equal(judged(leaf.certificate, ca.key, &s), "does not belong to the private key");
	assert_string_equal(judged(leaf.certificate, "garbage", &s), "has a private key that is none in PEM form, or has a password");
	assert_string_equal(judged(leaf.certificate, NULL, &s), "");
	assert_string_equal(judged("garbage", NULL, &s), "holds no certificate in PEM form");
	/* A CA's certificate names nobody as a server. */
	assert_string_equal(judged(ca.certificate, ca.key, &s), "is not for the portal-name gate.example.jp");
	ca_pair_clear(&ca);
	ca_pair_clear(&leaf);
}

/* The certificate again with other dates, self-signed; judged without key. */
static char *redated(const char *pem, long from_days, long until_days)
{
	X509 *x = parsed(pem);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_time_adj_ex(X509_getm_notBefore(x), (int)from_days, 60, NULL);
	X509_time_adj_ex(X509_getm_notAfter(x), (int)until_days, 60, NULL);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, x), 1);
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	char *text = strndup(data, (size_t)size);
	BIO_free(bio);
	X509_free(x);
	EVP_PKEY_free(key);
	return text;
}

static void judging_dates(void **state)
{
	(void)state;
	static const struct {
		long from, until;
		const char *what;
	} cases[] = {
		{-10, -1, "has ended"},
		{-10, 1, "ends in 1 day"},
		{-10, CA_SOON_DAYS - 1, "ends in 13 days"},
		{-10, CA_SOON_DAYS + 1, ""},
		{2, 100, "is not yet valid (or this machine's clock is wrong)"},
		{0, 100, "is not yet valid (or this machine's clock is wrong)"}, /* in a minute */
	};
	const struct ca_subject s = subject("gate.example.jp", "10.64.0.1", NULL);
	struct ca_pair ca, leaf;
	assert_int_equal(ca_new(&s, &ca), 0);
	assert_int_equal(ca_issue(&ca, &s, &leaf), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *pem = redated(leaf.certificate, cases[i].from, cases[i].until);
		assert_string_equal(judged(pem, NULL, &s), cases[i].what);
		free(pem);
	}
	ca_pair_clear(&ca);
	ca_pair_clear(&leaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaf_is_what_phones_take),
		cmocka_unit_test(without_ipv6_and_with_a_long_name),
		cmocka_unit_test(ca_vouches_for_nobody_else),
		cmocka_unit_test(ca_that_is_none),
		cmocka_unit_test(judging_names_and_keys),
		cmocka_unit_test(judging_dates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
