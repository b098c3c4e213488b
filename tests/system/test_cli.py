# SPDX-License-Identifier: GPL-3.0-or-later
"""The sekisho command alone, through its real interface: a stand-in answers at the gateway's control socket, so that every answer,
also those that no gateway gives, can be had. What the gateway makes of the requests, the other modules ask of the real one."""
import datetime
import json
import os
import pwd
import re
import socket
import subprocess

import pytest

from cli_box import (ROOT, SEKISHO, CONTROL, NOBODY, SETUP, SERVER, DEVICE, SESSION, STATUS, bare, clean, folder, run, Gateway, end,
    on_terminal)

# --- reaching the gateway --------------------------------------------------------------------------------------------------------

def test_no_gateway(bare):
    done = run("session", "list")
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr == ("sekisho: the gateway is not running (/run/sekisho/control: No such file or directory)\n"
                           "hint: systemctl start sekisho-gateway\n")


def test_a_socket_nobody_listens_at(bare):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(CONTROL)
        done = run("session", "list")
        os.unlink(CONTROL)
    assert done.returncode == 3 and "not running" in done.stderr and "systemctl start" in done.stderr


def test_without_permission(bare):
    with Gateway(end(), mode=0o600) as gateway:
        done = run("session", "list", uid=NOBODY)
    assert done.returncode == 1 and "sekisho-admin" in done.stderr and gateway.requests == []


def test_somebody_elses_socket_is_told_nothing(bare):
    with Gateway(end(), uid=NOBODY) as gateway:
        done = run("session", "list")
    assert done.returncode == 3 and "uid 65534" in done.stderr and gateway.requests == []


def test_the_gateways_own_user_is_believed(bare):
    with Gateway(end(), uid=pwd.getpwnam("sekisho").pw_uid) as gateway:
        assert run("session", "list").returncode == 0
    assert gateway.requests == [{"verb": "session-list"}]


@pytest.mark.parametrize("answers, what", [
    ([], "it ended too early"), ([b"nonsense"], "it is no JSON"), ([b"[]"], "neither row nor end nor error"),
    ([{}], "neither row nor end nor error"), ([{"row": 7}], "neither row nor end nor error"),
    ([{"end": None}], "neither row nor end nor error"), ([b'{"end": {}, "end": {}}'], "it is no JSON"),
    ([{"row": {}}], "it ended too early"), ([b'{"end": {"a": "' + b"x" * 131072 + b'"}}'], "it is too long"),
], ids=["nothing", "no JSON", "no object", "empty", "row is a number", "end is null", "twice", "no end", "too long"])
def test_answers_that_make_no_sense(bare, answers, what):
    with Gateway(*answers):
        done = run("session", "list", "--json")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"sekisho: the gateway's answer cannot be understood: {what}\nhint: ")


def test_errors_are_passed_on_made_safe(bare):
    with Gateway({"error": "no\x1b[2J such device", "hint": "look at\nthe list", "code": "not-found",
                  "diagnostics": "users/a.acl:1:1: error: x\x1b\n    y\n"}):
        done = run("device", "show", "d9")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == ("users/a.acl:1:1: error: x\\x1b\n    y\nsekisho: no\\x1b[2J such device\nhint: look at\\x0athe list\n")


def test_denied_without_a_hint_names_the_group(bare):
    with Gateway({"error": "not you", "code": "denied"}):
        assert "usermod -aG" in run("reload").stderr


def test_a_result_that_cannot_be_written_is_a_failure(bare):
    with Gateway(end(**STATUS)), open("/dev/full", "w") as full:
        done = subprocess.run([SEKISHO, "status"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "sekisho: " in done.stderr


# --- words on the command line ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, said", [
    ([], "a verb is missing"),
    (["statsu"], "did you mean 'status'"),
    (["hlp"], "did you mean 'help'"),
    (["device"], "needs a second word"),
    (["device", "lst"], "did you mean 'device list'"),
    (["status", "now"], "'now' is one word too many"),
    (["status", "--jsn"], "unknown option '--jsn'"),
    (["device", "list", "--stat", "lost"], "did you mean 'status'"),
    (["device", "show"], "ID is missing"),
    (["device", "suspend", "d1", "--yes"], "unknown option '--yes'"),
    (["session", "end", "d7"], "no session's ID"),
    (["session", "end", "99999999999"], "no session's ID"),
    (["device", "add", "--conf", "-"], "USER is missing"),
    (["device", "add", "../x", "--conf", "-"], "no user's name"),
    (["device", "add", "a"], "where should the configuration go?"),
    (["device", "add", "a", "--conf", "-", "--json"], "only one can go to standard output"),
    (["device", "add", "a", "--conf", "-", "--qr"], "only one can go to standard output"),
    (["device", "add", "a", "--qr", "--no-qr"], "contradict"),
    (["device", "add", "a", "--conf", "-", "--pubkey", "short"], "44 characters"),
    (["device", "add", "a", "--png", "/run/cli/x", "--pubkey", SERVER], "there is no code to scan"),
    (["device", "add", "a", "--conf", "-", "--class", "own"], "no class of device"),
    (["device", "add", "a", "--conf", "-", "--valid-until", "31.3.2027"], "is no date"),
    (["setup", "--check", "--endpoint", "a:1"], "takes no values"),
    ([b"status\xff"], "no UTF-8"),
])
def test_wrong_words(bare, words, said):
    with Gateway(end()) as gateway:
        done = run(*words)
    assert done.returncode == 2 and done.stdout == "" and said in done.stderr and "\nhint: " in done.stderr
    assert gateway.requests == []


def test_help_and_version(bare):
    assert re.fullmatch(r"sekisho \d+\.\d+\.\d+\n", run("--version").stdout)
    everything = run("help")
    assert everything.returncode == 0 and everything.stderr == ""
    verbs = re.findall(r"^  sekisho ([a-z]+(?: [a-z]+)?)  ", everything.stdout, re.M)
    assert len(set(verbs)) == len(verbs) >= 21 and verbs[0] == "status"
    for verb in verbs:
        one = run("help", *verb.split())
        assert one.returncode == 0 and one.stdout.startswith(f"usage: sekisho {verb} ") and "--json" in one.stdout
        assert run(*verb.split(), "--help").stdout == one.stdout
    for first in ("device", "log"):
        assert run("help", first).stdout.count("\n") == sum(verb.startswith(f"{first} ") for verb in verbs) > 1
    assert run("help", "nothing").returncode == 2


def test_the_manual_names_every_verb(bare):
    with open(f"{ROOT}/docs/sekisho.8") as f:
        manual = f.read()
    plain = re.sub(r"\\f.|^\.[A-Z]+ ?", "", manual, flags=re.M).replace("\\-", "-")
    for verb in re.findall(r"^  sekisho ([a-z]+(?: [a-z]+)?)  ", run("help").stdout, re.M):
        assert re.search(rf"^{verb}\b", plain, re.M), verb
        for option in re.findall(r"--[a-z0-9-]+", run("help", *verb.split()).stdout):
            assert option in plain, (verb, option)


# --- what is shown -----------------------------------------------------------------------------------------------------------------

def test_device_list(bare):
    second = {**DEVICE, "id": "d12", "label": "x", "users": ["a"], "status": "lost", "online": False, "v4": "10.64.0.12",
              "last_seen": "2026-11-01T09:00:00Z"}
    with Gateway({"row": DEVICE}, {"row": second}, end()) as gateway:
        done = run("device", "list", "--status", "lost")
        assert json.loads(run("device", "list", "--json").stdout) == [DEVICE, second]
    assert gateway.requests == [{"verb": "device-list", "status": "lost"}, {"verb": "device-list"}]
    lines = done.stdout.splitlines()
    assert lines[0] == "ID   LABEL       USERS               CLASS     STATUS  ADDRESS     ONLINE  LAST SEEN"
    assert lines[1] == "d7   山田の電話  t-yamada, h-suzuki  ministry  active  10.64.0.7   yes     -"
    assert re.fullmatch(r"d12  x           a                   ministry  lost    10\.64\.0\.12  no      2026-11-01 18:00 \(.* ago\)", lines[2])


def test_device_show(bare):
    with Gateway(end(device={**DEVICE, "session": SESSION})) as gateway:
        done = run("device", "show", "d7")
        assert json.loads(run("device", "show", "d7", "--json").stdout)["device"]["id"] == "d7"
    assert gateway.requests == [{"verb": "device-show", "id": "d7"}] * 2
    for line in ("Device       d7", "Users        t-yamada, h-suzuki", "Addresses    10.64.0.7, fd64:5e61::7",
                 "Traffic      2.0 KiB from the phone, 0 B to it"):
        assert line in done.stdout.splitlines()
    assert re.search(r"^Valid until  2027-03-31 23:59 \(", done.stdout, re.M)
    assert re.search(r"^Session      7, t-yamada, until 2026-11-02 06:00 ", done.stdout, re.M)
    assert "Last seen" not in done.stdout


def test_session_list_and_end(bare):
    with Gateway({"row": SESSION}, end(session=SESSION)) as gateway:
        done = run("session", "list")
        assert json.loads(run("session", "list", "--json").stdout) == [SESSION]
        ended = run("session", "end", "7")
    assert gateway.requests[2] == {"verb": "session-end", "id": 7}
    assert re.search(r"^ 7  t-yamada  d7 +山田の電話  10\.64\.0\.7 .* 1\.5 KiB   0 B$", done.stdout, re.M)
    assert ended.stdout == "Session 7 of t-yamada on d7 is ended.\n"


def test_status(bare):
    with Gateway(end(**STATUS)):
        done = run("status")
        assert json.loads(run("status", "--json").stdout) == STATUS
    assert done.returncode == 0 and done.stdout.endswith("\nNo problems.\n")
    for part in ("sekisho0 (kernel), port 51820, 10.64.0.1, fd64:5e61::1", "11 active (5 online), 2 suspended, 3 lost, 4 revoked",
                 "6 open, 1 logins under way", "generation 9 of 2026-11-01 18:00", "3 files, 12 rules, 2 profiles",
                 "25 seen: 31 admitted, 32 refused, 33 replayed, 34 forged, 35 dropped",
                 "21 by ACL, 22 without session, 23 of ended sessions, 24 spoofed", "connected"):
        assert part in done.stdout
    with Gateway(end(**{**STATUS, "portal": False, "problems": ["the login\x1b page is down"]})):
        done = run("status")
    assert done.returncode == 0 and "not connected" in done.stdout and "\nProblems:\n  the login\\x1b page is down\n" in done.stdout


@pytest.mark.parametrize("days, due, shown", [(61, False, "expires in 61 days: "), (9, True, "⚠ expires in 9 days: "),
                                              (1, True, "⚠ expires in 1 day: ")])
def test_status_shows_when_the_certificate_expires(bare, days, due, shown):
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days, hours=1)
    with Gateway(end(**{**STATUS, "certificate": {"until": until.isoformat(), "days": days, "due": due}})):
        assert re.search(rf"^Certificate +{shown}{until + datetime.timedelta(hours=9):%Y-%m-%d} ", run("status").stdout, re.M)


def test_status_without_gateway_points_to_the_installation(clean):
    assert re.search(r"setup --check  finds \d+ problems in the installation", run("status").stderr)
    assert run(*SETUP).returncode == 0
    done = run("status")
    assert done.returncode == 3 and "setup --check" not in done.stderr


def test_a_lost_device_with_its_report(folder):
    with Gateway(end(device=DEVICE, sessions_ended=1)) as gateway:
        done = run("device", "lost", "d7", "--note", "忘れ物", "--output", f"{folder}/1")
        assert json.loads(run("device", "lost", "d7", "--json", "--output", f"{folder}/2").stdout)["sessions_ended"] == 1
    assert [r["verb"] for r in gateway.requests] == ["device-lost", "device-report"] * 2 and gateway.requests[0]["note"] == "忘れ物"
    assert done.returncode == 0 and done.stdout.startswith("d7 is reported lost") and "What to do next" in done.stdout


@pytest.mark.parametrize("verb", ["suspend", "resume", "revoke"])
def test_changes_of_status(bare, verb):
    with Gateway(end(device=DEVICE, sessions_ended=1)) as gateway:
        done = run("device", verb, "d7", "--note", "忘れ物")
        assert json.loads(run("device", verb, "d7", "--json").stdout)["sessions_ended"] == 1
    assert gateway.requests == [{"verb": f"device-{verb}", "id": "d7", "note": "忘れ物"}, {"verb": f"device-{verb}", "id": "d7"}]
    assert done.returncode == 0 and done.stdout.startswith("d7 ") and done.stdout.endswith(". 1 session ended.\n")


def test_reload(bare):
    answer = end(generation=9, files=3, rules=12, sessions_changed=2, profiles=1)
    with Gateway(answer) as gateway:
        assert run("reload").stdout == ("Settings and ACLs are in force, generation 9: 3 files, 12 rules; "
                                        "2 open sessions have other rules now\n")
        assert json.loads(run("reload", "--json").stdout) == answer["end"]
    assert gateway.requests == [{"verb": "reload"}] * 2


# --- on a terminal ------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("verb, typed, done", [
    ("lost", "y\n", True), ("revoke", "yes\n", True), ("lost", "n\n", False), ("revoke", "\n", False), ("lost", "\x04", False),
    ("suspend", "", True),
])
def test_what_cannot_be_undone_is_asked(folder, verb, typed, done):
    with Gateway(end(device=DEVICE, sessions_ended=0)) as gateway:
        shown, code = on_terminal("device", verb, "d7", *(["--output", f"{folder}/report"] if verb == "lost" else []), typed=typed)
    assert (f"device-{verb}" in [r["verb"] for r in gateway.requests]) == done == (code == 0)
    assert ("[y/N]" in shown and "山田の電話" in shown and "t-yamada" in shown) == (verb != "suspend")


def test_yes_asks_nothing(folder):
    with Gateway(end(device=DEVICE, sessions_ended=0)) as gateway:
        shown, code = on_terminal("device", "lost", "d7", "--yes", "--output", f"{folder}/report")
    assert code == 0 and "[y/N]" not in shown and [r["verb"] for r in gateway.requests] == ["device-lost", "device-report"]


def test_tables_fit_the_terminal(bare):
    row = {**DEVICE, "label": "山" * 40, "users": ["u" * 40]}
    with Gateway({"row": row}, end()):
        shown, _ = on_terminal("device", "list", columns=90)
    for line in shown.splitlines():
        assert sum(2 if ord(c) > 0x2e80 else 1 for c in line) <= 90
    assert "山…" in shown and "u…" in shown and "10.64.0.7" in shown
