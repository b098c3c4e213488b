/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/wire.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/text.h"

struct wire_out wire_out(void *data, size_t size)
{
	return (struct wire_out){.data = data, .size = size};
}

struct wire_in wire_in(const void *data, size_t size)
{
	return (struct wire_in){.data = data, .left = size};
}

void wire_put_bytes(struct wire_out *w, const void *data, size_t size)
{
	if (w->failed || size > w->size - w->used) {
		w->failed = true;
		return;
	}
	if (size)
		memcpy(w->data + w->used, data, size);
	w->used += size;
}

static void put_number(struct wire_out *w, uint64_t v, size_t size)
{
	uint8_t bytes[8];
	for (size_t i = size; i-- > 0; v >>= 8)
		bytes[i] = (uint8_t)v;
	wire_put_bytes(w, bytes, size);
}

void wire_put_u8(struct wire_out *w, uint8_t v)
{
	put_number(w, v, 1);
}

void wire_put_u16(struct wire_out *w, uint16_t v)
{
	put_number(w, v, 2);
}

void wire_put_u32(struct wire_out *w, uint32_t v)
{
	put_number(w, v, 4);
}

void wire_put_u64(struct wire_out *w, uint64_t v)
{
	put_number(w, v, 8);
}

void wire_put_text(struct wire_out *w, const char *text)
{
	size_t size = text ? strlen(text) : 0;
	if (size > UINT16_MAX) {
		w->failed = true;
		return;
	}
	wire_put_u16(w, (uint16_t)size);
	wire_put_bytes(w, text, size);
}

void wire_put_addr(struct wire_out *w, const struct addr *a)
{
	wire_put_u8(w, a->family);
	wire_put_bytes(w, a->bytes, addr_size(a));
}

void wire_get_bytes(struct wire_in *r, void *out, size_t size)
{
	if (r->failed || size > r->left) {
		r->failed = true;
		if (size)
			memset(out, 0, size);
		return;
	}
	if (size)
		memcpy(out, r->data, size);
	r->data += size;
	r->left -= size;
}

static uint64_t get_number(struct wire_in *r, size_t size)
{
	uint8_t bytes[8];
	uint64_t v = 0;
	wire_get_bytes(r, bytes, size);
	for (size_t i = 0; i < size; i++)
		v = v << 8 | bytes[i];
	return v;
}

uint8_t wire_get_u8(struct wire_in *r)
{
	return (uint8_t)get_number(r, 1);
}

uint16_t wire_get_u16(struct wire_in *r)
{
	return (uint16_t)get_number(r, 2);
}

uint32_t wire_get_u32(struct wire_in *r)
{
	return (uint32_t)get_number(r, 4);
}

uint64_t wire_get_u64(struct wire_in *r)
{
	return get_number(r, 8);
}

void wire_get_text(struct wire_in *r, char *out, size_t size)
{
	size_t length = wire_get_u16(r);
	if (r->failed || length >= size || length > r->left || !text_utf8_valid((const char *)r->data, length)) {
		r->failed = true;
		if (size)
			out[0] = '\0';
		return;
	}
	wire_get_bytes(r, out, length);
	out[length] = '\0';
}

void wire_get_addr(struct wire_in *r, struct addr *out)
{
	struct addr sent = {.family = wire_get_u8(r)}, known = {0}, none = {0};
	size_t size = addr_size(&sent);
	wire_get_bytes(r, sent.bytes, size);
	/* A mapped address would be a second form of the same one: nobody of ours writes it. */
	if (size && (addr_from_bytes(sent.bytes, size, &known) < 0 || !addr_equal(&known, &sent)))
		r->failed = true;
	if (!size && sent.family != 0)
		r->failed = true;
	*out = r->failed ? none : known;
}

int wire_out_end(const struct wire_out *w)
{
	return w->failed || w->used > INT_MAX ? -EMSGSIZE : (int)w->used;
}

int wire_in_end(const struct wire_in *r)
{
	return r->failed || r->left ? -EBADMSG : 0;
}
