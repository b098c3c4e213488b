/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two connections of one login attempt: to the portal, which asked for it, and to the gateway, which judges it. Whoever is at
 * their other ends is checked by the kernel's word (SO_PEERCRED, unix(7)), and each message by the table of turns. Waiting for
 * one side always notices that the other has left.
 */
#ifndef SEKISHO_TALK_H
#define SEKISHO_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/message.h"

struct talk {
	int portal, gateway; /* -1 for none */
	struct message_state portal_state, gateway_state;
	int64_t since; /* CLOCK_BOOTTIME of the start or of the last answer, microseconds */
	bool reading; /* the user has been shown conditions of use */
	bool portal_gone, gateway_gone; /* hung up, or broke the rules */
};

enum talk_peer { PEER_PORTAL, PEER_GATEWAY };

/* Who is at the other end of a connected socket, which is made blocking. 0; -EPERM when it is neither USER_PORTAL, which may only
 * log in, nor USER_GATEWAY, which may only recheck; -ESRCH when there are no such users; both are said. */
int talk_who(int fd, enum talk_peer *out);

/* Takes over a connected socket whose peer is PEER_PORTAL. */
void talk_open(struct talk *t, int portal);

/* Connects to PATH_VERDICT_SOCKET. 0; -EPERM when neither USER_GATEWAY nor root listens there; or -errno; all are said. */
int talk_reach_gateway(struct talk *t);

/* Sends a message to the side that its type belongs to, and frees it in any case; NULL (from message_new()) is -ENOMEM.
 * 0; -EPROTO when it is not its turn, and nothing is sent; another -errno after which that side is gone. */
int talk_send(struct talk *t, struct message *m);

/* Waits for the next message of CHANNEL_AUTH or CHANNEL_VERDICT. 0; -EPIPE when either side has left; another -errno after
 * which the sender is gone. The caller frees the message. */
int talk_receive(struct talk *t, enum message_channel channel, struct message **out);

/* Is the portal still at its end? */
bool talk_portal_here(struct talk *t);

/* Waits until CLOCK_BOOTTIME is `until` microseconds. 0, or -EPIPE as soon as the portal has left. */
int talk_hold(struct talk *t, int64_t until);

void talk_close(struct talk *t);

#endif
