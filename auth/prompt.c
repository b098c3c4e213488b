/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/prompt.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Does one of the words stand in the text? ASCII case does not matter; words of Latin letters must not be parts of longer ones.
 */
static bool mentions(const char *text, const char *const *words)
{
	for (; *words; words++) {
		for (const char *at = text; (at = strcasestr(at, *words)); at++) {
			unsigned char after = (unsigned char)at[strlen(*words)];
			bool part = (at > text && isalpha((unsigned char)at[-1])) || isalpha(after);
			if (!part || !isalpha((unsigned char)**words))
				return true;
		}
	}
	return false;
}

enum prompt_kind prompt_kind(const struct prompt *p, bool first)
{
	static const char *const code[] = {
		"code", "otp", "token", "one-time", "コード", "トークン", "ワンタイム", "認証番号", "確認番号", NULL};
	static const char *const fresh[] = {"new", "retype", "新しい", "新規", "再入力", "もう一度", NULL};
	static const char *const password[] = {
		"password", "passphrase", "current", "old", "パスワード", "パスフレーズ", "現在の", NULL};

	if (mentions(p->text, code))
		return PROMPT_IS_CODE;
	if (p->style != PROMPT_SECRET)
		return PROMPT_IS_TEXT;
	if (mentions(p->text, fresh))
		return PROMPT_IS_NEW_PASSWORD;
	return first || mentions(p->text, password) ? PROMPT_IS_PASSWORD : PROMPT_IS_CODE;
}

const char *prompt_label(const struct prompt *p, char label[static PROMPT_MAX])
{
	static const char wide_colon[] = "：", wide_space[] = "　";
	const char *start = p->text + strspn(p->text, " \t\n");
	size_t n = strnlen(start, PROMPT_MAX - 1 - (size_t)(start - p->text));

	for (bool cut = true; cut && n;) {
		cut = strchr(" \t\r\n:", start[n - 1]) != NULL;
		n -= cut;
		if (n >= 3 && (!memcmp(start + n - 3, wide_colon, 3) || !memcmp(start + n - 3, wide_space, 3))) {
			n -= 3;
			cut = true;
		}
	}
	memcpy(label, start, n);
	label[n] = '\0';
	return label;
}

bool prompt_is_plain_password(const char *label)
{
	return !strcasecmp(label, "password");
}
