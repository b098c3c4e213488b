# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines copied to syslog: as they are in the files, seals always, and a syslog that sleeps or goes away delays nothing."""
import json
import os
import re
import socket

import pytest

from world import FILES, World, wait_until

SOCKET = "/run/systemd/journal/dev-log"


class Syslog:
    """What journald is at /dev/log."""

    def __init__(self):
        os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
        with open("/proc/sys/net/unix/max_dgram_qlen", "w") as f:
            f.write("128")  # as many wait until somebody reads
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(SOCKET)
        os.chmod(SOCKET, 0o666)
        self.socket.setblocking(False)
        self.messages = []

    def read(self):
        """All messages so far: (priority, text)."""
        while True:
            try:
                text = self.socket.recv(1 << 16).decode()
            except BlockingIOError:
                return self.messages
            head = re.match(r"<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d sekisho-log\[\d+\]: ", text)
            assert head, text
            self.messages.append((int(head[1]), text[head.end():]))

    def close(self):
        self.socket.close()
        os.unlink(SOCKET)


@pytest.fixture(scope="module")
def syslog():
    s = Syslog()
    yield s
    s.socket.close()


@pytest.fixture(scope="module")
def world(syslog):
    if os.path.realpath("/dev/log") != SOCKET and os.path.exists("/dev/log"):
        pytest.skip("this machine has another syslog at /dev/log")
    w = World({"poll_interval": "1s", "log_copy": "auth audit"})
    try:
        yield w.start()
    finally:
        w.close()


def lines(world, file):
    with open(f"/var/log/sekisho/{file}.jsonl") as f:
        return f.read().splitlines()


def test_the_chosen_files_and_all_seals_arrive_unchanged(world, device, session, syslog):
    opened = world.wait_log("auth", "session-opened")
    wait_until(lambda: any('"session-opened"' in text for _, text in syslog.read()), what="the copy of session-opened")
    texts = {text for _, text in syslog.messages}
    for file in ("auth", "audit"):
        began = next(i for i, line in enumerate(lines(world, file)) if '"reason":"start"' in line and '"log-seal"' in line)
        missing = [line for line in lines(world, file)[began + 1:] if line not in texts]
        assert not [m for m in missing if json.loads(m)["@timestamp"] <= opened["@timestamp"]]
    world.reload()  # which makes a seal of each file
    wait_until(lambda: any('"sekisho.access"' in text and '"log-seal"' in text for _, text in syslog.read()),
               what="the seal of access.jsonl")
    assert not [text for _, text in syslog.messages if '"sekisho.access"' in text and '"log-seal"' not in text]
    by_file = {json.loads(text)["event"]["dataset"]: priority for priority, text in syslog.messages}
    assert by_file["sekisho.auth"] == 10 << 3 | 6 and by_file["sekisho.audit"] in (10 << 3 | 5, 10 << 3 | 6)


def notices(world):
    return "\n".join(world.sekisho("status", "--json")["notices"])


def refuse_many(world, first):
    def send():
        for port in range(first, first + 50):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(b"x", (FILES[0], port))

    world.phone.call(send)


def test_a_syslog_that_sleeps_or_goes_delays_nothing(world, device, session, syslog):
    world.configure(log_copy="access")
    world.sekisho("reload")
    assert "copied to syslog" not in notices(world)
    ports = iter(range(1024, 60000, 50))
    # Nobody reads.
    wait_until(lambda: refuse_many(world, next(ports)) or "copied to syslog" in notices(world), 60, "lines that were not taken")
    world.sekisho("session", "end", str(session["id"]))
    world.login(world.phone)
    assert len(world.sekisho("session", "list", "--json")) == 1
    syslog.read()
    wait_until(lambda: refuse_many(world, next(ports)) or any("could not be copied" in t for _, t in syslog.read()), 60,
               "the count of what did not arrive")
    # Started anew it is found again.
    syslog.close()
    refuse_many(world, next(ports))
    syslog.__init__()
    wait_until(lambda: refuse_many(world, next(ports)) or syslog.read(), 60, "lines for the new syslog")
