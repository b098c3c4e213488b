/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bounded encoding of plain values into one datagram and back. Integers are big-endian; a string is a 16-bit length and
 * that many bytes. Errors are sticky: after one value does not fit (or does not parse) every later call is a no-op, so a
 * caller writes or reads a whole message and asks once at its end.
 */
#ifndef SEKISHO_WIRE_H
#define SEKISHO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct wire_out {
	uint8_t *data;
	size_t size, used;
	bool failed;
};

struct wire_in {
	const uint8_t *data;
	size_t left;
	bool failed;
};

struct wire_out wire_out(void *data, size_t size);
struct wire_in wire_in(const void *data, size_t size);

void wire_put_u8(struct wire_out *w, uint8_t v);
void wire_put_u16(struct wire_out *w, uint16_t v);
void wire_put_u32(struct wire_out *w, uint32_t v);
void wire_put_u64(struct wire_out *w, uint64_t v);
void wire_put_bytes(struct wire_out *w, const void *data, size_t size); /* no length on the wire */
void wire_put_text(struct wire_out *w, const char *text); /* 16-bit length; NULL is written as "" */
void wire_put_addr(struct wire_out *w, const struct addr *a);

uint8_t wire_get_u8(struct wire_in *r);
uint16_t wire_get_u16(struct wire_in *r);
uint32_t wire_get_u32(struct wire_in *r);
uint64_t wire_get_u64(struct wire_in *r);
void wire_get_bytes(struct wire_in *r, void *out, size_t size); /* zeros on failure */
/* Copies a string with its NUL into `out` of `size` bytes. Fails on an inner NUL, on a length >= size, and on text that
 * is not well-formed UTF-8; `out` is then "". */
void wire_get_text(struct wire_in *r, char *out, size_t size);
void wire_get_addr(struct wire_in *r, struct addr *out); /* fails on a family that is not 0, 4 or 6, and on IPv4-mapped IPv6 */

/* Bytes written, or -EMSGSIZE when something did not fit. */
int wire_out_end(const struct wire_out *w);

/* 0, or -EBADMSG when something did not parse or a byte is left over. */
int wire_in_end(const struct wire_in *r);

#endif
