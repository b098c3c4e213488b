# SPDX-License-Identifier: GPL-3.0-or-later
"""Who knocks: unknown, forged, replayed, suspended, out of its period, lost; who may come in does at once."""
import datetime
import socket
import subprocess

import pytest

from initiation import initiation, tai64n
from world import OUTER, PORT, PORTAL4, field, wait_until


@pytest.fixture
def impatient(world, device):
    """Peers are taken out after five seconds; afterwards the phone is in again as usual."""
    world.configure(peer_idle="5s")
    world.sekisho("reload")
    yield
    world.configure(peer_idle=None)
    world.sekisho("reload")
    world.phone.off()
    world.phone.on()
    wait_until(lambda: world.phone.ping(PORTAL4, 0.2).result == "open", what="the phone is in again")


def knocks(world):
    return world.sekisho("status", "--json")["knocks"]


def server_key(world):
    return world.sekisho("status", "--json")["public_key"]


def send(ns, *packets):
    with ns.new_socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for packet in packets:
            s.sendto(packet, (OUTER, PORT))
        s.settimeout(0.2)
        try:
            return s.recv(2048)
        except TimeoutError:
            return None


def knock(world, device, *expected, **wanted):
    """Knocks until the log has the event, as a phone does: the kernel limits how many knocks a source may make."""
    key, secret = server_key(world), private_key(device)

    def tried():
        send(world.inet, initiation(key, secret))
        return world.logs(*expected, device__id=device.id, **wanted)

    return wait_until(tried, 20, f"{expected} {wanted}")[-1]


def new_key():
    return subprocess.run(["wg", "genkey"], capture_output=True, text=True, check=True).stdout.strip()


def private_key(device):
    return next(line.split("=", 1)[1].strip() for line in device.conf.splitlines() if line.startswith("PrivateKey"))


def test_an_enrolled_phone_is_let_in_and_recorded(world, device):
    event = world.wait_log("auth", "device-admitted", device__id=device.id)
    assert field(event, "sekisho.endpoint.ip") == "203.0.113.77"
    assert field(event, "sekisho.device.key") == device.key
    online = world.wait_log("auth", "device-online", device__id=device.id)
    assert field(online, "source.ip") == device.v4
    shown = world.sekisho("device", "show", device.id, "--json")["device"]
    assert shown["online"] and shown["endpoint"].startswith("203.0.113.77:")


def test_an_unknown_key_gets_no_answer_and_one_line(world):
    key = new_key()
    assert send(world.inet, *[initiation(server_key(world), key, timestamp=tai64n(1e9 + i)) for i in range(5)]) is None
    event = world.wait_log("auth", "device-refused", event__reason="unknown-key")
    assert field(event, "sekisho.endpoint.ip") == "203.0.113.200"
    assert len(world.logs("auth", "device-refused", sekisho__device__key=field(event, "sekisho.device.key"))) == 1


def test_a_forger_cannot_speak_in_a_devices_name(world, device):
    victim = world.add_device("t-yamada", label="victim")
    before = knocks(world)["forged"]
    assert send(world.inet, initiation(server_key(world), claimed_public=victim.key)) is None
    wait_until(lambda: knocks(world)["forged"] > before, what="the forgery is counted")
    assert not world.logs("auth", device__id=victim.id)


def test_a_recorded_knock_played_again_is_ignored_and_counted(world, impatient):
    d = world.add_device("t-yamada", label="replayed")
    packet = initiation(server_key(world), private_key(d), timestamp=tai64n(1.6e9))
    send(world.inet, packet)
    world.wait_log("auth", "device-admitted", device__id=d.id)
    # as long as WireGuard has the peer it refuses the replay itself; then it is ours to refuse
    wait_until(lambda: d.key not in world.gw.run("wg", "show", "sekisho0", "peers", capture_output=True).stdout, 20, "taken out")
    before = knocks(world)["replayed"]
    send(world.inet, packet)
    wait_until(lambda: knocks(world)["replayed"] > before, what="the replay is counted")
    # an older one, though never seen before, is as good as replayed
    send(world.inet, initiation(server_key(world), private_key(d), timestamp=tai64n(1.5e9)))
    wait_until(lambda: knocks(world)["replayed"] > before + 1, what="the older one is counted")
    assert len(world.logs("auth", "device-admitted", device__id=d.id)) == 1


def test_a_flood_of_forgeries_keeps_nobody_out(world):
    d = world.add_device("h-suzuki", label="through the flood")
    key = server_key(world)
    flood = [initiation(key, claimed_public=d.key) for _ in range(40)]
    with world.inet.new_socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for round_ in range(50):
            for packet in flood:
                s.sendto(packet, (OUTER, PORT))
            if round_ == 10:
                world.phone2.join(d.conf)
    wait_until(lambda: world.phone2.ping(PORTAL4, 0.2).result == "open", 20, "admitted in spite of the flood")
    world.phone2.off()
    assert knocks(world)["forged"] > 0


@pytest.mark.parametrize("more, reason", [
    (("--valid-until", "2026-01-01"), "expired"),
    (("--valid-from", (datetime.date.today() + datetime.timedelta(days=400)).isoformat()), "not-yet-valid"),
])
def test_a_device_outside_its_period_stays_out(world, more, reason):
    d = world.add_device("t-yamada", label=reason, more=more)
    knock(world, d, "auth", "device-refused", event__reason=reason)
    assert not world.logs("auth", "device-admitted", device__id=d.id)


def test_a_suspended_device_stays_out_until_resumed(world):
    d = world.add_device("t-yamada", label="suspended")
    world.sekisho("device", "suspend", d.id)
    knock(world, d, "auth", "device-refused", event__reason="suspended")
    assert not world.logs("auth", "device-admitted", device__id=d.id)
    world.sekisho("device", "resume", d.id)
    knock(world, d, "auth", "device-admitted")


def test_a_lost_device_that_shows_up_raises_an_alert(world):
    d = world.add_device("t-yamada", label="lost")
    world.sekisho("device", "lost", d.id, "--yes")
    alert = knock(world, d, "audit", "alert")
    assert field(alert, "sekisho.endpoint.ip") == "203.0.113.200"
    assert world.logs("auth", "device-refused", event__reason="lost", device__id=d.id)


def test_a_sleeping_phone_is_taken_out_and_comes_back_without_login(world, device, session, impatient):
    world.phone.off()
    wait_until(lambda: not world.sekisho("device", "show", device.id, "--json")["device"]["online"], 30, "taken out")
    assert world.logs("auth", "device-offline", device__id=device.id)[-1]["event"]["reason"] == "idle"
    world.phone.on()
    wait_until(lambda: world.phone.tcp("10.20.0.10", 80, 1).result == "open", what="works again without a login")
    assert [s["id"] for s in world.sekisho("session", "list", "--json") if s["device"] == device.id] == [session["id"]]


def test_a_phone_roams_without_losing_its_flow(world, device, session):
    wait_until(lambda: world.sekisho("device", "show", device.id, "--json")["device"]["online"], what="seen where it is now")
    flow = world.phone.open_flow("10.20.0.10").goes_on()
    world.phone.roam("street")
    try:
        flow.goes_on()
        event = world.wait_log("auth", "device-roamed", 20, device__id=device.id)
        assert field(event, "sekisho.endpoint.ip") == "203.0.113.88"
    finally:
        flow.stop()
        world.phone.roam("hotel")
