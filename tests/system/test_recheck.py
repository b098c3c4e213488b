# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who is logged in, and whose account or groups change meanwhile: real accounts, real PAM, looked at every few seconds."""
import contextlib
import os
import pwd
import sqlite3
import subprocess
import time

import pytest

from world import BUILD, FILES, INTRANET, NOBODY, PAM, wait_until

SETTINGS = {"account_recheck": "5s", "pam_timeout": "3s"}
DEADLINE = 40  # seconds for what takes an interval


def run(*command):
    subprocess.run(command, check=True)


@pytest.fixture(scope="module", autouse=True)
def phone(world):
    world.phone.join(world.add_device("t-yamada", "h-suzuki", "k-mori", label="phone").conf)
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")


@pytest.fixture(autouse=True)
def as_made(world):
    """Afterwards nobody is logged in, all accounts are as made, PAM works."""
    yield
    known = [entry.pw_name for entry in pwd.getpwall()]
    for user in {"t-yamada", "k-mori"} & set(known):
        run("usermod", "-e", "", "-G", "soumu", user)
        run("chage", "-d", "-1", user)
        with open("/etc/shadow") as shadow:
            if f"\n{user}:!" in shadow.read():
                run("usermod", "-U", user)
    world.write("/etc/pam.d/sekisho", PAM)
    for session in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(session["id"]))


def reach(world, host):
    """Is it open?"""
    return world.phone.tcp(host[0], 80).result == "open"


def log_in(world, user="t-yamada"):
    opened = len(world.logs("auth", "session-opened"))
    world.login(world.phone, user)
    wait_until(lambda: len(world.logs("auth", "session-opened")) > opened, what="session")
    return world.logs("auth", "session-opened")[-1]["sekisho"]["session"]


def ended(world, session):
    return world.wait_log("auth", "session-ended", DEADLINE, sekisho__session__id=session["id"], sekisho__session__opened=session["opened"])


def problems(world):
    return [p for p in world.sekisho("status", "--json")["problems"] if "cannot be looked at" in p]


def alerts(world):
    return world.logs("audit", "alert", event__reason="account-recheck-unavailable")


@pytest.mark.parametrize("command, stage, code", [(["usermod", "-e", "1"], "account", 13), (["usermod", "-L"], "locked", 0),
                                                  (["passwd", "-l"], "locked", 0), (["chage", "-d", "0"], "account", 12)])
def test_closed_account_ends_its_session(world, command, stage, code):
    session = log_in(world)
    assert reach(world, INTRANET)
    run(*command, "t-yamada")
    event = ended(world, session)
    assert event["event"]["reason"] == "account-disabled"
    assert event["sekisho"]["pam"] == {"service": "sekisho", "stage": stage, "code": code}
    assert not reach(world, INTRANET)


def test_deleted_user(world):
    session = log_in(world, "k-mori")
    run("userdel", "k-mori")
    event = ended(world, session)
    assert event["event"]["reason"] == "account-disabled" and event["sekisho"]["pam"]["code"] == 10
    assert not reach(world, INTRANET)


def test_groups_narrow_and_widen(world):
    run("usermod", "-aG", "kikaku", "t-yamada")
    session = log_in(world)
    assert (reach(world, INTRANET), reach(world, FILES)) == (True, True)
    run("gpasswd", "-d", "t-yamada", "soumu")
    event = world.wait_log("auth", "session-narrowed", DEADLINE, sekisho__session__id=session["id"])
    assert event["event"]["reason"] == "groups"
    assert (reach(world, INTRANET), reach(world, FILES)) == (False, True)
    run("gpasswd", "-a", "t-yamada", "soumu")
    event = world.wait_log("auth", "session-widened", DEADLINE, sekisho__session__id=session["id"])
    assert event["event"]["reason"] == "groups"
    assert (reach(world, INTRANET), reach(world, FILES)) == (True, True)
    # The last group with a file: nothing is left that this user may.
    run("usermod", "-G", "", "t-yamada")
    assert ended(world, session)["event"]["reason"] == "acl-removed"


def test_groups_survive_a_restart(world):
    """What a recheck found is what a restarted gateway judges by, before it has asked again."""
    run("usermod", "-aG", "kikaku", "t-yamada")
    session = log_in(world)
    run("gpasswd", "-d", "t-yamada", "soumu")
    world.wait_log("auth", "session-narrowed", DEADLINE, sekisho__session__id=session["id"])
    world.kill("auth")
    world.kill("gateway")
    world.start_gateway()
    try:
        assert (reach(world, INTRANET), reach(world, FILES)) == (False, True)
    finally:
        world.start_auth()


def test_closed_while_the_gateway_was_down(world):
    session = log_in(world)
    world.kill("gateway")
    run("usermod", "-e", "1", "t-yamada")
    world.start_gateway()
    assert ended(world, session)["event"]["reason"] == "account-disabled"


def test_hanging_module(world):
    """Nobody is thrown out because a directory hangs; the gateway goes on; it is said once, and in the status while it lasts."""
    session, before = log_in(world), len(alerts(world))
    killed = world.output("auth").count("was killed")
    world.write("/run/world/hang", "#!/bin/sh\nexec sleep 600\n", 0o755)
    world.write("/etc/pam.d/sekisho", "auth required pam_unix.so\naccount required pam_exec.so /run/world/hang\n")
    wait_until(lambda: len(alerts(world)) > before, DEADLINE, "alert")
    wait_until(lambda: world.output("auth").count("was killed") >= killed + 3, DEADLINE, "three rechecks that hang")
    assert len(alerts(world)) == before + 1
    alert = alerts(world)[-1]
    assert alert["user"]["name"] == "t-yamada" and "hang" in alert["error"]["message"]
    assert len(problems(world)) == 1
    assert reach(world, INTRANET)
    wait_until(lambda: not world.pids("sleep"), DEADLINE, "the pause between two that hang")
    world.write("/etc/pam.d/sekisho", PAM)
    wait_until(lambda: not problems(world), DEADLINE, "an account that can be looked at")
    assert not world.logs("auth", "session-ended", sekisho__session__id=session["id"], sekisho__session__opened=session["opened"])


@pytest.mark.parametrize("code", ["9", "4", "26"])
def test_directory_away(world, code):
    """PAM_AUTHINFO_UNAVAIL, PAM_SYSTEM_ERR and PAM_ABORT say nothing of the account."""
    log_in(world)
    module = f"{BUILD}/tests/pam_script.so"
    world.write("/run/world/account", f"code {code}\n", 0o600)
    world.write("/etc/pam.d/sekisho", f"auth required pam_unix.so\naccount required {module} /run/world/account\n")
    wait_until(lambda: problems(world), DEADLINE, "a problem")
    assert reach(world, INTRANET)
    world.write("/etc/pam.d/sekisho", PAM)
    wait_until(lambda: not problems(world), DEADLINE, "no problem")
    assert reach(world, INTRANET)


def test_auth_socket_gone_and_back(world):
    session, before = log_in(world), len(alerts(world))
    world.kill("auth")
    wait_until(lambda: len(alerts(world)) > before, DEADLINE, "alert")
    assert "/run/sekisho-auth/socket" in alerts(world)[-1]["error"]["message"]
    assert "/run/sekisho-auth/socket" in problems(world)[0]
    assert reach(world, INTRANET)
    run("usermod", "-e", "1", "t-yamada")
    world.start_auth()
    assert ended(world, session)["event"]["reason"] == "account-disabled"
    assert not problems(world)


def test_another_interval_by_reload(world):
    """A longer interval keeps everybody in for as long; back again, the account is soon looked at."""
    world.configure(account_recheck="1d")
    applied = len(world.logs("audit", "config-applied"))
    world.reload()
    wait_until(lambda: len(world.logs("audit", "config-applied")) > applied, what="reload")
    session = log_in(world)
    run("usermod", "-e", "1", "t-yamada")
    world.configure(account_recheck="5s")
    world.reload()
    assert ended(world, session)["event"]["reason"] == "account-disabled"


@pytest.mark.parametrize("user, may", [("sekisho", True), ("sekisho-portal", True), (NOBODY, False), ("nobody", False)])
def test_who_may_ask(world, user, may):
    """The socket's group has two members."""
    code = "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect('/run/sekisho-auth/socket')"
    entry = pwd.getpwnam(user)
    done = subprocess.run(["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--init-groups", "/usr/bin/python3", "-c", code],
                          capture_output=True)
    assert (done.returncode == 0) == may, done.stderr


@pytest.fixture
def many(world):
    """A restarted gateway with eight people logged in, whose sessions it found in its ledger."""
    people = [f"staff-{i}" for i in range(8)]
    devices = []
    for name in people:
        run("useradd", "--no-create-home", "-N", "-G", "soumu", name)
        devices.append(int(world.add_device(name).id[1:]))
    world.kill("gateway")
    now = time.time_ns() // 1000
    with contextlib.closing(sqlite3.connect("/var/lib/sekisho/ledger.db")) as ledger, ledger:
        for serial, (name, device) in enumerate(zip(people, devices), 9000):
            row = ledger.execute("INSERT INTO session (serial, device, user, opened, expires, ended, end_reason, endpoint_ip, endpoint_port,"
                                 " source_bytes, source_packets, destination_bytes, destination_packets, connections)"
                                 " VALUES (?, ?, ?, ?, ?, 0, 0, x'cb007150', 4000, 0, 0, 0, 0, 0)",
                                 (serial, device, name, now, now + 3600_000_000))
            ledger.execute("INSERT INTO session_group (session, position, name) VALUES (?, 0, 'soumu')", (row.lastrowid,))
        # The look for leavers, which asks the same question, has just been at everybody.
        ledger.execute("INSERT OR REPLACE INTO account (user, looked, since, refused) SELECT DISTINCT name, ?, ?, '' FROM device_user",
                       (now, now))
    yield people
    for name in people:
        subprocess.run(["userdel", name])


def test_two_at_a_time_and_everybody_in_turn(world, many):
    """With PAM at a standstill no more than two are asked about, and nobody a second time before everybody once."""
    asked = "/run/world/asked"
    os.mkfifo("/run/world/gate")
    gate = os.open("/run/world/gate", os.O_RDWR)
    world.write(asked, "")
    world.write("/run/world/slow", f"#!/bin/sh\necho start $PAM_USER >>{asked}\nread x </run/world/gate\necho end $PAM_USER >>{asked}\n", 0o755)
    world.write("/etc/pam.d/sekisho", "auth required pam_unix.so\naccount required pam_exec.so /run/world/slow\n")
    world.configure(pam_timeout="4m")
    world.start_gateway()

    def lines():
        with open(asked) as f:
            return [line.split() for line in f]

    try:
        wait_until(lambda: len(lines()) >= 2, DEADLINE, "the first two")
        everybody_is_due = time.monotonic() + 6
        wait_until(lambda: time.monotonic() > everybody_is_due)
        for done in range(8):
            os.write(gate, b"\n")
            wait_until(lambda: sum(word == "end" for word, _ in lines()) > done, DEADLINE, f"answer {done}")
        under_way = most = 0
        for word, _ in lines():
            under_way += 1 if word == "start" else -1
            most = max(most, under_way)
        assert most == 2
        assert sorted([name for word, name in lines() if word == "start"][:8]) == sorted(many)
    finally:
        world.configure(pam_timeout=SETTINGS["pam_timeout"])
        os.write(gate, b"\n" * 1000)
        world.write("/etc/pam.d/sekisho", PAM)
        world.sekisho("reload")
        wait_until(lambda: not world.pids("slow"), what="the last module")
        os.close(gate)
        os.unlink("/run/world/gate")
