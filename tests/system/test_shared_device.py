# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone that several share, from the tunnel to the log: one at a time, a second is refused or takes over, and neither sees more of
the other than the page must say."""
import subprocess
import time

import pytest

from world import FILES, STAFF, wait_until

SETTINGS = {"login_failures": "50 per 1m"}


@pytest.fixture(scope="module")
def shared(world):
    """k-mori by name, h-suzuki by group; t-yamada has another phone."""
    d = world.add_device("k-mori", "@kikaku", label="共用", device_class="shared")
    world.phone.join(d.conf)
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
    return d


@pytest.fixture
def first(world, shared):
    """h-suzuki is logged in, and has a phone of her own."""
    own = world.add_device("h-suzuki", label="鈴木 携帯")
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))
    world.login(world.phone, "h-suzuki")
    assert world.phone.tcp(FILES[0], 80).result == "open"
    return own


@pytest.fixture
def takeover(world):
    world.configure(shared_login="takeover")
    world.sekisho("reload")
    yield
    world.configure(shared_login=None)
    world.sekisho("reload")


def sessions(world):
    return [s["user"] for s in world.sekisho("session", "list", "--json")]


def second(world, user="k-mori", password=None):
    """Comes to the phone in the first one's hand, and logs in where the page says."""
    browser = world.browser()
    page = browser.get("/")
    assert "h-suzuki is logged in on this shared device" in page.text and "Another person: log in here" in page.text
    form = browser.get("/other").form("text")
    assert form.action == "/login" and "h-suzuki" not in browser.page.text and "files" not in browser.page.text
    browser.submit(form, user=user)
    for secret in (password or STAFF[user].password, world.code(user)):
        form = browser.settle().form("password") or browser.page.form("text")
        if not form or form.action != "/answer":
            break
        assert "h-suzuki" not in browser.page.text
        browser.submit(form, **{name: secret for name, kind in form.kinds.items() if kind in ("password", "text")})
    return browser.settle()


def test_a_second_person_is_told_who_must_log_out(world, shared, first):
    page = second(world)
    assert "Ask h-suzuki to press Log out" in page.text and "files" not in page.text and "鈴木" not in page.text
    failed = world.logs("auth", "login-failed")[-1]
    assert (failed["event"]["reason"], failed["user"]["name"], failed["device"]["id"]) == ("device-shared-in-use", "k-mori", shared.id)
    assert sessions(world) == ["h-suzuki"] and world.phone.tcp(FILES[0], 80).result == "open"


@pytest.mark.parametrize("user, password", [("k-mori", "wrong"), ("t-yamada", None)])
def test_whoever_may_not_use_it_learns_nothing(world, shared, first, user, password):
    """Neither who has not shown who he is, nor a colleague whose phone this is not."""
    page = second(world, user, password)
    assert "Login failed" in page.text and "h-suzuki" not in page.text and "files" not in page.text
    assert sessions(world) == ["h-suzuki"]


def test_the_second_logs_in_when_the_first_has_left(world, shared, first):
    second(world)
    browser = world.browser()
    page = browser.get("/")
    browser.submit(next(f for f in page.forms if f.action == "/logout"))
    assert world.phone.tcp(FILES[0], 80).result in ("refused", "prohibited")
    assert "k-mori is logged in on this shared device" in world.login(world.phone, "k-mori").page.text
    assert sessions(world) == ["k-mori"]


def test_a_second_person_takes_over(world, shared, first, takeover):
    assert "logged out at once" in world.browser().get("/other").text
    page = second(world)
    assert "k-mori is logged in on this shared device" in page.text and "h-suzuki" not in page.text
    assert sessions(world) == ["k-mori"]
    ended, opened = world.logs("auth", "session-ended")[-1], world.logs("auth", "session-opened")[-1]
    assert (ended["event"]["reason"], ended["user"]["name"], ended["device"]["id"]) == ("superseded", "h-suzuki", shared.id)
    assert (opened["user"]["name"], opened["device"]["id"]) == ("k-mori", shared.id)
    assert ended["event"]["sequence"] < opened["event"]["sequence"]


def test_a_wrong_password_takes_nothing_over(world, shared, first, takeover):
    assert "Login failed" in second(world, password="wrong").text
    assert sessions(world) == ["h-suzuki"] and world.phone.tcp(FILES[0], 80).result == "open"


def test_the_firsts_own_phones_are_not_the_seconds_to_see_or_stop(world, shared, first):
    browser = world.browser()
    page = browser.get("/")
    assert "/devices" not in page.body and "telephone the service desk" in page.text
    assert "鈴木" not in browser.get("/devices").text
    form = next(f for f in browser.get("/").forms if f.action == "/logout")
    form.action = "/suspend"
    browser.submit(form, device=first.id[1:])
    assert world.sekisho("device", "show", first.id, "--json")["device"]["status"] == "active"


def test_the_members_of_the_group_are_known_one_by_one(world, shared, first):
    """Also those who have never logged in: u-arai comes into the directory just now."""
    subprocess.run(["useradd", "--no-create-home", "-N", "-G", "kikaku", "u-arai"], check=True)
    try:
        answer = world.sekisho("acl", "who", "tcp", "80", FILES[0], "--json")
        assert {p["user"] for p in answer["people"] if shared.id in p["devices"]} == {"h-suzuki", "u-arai"}
        assert answer["partly"] == []
    finally:
        subprocess.run(["userdel", "u-arai"], check=True)
    # of now and then, those who have logged in
    past = world.sekisho("acl", "who", "tcp", "80", FILES[0], "--json", "--on", time.strftime("%Y-%m-%d"))
    assert "h-suzuki" in {p["user"] for p in past["people"] if shared.id in p["devices"]} and past["partly"] == ["@kikaku"]
    assert f"device {shared.id})" in world.sekisho("acl", "show", "h-suzuki", "--device", shared.id).stdout
    assert "not this user's" in world.sekisho("acl", "show", "t-yamada", "--device", shared.id).stdout
    explained = world.sekisho("acl", "explain", "h-suzuki", "tcp", "80", FILES[0], "--device", shared.id, "--json")
    assert explained["allowed"] and explained["device"]["permitted"]
