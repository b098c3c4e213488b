/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PAM module says and asks (pam_conv(3)), carried to the user's browser and back: any number of rounds up to ROUNDS_MAX.
 * Texts without a question wait for the next round, or for the result. While the user thinks, the gateway may give the turn to
 * somebody else.
 */
#ifndef SEKISHO_CONVERSATION_H
#define SEKISHO_CONVERSATION_H

#include <stdbool.h>
#include <security/pam_appl.h>

#include "auth/talk.h"

struct conversation {
	struct talk *talk;
	struct message *pending; /* AUTH_PROMPTS being collected, or NULL */
	bool broken; /* nobody answers any more: whatever PAM now says, the attempt was aborted */
};

/* The function of a struct pam_conv whose appdata_ptr is a struct conversation. `responses` may be NULL when nothing is asked. */
int conversation_ask(int count, const struct pam_message **messages, struct pam_response **responses, void *conversation);

/* The same where nobody is to be asked: texts are dropped, a question is PAM_CONV_ERR and said. `conversation` is not used. */
int conversation_mute(int count, const struct pam_message **messages, struct pam_response **responses, void *conversation);

/* Sends texts that no question came for. 0 or -errno. */
int conversation_flush(struct conversation *c);

/* Wipes and frees what is left. */
void conversation_end(struct conversation *c);

#endif
