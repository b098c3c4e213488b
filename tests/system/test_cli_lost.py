# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a lost device beside a stand-in for the gateway: however long the logs are, the file has them whole."""
import json
import os
import re
import shutil
import subprocess

import pytest

from cli_box import DEVICE, Gateway, end, folder, bare, run  # noqa: F401

LOGS = "/var/log/sekisho"
LINES = 1234


@pytest.fixture
def logs(folder):
    """A busy day of d7, between lines of others."""
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    os.makedirs("/var/lib/sekisho/reports", exist_ok=True)
    for name in ("auth", "audit"):
        open(f"{LOGS}/{name}.jsonl", "w").close()
    with open(f"{LOGS}/access.jsonl", "w") as f:
        for number in range(2 * LINES):
            f.write(json.dumps({"@timestamp": "2026-11-23T10:06:22.481516+09:00", "event": {"action": "connection-closed"},
                                "device": {"id": "d7" if number % 2 else "d8"}, "user": {"name": "t-yamada"},
                                "destination": {"ip": "10.20.0.10", "port": number}}) + "\n")
    yield
    shutil.rmtree(LOGS)


def gateway():
    device = dict(DEVICE, status="lost")
    return Gateway(verbs={"device-lost": [end(device=device, sessions_ended=1)], "device-report": [end()], "device-show": [end(device=device)]})


def ports(text):
    return [int(p) for p in re.findall(r"^  2026\S+ connection-closed t-yamada +10\.20\.0\.10 (\d+)", text, re.M)]


MINE = list(range(1, 2 * LINES, 2))


def test_the_file_has_every_line_and_the_terminal_says_so(logs, folder):
    name = f"{folder}/report.txt"
    with gateway():
        done = run("device", "lost", "d7", "--yes", "--since", "2026-11-01", "--output", name)
    assert done.returncode == 0 and ports(done.stdout) == MINE[:500]
    assert f"  and {LINES - 500} more, all in {name}\n" in done.stdout and "What to do next" in done.stdout
    with open(name) as f:
        text = f.read()
    assert ports(text) == MINE and " more" not in text and text.endswith(done.stdout[-200:])


def test_as_json(logs, folder):
    name = f"{folder}/report.txt"
    with gateway():
        answer = json.loads(run("device", "report", "d7", "--since", "2026-11-01", "--output", name, "--json").stdout)
    assert ports(answer["report"]) == MINE[:500] and answer["file"] == name
    with open(name) as f:
        assert ports(f.read()) == MINE


def test_without_a_file_it_says_how_to_find_the_rest(logs, folder):
    with gateway():
        done = run("device", "lost", "d7", "--yes", "--since", "2026-11-01", "--output", "/no/such/folder/x")
    assert done.returncode == 1 and "cut off all the same" in done.stderr
    assert ports(done.stdout) == MINE[:500] and f"and {LINES - 500} more: sekisho log search --device d7" in done.stdout


def test_half_a_file_is_no_file(logs, folder):
    """A disk that fills while it is written."""
    small = f"{folder}/small"
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", small], check=True)
    try:
        with gateway():
            done = run("device", "lost", "d7", "--yes", "--since", "2026-11-01", "--output", f"{small}/report.txt")
        assert done.returncode == 1 and "No space left" in done.stderr and os.listdir(small) == []
    finally:
        subprocess.run(["umount", small], check=True)
