/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages of a login and of a recheck: who may say what, when, and how often. Four channels of Unix SOCK_SEQPACKET
 * sockets, one message a datagram, its first byte the type:
 *
 *   portal -> gateway  (PATH_PORTAL_SOCKET)   any number of numbered questions, one answer each
 *   portal -> auth     (PATH_AUTH_SOCKET)     one login attempt a connection
 *   auth   -> gateway  (PATH_VERDICT_SOCKET)  one login attempt a connection
 *   gateway -> auth    (PATH_AUTH_SOCKET)     one recheck of a user a connection
 *
 * A message that is unknown, out of turn, too frequent, ill-formed or has a byte too many ends that peer's connection:
 * the receiver closes it. The rules stand in one table (message.c) and are judged by message_turn().
 * Nothing that the portal can say opens a session: the channel has no such word.
 */
#ifndef SEKISHO_MESSAGE_H
#define SEKISHO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/addr.h"
#include "common/text.h"

enum {
	ATTEMPT_SIZE = 16, /* random, made by the gateway, good for one attempt of one device within 60 s */
	ATTEMPT_HEX = 2 * ATTEMPT_SIZE + 1,
	MESSAGE_MAX = 65536, /* bytes of the largest datagram */
	LABEL_MAX = 128, /* bytes of a device's label with its NUL */
	AGENT_MAX = 256, /* bytes of a User-Agent kept */
	PROMPT_MAX = 512, /* bytes of one PAM text with its NUL (PAM_MAX_MSG_SIZE, pam_conv(3)) */
	ANSWER_MAX = 512, /* bytes of one answer with its NUL (PAM_MAX_RESP_SIZE) */
	PROMPTS_MAX = 16, /* texts in one round */
	ROUNDS_MAX = 16, /* rounds with questions in one attempt */
	GROUPS_MAX = 512, /* groups of a user */
	REACH_MAX = 64, /* lines of 'what is open' on the status page */
	REACH_TEXT = 160,
	OWN_MAX = 32, /* devices of one user on the page */
	TERMS_MAX = 16384, /* bytes of the conditions of use in one language, with their NUL */
	TERMS_VERSION_MAX = 64, /* bytes of what they are called, with the NUL */
	TERMS_SHA256 = 32,
};

enum message_type {
	/* portal -> gateway, and its answers */
	PORTAL_WHO = 1, /* who is at this tunnel address, and what is its state? */
	PORTAL_DEVICE,
	PORTAL_ATTEMPT, /* give me an attempt id for this address */
	PORTAL_ATTEMPT_ID,
	PORTAL_LOGOUT, /* the user at this address wants to leave */
	PORTAL_DONE,
	PORTAL_OWN, /* which other devices has the user who is logged in at this address? */
	PORTAL_DEVICES,
	PORTAL_SUSPEND, /* that user says that one of them is lost */
	PORTAL_SUSPENDED,
	/* portal <-> auth */
	AUTH_START = 32, /* portal: attempt id, name, language */
	AUTH_PROMPTS, /* auth: one round of texts and questions */
	AUTH_ANSWERS, /* portal: as many answers as the round had questions */
	AUTH_RESULT, /* auth: the end, in words that give nothing away */
	AUTH_TERMS, /* auth: the login is good, but these conditions of use must be accepted first */
	AUTH_ACCEPT, /* portal: the user has accepted them */
	/* auth <-> gateway */
	VERDICT_BEGIN = 64, /* auth: an attempt starts; answered when a turn is free */
	VERDICT_DEVICE, /* gateway: go on (with PAM_RHOST), or why not */
	VERDICT_PAUSE, /* auth: the user is thinking, somebody else may compute */
	VERDICT_RESUME, /* auth: the answers are here; answered by VERDICT_TURN when a turn is free */
	VERDICT_TURN,
	VERDICT_END, /* auth: what PAM said */
	VERDICT_ACK, /* gateway: what the gateway made of it */
	VERDICT_TERMS, /* gateway: a yes, once the user has accepted these conditions of use */
	VERDICT_ACCEPT, /* auth: the user has; answered by VERDICT_ACK */
	/* gateway <-> auth */
	RECHECK_ASK = 96, /* gateway: may this user, logged in from there, still? */
	RECHECK_RESULT, /* auth: what PAM said, without a password */
};

/* What a login came to. The order is on the wire: append only. login_reason_name() gives the word of the logs. */
enum login_reason {
	LOGIN_OK = 0,
	LOGIN_BAD_CREDENTIALS,
	LOGIN_USER_UNKNOWN,
	LOGIN_ACCOUNT_DENIED,
	LOGIN_ACCOUNT_EXPIRED,
	LOGIN_PASSWORD_EXPIRED,
	LOGIN_MAX_TRIES,
	LOGIN_USER_NOT_ALLOWED,
	LOGIN_DEVICE_IN_USE,
	LOGIN_RATE_LIMITED,
	LOGIN_TIMEOUT,
	LOGIN_ABORTED,
	LOGIN_BACKEND_UNAVAILABLE,
	LOGIN_LOG_FULL,
	LOGIN_INTERNAL_ERROR,
	LOGIN_HOURS, /* outside the permitted hours */
	LOGIN_PERIOD, /* before or after the user's period of use */
	LOGIN_NETWORK, /* from an outer address that the rules do not name */
	LOGIN_SESSION_OVER, /* a renewal came after the end of its session */
	LOGIN_REASONS
};

/* "bad-credentials", ...; "ok" for LOGIN_OK; "internal-error" for anything else. */
const char *login_reason_name(unsigned reason);

/* What the page may show: never which of name, password or permission was wrong. */
enum public_result {
	PUBLIC_GRANTED = 0,
	PUBLIC_FAILED, /* name, password, code or permission: not said which */
	PUBLIC_BUSY, /* try again in a moment */
	PUBLIC_PASSWORD_EXPIRED, /* only after the right password */
	PUBLIC_ACCOUNT_CLOSED, /* only after the right password: account expired or denied */
	PUBLIC_TIMEOUT,
	PUBLIC_UNAVAILABLE, /* the gateway or its user directory has a fault */
	PUBLIC_IN_USE, /* somebody else is logged in on this shared device */
	PUBLIC_HOURS, /* this and the next two: only after the right password */
	PUBLIC_PERIOD,
	PUBLIC_NETWORK,
	PUBLIC_SESSION_OVER, /* only after the right password */
	PUBLIC_RESULTS
};

/* What may be shown for a reason. */
enum public_result login_reason_public(unsigned reason);

/* How PAM_* styles of pam_conv(3) cross the wire. */
enum prompt_style { PROMPT_SECRET = 1, PROMPT_VISIBLE = 2, PROMPT_INFO = 3, PROMPT_ERROR = 4 };

enum device_state {
	STATE_UNKNOWN = 0, /* nobody of ours: show nothing */
	STATE_LOGGED_OUT,
	STATE_LOGGED_IN,
};

/* Has a device several users, and what comes of a login while another one is logged in (shared-login of sekisho.conf)? */
enum device_sharing { SHARING_NONE = 0, SHARING_REFUSE, SHARING_TAKEOVER };

/* Why the last session of a device ended; also the words of `session-ended`. Append only. */
enum session_end {
	END_NONE = 0,
	END_LOGOUT,
	END_IDLE,
	END_EXPIRED,
	END_HOURS,
	END_PERIOD,
	END_KICKED,
	END_SUSPENDED,
	END_DEVICE_LOST,
	END_DEVICE_REVOKED,
	END_ACCOUNT_DISABLED,
	END_ACL_REMOVED,
	END_SUPERSEDED,
	END_NETWORK,
	END_REBOOT, /* the gateway's machine was started anew */
	END_LOG_FULL, /* nothing can be recorded */
	END_KEY, /* the device came with another key, or is to */
	SESSION_ENDS
};
const char *session_end_name(unsigned reason); /* "logout", "idle", ...; "none" */

struct prompt {
	uint8_t style; /* enum prompt_style */
	char text[PROMPT_MAX];
};

/* One line of 'what is open'. */
struct reach {
	char name[REACH_TEXT]; /* the system's name, or "tcp 3389 10.30.5.77" */
	char reason[REACH_TEXT]; /* the rule's, "" for none */
	int64_t until; /* microseconds since the epoch at which the rule lapses; 0 for never */
};

/* A device of the user's, other than the one in hand. */
struct own_device {
	uint32_t id;
	uint8_t suspended; /* 1: it is cut off already */
	uint8_t shared; /* 1: others use it too */
	int64_t seen; /* microseconds since the epoch; 0 for never */
	char label[LABEL_MAX];
};

struct message {
	uint8_t type;
	uint32_t id; /* PORTAL_*: the question's number, repeated in its answer */
	uint8_t result; /* PORTAL_ATTEMPT_ID, PORTAL_DONE, PORTAL_DEVICES, PORTAL_SUSPENDED, VERDICT_DEVICE, VERDICT_END,
			   VERDICT_ACK, RECHECK_RESULT: enum login_reason; AUTH_RESULT: enum public_result */
	int64_t opens; /* PORTAL_DEVICE (logged out), PORTAL_ATTEMPT_ID, VERDICT_ACK, AUTH_RESULT: when a login will be
			  possible again, microseconds since the epoch; 0 when that is not known, or any time */
	struct addr source; /* PORTAL_WHO, PORTAL_ATTEMPT, PORTAL_LOGOUT, PORTAL_OWN, PORTAL_SUSPEND */
	uint32_t device; /* PORTAL_DEVICE, PORTAL_ATTEMPT_ID: whose address it is, 0 for nobody of ours, so that a login goes on
			    over both addresses of a device; PORTAL_SUSPEND: which one is lost */
	uint8_t attempt[ATTEMPT_SIZE]; /* PORTAL_ATTEMPT_ID, AUTH_START, VERDICT_BEGIN */
	char user[USER_NAME_MAX +
		  1]; /* PORTAL_DEVICE, AUTH_START, VERDICT_BEGIN, VERDICT_END (PAM_USER at the end),
			 RECHECK_ASK, RECHECK_RESULT (the one that was asked about): text_name_valid(), or "" for nobody, which is
			 also how the portal hands on what was typed and cannot be a name: such an attempt fails like any other */

	/* PORTAL_DEVICE */
	uint8_t state; /* enum device_state */
	uint8_t last_end; /* enum session_end */
	int64_t expires; /* microseconds since the epoch; 0 for none */
	uint8_t ends_reason; /* enum session_end: why it will end then; END_NONE when not known */
	char label[LABEL_MAX];
	uint32_t idle_seconds; /* without traffic for so long it ends as well; 0 when logged out */
	uint8_t renewal; /* 1: the session can be renewed; VERDICT_DEVICE: ask PAM what a renewal asks */
	uint8_t sharing; /* enum device_sharing */
	uint16_t reach_count; /* what the session may reach, one line each */
	struct reach *reach; /* decoded: points into the message's own memory, see message_decode() */

	/* PORTAL_DEVICES */
	uint8_t own_count;
	struct own_device own[OWN_MAX];

	/* AUTH_START, VERDICT_BEGIN */
	char language[8]; /* "ja" or "en" */
	char tls[16]; /* "1.3" */
	char agent[AGENT_MAX];

	/* AUTH_PROMPTS */
	uint8_t prompt_count;
	struct prompt prompts[PROMPTS_MAX];

	/* AUTH_ANSWERS: secrets; message_free() wipes them */
	uint8_t answer_count;
	char answers[PROMPTS_MAX][ANSWER_MAX];

	/* VERDICT_DEVICE, RECHECK_ASK */
	char rhost[ADDR_TEXT]; /* the outer address, for PAM_RHOST */

	/* VERDICT_END, RECHECK_RESULT */
	char stage[16]; /* "start", "authenticate", "account", "locked" */
	int32_t pam_code;
	uint8_t password_changed; /* VERDICT_END: 1 when the user has set a new password on the way */
	uint16_t group_count;
	char (*groups)[USER_NAME_MAX + 1];

	/* AUTH_TERMS, VERDICT_TERMS */
	char terms_version[TERMS_VERSION_MAX];
	uint8_t terms_sha256[TERMS_SHA256];
	char *terms; /* NULL for ""; decoded: as `reach` */
};

/* An empty message of a type, on the heap (it is large); NULL when out of memory. */
struct message *message_new(enum message_type type);
/* Wipes and frees; NULL is fine. */
void message_free(struct message *m);

/*
 * Encodes into `out` of `size` bytes. Bytes used, or -EMSGSIZE; or -EINVAL for what message_decode() would refuse: an unknown
 * type, a count, style, state or result out of range, a text that is not well-formed UTF-8 or has no NUL within its array (pass
 * foreign text through text_safe() first), a user or group that is not text_name_valid().
 */
ssize_t message_encode(const struct message *m, void *out, size_t size);

/*
 * Decodes one datagram into a new message. 0, -EBADMSG, or -ENOMEM. `reach`, `groups` and `terms` then point behind the struct,
 * within the same allocation; message_free() never frees what a sender let them point at.
 */
int message_decode(const void *data, size_t size, struct message **out);

/*
 * Sends or receives one message on a connected SOCK_SEQPACKET socket, with MSG_NOSIGNAL, buffers wiped after use; a
 * truncated datagram or one with file descriptors is -EBADMSG (none of them is taken in). message_receive: -EPIPE when the peer
 * has gone (an empty datagram looks the same), -EAGAIN on a non-blocking socket with nothing to read. message_send: 0 or -errno.
 */
int message_send(int fd, const struct message *m);
int message_receive(int fd, struct message **out);

/* Which end of which channel a program is. */
enum message_channel { CHANNEL_PORTAL, CHANNEL_AUTH, CHANNEL_VERDICT, CHANNEL_RECHECK, CHANNELS };
enum message_side { SIDE_CLIENT, SIDE_SERVER }; /* the client connected: portal, portal, auth, gateway */

enum { MESSAGE_SHUT = 255 }; /* `last` after a VERDICT_DEVICE that refuses */

/* What has been said on one connection so far. */
struct message_state {
	enum message_channel channel;
	uint8_t last; /* type of the last message, 0 at the start, MESSAGE_SHUT when nothing may follow */
	uint16_t rounds; /* AUTH_PROMPTS with questions, or VERDICT_RESUME, so far: at most ROUNDS_MAX */
	uint8_t asked; /* questions (not informations) in the open round */
};

/*
 * May `from` say `m` now? Advances the state and returns 0; or -EPROTO, and the connection must be closed. On
 * CHANNEL_PORTAL questions may overlap, so only direction and type are judged there.
 */
int message_turn(struct message_state *state, enum message_side from, const struct message *m);

#endif
