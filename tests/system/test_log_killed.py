# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole gateway killed at random moments while it logs: what it told somebody is on record, and the logs stay whole."""
import os
import random
import signal
import socket
import subprocess
import sys
import threading

from world import FILES, ROOT, field, wait_until

ROUNDS = int(os.environ.get("SEKISHO_GATEWAY_KILLS", 6))


def knock_about(world, stop):
    """The phone tries what it may not, until told to stop."""
    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for port in range(1024, 65536):
                if stop.is_set():
                    return
                s.sendto(b"x", (FILES[0], port))
                stop.wait(0.0005)

    world.phone.call(send)


def test_killed_while_it_logs(world, device):
    dice = random.Random(os.environ.get("SEKISHO_SEED") or None)
    told = []
    for _ in range(ROUNDS):
        for s in world.sekisho("session", "list", "--json"):
            world.sekisho("session", "end", str(s["id"]))
        world.login(world.phone)
        told += [s["id"] for s in world.sekisho("session", "list", "--json")]
        stop, moment = threading.Event(), dice.randrange(40)
        thread = threading.Thread(target=knock_about, args=(world, stop))
        before = len(world.logs("access"))
        thread.start()
        wait_until(lambda: len(world.logs("access")) > before + moment, 30, "lines are being written")
        world.kill("gateway", signal.SIGKILL)
        stop.set()
        thread.join()
        world.start_gateway()
        wait_until(lambda: world.phone.ping("10.64.0.1", 0.5).result == "open", 30, "the phone is back")
    assert len(told) == ROUNDS
    opened = {field(e, "sekisho.session.id") for e in world.logs("auth", "session-opened")}
    assert set(told) <= opened
    starts = world.logs("audit", "log-opened", event__reason="start")
    assert [field(e, "sekisho.log.clean") for e in starts] == [True] + [False] * ROUNDS
    check = subprocess.run([sys.executable, f"{ROOT}/tests/system/logcheck.py", "/var/log/sekisho"], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
    verified = world.sekisho("log", "verify", check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
