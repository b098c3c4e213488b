/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The colours of the pages: WCAG 2.1 success criteria 1.4.3 and 1.4.11 (JIS X 8341-3:2016 the same), in both schemes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/page.h"

enum scheme { LIGHT, DARK };

/* The value of a custom property: three or six hexadecimal digits. */
static void colour(enum scheme scheme, const char *name, double rgb[3])
{
	char wanted[32];
	unsigned v[3];
	const char *from = page_style();
	if (scheme == DARK)
		from = strstr(from, "prefers-color-scheme:dark");
	assert_non_null(from);
	snprintf(wanted, sizeof wanted, "--%s:#", name);
	const char *at = strstr(from, wanted);
	if (!at)
		fail_msg("no colour %s", name);
	at += strlen(wanted);
	size_t digits = strspn(at, "0123456789abcdef");
	assert_true(digits == 3 || digits == 6);
	for (size_t i = 0; i < 3; i++) {
		char text[3] = {at[digits == 3 ? i : 2 * i], at[digits == 3 ? i : 2 * i + 1], '\0'};
		v[i] = (unsigned)strtoul(text, NULL, 16);
		rgb[i] = v[i] / 255.0;
	}
}

/* Relative luminance, WCAG 2.1 section "Terms". */
static double luminance(const double rgb[3])
{
	static const double weights[] = {0.2126, 0.7152, 0.0722};
	double sum = 0;
	for (size_t i = 0; i < 3; i++)
		sum += weights[i] * (rgb[i] <= 0.03928 ? rgb[i] / 12.92 : pow((rgb[i] + 0.055) / 1.055, 2.4));
	return sum;
}

static double contrast(enum scheme scheme, const char *a, const char *b)
{
	double x[3], y[3];
	colour(scheme, a, x);
	colour(scheme, b, y);
	double lx = luminance(x), ly = luminance(y);
	return (fmax(lx, ly) + 0.05) / (fmin(lx, ly) + 0.05);
}

static void test_known_contrasts(void **state)
{
	(void)state;
	const double white[] = {1, 1, 1}, black[] = {0, 0, 0}, grey[] = {0x77 / 255.0, 0x77 / 255.0, 0x77 / 255.0};
	assert_true(fabs((luminance(white) + 0.05) / (luminance(black) + 0.05) - 21) < 1e-9);
	assert_true(fabs((luminance(white) + 0.05) / (luminance(grey) + 0.05) - 4.478) < 0.001);
}

static void contrast_least(const char *const (*pairs)[2], size_t count, double least)
{
	for (enum scheme s = LIGHT; s <= DARK; s++)
		for (size_t i = 0; i < count; i++)
			if (contrast(s, pairs[i][0], pairs[i][1]) < least)
				fail_msg("%s on %s, %s: %.2f", pairs[i][0], pairs[i][1], s ? "dark" : "light",
					contrast(s, pairs[i][0], pairs[i][1]));
}

static void test_text(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"ink", "bg"}, {"ink", "card"}, {"ink", "note-bg"}, {"ink", "bad-bg"},
		{"ink", "open-bg"}, {"soft", "bg"}, {"soft", "card"}, {"ai", "card"}, {"ai", "note-bg"}, {"ai", "open-bg"},
		{"on-ai", "ai"}, {"open", "open-bg"}, {"bad", "bad-bg"}, {"bad", "card"}, {"card", "bad"}};
	contrast_least(pairs, sizeof pairs / sizeof *pairs, 4.5);
}

/* Edges of fields and buttons, the bar of a message, the ring around what has the focus. */
static void test_controls(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"field", "card"}, {"ai", "card"}, {"ai", "open-bg"}, {"ai", "bg"}, {"bad", "bad-bg"}};
	contrast_least(pairs, sizeof pairs / sizeof *pairs, 3);
}

/* Colours stand in one place only: the rules name them, so that what is tested here is what is seen. */
static void test_no_other_colours(void **state)
{
	(void)state;
	const char *rules = strstr(page_style(), "*{box-sizing");
	assert_non_null(rules);
	assert_null(strchr(rules, '#'));
	assert_null(strstr(rules, "rgb"));
	assert_null(strstr(rules, "opacity"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_contrasts),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_no_other_colours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
