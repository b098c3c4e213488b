# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACL verbs of the sekisho command against a real gateway: what they say before a change is what packets meet after it."""
import json
import os
import subprocess

import pytest

from world import ACL, ADMIN, FILES, INTRANET, STAFF, wait_until

OPEN, CLOSED = "open", ("refused", "prohibited")
TARGETS = {name: (addresses, port) for name, addresses, port in (
    ("intranet", INTRANET, 80), ("files", FILES, 80), ("intranet-7000", INTRANET, 7000))}


@pytest.fixture
def own_acl(world):
    """The usual files in force, before and after."""
    def usual():
        for folder in ("groups", "users", "devices", "lists"):
            path = f"/etc/sekisho/acl/{folder}"
            for name in os.listdir(path) if os.path.isdir(path) else []:
                os.unlink(f"{path}/{name}")
        world.write_acl(ACL)
        world.sekisho("acl", "apply", "--yes")
    usual()
    yield world
    usual()


def reach(world):
    """Which of some destinations packets get through to."""
    return {(name, address): world.phone.tcp(address, port).result == OPEN
            for name, (addresses, port) in TARGETS.items() for address in addresses}


def preview(world, *words):
    return world.sekisho("acl", "diff", *words, "--json")


def changed(session, kind):
    return " ".join(c["text"] for c in session["changes"] if c["change"] == kind)


def test_what_diff_says_is_what_packets_meet(own_acl, device, session):
    """Each of several changes: shown, then applied; nothing but what was named has changed, in either direction."""
    world = own_acl
    changes = [
        {"users/t-yamada.acl": "deny tcp 7000 10.20.0.10\nallow files\n"},
        {"users/t-yamada.acl": "allow tcp 80 10.20.0.20\n"},
        {"groups/soumu.acl": "allow tcp 80 2001:db8:20::/48\n"},
        {"users/t-yamada.acl": None},
    ]
    for files in changes:
        before = reach(world)
        world.write_acl(files)
        mine, = preview(world)["sessions"]
        gains, loses = changed(mine, "gains"), changed(mine, "loses")
        assert world.sekisho("acl", "apply", "--yes", "--json")["sessions_changed"] == 1
        after = reach(world)
        assert before != after
        for (name, address), open_before in before.items():
            port = TARGETS[name][1]
            explained = world.sekisho("acl", "explain", "t-yamada", "tcp", str(port), address, "--json")
            assert explained["allowed"] == after[name, address]
            named = names(gains, port, address), names(loses, port, address)
            assert named == (after[name, address] and not open_before, open_before and not after[name, address]), (
                files, name, address, gains, loses)
        assert mine["change"] == ("narrows" if loses else "widens")


def names(text, port, address):
    """Do the words cover this destination? They are read by the language itself: as rules of a file."""
    root = "/run/world/words"
    os.makedirs(f"{root}/users", exist_ok=True)
    rules = []
    for part in text.replace("(", "\n").replace(")", "\n").replace("; ", "\n").split("\n"):
        rules.append(part.strip())
    lines = [f"allow {r}" for r in dict.fromkeys(rules) if r.split(" ")[0] in ("tcp", "udp", "icmp", "any") and " " in r]
    with open(f"{root}/users/x.acl", "w") as f:
        f.write("\n".join(lines) + "\n")
    done = subprocess.run([f"{os.environ['SEKISHO_BUILD']}/sekisho", "acl", "explain", "x", "tcp", str(port), address, "--group", "none",
                           f"--files={root}", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["allowed"]


def test_a_session_that_diff_says_ends_does_end(own_acl, device, session):
    world = own_acl
    world.write_acl({"users/t-yamada.acl": "valid until 2026-01-31\n"})
    answer = preview(world)
    mine, = answer["sessions"]
    assert mine["change"] == "ends" and mine["why"].endswith("(users/t-yamada.acl:1)") and answer["loss"]
    refused = world.sekisho("acl", "apply", check=False)
    assert refused.returncode == 1 and "--yes" in refused.stderr and len(world.sekisho("session", "list", "--json")) == 1
    world.sekisho("acl", "apply", "--yes")
    wait_until(lambda: world.sekisho("session", "list", "--json") == [], what="the session ends")
    world.write_acl({"users/t-yamada.acl": None})
    world.sekisho("acl", "apply")


def test_apply_is_of_the_files_that_were_shown(own_acl):
    """The digest that the command sends is that of the gateway, or every apply would be a conflict."""
    world = own_acl
    world.write_acl({"users/k-mori.acl": "allow tcp 3389 10.20.0.10\n"})
    answer = world.sekisho("acl", "apply", "--json")
    row = world.sekisho("acl", "history", "--json")[0]
    assert row["generation"] == answer["generation"] and row["sha256"] == answer["diff"]["sha256"] and row["in_force"]
    assert row["changes"] == [f"users/k-mori.acl {c}" for c in ("is new", "gains tcp 3389 10.20.0.10")]
    assert preview(world)["files"] == []
    assert "No difference between" in world.sekisho("acl", "diff").stdout


def test_who_show_and_explain_of_what_was_in_force(own_acl, device, session):
    world = own_acl
    number = world.sekisho("status", "--json")["acl"]["generation"]
    who = world.sekisho("acl", "who", "tcp", "80", INTRANET[0], "--json")
    mine, = [p for p in who["people"] if p["user"] == "t-yamada"]
    assert mine["devices"] == [device.id] and mine["generation"] == number
    assert (mine["file"], mine["line"]) == ("groups/soumu.acl", 2) and STAFF["t-yamada"].group == "soumu"
    shown = world.sekisho("acl", "show", "t-yamada", "--json")
    assert any(text.startswith("intranet (") for text in shown["reaches"]) and shown["set"] == {"generation": number}
    assert {"file": "groups/soumu.acl", "owner": "General affairs, network desk"} in shown["files"]
    world.write_acl({"groups/soumu.acl": "allow files\n"})
    world.sekisho("acl", "apply", "--yes")
    assert [p for p in world.sekisho("acl", "who", "tcp", "80", INTRANET[0], "--json")["people"] if p["user"] == "t-yamada"] == []
    # Some time of today he could; who asks about a day wants to know that.
    row = next(r for r in world.sekisho("acl", "history", "--json") if r["generation"] == number)
    day = [p for p in world.sekisho("acl", "who", "tcp", "80", INTRANET[0], "--on", row["applied"][:10], "--json")["people"]
           if p["user"] == "t-yamada" and p["generation"] == number]
    assert day and day[0]["groups_known"]


def test_an_older_generation_comes_back(own_acl, tmp_path):
    world = own_acl
    number = world.sekisho("status", "--json")["acl"]["generation"]
    world.write_acl({"groups/soumu.acl": "allow files\n"})
    world.sekisho("acl", "apply", "--yes")
    world.sekisho("acl", "history", "--export", str(number), f"{tmp_path}/old")
    assert {c["change"] for c in preview(world, f"{tmp_path}/old", "--against", str(number))["files"]} == set()
    back = preview(world, f"{tmp_path}/old")
    assert {"file": "groups/soumu.acl", "change": "loses", "loss": True} == {
        k: v for c in back["files"] if c["change"] == "loses" for k, v in c.items() if k != "text"}


def test_an_administrator_of_the_group_reads_the_archive(own_acl):
    world = own_acl
    assert world.sekisho("acl", "who", "tcp", "80", INTRANET[0], user=ADMIN).returncode == 0
    assert world.sekisho("acl", "history", user=ADMIN).returncode == 0
    unseen = world.sekisho("acl", "apply", user=ADMIN, check=False)
    assert unseen.returncode == 1 and "may not read" in unseen.stderr and "--yes" in unseen.stderr
