/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target over files and folders given on the command line, without a fuzzer: for replaying corpora with any
 * compiler. Ends with "N passed, 0 failed"; a crash is the failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		exit(1);
	}
	size_t capacity = 1 << 20;
	uint8_t *data = malloc(capacity);
	if (!data)
		exit(1);
	size_t size = fread(data, 1, capacity, f);
	fclose(f);
	/* An exact copy, so that a sanitizer sees a read past the end. */
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		exit(1);
	for (size_t i = 0; i < size; i++)
		exact[i] = data[i];
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	replayed++;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st) < 0) {
			perror(argv[i]);
			return 1;
		}
		if (!S_ISDIR(st.st_mode)) {
			replay_file(argv[i]);
			continue;
		}
		struct dirent **names;
		int n = scandir(argv[i], &names, NULL, alphasort);
		for (int j = 0; j < n; j++) {
			char path[4096];
			snprintf(path, sizeof path, "%s/%s", argv[i], names[j]->d_name);
			if (names[j]->d_name[0] != '.')
				replay_file(path);
			free(names[j]);
		}
		if (n >= 0)
			free(names);
	}
	printf("%u passed, 0 failed\n", replayed);
	return replayed ? 0 : 1;
}
