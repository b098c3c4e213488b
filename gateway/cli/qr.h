/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QR codes (ISO/IEC 18004) of a configuration: for a terminal, as PNG (ISO/IEC 15948) and as SVG. Each is drawn dark on light
 * with the quiet zone of four modules that the standard asks for. What is drawn holds a private key: memory is wiped.
 */
#ifndef SEKISHO_QR_H
#define SEKISHO_QR_H

#include <stddef.h>
#include <stdio.h>

enum {
	QR_QUIET = 4,	      /* modules around the code */
	QR_PIXELS = 8,	      /* width of a module in a PNG */
	QR_MODULES_MAX = 177, /* a version 40 code */
};

struct qr {
	unsigned size;					     /* modules on a side, without the quiet zone */
	unsigned char dark[QR_MODULES_MAX * QR_MODULES_MAX]; /* 1 or 0, row by row */
};

/* Encodes the text at error correction level L in the smallest version that holds it. 0, -ERANGE when it is too long (2,953
 * bytes), -ENOMEM. The caller frees it with qr_free(). */
int qr_encode(const char *text, struct qr **out);
void qr_free(struct qr *q); /* NULL is fine */

/* Columns that qr_terminal() needs; it takes half as many lines. */
unsigned qr_columns(const struct qr *q);

/* UTF-8 half blocks, two modules a character, with colours fixed by ECMA-48 SGR sequences so that the code is dark on light
 * whatever the terminal's own colours are. Errors stay in `to` for ferror(3). */
void qr_terminal(const struct qr *q, FILE *to);

/* 8-bit greyscale PNG. 0, -ENOMEM, or -EIO when libpng or the disk fails. */
int qr_png(const struct qr *q, FILE *to);

/* One path of unit squares. Errors stay in `to`. */
void qr_svg(const struct qr *q, FILE *to);

#endif
