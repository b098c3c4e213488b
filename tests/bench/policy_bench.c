/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a large set of ACL files takes to be read, and all its users' profiles to be compiled, and how much memory that needs:
 * 10,000 users in 500 groups with 50,000 rules, all logged in. Every user is in three groups; every twentieth has a file of its
 * own. Reports lines for people, or one JSON object with --json; asserts nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/policy.h"
#include "gateway/session_rules.h"

enum {
	USERS = 10000,
	GROUPS = 500,
	MEMBERSHIPS = 3,
	RULES = 50000,
	SYSTEMS = 400,
	OWN_FILE = 20, /* one user in so many */
	OWN_RULES = 10,
	GROUP_RULES = (RULES - USERS / OWN_FILE * OWN_RULES) / GROUPS,
};

static uint32_t random_state = 1;

static unsigned pick(unsigned n)
{
	random_state = random_state * 1664525 + 1013904223; /* Numerical Recipes, 2nd ed., section 7.1 */
	return (random_state >> 8) % n;
}

/* DIR/PREFIXn.acl; a negative n is left out. */
static FILE *create(const char *dir, const char *prefix, int n)
{
	char path[512], number[16] = "";

	if (n >= 0)
		snprintf(number, sizeof number, "%d", n);
	snprintf(path, sizeof path, "%s/%s%s.acl", dir, prefix, number);
	FILE *const f = fopen(path, "we");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

/* No two rules of a file are the same statement. */
static void write_rules(FILE *f, unsigned count)
{
	const unsigned first = pick(60000);

	for (unsigned i = 0; i < count; i++) {
		const unsigned n = first + 7 * i, kind = i % 10;
		if (kind < 4)
			fprintf(f, "allow system-%u\n", (first + i) % SYSTEMS);
		else if (kind < 7)
			fprintf(f, "allow tcp %u 10.%u.%u.%u\n", 1 + n % 65000, 20 + n % 40, n / 256 % 256, n % 256);
		else if (kind == 7)
			fprintf(f, "allow tcp 80,443,8000-8100 10.%u.%u.0/24 until 2099-03-31\n", 60 + n % 40, n % 256);
		else if (kind == 8)
			fprintf(f, "allow tcp 443 2001:db8:%x::%x reason \"R8-%u\"\n", n % 65536, i, i);
		else
			fprintf(f, "deny tcp 22 10.%u.%u.%u\n", 20 + n % 40, n / 256 % 256, n % 256);
	}
}

static void write_set(const char *dir)
{
	static const char *const folders[] = {"groups", "users"};
	char path[512];

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			perror(path);
			exit(1);
		}
	}
	FILE *f = create(dir, "systems", -1);
	for (unsigned i = 0; i < SYSTEMS; i++)
		fprintf(f, "system system-%u tcp 443 10.10.%u.%u 2001:db8:10::%x\n", i, i / 250, i % 250, i);
	fclose(f);
	for (unsigned i = 0; i < GROUPS; i++) {
		f = create(dir, "groups/group-", (int)i);
		fprintf(f, "owner \"desk %u\"\nhours mon-fri 07:00-22:00\nsession 8h idle 30m\n", i);
		write_rules(f, GROUP_RULES);
		fclose(f);
	}
	for (unsigned i = 0; i < USERS; i += OWN_FILE) {
		f = create(dir, "users/user-", (int)i);
		write_rules(f, OWN_RULES);
		fclose(f);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* VmHWM of this process in KiB: not what fork and exec brought along, as ru_maxrss would have it. */
static long peak(void)
{
	char line[128];
	long kib = 0;
	FILE *const f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof line, f))
		(void)sscanf(line, "VmHWM: %ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

/* Makes one user's rules as an apply does (gateway/session_rules.h); returns the number of its boxes. */
static size_t compile(struct rule_book *book, unsigned user)
{
	char name[32], groups[MEMBERSHIPS][32];
	const char *list[MEMBERSHIPS];
	const struct subject s = {.user = name, .groups = list, .group_count = MEMBERSHIPS, .device_class = CLASS_MINISTRY};
	const struct session_rules *rules;

	snprintf(name, sizeof name, "user-%u", user);
	for (unsigned i = 0; i < MEMBERSHIPS; i++) {
		snprintf(groups[i], sizeof groups[i], "group-%u", (user + i * i * 37) % GROUPS);
		list[i] = groups[i];
	}
	if (rule_book_look(book, &s, &rules)) {
		fprintf(stderr, "cannot compile %s\n", name);
		exit(1);
	}
	return rules->want->profile->count;
}

int main(int argc, char **argv)
{
	const bool json = argc > 1 && !strcmp(argv[1], "--json");
	char dir[] = "/tmp/sekisho-policy-bench.XXXXXX";
	struct diag d = diag_new();
	struct rule_book *book = NULL;
	struct policy *p = NULL;
	size_t boxes = 0;

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	write_set(dir);
	const double begin = now(), cpu_begin = cpu();
	int r = policy_load(dir, NULL, &p, &d);
	const double loaded = now(), cpu_loaded = cpu();
	if (!r)
		r = rule_book_new(p, INT64_C(1800000000000000), &book);
	for (unsigned i = 0; book && i < USERS; i++)
		boxes += compile(book, i);
	const double end = now(), cpu_end = cpu();
	if (r) {
		char *const text = diag_render(&d);
		fputs(text ? text : "out of memory\n", stderr);
		free(text);
	} else {
		const struct policy_counts c = policy_counts(p);
		size_t profiles = 0;
		for (const struct profile_want *w = rule_book_wants(book); w; w = w->next)
			profiles++;
		const double load = loaded - begin, compiled = end - loaded, load_cpu = cpu_loaded - cpu_begin,
			     compile_cpu = cpu_end - cpu_loaded;
		if (json)
			printf("{\"files\": %u, \"rules\": %u, \"users\": %d, \"profiles\": %zu, \"ranges\": %zu, \"load_s\": "
			       "%.3f, \"compile_s\": "
			       "%.3f, "
			       "\"load_cpu_s\": %.3f, \"compile_cpu_s\": %.3f, \"peak_kib\": %ld}\n",
				c.files, c.rules, USERS, profiles, boxes, load, compiled, load_cpu, compile_cpu, peak());
		else
			printf("files %u\nrules %u\nusers %d\ndifferent profiles %zu\nranges in all profiles %zu\nload %.3f s "
			       "(CPU time %.3f s)\n"
			       "compile every user %.3f s (CPU time %.3f s)\npeak memory %ld KiB\n",
				c.files, c.rules, USERS, profiles, boxes, load, load_cpu, compiled, compile_cpu, peak());
	}
	rule_book_free(book);
	policy_unref(p);
	diag_free(&d);
	fflush(stdout);
	if (execlp("rm", "rm", "-rf", dir, (char *)NULL) < 0)
		perror("rm");
	return 1;
}
