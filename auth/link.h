/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The portal's one connection to the gateway: numbered questions, each with one answer or none. When the gateway goes away every
 * open question is told so at once, and the connection is tried again with growing pauses until it is back.
 */
#ifndef SEKISHO_LINK_H
#define SEKISHO_LINK_H

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/addr.h"
#include "common/message.h"

struct link;
struct question;

enum { LINK_ANSWER_SECONDS = 5, LINK_PAUSE_FIRST_MS = 100, LINK_PAUSE_MAX_MS = 3000 };

/* `m` is borrowed for the call; NULL when there will be no answer. The question is gone when this is called. */
typedef void link_answer(const struct message *m, void *arg);

/* `gateway` is the uid that may be at the other end, beside root. 0 or -errno. */
int link_open(sd_event *loop, const char *path, uid_t gateway, struct link **out);
void link_close(struct link *l); /* open questions are answered with NULL */

/*
 * Asks a question of message.h about an address, and about the `device` that PORTAL_SUSPEND names. 0 and the question, whose
 * answer comes later, never within the call; -ENOTCONN while the gateway is away; -errno.
 */
int link_ask(struct link *l, enum message_type type, const struct addr *source, uint32_t device, link_answer *answer, void *arg,
	struct question **out);

/* The asker is no longer interested. NULL is fine. */
void link_forget(struct question *q);

/*
 * Connects to a Unix SOCK_SEQPACKET socket without waiting, and only if its listener runs as root or as `uid`. Returns the
 * descriptor or -errno: -EPERM for another listener, -EAGAIN when its queue is full.
 */
int link_connect(const char *path, uid_t uid);

#endif
