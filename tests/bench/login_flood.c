/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many phones that log in at once, in one process: the pages' real conversation over TLS 1.3, each from its own address, with one
 * connection a phone as browsers keep it. It does what a browser would: follows redirections, reloads where a page says so, tries
 * again after Retry-After, and connects anew when its idle connection has been closed.
 *
 *   login_flood ADDRESS PORT HOST RATE SECONDS [handshakes]
 *
 * Standard input has a line for each login, `SOURCE USER PASSWORD`, begun in this order, RATE of them a second (0: at once), and
 * each given SECONDS. Standard output gets a line for each as it ends: number, result, and microseconds since the start when it
 * asked for the login, when it sent the password, and when it saw the result; then requests made, and waits it was told. The
 * result is `in`, `refused`, `closed` (the portal hung up in the middle), `timeout` or `fault`. The last line is `cpu` with the
 * microseconds of processor time that all this took. With `handshakes` nothing is asked after the TLS handshake.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/text.h"

enum { ANSWER_BYTES = 65536, REQUEST_BYTES = 2048, NAME_BYTES = 64, TICK_MS = 20, EVENTS = 256, LINE_BYTES = 256 };
static const int64_t SECOND = 1000000;

enum step { GET_HOME, POST_LOGIN, GET_ROUND, GET_TURN, POST_ANSWER };
enum phase { UNBORN, CONNECTING, SHAKING, SENDING, READING, RESTING, GONE };

struct phone {
	unsigned number;
	char source[INET_ADDRSTRLEN], user[NAME_BYTES], password[NAME_BYTES];
	enum step step;
	enum phase phase;
	int fd;
	SSL *ssl;
	bool fresh; /* nothing has been asked on this connection yet */
	char request[REQUEST_BYTES];
	size_t request_size;
	char *answer;
	size_t answer_size;
	char token[NAME_BYTES], round[NAME_BYTES];
	int64_t wake, began, arrived, answered;
	unsigned requests, waits;
};

static struct {
	struct sockaddr_in portal;
	const char *host;
	double rate;
	int64_t seconds, start;
	bool handshakes;
	SSL_CTX *tls;
	int epoll;
	struct phone *phones;
	unsigned count, born, over;
} flood;

static int64_t now(void)
{
	return time_boot() - flood.start;
}

static void hang_up(struct phone *p)
{
	SSL_free(p->ssl);
	p->ssl = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void finish(struct phone *p, const char *result)
{
	hang_up(p);
	free(p->answer);
	p->answer = NULL;
	p->phase = GONE;
	flood.over++;
	printf("%u %s %" PRId64 " %" PRId64 " %" PRId64 " %u %u\n", p->number, result, p->arrived, p->answered, now(),
		p->requests, p->waits);
}

static void watch(struct phone *p, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = p};
	epoll_ctl(flood.epoll, EPOLL_CTL_MOD, p->fd, &e);
}

static void call(struct phone *p)
{
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = p};
	struct sockaddr_in from = {.sin_family = AF_INET};
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (inet_pton(AF_INET, p->source, &from.sin_addr) != 1 || p->fd < 0 ||
		bind(p->fd, (struct sockaddr *)&from, sizeof from) < 0 || epoll_ctl(flood.epoll, EPOLL_CTL_ADD, p->fd, &e) < 0 ||
		(connect(p->fd, (struct sockaddr *)&flood.portal, sizeof flood.portal) < 0 && errno != EINPROGRESS)) {
		perror(p->source);
		finish(p, "fault");
		return;
	}
	p->fresh = true;
	p->phase = CONNECTING;
}

static void ask(struct phone *p)
{
	static const char *const paths[] = {
		[GET_HOME] = "/", [POST_LOGIN] = "/login", [GET_ROUND] = "/", [GET_TURN] = "/turn", [POST_ANSWER] = "/answer"};
	char body[512] = "", more[256] = "";
	bool post = p->step == POST_LOGIN || p->step == POST_ANSWER;
	if (p->step == POST_LOGIN)
		snprintf(body, sizeof body, "user=%s", p->user);
	if (p->step == POST_ANSWER)
		snprintf(body, sizeof body, "attempt=%s&round=%s&a0=%s", p->token, p->round, p->password);
	if (post)
		snprintf(more, sizeof more,
			"Origin: https://%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n",
			flood.host, strlen(body));
	p->request_size = (size_t)snprintf(p->request, sizeof p->request,
		"%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: login_flood\r\nAccept-Language: en\r\n%s\r\n%s", post ? "POST" : "GET",
		paths[p->step], flood.host, more, body);
	p->answer_size = 0;
	p->requests++;
	p->phase = SENDING;
}

static void rest(struct phone *p, int64_t pause)
{
	p->phase = RESTING;
	p->wake = now() + pause;
	p->waits++;
	watch(p, EPOLLRDHUP);
}

/* The value of the hidden field `name`, as our page writes it. */
static bool field(const char *page, const char *name, char out[static NAME_BYTES])
{
	char start[NAME_BYTES];
	snprintf(start, sizeof start, "name=\"%s\" value=\"", name);
	const char *at = strstr(page, start);
	size_t size = at ? strcspn(at + strlen(start), "\"") : 0;
	if (!at || !size || size >= NAME_BYTES)
		return false;
	memcpy(out, at + strlen(start), size);
	out[size] = '\0';
	return true;
}

static void next(struct phone *p, enum step step)
{
	p->step = step;
	ask(p);
}

/* The page at "/" says where this login is. */
static void take_page(struct phone *p)
{
	const char *page = p->answer, *refresh = strstr(page, "http-equiv=\"refresh\" content=\"");
	if (strstr(page, "action=\"/logout\"")) {
		finish(p, "in");
	} else if (strstr(page, "action=\"/answer\"")) {
		p->answered = now();
		if (field(page, "attempt", p->token) && field(page, "round", p->round))
			next(p, POST_ANSWER);
		else
			finish(p, "fault");
	} else if (!strstr(page, "action=\"/login\"") && refresh) {
		if (strstr(refresh, ";url=/turn\""))
			p->step = GET_TURN;
		rest(p, strtol(refresh + strlen("http-equiv=\"refresh\" content=\""), NULL, 10) * SECOND);
	} else if (p->step == GET_HOME && strstr(page, "action=\"/login\"")) {
		p->arrived = now();
		next(p, POST_LOGIN);
	} else {
		finish(p, "refused");
	}
}

static void take_answer(struct phone *p, unsigned status)
{
	const char *retry = strstr(p->answer, "Retry-After: ");
	p->fresh = false;
	if (status == 303)
		next(p, GET_ROUND);
	else if (status == 200)
		take_page(p);
	else if (status == 503 && retry) {
		p->step = GET_HOME;
		rest(p, strtol(retry + strlen("Retry-After: "), NULL, 10) * SECOND);
	} else {
		fprintf(stderr, "phone %u: status %u\n", p->number, status);
		finish(p, "fault");
	}
}

/* The portal has closed: between two requests it may, and whoever asks then connects anew; a question without answer is lost. */
static void closed(struct phone *p)
{
	bool lost = p->phase != RESTING && (p->fresh || p->answer_size);
	ERR_clear_error();
	hang_up(p);
	if (lost)
		finish(p, "closed");
	else if (p->phase != RESTING)
		call(p);
}

static bool tls_wait(struct phone *p, int result)
{
	int error = SSL_get_error(p->ssl, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		watch(p, error == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
	else
		closed(p);
	return false;
}

static bool shake(struct phone *p)
{
	int n = SSL_connect(p->ssl);
	if (n != 1)
		return tls_wait(p, n);
	if (flood.handshakes) {
		finish(p, "in");
		return false;
	}
	ask(p);
	return true;
}

static bool receive(struct phone *p)
{
	size_t n = 0;
	unsigned status = 0;
	int result = SSL_read_ex(p->ssl, p->answer + p->answer_size, ANSWER_BYTES - 1 - p->answer_size, &n);
	if (result != 1)
		return tls_wait(p, result);
	p->answer_size += n;
	p->answer[p->answer_size] = '\0';
	const char *end = strstr(p->answer, "\r\n\r\n"), *length = strstr(p->answer, "Content-Length: ");
	size_t body = length && end && length < end ? strtoul(length + 16, NULL, 10) : 0;
	if (!end || p->answer_size < (size_t)(end + 4 - p->answer) + body)
		return true;
	if (sscanf(p->answer, "HTTP/1.1 %u", &status) != 1)
		finish(p, "fault");
	else
		take_answer(p, status);
	return p->phase == SENDING;
}

/* True while there is more to do at once. */
static bool go_on(struct phone *p)
{
	size_t n;
	int result;
	switch (p->phase) {
	case CONNECTING:
		p->ssl = SSL_new(flood.tls);
		if (!p->ssl || SSL_set_fd(p->ssl, p->fd) != 1)
			abort();
		p->phase = SHAKING;
		return true;
	case SHAKING:
		return shake(p);
	case SENDING:
		result = SSL_write_ex(p->ssl, p->request, p->request_size, &n);
		if (result != 1)
			return tls_wait(p, result);
		p->phase = READING;
		return true;
	case READING:
		return receive(p);
	case RESTING:
		closed(p);
		return false;
	default:
		return false;
	}
}

static void bear(int64_t t)
{
	while (flood.born < flood.count && (flood.rate <= 0 || flood.born < (double)t / 1e6 * flood.rate)) {
		struct phone *p = &flood.phones[flood.born++];
		p->answer = malloc(ANSWER_BYTES);
		if (!p->answer)
			abort();
		p->began = t;
		call(p);
	}
}

static void look(int64_t t)
{
	for (unsigned i = 0; i < flood.born; i++) {
		struct phone *p = &flood.phones[i];
		if (p->phase == GONE)
			continue;
		if (t - p->began > flood.seconds * SECOND) {
			finish(p, "timeout");
		} else if (p->phase == RESTING && t >= p->wake) {
			ask(p);
			if (p->fd < 0)
				call(p);
			else
				watch(p, EPOLLOUT);
		}
	}
}

static void run(void)
{
	static struct epoll_event events[EVENTS];
	int64_t looked = 0;
	while (flood.over < flood.count) {
		bear(now());
		int n = epoll_wait(flood.epoll, events, EVENTS, TICK_MS);
		for (int i = 0; i < n; i++) {
			ERR_clear_error();
			while (go_on(events[i].data.ptr))
				;
		}
		if (now() - looked >= TICK_MS * 1000) {
			looked = now();
			look(looked);
		}
	}
}

static void read_phones(void)
{
	char line[LINE_BYTES];
	while (fgets(line, sizeof line, stdin)) {
		flood.phones = reallocarray(flood.phones, flood.count + 1, sizeof *flood.phones);
		if (!flood.phones)
			abort();
		struct phone *p = &flood.phones[flood.count];
		*p = (struct phone){.number = flood.count, .fd = -1};
		if (sscanf(line, "%15s %63s %63s", p->source, p->user, p->password) == 3)
			flood.count++;
	}
}

int main(int argc, char **argv)
{
	if (argc < 6) {
		fprintf(stderr, "usage: login_flood ADDRESS PORT HOST RATE SECONDS [handshakes] <LOGINS\n");
		return 64;
	}
	struct rlimit files;
	flood.portal.sin_family = AF_INET;
	flood.portal.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	flood.host = argv[3];
	flood.rate = strtod(argv[4], NULL);
	flood.seconds = strtol(argv[5], NULL, 10);
	flood.handshakes = argc > 6;
	flood.tls = SSL_CTX_new(TLS_client_method());
	flood.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (inet_pton(AF_INET, argv[1], &flood.portal.sin_addr) != 1 || !flood.tls || flood.epoll < 0 ||
		getrlimit(RLIMIT_NOFILE, &files) < 0 || SSL_CTX_set_min_proto_version(flood.tls, TLS1_3_VERSION) != 1 ||
		SSL_CTX_set1_groups_list(flood.tls, "X25519") != 1) {
		perror("login_flood");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* the portal may close what a phone is about to write to */
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	read_phones();
	flood.start = time_boot();
	run();
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("cpu %" PRId64 "\n",
		(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	return 0;
}
