# SPDX-License-Identifier: GPL-3.0-or-later
"""More time without losing a connection: a session is renewed on the page, by everything a login asks or by what is asked for this."""
import signal
import subprocess

import pytest

from netns import wait_until
from world import STAFF, field

SETTINGS = {"session": "2h idle 1h", "session_renew": "full"}
SHORT = "auth requisite pam_unix.so nodelay\naccount required pam_unix.so\n"


def row(world):
    found, = world.sekisho("session", "list", "--json")
    return found


def form(page, action):
    return next((f for f in page.forms if f.action == action), None)


def offered(browser):
    """The button; after a restart of the gateway the page says for a moment that it is away."""
    return wait_until(lambda: form(browser.get("/"), "/renew"), what="the page offers more time")


def renew(world, *secrets):
    """Presses the button on the status page and answers what is asked; the page that comes of it."""
    browser = world.browser()
    browser.submit(offered(browser))
    for secret in secrets:
        asked = browser.settle().form("password")
        assert "Your connections go on" in browser.page.text
        browser.submit(asked, a0=secret)
    return browser.settle()


@pytest.fixture
def mode(world, device, session):
    """Other settings for one test."""
    def change(value, service=None):
        world.configure(session_renew=value)
        if service:
            world.write("/etc/pam.d/sekisho-renew", service)
        world.sekisho("reload")
    yield change
    change("full")


def test_renewing_leaves_session_and_flows_as_they_are(world, device, session):
    staff = STAFF["t-yamada"]
    before = row(world)
    flow = world.phone.open_flow("10.20.0.10")
    try:
        assert flow.goes_on()
        page = renew(world, staff.password, world.code(staff.name))
        assert "You have more time now" in page.text and form(page, "/logout")
        after = row(world)
        assert (after["id"], after["opened"]) == (before["id"], before["opened"]) and after["expires"] > before["expires"]
        assert flow.goes_on()
    finally:
        flow.stop()
    event = world.wait_log("auth", "session-renewed", sekisho__session__id=before["id"])
    assert field(event, "sekisho.session.previous_expires") == before["expires"]
    assert field(event, "sekisho.session.expires") == after["expires"]
    assert not world.logs("auth", "session-ended", sekisho__session__id=before["id"])
    succeeded = world.logs("auth", "login-succeeded", device__id=device.id)[-1]
    assert succeeded["event"]["sequence"] < event["event"]["sequence"]


def test_a_renewal_survives_the_gateway(world, device, session):
    staff = STAFF["t-yamada"]
    renew(world, staff.password, world.code(staff.name))
    before = row(world)
    world.kill("gateway", signal.SIGKILL)
    world.start_gateway()
    after = row(world)
    assert (after["id"], after["expires"]) == (before["id"], before["expires"])


def test_a_failed_renewal_changes_nothing(world, device, session):
    before = row(world)
    page = renew(world, "wrong")
    assert "Login failed" in page.text and form(page, "/logout")
    after = row(world)
    assert (after["id"], after["expires"]) == (before["id"], before["expires"])
    assert world.phone.tcp("10.20.0.10", 80).result == "open"


def test_a_short_renewal_asks_its_own_service(world, device, session, mode):
    mode("short", SHORT)
    before = row(world)
    page = renew(world, STAFF["t-yamada"].password)
    assert "You have more time now" in page.text and row(world)["expires"] > before["expires"]
    assert field(world.logs("auth", "login-succeeded", device__id=device.id)[-1], "sekisho.pam.service") == "sekisho-renew"


def test_a_short_renewal_never_opens_a_session(world, device, session, mode):
    """The session ends while the user is asked: what was asked is not enough for a new one."""
    mode("short", SHORT)
    browser = world.browser()
    browser.submit(offered(browser))
    asked = browser.settle().form("password")
    world.sekisho("session", "end", str(row(world)["id"]))
    browser.submit(asked, a0=STAFF["t-yamada"].password)
    assert "Your time was up before" in browser.settle().text
    assert not world.sekisho("session", "list", "--json")
    assert world.wait_log("auth", "login-failed", device__id=device.id, event__reason="session-over")
    assert world.phone.tcp("10.20.0.10", 80).result in ("refused", "prohibited")


def test_without_its_service_a_short_renewal_fails(world, device, session, mode):
    mode("short", "account required pam_unix.so\n")
    assert "Users cannot be checked right now" in renew(world).text
    assert row(world)["id"] == session["id"]


def test_off(world, device, session, mode):
    mode("off")
    assert not form(world.browser().get("/"), "/renew")


def test_other_groups_are_found_at_a_renewal(world, device, session):
    """As with any login, the groups of now count; what they do not allow is cut."""
    staff = STAFF["t-yamada"]
    assert world.phone.tcp("10.20.0.10", 80).result == "open"
    subprocess.run(["usermod", "-G", "kikaku", staff.name], check=True)
    try:
        assert "You have more time now" in renew(world, staff.password, world.code(staff.name)).text
        event = world.wait_log("auth", "session-narrowed", sekisho__session__id=session["id"])
        assert event["event"]["reason"] == "groups"
        assert world.phone.tcp("10.20.0.10", 80).result in ("refused", "prohibited")
        assert world.phone.tcp("10.20.0.20", 80).result == "open"
    finally:
        subprocess.run(["usermod", "-G", "soumu", staff.name], check=True)
