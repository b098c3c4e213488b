/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/page.h"

/* The assembler reads the file, from the folder that everything is built in; the Makefile knows that this depends on it. */
__asm__(".section .rodata\n"
	"page_home_icon_start:\n"
	".incbin \"auth/icon.png\"\n"
	"page_home_icon_end:\n"
	".previous\n");
extern const char page_home_icon_start[] __attribute__((visibility("hidden")));
extern const char page_home_icon_end[] __attribute__((visibility("hidden")));

const void *page_home_icon(size_t *size)
{
	*size = (size_t)(page_home_icon_end - page_home_icon_start);
	return page_home_icon_start;
}
