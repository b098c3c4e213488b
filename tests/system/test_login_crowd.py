# SPDX-License-Identifier: GPL-3.0-or-later
"""Many people log in at once: nobody is sent away or times out, who comes first begins first, one device's guesses hold up nobody
else, and the portal stays as small as it says."""
import collections
import functools
import http.client
import os
import pwd
import re
import socket
import ssl
import struct

import pytest

from auth_box import REASONS
from crowd import FREE, Crowd
from netns import SLOWER, wait_until
from world import PORTAL, PORTAL4, field

PORTAL_ATTEMPT, PORTAL_ATTEMPT_ID = 3, 4  # common/message.h
DEVICES, ATTEMPTS, PATIENCE = 200, 4, int(300 * SLOWER)


@pytest.fixture(scope="module")
def crowd():
    w = Crowd(DEVICES, 20, {"login-attempts-max": ATTEMPTS, "login-parallel": 2}, FREE)
    yield w
    w.close()


@functools.cache
def trust(authority):
    return ssl.create_default_context(cafile=authority)


class Page:
    """A browser's one connection of a device, made anew when the portal has closed it."""

    def __init__(self, crowd, device, language="en"):
        self.crowd, self.source, self.language = crowd, device["v4"], language
        self.call()

    def call(self):
        raw = self.crowd.crowd.new_socket(socket.AF_INET, socket.SOCK_STREAM)
        raw.bind((self.source, 0))
        raw.settimeout(60 * SLOWER)
        raw.connect((PORTAL4, 443))
        self.http = http.client.HTTPSConnection(PORTAL)
        self.http.sock = trust(self.crowd.ca).wrap_socket(raw, server_hostname=PORTAL)

    def request(self, path, form=None):
        headers = {"Accept-Language": self.language}
        if form is not None:
            headers |= {"Origin": f"https://{PORTAL}", "Content-Type": "application/x-www-form-urlencoded"}
        self.http.request("GET" if form is None else "POST", path, form, headers)
        answer = self.http.getresponse()
        return answer, answer.read().decode()

    def ask(self, path="/", form=None):
        """Follows redirections; the status and the page."""
        try:
            answer, text = self.request(path, form)
        except (http.client.HTTPException, OSError):
            self.call()
            answer, text = self.request(path, form)
        return self.ask(answer.headers["Location"]) if answer.status == 303 else (answer.status, text)

    def login(self, user):
        return self.ask("/login", f"user={user}")

    def cancel(self, page):
        return self.ask("/cancel", "attempt=" + re.search('name="attempt" value="([0-9a-f]+)"', page).group(1))


def usage(crowd):
    """Descriptors, and the peak of resident memory in MiB, of the portal."""
    pid = crowd.pids("sekisho-portal")[0]
    with open(f"/proc/{pid}/status") as f:
        return len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) / 1024


def hold_all_places(crowd, devices):
    """Logins of people who have not answered yet."""
    held = []
    for device in devices:
        page = Page(crowd, device)
        held.append((page, page.login(device["users"][0])[1]))
        assert 'type="password"' in held[-1][1]
    return held


def test_in_line_with_an_honest_place(crowd):
    held = hold_all_places(crowd, crowd.devices[:ATTEMPTS])
    waiting = [Page(crowd, d) for d in crowd.devices[ATTEMPTS:ATTEMPTS + 3]]
    for place, page in enumerate(waiting):
        status, text = page.login("u0")
        assert status == 200 and f"People before you: {place}." in text and 'http-equiv="refresh"' in text
    again = waiting[1].login("u1")[1]
    assert "People before you: 1." in again, "asking again costs a place"
    waiting[1].language = "ja"
    assert "あなたの前に1人います" in waiting[1].ask()[1]
    waiting[1].language = "en"
    assert 'action="/login"' in waiting[0].cancel(waiting[0].ask()[1])[1]
    assert "People before you: 0." in waiting[1].ask()[1]
    held[0][0].cancel(held[0][1])
    page = wait_until(lambda: 'type="password"' in (text := waiting[1].ask()[1]) and text, what="the first in line is asked")
    assert "People before you: 0." in waiting[2].ask()[1]
    for browser, text in [*held[1:], (waiting[1], page)]:
        browser.cancel(text)
    text = wait_until(lambda: 'type="password"' in (text := waiting[2].ask()[1]) and text, what="the last in line is asked")
    waiting[2].cancel(text)


def test_first_come_first_served_and_nobody_times_out(crowd):
    held = hold_all_places(crowd, crowd.devices[:ATTEMPTS])
    before = len(crowd.logs("auth", "login-started"))
    people = crowd.devices[ATTEMPTS:ATTEMPTS + 60]
    running = crowd.flood_begin([(d, d["users"][0], crowd.PASSWORD) for d in people], 20 / SLOWER, PATIENCE)
    last = Page(crowd, people[-1])
    # Those who come within the same moment may change places.
    wait_until(lambda: (place := re.search(r"People before you: (\d+)", last.ask()[1])) and int(place.group(1)) > 40, 60,
               "all stand in line")
    for browser, text in held:
        browser.cancel(text)
    logins, _ = crowd.flood_end(running)
    assert {x.result for x in logins} == {"in"}
    began = [field(e, "device.id") for e in crowd.logs("auth", "login-started")[before:]]
    assert sorted(began) == sorted(d["id"] for d in people), "each begins once"
    rank = {device: n for n, device in enumerate(began)}
    third = len(people) // 3
    came = [rank[people[x.number]["id"]] for x in sorted(logins, key=lambda x: x.arrived)]
    assert max(came[:third]) < min(came[-third:])


def test_all_at_once_beside_a_device_that_guesses(crowd):
    few, _ = usage(crowd)
    people = crowd.devices[70:-1]
    guesses = [(crowd.devices[-1], "u0", "wrong")] * 12
    logins, _ = crowd.flood([*guesses, *((d, d["users"][0], crowd.PASSWORD) for d in people)], 0, PATIENCE)
    results = collections.Counter(x.result for x in logins if x.number >= len(guesses))
    assert results == {"in": len(people)}
    assert not [x for x in logins if x.number < len(guesses) and x.result == "in"]
    assert len(crowd.logs("auth", "login-failed", event__reason="bad-credentials")) <= 5  # login-failures, by default
    # A descriptor that each login left behind would make a hundred; the few above may be of a page that is still being closed.
    wait_until(lambda: usage(crowd)[0] <= few + 10, 120, "the portal has closed what it had open")
    assert usage(crowd)[1] < 150


def test_who_does_not_look_loses_the_place(crowd):
    """And nobody else does: whoever looks keeps it, also inside of a request that waits for the turn."""
    held = hold_all_places(crowd, crowd.devices[:ATTEMPTS])
    idle, first, second = (Page(crowd, d) for d in crowd.devices[ATTEMPTS:ATTEMPTS + 3])
    for place, page in enumerate((idle, first, second)):
        assert f"People before you: {place}." in page.login("u0")[1]

    def out_of_line():
        second.ask()
        return "People before you: 0." in first.ask("/turn")[1]  # comes back when the turn has not come for a while

    wait_until(out_of_line, 100, "the idle one is out of the line")
    assert "People before you: 1." in second.ask()[1]
    assert "took too long" in idle.ask()[1]
    assert "People before you: 2." in idle.login("u0")[1], "who has lost the place begins at the end"
    for browser, text in held:
        browser.cancel(text)
    for page in (first, second, idle):
        text = wait_until(lambda page=page: 'type="password"' in (text := page.ask("/turn")[1]) and text, 60, "everybody is asked")
        page.cancel(text)


def test_a_portal_that_asks_without_end(crowd):
    """What a portal in others' hands could have of the gateway: a few more attempts than there are places. Nobody comes back with
    them, so after a minute they are forgotten and logins go on."""
    crowd.kill("portal")
    results = collections.Counter()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as portal:
        os.seteuid(pwd.getpwnam("sekisho-portal").pw_uid)
        try:
            portal.connect("/run/sekisho/portal")
        finally:
            os.seteuid(0)
        for number, device in enumerate(crowd.devices[:60]):
            portal.send(struct.pack(">BIB", PORTAL_ATTEMPT, number, 4) + socket.inet_aton(device["v4"]))
            kind, answered, result = struct.unpack_from(">BIB", portal.recv(65536))
            assert (kind, answered) == (PORTAL_ATTEMPT_ID, number)
            results[REASONS[result]] += 1
    most = ATTEMPTS + ATTEMPTS // 4 + 8
    assert results == {"ok": most, "rate-limited": 60 - most}
    crowd.start_portal()
    page = Page(crowd, crowd.devices[61])
    text = wait_until(lambda: 'type="password"' in (text := page.login("u11")[1]) and text, 180, "the attempts are forgotten")
    page.cancel(text)
