# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 in the middle of an apply, before each of the system calls that leave a trace: whatever is in force afterwards is whole,
archived, recorded, and what the phone meets."""
import contextlib
import os
import signal
import subprocess

import pytest

from world import FILES, INTRANET, wait_until

CLOSED = ("refused", "prohibited")
ARCHIVE = "/var/lib/sekisho/acl"
MINE = "users/t-yamada.acl"
# Each of these leaves something that is there after a crash, or is the last thing before it would be.
CALLS = ("mkdirat", "syncfs", "fsync", "renameat", "pwrite64", "fdatasync", "sendto", "write")


@contextlib.contextmanager
def killing(pid, call, when):
    """The process dies as it enters that call for the `when`th time from now on."""
    strace = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={call}",
                               "-e", f"inject={call}:signal=KILL:when={when}"])

    def attached():
        with open(f"/proc/{pid}/status") as f:
            return any(line.startswith("TracerPid:") and int(line.split()[1]) for line in f)

    try:
        wait_until(attached, what="strace is attached")
        yield
    finally:
        if strace.poll() is None:
            strace.send_signal(signal.SIGTERM)
        strace.wait(20)


def text_of(number):
    """The user's file in a generation."""
    try:
        with open(f"{ARCHIVE}/{number:06}/{MINE}") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def judge(world, before):
    """What must hold after any crash; the generation in force."""
    status = world.sekisho("status", "--json")
    number = status["acl"]["generation"]
    assert number >= before
    names = sorted(os.listdir(ARCHIVE))
    assert all(name.isdigit() for name in names), names
    assert f"{number:06}" in names
    text = text_of(number)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert (world.phone.tcp(FILES[0], 80).result == "open") == text.startswith("allow files"), text
    assert world.phone.tcp(FILES[0], 80).result in ("open", *CLOSED)
    records = world.logs("audit", "acl-applied")
    applied = [e["sekisho"]["acl"]["generation"] for e in records]
    in_time = [e["sekisho"]["acl"]["generation"] for e in records if "reason" not in e["event"]]
    assert number in applied and len(set(in_time)) == len(in_time)
    refused = [e["sekisho"]["acl"]["refused_generation"] for e in world.logs("audit", "acl-rejected", event__reason="interrupted")]
    assert len(set(refused)) == len(refused)
    assert {int(name) for name in names} == {*applied, *refused}
    return number


@pytest.mark.parametrize("call", CALLS)
def test_killed_before_a_call(world, device, session, call):
    """Until a whole apply went through without reaching the call so often."""
    number, died = world.sekisho("status", "--json")["acl"]["generation"], 0
    # The command asks for the history before it applies: one row more each time, and each row is sent. Two steps keep ahead of it.
    for when in range(1, 500, 2 if call == "sendto" else 1):
        text = f"{'deny' if 'allow' in text_of(number) else 'allow'} files # {call} {when}\n"
        world.write_acl({MINE: text})
        with killing(world.processes["gateway"].pid, call, when):
            done = world.sekisho("acl", "apply", "--yes", check=False)
            if done.returncode == 0:
                break
        assert world.processes["gateway"].wait(20) == -signal.SIGKILL
        died += 1
        world.start_gateway()
        number = judge(world, number)
    else:
        pytest.fail("never came to the end")
    assert text_of(judge(world, number)) == text
    assert died, f"an apply makes no {call}"
