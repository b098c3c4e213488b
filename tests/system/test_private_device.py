# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone of one's own beside the ministry's: what the class's file takes away, its shorter session and its own conditions of use, as
its user meets them on the page."""
import os
import shutil

import pytest

from world import FILES, INTRANET, STAFF, field, wait_until

SETTINGS = {"login_failures": "50 per 1m"}
TERMS = "/etc/sekisho/terms"


@pytest.fixture(scope="module")
def phones(world):
    """t-yamada's ministry phone and private phone, in the tunnel."""
    world.write_acl({"users/t-yamada.acl": "allow files\n", "devices/private.acl": 'deny files reason "not on private phones"\nsession 30m idle 5m\n'})
    world.sekisho("acl", "apply", "--yes")
    os.makedirs(TERMS, exist_ok=True)
    world.write(f"{TERMS}/en.txt", "version M-1\nThis phone is the ministry's.\n")
    world.write(f"{TERMS}/private.en.txt", "version P-1\nYour own phone: lock it, keep it up to date.\n")
    world.sekisho("reload")
    both = world.add_device("t-yamada", label="ministry"), world.add_device("t-yamada", label="own", device_class="private")
    for phone, d in zip((world.phone2, world.phone), both):
        phone.join(d.conf)
        wait_until(lambda p=phone: p.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
    yield both
    shutil.rmtree(TERMS)


def log_in(world, phone):
    """Up to the conditions of use, and through them; both pages."""
    browser = world.browser(phone)
    staff = STAFF["t-yamada"]
    asked = browser.login(staff.name, staff.password, world.code(staff.name))
    return asked, browser.submit(next(f for f in asked.forms if f.action == "/accept")) and browser.settle()


def reached(phone):
    return [phone.tcp(a, 80).result == "open" for a in (INTRANET[0], INTRANET[1], FILES[0], FILES[1])]


def test_the_same_user_on_both(world, phones):
    ministry, own = phones
    asked, status = log_in(world, world.phone2)
    assert "This phone is the ministry's." in asked.text and "Your own phone" not in asked.text
    assert "files" in status.text and reached(world.phone2) == [True] * 4
    # what was accepted there does not count here
    asked, status = log_in(world, world.phone)
    assert "Your own phone: lock it" in asked.text and "ministry's" not in asked.text and "Version P-1" in asked.text
    assert "intranet" in status.text and "files" not in status.text and "nothing is used for 5 min" in status.text
    assert reached(world.phone) == [True, True, False, False]
    assert reached(world.phone2) == [True] * 4
    accepted = [(e["device"]["id"], field(e, "sekisho.terms.version")) for e in world.logs("auth", "terms-accepted")]
    assert accepted == [(ministry.id, "M-1"), (own.id, "P-1")]
    lasts = {s["device"]: s["ends_reason"] for s in world.sekisho("session", "list", "--json")}
    assert set(lasts) == {ministry.id, own.id}
    opened = {e["device"]["id"]: e for e in world.logs("auth", "session-opened")}
    assert field(opened[own.id], "sekisho.session.expires") < field(opened[ministry.id], "sekisho.session.expires")
    refused = world.wait_log("access", "connection-refused", device__id=own.id)
    assert field(refused, "rule.name") == "devices/private.acl:1" and field(refused, "destination.ip") in FILES


def test_an_answer_for_the_administrator(world, phones):
    ministry, own = phones
    for d, allowed in ((ministry, True), (own, False)):
        answer = world.sekisho("acl", "explain", "t-yamada", "tcp", "80", FILES[0], "--device", d.id, "--json")
        assert answer["allowed"] is allowed and answer["class"] == ("ministry" if allowed else "private")
    who = world.sekisho("acl", "who", "tcp", "80", FILES[0], "--json")["people"]
    assert [(p["class"], p["devices"]) for p in who if p["user"] == "t-yamada"] == [("ministry", [ministry.id])]
