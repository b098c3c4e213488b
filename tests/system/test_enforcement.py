# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes and what does not, on the wire, over IPv4 and IPv6; how quickly that changes; what happens when nobody is left."""
import signal
import socket

import pytest

from netns import SLOWER
from world import ACL, FILES, INTRANET, PORTAL, PORTAL4, PORTAL6, RESOLVER, field, wait_until

CLOSED = ("refused", "prohibited")
SETTINGS = {"dead_man": "30s"}


@pytest.fixture
def own_acl(world):
    """A test may write ACLs; afterwards the usual ones are in force again."""
    yield world
    world.write_acl({"users/t-yamada.acl": None, **ACL})
    world.sekisho("acl", "apply", "--yes")


def end_all(world):
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))


def test_without_a_session_only_login_and_dns(world, device):
    end_all(world)
    phone = world.phone
    assert phone.resolve(PORTAL, RESOLVER) == PORTAL4
    assert phone.tcp(PORTAL4, 443).result == phone.tcp(PORTAL6, 443).result == "open"
    for address in (*INTRANET, *FILES, RESOLVER, "203.0.113.200", "192.0.2.1"):
        assert phone.tcp(address, 80).result in CLOSED, address
        assert phone.udp(address, 7000).result in CLOSED, address
    for address in (PORTAL4, PORTAL6):
        assert phone.tcp(address, 22).result in CLOSED
    event = world.wait_log("access", "connection-refused", device__id=device.id)
    assert event["event"]["reason"] == "no-session"


@pytest.mark.parametrize("v", [0, 1], ids=["ipv4", "ipv6"])
def test_a_session_opens_what_its_acl_names_and_no_more(world, device, session, v):
    phone = world.phone
    assert phone.tcp(INTRANET[v], 80).result == "open"
    assert phone.tcp(INTRANET[v], 7000).result == "open"
    assert phone.udp(INTRANET[v], 7000).result == "open"
    assert phone.ping(INTRANET[v]).result == "open"
    assert phone.tcp(INTRANET[v], 22).result in CLOSED
    assert phone.udp(INTRANET[v], 53).result in CLOSED
    assert phone.tcp(FILES[v], 80).result in CLOSED
    assert phone.ping(FILES[v]).result in CLOSED
    world.wait_log("access", "connection-refused", destination__ip=FILES[v], user__name="t-yamada")


def test_phones_do_not_reach_each_other(world, device, session):
    other = world.add_device("h-suzuki", label="neighbour")
    world.phone2.join(other.conf)
    try:
        wait_until(lambda: world.phone2.ping(PORTAL4, 0.2).result == "open")
        world.login(world.phone2, "h-suzuki")
        for address in (other.v4, other.v6):
            assert world.phone.ping(address, 0.5).result != "open"
            assert world.phone.tcp(address, 7000, 0.5).result != "open"
    finally:
        world.phone2.off()


def test_the_lan_cannot_open_anything_to_a_phone(world, device, session):
    for address in (device.v4, device.v6):
        assert world.lan.ping(address, 0.5).result != "open"
        assert world.lan.tcp(address, 7000, 0.5).result in ("timeout", *CLOSED)


def test_tunnel_addresses_from_elsewhere_are_dropped(world, device, session):
    """A host in the LAN that sends with a phone's address gets nowhere."""
    world.lan.ip(f"address add {device.v4}/32 dev eth0")
    try:
        with world.lan.new_socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((device.v4, 0))
            s.settimeout(0.5)
            s.sendto(b"spoofed", (PORTAL4, 443))
            with pytest.raises(OSError):
                s.recv(100)
    finally:
        world.lan.ip(f"address del {device.v4}/32 dev eth0")


def test_ending_a_session_cuts_open_flows_both_ways(world, device, session):
    udp = world.phone.open_flow(INTRANET[0]).goes_on()
    tcp = world.phone.open_flow(INTRANET[1], kind=socket.SOCK_STREAM).goes_on()
    stream = world.phone.received_stream(INTRANET[0], 5000, 500)
    stream.settimeout(5)
    assert stream.recv(100)
    world.sekisho("session", "end", str(session["id"]))
    assert udp.is_cut() and tcp.is_cut()
    stream.settimeout(0.05)
    received = []

    def silent():
        try:
            received.append(stream.recv(100))
        except OSError:
            return True
        return False

    wait_until(silent, 5, "what was under way has arrived")
    stream.settimeout(1)
    with pytest.raises(OSError):
        stream.recv(100)
    udp.stop()
    tcp.stop()
    stream.close()
    record = world.wait_log("access", "connection-closed", sekisho__session__id=session["id"], network__transport="tcp")
    assert field(record, "source.bytes") > 0 and field(record, "rule.name").startswith("groups/soumu.acl:")


def test_the_next_session_does_not_inherit_a_flow(world, device, session):
    flow = world.phone.open_flow(INTRANET[0], kind=socket.SOCK_STREAM).goes_on()
    world.sekisho("session", "end", str(session["id"]))
    assert flow.is_cut()
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert flow.is_cut(), "a flow that one session opened lives on in the next"
    flow.stop()


def test_a_narrowed_acl_cuts_only_what_it_closes(own_acl, device, session):
    world = own_acl
    cut, kept = (world.phone.open_flow(a).goes_on() for a in INTRANET)
    world.write_acl({"users/t-yamada.acl": "deny udp 7000 10.20.0.10\n"})
    answer = world.sekisho("acl", "apply", "--yes", "--json")
    assert answer["sessions_changed"] == 1
    assert cut.is_cut()
    kept.goes_on()
    cut.stop()
    kept.stop()
    explained = world.sekisho("acl", "explain", "t-yamada", "udp", "7000", "10.20.0.10", "--json")
    assert not explained["allowed"] and explained["rules"][0]["file"] == "users/t-yamada.acl"
    assert world.phone.udp("10.20.0.10", 7000).result in CLOSED
    world.wait_log("access", "connection-refused", rule__name="users/t-yamada.acl:1")


def test_a_wider_acl_opens_at_once_for_those_logged_in(own_acl, device, session):
    world = own_acl
    assert world.phone.tcp(FILES[0], 80).result in CLOSED
    world.write_acl({"users/t-yamada.acl": "allow files\n"})
    world.sekisho("acl", "apply", "--yes")
    assert world.phone.tcp(FILES[0], 80).result == "open"


def test_a_mistake_in_an_acl_changes_nothing(own_acl, device, session):
    world = own_acl
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    world.write_acl({"users/t-yamada.acl": "deny intranett\n", "groups/soumu.acl": "allow files\n"})
    done = world.sekisho("acl", "apply", "--yes", check=False)
    assert done.returncode == 1 and "users/t-yamada.acl:1:6" in done.stderr and "intranet" in done.stderr
    flow.goes_on()
    flow.stop()
    assert world.phone.tcp(FILES[0], 80).result in CLOSED
    world.wait_log("audit", "acl-rejected")


@pytest.fixture
def lasting(world):
    """Sets how long sessions last, for those opened from now on."""
    def change(value):
        end_all(world)
        world.configure(session=value)
        world.sekisho("reload")

    yield change
    change(None)


def test_an_idle_session_ends(world, device, lasting):
    lasting(f"1h idle {3 * SLOWER:.0f}s")
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    world.wait_log("auth", "session-ended", 20, event__reason="idle", device__id=device.id)
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED


def test_a_session_ends_on_time_with_no_program_alive(world, device, lasting):
    lasting(f"{4 * SLOWER:.0f}s")
    world.login(world.phone)
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    world.kill("gateway", signal.SIGKILL)
    world.kill("portal", signal.SIGKILL)
    wait_until(lambda: world.phone.tcp(INTRANET[0], 80, 1).result in CLOSED, 15, "the kernel ends the session")
    assert flow.is_cut()
    flow.stop()
    world.start_gateway()
    world.start_portal()
    world.wait_log("auth", "session-ended", event__reason="expired", device__id=device.id)


def test_a_foreign_flush_leaves_nothing_open_and_is_mended(world, device, session):
    """Somebody runs `nft flush ruleset`: the second lock holds, the gateway notices, says so and rebuilds with the sessions."""
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    gateway = world.processes["gateway"]
    gateway.send_signal(signal.SIGSTOP)
    try:
        world.gw.run("nft", "flush", "ruleset")
        for address in (*INTRANET, *FILES):
            assert world.phone.tcp(address, 80, 1).result != "open", address
    finally:
        gateway.send_signal(signal.SIGCONT)
    wait_until(lambda: world.phone.tcp(INTRANET[0], 80, 1).result == "open", 20, "the firewall is restored")
    assert world.phone.tcp(FILES[0], 80).result in CLOSED
    world.wait_log("audit", "firewall-restored")


def test_dead_man_closes_everything(world, device, session):
    """Runs last: thirty seconds without a living gateway, and nothing is forwarded any more."""
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    gateway = world.processes["gateway"]
    gateway.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: world.phone.tcp(INTRANET[0], 80, 1).result != "open", 60, "the dead-man time closes")
        wait_until(lambda: flow.is_cut(20), 20, "the open flow is cut")
        assert world.phone.tcp(INTRANET[0], 80, 1).result != "open"
    finally:
        gateway.send_signal(signal.SIGCONT)
    flow.goes_on(deadline=30)
    flow.stop()
