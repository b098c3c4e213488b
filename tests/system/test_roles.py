# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what through the control socket: every verb as every role, by real accounts in real groups."""
import json
import os
import pwd
import re
import subprocess
import sys

import pytest

from world import ADMIN, DESK, LOGS, NOBODY, ROOT, field

ROLES = {NOBODY: "none", LOGS: "logs", DESK: "desk", ADMIN: "admin"}
ORDER = ("none", "logs", "desk", "admin")
LEAST = {
    "status": "logs",
    "device-list": "desk", "device-show": "desk", "device-suspend": "desk", "device-resume": "desk", "device-lost": "desk",
    "device-report": "desk", "user-suspend": "desk", "user-resume": "desk", "user-list": "desk",
    "session-list": "desk", "session-end": "desk", "acl-explain": "desk", "acl-history": "desk", "acl-subjects": "desk",
    "device-add": "admin", "device-import": "admin", "device-change": "admin", "device-rotate": "admin", "device-rotate-cancel": "admin",
    "device-revoke": "admin", "gateway-key": "admin", "acl-apply": "admin", "reload": "admin",
    "no-such-verb": "logs",
}
ASK = """
import json, socket, sys
for request in json.load(sys.stdin):
    answers = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(30)
        s.connect("/run/sekisho/control")
        s.send(json.dumps(request).encode())
        while data := s.recv(1 << 18):
            answers.append(json.loads(data))
    print(json.dumps(answers))
"""


def ask(user, *requests):
    """The answers to requests that this user's own process makes."""
    command = [sys.executable, "-c", ASK]
    if user:
        command = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups", *command]
    done = subprocess.run(command, input=json.dumps(requests), capture_output=True, text=True, timeout=120, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def code(answers):
    return answers[-1].get("code")


def denied(world, user, verb):
    return len(world.logs("audit", "control-denied", sekisho__admin__name=user, sekisho__control__verb=verb))


def test_the_table_is_the_programs():
    """A verb that the program has and this test has not is a hole in the test."""
    with open(f"{ROOT}/gateway/control.c", encoding="utf-8") as f:
        found = re.findall(r'^\t\{"([\w-]+)", ROLE_(\w+), control_', f.read(), re.MULTILINE)
    assert {verb: least.lower() for verb, least in found} == {v: r for v, r in LEAST.items() if v != "no-such-verb"}


@pytest.mark.parametrize("user", ROLES)
def test_every_verb(world, user):
    """The requests name nothing: who may ask is told so, who may not is told that, and it is on record."""
    role = ROLES[user]
    before = {verb: denied(world, user, verb) for verb in [*LEAST, "unknown"]}
    for verb, answers in zip(LEAST, ask(user, *[{"verb": verb} for verb in LEAST])):
        may = ORDER.index(role) >= ORDER.index(LEAST[verb])
        recorded = "unknown" if verb == "no-such-verb" else verb
        assert (code(answers) == "denied") != may, (verb, answers)
        assert denied(world, user, recorded) - before[recorded] == (not may), verb
        if not may:
            assert len(answers) == 1 and user in answers[0]["error"] and role in answers[0]["error"]
            event = world.logs("audit", "control-denied", sekisho__admin__name=user)[-1]
            assert field(event, "sekisho.admin.uid") == pwd.getpwnam(user).pw_uid
            assert field(event, "sekisho.admin.role") == role


def test_the_keys_are_roots_alone(world):
    """Also an administrator cannot put on record what only root can have done."""
    before = denied(world, ADMIN, "gateway-key")
    answers, = ask(ADMIN, {"verb": "gateway-key", "act": "switch"})
    assert code(answers) == "denied" and denied(world, ADMIN, "gateway-key") == before + 1
    assert not world.logs("audit", "gateway-key-changed")


def test_a_primary_group_counts_and_several_add_up(world):
    """Roles come from all of a process' groups, its own one too; the highest counts."""
    import grp
    desk, logs = (grp.getgrnam(f"sekisho-{name}").gr_gid for name in ("desk", "logs"))
    for words, may in ((["--regid=nogroup", "--clear-groups"], False), ([f"--regid={desk}", "--clear-groups"], True),
                       (["--regid=nogroup", f"--groups={logs},{desk}"], True), (["--regid=nogroup", f"--groups={logs}"], False)):
        done = subprocess.run(["setpriv", f"--reuid={NOBODY}", *words, sys.executable, "-c", ASK], text=True, check=True,
                              input='[{"verb": "device-list"}]', capture_output=True)
        assert (code(json.loads(done.stdout)) != "denied") == may, words


def test_a_user_without_an_account_is_recorded_by_number(world):
    done = subprocess.run(["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", sys.executable, "-c", ASK], text=True,
                          input='[{"verb": "reload"}]', capture_output=True, check=True)
    assert code(json.loads(done.stdout)) == "denied"
    assert world.logs("audit", "control-denied")[-1]["sekisho"]["admin"] == {"uid": 54321, "name": "54321", "role": "none"}


def test_the_desk_does_its_work(world, device, session):
    world.sekisho("session", "end", str(session["id"]), user=DESK)
    event = world.wait_log("audit", "session-kicked")
    assert event["sekisho"]["admin"] == {"uid": pwd.getpwnam(DESK).pw_uid, "name": DESK, "role": "desk"}
    d = world.add_device("t-yamada", label="desk")
    for verb, action in (("suspend", "device-suspended"), ("resume", "device-resumed"), ("lost", "device-lost")):
        world.sekisho("device", verb, d.id, "--note", "rang up", user=DESK, *(["--yes"] if verb == "lost" else []))
        event = world.wait_log("audit", action, device__id=d.id)
        assert field(event, "sekisho.admin.role") == "desk" and field(event, "sekisho.note") == "rang up"


@pytest.mark.parametrize("by", [ADMIN, None])
def test_the_desk_resumes_only_what_it_has_suspended(world, by):
    d = world.add_device("t-yamada", label="kept out")
    world.sekisho("device", "suspend", d.id, user=by)
    before = denied(world, DESK, "device-resume")
    done = world.sekisho("device", "resume", d.id, user=DESK, check=False)
    assert done.returncode == 1 and "sekisho-admin" in done.stderr
    assert denied(world, DESK, "device-resume") == before + 1
    assert world.sekisho("device", "show", d.id, "--json")["device"]["status"] == "suspended"
    world.sekisho("device", "resume", d.id, user=by)
    # what the desk did once gives it no right over what came after
    world.sekisho("device", "suspend", d.id, user=DESK)
    world.sekisho("device", "resume", d.id, user=DESK)
    world.sekisho("device", "suspend", d.id, user=by)
    assert world.sekisho("device", "resume", d.id, user=DESK, check=False).returncode == 1


def test_an_administrator_resumes_what_the_desk_has_suspended(world):
    d = world.add_device("t-yamada", label="back")
    world.sekisho("device", "suspend", d.id, user=DESK)
    world.sekisho("device", "resume", d.id, user=ADMIN)
    assert field(world.wait_log("audit", "device-resumed", device__id=d.id), "sekisho.admin.role") == "admin"


def test_who_suspended_survives_a_crash(world):
    kept, free = world.add_device("t-yamada", label="kept"), world.add_device("t-yamada", label="free")
    world.sekisho("device", "suspend", kept.id)
    world.sekisho("device", "suspend", free.id, user=DESK)
    world.kill("gateway")
    world.start_gateway()
    assert world.sekisho("device", "resume", kept.id, user=DESK, check=False).returncode == 1
    world.sekisho("device", "resume", free.id, user=DESK)


@pytest.mark.parametrize("user", [LOGS, NOBODY, DESK])
def test_only_those_who_read_logs_can(world, user):
    """The logs are files: their group decides, not the socket."""
    done = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups", "head", "-c1",
                           "/var/log/sekisho/auth.jsonl"], capture_output=True)
    assert (done.returncode == 0) == (user == LOGS)
    assert not os.stat("/var/log/sekisho/auth.jsonl").st_mode & 0o007
