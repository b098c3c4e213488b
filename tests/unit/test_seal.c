// SPDX-License-Identifier: GPL-3.0-or-later
/* Sealed logs: whole after restarts, rotation and kills; out of reach for a stolen key; and what cannot be found. */
#include "tests/unit/seal_logs.h"

static void test_whole(void **state)
{
	(void)state;
	write_some(3);
	whole_now();
	write_some(3); /* a second run goes on along the same chain */
	whole_now();
}

static void test_many_lines_are_sealed_at_once(void **state)
{
	(void)state;
	struct log *l = begin();
	for (enum log_file i = 0; i < LOG_FILES; i++)
		put(l, i, SEAL_LINES);
	char path[160], *line = NULL;
	size_t room = 0;
	unsigned seals = 0;
	snprintf(path, sizeof path, "%s/access.jsonl", logs);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (getline(&line, &room, f) > 0)
		seals += strstr(line, "\"reason\":\"lines\"") != NULL && strstr(line, "\"log-seal\"") != NULL;
	free(line);
	fclose(f);
	assert_int_equal(seals, 1);
	log_close(l);
}

/* Who takes the key of today changes what was sealed before it: the old seals cannot be made again. */
static void test_a_stolen_key_reaches_no_older_line(void **state)
{
	struct text all[LOG_FILES];
	struct verify anchors;
	struct found found;
	struct key stolen;
	(void)state;
	write_some(3);
	char path[160];
	uint8_t slots[1024];
	snprintf(path, sizeof path, "%s/auth.seal", keys);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, slots, sizeof slots), sizeof slots);
	close(fd);
	load(all, &anchors);
	/* Every 32 bytes that are on disk, tried as the private key of each seal there is. */
	unsigned fits = 0;
	for (size_t at = 0; at + KEY_SIZE <= sizeof slots; at++) {
		struct key public_key;
		memcpy(stolen.bytes, slots + at, KEY_SIZE);
		if (key_is_zero(&stolen) || seal_key_public(&stolen, &public_key) < 0)
			continue;
		for (size_t i = 0; i < all[LOG_AUTH].count; i++) {
			struct seal seal;
			json_t *root = json_loads(all[LOG_AUTH].line[i], 0, NULL);
			if (seal_parse(root, LOG_AUTH, &seal) == 0)
				fits += seal_verify(&seal, &public_key) == 0;
			json_decref(root);
		}
	}
	assert_int_equal(fits, 0);
	/* A line taken out and the seal signed anew with a key of the thief's own. */
	for (size_t i = 2; i < all[LOG_AUTH].count; i++) {
		struct seal seal;
		json_t *root = json_loads(all[LOG_AUTH].line[i], 0, NULL);
		if (seal_parse(root, LOG_AUTH, &seal) == 0) {
			all[LOG_AUTH].line[1][40]++;
			assert_int_equal(seal_key_generate(&stolen), 0);
			assert_int_equal(seal_sign(&seal, &stolen), 0);
			json_t *forged = seal_event(&seal, "time");
			json_object_set(root, "sekisho", json_object_get(forged, "sekisho"));
			json_decref(forged);
			free(all[LOG_AUTH].line[i]);
			char *text = json_dumps(root, JSON_COMPACT);
			assert_true(asprintf(&all[LOG_AUTH].line[i], "%s\n", text) > 0);
			free(text);
			json_decref(root);
			break;
		}
		json_decref(root);
	}
	assert_int_equal(judge(all, &anchors, &found), VERIFY_ALTERED);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		text_free(&all[i]);
}

/* Setting back all three to the same earlier moment, keys and all, cannot be seen from within: only that the end is old. */
static void test_what_cannot_be_found(void **state)
{
	struct text all[LOG_FILES], early[LOG_FILES];
	struct verify anchors;
	struct found found;
	(void)state;
	write_some(3);
	load(early, &anchors);
	write_some(3);
	load(all, &anchors);
	assert_int_equal(judge(early, &anchors, &found), VERIFY_NOTE);
	/* But one of them alone is. */
	struct text mixed[LOG_FILES] = {early[LOG_AUTH], all[LOG_ACCESS], all[LOG_AUDIT]};
	assert_int_equal(judge(mixed, &anchors, &found), VERIFY_ALTERED);
	assert_non_null(strstr(found.first, "cut off"));
	for (enum log_file i = 0; i < LOG_FILES; i++) {
		text_free(&all[i]);
		text_free(&early[i]);
	}
}

/* The gateway killed at any moment: what is on disk goes on as one chain, no number twice. */
static void test_killed(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 60; n++) {
		int ready[2];
		assert_int_equal(pipe(ready), 0);
		pid_t child = fork();
		if (!child) {
			char why[512];
			struct log *l;
			if (log_open(logs, keys, "gw1", 0, &l, why, sizeof why) < 0 || write(ready[1], "x", 1) != 1)
				_exit(1);
			for (unsigned i = 0;; i++) {
				json_t *e = event_new("login-started", "success", NULL);
				(void)log_write(l, (enum log_file)(i % LOG_FILES), time_now(), e, false);
				if (i % 16 == 15)
					(void)log_reopen(l);
			}
		}
		char byte;
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		close(ready[1]);
		for (unsigned spin = 0; spin < n * 2000; spin++)
			__asm__ volatile("");
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		struct log *l = begin();
		put(l, LOG_AUTH, 1);
		log_close(l);
	}
	verify_files(); /* one chain over all the deaths */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_many_lines_are_sealed_at_once, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_a_stolen_key_reaches_no_older_line, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_found, make_folders, remove_folders),
		cmocka_unit_test_setup_teardown(test_killed, make_folders, remove_folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
