/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of devices. Whatever is read, written and read again is the same; and what is refused is refused in words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/csv.h"
#include "gateway/cli/device_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *copy(const char *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		abort();
	memcpy(text, data, size);
	return text;
}

/* Every cell of `data`, written; the caller frees. Rows of one empty cell are passed over when reading, so they are not written. */
static char *rewrite(const char *data, size_t size, size_t *written)
{
	struct diag d = diag_new();
	struct csv c;
	char *text = copy(data, size), *out = NULL;
	int got = csv_start(&c, "table", text, size, &d);
	FILE *f = open_memstream(&out, written);
	if (!f)
		abort();
	csv_begin(f);
	while (!got && (got = csv_next(&c, &d)) > 0) {
		for (size_t i = 0; i < c.count; i++)
			csv_put(f, c.cells[i].text, i + 1 == c.count);
		got = 0;
	}
	fclose(f);
	if ((got < 0) != d.failed)
		abort();
	if (got < 0) {
		free(out);
		out = NULL;
	}
	free(text);
	diag_free(&d);
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t first_size, second_size;
	char *first = rewrite((const char *)data, size, &first_size);
	if (first) {
		char *second = rewrite(first, first_size, &second_size);
		if (!second || first_size != second_size || memcmp(first, second, first_size) != 0)
			abort();
		free(second);
	}
	free(first);

	struct diag d = diag_new();
	char *text = copy((const char *)data, size);
	json_t *devices = device_csv_read("table", text, size, size ? data[size - 1] : 0, &d);
	if (!devices != d.failed)
		abort();
	json_decref(devices);
	free(text);
	diag_free(&d);
	return 0;
}
