/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/page.h"

#include <stdint.h>

/* The assembler reads the file, from the folder that everything is built in; the Makefile knows that this depends on it. */
__asm__(".section .rodata\n"
	"page_home_icon_start:\n"
	".incbin \"auth/icon.png\"\n"
	"page_home_icon_end:\n"
	".balign 8\n"
	"page_home_icon_size: .quad page_home_icon_end - page_home_icon_start\n"
	".previous\n");
extern const char page_home_icon_start[] __attribute__((visibility("hidden")));
extern const uint64_t page_home_icon_size __attribute__((visibility("hidden")));

const void *page_home_icon(size_t *size)
{
	*size = (size_t)page_home_icon_size;
	return page_home_icon_start;
}
