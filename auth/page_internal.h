/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the pages are put together from: shared by page.c (the way in), page_status.c (what one sees inside)
 * and page_other.c (when two share a device). */
#ifndef SEKISHO_PAGE_INTERNAL_H
#define SEKISHO_PAGE_INTERNAL_H

#include "auth/html.h"
#include "auth/page.h"

/* A page under way. */
struct sheet {
	struct html html;
	const struct page_view *view;
};

/* How the gate is drawn beside a page's state: shape and word say the same as the colour. */
enum gate { GATE_SHUT, GATE_OPEN, GATE_FAULT };

/* A text in the page's language. */
const char *sheet_say(const struct sheet *s, enum page_text t);

/* Everything before the page's own content; it shows the first page by itself after `refresh` seconds, if that is not 0. */
void sheet_begin(struct sheet *s, const char *title, int64_t refresh);

/* The gate, its state in words, and the page's heading. */
void sheet_state(struct sheet *s, enum gate gate, enum page_text state, const char *title);

/* One pair of a <dl>; a text in a box, "" for none; a link as a button. */
void sheet_fact(struct sheet *s, enum page_text name, const char *value);
void sheet_box(struct sheet *s, bool bad, const char *text);
void sheet_link(struct sheet *s, enum page_text text, const char *to);

/* What every page of a state must say. */
void sheet_facts(struct sheet *s, const char *open, const char *until, const char *next);

/* The form that asks who wants to log in, with what was wrong with the name before it. */
void sheet_ask_user(struct sheet *s);

/* What the last attempt came to, with what PAM had to say. */
void sheet_notice(struct sheet *s);

/* PAGE_STATUS, PAGE_OTHER and PAGE_DEVICES. */
void page_status(struct sheet *s);
void page_other(struct sheet *s);
void page_devices(struct sheet *s);

#endif
