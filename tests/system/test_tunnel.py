# SPDX-License-Identifier: GPL-3.0-or-later
"""The tunnel under the whole product, on whatever WireGuard this machine has: the kernel's or wireguard-go."""
import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
from base64 import b64decode, b64encode

import pytest

from phone import kernel_has_wireguard
from sniffer import INITIATION, RESPONSE, Sniffer
from world import OUTER, PORT, PORTAL4, field, wait_until

OUTER6, STREET6 = "2001:db8:ffff::1", "2001:db8:ffff::88"
MANY = 10000


def installed(world):
    return set(world.gw.run("wg", "show", "sekisho0", "peers", capture_output=True).stdout.split())


@pytest.fixture
def sniffer(world):
    s = Sniffer(world.inet, "gw-wan0")
    yield s
    s.close()


@pytest.fixture(scope="module")
def v6(world):
    """IPv6 on the Internet, at the gateway and in the street, where nobody translates addresses."""
    world.inet.ip("address add 2001:db8:ffff::c8/64 dev br0")
    world.gw.ip(f"address add {OUTER6}/64 dev wan0", f"route add 2001:db8:8::/64 via {STREET6}")
    world.street.sysctl("net.ipv6.conf.all.forwarding", 1)
    world.street.ip(f"address add {STREET6}/64 dev wan0", "address add 2001:db8:8::1/64 dev br0")
    world.phone.ip("address add 2001:db8:8::10/64 dev cell0", f"route add {OUTER6}/128 via 2001:db8:8::1")


def test_the_kernels_wireguard_is_used_where_there_is_one(world):
    status = world.sekisho("status", "--json")
    assert status["backend"] == ("kernel" if kernel_has_wireguard() else "wireguard-go")
    kind = world.gw.run("ip", "-d", "link", "show", "sekisho0", capture_output=True).stdout
    assert ("wireguard" in kind) == kernel_has_wireguard()


def test_the_gateway_opens_the_handshake_itself(world, sniffer):
    """The phone's own second try would come after five seconds; the gateway does not wait for it."""
    d = world.add_device("t-yamada", label="newcomer")
    world.phone2.join(d.conf)
    try:
        wait_until(lambda: world.phone2.ping(PORTAL4, 0.2).result == "open", what="the newcomer is in")
        seen = [m for m in sniffer.read(PORT) if m.kind in (INITIATION, RESPONSE)]
        first = next(m for m in seen if m.source == OUTER)
        assert first.kind == INITIATION and first.port == PORT, seen
        answer = next(m for m in seen[seen.index(first):] if m.destination == OUTER)
        assert answer.kind == RESPONSE, seen
    finally:
        world.phone2.off()


def test_a_flow_survives_a_new_port(world, device, session):
    wait_until(lambda: world.sekisho("device", "show", device.id, "--json")["device"]["online"], what="seen where it is now")
    before = world.sekisho("device", "show", device.id, "--json")["device"]["endpoint"]
    flow = world.phone.open_flow("10.20.0.10").goes_on()
    world.phone.roam("hotel")
    flow.goes_on()
    flow.stop()
    event = world.wait_log("auth", "device-roamed", 20, device__id=device.id)
    assert field(event, "sekisho.endpoint.ip") == "203.0.113.77"
    assert str(field(event, "sekisho.previous_endpoint.port")) == before.rsplit(":", 1)[1]
    assert field(event, "sekisho.endpoint.port") != field(event, "sekisho.previous_endpoint.port")


def test_a_flow_survives_a_change_of_address_family(world, device, session, v6):
    """From IPv4 behind a translator to IPv6 and back, with flows of both families inside the tunnel."""
    flows = [world.phone.open_flow(a).goes_on() for a in ("10.20.0.10", "2001:db8:20::10")]
    tunnel = world.tunnel_identity()
    for endpoint, place, seen in ((f"[{OUTER6}]", "street", "2001:db8:8::10"), (OUTER, "hotel", "203.0.113.77")):
        def arrivals(seen=seen):
            return len(world.logs("auth", "device-roamed", device__id=device.id, sekisho__endpoint__ip=seen))

        before = arrivals()
        world.phone.roam(place, f"{endpoint}:{PORT}")
        for flow in flows:
            flow.goes_on()
        wait_until(lambda: arrivals() > before, 20, f"seen at {seen}")
    for flow in flows:
        flow.stop()
    assert world.tunnel_identity() == tunnel
    assert [s["id"] for s in world.sekisho("session", "list", "--json")] == [session["id"]]


def test_a_restless_phone_stays_logged_in(world, device, session):
    """A train: another network or another translation again and again, each as soon as the flows have found their way."""
    flows = [world.phone.open_flow("10.20.0.10", kind=kind).goes_on() for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    tunnel, roamed = world.tunnel_identity(), len(world.logs("auth", "device-roamed", device__id=device.id))
    for place in ("street", "street", "hotel", "street", "hotel", "hotel", "street", "hotel"):
        world.phone.roam(place)
        for flow in flows:
            flow.goes_on(5, 30)
    for flow in flows:
        flow.stop()
        assert not flow.error
    assert world.tunnel_identity() == tunnel
    assert [s["id"] for s in world.sekisho("session", "list", "--json") if s["device"] == device.id] == [session["id"]]
    assert len(world.logs("auth", "device-roamed", device__id=device.id)) > roamed


def test_a_phone_is_admitted_over_ipv6(world, device, v6):
    world.phone.off()
    world.sekisho("device", "suspend", device.id)  # takes the peer out
    world.sekisho("device", "resume", device.id)
    assert device.key not in installed(world)
    world.phone.roam("street", f"[{OUTER6}]:{PORT}")
    world.phone.on()
    try:
        wait_until(lambda: world.phone.ping(PORTAL4, 0.2).result == "open", 20, "admitted over IPv6")
        assert field(world.logs("auth", "device-admitted", device__id=device.id)[-1], "sekisho.endpoint.ip") == "2001:db8:8::10"
    finally:
        world.phone.roam("hotel", f"{OUTER}:{PORT}")


def memory(pid):
    """What a process holds in memory that it may write."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            first, end, access = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if access.startswith("rw"):
                mem.seek(int(first, 16))
                yield mem.read(int(end, 16) - int(first, 16))


def test_the_private_key_is_in_memory_once(world, device):
    """For the handshakes that it decrypts; the messages that bring it to WireGuard and back are wiped."""
    with open("/etc/sekisho/tunnel.key") as f:
        text = f.read().strip()
    world.sekisho("reload")
    wait_until(lambda: world.phone.ping(PORTAL4, 0.2).result == "open")
    held = list(memory(world.processes["gateway"].pid))
    assert sum(m.count(b64decode(text)) for m in held) == 1
    assert sum(m.count(b64decode(text).hex().encode()) + m.count(text.encode()) for m in held) == 0


@pytest.fixture
def many(world, device):
    """As many devices in the ledger as a ministry has, all of them installed while no gateway runs."""
    world.configure(poll_interval="15s")  # each look at them all takes a while where QEMU computes
    world.kill("gateway", signal.SIGKILL)
    keys = [os.urandom(32) for _ in range(MANY - 1)]
    hosts = range(0x8000, 0x8000 + len(keys))
    ledger = sqlite3.connect("/var/lib/sekisho/ledger.db")
    with ledger:
        known, = ledger.execute("SELECT max(id) FROM device").fetchone()
        ledger.executemany(
            "INSERT INTO device (public_key, preshared, class, status, label, v4, v6, valid_from, valid_until, created, changed,"
            " last_seen, last_timestamp)"
            " SELECT ?, zeroblob(32), class, 'active', 'many', ?, ?, 0, 0, created, changed, 0, zeroblob(12)"
            " FROM device WHERE id = ?",
            ((key, struct.pack("!HH", 0x0a40, n), bytes.fromhex("fd645e61" + "00" * 10) + struct.pack("!H", n), known)
             for key, n in zip(keys, hosts)))
        ledger.execute("INSERT INTO device_user SELECT id, 0, 'k-mori' FROM device WHERE id > ?", (known,))
    ledger.close()
    peers = "".join(f"[Peer]\nPublicKey = {b64encode(key).decode()}\n"
                    f"AllowedIPs = 10.64.{n >> 8}.{n & 255}/32, fd64:5e61::{n:x}/128\n" for key, n in zip(keys, hosts))
    world.gw.run("wg", "addconf", "sekisho0", "/dev/stdin", input=peers)
    return {f"d{number}": b64encode(key).decode() for number, key in enumerate(keys, known + 1)}


def test_ten_thousand_peers_are_taken_over_and_taken_out(world, device, session, many):
    """Runs last: they stay through a restart with the flow that is in use, one of them can be revoked, and all of them go."""
    flow = world.phone.open_flow("10.20.0.10").goes_on()
    tunnel = world.tunnel_identity()
    world.start_gateway(60)
    assert world.tunnel_identity() == tunnel
    assert installed(world) >= {*many.values(), device.key}, "strangers would have been taken out"
    flow.goes_on()
    name = list(many)[MANY // 2]
    world.sekisho("device", "revoke", name, "--yes")
    left = installed(world)
    assert many[name] not in left and len(left & {*many.values(), device.key}) == MANY - 1
    flow.goes_on()
    flow.stop()
    world.kill("gateway", signal.SIGTERM)
    world.gw.run(*world.gateway_command("--close"), timeout=600)
    assert "sekisho0" not in world.gw.run("ip", "link", capture_output=True).stdout
    world.start_gateway()
