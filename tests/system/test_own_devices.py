# SPDX-License-Identifier: GPL-3.0-or-later
"""A user stops a phone of the same name that is lost, from another one: on the page, without the service desk."""
import pytest

from world import STAFF, field, wait_until


def stop_buttons(page):
    return [f for f in page.forms if f.action == "/suspend"]


@pytest.fixture
def lost(world, device, session):
    """Another phone of the same user, in the tunnel and logged in."""
    more = world.add_device("t-yamada", label="lost phone")
    world.phone2.join(more.conf)
    wait_until(lambda: world.phone2.tcp("10.64.0.1", 443, 1).result == "open")
    world.login(world.phone2)
    yield more
    world.phone2.off()


def test_stopping_it_cuts_it_off(world, device, session, lost):
    assert world.phone2.tcp("10.20.0.10", 80).result == "open"
    stranger = world.add_device("k-mori", label="of somebody else")
    browser = world.browser()
    page = browser.get("/devices")
    assert "lost phone" in page.text and "of somebody else" not in page.text and device.id not in page.text
    button, = [f for f in stop_buttons(page) if f.fields["device"] == lost.id[1:]]
    # what is not this user's, and the phone in hand, cannot be stopped
    for other in (stranger, device):
        button.fields["device"] = other.id[1:]
        browser.submit(button)
    assert not world.logs("audit", "device-suspended")
    button.fields["device"] = lost.id[1:]
    page = browser.submit(button)
    assert "Stopped" in page.text
    assert world.phone2.tcp("10.20.0.10", 80, 1).result != "open"
    assert [s["device"] for s in world.sekisho("session", "list", "--json")] == [device.id]
    event = world.wait_log("audit", "device-suspended", device__id=lost.id)
    assert (field(event, "user.name"), field(event, "sekisho.admin")) == ("t-yamada", None)
    assert field(event, "sekisho.note").endswith(f"from device {device.id}")
    ended = world.wait_log("auth", "session-ended", device__id=lost.id)
    assert ended["event"]["reason"] == "suspended"
    # it is not the user's to undo: stopping again changes nothing, and there is no other button
    assert lost.id[1:] not in [f.fields["device"] for f in stop_buttons(browser.get("/devices"))]
    world.sekisho("device", "resume", lost.id)


def test_nobody_logged_in_sees_or_stops_anything(world, device):
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))
    page = world.browser().get("/devices")
    assert not stop_buttons(page) and page.form("text")
