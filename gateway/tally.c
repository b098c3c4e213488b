/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/say.h"
#include "gateway/event.h"

enum {
	TALLY_MAGIC = 0x53544c31, /* of this layout */
	RIPE_USEC = 500000, /* NFLOG hands over after 10 ms (gateway/nflog.c) */
};

static const struct kind {
	const char *prefix, *what;
} kinds[FIREWALL_REFUSALS] = {
	[FIREWALL_NO_SESSION] = {FIREWALL_LOG_NO_SESSION, "refused packets: no-session"},
	[FIREWALL_DENIED] = {FIREWALL_LOG_DENIED, "refused packets: denied"},
	[FIREWALL_SPOOFED] = {FIREWALL_LOG_SPOOFED, "refused packets: spoofed"},
};

struct part {
	struct firewall_refused seen; /* the counters when last read */
	int64_t owed; /* copied to us, and no line yet */
	int64_t even; /* when nothing was owed */
	uint64_t limited; /* not copied, and not on record yet */
	int64_t from; /* when the counter was read for the last time without these */
};

struct page {
	uint32_t magic;
	bool known; /* the counters have been read */
	int64_t counted; /* when they were */
	struct part parts[FIREWALL_REFUSALS];
};

struct tally {
	struct page *page;
};

/* With its space taken: a write to a page that finds none would be the end of us. */
static struct page *map_file(const char *path)
{
	struct page *page = MAP_FAILED;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return page;
	errno = posix_fallocate(fd, 0, sizeof *page);
	if (!errno)
		page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int error = errno;
	close(fd);
	errno = error;
	return page;
}

int tally_open(const char *path, struct tally **out)
{
	struct tally *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->page = map_file(path);
	if (t->page == MAP_FAILED) {
		say_warning(
			"cannot keep the tally of refused packets in %s: %s; check space and owner of its folder. What is not "
			"on record when the gateway ends will not be",
			path, strerror(errno));
		t->page = mmap(NULL, sizeof *t->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (t->page == MAP_FAILED) {
		free(t);
		return -ENOMEM;
	}
	if (t->page->magic != TALLY_MAGIC)
		*t->page = (struct page){.magic = TALLY_MAGIC};
	*out = t;
	return 0;
}

void tally_close(struct tally *t)
{
	if (!t)
		return;
	munmap(t->page, sizeof *t->page);
	free(t);
}

bool tally_is_new(const struct tally *t)
{
	return !t->page->known;
}

void tally_anew(struct tally *t)
{
	for (unsigned i = 0; i < FIREWALL_REFUSALS; i++)
		t->page->parts[i].seen = (struct firewall_refused){0};
	t->page->known = true;
}

static uint64_t grown(uint64_t before, uint64_t now)
{
	return now < before ? now : now - before;
}

/* Copied, neither on record nor going to be as far as anybody knows. */
static int64_t missing(const struct part *p, const struct merge *m)
{
	return p->owed - (m ? (int64_t)merge_pending(m, &p->owed) : 0);
}

static void count_part(struct part *p, const struct firewall_refused *now, int64_t before)
{
	uint64_t all = grown(p->seen.all, now->all), limited = grown(p->seen.limited, now->limited);
	if (limited && !p->limited)
		p->from = before;
	p->limited += limited;
	/* The two counters are not read in the same instant: the difference may be negative, until the next time. */
	p->owed += (int64_t)(all - limited);
	p->seen = *now;
}

void tally_count(struct tally *t, const struct firewall_counters *c, const struct merge *m, int64_t now)
{
	struct page *page = t->page;
	int64_t before = page->counted ? page->counted : now;
	for (unsigned i = 0; i < FIREWALL_REFUSALS; i++) {
		struct part *p = &page->parts[i];
		if (page->known)
			count_part(p, &c->refused[i], before);
		else
			*p = (struct part){.seen = c->refused[i]};
		if (missing(p, m) <= 0)
			p->even = now;
	}
	page->counted = now;
	page->known = true;
}

bool tally_ripe(const struct tally *t, int64_t now)
{
	return now - t->page->counted >= RIPE_USEC || now < t->page->counted;
}

int64_t *tally_owed(struct tally *t, const char *prefix)
{
	for (unsigned i = 0; i < FIREWALL_REFUSALS; i++)
		if (!strcmp(prefix, kinds[i].prefix))
			return &t->page->parts[i].owed;
	return NULL;
}

static int write_gap(struct log *log, const char *reason, const char *what, int64_t count, int64_t from, int64_t to)
{
	json_t *e = event_new("log-gap", NULL, reason);
	event_text(e, "sekisho.gap.what", what);
	event_number(e, "sekisho.count", count);
	event_time(e, "sekisho.gap.from", from && from < to ? from : to); /* the clock may have been set back */
	event_time(e, "sekisho.gap.to", to);
	return log_write(log, LOG_ACCESS, time_now(), e, false);
}

void tally_settle(struct tally *t, struct log *log, const struct merge *m, const char *reason)
{
	int64_t to = t->page->counted;
	if (log_failing(log) < 0)
		return; /* a line more that cannot be written would be counted as missing, each time anew */
	for (unsigned i = 0; i < FIREWALL_REFUSALS; i++) {
		struct part *p = &t->page->parts[i];
		int64_t lost = missing(p, m);
		if (p->limited && write_gap(log, "rate-limited", kinds[i].what, (int64_t)p->limited, p->from, to) == 0)
			p->limited = 0;
		if (lost > 0 && write_gap(log, reason, kinds[i].what, lost, p->even, to) == 0) {
			p->owed -= lost;
			p->even = to;
		}
	}
}
