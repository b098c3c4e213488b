/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/qr.h"

#include <errno.h>
#include <png.h>
#include <qrencode.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/secret.h"

/* Colours 16 and 231 of the 256-colour palette: the two that themes leave alone. */
#define COLOURS_ON "\033[38;5;16;48;5;231m"
#define COLOURS_OFF "\033[0m"

int qr_encode(const char *text, struct qr **out)
{
	int error = 0;
	struct qr *q = calloc(1, sizeof *q);
	QRcode *code = q ? QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L) : NULL;
	if (!code) {
		error = q && errno == ERANGE ? -ERANGE : -ENOMEM;
		free(q);
		return error;
	}
	q->size = (unsigned)code->width;
	size_t modules = (size_t)q->size * q->size;
	for (size_t i = 0; i < modules; i++)
		q->dark[i] = code->data[i] & 1;
	secret_wipe(code->data, modules);
	QRcode_free(code);
	*out = q;
	return 0;
}

void qr_free(struct qr *q)
{
	if (!q)
		return;
	secret_wipe(q, sizeof *q);
	free(q);
}

unsigned qr_columns(const struct qr *q)
{
	return q->size + 2 * QR_QUIET;
}

/* Counts from the corner of the quiet zone. */
static bool dark(const struct qr *q, unsigned x, unsigned y)
{
	if (x < QR_QUIET || y < QR_QUIET || x - QR_QUIET >= q->size || y - QR_QUIET >= q->size)
		return false;
	return q->dark[(y - QR_QUIET) * q->size + x - QR_QUIET];
}

void qr_terminal(const struct qr *q, FILE *to)
{
	static const char *const blocks[] = {" ", "▀", "▄", "█"};
	unsigned side = qr_columns(q);
	for (unsigned y = 0; y < side; y += 2) {
		fputs(COLOURS_ON, to);
		for (unsigned x = 0; x < side; x++)
			fputs(blocks[dark(q, x, y) + 2 * dark(q, x, y + 1)], to);
		fputs(COLOURS_OFF "\n", to);
	}
}

int qr_png(const struct qr *q, FILE *to)
{
	unsigned side = qr_columns(q) * QR_PIXELS;
	size_t size = (size_t)side * side;
	unsigned char *pixels = malloc(size);
	if (!pixels)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++) {
		unsigned x = (unsigned)(i % side), y = (unsigned)(i / side);
		pixels[i] = dark(q, x / QR_PIXELS, y / QR_PIXELS) ? 0 : 255;
	}
	png_image image = {.version = PNG_IMAGE_VERSION, .width = side, .height = side, .format = PNG_FORMAT_GRAY};
	int done = png_image_write_to_stdio(&image, to, 0, pixels, 0, NULL);
	png_image_free(&image);
	secret_wipe(pixels, size);
	free(pixels);
	return done ? 0 : -EIO;
}

void qr_svg(const struct qr *q, FILE *to)
{
	unsigned side = qr_columns(q);
	fprintf(to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\" "
		"shape-rendering=\"crispEdges\">\n<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n<path fill=\"#000\" d=\"",
		side, side, side * QR_PIXELS, side * QR_PIXELS, side, side);
	for (unsigned y = 0; y < side; y++)
		for (unsigned x = 0; x < side; x++)
			if (dark(q, x, y))
				fprintf(to, "M%u %uh1v1h-1z", x, y);
	fputs("\"/>\n</svg>\n", to);
}
