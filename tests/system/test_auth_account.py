# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho-auth asked by the gateway whether a user could still log in: PAM's account phase without a password, locks, groups; and
what it does with those who say the wrong thing. The programs come from build/gcc, or from the folder named by SEKISHO_BUILD."""
import os
import struct

import pytest

from auth_box import (GATEWAY_UID, PORTAL_UID, RECHECK_ASK, SETTINGS, START, alive, box, folder, hashed, open_attempt, password, text, until)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="PAM, mounts and foreign uids need root")


def test_valid(box):
    assert box.recheck() == ("ok", "yamada", "account", 0, ["soumu", "staff"])
    assert box.said() == ""
    assert box.programs[-1].returncode == 0


def test_one_question_a_connection(box):
    gateway = box.launch(GATEWAY_UID)
    gateway.ask("yamada")
    assert gateway.result()[0] == "ok"
    assert gateway.closed()


@pytest.mark.parametrize("user, reason, code", [("gone", "account-expired", 13), ("stale", "password-expired", 12),
                                                ("nobody-here", "user-unknown", 10)])
def test_invalid_by_pam_unix(box, user, reason, code):
    """As a fresh login would be refused by pam_unix after the right password."""
    assert box.recheck(user) == (reason, user, "account", code, [])


@pytest.mark.parametrize("user", ["shut", "twice"])
def test_locked(box, user):
    """pam_unix itself does not mind; nor does a login by something else than the local password."""
    assert box.recheck(user) == ("account-denied", user, "locked", 0, [])
    box.script()
    portal, gateway = open_attempt(box, user)
    assert gateway.end() == ("account-denied", "", "locked", 0, [])
    gateway.acknowledge("account-denied")
    assert portal.result() == "account-closed"


@pytest.mark.parametrize("user", ["token", "radius", "none"])
def test_no_local_password_is_no_lock(box, user):
    assert box.recheck(user)[:3] == ("ok", user, "account")


def test_groups_as_they_are_now(box):
    group = box.path("/etc/group")
    group.write_text(group.read_text().replace("soumu:x:62001:yamada", "soumu:x:62001:").replace("keiri:x:62002:stale", "keiri:x:62002:yamada"))
    assert box.recheck()[4] == ["keiri", "staff"]


def test_groups_that_cannot_be_found(box):
    """All or nothing: the group left out could be the one that denies."""
    box.write("/etc/group", "".join(f"g{i}:x:{70000 + i}:yamada\n" for i in range(520)))
    assert box.recheck() == ("backend-unavailable", "yamada", "account", 0, [])
    assert "id yamada" in box.said()


@pytest.mark.parametrize("code, reason", [(4, "backend-unavailable"), (6, "account-denied"), (7, "account-denied"), (9, "backend-unavailable"),
                                          (10, "user-unknown"), (12, "password-expired"), (13, "account-expired"),
                                          (26, "backend-unavailable")])
def test_codes(box, code, reason):
    box.script(account=f"code {code}\n")
    assert box.recheck() == (reason, "yamada", "account", code, [])


def test_nobody_is_asked(box):
    """The authentication phase is not touched; a module that asks in the account phase fails; one that only tells does not."""
    box.script("crash\n", "info hello\nerror look\n")
    assert box.recheck()[0] == "ok"
    box.script("crash\n", "ask x Password?\n")
    assert box.recheck()[:3] == ("backend-unavailable", "yamada", "account")
    assert "where nobody can answer" in box.said()


def test_where_from(box):
    """A module that looks at PAM_RHOST finds what a login from there would have given it."""
    box.service("account required pam_access.so accessfile=/run/access\nauth required pam_unix.so\n")
    box.write("/run/access", "+ : yamada : 198.51.100.0/24\n- : ALL : ALL\n")
    assert box.recheck()[0] == "ok"
    assert box.recheck(rhost="203.0.113.9")[0] == "account-denied"


def test_changed_user(box):
    box.script(account="user stale\n")
    assert box.recheck()[:2] == ("backend-unavailable", "yamada")
    assert "turned user yamada into stale" in box.said()


def test_no_service_file(box):
    box.path("/etc/pam.d/sekisho").unlink()
    assert box.recheck()[:3] == ("backend-unavailable", "yamada", "start")


def test_hang(box):
    box.write("/etc/sekisho/sekisho.conf", SETTINGS.format(timeout="30m") + "pam-timeout 1s\n")
    box.script(account="spawn /run/daemon\nhang\n")
    gateway = box.launch(GATEWAY_UID)
    gateway.ask("yamada")
    until(lambda: box.path("/run/daemon").exists() and box.path("/run/daemon").read_text().endswith("\n"))
    daemon = int(box.path("/run/daemon").read_text())
    assert gateway.closed()
    assert "pam-timeout" in box.said()
    assert not alive(daemon)


def test_silent_gateway(box):
    """Whoever connects and says nothing is not waited for longer than one computation may take."""
    box.write("/etc/sekisho/sekisho.conf", SETTINGS.format(timeout="30m") + "pam-timeout 1s\n")
    gateway = box.launch(GATEWAY_UID)
    assert gateway.closed()
    box.programs[-1].wait(60)


# Who may say what


def test_portal_may_not_recheck(box):
    portal = box.launch(PORTAL_UID)
    portal.send(RECHECK_ASK, text("yamada") + text(""))
    assert portal.closed()
    assert "broke the rules" in box.said()


def test_gateway_may_not_log_in(box):
    gateway = box.launch(GATEWAY_UID)
    gateway.send(START, bytes(16) + text("yamada") + text("en") + text("1.3") + text("Test/1.0"))
    assert gateway.closed()
    box.listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        box.listener.accept()  # nor was a verdict begun
    assert "broke the rules of a recheck" in box.said()


@pytest.mark.parametrize("body", [b"", text("yamada"), text("yamada") + text("") + b"!", text("../etc") + text(""), text("a b") + text(""),
                                  struct.pack(">H", 65535) + b"x"])
def test_gateway_breaks_rules(box, body):
    gateway = box.launch(GATEWAY_UID)
    gateway.send(RECHECK_ASK, body)
    assert gateway.closed()
    assert "broke the rules of a recheck" in box.said()
    assert box.programs[-1].returncode == 1


def test_a_login_goes_on_beside_it(box):
    portal, gateway = open_attempt(box)
    assert box.recheck()[0] == "ok"
    password(portal, gateway)
    assert gateway.end()[0] == "ok"
