# SPDX-License-Identifier: GPL-3.0-or-later
# `make help` names the targets. Build products go to build/$(VARIANT), one folder for each compiler and sanitizer choice.

ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
VARIANT := $(notdir $(firstword $(CC)))$(if $(SAN),-san)
B := build/$(VARIANT)
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

WGLIB := /usr/share/doc/wireguard-tools/examples/embeddable-wg-library

probe = $(shell printf 'int main(void){return 0;}' | $(CC) -Werror $(1) -x c -o /dev/null - 2>/dev/null && echo '$(1)')
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wimplicit-fallthrough \
	-Wvla -Wundef -Wpointer-arith -Wwrite-strings $(if $(CI),-Werror)
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fPIE -fno-strict-overflow \
	-fno-delete-null-pointer-checks $(call probe,-ftrivial-auto-var-init=zero)
ifeq ($(SAN),)
OPT := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
OPT := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
CFLAGS ?=
ALL_CFLAGS = -std=gnu11 -g $(OPT) $(WARN) $(HARDEN) -I. -isystem $(WGLIB) -D_GNU_SOURCE -DSEKISHO_VERSION='"$(VERSION)"' $(CPPFLAGS) $(CFLAGS)
comma := ,
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed $(if $(SAN),-fsanitize=address$(comma)undefined) $(LDFLAGS)

LIBS_gateway := -lmnl -lnftnl -lnetfilter_conntrack -lcrypto -lsystemd -ljansson -lsqlite3 -lcap-ng -lseccomp
LIBS_cli := -ljansson -lcrypto -lqrencode -lpng -lsystemd -lz
LIBS_portal := -lssl -lcrypto -lsystemd -lseccomp -lcap-ng
LIBS_auth := -lpam -lseccomp -lcap-ng
LIBS_all := $(sort $(LIBS_gateway) $(LIBS_cli) $(LIBS_portal) $(LIBS_auth))

# Every .c of a folder goes into that folder's archive, except the files that hold a main().
MAINS := gateway/main.c gateway/cli/main.c auth/portal_main.c auth/auth_main.c
src = $(filter-out $(MAINS),$(wildcard $(1)/*.c))
obj = $(patsubst %.c,$(B)/%.o,$(1))
LIB_common := $(B)/libcommon.a
LIB_config := $(B)/libconfig.a
LIB_gateway := $(B)/libgateway.a
LIB_cli := $(B)/libcli.a
LIB_auth := $(B)/libauth.a
LIB_all := $(LIB_cli) $(LIB_gateway) $(LIB_auth) $(LIB_config) $(LIB_common)

PROGRAMS := $(B)/sekisho-gateway $(B)/sekisho $(B)/sekisho-portal $(B)/sekisho-auth
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all
all: $(PROGRAMS) ## the four programs, in build/

$(B)/libcommon.a: $(call obj,$(call src,common))
$(B)/libconfig.a: $(call obj,$(call src,config))
$(B)/libgateway.a: $(call obj,$(call src,gateway)) $(B)/wireguard.o
$(B)/libcli.a: $(call obj,$(call src,gateway/cli))
$(B)/libauth.a: $(call obj,$(call src,auth))
$(B)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Each holds that file.
$(B)/gateway/cli/logschema.o: share/log-schema.json
$(B)/auth/page_icon.o: auth/icon.png

# The kernel's netlink interface, built from where the wireguard-tools package installs it: others' code, others' warnings.
$(B)/wireguard.o: $(WGLIB)/wireguard.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g $(OPT) $(HARDEN) -w -D_GNU_SOURCE $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/sekisho-gateway: $(B)/gateway/main.o $(LIB_gateway) $(LIB_config) $(LIB_common)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_gateway)
$(B)/sekisho: $(B)/gateway/cli/main.o $(LIB_cli) $(LIB_gateway) $(LIB_config) $(LIB_common)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_cli) $(LIBS_gateway)
$(B)/sekisho-portal: $(B)/auth/portal_main.o $(LIB_auth) $(LIB_config) $(LIB_common)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_portal) $(LIBS_auth)
$(B)/sekisho-auth: $(B)/auth/auth_main.o $(LIB_auth) $(LIB_config) $(LIB_common)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_auth)

$(B)/tests/%: tests/unit/%.c $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(LIB_all) -Wl,--end-group -lcmocka -lm $(LIBS_all)

# One fuzz target is one file with LLVMFuzzerTestOneInput(). Replayed with the ordinary compiler, or built by clang for `make fuzz`.
$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/replay.c $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< tests/fuzz/replay.c -Wl,--start-group $(LIB_all) -Wl,--end-group $(LIBS_all)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: unit
unit: $(UNIT) ## unit tests (as root also those that make namespaces)
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

PYTHON := /usr/bin/python3
PYTEST := $(PYTHON) -m pytest -q -p no:cacheprovider
SYSTEM := SEKISHO_BUILD=$(abspath $(B)) PYTHONDONTWRITEBYTECODE=1 tests/system/run

# Measured by `make bench`; built with the tests so that they keep compiling.
BENCHES := $(B)/tests/policy_bench $(B)/tests/firewall_bench

# Small programs that system tests run beside the product.
TEST_TOOLS := $(B)/tests/log_lines $(if $(wildcard tests/system/firewall_driver.c),$(B)/tests/firewall_driver) \
	$(if $(wildcard tests/oracle/oracle.c),$(B)/tests/run_oracle) \
	$(if $(wildcard tests/bench/flow_flood.c),$(B)/tests/flow_flood) \
	$(if $(wildcard tests/bench/login_flood.c),$(B)/tests/login_flood $(B)/tests/login_limits $(B)/tests/login_alone) \
	$(if $(wildcard tests/system/pam_script.c),$(B)/tests/pam_script.so) \
	$(if $(wildcard tests/system/gateway_shim.c),$(B)/tests/gateway_shim.so) \
	$(if $(wildcard tests/system/filter_log.c),$(B)/tests/filter_log.so) \
	$(if $(wildcard tests/system/intruder.c),$(B)/tests/intruder.so)
$(B)/tests/firewall_driver: tests/system/firewall_driver.c $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(LIB_all) -Wl,--end-group $(LIBS_all)
$(B)/tests/run_oracle: $(call obj,$(call src,tests/oracle)) $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LIB_all) -Wl,--end-group $(LIBS_all)
$(B)/tests/flow_flood $(B)/tests/login_flood $(B)/tests/login_limits $(B)/tests/login_alone: $(B)/tests/%: $(B)/tests/bench/%.o $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LIB_all) -Wl,--end-group $(LIBS_all)
# Loaded before the sanitizers' own library, so it cannot have theirs.
$(B)/tests/gateway_shim.so $(B)/tests/intruder.so $(B)/tests/filter_log.so: $(B)/tests/%.so: tests/system/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 $(WARN) -Wno-missing-prototypes -fPIC -D_GNU_SOURCE -shared -o $@ $< -Wl,--as-needed -lseccomp
$(B)/tests/pam_script.so: tests/system/pam_script.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -Wno-missing-prototypes -shared -Wl,-z,relro,-z,now -o $@ $< -lpam

.PHONY: deps
deps: ## installs missing Debian packages (as root), or names them
	tests/deps

.PHONY: tests
tests: $(UNIT) $(FUZZ) $(TEST_TOOLS) $(BENCHES)

.PHONY: check
check: ## everything: programs, unit tests, fuzz corpora, system and browser tests (as root)
	tests/deps
	$(MAKE) -j$(shell nproc) all tests
	$(MAKE) unit
	$(MAKE) fuzz-replay
	$(MAKE) system

.PHONY: check-oracle
check-oracle: $(PROGRAMS) $(TEST_TOOLS) ## 1,000 random policies x 1,000 packets, kernel against evaluator (as root; minutes)
	SEKISHO_ORACLE_POLICIES=1000 $(SYSTEM) $(PYTEST) -s tests/system/test_oracle.py

.PHONY: golden
golden: $(B)/tests/test_golden ## ACL and settings files with their verdicts in tests/golden (part of unit)
	$<

# A handful of small ones, for the guides, and people who want to see the page before they have it: Japanese by day, English by night.
SHOTS := 1-login-ja-320 4-status-ja-320 12-devices-ja-320 2-password-en-dark-320 4-status-en-dark-320 10-renew-en-dark-320
.PHONY: screenshots
screenshots: $(PROGRAMS) $(TEST_TOOLS) ## makes the pictures docs/page-*.png anew, in Chromium (as root)
	$(SYSTEM) $(PYTEST) tests/browser -k "every_width and 320"
	for s in $(SHOTS); do install -m 644 build/screenshots/$$s.png docs/page-$$s.png || exit 1; done

.PHONY: system
system: export SEKISHO_FILTERS ?=
system: $(PROGRAMS) $(TEST_TOOLS) ## the whole product in network namespaces, and its pages in Chromium (as root)
	SEKISHO_BUILD=$(abspath $(B)) PYTHONDONTWRITEBYTECODE=1 $(PYTHON) tests/system/parallel.py tests/system tests/browser

# Left out: what makes 10,000 forgeries (too slow), and what waits for a process by pidfd_open(2), which Debian 12's valgrind has not.
VALGRIND_UNIT = $(filter-out $(addprefix $(B)/tests/,test_seal_tamper test_tunnel test_tunnel_large test_tunnel_userspace),$(UNIT))
.PHONY: check-valgrind
check-valgrind: $(UNIT) ## unit programs under valgrind: memory that is wrong, not initialised or lost fails (as root; about 20 minutes)
	tests/deps
	@set -e; for t in $(VALGRIND_UNIT); do echo "== $$t"; \
		valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite $$t; done

.PHONY: check-filters
check-filters: $(PROGRAMS) $(TEST_TOOLS) ## the same again, with filters of system calls that stop nothing; fails for what they would have stopped (as root)
	$(MAKE) SEKISHO_FILTERS=log system

# A machine that lacks QEMU or a kernel package says so and goes on; a failure in a virtual machine does not.
vm = $(PYTHON) $(1) || { code=$$?; [ $$code = 77 ] || exit $$code; }
.PHONY: check-vm check-vm-small
check-vm: ## the product in virtual machines, on Debian's kernels 6.1 and 6.12 (as root)
	tests/deps
	$(MAKE) -j$(shell nproc) all tests
	$(MAKE) check-vm-small
	$(MAKE) check-vm-systemd
check-vm-small: $(PROGRAMS) $(TEST_TOOLS) $(UNIT) ## its part with the kernel's WireGuard and ruleset; SMOKE=1: a shorter choice of tests
	SEKISHO_BUILD=$(abspath $(B)) $(call vm,tests/vm/small.py $(if $(SMOKE),--smoke))

.PHONY: check-vm-systemd
check-vm-systemd: $(PROGRAMS) ## its part on a Debian that boots systemd: units, boot, reboot, power failures; SMOKE=1: installation only
	SEKISHO_BUILD=$(abspath $(B)) PYTHONDONTWRITEBYTECODE=1 $(PYTEST) -s --durations=10 tests/vm/systemd$(if $(SMOKE),/test_install.py)

.PHONY: fuzz-replay
fuzz-replay: $(FUZZ) ## every fuzz target over its corpus, without a fuzzer
	@set -e; for t in $(FUZZ); do echo "== $$t"; $$t tests/fuzz/corpus/$$(basename $$t | sed s/^fuzz_//); done

# libFuzzer wants the libraries instrumented too, hence a folder of their own. New inputs stay in build/.
FUZZ_TIME ?= 60
LIB_FUZZING_ENGINE ?= -fsanitize=fuzzer
FUZZ_LINK ?= $(CC) $(CFLAGS)
.PHONY: fuzz fuzz-run fuzz-libraries
fuzz-libraries: $(LIB_all)
fuzz: ## every fuzz target for FUZZ_TIME seconds under clang's libFuzzer and sanitizers
	$(MAKE) CC=clang SAN=1 B=build/libfuzzer CFLAGS=-fsanitize=fuzzer-no-link fuzz-run
fuzz-run: $(patsubst $(B)/fuzz/%,$(B)/libfuzzer/%,$(FUZZ))
	@set -e; for t in $^; do n=$$(basename $$t | sed s/^fuzz_//); mkdir -p $(B)/corpus/$$n $(B)/found; echo "== $$t"; \
		$$t -max_total_time=$(FUZZ_TIME) -timeout=10 -print_final_stats=1 -artifact_prefix=$(B)/found/ \
			$$([ -e tests/fuzz/$$n.dict ] && echo -dict=tests/fuzz/$$n.dict) $(B)/corpus/$$n tests/fuzz/corpus/$$n; done
$(B)/libfuzzer/%: tests/fuzz/%.c $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -c -o $@.o $<
	$(FUZZ_LINK) $(ALL_LDFLAGS) $(LIB_FUZZING_ENGINE) -o $@ $@.o -Wl,--start-group $(LIB_all) -Wl,--end-group $(LIBS_all)

.PHONY: demo demo-stop
demo: ## shows the whole product on this machine, in namespaces (as root); KEEP=1 leaves it up to look around
	tests/deps
	$(MAKE) -j$(shell nproc) all
	SEKISHO_BUILD=$(abspath $(B)) $(PYTHON) tests/demo/demo.py $(if $(KEEP),--keep)
demo-stop: ## ends what `make demo KEEP=1` left up
	$(PYTHON) tests/demo/demo.py --stop

# How fast ACL files become profiles.
$(B)/tests/policy_bench: tests/bench/policy_bench.c $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(LIB_all) -Wl,--end-group $(LIBS_all)
.PHONY: bench-policy
bench-policy: $(B)/tests/policy_bench ## time and memory to read and compile 50,000 rules for 10,000 users (part of bench)
	$<

# How fast the logs are searched.
$(B)/tests/log_lines: tests/bench/log_lines.c $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< -Wl,--start-group $(LIB_all) -Wl,--end-group $(LIBS_all)
.PHONY: bench-search
bench-search: $(B)/sekisho $(B)/tests/log_lines ## time to search a week of logs, beside grep and zgrep; LINES=7000000 (part of bench)
	$(PYTHON) tests/bench/search_bench.py $(abspath $(B)) $(or $(LINES),700000)

$(B)/tests/firewall_bench: $(B)/tests/bench/firewall_bench.o $(B)/tests/oracle/oracle_wire.o $(LIB_all)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LIB_all) -Wl,--end-group $(LIBS_all)
.PHONY: bench-firewall
bench-firewall: $(B)/tests/firewall_bench ## times of changes of the ruleset, and its cost for a packet (as root; part of bench)
	$(SYSTEM) $(PYTHON) tests/bench/firewall_bench.py

.PHONY: bench-log
bench-log: all $(B)/tests/flow_flood ## connections recorded a second, what that costs, and that none is missing (as root; part of bench)
	$(SYSTEM) $(PYTHON) tests/bench/log_bench.py

.PHONY: bench-login
bench-login: all $(TEST_TOOLS) ## logins a second beside OpenSSL's and PAM's own limits; BENCH_LOGINS=5000 (as root; part of bench)
	$(SYSTEM) $(PYTHON) tests/bench/login_bench.py

.PHONY: bench
bench: ## throughput with and without our rules, times of admission, login and the end of a session (as root)
	tests/deps
	$(MAKE) -j$(shell nproc) all
	$(MAKE) bench-policy
	$(MAKE) bench-firewall
	$(MAKE) bench-search
	$(MAKE) bench-log
	$(MAKE) bench-login
	$(SYSTEM) $(PYTHON) tests/bench/bench.py

SOURCES := $(sort $(wildcard common/*.c config/*.c gateway/*.c gateway/cli/*.c auth/*.c))
TIDY_FLAGS := -I. -isystem $(WGLIB) -D_GNU_SOURCE -DSEKISHO_VERSION=\"$(VERSION)\"
.PHONY: analyze objects
analyze: ## gcc -fanalyzer, clang-tidy and cppcheck over all sources; any finding fails
	$(MAKE) -j$(shell nproc) CC=gcc B=build/analyze CFLAGS='-fanalyzer -Werror' objects
	printf '%s\n' $(SOURCES) | xargs -P $(shell nproc) -n 1 sh -c 'clang-tidy --quiet "$$@" -- -std=gnu11 $(TIDY_FLAGS)' clang-tidy
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability -j $(shell nproc) \
		$(filter -D%,$(TIDY_FLAGS)) -I. --include=/usr/include/utlist.h --suppress=missingIncludeSystem $(SOURCES)
objects: $(call obj,$(SOURCES))

.PHONY: docs
docs: ## writes what share/log-schema.json says into manual page, log-events.md and JSON Schema
	$(PYTHON) docs/logdocs.py

sbindir = $(PREFIX)/sbin
libexecdir = $(PREFIX)/libexec/sekisho
datadir = $(PREFIX)/share/sekisho
docdir = $(PREFIX)/share/doc/sekisho
unitdir = $(PREFIX)/lib/systemd/system
UNITS := $(notdir $(patsubst %.in,%,$(wildcard systemd/*.in systemd/*.socket systemd/*.target systemd/*.timer)))
MAN := $(wildcard docs/man/*.[1-8] docs/*.[1-8])
.PHONY: install uninstall
install: all ## into DESTDIR and PREFIX (/usr/local)
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(docdir)/examples/pam
	install -m 755 $(B)/sekisho $(DESTDIR)$(sbindir)/
	install -m 755 $(B)/sekisho-gateway $(B)/sekisho-portal $(B)/sekisho-auth $(DESTDIR)$(libexecdir)/
	for d in sysusers.d tmpfiles.d; do install -d $(DESTDIR)$(PREFIX)/lib/$$d; done
	install -d $(DESTDIR)$(unitdir)
	install -m 644 systemd/*.socket systemd/*.target systemd/*.timer $(DESTDIR)$(unitdir)/
	for u in systemd/*.in; do sed 's,@libexecdir@,$(libexecdir),g; s,@sbindir@,$(sbindir),g; s,@datadir@,$(datadir),g' $$u >$(DESTDIR)$(unitdir)/$$(basename $$u .in) || exit 1; done
	install -m 644 systemd/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/sekisho.conf
	install -m 644 systemd/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/sekisho.conf
	install -D -m 644 systemd/logrotate.conf $(DESTDIR)/etc/logrotate.d/sekisho
	install -m 644 README.md SECURITY.md docs/*.md docs/*.png $(DESTDIR)$(docdir)/
	sed -i 's,/usr/local/libexec/sekisho/,$(libexecdir)/,g; s,/usr/local/share/doc/sekisho/,$(docdir)/,g' $(DESTDIR)$(docdir)/operations.md
	install -m 644 systemd/pam/sekisho systemd/pam/sekisho-renew $(DESTDIR)$(docdir)/examples/pam/
	cp -r docs/examples/. $(DESTDIR)$(docdir)/examples/
	install -D -m 644 -t $(DESTDIR)$(datadir) share/*.json systemd/sysctl.conf
	for f in share/vim/*/*.vim; do install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/vim/vimfiles/$${f#share/vim/} || exit 1; done
	install -D -m 644 share/bash-completion/sekisho $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sekisho
	for m in $(MAN); do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$(basename $$m) || exit 1; done
uninstall: ## takes the programs out again; /etc/sekisho, the ledger and the logs stay
	rm -f $(DESTDIR)$(sbindir)/sekisho $(addprefix $(DESTDIR)$(unitdir)/,$(UNITS))
	rm -rf $(DESTDIR)$(libexecdir) $(DESTDIR)$(docdir) $(DESTDIR)$(datadir)
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/lib/,sysusers.d/sekisho.conf tmpfiles.d/sekisho.conf)
	rm -f $(DESTDIR)/etc/logrotate.d/sekisho
	for f in share/vim/*/*.vim; do rm -f $(DESTDIR)$(PREFIX)/share/vim/vimfiles/$${f#share/vim/}; done
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/sekisho
	for m in $(MAN); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$(basename $$m); done

# In a copy of the tree, for debhelper cleans up after itself. The tests have their own targets.
DEB := build/deb
.PHONY: deb
deb: ## the Debian package, in build/deb, from a copy of this tree; equal trees make equal packages
	rm -rf $(DEB)
	mkdir -p $(DEB)/sekisho-$(VERSION)
	tar -c --exclude-vcs --exclude=./build --exclude=__pycache__ . | tar -x -C $(DEB)/sekisho-$(VERSION)
	cd $(DEB)/sekisho-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u CI -u CC DEB_BUILD_OPTIONS="nocheck parallel=$(shell nproc)" dpkg-buildpackage -b -us -uc

.PHONY: check-deb
check-deb: $(PROGRAMS) ## builds the package twice, asks lintian, installs, upgrades, removes and purges it on a small Debian (as root)
	tests/deps
	PYTHONPATH=tests/vm:tests/vm/systemd PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -c 'import debian; debian.base()'  # with the network that the tests do not have
	$(SYSTEM) $(PYTEST) --durations=5 tests/package

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

.PHONY: clean
clean: ## removes build/
	rm -rf build
