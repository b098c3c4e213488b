/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/client.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/secret.h"
#include "gateway/cli/cli.h"
#include "gateway/control.h"

enum { ANSWER_SECONDS = 60 };

#define HINT_GROUP                                                                                                               \
	"root and the members of group " GROUP_ADMIN " may do everything, those of " GROUP_DESK " what the service desk needs: " \
	"usermod -aG GROUP NAME, then log in again; or use sudo"
#define HINT_LOG "see what the gateway said: journalctl -u sekisho-gateway"

static int say_unreachable(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return cli_fail(CLI_UNREACHABLE, "systemctl start sekisho-gateway", "the gateway is not running (%s: %s)",
			PATH_CONTROL_SOCKET, strerror(error));
	case EACCES:
	case EPERM:
		return cli_fail(
			CLI_FAILED, HINT_GROUP, "you may not talk to the gateway (%s: %s)", PATH_CONTROL_SOCKET, strerror(error));
	case EAGAIN:
		return cli_fail(CLI_UNREACHABLE, HINT_LOG, "the gateway does not answer");
	default:
		return cli_fail(
			CLI_UNREACHABLE, HINT_LOG, "cannot talk to the gateway (%s: %s)", PATH_CONTROL_SOCKET, strerror(error));
	}
}

static int peer_check(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return say_unreachable(errno);
	const struct passwd *gateway = peer.uid ? getpwnam(USER_GATEWAY) : NULL;
	if (peer.uid == 0 || (gateway && gateway->pw_uid == peer.uid))
		return CLI_OK;
	return cli_fail(CLI_UNREACHABLE, "find out who made the socket: ls -ln " PATH_CONTROL_SOCKET "; ss -xlp",
		"who answers at %s is uid %u, neither root nor %s: nothing was asked of it", PATH_CONTROL_SOCKET,
		(unsigned)peer.uid, USER_GATEWAY);
}

static int dial(int *out)
{
	static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PATH_CONTROL_SOCKET};
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return say_unreachable(errno);
	int code;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
		connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		code = say_unreachable(errno);
	else
		code = peer_check(fd);
	if (code) {
		close(fd);
		return code;
	}
	*out = fd;
	return CLI_OK;
}

static int say_long(void)
{
	return cli_fail(CLI_USAGE, "use fewer or shorter words", "the request has more than %d bytes", CONTROL_MAX);
}

static int part_send(int fd, const json_t *request, char *buffer)
{
	size_t size = json_dumpb(request, buffer, CONTROL_MAX, JSON_COMPACT);
	if (!size || size > CONTROL_MAX)
		return say_long();
	ssize_t sent = send(fd, buffer, size, MSG_NOSIGNAL);
	secret_wipe(buffer, size);
	return sent < 0 ? say_unreachable(errno) : CLI_OK;
}

/* Its devices from `*at` on, as many as fit; the gateway waits for more where there are any. */
static int devices_send(int fd, const json_t *request, char *buffer, size_t *at)
{
	const json_t *devices = json_object_get(request, "devices");
	json_t *part = json_copy((json_t *)request), *few = json_array();
	size_t size = 1024;
	for (; *at < json_array_size(devices); ++*at) {
		json_t *device = json_array_get(devices, *at);
		size += json_dumpb(device, NULL, 0, JSON_COMPACT) + 1;
		if (size > CONTROL_MAX && json_array_size(few))
			break;
		(void)json_array_append(few, device);
	}
	(void)json_object_set_new(part, "devices", few);
	if (*at < json_array_size(devices))
		(void)json_object_set_new(part, "more", json_true());
	int code = part_send(fd, part, buffer);
	json_decref(part);
	return code;
}

static int request_send(int fd, const json_t *request, char *buffer)
{
	size_t at = 0;
	if (json_dumpb(request, NULL, 0, JSON_COMPACT) <= CONTROL_MAX)
		return part_send(fd, request, buffer);
	if (!json_is_array(json_object_get(request, "devices")))
		return say_long();
	int code = CLI_OK;
	while (!code && at < json_array_size(json_object_get(request, "devices")))
		code = devices_send(fd, request, buffer, &at);
	return code;
}

static int say_nonsense(const char *what)
{
	return cli_fail(CLI_FAILED,
		"compare `sekisho --version` with `sekisho-gateway --version`; `sekisho status` and the lists tell what was "
		"carried out",
		"the gateway's answer cannot be understood: %s", what);
}

static int say_refused(const json_t *answer)
{
	const char *code = cli_text(answer, "code"), *hint = cli_text(answer, "hint");
	cli_lines(stderr, cli_text(answer, "diagnostics"));
	if (!*hint)
		hint = !strcmp(code, "denied") ? HINT_GROUP : HINT_LOG;
	return cli_fail(CLI_FAILED, hint, "%s", cli_text(answer, "error"));
}

/* One datagram. CLI_OK and its object, or the exit code. */
static int answer_receive(int fd, char *buffer, json_t **out)
{
	ssize_t size;
	do {
		size = recv(fd, buffer, CONTROL_MAX, MSG_TRUNC);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		return say_unreachable(errno);
	if (size == 0)
		return say_nonsense("it ended too early");
	if (size > CONTROL_MAX)
		return say_nonsense("it is too long");
	*out = json_loadb(buffer, (size_t)size, JSON_REJECT_DUPLICATES, NULL);
	secret_wipe(buffer, (size_t)size);
	return *out ? CLI_OK : say_nonsense("it is no JSON");
}

/* Reads rows up to the end or error. */
static int answer_read(int fd, char *buffer, json_t *rows, json_t **end, json_t **mistakes)
{
	for (;;) {
		json_t *answer = NULL;
		int code = answer_receive(fd, buffer, &answer);
		if (code)
			return code;
		json_t *row = json_object_get(answer, "row"), *last = json_object_get(answer, "end");
		if (json_is_object(row)) {
			code = json_array_append(rows, row)
				       ? cli_fail(CLI_FAILED, "free some memory and try again", "out of memory")
				       : CLI_OK;
		} else if (json_is_object(last)) {
			*end = json_incref(last);
		} else if (json_is_string(json_object_get(answer, "error"))) {
			if (mistakes)
				*mistakes = json_incref(json_object_get(answer, "mistakes"));
			code = say_refused(answer);
		} else {
			code = say_nonsense("neither row nor end nor error");
		}
		json_decref(answer);
		if (code || *end)
			return code;
	}
}

int client_ask_long(json_t *request, json_t **rows, json_t **end, json_t **mistakes)
{
	char *buffer = malloc(CONTROL_MAX);
	json_t *list = json_array(), *last = NULL;
	int fd = -1, code = CLI_OK;
	if (!request || !buffer || !list)
		code = cli_fail(CLI_FAILED, "free some memory and try again", "out of memory");
	if (!code)
		code = dial(&fd);
	if (!code)
		code = request_send(fd, request, buffer);
	if (!code)
		code = answer_read(fd, buffer, list, &last, mistakes);
	if (!code && rows)
		*rows = json_incref(list);
	if (!code)
		*end = last;
	if (fd >= 0)
		close(fd);
	free(buffer);
	json_decref(list);
	json_decref(request);
	return code;
}

int client_ask(json_t *request, json_t **rows, json_t **end)
{
	return client_ask_long(request, rows, end, NULL);
}

int client_rows(json_t *request, json_t **rows)
{
	json_t *end;
	const int code = client_ask(request, rows, &end);
	if (!code)
		json_decref(end);
	return code;
}

int client_device(const char *id, json_t **end)
{
	return client_ask(json_pack("{s:s, s:s}", "verb", "device-show", "id", id), NULL, end);
}
