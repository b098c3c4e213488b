# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACL verbs of the sekisho command alone, with folders of files and a stand-in at the gateway's control socket. What they say
of a real gateway is in test_acl_commands.py."""
import hashlib
import json
import os
import pwd
import re
import shutil
import subprocess
import unicodedata

import pytest

from cli_box import ROOT, NOBODY, bare, clean, folder, run, write, Gateway, end, on_terminal  # noqa: F401 (fixtures)

ARCHIVE = "/var/lib/sekisho/acl"
OLD = {"systems.acl": "system webmail tcp 443 10.20.0.10 2001:db8:20::10\nsystem files tcp 445 10.20.2.0/24\n",
       "groups/soumu.acl": "owner \"総務課\"\nallow webmail\nallow files until 2037-03-31 reason \"年度更新\"\n",
       "users/t-yamada.acl": "deny tcp 445 10.20.2.99\n"}
NEW = {**OLD, "groups/soumu.acl": "owner \"総務課\"\nallow files until 2037-03-31 reason \"年度更新\"\nhours mon-fri 07:00-22:00\n",
       "users/k-mori.acl": "allow tcp 3389 10.30.5.77\n"}


def digest(files):
    """As sekisho names a set: see policy_digest()."""
    lines = "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def generation(number, files, applied, in_force=False, changes=(), **more):
    return {"row": {"generation": number, "archived": applied, "applied": applied, "uid": 0, "who": "root", "sha256": digest(files),
                    "files": len(files), "rules": 4, "bytes": 100, "in_force": in_force, "changes_total": len(changes),
                    "changes": list(changes), "internal": ["10.20.0.0/16"], "time_zone": "", **more}}


def subject(user, groups, *devices):
    return {"row": {"user": user, "groups": groups, "observed": None,
                    "devices": [{"id": d, "class": c, "label": "電話"} for d, c in devices]}}


SESSION = {"id": 7, "device": "d7", "label": "電話", "class": "ministry", "user": "t-yamada", "groups": ["soumu"],
           "opened": "2026-11-01T09:00:00Z", "expires": "2099-11-01T21:00:00Z", "ends": "2099-11-01T21:00:00Z",
           "ends_reason": "expired", "ends_line": None, "idle_seconds": 3, "endpoint": "203.0.113.77:40000", "v4": "10.64.0.7"}
PEOPLE = [subject("h-suzuki", ["kikaku"], ("d8", "ministry")), subject("t-yamada", ["soumu"], ("d7", "ministry"), ("d9", "private")),
          subject("x-unknown", None, ("d10", "ministry"))]
HISTORY = [generation(3, NEW, "2026-03-01T09:00:00+09:00", True, ["groups/soumu.acl loses webmail (tcp 443 10.20.0.10)", "総務 x"]),
           generation(2, OLD, "2026-02-01T12:00:00+09:00"),
           generation(1, {}, "2026-01-01T09:00:00+09:00")]


def gateway(history=None, people=None, sessions=(), **verbs):
    return Gateway(verbs={"acl-history": [*(HISTORY if history is None else history), end()],
                          "acl-subjects": [*(PEOPLE if people is None else people), end()],
                          "session-list": [*({"row": s} for s in sessions), end()],
                          "acl-apply": [end(generation=4, files=4, rules=5, sessions_changed=1, profiles=1)], **verbs})


@pytest.fixture
def archive(clean, folder):
    """Three generations: nothing, OLD, NEW; and NEW again in a folder."""
    shutil.rmtree(ARCHIVE, ignore_errors=True)
    for number, files in ((1, {}), (2, OLD), (3, NEW)):
        os.makedirs(f"{ARCHIVE}/{number:06}")
        write(f"{ARCHIVE}/{number:06}", files)
    for name, files in (("old", OLD), ("new", NEW)):
        write(f"{folder}/{name}", files)
    yield folder
    shutil.rmtree(ARCHIVE)


# --- words -------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, said", [
    (["explain", "t-yamada", "tcp", "10.0.0.1", "--group", "a"], "needs a port"),
    (["explain", "t-yamada", "tcp", "443", "intranet", "--group", "a"], "'intranet' is not an address"),
    (["explain", "no/name", "tcp", "443", "10.0.0.1"], "no user's name"),
    (["explain", "t-yamada", "tcp", "443", "10.0.0.1", "--class", "x"], "no class of device"),
    (["explain", "t-yamada", "tcp", "443", "10.0.0.1", "--class", "private", "--device", "d1"], "leave --class or --device out"),
    (["explain", "t-yamada", "tcp", "443", "10.0.0.1", "--group", "../x"], "no group's name"),
    (["explain", "t-yamada", "tcp", "443", "10.0.0.1", "--at", "noon"], "'noon' is no time"),
    (["explain", "t-yamada", "tcp", "443", "10.0.0.1", "--at", "25:00"], "'25:00' is no time"),
    (["explain", "t-yamada", "tcp", "443", "10.0.0.1", "--on", "yesterday"], "'yesterday' is no date"),
    (["explain", "t-yamada", "tcp", "443", "10.0.0.1", "--on", "2026-01-01", "--files"], "files have no past"),
    (["who", "tcp", "10.0.0.1"], "needs a port"),
    (["who", "tcp", "443"], "'443' is not an address"),
    (["who", "tcp", "443", "10.0.0.1", "--onn", "x"], "did you mean 'on'"),
    (["who", "tcp", "443", "10.0.0.1", "--on", "2026-13-01"], "is no date"),
    (["show"], "USER is missing"),
    (["show", "-", "--on", "2026-01-01"], "no user's name"),
    (["diff", "a", "b"], "'b' is one word too many"),
    (["diff", "--agianst", "2"], "did you mean 'against'"),
    (["diff", "--against", "0"], "no generation"),
    (["history", "x"], "no generation"),
    (["history", "--export", "2"], "DIR is missing"),
    (["apply", "now"], "one word too many"),
    (["aply"], "did you mean 'acl apply'"),
    (["whoo"], "did you mean 'acl who'"),
])
def test_wrong_words(bare, words, said):
    with Gateway(end()) as stand_in:
        done = run("acl", *words)
    assert done.returncode == 2 and done.stdout == "" and said in done.stderr and "\nhint: " in done.stderr
    assert stand_in.requests == []


# --- check -------------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def acl(folder):
    """A set with one mistake of every kind that a single line can hold, and one that is well formed."""
    write(f"{folder}/good", {"systems.acl": "system intranet tcp 443 10.20.0.10\n", "groups/soumu.acl": "allow intranet\n",
                             "users/t-yamada.acl": "deny tcp 443 10.20.0.0/24 reason \"moved\"\n"})
    write(f"{folder}/bad", {"systems.acl": "system intranet tcp 443 10.20.0.10\n",
                            "users/t-yamada.acl": "allow  intranett\n# ok\n部署 allow\nallow tcp 10.0.0.1\n"})
    return folder


def test_check(acl):
    done = run("acl", "check", f"{acl}/good")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{acl}/good: well formed: 3 files, 2 rules, 1 systems\n", "")
    answer = json.loads(run("acl", "check", f"{acl}/good", "--json").stdout)
    assert answer == {"ok": True, "dir": f"{acl}/good", "files": 3, "rules": 2, "systems": 1, "errors": 0, "warnings": 0, "diagnostics": []}


def test_check_with_mistakes(acl):
    done = run("acl", "check", f"{acl}/bad")
    with open(f"{ROOT}/tests/golden/cli/acl-check.txt") as f:
        assert done.stderr == f.read()
    assert done.returncode == 1 and done.stdout == ""
    done = run("acl", "check", f"{acl}/bad", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and not answer["ok"] and answer["errors"] == 3 and done.stderr == ""
    assert [(d["file"], d["line"], d["column"]) for d in answer["diagnostics"]] == [
        ("users/t-yamada.acl", 1, 8), ("users/t-yamada.acl", 3, 1), ("users/t-yamada.acl", 4, 11)]
    assert answer["diagnostics"][0]["source"] == "allow  intranett" and answer["diagnostics"][0]["level"] == "error"


def test_check_without_a_folder(acl):
    done = run("acl", "check", f"{acl}/none")
    assert done.returncode == 1 and f"{acl}/none" in done.stderr
    os.chmod(f"{acl}/good", 0o700)
    assert run("acl", "check", f"{acl}/good", uid=NOBODY).returncode == 1


def test_check_with_the_settings_of_another_gateway(acl, clean):
    """`internet` is what is not among the internal networks of the settings that are named."""
    write(f"{acl}/set", {"users/a.acl": "allow tcp 443 internet\nexpect deny tcp 443 198.41.0.4\n"})
    with open(f"{ROOT}/docs/examples/sekisho.conf") as f:
        text = f.read()
    for networks, code in (("10.20.0.0/16", 1), ("10.20.0.0/16 198.41.0.0/24", 0)):
        write(acl, {"other.conf": re.sub(r"^internal-networks.*", f"internal-networks {networks}", text, flags=re.M)})
        assert run("acl", "check", f"{acl}/set", "--config", f"{acl}/other.conf").returncode == code
    done = run("acl", "check", f"{acl}/set", "--config", f"{acl}/no.conf")
    assert done.returncode == 1 and f"{acl}/no.conf" in done.stderr


# --- diff ----------------------------------------------------------------------------------------------------------------------------

def test_diff_of_two_folders_needs_no_gateway(archive):
    done = run("acl", "diff", "./new", "--against", "./old", cwd=archive)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == """With the files in ./new instead of the files in ./old:

FILE              CHANGE  WHAT
groups/soumu.acl  loses   webmail (tcp 443 10.20.0.10 2001:db8:20::10)
groups/soumu.acl  adds    hours mon-fri 07:00-22:00
users/k-mori.acl  new
users/k-mori.acl  gains   tcp 3389 10.30.5.77
"""
    same = run("acl", "diff", "./new", "--against", "./new", cwd=archive)
    assert same.stdout == "No difference between the files in ./new and the files in ./new\n"
    assert run("acl", "diff", "./new", "--against", "./none", cwd=archive).returncode == 1


def test_diff_says_who_and_which_sessions(archive):
    with gateway(sessions=[SESSION, {**SESSION, "id": 8, "user": "h-suzuki", "groups": ["kikaku"], "device": "d8"}]):
        answer = json.loads(run("acl", "diff", f"{archive}/new", "--against", "2", "--json").stdout)
        shown = run("acl", "diff", f"{archive}/new", "--against", "2").stdout
    assert answer["before"] == {"generation": 2} and answer["sha256"] == digest(NEW) and answer["loss"]
    loses = {"file": None, "change": "loses", "text": "webmail (tcp 443 10.20.0.10 2001:db8:20::10)", "loss": True}
    assert [(p["users"], p["class"]) for p in answer["people"]] == [(["t-yamada"], "ministry"), (["t-yamada"], "private")]
    assert loses in answer["people"][0]["changes"]
    assert [(s["id"], s["change"]) for s in answer["sessions"]] in ([(7, "narrows")], [(7, "ends")])  # by the hour of the test
    assert loses in answer["sessions"][0]["changes"] and answer["unknown"] == ["x-unknown"]
    assert re.search(r"^t-yamada +ministry +loses +webmail \(tcp 443", shown, re.M)
    assert "judged without groups: x-unknown" in shown


def test_diff_tells_whose_session_ends(archive):
    write(archive, {"new/users/t-yamada.acl": "valid until 2026-01-31\n", "new/groups/soumu.acl": "allow webmail\nallow files\n"})
    with gateway(sessions=[SESSION]):
        answer = json.loads(run("acl", "diff", f"{archive}/new", "--against", "2", "--json").stdout)
    assert answer["sessions"][0]["change"] == "ends" and answer["sessions"][0]["opens"] is None
    assert answer["sessions"][0]["why"] == "period of use: valid until 2026-01-31 (users/t-yamada.acl:1)" and answer["loss"]


def test_diff_of_a_generation_that_is_none(archive):
    with gateway():
        done = run("acl", "diff", f"{archive}/new", "--against", "77")
    assert done.returncode == 1 and "there is no generation 77" in done.stderr and "hint: sekisho acl history" in done.stderr


def test_an_archive_that_was_changed_is_not_believed(archive):
    write(f"{ARCHIVE}/000003", {"users/k-mori.acl": "allow any 10.0.0.0/8\n"})
    with gateway():
        done = run("acl", "diff", f"{archive}/new")
    assert done.returncode == 1 and "does not hold what came into force as generation 3" in done.stderr and done.stdout == ""


# --- apply -----------------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def pending(archive):
    """OLD is in force, NEW waits to be applied: somebody would lose webmail."""
    write("/etc/sekisho/acl", NEW)
    return [generation(2, OLD, "2026-02-01T12:00:00+09:00", True)]


def applied(stand_in):
    return [r for r in stand_in.requests if r["verb"] == "acl-apply"]


def test_apply_refuses_a_loss_that_nobody_was_asked_about(pending):
    with gateway(history=pending) as stand_in:
        done = run("acl", "apply")
        as_json = run("acl", "apply", "--json")
    assert done.returncode == 1 and "loses   webmail" in done.stdout and "--yes" in done.stderr and applied(stand_in) == []
    assert as_json.returncode == 1 and as_json.stdout == ""


def test_apply_names_the_set_that_was_shown(pending):
    with gateway(history=pending) as stand_in:
        done = run("acl", "apply", "--yes")
        answer = json.loads(run("acl", "apply", "--yes", "--json").stdout)
    assert done.returncode == 0 and done.stdout.endswith(
        "The ACLs are in force, generation 4: 4 files, 5 rules; 1 open sessions have other rules now\n")
    assert applied(stand_in) == [{"verb": "acl-apply", "sha256": digest(NEW)}] * 2
    assert answer["generation"] == 4 and answer["diff"]["loss"] is True


@pytest.mark.parametrize("typed, done", [("y\n", True), ("n\n", False), ("\n", False), ("\x04", False)])
def test_apply_asks_on_a_terminal(pending, typed, done):
    with gateway(history=pending) as stand_in:
        shown, code = on_terminal("acl", "apply", typed=typed)
    assert "[y/N]" in shown and "webmail" in shown and (len(applied(stand_in)) == 1) == done == (code == 0)


def test_apply_asks_nothing_when_nobody_loses(pending):
    write("/etc/sekisho/acl", {**OLD, "users/k-mori.acl": "allow tcp 3389 10.30.5.77\n"})
    with gateway(history=pending) as stand_in:
        assert run("acl", "apply").returncode == 0
    assert len(applied(stand_in)) == 1


def test_apply_passes_a_conflict_on(pending):
    with gateway(history=pending, **{"acl-apply": [{"error": "the files have changed", "code": "conflict", "hint": "look again"}]}):
        done = run("acl", "apply", "--yes")
    assert done.returncode == 1 and "the files have changed" in done.stderr and "hint: look again" in done.stderr


# --- explain, show ---------------------------------------------------------------------------------------------------------------------

def test_explain_by_files(acl, bare):
    ask = ["acl", "explain", "t-yamada", "tcp", "443", "10.20.0.10", f"--files={acl}/good"]
    done = run(*ask, "--group", "soumu")
    assert done.returncode == 0
    assert done.stdout == ("denied: t-yamada, tcp 443 10.20.0.10 (class ministry, groups: soumu)\n"
                           "ACTION  FILE:LINE             RULE\n"
                           "deny    users/t-yamada.acl:1  deny tcp 443 10.20.0.0/24 reason \"moved\"\n"
                           "allow   groups/soumu.acl:1    allow intranet\n")
    other = json.loads(run("acl", "explain", "h-suzuki", "tcp", "443", "10.20.0.10", "--group", "soumu,kikaku",
                           "--files", f"{acl}/good", "--json").stdout)
    assert other["allowed"] is True and other["generation"] is None and other["rules"] == [
        {"action": "allow", "file": "groups/soumu.acl", "line": 1, "what": "intranet", "text": "allow intranet", "until": None}]
    assert "No rule covers it" in run("acl", "explain", "h-suzuki", "icmp", "10.20.0.10", "--files", f"{acl}/good", "--group", "x").stdout
    done = run(*ask[:-1], f"--files={acl}/bad", "--group", "soumu")
    assert done.returncode == 1 and done.stdout == "" and "intranett" in done.stderr


@pytest.mark.parametrize("at, said", [
    ("2026-11-27T21:59", "a session may exist, until 2026-11-27 22:00"),
    ("2026-11-27T22:00", "no session: hours mon-fri 07:00-22:00 (groups/soumu.acl:3); possible from 2026-11-30 07:00"),
])
def test_explain_says_when_the_hours_are_over(archive, at, said):
    done = run("acl", "explain", "t-yamada", "tcp", "445", "10.20.2.1", "--group", "soumu", "--files", f"{archive}/new", "--at", at)
    assert done.stdout.startswith("allowed: ") and said in done.stdout and "groups/soumu.acl:3  hours mon-fri" in done.stdout


def test_explain_by_what_was_in_force(archive):
    ask = ["acl", "explain", "t-yamada", "tcp", "443", "10.20.0.10", "--json"]
    with gateway() as stand_in:
        for day, allowed, number in (("2026-03-02", False, 3), ("2026-02-15", True, 2), ("2026-01-15", False, 1)):
            answer = json.loads(run(*ask, "--on", day).stdout)
            assert (answer["allowed"], answer["generation"]) == (allowed, number)
            assert answer["at"] == f"{day}T12:00:00.000000+09:00"
        # The generation of noon on its first day was applied just then; a minute before it was not.
        assert json.loads(run(*ask, "--on", "2026-02-01", "--at", "11:59").stdout)["generation"] == 1
        assert json.loads(run(*ask, "--on", "2026-02-01T12:00").stdout)["generation"] == 2
        none = run(*ask, "--on", "2025-12-31")
        text = run("acl", "explain", "x-unknown", "tcp", "443", "10.20.0.10", "--on", "2026-02-15").stdout
    assert none.returncode == 1 and "no ACLs were in force at 2025-12-31" in none.stderr
    assert "groups: unknown at that time" in text
    assert {"verb": "acl-subjects", "on": 1771124400000000} in stand_in.requests


def test_explain_asks_the_gateway_with_the_users_groups(bare):
    name = "cli-user"
    if name not in [p.pw_name for p in pwd.getpwall()]:
        subprocess.run(["useradd", "--no-create-home", "-N", "-g", "daemon", "-G", "games,mail", name], check=True)
    rules = [{"action": "allow", "file": "users/a\x1b.acl", "line": 3, "text": "allow x"}]
    with Gateway(end(allowed=True, generation=4, rules=rules)) as stand_in:
        done = run("acl", "explain", name, "udp", "53", "2001:db8::1", "--class", "private", "--at", "2026-11-23T10:00")
        assert json.loads(run("acl", "explain", name, "icmp", "10.0.0.1", "--json").stdout)["generation"] == 4
        unknown = run("acl", "explain", "no-such-user", "icmp", "10.0.0.1")
    request = stand_in.requests[0]
    assert sorted(request.pop("groups")) == ["daemon", "games", "mail"]
    assert request == {"verb": "acl-explain", "user": name, "class": "private", "proto": "udp", "port": "53", "address": "2001:db8::1",
                       "at": 1795395600000000}
    assert stand_in.requests[1]["port"] == "" and len(stand_in.requests) == 2
    assert done.stdout.startswith("allowed: cli-user, udp 53 2001:db8::1 (class private, groups: daemon") and "users/a\\x1b.acl:3" in done.stdout
    assert unknown.returncode == 1 and "--group" in unknown.stderr


def test_show(archive):
    done = run("acl", "show", "t-yamada", "--group", "soumu", "--files", f"{archive}/old")
    assert done.stdout == """t-yamada (class ministry, groups: soumu) reaches:
  webmail (tcp 443 10.20.0.10 2001:db8:20::10)
  part of files (tcp 445 10.20.2.0-10.20.2.98 10.20.2.100-10.20.2.255)

ACTION  FILE:LINE             RULE
allow   groups/soumu.acl:2    allow webmail
allow   groups/soumu.acl:3    allow files until 2037-03-31 reason "年度更新"
deny    users/t-yamada.acl:1  deny tcp 445 10.20.2.99

FILE                OWNER
groups/soumu.acl    総務課
users/t-yamada.acl  -
"""
    answer = json.loads(run("acl", "show", "t-yamada", "--group", "soumu", "--files", f"{archive}/new", "--json").stdout)
    assert answer["statements"] == [{"file": "groups/soumu.acl", "line": 3, "text": "hours mon-fri 07:00-22:00"}]
    assert [r["until"] for r in answer["rules"]] == ["2037-04-01T00:00:00.000000+09:00", None]
    assert run("acl", "show", "z-nobody", "--group", "x", "--files", f"{archive}/old").stdout == (
        "z-nobody (class ministry, groups: x) reaches nothing.\n")


# --- who -------------------------------------------------------------------------------------------------------------------------------

def test_who(archive):
    with gateway():
        answer = json.loads(run("acl", "who", "tcp", "443", "10.20.0.10", "--json", "--files", f"{archive}/old").stdout)
        shown = run("acl", "who", "tcp", "443", "10.20.0.10", "--files", f"{archive}/old").stdout
        nobody = run("acl", "who", "tcp", "22", "10.20.0.10").stdout
    assert [(p["user"], p["class"], p["devices"], p["file"], p["line"]) for p in answer["people"]] == [
        ("t-yamada", "ministry", ["d7"], "groups/soumu.acl", 2), ("t-yamada", "private", ["d9"], "groups/soumu.acl", 2)]
    assert answer["unknown"] == ["x-unknown"]
    assert re.search(r"^t-yamada  ministry  d7 +groups/soumu\.acl:2  allow webmail  files$", shown, re.M)
    assert "Groups unknown, judged by their own files alone: x-unknown" in shown
    assert nobody.startswith("Nobody can reach tcp 22 10.20.0.10.\n")


def test_who_could_at_some_time_of_a_day(archive):
    """On the day of the change both sets were in force, one after the other."""
    with gateway() as stand_in:
        day = json.loads(run("acl", "who", "tcp", "443", "10.20.0.10", "--on", "2026-03-01", "--json").stdout)
        before = json.loads(run("acl", "who", "tcp", "443", "10.20.0.10", "--on", "2026-03-01T08:59", "--json").stdout)
        after = json.loads(run("acl", "who", "tcp", "443", "10.20.0.10", "--on", "2026-03-01T09:00", "--json").stdout)
        none = run("acl", "who", "tcp", "443", "10.20.0.10", "--on", "2025-01-01")
    assert {(p["user"], p["generation"]) for p in day["people"]} == {("t-yamada", 2)} == {
        (p["user"], p["generation"]) for p in before["people"]}
    assert after["people"] == [] and none.returncode == 1 and "no ACLs were in force" in none.stderr
    assert day["unknown"] == ["x-unknown"]
    asked = [r["on"] for r in stand_in.requests if r["verb"] == "acl-subjects"]
    assert asked[:4] == [1772323200000000, 1772377199999999, 1772290800000000, 1772323199999999]


def test_who_names_the_members_of_a_group_that_shares_a_device(archive):
    """Now those in the directory and those the gateway has found in it; in the past the latter, and that there may be more."""
    made = subprocess.run(["groupadd", "cli-share"], check=False).returncode, subprocess.run(
        ["useradd", "--no-create-home", "-g", "cli-share", "cli-first"], check=False).returncode, subprocess.run(
        ["useradd", "--no-create-home", "-N", "-G", "cli-share", "cli-second"], check=False).returncode
    assert set(made) <= {0, 9}  # 9: there already
    write(f"{archive}/old", {"groups/cli-share.acl": "allow webmail\n"})
    people = [subject("@cli-gone", None, ("d12", "shared")), subject("@cli-share", None, ("d11", "shared"), ("d12", "shared")),
              subject("cli-second", None, ("d11", "shared")), subject("z-left", ["soumu", "cli-gone"])]
    ask = ["acl", "who", "tcp", "443", "10.20.0.10"]
    with gateway(people=people):
        answer = json.loads(run(*ask, "--json", "--files", f"{archive}/old").stdout)
        shown = run(*ask, "--files", f"{archive}/old").stdout
        then = json.loads(run(*ask, "--json", "--on", "2026-02-15T12:00").stdout)
    assert [(p["user"], p["class"], p["devices"]) for p in answer["people"]] == [
        ("cli-first", "shared", ["d11", "d12"]), ("cli-second", "shared", ["d11", "d12"]), ("z-left", "shared", ["d12"])]
    assert answer["unknown"] == [] and answer["partly"] == ["@cli-gone"]
    assert "Of these groups only members who had logged in are known: @cli-gone" in shown and "\n@" not in shown
    assert [(p["user"], p["devices"]) for p in then["people"]] == [("z-left", ["d12"])] and then["partly"] == ["@cli-gone", "@cli-share"]


@pytest.mark.parametrize("groups, said", [(["kikaku"], "device d11)"), (["soumu"], "device d11 which is not this user's)")])
def test_show_knows_the_users_of_a_device_of_a_group(archive, groups, said):
    device = {"id": "d11", "class": "shared", "status": "active", "users": ["k-mori", "@kikaku"], "valid_from": None, "valid_until": None}
    with gateway(**{"device-show": [end(device=device)]}):
        options = [word for g in groups for word in ("--group", g)]
        assert said in run("acl", "show", "t-yamada", "--device", "d11", *options, "--files", f"{archive}/old").stdout


def test_who_leaves_out_whose_period_is_over(archive):
    write(f"{archive}/old", {"users/t-yamada.acl": "valid until 2026-01-31\n"})
    with gateway():
        assert run("acl", "who", "tcp", "443", "10.20.0.10", "--files", f"{archive}/old").stdout.startswith("Nobody can reach")


# --- history -----------------------------------------------------------------------------------------------------------------------

def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def test_history(archive):
    with gateway():
        done = run("acl", "history")
        one = json.loads(run("acl", "history", "2", "--json").stdout)
        assert [r["generation"] for r in json.loads(run("acl", "history", "--json").stdout)] == [3, 2, 1]
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["GENERATION", "IN", "FORCE", "SINCE", "BY", "RULES", "CHANGES"] and one["generation"] == 2
    assert re.match(r"^ +3  now +2026-03-01 09:00 \(.*\) +root +4  groups/soumu\.acl loses webmail", lines[1])
    assert lines[2].strip() == "総務 x" and columns(lines[2][:lines[2].index("総")]) == lines[0].index("CHANGES")
    assert lines[3].rstrip().endswith("-") and len(lines) == 5


def test_history_counts_what_it_does_not_show(archive):
    changes = [f"users/u{i}.acl is new" for i in range(20)]
    with gateway(history=[generation(1, {}, "2026-01-01T09:00:00Z", True, changes, changes_total=500)]):
        assert run("acl", "history").stdout.count("is new") == 8 and "and 492 more" in run("acl", "history").stdout
        assert run("acl", "history", "1").stdout.count("is new") == 20 and "and 480 more" in run("acl", "history", "1").stdout


def test_export(archive):
    with gateway():
        done = run("acl", "history", "--export", "2", f"{archive}/out/")
        assert run("acl", "diff", f"{archive}/out", "--against", "2").stdout.startswith("No difference")
        again = run("acl", "history", "--export", "2", f"{archive}/out")
        nowhere = run("acl", "history", "--export", "2", f"{archive}/no/where")
    assert done.stdout == f"3 files of generation 2 are in {archive}/out\n"
    for name, text in OLD.items():
        with open(f"{archive}/out/{name}") as f:
            assert f.read() == text
    assert again.returncode == nowhere.returncode == 1 and "File exists" in again.stderr
    assert sorted(os.listdir(archive)) == ["new", "old", "out"]  # nothing half made is left
