# SPDX-License-Identifier: GPL-3.0-or-later
"""The cookbook of sekisho-log(5): every command of it runs over the logs of a gateway that has worked, and finds what happened."""
import datetime
import os
import re
import subprocess

import pytest

from test_admission import knock
from world import BUILD, INTRANET, ROOT, STAFF, field, wait_until

TODAY = datetime.date.today().isoformat()
# The page's days and hours in place of those of this test.
HERE = (("yesterday", "today"), ("2026-11-22T22:00", f"{TODAY}T00:00"), ("2026-11-23T06:00", f"{TODAY}T23:59"),
        ('. >= "22" or . < "06"', '. >= "00"'), ("2026-11-16", TODAY), ("> 8 * 3600e9", "> 0"))


def recipes():
    """[[command, command with jq], ...] as the page shows them."""
    page = subprocess.run(["man", "-l", f"{ROOT}/docs/sekisho-log.5"], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "200"}).stdout
    cookbook = page.split("\nCOOKBOOK\n")[1].split("\nFILES\n")[0]
    found = []
    for question in re.split(r"^ +\d+\. .*\?$", cookbook, flags=re.M)[1:]:
        found.append([c.strip() for c in re.split(r"\n\n|\n(?= +sekisho )|(?<=\.)\n", question) if c.strip().startswith("sekisho ")])
    return found


RECIPES = recipes()


@pytest.fixture(scope="module")
def worked(world, device):
    """A day: somebody fails, logs in, reaches something and leaves; the rules change; a lost phone knocks."""
    world.browser().login("t-yamada", "wrong", "000000")
    world.browser().login("nobody-of-that-name", "wrong", "000000")
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    row, = world.sekisho("session", "list", "--json")
    world.sekisho("session", "end", str(row["id"]))
    world.write_acl({"users/t-yamada.acl": "allow files\n"})
    world.sekisho("acl", "apply", "--yes")
    lost = world.add_device("k-mori", label="in the taxi")
    world.sekisho("device", "lost", lost.id, "--yes")
    knock(world, lost, "auth", "device-refused", event__reason="lost")
    ended = world.wait_log("auth", "session-ended", device__id=device.id)
    wait_until(lambda: world.logs("access", "connection-closed", destination__ip=INTRANET[0]), what="the connection's record")
    return {"lost": lost, "ended": ended}


def ask(world, command):
    for then, now in HERE:
        command = command.replace(then, now)
    done = world.gw.run("bash", "-o", "pipefail", "-c", command, capture_output=True, check=False,
                        env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"})
    return done.returncode, done.stdout, done.stderr


def closed(world, **wanted):
    return world.logs("access", "connection-closed", user__name="t-yamada", **wanted)


def expected(world, worked):
    """For each question what must stand in the answer of the first command, and the whole answer of the second (a test)."""
    lost, ended = worked["lost"], worked["ended"]
    failed = [e["event"]["reason"] for e in world.logs("auth", "login-failed")]
    there = closed(world, destination__ip=INTRANET[0])
    applied = world.logs("audit", "acl-applied")
    total = [sum(field(e, path) for e in closed(world)) for path in ("source.bytes", "destination.bytes")]
    return [
        ("t-yamada", lambda out: out.split() == [str(len(there)), "t-yamada"]),
        ("connection-closed", lambda out: "\tconnection-closed\t10.20.0.10\n" in out and "\tsession-ended\t" in out),
        ("203.0.113.200", lambda out: out.splitlines()[0].split("\t")[1:] == [lost.id, "in the taxi", "203.0.113.200"]),
        ("bad-credentials", lambda out: {tuple(x.split()) for x in out.splitlines()} == {(str(failed.count(r)), r) for r in failed}),
        ("groups/soumu.acl:2", lambda out: out == f"groups/soumu.acl:2 of generation {field(there[-1], 'sekisho.acl.generation')}\n"),
        (str(field(applied[-1], "sekisho.acl.generation")),
         lambda out: out.endswith("".join(f"{c}\n" for c in field(applied[-1], "sekisho.acl.changes"))) and "users/t-yamada.acl" in out),
        ("t-yamada", lambda out: out == "t-yamada\n"),
        ("whole", lambda out: out == ""),
        ("t-yamada", lambda out: out == "\t".join(["t-yamada", *map(str, total)]) + "\n"),
        ("t-yamada", lambda out: out.split("\t") == ["t-yamada", ended["event"]["start"], ended["event"]["end"], "kicked\n"]),
    ]


def test_there_are_ten_questions_with_two_commands_each():
    assert [len(r) for r in RECIPES] == [2] * 10


@pytest.mark.parametrize("number", range(10), ids=lambda n: f"question{n + 1}")
def test_commands_find_what_happened(world, worked, number):
    shown, holds = expected(world, worked)[number]
    plain, with_jq = (c.replace("2026-11-23T12:00:00", worked["ended"]["event"]["start"][:19]) for c in RECIPES[number])
    code, out, err = ask(world, plain)
    assert code == 0 and shown in out, (plain, out, err)
    code, out, err = ask(world, with_jq)
    # Exit status 1 of the search: nothing was found, which is the good answer to question 8.
    assert code == (1 if number == 7 else 0) and holds(out), (with_jq, out, err)


def test_no_other_user_is_named(world, worked):
    assert STAFF["h-suzuki"].name not in ask(world, RECIPES[0][1])[1]
