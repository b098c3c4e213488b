# SPDX-License-Identifier: GPL-3.0-or-later
"""From where a device may come: at the handshake, at the login, on the way from the hotel to the street, and after an apply."""
import pytest

from world import ACL, FILES, INTRANET, PORTAL4, wait_until

CLOSED = ("refused", "prohibited")
HOTEL, STREET = "203.0.113.77", "203.0.113.88"


@pytest.fixture
def phone(world):
    """A phone of t-yamada and h-suzuki, at the hotel, in the tunnel, nobody logged in; everywhere allowed."""
    world.write_acl({"users/t-yamada.acl": None, "users/h-suzuki.acl": None, **ACL})
    world.sekisho("acl", "apply", "--yes")
    phone = world.phone
    if not phone.conf:
        world.shared = world.add_device("t-yamada", "h-suzuki", device_class="shared")
        phone.join(world.shared.conf)
    phone.roam("hotel")
    wait_until(lambda: phone.ping(PORTAL4, 0.2).result == "open", 60, "the phone is in the tunnel at the hotel")
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))
    wait_until(lambda: endpoint(world).startswith(HOTEL), 20, "the gateway knows that it is there")
    return phone


def endpoint(world):
    return world.sekisho("device", "show", world.shared.id, "--json")["device"]["endpoint"] or ""


def apply(world, files):
    world.write_acl(files)
    world.sekisho("acl", "apply", "--yes")


def test_roaming_out_of_the_network_ends_the_session_and_shuts_the_device_out(world, phone):
    """Nobody of this phone may come from the street."""
    apply(world, {f"users/{name}.acl": f"from {HOTEL}/32\n" for name in ("t-yamada", "h-suzuki")})
    world.login(phone)
    session = world.sekisho("session", "list", "--json")[0]
    flow = phone.open_flow(INTRANET[0]).goes_on()
    phone.roam("street")
    event = world.wait_log("auth", "session-ended", 20, sekisho__session__id=session["id"], event__reason="network-not-allowed")
    assert event["rule"]["name"] == "users/t-yamada.acl:1"
    assert flow.is_cut()
    flow.stop()
    world.wait_log("auth", "device-offline", event__reason="network-not-allowed", device__id=world.shared.id)
    phone.off()
    phone.on()
    refused = world.wait_log("auth", "device-refused", 20, event__reason="network-not-allowed", sekisho__endpoint__ip=STREET)
    assert refused["rule"]["name"].startswith("users/")
    phone.roam("hotel")
    wait_until(lambda: phone.ping(PORTAL4, 0.2).result == "open", 60, "back at the hotel it is let in again")
    world.login(phone)
    assert phone.tcp(INTRANET[0], 80).result == "open"


def test_another_user_may_come_from_there(world, phone):
    """The session of the one ends; the phone stays, because the other may use it there."""
    apply(world, {"users/t-yamada.acl": f"from {HOTEL}/32\n"})
    world.login(phone)
    session = world.sekisho("session", "list", "--json")[0]
    offline = len(world.logs("auth", "device-offline"))
    phone.roam("street")
    world.wait_log("auth", "session-ended", 20, sekisho__session__id=session["id"], event__reason="network-not-allowed")
    assert phone.tcp(INTRANET[0], 80).result in CLOSED, "refused at once, not silent"
    world.login(phone)
    world.wait_log("auth", "login-failed", event__reason="network-not-allowed", user__name="t-yamada")
    world.login(phone, "h-suzuki")
    assert phone.tcp(FILES[0], 80).result == "open"
    assert len(world.logs("auth", "device-offline")) == offline


def test_a_group_is_judged_at_the_login(world, phone):
    """Before, nobody knows the groups: the phone is let in, the login is refused."""
    apply(world, {"groups/soumu.acl": ACL["groups/soumu.acl"] + f"from {HOTEL}/32\n"})
    phone.roam("street")
    wait_until(lambda: endpoint(world).startswith(STREET), 20)
    failed = len(world.logs("auth", "login-failed", event__reason="network-not-allowed"))
    world.login(phone)
    assert len(world.logs("auth", "login-failed", event__reason="network-not-allowed")) == failed + 1
    assert world.sekisho("session", "list", "--json") == []
    phone.roam("hotel")
    wait_until(lambda: endpoint(world).startswith(HOTEL), 20)
    world.login(phone)
    assert phone.tcp(INTRANET[0], 80).result == "open"


def test_an_apply_is_judged_by_the_present_place(world, phone):
    world.login(phone)
    session = world.sekisho("session", "list", "--json")[0]
    flow = phone.open_flow(INTRANET[0]).goes_on()
    apply(world, {"devices/shared.acl": f"from {STREET}/32\n"})
    assert flow.is_cut()
    flow.stop()
    event = world.wait_log("auth", "session-ended", sekisho__session__id=session["id"], event__reason="network-not-allowed")
    assert event["rule"]["name"] == "devices/shared.acl:1"
    world.wait_log("auth", "device-offline", event__reason="network-not-allowed", device__id=world.shared.id)
    apply(world, {"devices/shared.acl": None})
