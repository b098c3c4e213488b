# SPDX-License-Identifier: GPL-3.0-or-later
"""`make install`, `sekisho setup`, `systemctl enable --now sekisho.target`: what is there then, on a Debian that just booted."""
import re

import pytest

# Path: owner, group, mode and kind, as in tmpfiles.d, the units and setup.
PLACES = {
    "/run/sekisho": "sekisho:sekisho 755 directory",
    "/run/sekisho/control": "sekisho:sekisho 666 socket",  # the gateway judges who asks by its peer's credentials
    "/run/sekisho-auth/socket": "root:sekisho-auth 660 socket",
    "/run/sekisho-auth": "root:root 755 directory",
    "/run/wireguard": "sekisho:sekisho 750 directory",
    "/var/log/sekisho": "sekisho:sekisho-logs 2750 directory",
    "/var/log/sekisho/audit.jsonl": "sekisho:sekisho-logs 640 regular file",
    "/var/lib/sekisho/ledger.db": "sekisho:sekisho 600 regular file",
    "/var/lib/sekisho/boot-id": "sekisho:sekisho 600 regular file",
    "/var/lib/sekisho/reports": "root:sekisho-desk 3770 directory",
    "/var/lib/sekisho-report": "sekisho-report:sekisho-logs 2750 directory",
    "/var/lib/sekisho-oath": "root:root 700 directory",
    "/etc/sekisho/sekisho.conf": "root:root 644 regular file",
    "/etc/sekisho/tunnel.key": "root:sekisho 640 regular file",
    "/etc/sekisho/acl": "root:sekisho 750 directory",
    "/etc/sekisho/tls/portal.key": "root:sekisho-portal 640 regular file",
}
UNITS = "sekisho-guard.service sekisho-gateway.service sekisho-auth.socket sekisho-portal.socket sekisho-portal.service sekisho.target"
SECURITY = {"sekisho-gateway.service": 1.1, "sekisho-guard.service": 1.1, "sekisho-portal.service": 0.5, "sekisho-auth@.service": 1.0}


def test_it_boots(machine):
    assert machine.wait("systemctl is-system-running --wait || systemctl is-system-running | grep -x degraded") in ("running", "degraded"), \
        machine.out("systemctl --failed")
    assert machine.out("systemctl --failed --plain --no-legend") == ""
    print(f"\nbooted within {machine.boot_seconds:.0f} s: {machine.out('systemd-analyze time')}")


def test_it_does_not_forward_before_it_is_set_up(installed):
    """Booted with the product on its disk; `installed` looked before it set that up."""
    assert installed.forwarded_before == ["0", "0"]


def test_users_come_from_sysusers(machine):
    for name in ("sekisho", "sekisho-portal"):
        assert machine.out(f"getent passwd {name} | cut -d: -f7") == "/usr/sbin/nologin"
    for group in ("sekisho-logs", "sekisho-admin", "sekisho-desk"):
        machine.run(f"getent group {group}")


def test_sysctls(installed):
    machine = installed
    wanted = dict(re.findall(r"^(\S+) = (\S+)$", machine.out("cat /usr/local/share/sekisho/sysctl.conf"), re.M))
    assert len(wanted) >= 5
    for key, value in wanted.items():
        unit = 4 if key.endswith("ratelimit") else 1  # milliseconds, which the kernel keeps in ticks of 4
        assert int(value) <= int(machine.out(f"sysctl -n {key}")) < int(value) + unit, key


def test_all_parts_run(installed):
    assert installed.wait(f"[ $(systemctl is-active {UNITS} | grep -c -x active) = 6 ] && echo all") == "all"
    assert installed.out("systemctl is-enabled sekisho.target sekisho-guard.service").split() == ["enabled", "enabled"]
    installed.wait("sekisho status | grep -q 'No problems'", 60)
    assert installed.problems() == []
    assert installed.json("status")["backend"] == "kernel"


@pytest.mark.parametrize("path", PLACES)
def test_folders_files_and_sockets(installed, path):
    assert installed.out(f"stat -c '%U:%G %a %F' {path}") == PLACES[path]


def test_nobody_else_may_enter(installed):
    """Everything of ours that others could write to, and every secret that they could read."""
    assert installed.out("find /etc/sekisho /var/lib/sekisho /var/log/sekisho /run/sekisho /run/sekisho-auth -perm /o+w ! -type l ! -type s") == ""
    assert installed.out("find /etc/sekisho /var/lib/sekisho -type f -perm /o+r \\( -name '*.key' -o -name '*.db*' \\)") == ""


def test_units_are_well_formed(installed):
    done = installed.run(f"systemd-analyze verify --man=no {UNITS} sekisho-auth@1.service", timeout=300)
    assert [line for line in (done.out + done.err).splitlines() if "sekisho" in line] == []


@pytest.mark.parametrize("unit", SECURITY)
def test_exposure(installed, unit):
    line = installed.out(f"systemd-analyze security --no-pager {unit.replace('@', '@1')} | tail -1", timeout=300)
    print(line)
    assert float(re.search(r"([0-9.]+) [A-Z]+", line)[1]) <= SECURITY[unit]


def test_an_administrator_without_root(installed):
    installed.run("usermod -a -G sekisho-admin n-admin")
    done = installed.run("setpriv --reuid=n-admin --regid=n-admin --init-groups sekisho status")
    assert "No problems." in done.out
