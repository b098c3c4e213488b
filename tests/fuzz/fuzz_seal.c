/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines as a tamperer would leave them, before `sekisho log verify`. The keys it begins with belong to nobody, so nothing may
 * ever be vouched for; and a seal that is read is written again as it was. Lines of auth, access and audit begin with '0', '1',
 * '2'.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(const struct verify_finding *f, void *arg)
{
	if (!*f->text)
		abort();
	(*(unsigned *)arg)++;
}

static void same_again(const struct logset_line *line, enum log_file file)
{
	struct seal s, again;
	json_t *root = json_loadb(line->text, line->size, JSON_REJECT_DUPLICATES, NULL);

	if (root && seal_parse(root, file, &s) == 0) {
		json_t *event = seal_event(&s, "time");
		if (!event || seal_parse(event, file, &again) < 0 || memcmp(s.signature, again.signature, SEAL_SIGNATURE) != 0 ||
			!key_equal(&s.next, &again.next) || s.epoch != again.epoch || s.first != again.first ||
			s.count != again.count || s.when != again.when || s.file != again.file)
			abort();
		for (enum log_file i = 0; i < LOG_FILES; i++)
			if (s.heads[i].sequence != again.heads[i].sequence ||
				memcmp(s.heads[i].hash, again.heads[i].hash, SEAL_HASH) != 0)
				abort();
		json_decref(event);
	}
	json_decref(root);
}

static void each(struct verify *v, enum log_file file, const char *text, size_t size,
	void (*judge)(struct verify *, enum log_file, const struct logset_line *))
{
	for (uint64_t number = 1; size; number++) {
		const char *const end = memchr(text, '\n', size);
		const size_t length = end ? (size_t)(end - text) + 1 : size;
		const struct logset_line line = {.path = "log", .text = text + 1, .size = length - 1, .number = number};
		if (*text == '0' + (char)file && length > 1) {
			judge(v, file, &line);
			if (judge == verify_line)
				same_again(&line, file);
		}
		text += length;
		size -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned findings = 0;
	struct verify v = {.report = count, .arg = &findings};

	for (enum log_file file = 0; file < LOG_FILES; file++) {
		v.logs[file].anchor = (struct verify_anchor){.known = true, .epoch = 1};
		memset(&v.logs[file].anchor.key, 7, sizeof v.logs[file].anchor.key);
	}
	for (enum log_file file = 0; file < LOG_FILES; file++) {
		each(&v, file, (const char *)data, size, verify_line);
		verify_log_end(&v, file);
	}
	verify_refs(&v);
	for (enum log_file file = 0; file < LOG_FILES; file++) {
		each(&v, file, (const char *)data, size, verify_again);
		if (v.logs[file].trusted)
			abort();
	}
	verify_end(&v);
	if (v.worst == VERIFY_NOTE || !findings)
		abort();
	return 0;
}
