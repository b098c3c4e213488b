# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed, upgraded, removed and purged on a small Debian. What systemd is asked to do is written down by a stand-in for it
(there is no process 1 here); what the gateway does, it does to a real kernel's tables."""
import fnmatch
import os
import re
import shutil
import subprocess

import pytest

from conftest import TREE

SETUP = ("sekisho setup --endpoint vpn.example.jp:51820 --network4 10.64.0.0/16 --network6 fd64:5e61::/64 "
         "--internal 10.20.0.0/16 --resolver 10.20.0.53 --portal-name gate.example.jp")
RECORDS = ("/var/log/sekisho/auth.jsonl", "/var/lib/sekisho/acl/000001/systems.acl", "/var/lib/sekisho-report/2026-11-01.html")
SECRETS = ("/etc/sekisho", "/var/lib/sekisho/ledger.db", "/etc/pam.d/sekisho", "/etc/systemd/system/sekisho-portal.socket.d")


def with_systemd(debian):
    """From here on it looks as if systemd ran; what it is asked for goes to /run/asked."""
    os.makedirs(f"{debian.folder}/run/systemd/system")
    for name in ("systemctl", "deb-systemd-invoke"):
        debian.write(f"/usr/local/sbin/{name}", f'#!/bin/sh\necho "{name} $*" >>/run/asked\n', 0o755)
    debian.write("/run/asked", "")


def asked(debian):
    lines = debian.read("/run/asked").splitlines()
    debian.write("/run/asked", "")
    return [line for line in lines if "daemon-reload" not in line]


def records(debian):
    for path in RECORDS:
        debian.write(path, "a record\n")
    debian.write("/var/lib/sekisho/ledger.db", "a ledger\n", 0o600)


def newer(package, folder):
    """The same package with a higher version and another programs' version."""
    contents = f"{folder}/newer"
    subprocess.run(["dpkg-deb", "-R", package, contents], check=True)
    path = f"{contents}/DEBIAN/control"
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(re.sub(r"^Version: (.*)$", r"Version: \1+1", text, flags=re.M))
    with open(f"{contents}/etc/logrotate.d/sekisho", "a", encoding="utf-8") as f:
        f.write("# newer\n")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", contents, f"{folder}/newer.deb"], check=True, capture_output=True)
    return f"{folder}/newer.deb"


@pytest.fixture
def installed(debian, package):
    with_systemd(debian)
    debian.install(package)
    return debian


def test_nothing_is_started_or_enabled(installed):
    assert asked(installed) == []
    assert installed.run("find /etc/systemd/system -name '*sekisho*'") == ""
    assert not installed.there("/etc/sekisho/sekisho.conf")


def test_smoke(installed):
    """The test that Debian's own machines would run (autopkgtest)."""
    shutil.copy(f"{TREE}/debian/tests/smoke", f"{installed.folder}/tmp/")
    assert "smoke: ok" in installed.run("/tmp/smoke")
    assert not installed.there("/etc/sekisho")


def test_an_upgrade_restarts_what_runs_and_stops_nothing(installed, package, tmp_path):
    installed.run(SETUP)
    before = installed.run("find /etc/sekisho -type f -exec sha256sum {} +")
    installed.write("/etc/logrotate.d/sekisho", "# the administrator's own\n")
    asked(installed)
    newest = newer(package, str(tmp_path))
    subprocess.run(["cp", newest, f"{installed.folder}/tmp/newer.deb"], check=True)
    installed.run("dpkg --force-unsafe-io --force-confdef --force-confold -i /tmp/newer.deb")
    assert asked(installed) == [f"deb-systemd-invoke try-restart sekisho-{part}.service" for part in ("gateway", "portal", "dns")]
    assert installed.read("/etc/logrotate.d/sekisho") == "# the administrator's own\n"
    assert installed.run("find /etc/sekisho -type f -exec sha256sum {} +") == before


def test_an_upgrade_says_so_when_the_gateway_does_not_start(installed, package):
    installed.write("/usr/local/sbin/deb-systemd-invoke", "#!/bin/sh\nexit 1\n", 0o755)
    said = installed.install(package)
    assert "sekisho-gateway of the new version does not start" in said and "journalctl -u sekisho-gateway" in said


def test_removal_closes_the_tunnel(installed):
    """Also with `on-stop leave`: firewall and routing lock are gone from the kernel. Settings and records stay."""
    installed.run(SETUP + "; echo 'on-stop leave' >>/etc/sekisho/sekisho.conf")
    records(installed)
    installed.run("rm /var/lib/sekisho/ledger.db; /usr/libexec/sekisho/sekisho-gateway --shut")
    assert "sekisho" in installed.run("nft list tables") and "90:" in installed.run("ip rule")
    asked(installed)
    units = installed.run("cd /lib/systemd/system && ls -d sekisho*").split()
    installed.run("dpkg --force-unsafe-io -r sekisho")
    stopped = " ".join(asked(installed)).split()
    assert [u for u in units if not any(fnmatch.fnmatch(u, word) for word in stopped)] == [] and len(units) > 8
    assert "sekisho" not in installed.run("nft list tables") and "90:" not in installed.run("ip rule")
    assert installed.there("/etc/sekisho/tunnel.key") and all(installed.there(p) for p in RECORDS)


def test_a_removal_that_cannot_close_does_not_happen(installed):
    installed.run(SETUP + "; echo nonsense >/etc/sekisho/sekisho.conf")
    said = installed.run("dpkg --force-unsafe-io -r sekisho", check=False)
    assert "could not be closed" in said
    assert installed.there("/usr/libexec/sekisho/sekisho-gateway")
    assert "could not be closed" not in installed.run("rm /etc/sekisho/sekisho.conf; dpkg --force-unsafe-io -r sekisho")
    assert not installed.there("/usr/libexec/sekisho/sekisho-gateway")


@pytest.mark.parametrize("asked_to", [False, True], ids=["by itself", "told to"])
def test_purge_takes_secrets_and_leaves_records_unless_told(installed, asked_to):
    installed.run(SETUP)
    records(installed)
    os.rmdir(f"{installed.folder}/run/systemd/system")
    if asked_to:
        installed.run("echo 'sekisho sekisho/purge-records boolean true' | debconf-set-selections")
    installed.run("dpkg --force-unsafe-io --purge sekisho")
    assert [p for p in SECRETS if installed.there(p)] == []
    assert [installed.there(p) for p in RECORDS] == [not asked_to] * len(RECORDS)
    assert not installed.there("/etc/logrotate.d/sekisho")


def test_installed_again_after_a_removal_it_goes_on(installed, package):
    installed.run(SETUP)
    key = installed.read("/etc/sekisho/tunnel.key")
    os.rmdir(f"{installed.folder}/run/systemd/system")
    installed.run("dpkg --force-unsafe-io -r sekisho")
    installed.install(package)
    assert installed.read("/etc/sekisho/tunnel.key") == key
    installed.run("sekisho setup --check")
