/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A ledger in a folder of its own, and devices to put into it. */
#ifndef SEKISHO_TESTS_LEDGER_FIXTURE_H
#define SEKISHO_TESTS_LEDGER_FIXTURE_H

#include "gateway/firewall.h"
#include "gateway/ledger_internal.h"
#include "tests/unit/scratch.h"

static char folder[SCRATCH_PATH], path[SCRATCH_PATH], why[1024];
static struct ledger *ledger;
static struct prefix net4, net6;

static inline int setup(void **state)
{
	(void)state;
	scratch_path(path, scratch_make(folder), "ledger.db");
	prefix_parse("10.64.0.0/16", &net4);
	prefix_parse("fd64::/64", &net6);
	return ledger_open(path, &ledger, why, sizeof why);
}

static inline int teardown(void **state)
{
	(void)state;
	ledger_close(ledger);
	ledger = NULL;
	scratch_remove(folder);
	return 0;
}

static inline void reopen(void)
{
	ledger_close(ledger);
	assert_int_equal(ledger_open(path, &ledger, why, sizeof why), 0);
}

static const struct endpoint nowhere;

static inline struct device new_device(uint32_t number)
{
	struct device d = {
		.device_class = CLASS_PRIVATE, .status = DEVICE_ACTIVE, .valid_from = 5, .valid_until = 500, .user_count = 2};
	memset(d.public_key.bytes, 0xa5, KEY_SIZE);
	memcpy(d.public_key.bytes, &number, sizeof number);
	memset(d.preshared.bytes, (int)number, KEY_SIZE);
	snprintf(d.label, sizeof d.label, "総務課 %u", number);
	snprintf(d.users[0], sizeof d.users[0], "t-yamada");
	snprintf(d.users[1], sizeof d.users[1], "user%u@example.go.jp", number);
	return d;
}

static inline struct device add(uint32_t number)
{
	struct device d = new_device(number);
	assert_int_equal(ledger_device_add(ledger, &d, &net4, &net6, NULL, 1000 + number), 0);
	return d;
}

#endif
