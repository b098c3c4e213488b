# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho-auth with real PAM stacks: pam_unix, pam_oath, and a module of our own that does what real ones do badly.

Needs root, gcc, libpam-oath, oathtool. The programs come from build/gcc, or from the folder named by SEKISHO_BUILD.
"""
import os
import subprocess

import pytest

from auth_box import (ERROR, INFO, PASSWORD, PAUSE, PROMPTS, RESULT, SECRET, SETTINGS, UNIX, VISIBLE, box, failed, folder, hashed, open_attempt, password)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="PAM, mounts and foreign uids need root")


def test_right_password(box):
    portal = box.launch()
    portal.start("yamada", attempt=b"\xa5" * 16)
    gateway = box.gateway()
    assert gateway.begin() == (b"\xa5" * 16, "yamada", "en", "1.3", "Test/1.0")
    assert portal.silent()  # nothing is asked before there is a turn
    gateway.device()
    password(portal, gateway)
    assert gateway.end() == ("ok", "yamada", "account", 0, ["soumu", "staff"])
    assert portal.silent()  # PAM's yes alone lets nobody in
    gateway.acknowledge("ok")
    assert portal.result() == "granted"
    assert portal.closed() and gateway.closed()
    assert box.said() == ""
    assert box.programs[-1].returncode == 0


def test_failures_look_alike(box):
    """Wrong password, unknown user, empty password, a user the gateway refuses: one dialogue, one answer, one floor."""
    seen = []
    for user, word in (("yamada", "wrong"), ("nobody-here", "wrong"), ("yamada", ""), ("yamada", PASSWORD)):
        portal, gateway = open_attempt(box, user)
        password(portal, gateway, word)
        right = word == PASSWORD
        seen.append(failed(portal, gateway, acknowledge="user-not-allowed" if right else None)[::2])
    assert seen == [("bad-credentials", "authenticate", []), ("user-unknown", "authenticate", []),
                    ("bad-credentials", "authenticate", []), ("ok", "account", ["soumu", "staff"])]


def test_when_it_opens_again(box):
    """The gateway's word on it reaches the page, and only with the refusal that it belongs to."""
    portal, gateway = open_attempt(box)
    password(portal, gateway)
    assert gateway.end()[0] == "ok"
    gateway.acknowledge("hours", opens=1796248800000000)
    assert (portal.result(), portal.opens) == ("hours", 1796248800000000)
    portal, gateway = open_attempt(box)
    password(portal, gateway, "wrong")
    gateway.end()
    gateway.acknowledge("hours", opens=1796248800000000)
    assert (portal.result(), portal.opens) == ("failed", 0)


def test_not_a_name(box):
    """The portal hands on '' for what cannot be a name: no module is asked, the answer is the same."""
    portal, gateway = open_attempt(box, "")
    assert failed(portal, gateway)[:3] == ("user-unknown", "", "start")


def test_expired_password(box):
    portal, gateway = open_attempt(box, "stale")
    password(portal, gateway)
    reason, _, stage, code, groups = gateway.end()
    assert (reason, stage, code, groups) == ("password-expired", "account", 12, [])
    gateway.acknowledge(reason)
    assert portal.prompts()[0][0] in (INFO, ERROR)  # what pam_unix has to say about it
    assert portal.result() == "password-expired"


CHANGING = "password-change page\n"
NEW = "Neue-Losung-1605"


def expired(box, answers, user="stale"):
    """The right password of somebody whose password has expired, then these answers to PAM's questions; both ends."""
    box.path("/etc/sekisho/sekisho.conf").write_text(SETTINGS.format(timeout="5m") + CHANGING)
    portal, gateway = open_attempt(box, user)
    password(portal, gateway)
    for answer in answers:
        style, asked = portal.prompts()[-1]
        assert style == SECRET and ("current" if answer == PASSWORD else "new") in asked.lower()
        portal.answer(answer)
        gateway.turn()
    return portal, gateway


def test_expired_password_is_changed_on_the_page(box):
    """By pam_unix, in the namespace's own /etc/shadow; afterwards the new one is good, and the old one is not."""
    box.service(UNIX + "password required pam_unix.so yescrypt\n")
    portal, gateway = expired(box, [PASSWORD, NEW, NEW])
    assert gateway.end()[0] == "ok" and gateway.changed == 1
    gateway.acknowledge("ok")
    while (got := portal.sock.recv(65536))[0] == PROMPTS:  # what pam_unix has to say
        pass
    assert got[:2] == bytes([RESULT, 0])
    for word, reason in ((NEW, "ok"), (PASSWORD, "bad-credentials")):
        portal, gateway = open_attempt(box, "stale")
        password(portal, gateway, word)
        assert gateway.end()[0] == reason and gateway.changed == 0
        gateway.acknowledge(reason)
        assert portal.result() == ("granted" if reason == "ok" else "failed")


def test_a_new_password_that_is_not_taken(box):
    """Twice different: PAM asks no more, the account stays as it was, and the page says that the password has expired."""
    box.service(UNIX + "password required pam_unix.so yescrypt\n")
    before = box.path("/etc/shadow").read_text()
    portal, gateway = expired(box, [PASSWORD, NEW, NEW + "x"])
    reason, _, stage, _, _ = gateway.end()
    assert (reason, stage, gateway.changed) == ("password-expired", "password", 0)
    gateway.acknowledge(reason)
    assert portal.prompts()[0][0] == ERROR
    assert portal.result() == "password-expired"
    assert box.path("/etc/shadow").read_text() == before


def test_no_new_password_for_a_wrong_one(box):
    box.path("/etc/sekisho/sekisho.conf").write_text(SETTINGS.format(timeout="5m") + CHANGING)
    box.service(UNIX + "password required pam_unix.so yescrypt\n")
    portal, gateway = open_attempt(box, "stale")
    password(portal, gateway, "wrong")
    assert failed(portal, gateway)[0] == "bad-credentials"


def test_a_service_without_password_lines_changes_nothing(box):
    """Or libpam would ask Debian's service 'other'."""
    portal, gateway = expired(box, [])
    assert gateway.end()[0] == "password-expired"
    gateway.acknowledge("password-expired")
    portal.prompts()
    assert portal.result() == "password-expired"
    assert "password for `password-change page`" in box.said()


def test_leaving_while_a_new_password_is_asked(box):
    box.service(UNIX + "password required pam_unix.so yescrypt\n")
    before = box.path("/etc/shadow").read_text()
    portal, gateway = expired(box, [PASSWORD, NEW])
    portal.prompts()
    gateway.receive(PAUSE)
    portal.close()
    assert gateway.end()[0] == "aborted"
    assert box.path("/etc/shadow").read_text() == before


def test_what_the_account_has_to_say_is_for_its_owner(box):
    """The right password of somebody who may not use this device: not even a module's words tell it from a wrong one."""
    box.script(account="info Welcome back, your mail is full\n")
    portal, gateway = open_attempt(box)
    assert gateway.end()[0] == "ok"
    gateway.acknowledge("user-not-allowed")
    assert portal.result() == "failed"


def test_every_refusal_comes_after_the_same_questions(box):
    """Whoever it is, all modules of the stack speak, with the same words and the same items, before anybody is refused."""
    seen = []
    for user, right, acknowledge in (("yamada", True, "user-not-allowed"), ("yamada", False, None), ("nobody-here", False, None)):
        module = box.folder / "pam_script.so"
        box.write("/run/before", "info asked\nitem RHOST\n", 0o600)
        box.service(f"auth required {module} /run/before\n{UNIX}")
        portal, gateway = open_attempt(box, user)
        seen.append(portal.prompts())
        portal.answer(PASSWORD if right else "wrong")
        gateway.turn()
        failed(portal, gateway, acknowledge=acknowledge)
    assert seen[0] == seen[1] == seen[2]


def test_a_renewal_has_its_own_service(box):
    box.write("/etc/pam.d/sekisho-renew", "auth required pam_deny.so\naccount required pam_unix.so\n")
    portal = box.launch()
    portal.start("yamada")
    gateway = box.gateway()
    gateway.begin()
    gateway.device(renewal=True)
    assert failed(portal, gateway)[0] == "bad-credentials"


# Conditions of use


def test_conditions_of_use(box):
    """PAM's yes first, then the gateway's terms, shown as they came; its acknowledgement only after the user's yes."""
    portal, gateway = open_attempt(box)
    password(portal, gateway)
    assert gateway.end()[0] == "ok"
    gateway.terms("2026-04", bytes(range(32)), "1. For work only.\n")
    assert portal.terms() == ("2026-04", bytes(range(32)), "1. For work only.\n")
    assert gateway.silent()
    portal.accept()
    assert gateway.accepted()
    gateway.acknowledge("ok")
    assert portal.result() == "granted"


@pytest.mark.parametrize("who", ["portal", "gateway"])
def test_conditions_of_use_that_nobody_answers(box, who):
    portal, gateway = open_attempt(box)
    password(portal, gateway)
    gateway.end()
    gateway.terms("1", bytes(32), "x")
    portal.terms()
    if who == "portal":
        portal.close()
        assert gateway.closed()
    else:
        gateway.close()
        assert portal.result() == "timeout"


def test_expired_account(box):
    portal, gateway = open_attempt(box, "gone")
    password(portal, gateway)
    reason, _, stage, code, _ = gateway.end()
    assert (reason, stage, code) == ("account-expired", "account", 13)
    gateway.acknowledge(reason)
    assert portal.prompts()[0][0] == ERROR
    assert portal.result() == "account-closed"


def test_wrong_password_of_expired_account(box):
    """That an account is closed is told only to somebody who knows its password."""
    portal, gateway = open_attempt(box, "gone")
    password(portal, gateway, "wrong")
    assert failed(portal, gateway)[0] == "bad-credentials"


def test_second_factor(box):
    """pam_oath asks in a second round; a code is good once."""
    secret = "3132333435363738393031323334353637383930"
    box.write("/etc/oath/users", f"HOTP yamada - {secret}\n", 0o600)
    box.service("auth requisite pam_unix.so\nauth required pam_oath.so usersfile=/etc/oath/users digits=6 window=5\n"
                  "account required pam_unix.so\n")
    code = subprocess.run(["oathtool", "-c", "0", secret], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    for expected in ("granted", "failed"):
        portal, gateway = open_attempt(box)
        password(portal, gateway)
        (style, prompt), = portal.prompts()
        assert style == SECRET and "One-time password" in prompt
        portal.answer(code)
        gateway.turn()
        if expected == "granted":
            assert gateway.end()[0] == "ok"
            gateway.acknowledge("ok")
            assert portal.result() == expected
        else:
            assert failed(portal, gateway)[0] == "bad-credentials"
    # requisite: with a wrong password nobody is asked for a code
    portal, gateway = open_attempt(box)
    password(portal, gateway, "wrong")
    assert failed(portal, gateway)[0] == "bad-credentials"


# What modules may do


def test_three_rounds_with_messages(box):
    box.script("info first\nerror second line\nask one Uno?\nnull quiet\nask two Dos?\nask three Tres?\ninfo last\n", "info bye\n")
    portal, gateway = open_attempt(box)
    assert portal.prompts() == [(INFO, "first"), (ERROR, "second line"), (SECRET, "Uno?")]
    portal.answer("one")
    gateway.turn()
    assert portal.prompts() == [(INFO, "quiet"), (SECRET, "Dos?")]
    portal.answer("two")
    gateway.turn()
    assert portal.prompts() == [(SECRET, "Tres?")]
    portal.answer("three")
    gateway.turn()
    assert gateway.end()[0] == "ok"
    gateway.acknowledge("ok")
    assert portal.prompts() == [(INFO, "last"), (INFO, "bye")]
    assert portal.result() == "granted"


def test_more_messages_than_a_round_holds(box):
    box.script("batch 32\n")
    portal, gateway = open_attempt(box)
    assert portal.prompts() == [(INFO, f"line {i}") for i in range(16)]
    assert portal.prompts() == [(INFO, f"line {i}") for i in range(16, 31)] + [(VISIBLE, "line 31")]
    portal.answer("")
    gateway.turn()
    assert gateway.end()[0] == "ok"


def test_hostile_text(box):
    box.script("info \x1b[31mred\u202e\tend \nask x " + "あ" * 160 + "\n")
    portal, gateway = open_attempt(box)
    (_, shown), (_, long) = portal.prompts()
    assert shown == "\\x1b[31mred\\u{202e} end"
    assert len(long.encode()) <= 511 and long.startswith("ああ")
    portal.close()


def test_too_many_rounds(box):
    box.script("ask x again?\n" * 17)
    portal, gateway = open_attempt(box)
    for _ in range(16):
        portal.prompts()
        portal.answer("x")
        gateway.turn()
    assert failed(portal, gateway, "unavailable")[0] == "backend-unavailable"
    assert "more than 16 rounds" in box.said()


@pytest.mark.parametrize("line", ["odd", "nullask Secret?"])
def test_impossible_message(box, line):
    box.script(line + "\n")
    portal, gateway = open_attempt(box)
    assert failed(portal, gateway, "unavailable")[0] == "backend-unavailable"
    assert "remove it from the PAM service file" in box.said()


def test_codes(box):
    """What each code means depends on where it was said. All attempts are under way together, so that the floor passes once."""
    attempts = []
    for stage, code, reason, public in [
            ("auth", 6, "bad-credentials", "failed"), ("auth", 7, "bad-credentials", "failed"), ("auth", 10, "user-unknown", "failed"),
            ("auth", 11, "max-tries", "failed"), ("auth", 13, "account-expired", "failed"), ("auth", 12, "password-expired", "failed"),
            ("auth", 9, "backend-unavailable", "unavailable"), ("auth", 28, "backend-unavailable", "unavailable"),
            ("account", 6, "account-denied", "account-closed"), ("account", 7, "account-denied", "account-closed"),
            ("account", 10, "user-unknown", "failed"), ("account", 13, "account-expired", "account-closed"),
            ("account", 12, "password-expired", "password-expired"), ("account", 9, "backend-unavailable", "unavailable")]:
        box.script(**{stage: f"code {code}\n"})
        portal, gateway = open_attempt(box)
        stage = "authenticate" if stage == "auth" else stage
        assert gateway.end() == (reason, "", stage, code, [])
        gateway.acknowledge(reason)
        attempts.append((portal, public))
    for portal, public in attempts:
        assert portal.result() == public


def test_no_delay_inside(box):
    """A module that asks libpam to sleep does not hold the turn: only the portal's answer is late, by our own floor."""
    box.script("delay\ncode 7\n")
    portal, gateway = open_attempt(box)
    assert failed(portal, gateway)[0] == "bad-credentials"


def test_changed_user(box):
    box.script("user stale\n")
    portal, gateway = open_attempt(box)
    assert gateway.end() == ("ok", "stale", "account", 0, ["keiri", "staff"])
    gateway.acknowledge("user-not-allowed")
    assert portal.result() == "failed"


def test_changed_to_no_name(box):
    box.script("user ../etc\n")
    portal, gateway = open_attempt(box)
    assert failed(portal, gateway, "unavailable")[:2] == ("backend-unavailable", "")


def test_user_without_groups(box):
    """PAM may know users that NSS does not."""
    box.script()
    portal, gateway = open_attempt(box, "elsewhere@EXAMPLE.JP")
    assert gateway.end() == ("ok", "elsewhere@EXAMPLE.JP", "account", 0, [])


def test_too_many_groups(box):
    """A group left out could be the one that denies: all or nobody."""
    box.write("/etc/group", "".join(f"g{i}:x:{70000 + i}:yamada\n" for i in range(520)))
    box.script()
    portal, gateway = open_attempt(box)
    assert failed(portal, gateway, "unavailable")[0] == "backend-unavailable"
    assert "id yamada" in box.said()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_surroundings(box, language):
    """What a module finds: language, where from, no inherited environment, no capability over networks, no new privileges."""
    names = ["NoNewPrivs", "Umask", "CapEff", "CapPrm", "CapBnd", "CapInh"]
    box.script("env LANGUAGE\nenv LC_ALL\nenv LD_CANARY\nitem RHOST\nitem TTY\n" + "".join(f"status {n}\n" for n in names))
    portal = box.launch(LD_CANARY="inherited")
    portal.start("yamada", language)
    gateway = box.gateway()
    gateway.begin()
    gateway.device(rhost="2001:db8::7")
    gateway.end()
    gateway.acknowledge("ok")
    shown = [shown for _, shown in portal.prompts()]
    assert shown[:5] == [language, "C.UTF-8", "unset", "2001:db8::7", "sekisho"]
    status = dict(line.replace("\\x09", " ").split(": ", 1) for line in shown[5:])
    assert status["NoNewPrivs"].strip() == "1" and status["Umask"].strip() == "0077"
    net_admin = 1 << 12
    assert not any(int(status[n], 16) & net_admin for n in names[2:])
    assert int(status["CapEff"], 16) & 2  # but still root's reading of files, for pam_unix
