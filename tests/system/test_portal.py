# SPDX-License-Identifier: GPL-3.0-or-later
"""The login page through its real interfaces: TLS from device addresses on one side, the two Unix sockets on the other."""
import grp
import os
import re
import select
import sys
import time

import pytest

from portal_fixtures import pytestmark, machine, gateway, auth, portal, phone, start, answer_form
from portal_world import (DEADLINE, END_HOURS, END_IDLE, ERROR, FAILED, GATEWAY4, GATEWAY6, GRANTED, HOURS, INFO, LOGGED_IN, OTHER, PHONE,
    PHONE6, PROGRAM, ROOT, SECRET, UNKNOWN, VISIBLE, Browser, Portal)


# ---- what it is allowed ----

def test_is_locked_in_before_it_serves(portal):
    assert portal.status("Seccomp") == "2"
    assert portal.status("NoNewPrivs") == "1"
    assert {portal.status(f"Cap{s}") for s in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert "0" not in portal.status("Uid").split() + portal.status("Gid").split()
    allowed = {grp.getgrnam(name).gr_gid for name in ("sekisho-portal", "sekisho-auth") if name in (g.gr_name for g in grp.getgrall())}
    assert set(map(int, portal.status("Groups").split())) <= allowed


def test_keeps_nothing_that_it_was_not_meant_to_have(machine, gateway, auth):
    """Of what it inherits, what is no listening socket is closed; no core would hold a password."""
    p = Portal(addresses=[f"{GATEWAY4}:4443"], command=("sh", "-c", f"exec {PROGRAM} 9</etc/hostname"))
    try:
        folder = f"/proc/{p.process.pid}/fd"
        assert "/etc/hostname" not in {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}
        with open(f"/proc/{p.process.pid}/limits") as f:
            limits = {line[:25].strip(): line[25:].split()[:2] for line in f}
        assert limits["Max core file size"] == ["0", "0"] and limits["Max processes"] == ["0", "0"]
        assert os.stat(f"/proc/{p.process.pid}/maps").st_uid == 0  # of a process that may be dumped it is its user's: proc(5)
    finally:
        p.stop()


def test_serves_where_the_kernel_has_no_landlock_and_says_so(machine, gateway, auth):
    p = Portal(addresses=[f"{GATEWAY4}:4443"], command=(sys.executable, f"{ROOT}/tests/system/without_landlock.py", PROGRAM))
    try:
        assert "no Landlock" in p.said() and p.status("Seccomp") == "2"
    finally:
        assert p.stop() == 0


@pytest.mark.parametrize("addresses, words", [
    (["0.0.0.0:443"], "that is every address of this machine"),
    (["[::]:443"], "that is every address of this machine"),
    ([f"{GATEWAY4}:443", f"{OTHER}:443"], "that is not a tunnel address"),
])
def test_listens_inside_the_tunnel_only(machine, addresses, words):
    p = Portal(addresses=[a.replace(":443", ":4443") for a in addresses], wait=False)
    assert p.process.wait(DEADLINE) == 1
    assert words in p.said() and "ListenStream=" in p.said()


def test_opens_no_socket_itself(machine):
    p = Portal(activate=False, wait=False)
    assert p.process.wait(DEADLINE) == 1
    assert "sekisho-portal.socket" in p.said() and "systemd-socket-activate" in p.said()


def test_names_the_key_that_it_cannot_use(machine):
    key = "/etc/sekisho/tls/portal.key"
    os.chmod(key, 0o644)
    try:
        p = Portal(addresses=[f"{GATEWAY4}:4443"], wait=False)
        assert p.process.wait(DEADLINE) == 1
        assert key in p.said() and "chmod" in p.said()
    finally:
        os.chmod(key, 0o640)


# ---- a login ----

def test_a_stranger_learns_nothing(portal, gateway, phone):
    gateway.devices[PHONE]["state"] = UNKNOWN
    page = phone.get()
    assert page.status == 403
    for word in ("みどり省", "<form", "<input", "Yamada", "sekisho"):
        assert word not in page.text


def test_a_login_of_two_rounds(phone, gateway, auth):
    gateway.devices[PHONE]["end"] = END_IDLE
    page = phone.get()
    assert page.status == 200 and "not used for a while" in page.text and 'autocomplete="username"' in page.text

    page, attempt = start(phone, auth, (INFO, "Welcome <b>&"), (SECRET, "Password: "))
    assert (attempt.id, attempt.user, attempt.language, attempt.tls, attempt.agent) == (gateway.attempt, "t-yamada", "en", "1.3", "Test/1")
    assert "Welcome &lt;b&gt;&amp;" in page.text and 'autocomplete="current-password" type="password"' in page.text
    assert page.hidden("attempt") != gateway.attempt.hex()

    phone.start_post("/answer", answer_form(page, "p%26+%E3%81%82"))
    assert attempt.answers() == ["p& あ"]
    attempt.prompts((ERROR, "It is <late>"), (VISIBLE, "確認コード："), (SECRET, "PIN"))
    assert phone.reply().status == 303
    page = phone.get()
    assert "It is &lt;late&gt;" in page.text and ">確認コード<" in page.text and 'inputmode="numeric"' in page.text

    phone.start_post("/answer", answer_form(page, "123456", "9"))
    assert attempt.answers() == ["123456", "9"]
    gateway.devices[PHONE].update(state=LOGGED_IN, user="t-yamada", expires=int((time.time() + 7200) * 1e6), reach=["webmail", "tcp <443>"])
    attempt.prompts((INFO, "Your password expires in 5 days"))
    attempt.result(GRANTED)
    assert phone.reply().status == 303

    page = phone.get()
    for word in ("t-yamada", "Yamada&#39;s phone", "webmail", "tcp &lt;443&gt;", "expires in 5 days", "1 h 59 min left", "<time datetime="):
        assert word in page.text
    assert "expires in 5 days" not in phone.get().text
    assert phone.post("/logout").status == 303
    assert gateway.logouts[-1] == PHONE and "You have logged out" in phone.get().text


def test_a_failure_is_shown_once(phone, auth):
    page, attempt = start(phone, auth)
    phone.start_post("/answer", answer_form(page, "wrong"))
    attempt.answers()
    attempt.result(FAILED)
    assert phone.reply().status == 303
    phone.get(method="HEAD")  # shows nobody anything
    page = phone.get()
    assert "Login failed" in page.text and 'value="t-yamada"' in page.text
    assert "Login failed" not in phone.get().text


def test_when_it_opens_again_is_shown(gateway, phone, auth):
    page, attempt = start(phone, auth)
    phone.start_post("/answer", answer_form(page, "right"))
    attempt.answers()
    attempt.result(HOURS, opens=4099680000000000)
    assert phone.reply().status == 303
    page = phone.get().text
    assert "outside your permitted hours" in page and "log in from" in page and "2099" in page
    assert "log in from" not in phone.get().text
    gateway.devices[PHONE].update(end=END_HOURS, opens=4099680000000000)
    page = phone.get().text
    assert "Closed at the end of your permitted hours" in page and "2099" in page


def test_what_is_open_has_its_reason_and_its_end(gateway, phone):
    lines = [("webmail", "R8-<112>", 4099680000000000), ("tcp 443 10.20.0.10", "", 0)]
    gateway.devices[PHONE].update(state=LOGGED_IN, user="t-yamada", expires=int((time.time() + 7200) * 1e6), idle=1800, why=END_HOURS,
                                  reach=lines)
    page = phone.get().text
    assert "R8-&lt;112&gt;" in page and "until " in page and "2099" in page and "nothing is used for 30 min" in page
    assert "Your permitted hours end then" in page


def refresh(page):
    found = re.search(r'http-equiv="refresh" content="([0-9]+);url=/"', page.text)
    return int(found[1]) if found else None


@pytest.mark.parametrize("left, soonest, latest, warned", [
    (7200, 5390, 5402, False), (1700, 1090, 1102, True), (500, 60, 60, True), (30, 25, 32, True)])
def test_the_page_comes_back_by_itself_when_the_end_is_near(gateway, phone, left, soonest, latest, warned):
    """And not more often: each time is traffic that would keep an idle session alive."""
    gateway.devices[PHONE].update(state=LOGGED_IN, user="t-yamada", expires=int((time.time() + left) * 1e6), renewal=1)
    page = phone.get()
    assert soonest <= refresh(page) <= latest
    assert ("This will close soon" in page.text) == warned and 'action="/renew"' in page.text


def test_a_question_left_alone_shows_by_itself_that_it_is_too_late(phone, auth):
    page, attempt = start(phone, auth)
    assert 110 <= refresh(page) <= 122


# ---- renewal ----

def test_renewing(phone, gateway, auth):
    gateway.devices[PHONE].update(state=LOGGED_IN, user="t-yamada", expires=int((time.time() + 600) * 1e6), renewal=1)
    phone.start_post("/renew")
    attempt = auth.accept()
    assert attempt.user == "t-yamada"
    attempt.prompts((SECRET, "Password: "))
    assert phone.reply().status == 303
    page = phone.get()
    assert "Your connections go on" in page.text and "Still closed" not in page.text
    phone.start_post("/answer", answer_form(page, "right"))
    attempt.answers()
    attempt.result(GRANTED)
    assert phone.reply().status == 303
    assert "You have more time now" in phone.get().text
    # refused: what was open stays open
    phone.start_post("/renew")
    attempt = auth.accept()
    attempt.result(FAILED)
    assert phone.reply().status == 303
    page = phone.get().text
    assert "Login failed" in page and 'action="/logout"' in page


@pytest.mark.parametrize("state", [{"renewal": 0}, {"state": 1}])
def test_nothing_to_renew(phone, gateway, auth, state):
    gateway.devices[PHONE].update({"state": LOGGED_IN, "user": "t-yamada", "expires": int((time.time() + 600) * 1e6), "renewal": 1, **state})
    assert 'action="/renew"' not in phone.get().text
    assert phone.post("/renew").status == 303
    auth.listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        auth.listener.accept()
    auth.listener.settimeout(DEADLINE)


# ---- conditions of use ----

TERMS = "1. For <work> only.\n2. Report a loss at once.\n"


def test_conditions_of_use(phone, auth):
    page, attempt = start(phone, auth)
    phone.start_post("/answer", answer_form(page, "right"))
    attempt.answers()
    attempt.terms("2026-<04>", bytes(range(32)), TERMS)
    assert phone.reply().status == 303
    page = phone.get()
    assert "For &lt;work&gt; only." in page.text and "Version 2026-&lt;04&gt;" in page.text
    token, terms = page.hidden("attempt"), page.hidden("terms")
    assert terms == bytes(range(32)).hex()
    # only these terms, only with this page's token, only from this device
    for source, form in ((PHONE, f"attempt={token}&terms={'0' * 64}"), (PHONE, f"attempt={token}"), (PHONE, f"terms={terms}"),
                         (PHONE, f"attempt={'0' * 32}&terms={terms}"), (OTHER, f"attempt={token}&terms={terms}")):
        assert Browser(source).post("/accept", form).status == (409 if source == OTHER else 303)
        assert "For &lt;work&gt; only." in phone.get().text
    phone.start_post("/accept", f"attempt={token}&terms={terms}")
    assert attempt.accepted()
    attempt.result(GRANTED)
    assert phone.reply().status == 303


def test_refusing_the_conditions_ends_the_attempt(phone, auth):
    page, attempt = start(phone, auth)
    phone.start_post("/answer", answer_form(page, "right"))
    attempt.answers()
    attempt.terms("1", bytes(32), TERMS)
    assert phone.reply().status == 303
    page = phone.get()
    assert 590 <= refresh(page) <= 602
    assert phone.post("/cancel", f"attempt={page.hidden('attempt')}").status == 303
    assert attempt.closed() and 'name="user"' in phone.get().text


# ---- a device that is lost ----

def test_stopping_a_lost_device(phone, gateway):
    own = [{"id": 31, "label": "Yamada's <iPad>", "seen": 4099680000000000}, {"id": 32, "label": "", "shared": 1}]
    gateway.devices[PHONE].update(state=LOGGED_IN, user="t-yamada", expires=int((time.time() + 600) * 1e6), own=own)
    assert 'href="/devices"' in phone.get().text
    page = phone.get("/devices").text
    assert "Yamada&#39;s &lt;iPad&gt;" in page and "2099" in page and "d32" in page and "Never seen" in page
    assert page.count("Others share this device") == 1 and page.count('action="/suspend"') == 2
    assert phone.post("/suspend", "device=31").headers["location"] == "/devices"
    assert gateway.suspended[-1] == (PHONE, 31)
    page = phone.get("/devices").text
    assert page.count('action="/suspend"') == 1 and "Stopped. Call the service desk" in page


@pytest.mark.parametrize("form", ["", "device=", "device=0", "device=-1", "device=+7", "device=7x", "device=4294967296", "device=0x7"])
def test_stopping_what_is_no_device(phone, gateway, form):
    gateway.devices[PHONE].update(state=LOGGED_IN, user="t-yamada", expires=1)
    before = len(gateway.suspended)
    assert phone.post("/suspend", form).headers["location"] == "/"
    assert len(gateway.suspended) == before


def test_nobody_logged_in_stops_nothing(phone, gateway):
    before = len(gateway.suspended)
    assert phone.post("/suspend", "device=31").status == 303 and len(gateway.suspended) == before


def test_speaks_japanese_unless_asked_otherwise(phone, auth):
    assert "利用者名" in phone.get(Accept_Language=None).text
    assert 'lang="en"' in phone.get(Accept_Language="fr, en;q=0.5, ja;q=0.4").text
    phone.language = "ja"
    page, attempt = start(phone, auth)
    assert attempt.language == "ja" and ">パスワード<" in page.text


def test_a_device_with_an_ipv6_address(phone, auth):
    b = Browser(PHONE6, host=f"[{GATEWAY6}]:443")
    page, attempt = start(b, auth)
    assert "t-yamada" in page.text


@pytest.mark.parametrize("user", ["", "%20", "-rf", "..%2Fx", "a%00b", "%E5%B1%B1%E7%94%B0", "a" * 65, "a%22%3E%3Cscript%3E"])
def test_a_user_name_that_is_none_goes_no_further(phone, auth, user):
    page = phone.post("/login", f"user={user}")
    assert page.status in (400, 422) and "<script" not in page.text
    auth.listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        auth.listener.accept()
    auth.listener.settimeout(DEADLINE)


def test_blanks_around_a_user_name_are_the_keyboards(phone, auth):
    assert start(phone, auth, user="+t-yamada++")[1].user == "t-yamada"


def test_a_password_does_not_stay_in_memory(portal, phone, auth):
    secret = "correct-horse-battery-staple"
    page, attempt = start(phone, auth)
    phone.start_post("/answer", answer_form(page, secret))
    assert attempt.answers() == [secret]
    attempt.result(FAILED)
    assert phone.reply().status == 303
    phone.get()
    found = []
    with open(f"/proc/{portal.process.pid}/maps") as maps, open(f"/proc/{portal.process.pid}/mem", "rb", 0) as memory:
        for line in maps:
            first, last, access = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line).groups()
            size = int(last, 16) - int(first, 16)
            if access.startswith("rw") and size < 1 << 28:  # beyond: a sanitizer's shadow
                memory.seek(int(first, 16))
                content = memory.read(size)
                found += [line for word in (secret, "correct-horse-b") if word.encode() in content]
    assert not found


# ---- two tabs, second thoughts ----

def test_an_old_page_leads_to_the_present_state(phone, auth):
    page, attempt = start(phone, auth)
    phone.start_post("/answer", answer_form(page, "x"))
    attempt.answers()
    attempt.prompts((SECRET, "Code"))
    assert phone.reply().status == 303
    assert phone.post("/answer", answer_form(page, "again")).status == 303  # the back button
    assert phone.post("/answer", f"attempt={'0' * 32}&round=2&a0=x").status == 303
    assert phone.post("/cancel", f"attempt={'0' * 32}").status == 303
    assert phone.get().hidden("round") == "2"
    phone.start_post("/answer", answer_form(phone.get(), "123"))
    assert attempt.answers() == ["123"]


def test_an_answer_to_no_login_is_told_so(phone):
    """As after a restart of the page: what was typed counts for nothing, and the user hears why there is a name to enter again."""
    phone.post("/cancel", f"attempt={'0' * 32}")
    for path, body in (("/answer", f"attempt={'0' * 32}&round=1&a0=x"), ("/accept", f"attempt={'0' * 32}&terms={'0' * 64}")):
        reply = phone.post(path, body)
        assert reply.status == 409 and "interrupted" in reply.text and 'name="user"' in reply.text


def test_a_login_goes_on_over_the_devices_other_address(phone, auth):
    """Browsers change between IPv4 and IPv6 as they like, within one login."""
    six = Browser(PHONE6, host=f"[{GATEWAY6}]")
    page, attempt = start(phone, auth)
    assert six.get().hidden("attempt") == page.hidden("attempt")
    six.start_post("/answer", answer_form(page, "first"))
    assert attempt.answers() == ["first"]
    attempt.prompts((SECRET, "Code"))
    assert six.reply().status == 303
    phone.start_post("/answer", answer_form(phone.get(), "second"))
    assert attempt.answers() == ["second"]
    attempt.result(FAILED)
    assert phone.reply().status == 303 and "Login failed" in six.get().text
    six.start_post("/login", "user=t-yamada")
    third = auth.accept()
    third.prompts((SECRET, "Password"))
    assert six.reply().status == 303 and "a0" in phone.get().text


def test_another_device_cannot_answer(phone, auth):
    page, attempt = start(phone, auth)
    other = Browser(OTHER)
    assert other.post("/answer", answer_form(page, "stolen")).status == 409
    assert "<input" in other.get().text and "a0" not in other.get().text
    phone.start_post("/answer", answer_form(page, "mine"))
    assert attempt.answers() == ["mine"]


def test_a_new_login_replaces_the_old(phone, auth):
    page, first = start(phone, auth)
    tab = Browser()
    _, second = start(tab, auth, user="t-suzuki")
    assert first.closed()
    assert phone.post("/answer", answer_form(page, "late")).status == 303
    assert "t-suzuki" in phone.get().text
    # and while the first is being computed
    tab.start_post("/answer", answer_form(tab.get(), "x"))
    second.answers()
    assert "Checking" in phone.get().text and 'http-equiv="refresh"' in phone.get().text
    _, third = start(phone, auth)
    assert tab.reply().status == 303 and second.closed()


def test_cancelling_ends_the_attempt(phone, auth):
    page, attempt = start(phone, auth)
    assert phone.post("/cancel", f"attempt={page.hidden('attempt')}").status == 303
    assert attempt.closed() and 'name="user"' in phone.get().text and "a0" not in phone.get().text


def test_a_login_outlives_the_browsers_connection(phone, auth):
    phone.start_post("/login", "user=t-yamada")
    attempt = auth.accept()
    phone.close()
    attempt.prompts((SECRET, "Password: "))
    assert "t-yamada" in wait_for_page("a0").text


def wait_for_page(word):
    """Asks the phone's page again and again until it says so."""
    end = time.monotonic() + DEADLINE
    while word not in (page := get_once()).text:
        assert time.monotonic() < end, page.text
        select.select([], [], [], 0.05)
    return page


def get_once():
    b = Browser()
    try:
        return b.get()
    finally:
        b.close()


# ---- when the others are not there ----

def test_gateway_away_and_back(portal, phone, gateway):
    gateway.stop()
    page = phone.get()
    assert page.status == 503 and page.headers["retry-after"] == "5" and "being restarted" in page.text
    assert phone.post("/login", "user=t-yamada").status == 503
    gateway.start()
    assert gateway.connected.wait(DEADLINE)
    assert wait_for_page("Log in").status == 200


def test_an_open_question_is_answered_when_the_gateway_goes(phone, gateway):
    gateway.silent = True
    phone.start_get()
    gateway.stop()
    gateway.silent = False
    assert phone.reply().status == 503
    gateway.start()
    assert gateway.connected.wait(DEADLINE)


def test_a_gateway_that_answers_nonsense_is_left(portal, phone, gateway):
    before = portal.said().count("has gone")
    gateway._answer, right = lambda r: b"\x02nonsense", gateway._answer
    assert phone.get().status == 503
    gateway._answer = right
    assert wait_for_page("Log in").status == 200
    assert portal.said().count("has gone") == before + 1


def test_auth_that_does_not_keep_to_its_turn(phone, auth):
    for misdeed in (lambda a: a.socket.send(b"\x22\x01\x00\x01x"), lambda a: a.prompts((7, "?")), lambda a: a.socket.close()):
        phone.start_post("/login", "user=t-yamada")
        misdeed(auth.accept())
        assert phone.reply().status == 303
        assert "Users cannot be checked right now" in phone.get().text


def test_auth_is_away(portal, phone, auth):
    auth.stop()
    try:
        assert phone.post("/login", "user=t-yamada").status == 303
        assert "Users cannot be checked right now" in phone.get().text
        assert "sekisho-auth.socket" in portal.said()
    finally:
        auth.__init__()


def test_the_gateway_may_refuse_an_attempt(phone, gateway):
    gateway.attempt_result = 9  # rate-limited
    assert phone.post("/login", "user=t-yamada").status == 303
    assert "No login is possible right now" in phone.get().text
    gateway.attempt_opens = 4099680000000000  # and says when
    assert phone.post("/login", "user=t-yamada").status == 303
    page = phone.get().text
    assert "No login is possible right now" in page and "You can log in from" in page and "2099" in page
