# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody runs code of his own in one of our programs (intruder.c): what he tries ends the program, or is refused."""
import ctypes
import os
import signal
import struct
import subprocess
import sys

import pytest

import filter_log
from netns import SLOWER, wait_until
from shim import orders
from world import BUILD, PORTAL4, World

ORDERS = struct.Struct("=ii56s")
PATH = "/run/world/intruder"
PRELOAD = f"{BUILD}/tests/intruder.so"
KILLED, WORKED, EPERM, EACCES, ENOSYS, EAFNOSUPPORT = -signal.SIGSYS, 0, 1, 13, 38, 97

pytestmark = pytest.mark.skipif(os.environ.get("SEKISHO_FILTERS") == "log", reason="here everything is stopped")

# Ends the program, whoever it is.
FATAL = ["peek", "ptrace", "mount", "unshare", "clone-user", "setns", "bpf", "module", "perf", "userfaultfd", "packet-socket",
         "clock"]
# Ends a program that has a list of what it may.
FATAL_BY_LIST = FATAL + ["listen", "io-uring", "alg-socket", "exec", "fork", "connect", "datagrams", "raw-socket", "write-execute", "execute-later", "kill", "setuid",
                         "dump", "keyring", "memfd", "link-elsewhere"]


def landlock():
    """Its version, 0 where the kernel has none: landlock_create_ruleset(2)."""
    return max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))


class Intruder:
    def __init__(self):
        self.map = orders(PATH, ORDERS.size)

    def act(self, pid, name):
        self.map[:] = ORDERS.pack(0, 0, name.encode())
        os.kill(pid, signal.SIGUSR2)

    @property
    def came_back(self):
        """None, or the errno of the act, 0 when it worked."""
        state, error, _ = ORDERS.unpack(self.map[:])
        return error if state else None


@pytest.fixture(scope="module")
def place():
    w = World()
    w.intruder = Intruder()
    w.gateway_environment = {"LD_PRELOAD": PRELOAD}
    try:
        w.start_gateway()
        yield w
    finally:
        w.close()


def start_portal(place, preloaded=PRELOAD):
    """systemd-socket-activate starts it at the first connection, and becomes it."""
    place.start_portal(f"LD_PRELOAD={preloaded}")
    place.gw.connect(PORTAL4, 443).close()
    process = place.processes["portal"]
    wait_until(lambda: process.pid in place.pids("sekisho-portal") and seccomp(process.pid) == 2, what="the portal is confined")


@pytest.fixture
def portal(place):
    if "portal" not in place.processes:
        start_portal(place)
    return place.processes["portal"]


def seccomp(pid):
    """2 when a filter is in force (proc(5))."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Seccomp:"))


def result_of(place, name, act):
    """How the program ended: KILLED, or the errno that its act came back with."""
    process = place.processes.pop(name)
    place.intruder.act(process.pid, act)
    code = process.wait(20 * SLOWER)
    return code if code else place.intruder.came_back


@pytest.mark.parametrize("act", FATAL_BY_LIST + ["write-elsewhere", "fast-open"])
def test_portal_dies(place, portal, act):
    assert result_of(place, "portal", act) == KILLED


@pytest.mark.parametrize("act, since", [("read-elsewhere", 1), ("reuse-socket", 4)])
def test_portal_is_refused(place, portal, act, since):
    """By the fence, as far as the kernel's reaches."""
    assert result_of(place, "portal", act) == (EACCES if landlock() >= since else WORKED)


def attempt(place):
    """(worker's pid, its client) of a login attempt that waits for its first word; a supervisor stands behind the worker."""
    ask = ("import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect('/run/sekisho-auth/socket'); "
           "print('ready', flush=True); sys.stdin.read()")
    client = place.gw.popen("setpriv", "--reuid=sekisho-portal", "--regid=sekisho-portal", "--init-groups", sys.executable, "-c", ask,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "ready\n"
    wait_until(lambda: len(place.pids("sekisho-auth")) == 2, what="the attempt's two processes")
    return max(place.pids("sekisho-auth")), client


REFUSED = [("raw-socket", EPERM), ("alg-socket", EAFNOSUPPORT), ("io-uring", ENOSYS), ("clone3", ENOSYS)]


@pytest.mark.parametrize("act, result", [(act, KILLED) for act in FATAL] + REFUSED)
def test_gateway(place, act, result):
    """What it starts is not known, so some acts are left: exec, fork, listen, files as far as its user may."""
    if "gateway" not in place.processes:
        place.start_gateway()
    assert result_of(place, "gateway", act) == result


@pytest.mark.parametrize("act, result", [(act, KILLED) for act in FATAL + ["listen"]] + REFUSED)
def test_login_attempt(place, act, result):
    """The worker, in which PAM runs: its supervisor says how it ended."""
    if "auth" not in place.processes:
        place.start_auth(f"LD_PRELOAD={PRELOAD}")
    words = "a PAM module did what none may"
    before = place.output("auth").count(words)
    worker, client = attempt(place)
    try:
        place.intruder.act(worker, act)
        wait_until(lambda: not place.pids("sekisho-auth"), what="the attempt ends")
        killed = place.output("auth").count(words) > before
        assert (KILLED if killed else place.intruder.came_back) == result
    finally:
        client.stdin.close()
        client.wait()


def test_a_run_that_logs_tells_what_would_have_been_stopped(place):
    """SEKISHO_FILTERS=log (tests/system/run)."""
    log = filter_log.FilterLog()
    try:
        start_portal(place, f"{BUILD}/tests/filter_log.so {PRELOAD}")
        assert not log.report()
        assert result_of(place, "portal", "memfd") == WORKED
        told, = log.report()
        assert told.startswith("a filter would have stopped sekisho-portal: memfd_create (1 times")
    finally:
        log.close()


def test_the_intruder_can_act(place):
    """Without our programs' walls each act comes back: what killed was the wall, not the act."""
    for act in ("exec", "fork", "connect", "raw-socket", "write-execute", "read-elsewhere", "ptrace", "kill"):
        process = subprocess.Popen([sys.executable, "-c", "import signal; print('ready', flush=True); signal.pause()"],
                                   env={**os.environ, "LD_PRELOAD": PRELOAD}, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        place.intruder.act(process.pid, act)
        assert process.wait(20 * SLOWER) == 0
        assert act == "exec" or place.intruder.came_back == WORKED
