# SPDX-License-Identifier: GPL-3.0-or-later
"""The three log files after a day's work: complete, numbered without gaps, over rotation, a full disk and a crash."""
import contextlib
import glob
import os
import signal
import subprocess
import sys

import pytest

from world import FILES, INTRANET, ROOT, STAFF, World, field, wait_until

SETTINGS = {"log_space_reserve": "4"}


@pytest.fixture(scope="module")
def world():
    w = World({"poll_interval": "1s", **SETTINGS}, log_mib=16)
    try:
        yield w.start()
    finally:
        w.close()


def logcheck():
    command = [sys.executable, f"{ROOT}/tests/system/logcheck.py", "/var/log/sekisho"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def numbers(world, file):
    return [e["event"]["sequence"] for e in world.logs(file)]


def test_a_day_of_work_is_on_record(world, device, session):
    for address in INTRANET:
        assert world.phone.tcp(address, 80).result == "open"
    world.phone.tcp(INTRANET[0], 22)
    world.sekisho("session", "end", str(session["id"]))
    closed = world.wait_log("access", "connection-closed", user__name="t-yamada", destination__ip=INTRANET[0])
    assert closed["device"]["id"] == device.id and field(closed, "source.ip") == device.v4
    assert field(closed, "sekisho.session.id") == session["id"] and field(closed, "destination.port") == 80
    ended = world.logs("auth", "session-ended")[-1]
    assert ended["event"]["reason"] == "kicked" and ended["event"]["duration"] > 0
    assert world.logs("audit", "session-kicked")
    logcheck()


def test_rotation_loses_nothing(world, device):
    """By rename and signal, as the shipped logrotate file does it; the numbers go on in the new files, and nothing comes into
    force by it that somebody is editing."""
    before = numbers(world, "auth")[-1]
    world.write_acl({"users/t-yamada.acl": "allow files\n"})
    subprocess.run(["logrotate", "--force", "--state", "/run/world/logrotate", rotation(world)], check=True)
    wait_until(lambda: os.path.exists("/var/log/sekisho/auth.jsonl") and numbers(world, "auth"), what="new files")
    assert glob.glob("/var/log/sekisho/auth.jsonl-*")
    assert numbers(world, "auth")[0] > before
    assert world.logs("auth")[0]["event"]["action"] == "log-opened"
    world.login(world.phone)
    assert world.phone.tcp(FILES[0], 80).result != "open"
    world.write_acl({"users/t-yamada.acl": None})
    logcheck()


def rotation(world):
    """The shipped file; what it asks of systemctl(1) becomes the signal itself."""
    with open(f"{ROOT}/systemd/logrotate.conf") as f:
        text = f.read().replace("systemctl --quiet is-active sekisho-gateway.service", "true").replace(
            "systemctl kill --signal=USR1 --kill-whom=main sekisho-gateway.service", f"kill -USR1 {world.processes['gateway'].pid}")
    World.write("/run/world/logrotate.conf", text)
    return "/run/world/logrotate.conf"


def test_a_full_disk_refuses_logins_and_is_on_record(world, device):
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))
    free = os.statvfs("/var/log/sekisho")
    with open("/var/log/sekisho/filler", "wb") as f:
        f.write(b"\0" * (free.f_bavail * free.f_bsize - (2 << 20)))
    try:
        world.login(world.phone)
        assert world.sekisho("session", "list", "--json") == []
        assert world.sekisho("status", "--json")["problems"]
    finally:
        os.unlink("/var/log/sekisho/filler")
    assert world.wait_log("auth", "login-failed", event__reason="log-full")
    world.login(world.phone)
    assert len(world.sekisho("session", "list", "--json")) == 1
    logcheck()


@contextlib.contextmanager
def full_ledger_disk():
    filler = "/var/lib/sekisho/filler"
    with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while f.write(b"\0" * 4096):
            pass
    try:
        yield
    finally:
        os.unlink(filler)


def test_a_change_that_was_recorded_and_could_not_be_made_is_taken_back(world, device):
    """The ledger's disk is full when somebody is to be let in: the record comes first, so another one has to say that it is not so."""
    world.sekisho("device", "suspend", device.id)
    world.sekisho("user", "suspend", "k-mori")
    note = ("--note", "x" * 200)
    changes = {
        "device-resumed": ["device", "resume", device.id, *note],
        "device-changed": ["device", "change", device.id, "--purpose", "x" * 200],
        "device-rotated": ["device", "rotate", device.id, "--conf", "/run/world/rotated.conf", *note],
        "device-added": ["device", "add", "k-mori", "--class", "ministry", "--label", "x" * 60, "--conf", "/run/world/added.conf"],
        "user-resumed": ["user", "resume", "k-mori", *note],
    }
    def people():
        return world.sekisho("device", "list", "--json"), world.sekisho("user", "list", "--json")
    before = people()
    with full_ledger_disk():
        for action, words in changes.items():
            refused = world.sekisho(*words, check=False)
            assert refused.returncode != 0 and "space" in refused.stderr, refused
            event = world.wait_log("audit", "change-failed", event__reason=action)
            assert event["event"]["outcome"] == "failure" and field(event, "error.message")
    assert people() == before
    for action, words in changes.items():
        world.sekisho(*words)
        world.wait_log("audit", action)
    logcheck()


def test_a_torn_line_of_a_crash_is_cut_and_noted(world, device):
    world.kill("gateway", signal.SIGKILL)
    with open("/var/log/sekisho/access.jsonl", "a") as f:
        f.write('{"@timestamp": "2026-11-2')
    world.start_gateway()
    assert world.wait_log("access", "log-gap", event__reason="torn-line")
    started = world.logs("audit", "gateway-started")[-1]
    assert started["event"]["sequence"] > 1
    logcheck()


def test_no_secret_anywhere(world):
    text = "".join(open(f, errors="replace").read() for f in glob.glob("/var/log/sekisho/*") + glob.glob("/run/world/out/*"))
    assert not [s.name for s in STAFF.values() if s.password in text]
