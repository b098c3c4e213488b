/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * firewall_bench PHONE-NETNS: how long a change of the ruleset takes, and what judging costs a packet, in the gateway's namespace
 * that tests/bench/firewall_bench.py has made. Packets go in through a packet socket; the kernel forwards each within send(2), so
 * the time of a batch is theirs. Low percentiles of many short batches are told, since other programs share the machine.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gateway/firewall.h"
#include "gateway/netif.h"
#include "tests/oracle/oracle.h"

enum { PROFILES = 200, RULES = 20, SESSIONS = 10000, FLOWS = 512, BATCH = 256, BATCHES = 200, TURNS = 3, MANY = 100000 };

static struct firewall *f;

static void must(const char *what, int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "firewall_bench: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static double clock_now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double now(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct addr phone(unsigned i)
{
	struct addr a = {.family = 4};
	uint32_t bytes = htonl(0x0a400000 + 256 + i);

	memcpy(a.bytes, &bytes, sizeof(bytes));
	return a;
}

static void open_table(void)
{
	struct firewall_spec spec = {.interface = "in0", .listen_port = 51820, .portal_port = 443};
	char why[512];
	bool taken_over;

	must("address", prefix_parse("10.64.0.0/10", &spec.network4) | addr_parse("10.64.0.1", &spec.gateway4));
	if (firewall_open(&spec, &f, &taken_over, why, sizeof(why)) < 0) {
		fprintf(stderr, "firewall_bench: %s\n", why);
		exit(1);
	}
	must("firewall_alive", firewall_alive(f, 3600));
	must("netif_lock", netif_lock("in0"));
}

static void close_table(void)
{
	must("netif_unlock", netif_unlock("in0"));
	must("firewall_destroy", firewall_destroy(f));
	firewall_close(f);
	f = NULL;
}

/* ---- changes ---- */

static void add_profile(struct firewall_change *c, unsigned id, unsigned round)
{
	struct profile_box boxes[RULES];
	struct profile p = {.count = RULES, .boxes = boxes};
	char text[32];

	memset(boxes, 0, sizeof(boxes));
	for (unsigned i = 0; i < RULES; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u", 20 + i, id, i);
		must("address", addr_parse(text, &boxes[i].first));
		boxes[i].last = boxes[i].first;
		boxes[i].proto_first = boxes[i].proto_last = 6;
		boxes[i].port_first = boxes[i].port_last = (uint16_t)(443 + (i == 0 ? round : 0));
	}
	must("firewall_change_profile", firewall_change_profile(c, (uint16_t)id, &p));
}

static void add_sessions(struct firewall_change *c, unsigned count, unsigned profiles, unsigned round)
{
	for (unsigned i = 0; i < count; i++) {
		struct firewall_session s = {.serial = i + 1,
			.profile = (uint16_t)(1 + (i + round) % profiles),
			.v4 = phone(i),
			.timeout_ms = 3600000};

		must("firewall_change_session", firewall_change_session(c, &s));
	}
}

/* The time of one change, and what of it was spent computing, in milliseconds. */
static double change(unsigned profiles, unsigned sessions, unsigned round, double *cpu)
{
	double start = now(), cpu_start = clock_now(CLOCK_PROCESS_CPUTIME_ID);
	struct firewall_change *c;

	must("firewall_change_new", firewall_change_new(f, &c));
	for (unsigned id = 1; id <= profiles; id++)
		add_profile(c, id, round);
	add_sessions(c, sessions, PROFILES, round);
	must("firewall_change_commit", firewall_change_commit(c));
	firewall_change_free(c);
	must("firewall_monitor_drain", firewall_monitor_drain(f));
	*cpu = (clock_now(CLOCK_PROCESS_CPUTIME_ID) - cpu_start) / 1e6;
	return (now() - start) / 1e6;
}

static void time_changes(const char *name, unsigned profiles, unsigned sessions, unsigned turns)
{
	double times[64], cpu[64];

	for (unsigned i = 0; i < turns; i++)
		times[i] = change(profiles, sessions, i + 1, &cpu[i]);
	qsort(times, turns, sizeof(*times), ascending);
	qsort(cpu, turns, sizeof(*cpu), ascending);
	printf("  %-60s %8.1f ms %8.1f ms  %8.1f .. %.1f\n", name, times[turns / 2], cpu[turns / 2], times[0], times[turns - 1]);
	fflush(stdout);
}

static void bench_changes(void)
{
	double cpu;

	open_table();
	(void)change(PROFILES, SESSIONS, 0, &cpu);
	printf("\nChanges, with %u profiles of %u rules and %u sessions in force       median     range\n", PROFILES, RULES,
		SESSIONS);
	time_changes("one rule of one profile", 1, 0, 51);
	time_changes("a rule in each of the 200 profiles", PROFILES, 0, 15);
	time_changes("the same, and each of the 10,000 sessions to another profile", PROFILES, SESSIONS, 7);
	close_table();
}

/* ---- packets ---- */

static double send_batches(const struct wire *w, unsigned sessions, unsigned percentile)
{
	static double times[BATCHES];
	struct probe p = {.target = {.proto = 17, .port = 9001}};
	unsigned flows = sessions < FLOWS ? sessions : FLOWS, flow = 0;

	must("address", addr_parse("10.20.0.10", &p.target.addr));
	for (unsigned i = 0; i < BATCHES; i++) {
		double start = now();

		for (unsigned j = 0; j < BATCH; j++) {
			flow = (flow + 1) % FLOWS;
			p.phone = phone((unsigned)((uint64_t)(flow % flows) * sessions / flows));
			p.source_port = (uint16_t)(1024 + flow);
			must("sending", wire_send(w, &p, false, j));
		}
		times[i] = (now() - start) / BATCH;
	}
	qsort(times, BATCHES, sizeof(*times), ascending);
	return times[BATCHES * percentile / 100];
}

static void nft(const char *command)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execlp("nft", "nft", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		must(command, -EIO);
}

static double judged(const struct wire *w, unsigned sessions)
{
	struct profile_box box = {.proto_first = 17, .proto_last = 17, .port_first = 9001, .port_last = 9001};
	struct profile p = {.count = 1, .boxes = &box};
	struct firewall_change *c;
	double t;

	open_table();
	must("address", addr_parse("10.20.0.10", &box.first));
	box.last = box.first;
	must("firewall_change_new", firewall_change_new(f, &c));
	must("firewall_change_profile", firewall_change_profile(c, 1, &p));
	add_sessions(c, sessions, 1, 0);
	must("firewall_change_commit", firewall_change_commit(c));
	firewall_change_free(c);
	t = send_batches(w, sessions, 10);
	close_table();
	return t;
}

static double median3(const double t[TURNS])
{
	double sorted[TURNS];

	memcpy(sorted, t, sizeof(sorted));
	qsort(sorted, TURNS, sizeof(*sorted), ascending);
	return sorted[TURNS / 2];
}

static void bench_packets(const struct wire *w)
{
	static const unsigned sizes[] = {100, 5000, MANY};
	double plain[TURNS], tracked[TURNS], ours[3][TURNS], base;

	for (unsigned i = 0; i < TURNS; i++) {
		plain[i] = send_batches(w, 5000, 10);
		nft("add table inet bench; add chain inet bench f { type filter hook forward priority 0; }; "
		    "add rule inet bench f ct state invalid drop");
		tracked[i] = send_batches(w, 5000, 10);
		nft("delete table inet bench");
		for (unsigned j = 0; j < 3; j++)
			ours[j][i] = judged(w, sizes[j]);
	}
	base = median3(plain);
	printf("\nForwarding one UDP packet of an open flow, 10th percentile of %u batches, median of %u turns\n", BATCHES,
		TURNS);
	printf("  %-60s %8.0f ns\n", "plain forwarding", base);
	printf("  %-60s %8.0f ns  %+6.0f\n", "with connection tracking only", median3(tracked), median3(tracked) - base);
	for (unsigned j = 0; j < 3; j++) {
		char name[64];

		snprintf(name, sizeof(name), "our rules, %u sessions", sizes[j]);
		printf("  %-60s %8.0f ns  %+6.0f  (%+.0f beside tracking)\n", name, median3(ours[j]), median3(ours[j]) - base,
			median3(ours[j]) - median3(tracked));
	}
}

int main(int argc, char **argv)
{
	struct wire w;
	cpu_set_t one;

	if (argc != 2) {
		fprintf(stderr, "usage: firewall_bench PHONE-NETNS\n");
		return 64;
	}
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	must("sched_setaffinity", sched_setaffinity(0, sizeof(one), &one));
	must("the phone's side", wire_open(argv[1], "fwphone", "in0", &w));
	bench_changes();
	bench_packets(&w);
	return 0;
}
