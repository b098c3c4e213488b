# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the login page's tests: a portal in a machine of its own, with stand-ins for gateway and PAM helper."""
import itertools
import os

import pytest

from portal_world import LOGGED_OUT, OTHER, PHONE, PHONE6, PROGRAM, SECRET, Auth, Browser, Gateway, Machine, Portal


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes namespaces: run as root"),
    pytest.mark.skipif(not os.path.exists(PROGRAM), reason=f"{PROGRAM} is not built"),
]


@pytest.fixture(scope="module")
def machine():
    m = Machine()
    yield m
    m.close()


@pytest.fixture(scope="module")
def gateway(machine):
    g = Gateway()
    yield g
    g.stop()


@pytest.fixture(scope="module")
def auth(machine):
    a = Auth()
    yield a
    a.stop()


@pytest.fixture(scope="module")
def portal(gateway, auth):
    p = Portal()
    yield p
    assert p.stop() == 0, p.said()


numbers = itertools.count(7)


@pytest.fixture
def phone(portal, gateway):
    """A browser on a known device, a new one for each test: it is logged out and has no login under way."""
    mine, other = next(numbers), next(numbers)
    for address, device in ((PHONE, mine), (PHONE6, mine), (OTHER, other)):
        gateway.devices[address] = {"state": LOGGED_OUT, "device": device, "label": "Yamada's phone"}
    gateway.attempt_result = gateway.attempt_opens = 0
    b = Browser()
    yield b
    b.close()


def start(browser, auth, *prompts, user="t-yamada"):
    """A login up to its first round of prompts; the page that shows them and the attempt."""
    browser.start_post("/login", f"user={user}")
    attempt = auth.accept()
    attempt.prompts(*(prompts or [(SECRET, "Password: ")]))
    assert browser.reply().status == 303
    return browser.get(), attempt


def answer_form(page, *answers, round_number=None):
    number = round_number or page.hidden("round")
    return f"attempt={page.hidden('attempt')}&round={number}" + "".join(f"&a{i}={a}" for i, a in enumerate(answers))
