# SPDX-License-Identifier: GPL-3.0-or-later
"""`sekisho log search` over a gateway's own logs and over a made-up week of them: it finds what logsearch.py finds, byte for byte."""
import csv
import gzip
import io
import json
import os
import pty
import random
import shutil
import subprocess

import pytest

import logcheck
import logsearch
from world import BUILD, FILES, INTRANET, World, wait_until

LOGS, SEED, QUERIES = "/var/log/sekisho", 20261123, 150


def run(*words, code=0, **more):
    done = subprocess.run([f"{BUILD}/sekisho", "log", "search", *words], capture_output=True, **more)
    assert done.returncode == code, (words, done.stdout[-300:], done.stderr)
    return done.stdout


def compress(path):
    with open(path, "rb") as plain, gzip.open(path + ".gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    os.unlink(path)


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """Seven days, three of them compressed, and some lines that no gateway writes this way."""
    folder = str(tmp_path_factory.mktemp("week"))
    subprocess.run([f"{BUILD}/tests/log_lines", folder, "7000"], check=True)
    assert logcheck.main([folder]) == 0
    for day in ("24", "25", "27"):
        compress(f"{folder}/access.jsonl-202611{day}")
    with open(f"{folder}/audit.jsonl", "a") as f:
        f.write('{"@timestamp":"2026-11-29T23:00:00Z", "\\u0065vent": {"sequence":900, "action":"alert", "outcome":"unknown",\t'
                '"reason":"lost-device-seen"}, "user":{"name":"u\\u0030007"}, "rule":{"name":"users\\/u0007.acl:3"}}\n')
        f.write('{"@timestamp":"2026-11-20T23:00:00.5+09:00","event":{"sequence":901,"action":"alert","action":"log-gap"},'
                '"error":{"message":"two\\nlines, \\"u0007\\""},"source":{"ip":"fd64::9"}}\n')
    return folder


def queries(events, count, seed):
    """Random ones, made of what there is and a little of what there is not."""
    pick = random.Random(seed)

    def some(path, *others):
        return sorted({str(v) for e in events if (v := logsearch.at(e, path)) is not None}) + list(others)
    values = {
        "user": some("user.name", "nobody"), "device": some("device.id", "d0"), "key": some("sekisho.device.key"),
        "admin": some("sekisho.admin.name", "root"), "action": some("event.action"), "outcome": ["success", "failure", "unknown"],
        "reason": some("event.reason"), "rule": some("rule.name") + [r.rpartition(":")[0] for r in some("rule.name", ":")],
        "session": some("sekisho.session.id", "0", "3-9", "100-200"), "port": some("destination.port", "1-100", "65535"),
        "address": some("source.ip") + some("destination.ip") + some("sekisho.endpoint.ip") + ["10.0.0.0/8", "fd64::/64", "::/0"],
        "destination": some("destination.ip", "10.20.0.0/16", "2001:db8::/32", "0.0.0.0/0"),
        "text": ["u0007", "山田", "iPhone", "acl:1", "two\nlines", ", \"", "zzzz", "users/"],
        "file": list(logsearch.LOGS),
    }
    values = {name: [w for w in words if w] for name, words in values.items()}
    times = sorted(e["@timestamp"] for e in events if len(e["@timestamp"]) == 32)
    for _ in range(count):
        names = pick.sample([n for n in values if values[n]], pick.choice([1, 1, 1, 2, 2, 3]))
        query = {n: pick.sample(values[n], min(len(values[n]), pick.choice([1, 1, 2, 3]))) for n in names}
        if pick.random() < 0.3:
            query["since"], query["until"] = sorted(pick.sample(times, 2), key=logsearch.micros)
            if query["since"] == query["until"]:
                del query["until"]
        yield query


def differ(folder, count, seed):
    logsearch.lines.cache_clear()
    events = [event for log in logsearch.LOGS for _, event in logsearch.lines(folder, log)]
    found = 0
    for query in queries(events, count, seed):
        expected = logsearch.search(folder, query)
        assert run(folder, *logsearch.arguments(query), "--json", code=0 if expected else 1) == expected, query
        found += bool(expected)
    assert found > count / 4


def test_a_week_against_python(week):
    differ(week, QUERIES, SEED)


def test_counts_and_ends(week):
    lines = run(week, "--user", "u0007", "--json").splitlines()
    assert len(lines) > 3 and int(run(week, "--user", "u0007", "--count")) == len(lines)
    assert run(week, "--user", "u0007", "--json", "--limit", "2").splitlines() == lines[:2]
    assert run(week, "--user", "u0007", "--json", "--last=2").splitlines() == lines[-2:]
    assert run(week, "--user", "nobody", "--count", code=1) == b"0\n"


def test_table_for_people(week):
    said = run(week, "--user", "u0007", "--utc", "--action", "connection-closed").decode().splitlines()
    assert said[0].split() == ["TIME", "WHAT", "WHO", "FROM", "TO", "WHY"]
    starts = [said[0].index(word) for word in ("WHAT", "WHO", "FROM", "TO", "WHY")]
    for line in said[1:]:
        assert all(line[s - 1] == " " and line[s] != " " for s in starts), line
    assert "connection-closed  u0007  d8 198.51.0.8" in said[1]


@pytest.mark.parametrize("columns", [80, 120])
def test_table_fits_a_terminal(week, columns):
    master, slave = pty.openpty()
    import fcntl
    import struct
    import termios
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.Popen([f"{BUILD}/sekisho", "log", "search", week, "--user", "u0007"], stdout=slave)
    os.close(slave)
    said = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        said += more
    assert done.wait() == 0
    os.close(master)
    lines = said.decode().split("\r\n")
    assert len(lines) > 4 and max(map(len, lines)) <= columns


def test_csv_for_excel(tmp_path):
    """What a spreadsheet would run is text, what would break its rows is quoted."""
    nasty = ["=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", "a,b", "say \"hi\"", "two\nlines", "\x1b[31m", "山田", "plain"]
    with open(tmp_path / "auth.jsonl", "w") as f:
        for number, name in enumerate(nasty, 1):
            f.write(json.dumps({"@timestamp": "2026-11-23T10:00:00.000000Z", "event": {"sequence": number, "action": "alert"},
                                "user": {"name": name}}) + "\n")
    said = run(str(tmp_path), "--csv", "--utc")
    assert said.startswith(b"\xef\xbb\xbf") and said.count(b"\r\n") == len(nasty) + 1 and b"\x1b" not in said
    rows = list(csv.DictReader(io.StringIO(said.decode("utf-8-sig"), newline="")))
    shown = [row["user"] for row in rows]
    assert shown == ["'" + n if n[0] in "=+-@" else n.replace("\n", "\\x0a").replace("\x1b", "\\x1b") for n in nasty]
    assert rows[0]["time"] == "2026-11-23 10:00:00" and rows[0]["log"] == "auth" and rows[0]["sequence"] == "1"
    assert b"\x1b" not in run(str(tmp_path))


def test_mistakes_are_named(week):
    for words, hint in ((["--action", "sesion-opened"], "did you mean 'session-opened'"), (["--reason", "denid"], "did you mean 'denied'"),
                        (["--outcome", "fail"], "there is no 'fail'"), (["--usr", "x"], "did you mean 'user'"),
                        (["--file", "audt"], "did you mean 'audit'"), (["--since", "4h"], "-4h"), (["--port", "http"], "number"),
                        (["--address", "10.0.0.1/8"], "bits behind"), (["--limit", "0"], "number"), (["--csv", "--count"], "together"),
                        (["--user", "u0007", week], "before the options")):
        done = subprocess.run([f"{BUILD}/sekisho", "log", "search", week, *words], capture_output=True, text=True)
        assert done.returncode == 2 and hint in done.stderr and not done.stdout, (words, done.stderr)
    done = subprocess.run([f"{BUILD}/sekisho", "log", "search", "/nowhere"], capture_output=True, text=True)
    assert done.returncode == 2 and "cannot open /nowhere" in done.stderr


def test_damage_is_told(week, tmp_path):
    """What can be read is shown all the same; the exit status says that it is not all."""
    shutil.copytree(week, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "access.jsonl-20261124.gz"
    path.write_bytes(path.read_bytes()[:-20000])
    with open(tmp_path / "auth.jsonl", "a") as f:
        f.write('{"@timestamp":"u0007\n')
    done = subprocess.run([f"{BUILD}/sekisho", "log", "search", str(tmp_path), "--user", "u0007", "--json"], capture_output=True, text=True)
    assert done.returncode == 2 and "gzip -t tells" in done.stderr and "1 lines that are no JSON" in done.stderr
    assert "access.jsonl-20261124.gz" in done.stderr and done.stdout.count("\n") > 3


def test_nobody_reads_on(week):
    done = subprocess.run(f"{BUILD}/sekisho log search {week} --json | head -n 1", shell=True, capture_output=True)
    assert done.stdout.count(b"\n") == 1 and done.stderr == b""


# ---- a gateway's own ----

@pytest.fixture(scope="module")
def worked(world, device):
    """Somebody has failed to log in, logged in, reached something, was refused something, and the logs were rotated once."""
    world.login(world.phone, user="nobody-here", password="wrong", code="000000")
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert world.phone.tcp(FILES[0], 80).result != "open"
    for name in logsearch.LOGS:
        os.rename(f"{LOGS}/{name}.jsonl", f"{LOGS}/{name}.jsonl-20261122")
    world.processes["gateway"].send_signal(10)
    wait_until(lambda: all(os.path.exists(f"{LOGS}/{n}.jsonl") and os.path.getsize(f"{LOGS}/{n}.jsonl") for n in logsearch.LOGS),
               what="new files")
    world.sekisho("session", "end", str(world.sekisho("session", "list", "--json")[0]["id"]))
    world.wait_log("auth", "session-ended")
    world.kill("gateway", 15)
    return world


def test_the_gateways_own_against_python(worked, device):
    differ(LOGS, QUERIES, SEED)


def test_what_an_analyst_asks_first(worked, device):
    assert b"session-opened" in run("--user", "t-yamada", "--action", "session-opened")
    said = run("--action", "connection-refused", "--destination", FILES[0]).decode()
    assert "no-rule" in said and f"tcp {FILES[0]}:80" in said
    assert b"login-failed" in run("--user", "nobody-here", "--since", "-1h"), "found by the hash of the name"
    assert b"session-kicked" in run("--admin", "root", "--since", "today")
    run("--until", "-30d", code=1)


