/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a program may still ask of the kernel, once it has begun to listen to strangers: a filter of system calls (seccomp(2))
 * from a const table that reads like the policy it is. What the table does not name ends the process at once.
 *
 * Tests see what a table lacks by putting another seccomp_init() before it with LD_PRELOAD (tests/system/filter_log.c), which a
 * process that is already inside cannot do: the filter has no switch.
 */
#ifndef SEKISHO_FILTER_H
#define SEKISHO_FILTER_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

struct filter_rule {
	int call; /* SCMP_SYS() */
	uint32_t action; /* SCMP_ACT_... */
	uint8_t conditional; /* 1: only if one argument, as 32 bits, masked, has the value */
	uint8_t argument;
	uint32_t mask, value;
};

#define FILTER_WHOLE 0xffffffffU

/* The lines of a table. */
#define ALLOW(name)                                                                                                              \
	{                                                                                                                        \
		.call = SCMP_SYS(name), .action = SCMP_ACT_ALLOW                                                                 \
	}
#define ALLOW_IF(name, number, bits, is)                                                                                         \
	{                                                                                                                        \
		.call = SCMP_SYS(name), .action = SCMP_ACT_ALLOW, .conditional = 1, .argument = (number), .mask = (bits),        \
		.value = (is)                                                                                                    \
	}
/* What libraries try and can do without: it fails with this errno. */
#define REFUSE(name, error)                                                                                                      \
	{                                                                                                                        \
		.call = SCMP_SYS(name), .action = SCMP_ACT_ERRNO(error)                                                          \
	}
#define REFUSE_IF(name, number, bits, is, error)                                                                                 \
	{                                                                                                                        \
		.call = SCMP_SYS(name), .action = SCMP_ACT_ERRNO(error), .conditional = 1, .argument = (number), .mask = (bits), \
		.value = (is)                                                                                                    \
	}
/* For tables that forbid. */
#define KILL(name)                                                                                                               \
	{                                                                                                                        \
		.call = SCMP_SYS(name), .action = SCMP_ACT_KILL_PROCESS                                                          \
	}
#define KILL_IF(name, number, bits, is)                                                                                          \
	{                                                                                                                        \
		.call = SCMP_SYS(name), .action = SCMP_ACT_KILL_PROCESS, .conditional = 1, .argument = (number), .mask = (bits), \
		.value = (is)                                                                                                    \
	}

/* What the sanitizers' own code asks for, in programs that are built with them (make SAN=1); else nothing. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define FILTER_SANITIZED
#define FILTER_OF_SANITIZERS                                                                                                     \
	ALLOW(sigaltstack), ALLOW(rt_sigaction), ALLOW(sched_yield), ALLOW(sched_getaffinity), ALLOW(readlink),                  \
		ALLOW(getrlimit), ALLOW(prlimit64), ALLOW(uname), ALLOW(exit),
#else
#define FILTER_OF_SANITIZERS
#endif

/*
 * From now on, for this process and all that it starts: what `rules` say, and for every other call `otherwise`
 * (SCMP_ACT_KILL_PROCESS or SCMP_ACT_ALLOW). A call by another ABI of the machine (32 bits, x32) ends the process. Sets
 * no_new_privs. Calls that this architecture lacks need no rule and get none. 0 or -errno: nothing is filtered.
 */
int filter_load(uint32_t otherwise, const struct filter_rule *rules, size_t count);

#endif
