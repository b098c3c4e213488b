/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "common/paths.h"
#include "common/say.h"
#include "common/secret.h"
#include "gateway/control_internal.h"
#include "gateway/event.h"
#include "gateway/channel.h"

enum { CLIENTS_MAX = 64, CLIENT_SECONDS = 30 };

/* One connection: waits for its request, then for room to send what there is to answer. */
struct client {
	struct control *control;
	struct ucred peer;
	int fd;
	sd_event_source *io, *deadline;
	struct exchange exchange; /* answers is NULL until the request has come */
	size_t sent;
	struct client *prev, *next;
};

struct control {
	struct gateway *gateway;
	struct channel_listener *listener;
	struct client *clients;
	unsigned count;
};

/* The least role that may; the one place that says so. */
static const struct verb {
	const char *name;
	enum role least;
	verb_handler handle;
} verbs[] = {
	{"status", ROLE_LOGS, control_status},
	{"device-add", ROLE_ADMIN, control_device_add},
	{"device-import", ROLE_ADMIN, control_device_import},
	{"device-change", ROLE_ADMIN, control_device_change},
	{"device-rotate", ROLE_ADMIN, control_device_rotate},
	{"device-rotate-cancel", ROLE_ADMIN, control_device_rotate_cancel},
	{"device-list", ROLE_DESK, control_device_list},
	{"device-show", ROLE_DESK, control_device_show},
	{"device-suspend", ROLE_DESK, control_device_suspend},
	{"device-resume", ROLE_DESK, control_device_resume}, /* the desk: what the desk has suspended */
	{"device-lost", ROLE_DESK, control_device_lost},
	{"device-report", ROLE_DESK, control_device_report},
	{"user-suspend", ROLE_DESK, control_user_suspend},
	{"user-resume", ROLE_DESK, control_user_resume}, /* likewise */
	{"user-list", ROLE_DESK, control_user_list},
	{"device-revoke", ROLE_ADMIN, control_device_revoke},
	{"session-list", ROLE_DESK, control_session_list},
	{"session-end", ROLE_DESK, control_session_end},
	{"acl-apply", ROLE_ADMIN, control_acl_apply},
	{"acl-explain", ROLE_DESK, control_acl_explain},
	{"acl-history", ROLE_DESK, control_acl_history},
	{"acl-subjects", ROLE_DESK, control_acl_subjects},
	{"reload", ROLE_ADMIN, control_reload},
	{"gateway-key", ROLE_ADMIN, control_gateway_key}, /* root alone */
};

/* ---- answers ---- */

void exchange_row(struct exchange *x, json_t *row)
{
	(void)json_array_append_new(x->answers, json_pack("{s:o}", "row", row));
}

void exchange_end(struct exchange *x, json_t *end)
{
	(void)json_array_append_new(x->answers, json_pack("{s:o}", "end", end));
	x->ended = true;
}

void exchange_error(struct exchange *x, const char *code, const char *hint, const char *format, ...)
{
	char text[1024], safe[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_safe(text, safe, sizeof safe);
	json_array_clear(x->answers);
	(void)json_array_append_new(x->answers, json_pack("{s:s, s:s, s:s}", "error", safe, "hint", hint, "code", code));
	x->ended = true;
}

bool exchange_unpack(struct exchange *x, const char *format, ...)
{
	json_error_t error;
	va_list args;
	va_start(args, format);
	int r = json_vunpack_ex(x->request, &error, JSON_STRICT, format, args);
	va_end(args);
	if (r == 0)
		return true;
	exchange_error(x, "invalid", "use a sekisho command of the gateway's own version", "ill-formed request: %s", error.text);
	return false;
}

/* ---- who may ask ---- */

static void log_denied(struct exchange *x, const char *verb)
{
	json_t *e = event_new("control-denied", "failure", "no-role");
	event_admin(e, &x->by);
	event_text(e, "sekisho.control.verb", verb);
	(void)log_write(x->gateway->log, LOG_AUDIT, time_now(), e, false);
}

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; name && i < sizeof verbs / sizeof *verbs; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

bool exchange_allowed(struct exchange *x, enum role least)
{
	if (x->by.role >= least)
		return true;
	const char *verb = json_string_value(json_object_get(x->request, "verb"));
	log_denied(x, verb_find(verb) ? verb : "unknown");
	exchange_error(x, "denied", "ask an administrator, or to be added by one: usermod -aG GROUP USER, then log in again",
		"%s may not do this: it takes root or group %s%s%s", x->by.name, role_group(least),
		least < ROLE_ADMIN ? " or above; this is role " : "; this is role ", role_name(x->by.role));
	return false;
}

bool exchange_is_root(struct exchange *x)
{
	if (x->by.uid == 0)
		return true;
	log_denied(x, json_string_value(json_object_get(x->request, "verb")));
	exchange_error(x, "denied", "use sudo", "only root may do this, whatever the role");
	return false;
}

static void dispatch(struct exchange *x)
{
	const struct verb *verb = verb_find(json_string_value(json_object_get(x->request, "verb")));
	/* What there is to ask for is nothing for strangers. */
	if (!exchange_allowed(x, verb ? verb->least : ROLE_LOGS))
		return;
	if (!verb) {
		exchange_error(x, "invalid", "use a sekisho command of the gateway's own version", "unknown verb");
		return;
	}
	verb->handle(x);
	if (!x->ended && !x->more)
		exchange_error(x, "failed", "look at the gateway's journal: journalctl -u sekisho-gateway",
			"the gateway gave no answer");
}

/* ---- connections ---- */

static void client_free(struct client *c)
{
	DL_DELETE(c->control->clients, c);
	c->control->count--;
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->deadline);
	close(c->fd);
	json_decref(c->exchange.answers);
	json_decref(c->exchange.request);
	free(c);
}

static int send_one(struct client *c, const json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	size_t size = strlen(text);
	ssize_t n = size <= CONTROL_MAX ? send(c->fd, text, size, MSG_NOSIGNAL) : -1;
	int r = size > CONTROL_MAX ? -EMSGSIZE : n < 0 ? -errno : 0;
	secret_wipe(text, size);
	free(text);
	return r;
}

/* Sends what there is. 1 when that was all, 0 when there is more to come, -errno. */
static int client_send(struct client *c)
{
	struct exchange *x = &c->exchange;
	for (; c->sent < json_array_size(x->answers); c->sent++) {
		int r = send_one(c, json_array_get(x->answers, c->sent));
		if (r < 0)
			return r;
	}
	return x->ended ? 1 : 0;
}

/* The next part of a long answer. */
static void client_more(struct client *c)
{
	struct exchange *x = &c->exchange;
	c->sent = 0;
	json_array_clear(x->answers);
	x->more(x);
}

static bool has_more(const json_t *request)
{
	return json_is_true(json_object_get(request, "more"));
}

/* A further part of a long request: its devices come behind those before. False when it is no such part. */
static bool add_part(struct exchange *x, json_t *part)
{
	json_t *devices = json_object_get(x->request, "devices");
	if (!json_is_array(devices) || json_array_extend(devices, json_object_get(part, "devices")) < 0)
		return false;
	if (!has_more(part))
		(void)json_object_del(x->request, "more");
	return json_array_size(devices) <= CONTROL_IMPORT_MAX;
}

/* Is the request whole, or is it clear already what to say to it? */
static bool take_part(struct exchange *x, json_t *part)
{
	bool good = true;
	if (x->request)
		good = add_part(x, part);
	else
		x->request = json_incref(part);
	json_decref(part);
	if (has_more(x->request) && good && x->by.role == ROLE_ADMIN)
		return false;
	x->answers = json_array();
	if (x->answers && (!json_is_object(x->request) || !good))
		exchange_error(x, "invalid",
			good ? "use a sekisho command of the gateway's own version" : "add fewer devices at once",
			good ? "the request is not one JSON object"
			     : "the request is too long or its parts do not belong together");
	else if (x->answers)
		dispatch(x);
	return true;
}

static int client_receive(struct client *c)
{
	static char text[CONTROL_MAX + 1];
	struct exchange *x = &c->exchange;
	ssize_t n = recv(c->fd, text, sizeof text, MSG_TRUNC);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	if (!x->request)
		x->by = role_of_peer(c->fd, &c->peer);
	json_t *part = n <= CONTROL_MAX ? json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	return take_part(x, part ? part : json_null()) && !x->answers ? -ENOMEM : 0;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct client *c = arg;
	int r = 0;
	(void)source;
	(void)fd;
	(void)events;
	if (!c->exchange.answers)
		r = client_receive(c);
	else if (c->sent == json_array_size(c->exchange.answers))
		client_more(c);
	if (r == 0 && c->exchange.answers)
		r = client_send(c);
	if (r == 0 && !c->exchange.answers)
		return 0; /* the request goes on */
	/* One part a turn of the loop: others are served in between. */
	if (r == 0 || (r == -EAGAIN && c->exchange.answers))
		r = sd_event_source_set_io_events(c->io, EPOLLOUT);
	if (r < 0 || r == 1)
		client_free(c);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	client_free(arg);
	return 0;
}

static void on_accepted(int fd, const struct ucred *peer, void *arg)
{
	struct control *control = arg;
	struct client *c = control->count < CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->control = control;
	c->fd = fd;
	c->peer = *peer;
	c->exchange = (struct exchange){.gateway = control->gateway};
	DL_APPEND(control->clients, c);
	control->count++;
	int r = sd_event_add_io(control->gateway->loop, &c->io, fd, EPOLLIN, on_client, c);
	if (r >= 0)
		r = sd_event_add_time_relative(control->gateway->loop, &c->deadline, CLOCK_BOOTTIME,
			CLIENT_SECONDS * UINT64_C(1000000), 0, on_deadline, c);
	if (r < 0) {
		say_error("cannot serve a control connection: %s", strerror(-r));
		client_free(c);
	}
}

int control_open(struct gateway *g, struct control **out)
{
	struct control *control = calloc(1, sizeof *control);
	if (!control)
		return -ENOMEM;
	control->gateway = g;
	int r = channel_listen(g->loop, PATH_CONTROL_SOCKET, on_accepted, control, &control->listener);
	if (r < 0) {
		free(control);
		return r;
	}
	*out = control;
	return 0;
}

void control_close(struct control *control)
{
	struct client *c, *next;
	if (!control)
		return;
	channel_unlisten(control->listener);
	DL_FOREACH_SAFE(control->clients, c, next)
	{
		client_free(c);
	}
	free(control);
}
