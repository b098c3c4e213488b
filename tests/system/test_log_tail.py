# SPDX-License-Identifier: GPL-3.0-or-later
"""`sekisho log tail`: the last lines, and with -f each line that comes, once, whatever happens to the files' names meanwhile."""
import glob
import gzip
import json
import os
import shutil
import signal
import subprocess
import threading

import pytest

import logsearch
from world import BUILD, wait_until

LOGS = "/var/log/sekisho"
TAIL = f"{BUILD}/sekisho", "log", "tail"


def line(number, **more):
    return json.dumps({"@timestamp": "2026-11-23T10:00:00.000000+09:00", "event": {"sequence": number, "action": "alert"}, **more},
                      separators=(",", ":")) + "\n"


def append(path, text):
    """As the gateway does: one write(2) a line."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


class Follower:
    """`tail -f --json`, with what it has said so far by log."""

    def __init__(self, folder, *words):
        # What runs in the background of a script has learnt to ignore SIGINT, and its children inherit that (sigaction(2)).
        self.process = subprocess.Popen([*TAIL, folder, "-f", "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.said = []
        self.thread = threading.Thread(target=lambda: self.said.extend(self.process.stdout))
        self.thread.start()

    def numbers(self, log=None):
        events = [json.loads(said) for said in list(self.said)]
        return [e["event"]["sequence"] for e in events if log is None or e["event"]["dataset"] == f"sekisho.{log}"]

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.thread.join(60)
        assert self.process.wait(60) == -number
        assert self.process.stderr.read() == b""
        self.process.stderr.close()
        self.process.stdout.close()


@pytest.fixture
def follower():
    made = []

    def make(*words):
        made.append(Follower(*words))
        return made[-1]
    yield make
    for f in made:
        if f.process.poll() is None:
            f.process.kill()
            f.thread.join()
            f.process.wait()


def test_the_last_ones(tmp_path):
    for number in range(1, 21):
        append(tmp_path / "auth.jsonl-20261122", line(number, user={"name": f"u{number % 3}"}))
    for number in range(21, 41):
        append(tmp_path / "auth.jsonl", line(number, user={"name": f"u{number % 3}"}))

    def last(*words):
        done = subprocess.run([*TAIL, str(tmp_path), "--json", *words], capture_output=True, check=True)
        return [json.loads(said)["event"]["sequence"] for said in done.stdout.splitlines()]
    assert last() == list(range(31, 41))
    assert last("-n", "3") == last("--lines=3") == [38, 39, 40]
    assert last("-n", "0") == []
    assert last("-n", "30") == list(range(11, 41))
    assert last("-n", "9", "--user", "u0") == list(range(15, 40, 3))
    assert last("-n", "1000") == list(range(1, 41))


def test_more_than_a_piece_of_the_end(tmp_path):
    """What fits is rare: it is found before the megabytes that are looked at first."""
    append(tmp_path / "auth.jsonl", line(1, user={"name": "rare"}) + line(2, user={"name": "rare"}))
    append(tmp_path / "auth.jsonl", "".join(line(number, note="x" * 500) for number in range(3, 6000)))
    done = subprocess.run([*TAIL, str(tmp_path), "--json", "--user", "rare", "-n", "1"], capture_output=True, check=True)
    assert json.loads(done.stdout)["event"]["sequence"] == 2


def rotate(folder, kept):
    """As logrotate(8) without dateext: every file moves on, the third is compressed."""
    for number in range(kept, 0, -1):
        for end in ("", ".gz"):
            if os.path.exists(f"{folder}/auth.jsonl.{number}{end}"):
                os.rename(f"{folder}/auth.jsonl.{number}{end}", f"{folder}/auth.jsonl.{number + 1}{end}")
    os.rename(f"{folder}/auth.jsonl", f"{folder}/auth.jsonl.1")
    if os.path.exists(f"{folder}/auth.jsonl.3"):
        with open(f"{folder}/auth.jsonl.3", "rb") as plain, gzip.open(f"{folder}/auth.jsonl.3.gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        os.unlink(f"{folder}/auth.jsonl.3")


def test_none_lost_and_none_twice_under_rotation(tmp_path, follower):
    """Lines as fast as they can be written, the files renamed every few hundred of them."""
    total, each = 30000, 300
    append(tmp_path / "auth.jsonl", line(1))
    tail = follower(str(tmp_path))
    wait_until(lambda: tail.said, what="the first line")
    for number in range(2, total + 1):
        append(tmp_path / "auth.jsonl", line(number))
        if number % each == 0:
            rotate(tmp_path, total // each)
    wait_until(lambda: len(tail.said) >= total, deadline=60, what="all lines")
    tail.end()
    numbers = tail.numbers()
    wrong = [(a, b) for a, b in zip(numbers, numbers[1:]) if b != a + 1]
    assert not wrong and len(numbers) == total, (len(numbers), wrong[:5])


def test_stopped_while_the_files_went_on(tmp_path, follower):
    """Several rotations while it could not look: what was missed is in files that have another name by now, some compressed."""
    append(tmp_path / "auth.jsonl", line(1))
    tail = follower(str(tmp_path))
    wait_until(lambda: tail.said, what="the first line")
    tail.process.send_signal(signal.SIGSTOP)
    for number in range(2, 101):
        append(tmp_path / "auth.jsonl", line(number))
        if number % 17 == 0:
            rotate(tmp_path, 9)
    tail.process.send_signal(signal.SIGCONT)
    wait_until(lambda: len(tail.said) >= 100, deadline=30, what="all lines")
    tail.end()
    assert tail.numbers() == list(range(1, 101)) and glob.glob(f"{tmp_path}/*.gz")


def test_half_a_line(tmp_path, follower):
    """It waits for the rest; and what a crash left is cut off by the next start."""
    append(tmp_path / "auth.jsonl", line(1))
    tail = follower(str(tmp_path))
    wait_until(lambda: tail.said, what="the first line")
    append(tmp_path / "auth.jsonl", line(2)[:30])
    append(tmp_path / "access.jsonl", line(1, note="a sign"))
    wait_until(lambda: len(tail.said) == 2, what="the sign that it has looked")
    append(tmp_path / "auth.jsonl", line(2)[30:] + line(3)[:40])
    append(tmp_path / "access.jsonl", line(2, note="a sign"))
    wait_until(lambda: len(tail.said) == 4, what="line 2 and a sign")
    os.truncate(tmp_path / "auth.jsonl", len(line(1) + line(2)))
    append(tmp_path / "auth.jsonl", line(3, note="another") + line(4))
    wait_until(lambda: len(tail.said) == 6, what="lines 3 and 4")
    tail.end(signal.SIGTERM)
    auth = [said for said in tail.said if b"a sign" not in said]
    assert auth == [said.encode() for said in (line(1), line(2), line(3, note="another"), line(4))]


def test_a_log_that_begins_later(tmp_path, follower):
    append(tmp_path / "audit.jsonl", line(1))
    tail = follower(str(tmp_path), "--text", "wanted")
    append(tmp_path / "auth.jsonl", line(1, note="wanted") + line(2))
    wait_until(lambda: len(tail.said) == 1, what="the line")
    tail.end()


def test_nobody_reads_on(tmp_path):
    append(tmp_path / "auth.jsonl", line(1))
    done = subprocess.run(f"{' '.join(TAIL)} {tmp_path} -f --json | head -n 1", shell=True, capture_output=True, timeout=120)
    assert done.stdout.count(b"\n") == 1 and done.stderr == b""


def test_a_gateway_that_is_rotated(world, device, follower):
    """The real writer, which ends the old file and begins the new one itself, while people log in."""
    tail = follower(LOGS, "-n", "10000")
    for round_ in range(20):
        for name in logsearch.LOGS:
            os.rename(f"{LOGS}/{name}.jsonl", f"{LOGS}/{name}.jsonl-202611{round_ + 1:02}")
        world.processes["gateway"].send_signal(signal.SIGUSR1)
        wait_until(lambda: all(os.path.exists(f"{LOGS}/{n}.jsonl") and os.path.getsize(f"{LOGS}/{n}.jsonl") for n in logsearch.LOGS),
                   what="new files")
        if round_ == 10:
            world.login(world.phone)
    world.kill("gateway", signal.SIGTERM)
    logsearch.lines.cache_clear()
    written = {log: [event["event"]["sequence"] for _, event in logsearch.lines(LOGS, log)] for log in logsearch.LOGS}
    wait_until(lambda: len(tail.said) >= sum(map(len, written.values())), deadline=30, what="all lines")
    tail.end()
    for log, numbers in written.items():
        assert len(numbers) > 40 and tail.numbers(log) == numbers == list(range(1, len(numbers) + 1))
