# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs' disk is full, fails, or is slow: what the phone sees, what is on record, and that all works again by itself."""
import datetime
import errno
import itertools
import os
import re
import socket
import subprocess

import pytest

from logcheck import check_folder
from shim import ShimWorld
from world import FILES, INTRANET, field, wait_until

LOGS, IMAGE, FILLER = "/var/log/sekisho", "/run/world/disk.img", "/var/log/sekisho/filler"
ACTIONS = ("refuse-logins", "close-sessions", "continue")


@pytest.fixture(scope="module")
def world():
    """Its logs are on a small ext4 of their own."""
    w = ShimWorld({"log_space_reserve": "4", "log_space_low": "8"})
    try:
        with open(IMAGE, "wb") as f:
            f.truncate(40 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", IMAGE], check=True)
        subprocess.run(["mount", "-o", "loop", IMAGE, LOGS], check=True)
        subprocess.run(["chown", "sekisho:sekisho-logs", LOGS], check=True)
        os.chmod(LOGS, 0o2750)
        yield w.start()
    finally:
        w.close()  # which looks at the logs first
        subprocess.run(["umount", LOGS], check=False)


@pytest.fixture
def action(world, device, session, request):
    """One of log-full-action's words, in force, with t-yamada logged in."""
    earlier = len(world.output("gateway"))  # also of gateways of other tests
    world.configure(log_full_action=request.param)
    world.sekisho("reload")
    yield request.param
    world.shim.disk()
    if os.path.exists(FILLER):
        os.unlink(FILLER)
    wait_until(lambda: problems(world) == "", 20, "no problems")

    def said(words):
        return world.output("gateway")[earlier:].count(words)

    wait_until(lambda: said("nothing can be recorded") == said("everything can be recorded again"), 20, "the gateway knows")


def fill():
    with open(FILLER, "wb", buffering=0) as f:
        try:
            while f.write(b"\0" * 4096):
                pass
        except OSError as e:
            assert e.errno == errno.ENOSPC


def problems(world):
    return "\n".join(world.sekisho("status", "--json")["problems"])


def try_what_is_refused(world, tries=itertools.count()):
    """The phone tries what it may not, each time something else: lines for access.jsonl."""
    first = 1024 + 50 * (next(tries) % 1200)

    def send():
        for port in range(first, first + 50):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(b"x", (FILES[0], port))

    world.phone.call(send)


def lose_something(world):
    """Until events are missing."""
    def is_lost():
        try_what_is_refused(world)
        return re.search(r"[(][1-9][0-9]* event", problems(world))

    wait_until(is_lost, 60, "events are missing")


def sessions(world):
    return world.sekisho("session", "list", "--json")


def what_the_phone_sees(world, action, before):
    """While nothing can be recorded."""
    if action == "refuse-logins":
        assert world.phone.tcp(INTRANET[0], 80).result == "open"
        assert [s["id"] for s in sessions(world)] == [s["id"] for s in before]
        world.sekisho("session", "end", str(before[0]["id"]))
    elif action == "close-sessions":
        wait_until(lambda: sessions(world) == [], what="all sessions closed")
        assert "cannot keep its records" in world.browser().get("/").text
        assert world.phone.tcp(INTRANET[0], 80).result != "open"
    if action == "continue":
        world.sekisho("session", "end", str(before[0]["id"]))
        assert "logins and sessions go on" in problems(world)
        world.login(world.phone)
        assert len(sessions(world)) == 1
    else:
        assert "logins are refused" in problems(world)
        assert "cannot be checked right now" in world.login(world.phone).page.text
        assert sessions(world) == []
        refused = world.sekisho("device", "add", "h-suzuki", "--conf", "-", check=False)
        assert refused.returncode != 0 and "nothing can be recorded" in refused.stderr, refused
        world.write_acl({"users/k-mori.acl": "allow files\n"})
        generation = world.sekisho("status", "--json")["acl"]["generation"]
        refused = world.sekisho("acl", "apply", "--yes", check=False)
        assert refused.returncode != 0 and "nothing can be recorded" in refused.stdout + refused.stderr, refused
        assert world.sekisho("status", "--json")["acl"]["generation"] == generation
        world.write_acl({"users/k-mori.acl": None})


def newer(world, since, file, action, reason):
    """Waits for such a line that is not of an earlier test."""
    return wait_until(lambda: next((e for e in world.logs(file, action, event__reason=reason)
                                    if e["event"]["sequence"] > since[file]), None), 20, f"{action} {reason} in {file}")


def well_again(world, since, reason, file):
    """By itself: the gap is on record, and everybody may come in."""
    wait_until(lambda: problems(world) == "", what="no problems any more")
    gap = newer(world, since, file, "log-gap", reason)
    assert field(gap, "sekisho.count") > 0
    newer(world, since, "audit", "log-recovered", reason)
    if not sessions(world):
        world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    wait_until(lambda: not check_folder(LOGS), what="logs as documented")
    done = world.sekisho("log", "verify", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def last_numbers(world):
    return {file: world.logs(file)[-1]["event"]["sequence"] for file in ("auth", "access", "audit")}


@pytest.mark.parametrize("action", ACTIONS, indirect=True)
def test_a_full_disk(world, device, action):
    before, since = sessions(world), last_numbers(world)
    kept = sorted(os.listdir(LOGS))
    fill()
    lose_something(world)
    wait_until(lambda: "too little is free" in problems(world), what="status says what is wrong")
    what_the_phone_sees(world, action, before)
    # The reserve: on record although nobody else could write a byte.
    newer(world, since, "auth", "session-ended", "log-full" if action == "close-sessions" else "kicked")
    if action != "continue":
        newer(world, since, "auth", "login-failed", "log-full")
    assert sorted(os.listdir(LOGS)) == sorted(kept + ["filler"])  # nothing was deleted to make room
    os.unlink(FILLER)
    well_again(world, since, "disk-full", "access")


@pytest.mark.parametrize("fault, reason", [({"write": errno.EIO}, "write-error"), ({"sync": errno.EIO}, "write-error"),
                                           ({"write": errno.EROFS, "sync": errno.EROFS}, "read-only")],
                         ids=("write", "flush", "read-only"))
@pytest.mark.parametrize("action", ACTIONS, indirect=True)
def test_a_disk_that_fails(world, device, action, fault, reason):
    before, since = sessions(world), last_numbers(world)
    world.shim.disk(**fault)
    try_what_is_refused(world)
    wait_until(lambda: problems(world), what="status says what is wrong")
    assert ("is read-only" if reason == "read-only" else "does not take") in problems(world)
    what_the_phone_sees(world, action, before)
    world.shim.disk()
    well_again(world, since, reason, "auth")


@pytest.mark.parametrize("action", ("refuse-logins",), indirect=True)
def test_a_slow_disk_only_slows(world, device, action):
    """Half a second for each flush: everything goes on and nothing is missing."""
    for s in sessions(world):
        world.sekisho("session", "end", str(s["id"]))
    since, begun = last_numbers(world), datetime.datetime.now(datetime.timezone.utc)
    world.shim.disk(slow_ms=500)
    world.login(world.phone)
    assert len(sessions(world)) == 1
    try_what_is_refused(world)
    opened = world.wait_log("auth", "session-opened")
    assert opened["event"]["sequence"] > since["auth"]
    world.shim.disk()
    limited = ("rate-limited", "unread")  # the firewall's limit for refusals, not the disk
    assert not [e for f in since for e in world.logs(f, "log-gap")
                if e["event"]["sequence"] > since[f] and e["event"]["reason"] not in limited
                and datetime.datetime.fromisoformat(field(e, "sekisho.gap.from")) > begun]
