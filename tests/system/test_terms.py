# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of use: accepted before the first login and after each new version, by each user, on record."""
import hashlib
import os
import shutil

import pytest

from world import STAFF, field, wait_until

SETTINGS = {"login_failures": "50 per 1m"}
FOLDER = "/etc/sekisho/terms"
JA = "version 2026-04\n\n1. 業務にだけ使います。\n2. <紛失>はすぐに届け出ます。\n"
EN = "version 2026-04\n\n1. For work only.\n2. Report a loss at once.\n"


@pytest.fixture
def terms(world, device):
    """Puts texts in force; afterwards there are none."""
    def change(reload=True, **texts):
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.makedirs(FOLDER)
        for name, text in texts.items():
            world.write(f"{FOLDER}/{name.replace('_', '.')}.txt", text)
        if reload:
            world.sekisho("reload")
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))
    yield change
    shutil.rmtree(FOLDER, ignore_errors=True)
    world.sekisho("reload")


def log_in(world, language="en", user="t-yamada"):
    """Up to what comes after password and code."""
    browser = world.browser(language=language)
    browser.login(user, STAFF[user].password, world.code(user))
    return browser


def accept(browser):
    browser.submit(next(f for f in browser.page.forms if f.action == "/accept"))
    return browser.settle()


def asked(page):
    return any(f.action == "/accept" for f in page.forms)


def sessions(world):
    return world.sekisho("session", "list", "--json")


def accepted(world):
    return world.logs("auth", "terms-accepted")


def test_each_version_once(world, device, terms):
    terms(ja=JA, en=EN)
    browser = log_in(world)
    assert asked(browser.page) and "For work only." in browser.page.text and "Version 2026-04" in browser.page.text
    assert "version 2026-04" not in browser.page.text
    assert not sessions(world) and not accepted(world)
    assert world.phone.tcp("10.20.0.10", 80, 1).result in ("refused", "prohibited")
    page = accept(browser)
    assert "t-yamada" in page.text and len(sessions(world)) == 1
    event, = accepted(world)
    assert (field(event, "user.name"), field(event, "sekisho.terms.version"), field(event, "sekisho.terms.language")) == (
        "t-yamada", "2026-04", "en")
    assert field(event, "sekisho.terms.sha256") == hashlib.sha256(EN.encode()).hexdigest()
    assert event["event"]["sequence"] < world.logs("auth", "session-opened")[-1]["event"]["sequence"]
    # not again, in no language, until a byte changes
    world.sekisho("session", "end", str(sessions(world)[0]["id"]))
    assert not asked(log_in(world, "ja").page) and len(sessions(world)) == 1
    world.sekisho("session", "end", str(sessions(world)[0]["id"]))
    terms(ja=JA.replace("すぐに", "直ちに"), en=EN)
    browser = log_in(world, "ja")
    assert asked(browser.page) and "<紛失>は直ちに" in browser.page.text and not sessions(world)
    accept(browser)
    assert len(sessions(world)) == 1 and field(accepted(world)[-1], "sekisho.terms.language") == "ja"


def test_refusing_opens_nothing_and_is_no_guess(world, device, terms):
    terms(en="version never\nNobody wants this.\n")
    browser = log_in(world, "ja")  # one language is shown to all
    assert "Nobody wants this." in browser.page.text
    before = len(accepted(world))
    browser.submit(next(f for f in browser.page.forms if f.action == "/cancel"))
    assert browser.settle().form("text")
    wait_until(lambda: world.logs("auth", "login-failed", device__id=device.id)[-1]["event"]["reason"] == "aborted")
    assert not sessions(world) and len(accepted(world)) == before


def test_terms_that_change_while_they_are_read(world, device, terms):
    terms(en="version 1\nFirst.\n")
    browser = log_in(world)
    before = len(accepted(world))
    terms(en="version 2\nSecond.\n")
    accept(browser)
    assert not sessions(world) and len(accepted(world)) == before


def test_a_class_of_devices_may_have_its_own(world, device, terms):
    terms(private_en="version p\nPrivate devices only.\n")
    assert not asked(log_in(world).page) and len(sessions(world)) == 1


@pytest.mark.parametrize("texts, words", [
    ({"ja": JA, "en": EN.replace("04", "05")}, "another version"), ({"ja": ""}, "is empty"), ({"ja": "a\tb\n"}, "control character"),
    ({"en": "x" * 16384}, "longer than"), ({"shared_en": "\x00"}, "is not UTF-8")])
def test_a_text_with_mistakes_changes_nothing(world, device, terms, texts, words):
    terms(reload=False, **texts)
    done = world.sekisho("reload", check=False)
    assert done.returncode != 0 and words in done.stdout + done.stderr and FOLDER in done.stdout + done.stderr
    assert not asked(log_in(world).page)
