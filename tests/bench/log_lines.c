/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a week of logs as a busy gateway would: log_lines FOLDER LINES. Of the lines nearly all are connections of 2,000 users,
 * a seal every 1,000; one file a day, the last of each log under the plain name. All numbers come from one seed, so that two runs
 * write the same. Seals have the right form and sign nothing. tests/system/test_log_search.py checks the lines against the
 * schema.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "gateway/log.h"
#include "gateway/seal.h"

enum { USERS = 2000, DAYS = 7, SEAL_EVERY = 1000, PATH = 4096, TEXT = 48 };

static const int64_t START = INT64_C(1795359600000000), DAY = INT64_C(86400000000); /* 2026-11-23 00:00 in Tokyo */

struct out {
	FILE *file;
	uint64_t sequence, sealed, epoch;
};

static uint64_t state = 1;
static struct out outs[LOG_FILES];

/* xorshift64* */
static uint64_t number(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * UINT64_C(2685821657736338717) >> 16) % below;
}

static const char *hex(char *out, size_t digits)
{
	for (size_t i = 0; i < digits; i++)
		out[i] = "0123456789abcdef"[number(16)];
	out[digits] = '\0';
	return out;
}

/* A key of 32 bytes in base64, always the same for one `seed`. */
static const char *key(char out[static TEXT], uint64_t seed)
{
	uint8_t bytes[32];
	struct key k;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)((seed + 1) * 2654435761U >> (i % 3 * 8)) ^ (uint8_t)(i * 7);
	memcpy(k.bytes, bytes, sizeof bytes);
	return key_format(&k, out);
}

struct actor {
	unsigned id;
	char user[TEXT], inner[TEXT], inner6[TEXT], outer[TEXT], key[TEXT], opened[TIME_TEXT];
};

static struct actor actor(int64_t day)
{
	struct actor a = {.id = (unsigned)number(USERS)};
	snprintf(a.user, sizeof a.user, "u%04u", a.id);
	snprintf(a.inner, sizeof a.inner, "10.64.%u.%u", a.id / 250, a.id % 250 + 2);
	snprintf(a.inner6, sizeof a.inner6, "fd64::%x", a.id + 2);
	snprintf(a.outer, sizeof a.outer, "198.51.%u.%u", a.id / 200, a.id % 200 + 1);
	key(a.key, a.id);
	time_format(day + INT64_C(1000000) * a.id, a.opened);
	return a;
}

/* What comes first in each line. */
static void head(struct out *o, int64_t when, const char *action)
{
	char text[TIME_TEXT];
	fprintf(o->file, "{\"@timestamp\":\"%s\",\"event\":{\"sequence\":%" PRIu64 ",\"action\":\"%s\",\"kind\":\"event\"",
		time_format(when, text), ++o->sequence, action);
}

static void device(struct out *o, const struct actor *a, const char *file)
{
	fprintf(o->file,
		",\"dataset\":\"sekisho.%s\"},\"device\":{\"id\":\"d%u\"},\"sekisho\":{\"device\":{\"key\":\"%s\",\"class\":"
		"\"ministry\","
		"\"label\":\"iPhone %u 山田\"},\"endpoint\":{\"ip\":\"%s\",\"port\":%u},\"session\":{\"id\":%u,\"opened\":\"%s\"",
		file, a->id + 1, a->key, a->id, a->outer, 1024 + a->id, a->id + 1, a->opened);
}

static void tail(struct out *o)
{
	fputs(",\"observer\":{\"name\":\"gw1\"},\"ecs\":{\"version\":\"8.11\"}}\n", o->file);
}

static void connection(int64_t when, const struct actor *a)
{
	static const unsigned ports[] = {443, 443, 443, 80, 53, 3389, 445, 22};
	struct out *o = &outs[LOG_ACCESS];
	char start[TIME_TEXT], end[TIME_TEXT];
	const bool refused = number(10) == 0;
	const unsigned lasted = 1 + (unsigned)number(600), system = (unsigned)number(200), port = ports[number(8)];
	head(o, when, refused ? "connection-refused" : "connection-closed");
	if (refused)
		fputs(",\"category\":[\"network\"],\"type\":[\"connection\",\"denied\"],\"outcome\":\"failure\",\"reason\":"
		      "\"denied\"",
			o->file);
	else
		fprintf(o->file,
			",\"category\":[\"network\"],\"type\":[\"connection\",\"end\"],\"outcome\":\"success\",\"start\":\"%s\","
			"\"end\":\"%s\","
			"\"duration\":%u000000000",
			time_format(when - INT64_C(1000000) * lasted, start), time_format(when, end), lasted);
	device(o, a, "access");
	fprintf(o->file, "},\"acl\":{\"generation\":31}},\"source\":{\"ip\":\"%s\",\"port\":%u", a->inner,
		(unsigned)(32768 + number(28000)));
	if (!refused)
		fprintf(o->file, ",\"bytes\":%u,\"packets\":%u", (unsigned)number(100000), (unsigned)number(1000));
	fprintf(o->file,
		"},\"user\":{\"name\":\"%s\"},\"related\":{\"user\":[\"%s\"],\"ip\":[\"%s\",\"%s\",\"%s\",\"10.20.%u.10\"]},"
		"\"network\":{"
		"\"transport\":\"tcp\",\"iana_number\":\"6\",\"type\":\"ipv4\",\"community_id\":\"1:%.27s=\"},\"destination\":{"
		"\"ip\":"
		"\"10.20.%u.10\",\"port\":%u",
		a->user, a->user, a->inner, a->inner6, a->outer, system, a->key, system, port);
	if (!refused)
		fprintf(o->file, ",\"bytes\":%u,\"packets\":%u", (unsigned)number(10000000), (unsigned)number(9000));
	fprintf(o->file, "},\"rule\":{\"name\":\"%s/%s.acl:%u\"}", refused ? "users" : "groups", refused ? a->user : "soumu",
		(unsigned)number(40) + 1);
	tail(o);
}

static void opened(int64_t when, const struct actor *a)
{
	struct out *o = &outs[LOG_AUTH];
	head(o, when, "session-opened");
	fputs(",\"category\":[\"session\"],\"type\":[\"start\"],\"outcome\":\"success\"", o->file);
	device(o, a, "auth");
	fprintf(o->file,
		",\"expires\":\"%s\"}},\"source\":{\"ip\":\"%s\"},\"user\":{\"name\":\"%s\"},\"related\":{\"user\":[\"%s\"],"
		"\"ip\":["
		"\"%s\",\"%s\",\"%s\"]}",
		a->opened, a->inner, a->user, a->user, a->inner, a->inner6, a->outer);
	tail(o);
}

static void restored(int64_t when)
{
	struct out *o = &outs[LOG_AUDIT];
	head(o, when, "firewall-restored");
	fputs(",\"category\":[\"configuration\"],\"type\":[\"change\"],\"outcome\":\"success\",\"reason\":\"table-changed\","
	      "\"dataset\":\"sekisho.audit\"}",
		o->file);
	tail(o);
}

static void seal(enum log_file file, int64_t when)
{
	struct out *o = &outs[file];
	char hash[129], next[TEXT];
	head(o, when, "log-seal");
	fprintf(o->file,
		",\"category\":[\"host\"],\"type\":[\"info\"],\"outcome\":\"unknown\",\"reason\":\"lines\",\"dataset\":\"sekisho."
		"%s\"},"
		"\"sekisho\":{\"seal\":{\"epoch\":%" PRIu64 ",\"when\":%" PRId64 ",\"first\":%" PRIu64 ",\"count\":%" PRIu64
		",\"heads\":{",
		seal_file_name(file), ++o->epoch, when, o->sealed + 1, o->sequence - o->sealed - 1);
	for (enum log_file i = 0; i < LOG_FILES; i++)
		fprintf(o->file, "%s\"%s\":{\"sequence\":%" PRIu64 ",\"hash\":\"%s\"}", i ? "," : "", seal_file_name(i),
			outs[i].sequence - (i == file), hex(hash, 64));
	fprintf(o->file, "},\"next_key\":\"%s\",\"signature\":\"%s\"}}", key(next, USERS + o->epoch), hex(hash, 128));
	tail(o);
	o->sealed = o->sequence - 1;
}

static FILE *day_open(const char *folder, enum log_file file, unsigned day)
{
	char path[PATH], date[16] = "";
	const time_t seconds = (time_t)((START + DAY * (day + 1)) / 1000000);
	struct tm tm;
	if (day + 1 < DAYS && localtime_r(&seconds, &tm))
		strftime(date, sizeof date, "-%Y%m%d", &tm);
	snprintf(path, sizeof path, "%s/%s.jsonl%s", folder, seal_file_name(file), date);
	FILE *f = fopen(path, "wxe");
	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	return f;
}

static void day_write(unsigned day, uint64_t lines)
{
	const int64_t from = START + DAY * day;
	for (uint64_t i = 0; i < lines; i++) {
		const int64_t when = from + DAY / (int64_t)lines * (int64_t)i;
		const struct actor a = actor(from);
		const uint64_t kind = number(1000);
		if (kind < 975)
			connection(when, &a);
		else if (kind < 999)
			opened(when, &a);
		else
			restored(when);
		for (enum log_file f = 0; f < LOG_FILES; f++)
			if (outs[f].sequence - outs[f].sealed >= SEAL_EVERY)
				seal(f, when);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s FOLDER LINES\n", argv[0]);
		return 2;
	}
	setenv("TZ", "Asia/Tokyo", 1);
	for (unsigned day = 0; day < DAYS; day++) {
		for (enum log_file f = 0; f < LOG_FILES; f++)
			outs[f].file = day_open(argv[1], f, day);
		day_write(day, strtoull(argv[2], NULL, 10) / DAYS);
		for (enum log_file f = 0; f < LOG_FILES; f++)
			if (fclose(outs[f].file)) {
				perror(argv[1]);
				return 1;
			}
	}
	return 0;
}
