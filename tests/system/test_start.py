# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting with something wrong: refused, with a message that names the file (or what else) and what to do about it."""
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from world import ROOT, World

CONF = "/etc/sekisho/sekisho.conf"


@pytest.fixture(scope="module")
def bare():
    """Set up, not started: each test breaks one thing, and the fixture below mends it again."""
    w = World({"poll_interval": "1s"})
    try:
        yield w
    finally:
        w.close()


@pytest.fixture
def mended(bare):
    subprocess.run(["cp", "-a", "/etc/sekisho", "/run/world/kept"], check=True)
    yield bare
    subprocess.run(["rm", "-rf", "/etc/sekisho"], check=True)
    subprocess.run(["mv", "/run/world/kept", "/etc/sekisho"], check=True)
    subprocess.run(["chown", "sekisho", "/var/lib/sekisho"], check=True)
    if "gateway" in bare.processes:
        bare.kill("gateway", signal.SIGTERM)
        bare.gw.run(*bare.gateway_command("--close"), capture_output=True)


def refusal(world):
    """Starts the gateway, which must refuse; what it says."""
    before = len(world.output("gateway"))
    process = world.spawn_gateway()
    assert process.wait(20) == 1
    said = world.output("gateway")[before:]
    assert not world.notified("READY=1")
    del world.processes["gateway"]
    return said


def test_a_whole_installation_starts(mended):
    assert mended.sekisho("setup", "--check").returncode == 0
    mended.start_gateway()
    assert not [n for n in mended.sekisho("status", "--json")["notices"] if "Landlock" in n]


def test_a_kernel_without_landlock_is_told(mended, monkeypatch):
    command = [sys.executable, f"{ROOT}/tests/system/without_landlock.py", *mended.gateway_command()]
    with monkeypatch.context() as m:
        m.setattr(mended, "gateway_command", lambda: command)
        mended.start_gateway()
    assert [n for n in mended.sekisho("status", "--json")["notices"] if "Landlock" in n]


@pytest.mark.parametrize("change, words", [
    ({"poll_interval": "soon"}, [CONF, "poll-interval", "soon"]),
    ({"poll_intervall": "1s"}, [CONF, "poll-intervall", "poll-interval"]),
    ({"endpoint": None}, [CONF, "endpoint"]),
    ({"tunnel_network": "10.64.0.1/16"}, [CONF, "10.64.0.1/16"]),
    ({"login_parallel": "0"}, [CONF, "login-parallel", "'0'"]),
    ({"interface": "has space"}, [CONF, "interface"]),
])
def test_wrong_settings(mended, change, words):
    mended.configure(**change)
    said = refusal(mended)
    assert all(word in said for word in words), said
    check = mended.sekisho("setup", "--check", check=False)
    assert check.returncode == 1 and CONF in check.stderr and words[-1] in check.stderr


def test_no_settings(mended):
    os.unlink(CONF)
    said = refusal(mended)
    assert CONF in said and "setup" in said


def test_settings_that_are_no_text(mended):
    with open(CONF, "wb") as f:
        f.write(b"endpoint \xff\xfe\x00\n")
    assert CONF in refusal(mended)


def test_wrong_acl_at_the_first_start(mended):
    empty_state()
    mended.write_acl({"groups/soumu.acl": "allow intranett\n"})
    said = refusal(mended)
    assert "groups/soumu.acl:1:7" in said and "intranet" in said
    assert os.listdir("/var/lib/sekisho/acl") == []


def empty_state():
    for name in os.listdir("/var/lib/sekisho"):
        path = f"/var/lib/sekisho/{name}"
        if os.path.isdir(path):
            for left in os.listdir(path):
                shutil.rmtree(f"{path}/{left}")
        else:
            os.unlink(path)


@pytest.mark.parametrize("break_it", [
    lambda: os.unlink("/etc/sekisho/tunnel.key"),
    lambda: os.chmod("/etc/sekisho/tunnel.key", 0o644),
    lambda: shutil.chown("/etc/sekisho/tunnel.key", "nobody"),
    lambda: World.write("/etc/sekisho/tunnel.key", "not a key\n", 0o640, "root:sekisho"),
    lambda: World.write("/etc/sekisho/tunnel.key", "", 0o640, "root:sekisho"),
    lambda: (os.unlink("/etc/sekisho/tunnel.key"), os.symlink("/etc/passwd", "/etc/sekisho/tunnel.key")),
], ids=["missing", "world-readable", "foreign owner", "garbage", "empty", "symlink"])
def test_tunnel_key(mended, break_it):
    break_it()
    assert "/etc/sekisho/tunnel.key" in refusal(mended)


def test_port_taken(mended):
    with mended.gw.new_socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("0.0.0.0", 51820))
        said = refusal(mended)
    assert "51820" in said


def test_state_folder_not_ours(mended):
    shutil.chown("/var/lib/sekisho", "root", "root")
    said = refusal(mended)
    assert "/var/lib/sekisho" in said


def test_state_folder_read_only(mended):
    subprocess.run(["mount", "-o", "remount,ro", "/var/lib/sekisho"], check=True)
    try:
        assert "/var/lib/sekisho" in refusal(mended)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", "/var/lib/sekisho"], check=True)


def test_state_folder_full(mended):
    empty_state()
    fill("/var/lib/sekisho/filler")
    try:
        assert "/var/lib/sekisho" in refusal(mended)
    finally:
        os.unlink("/var/lib/sekisho/filler")


def fill(path):
    with open(path, "wb", buffering=0) as f:
        size = 1 << 16
        while size:
            try:
                f.write(b"\0" * size)
            except OSError:
                size //= 2


def test_log_folder_read_only(mended):
    subprocess.run(["mount", "-o", "remount,ro", "/var/log/sekisho"], check=True)
    try:
        assert "/var/log/sekisho" in refusal(mended)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", "/var/log/sekisho"], check=True)


def test_ledger_damaged(mended):
    with open("/var/lib/sekisho/ledger.db", "wb") as f:
        f.write(b"this is no database, " * 1000)
    try:
        assert "/var/lib/sekisho/ledger.db" in refusal(mended)
    finally:
        os.unlink("/var/lib/sekisho/ledger.db")


def test_a_second_gateway(mended):
    """It must not disturb the one that runs."""
    mended.start_gateway()
    before = mended.sekisho("status", "--json")["problems"]
    second = mended.gw.run(*mended.gateway_command(), capture_output=True, check=False, timeout=30)
    assert second.returncode == 1 and second.stderr
    assert mended.processes["gateway"].poll() is None
    assert mended.sekisho("status", "--json")["problems"] == before


@pytest.mark.parametrize("break_it, file", [
    (lambda: os.unlink("/etc/sekisho/tls/portal.crt"), "/etc/sekisho/tls/portal.crt"),
    (lambda: os.chmod("/etc/sekisho/tls/portal.key", 0o600), "/etc/sekisho/tls/portal.key"),
    (lambda: World.write("/etc/sekisho/tls/portal.crt", "garbage"), "/etc/sekisho/tls/portal.crt"),
], ids=["no certificate", "key unreadable", "certificate garbage"])
def test_the_portals_certificate(mended, break_it, file):
    mended.start_gateway()
    break_it()
    before = len(mended.output("portal"))
    mended.start_portal()
    portal = mended.processes["portal"]
    try:
        mended.gw.tcp("10.64.0.1", 443)  # the first connection starts it
        assert portal.wait(20) == 1
        assert file in mended.output("portal")[before:]
    finally:
        mended.kill("portal")
    check = mended.sekisho("setup", "--check", check=False)
    assert check.returncode == 1 and file in check.stdout + check.stderr


def test_a_missing_pam_service_is_found_by_the_check(mended):
    shutil.move("/etc/pam.d/sekisho", "/run/world/pam")
    try:
        check = mended.sekisho("setup", "--check", check=False)
        assert check.returncode == 1 and "/etc/pam.d/sekisho" in check.stdout + check.stderr
    finally:
        shutil.move("/run/world/pam", "/etc/pam.d/sekisho")
