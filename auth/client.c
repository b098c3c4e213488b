/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/client.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "common/secret.h"
#include "common/text.h"

enum phase { HANDSHAKE, READING, WAITING, WRITING, LINGERING };

enum { LINGER_BYTES = 65536 };

/* What a step of a phase came to. */
enum step { GO_ON, BLOCKED, OVER };

struct client {
	struct client *prev, *next;
	struct clients *set;
	int fd;
	SSL *ssl;
	sd_event_source *io, *deadline;
	struct addr source;
	enum phase phase;
	unsigned requests;

	char in[HTTP_HEAD_MAX + HTTP_BODY_MAX];
	size_t used, scanned;
	size_t head; /* length of the complete head in `in`, 0 before */
	struct http_request request;

	char *out;
	size_t out_size, out_done;
	bool close; /* after this answer */
	size_t lingered;
	bool overdue; /* the deadline of the present phase has passed */
	int64_t idle_since; /* CLOCK_BOOTTIME microseconds: between two requests; 0: not */

	void (*gone)(struct client *c, void *arg);
	void *gone_arg;
};

static void client_free(struct client *c)
{
	if (c->phase == WAITING && c->gone)
		c->gone(c, c->gone_arg);
	DL_DELETE(c->set->list, c);
	c->set->count--;
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->deadline);
	SSL_free(c->ssl);
	close(c->fd);
	free(c->out);
	secret_wipe(c->in, sizeof c->in);
	free(c);
}

static void set_deadline(struct client *c, unsigned seconds)
{
	c->overdue = false;
	sd_event_source_set_time_relative(c->deadline, (uint64_t)seconds * 1000000);
	sd_event_source_set_enabled(c->deadline, seconds ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static enum step wait_for(struct client *c, uint32_t events)
{
	return sd_event_source_set_io_events(c->io, events) < 0 ? OVER : BLOCKED;
}

/* After an OpenSSL call that did not succeed. */
static enum step tls_wait(struct client *c, int result)
{
	switch (SSL_get_error(c->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(c, EPOLLIN);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(c, EPOLLOUT);
	default:
		ERR_clear_error();
		return OVER;
	}
}

static enum step do_handshake(struct client *c)
{
	ERR_clear_error();
	int n = SSL_accept(c->ssl);
	if (n != 1)
		return tls_wait(c, n);
	c->phase = READING;
	set_deadline(c, CLIENT_HEAD_SECONDS);
	return GO_ON;
}

static void refuse(struct client *c, unsigned status)
{
	c->close = true;
	c->phase = WAITING;
	memset(&c->request, 0, sizeof c->request);
	c->set->refused(c, status, c->set->arg);
	assert(c->phase == WRITING);
}

/* Judges what has been received. GO_ON when the phase has changed, BLOCKED when more is needed. */
static enum step digest(struct client *c)
{
	if (!c->head) {
		ssize_t n = http_head_end(c->in, c->used, &c->scanned);
		unsigned status = n < 0 ? (n == -EMSGSIZE ? 431 : 400) : 0;
		if (!n)
			return BLOCKED;
		if (!status)
			status = http_parse(c->in, (size_t)n, &c->request);
		if (status) {
			refuse(c, status);
			return GO_ON;
		}
		c->head = (size_t)n;
		if (c->used < c->head + c->request.content_length)
			set_deadline(c, CLIENT_BODY_SECONDS);
	}
	if (c->used < c->head + c->request.content_length)
		return BLOCKED;
	c->request.body = c->in + c->head;
	c->close = c->request.close || ++c->requests >= CLIENT_REQUESTS_MAX;
	c->phase = WAITING;
	set_deadline(c, 0);
	c->gone = NULL;
	c->set->request(c, &c->request, c->set->arg);
	assert(c->phase == WRITING || c->gone);
	return GO_ON;
}

static enum step do_read(struct client *c)
{
	size_t n = 0;

	if (c->used && digest(c) == GO_ON)
		return GO_ON;
	/* http_head_end() and the limit on bodies leave room here. */
	assert(c->used < sizeof c->in);
	ERR_clear_error();
	int result = SSL_read_ex(c->ssl, c->in + c->used, sizeof c->in - c->used, &n);
	if (result != 1)
		return tls_wait(c, result);
	if (!c->used && c->requests)
		set_deadline(c, CLIENT_HEAD_SECONDS);
	c->idle_since = 0;
	c->used += n;
	return GO_ON;
}

/* The answer is out: on to the next request, whose beginning may have come already. */
static void next_request(struct client *c)
{
	size_t done = c->head + c->request.content_length;

	free(c->out);
	c->out = NULL;
	c->used -= done;
	memmove(c->in, c->in + done, c->used);
	secret_wipe(c->in + c->used, done);
	c->head = c->scanned = 0;
	c->phase = READING;
	c->idle_since = c->used ? 0 : time_boot();
	set_deadline(c, c->used ? CLIENT_HEAD_SECONDS : CLIENT_IDLE_SECONDS);
}

static enum step do_write(struct client *c)
{
	size_t n = 0;

	while (c->out_done < c->out_size) {
		ERR_clear_error();
		int result = SSL_write_ex(c->ssl, c->out + c->out_done, c->out_size - c->out_done, &n);
		if (result != 1)
			return tls_wait(c, result);
		c->out_done += n;
	}
	if (!c->close) {
		next_request(c);
		return GO_ON;
	}
	SSL_shutdown(c->ssl);
	ERR_clear_error();
	shutdown(c->fd, SHUT_WR);
	c->phase = LINGERING;
	set_deadline(c, CLIENT_LINGER_SECONDS);
	return GO_ON;
}

/* Closing with unread input resets the connection, and the browser may never see the answer: read and forget. */
static enum step do_linger(struct client *c)
{
	char scrap[4096];
	ssize_t n = recv(c->fd, scrap, sizeof scrap, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return wait_for(c, EPOLLIN);
	if (n <= 0)
		return OVER;
	c->lingered += (size_t)n;
	return c->lingered > LINGER_BYTES ? OVER : GO_ON;
}

static enum step do_phase(struct client *c)
{
	switch (c->phase) {
	case HANDSHAKE:
		return do_handshake(c);
	case READING:
		return do_read(c);
	case WAITING:
		return wait_for(c, EPOLLRDHUP);
	case WRITING:
		return do_write(c);
	case LINGERING:
		return do_linger(c);
	}
	return OVER;
}

static enum step do_all(struct client *c)
{
	enum step step = GO_ON;

	while (step == GO_ON)
		step = do_phase(c);
	return step;
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct client *c = arg;
	bool gone = (events & (EPOLLERR | EPOLLHUP)) || (c->phase == WAITING && (events & EPOLLRDHUP));

	(void)s, (void)fd;
	if (gone || do_all(c) == OVER)
		client_free(c);
	return 0;
}

/* What has come in time counts, also when it is this process that is late to look: only then a phase may have ended. */
static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct client *c = arg;

	(void)s, (void)usec;
	c->overdue = true;
	if (do_all(c) == OVER || c->overdue)
		client_free(c);
	return 0;
}

static unsigned count_source(const struct clients *set, const struct addr *source)
{
	const struct client *c;
	unsigned n = 0;

	for (c = set->list; c; c = c->next)
		n += addr_equal(&c->source, source);
	return n;
}

/* A connection kept for a next request may be closed at any time (RFC 9112, 9.5): the one that has been idle longest makes room.
 */
static void make_room(struct clients *set)
{
	struct client *c, *oldest = NULL;

	DL_FOREACH(set->list, c)
	{
		if (c->idle_since && (!oldest || c->idle_since < oldest->idle_since))
			oldest = c;
	}
	if (oldest)
		client_free(oldest);
}

int client_open(struct clients *set, int fd, const struct addr *source)
{
	struct client *c = NULL;
	int err = -EBUSY;

	if (set->count >= CLIENTS_MAX)
		make_room(set);
	if (set->count >= CLIENTS_MAX || count_source(set, source) >= CLIENTS_PER_SOURCE)
		goto fail;
	err = -ENOMEM;
	c = calloc(1, sizeof *c);
	if (!c)
		goto fail;
	c->ssl = SSL_new(set->tls);
	if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1)
		goto fail;
	err = sd_event_add_io(set->loop, &c->io, fd, EPOLLIN, on_io, c);
	if (err < 0)
		goto fail;
	err = sd_event_add_time_relative(
		set->loop, &c->deadline, CLOCK_BOOTTIME, CLIENT_HANDSHAKE_SECONDS * UINT64_C(1000000), 0, on_deadline, c);
	if (err < 0)
		goto fail;
	c->set = set;
	c->fd = fd;
	c->source = *source;
	DL_PREPEND(set->list, c);
	set->count++;
	return 0;
fail:
	if (c) {
		sd_event_source_disable_unref(c->io);
		SSL_free(c->ssl);
		free(c);
	}
	close(fd);
	return err;
}

void clients_close(struct clients *set)
{
	for (struct client *c = set->list, *next; c; c = next) {
		next = c->next;
		client_free(c);
	}
}

const struct addr *client_source(const struct client *c)
{
	return &c->source;
}

const struct http_request *client_request(const struct client *c)
{
	return &c->request;
}

void client_wait(struct client *c, void (*gone)(struct client *c, void *arg), void *arg)
{
	assert(c->phase == WAITING && gone);
	c->gone = gone;
	c->gone_arg = arg;
	c->request.body = NULL;
	secret_wipe(c->in + c->head, c->request.content_length);
}

void client_reply(struct client *c, const struct http_reply *reply, char *body)
{
	struct http_reply r = *reply;
	char head[HTTP_REPLY_HEAD_MAX];
	size_t body_size = c->request.method == HTTP_HEAD ? 0 : r.length;

	assert(c->phase == WAITING);
	r.close |= c->close;
	ssize_t n = http_reply_head(&r, time_now() / 1000000, head, sizeof head);
	c->phase = WRITING;
	c->close = r.close;
	c->gone = NULL;
	c->out_done = c->out_size = 0;
	c->out = n < 0 ? NULL : malloc((size_t)n + body_size);
	if (c->out) {
		memcpy(c->out, head, (size_t)n);
		if (body_size)
			memcpy(c->out + n, body, body_size);
		c->out_size = (size_t)n + body_size;
	} else {
		c->close = true; /* out of memory: nothing to say */
	}
	free(body);
	set_deadline(c, CLIENT_WRITE_SECONDS);
	/* When this is called from elsewhere than the request's own step, the loop goes on with the next event. */
	sd_event_source_set_io_events(c->io, EPOLLOUT);
}
