// SPDX-License-Identifier: GPL-3.0-or-later
/* Ten thousand changes of sealed logs, in every way that the verifier promises to find. */
#include "tests/unit/seal_logs.h"

static uint32_t random_state = 1;
static uint32_t chance(uint32_t below)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % below;
}

static void take_out(struct text *t, size_t at)
{
	free(t->line[at]);
	memmove(&t->line[at], &t->line[at + 1], (t->count - at - 1) * sizeof *t->line);
	t->count--;
}

static void put_in(struct text *t, size_t at, char *line)
{
	memmove(&t->line[at + 1], &t->line[at], (t->count - at) * sizeof *t->line);
	t->line[at] = line;
	t->count++;
}

enum tamper { CHANGE, DELETE, INSERT, DUPLICATE, SWAP, CUT, SPLICE, RENUMBER, TAMPERS };

/* Changes one log in one way. */
static void tamper(struct text *t, enum tamper how)
{
	size_t at = chance((uint32_t)t->count - 1); /* the last line is a seal that nothing covers yet */
	switch (how) {
	case CHANGE: {
		size_t i = chance((uint32_t)strlen(t->line[at]) - 1);
		t->line[at][i] = t->line[at][i] == '7' ? '8' : '7';
		break;
	}
	case DELETE:
		take_out(t, at);
		break;
	case INSERT:
		put_in(t, at,
			strdup("{\"@timestamp\":\"2026-11-23T07:30:00.000000+09:00\",\"event\":{\"sequence\":4,\"action\":"
			       "\"login-failed\"}}\n"));
		break;
	case DUPLICATE:
		put_in(t, at, strdup(t->line[at]));
		break;
	case SWAP: {
		size_t other = (at + 1 + chance((uint32_t)t->count - 2)) % (t->count - 1);
		char *line = t->line[at];
		t->line[at] = t->line[other];
		t->line[other] = line;
		break;
	}
	case CUT: /* the end, also exactly behind a seal: the other logs' seals have seen more */
		while (t->count > at + 1)
			take_out(t, t->count - 1);
		break;
	case SPLICE: /* some lines of the middle */
		for (uint32_t n = 1 + chance(3); n && t->count > at + 2; n--)
			take_out(t, at);
		break;
	default: { /* RENUMBER: leave a line out and count the rest anew, as somebody thorough would */
		take_out(t, at);
		for (size_t i = at; i < t->count; i++) {
			char *line = NULL, *mark = strstr(t->line[i], "\"sequence\":") + 11, *rest = mark;
			unsigned long long number = strtoull(mark, &rest, 10);
			assert_true(asprintf(&line, "%.*s%llu%s", (int)(mark - t->line[i]), t->line[i], number - 1, rest) > 0);
			free(t->line[i]);
			t->line[i] = line;
		}
	}
	}
}

static uint64_t number_of(const char *line)
{
	return log_line_number(line, strlen(line));
}

static bool is_seal(const char *line)
{
	return strstr(line, "\"action\":\"log-seal\"") != NULL;
}

/* The last line of a log that a seal of another log vouches for. */
static uint64_t seen_by_others(const struct text all[LOG_FILES], enum log_file which)
{
	uint64_t seen = 0;
	for (enum log_file i = 0; i < LOG_FILES; i++)
		for (size_t j = 0; i != which && j < all[i].count; j++) {
			struct seal seal;
			json_t *root = is_seal(all[i].line[j]) ? json_loads(all[i].line[j], 0, NULL) : NULL;
			if (root && seal_parse(root, i, &seal) == 0 && seal.heads[which].sequence > seen)
				seen = seal.heads[which].sequence;
			json_decref(root);
		}
	return seen;
}

/* What must be found. Two things cannot: that the end is missing, if nothing else vouches for it; and why the beginning is, up to
 * a seal, for old files are removed in time. */
static enum verify_level due_level(const struct text all[LOG_FILES], enum log_file which, const struct text *changed)
{
	const struct text *t = &all[which];
	size_t skip = t->count - changed->count, same = 0;
	if (changed->count > t->count || !changed->count)
		return VERIFY_ALTERED;
	while (same < changed->count && !strcmp(changed->line[same], t->line[same]))
		same++;
	if (same == changed->count)
		return seen_by_others(all, which) > number_of(changed->line[same - 1]) ? VERIFY_ALTERED : VERIFY_NOTE;
	for (same = 0; same < changed->count && !strcmp(changed->line[same], t->line[same + skip]); same++)
		;
	return same == changed->count && skip && is_seal(t->line[skip - 1]) ? VERIFY_UNKNOWN : VERIFY_ALTERED;
}

static void tamper_with(unsigned rounds, unsigned times)
{
	struct text all[LOG_FILES], copy[LOG_FILES];
	struct verify anchors;
	struct found found;
	unsigned missed = 0, same = 0, levels[VERIFY_ALTERED + 1] = {0};
	write_some(rounds);
	load(all, &anchors);
	for (unsigned n = 0; n < times; n++) {
		enum log_file which = (enum log_file)chance(LOG_FILES);
		enum tamper how = (enum tamper)(n % TAMPERS);
		for (enum log_file i = 0; i < LOG_FILES; i++)
			text_copy(&all[i], &copy[i]);
		tamper(&copy[which], how);
		bool differs = copy[which].count != all[which].count;
		for (size_t i = 0; !differs && i < copy[which].count; i++)
			differs = strcmp(copy[which].line[i], all[which].line[i]) != 0;
		same += !differs;
		if (differs) {
			enum verify_level due = due_level(all, which, &copy[which]), got = judge(copy, &anchors, &found);
			levels[due]++;
			missed += got < due;
			if (got < due)
				print_message("not found: kind %u in %s (%s)\n", how, seal_file_name(which), found.first);
		}
		for (enum log_file i = 0; i < LOG_FILES; i++)
			text_free(&copy[i]);
	}
	print_message(
		"%u changes: %u left the log as it was, %u took off an end that nothing vouches for, %u old files up to a seal; "
		"of all others %u were not found\n",
		times, same, levels[VERIFY_NOTE], levels[VERIFY_UNKNOWN], missed);
	assert_true(levels[VERIFY_ALTERED] > times / 10 * 9);
	assert_int_equal(missed, 0);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		text_free(&all[i]);
}

static void test_tampering_is_found(void **state)
{
	(void)state;
	tamper_with(1, 9000);
}

static void test_tampering_in_long_logs_is_found(void **state)
{
	(void)state;
	tamper_with(4, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tampering_is_found, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_tampering_in_long_logs_is_found, make_folders, remove_folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
