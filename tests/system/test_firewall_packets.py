# SPDX-License-Identifier: GPL-3.0-or-later
"""Real packets through the firewall, over IPv4 and IPv6: what is open and what is closed."""
import contextlib
import socket

import pytest

from firewall_net import (ALIVE, BOTH, FAMILY, GATEWAY, GATEWAY_LAN, OTHER_PHONE, PHONE, PROFILE, QUIET, RESOLVER, SERVER,
                          TCP, UDP, any_address, ping, ready, send_forged, server_boxes, sock, tcp, udp)

pytest_plugins = ["firewall_fixtures"]


# ---- what is open, what is closed ----

@BOTH
def test_permitted(net, logged_in, v):
    assert tcp(net, v, SERVER[v], 8443) == "open"
    assert udp(net, v, SERVER[v], 9001) == "delivered"
    assert ping(net, v, SERVER[v]) == "answered"


@BOTH
def test_closed_until_alive(net, closed, v):
    closed.profile(*server_boxes(UDP, "9001-9001"))
    closed.login()
    assert udp(net, v, SERVER[v], 9001) == "refused"
    assert udp(net, v, RESOLVER[v], 53) == "refused"
    closed(f"alive {ALIVE}")
    assert udp(net, v, SERVER[v], 9001) == "delivered"


@BOTH
def test_denied_is_refused_and_logged(net, logged_in, refusals, v):
    before = logged_in.counters()["denied"]
    assert tcp(net, v, SERVER[v], 8444) == "reset"
    assert refusals.wait("denied")
    assert udp(net, v, SERVER[v], 9002) == "refused"
    assert ping(net, v, RESOLVER[v]) == "refused"
    assert logged_in.counters()["denied"] >= before + 3


@BOTH
def test_logged_in_with_nothing_open(net, fw, v):
    fw.login(profile=0)
    assert tcp(net, v, SERVER[v], 8443) == "reset"
    assert fw.counters()["denied"] >= 1


@BOTH
def test_without_session(net, fw, refusals, v):
    assert tcp(net, v, SERVER[v], 8443) == "reset"
    assert refusals.wait("no-session")
    assert udp(net, v, SERVER[v], 9001) == "refused"
    assert ping(net, v, SERVER[v]) == "refused"
    assert fw.counters()["no_session"] >= 3


@BOTH
def test_resolver_with_and_without_session(net, fw, v):
    def query(port):
        with sock(net.lan, v, socket.SOCK_DGRAM, bind=(RESOLVER[v], 53)) as server, \
                sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], port), connect=(RESOLVER[v], 53)) as client:
            client.send(b"?")
            assert ready([server], 5.0)
            server.sendto(b"!", server.recvfrom(64)[1])
            assert ready([client], 5.0) and client.recv(64) == b"!"
    query(3001)
    assert tcp(net, v, RESOLVER[v], 53) == "open"
    assert udp(net, v, RESOLVER[v], 54) == "refused"
    fw.login(profile=0)
    query(3002)
    assert tcp(net, v, RESOLVER[v], 53) == "open"


@BOTH
def test_queries_are_limited(net, fw, v):
    with sock(net.lan, v, socket.SOCK_DGRAM, bind=(RESOLVER[v], 53)) as server, \
            sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 0), connect=(RESOLVER[v], 53)) as client:
        for _ in range(2000):
            client.send(b"?")
        got = 0
        while ready([server], QUIET):
            server.recv(64)
            got += 1
    assert 100 <= got < 1000


@BOTH
def test_phones_cannot_reach_each_other(net, logged_in, v):
    other = OTHER_PHONE[v]
    logged_in.profile((other, other, "0-255", "0-65535"))
    logged_in(f"session 6 {PROFILE} 60000 {OTHER_PHONE[4]} {OTHER_PHONE[6]}")
    with contextlib.closing(net.phone.new_socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))) as seen:
        assert tcp(net, v, other, 8443) == "reset"
        assert udp(net, v, other, 9001) == "refused"
        destination = socket.inet_pton(FAMILY[v], other)
        while ready([seen], QUIET):
            data, where = seen.recvfrom(2048)
            if where[2] != 4:  # PACKET_OUTGOING
                assert data[16:20] != destination and data[24:40] != destination


@BOTH
def test_spoofed_source_from_elsewhere(net, logged_in, refusals, v):
    with sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 9001)) as phone:
        send_forged(net.lan, v, OTHER_PHONE[v], PHONE[v], 9001)
        send_forged(net.lan, v, OTHER_PHONE[v], GATEWAY_LAN[v], 9001)
        assert refusals.wait("spoofed")
        assert logged_in.counters()["spoofed"] == 2
        assert not ready([phone], QUIET)


@BOTH
def test_foreign_source_from_the_tunnel(net, logged_in, refusals, v):
    foreign = "192.0.2.1" if v == 4 else "2001:db8::1"
    with sock(net.lan, v, socket.SOCK_DGRAM, bind=(SERVER[v], 9001)) as server:
        send_forged(net.phone, v, foreign, SERVER[v], 9001)
        send_forged(net.phone, v, GATEWAY[v], SERVER[v], 9001)
        assert refusals.wait("spoofed")
        assert not ready([server], QUIET)
    if v == 6:  # IPv4 drops its own address as a martian by itself or here, whichever comes first
        assert logged_in.counters()["spoofed"] == 2


@BOTH
def test_gateway_tunnel_address_only_through_the_tunnel(net, logged_in, v):
    with sock(net.gateway, v, socket.SOCK_DGRAM, bind=(any_address(v), 7777)) as service, \
            sock(net.lan, v, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", (GATEWAY[v], 7777))
        assert not ready([service], QUIET)
        client.sendto(b"x", (GATEWAY_LAN[v], 7777))  # the host's other services are not ours
        assert ready([service], 5.0)


@BOTH
def test_gateway_services(net, fw, v):
    with sock(net.gateway, v, socket.SOCK_STREAM, bind=(any_address(v), 443)) as portal, \
            sock(net.gateway, v, socket.SOCK_STREAM, bind=(any_address(v), 80)) as web:
        portal.listen(8)
        web.listen(8)
        assert tcp(net, v, GATEWAY[v], 443) == "open"
        before = fw.counters()["no_session"]
        assert tcp(net, v, GATEWAY[v], 80) == "reset"
        assert fw.counters()["no_session"] == before + 1
        assert tcp(net, v, GATEWAY_LAN[v], 443) == "reset"
    assert ping(net, v, GATEWAY[v]) == "answered"
    assert ping(net, v, GATEWAY_LAN[v]) == "refused"


@BOTH
def test_resolver_on_the_gateway(net, fw, v):
    with sock(net.gateway, v, socket.SOCK_DGRAM, bind=(GATEWAY[v], 53)) as service, \
            sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 0), connect=(GATEWAY[v], 53)) as client:
        client.send(b"?")
        assert ready([client], 5.0)
        with pytest.raises(OSError):
            client.recv(64)
        fw(f"spec resolver {GATEWAY[v]}")
        fw("respec")
        client.send(b"?")
        assert ready([service], 5.0)


@BOTH
def test_answers_to_the_gateways_own_questions(net, fw, v):
    with sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 7000)) as phone, \
            sock(net.gateway, v, socket.SOCK_DGRAM, bind=(GATEWAY[v], 0), connect=(PHONE[v], 7000)) as asker:
        asker.send(b"?")
        assert ready([phone], 5.0)
        phone.sendto(b"!", phone.recvfrom(64)[1])
        assert ready([asker], 5.0)


@BOTH
def test_lan_cannot_open_towards_a_phone(net, logged_in, v):
    with sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 9001)) as phone, \
            sock(net.lan, v, socket.SOCK_DGRAM, bind=(SERVER[v], 9001)) as server:
        server.sendto(b"x", (PHONE[v], 9001))
        assert not ready([phone], QUIET)
    with sock(net.phone, v, socket.SOCK_STREAM, bind=(PHONE[v], 9001)) as phone, \
            sock(net.lan, v, socket.SOCK_STREAM, bind=(SERVER[v], 8443)) as server:
        phone.listen(8)
        server.connect_ex((PHONE[v], 9001))
        assert not ready([phone], QUIET)


@BOTH
def test_icmp_errors_of_live_flows_pass(net, logged_in, v):
    with sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 0), connect=(SERVER[v], 9001)) as client:
        client.send(b"x")  # permitted, but nobody listens
        assert ready([client], 5.0)
        with pytest.raises(ConnectionRefusedError):
            client.recv(64)


@BOTH
def test_icmp_errors_of_queries_pass_without_session(net, fw, v):
    with sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 0), connect=(RESOLVER[v], 53)) as client:
        client.send(b"?")
        assert ready([client], 5.0)
        with pytest.raises(ConnectionRefusedError):
            client.recv(64)


@BOTH
def test_mss_is_clamped(net, logged_in, v):
    net.gateway.run("ip", "link", "set", "in0", "mtu", "1280")
    try:
        with sock(net.lan, v, socket.SOCK_STREAM, bind=(SERVER[v], 8443)) as server, \
                sock(net.phone, v, socket.SOCK_STREAM, bind=(PHONE[v], 0)) as client:
            server.listen(8)
            client.connect_ex((SERVER[v], 8443))
            assert ready([server], 5.0)
            with contextlib.closing(server.accept()[0]) as accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1280 - (40 if v == 4 else 60)
    finally:
        net.gateway.run("ip", "link", "set", "in0", "mtu", "1500")


# ---- boxes ----

EDGES = {
    "tcp": ((TCP, TCP), (1000, 2000), [(999, False), (1000, True), (2000, True), (2001, False)]),
    "udp": ((UDP, UDP), (1000, 2000), [(999, False), (1000, True), (2000, True), (2001, False)]),
    "any": ((0, 255), (0, 65535), [(1, True), (65535, True)]),
}


@BOTH
@pytest.mark.parametrize("name", sorted(EDGES))
def test_edges_of_ports(net, fw, v, name):
    (p0, p1), (q0, q1), cases = EDGES[name]
    fw.profile((SERVER[v], SERVER[v], f"{p0}-{p1}", f"{q0}-{q1}"))
    fw.login()
    for port, passes in cases:
        if p0 <= UDP <= p1:
            assert udp(net, v, SERVER[v], port) == ("delivered" if passes else "refused")
        else:
            assert udp(net, v, SERVER[v], port) == "refused"
        if p0 <= TCP <= p1:
            assert tcp(net, v, SERVER[v], port) == ("open" if passes else "reset")
        else:
            assert tcp(net, v, SERVER[v], port) == "reset"
    assert ping(net, v, SERVER[v]) == ("answered" if name == "any" else "refused")


@BOTH
def test_edges_of_addresses(net, fw, v):
    first, last = ("10.20.0.20", "10.20.0.30") if v == 4 else ("fd20::20", "fd20::30")
    below, above = ("10.20.0.19", "10.20.0.31") if v == 4 else ("fd20::1f", "fd20::31")
    fw.profile((first, last, f"{UDP}-{UDP}", "9001-9001"))
    fw.login()
    assert [udp(net, v, a, 9001) for a in (below, first, last, above)] == ["refused", "delivered", "delivered", "refused"]


@BOTH
def test_icmp_alone(net, fw, v):
    fw.profile(*server_boxes("icmp", "0-65535"))
    fw.login()
    assert ping(net, v, SERVER[v]) == "answered"
    assert udp(net, v, SERVER[v], 9001) == "refused"
    assert tcp(net, v, SERVER[v], 8443) == "reset"


@BOTH
def test_protocol_without_ports(net, fw, v):
    """Protocol 253 (RFC 3692) passes only where every protocol does."""
    def deliver():
        with sock(net.lan, v, socket.SOCK_RAW, 253, bind=(SERVER[v], 0)) as server, \
                sock(net.phone, v, socket.SOCK_RAW, 253, bind=(PHONE[v], 0)) as client:
            client.sendto(b"payload", (SERVER[v], 0))
            return bool(ready([server], QUIET))
    fw.profile((SERVER[v], SERVER[v], f"{UDP}-{UDP}", "0-65535"))
    fw.login()
    assert not deliver()
    fw.profile((SERVER[v], SERVER[v], "0-255", "0-65535"))
    assert deliver()


# ---- knocks ----

INITIATION = b"\x01\0\0\0" + bytes(range(144))


def knock(net, v, payload, times=1, source=None):
    with sock(net.lan, v, socket.SOCK_DGRAM, bind=(source or any_address(v), 0)) as s:
        for _ in range(times):
            s.sendto(payload, (GATEWAY_LAN[v], 51820))


@BOTH
def test_knocks_are_copied_whole_and_arrive(net, fw, knocks, v):
    with sock(net.gateway, v, socket.SOCK_DGRAM, bind=(any_address(v), 51820)) as wireguard:
        knock(net, v, INITIATION)
        (_, packet), = knocks.wait("")
        assert packet.endswith(INITIATION) and packet[0] >> 4 == v
        assert ready([wireguard], 5.0) and wireguard.recv(2048) == INITIATION
        knock(net, v, b"\x04" + INITIATION[1:])  # transport data
        knock(net, v, INITIATION[:-1])
        knock(net, v, b"\x01\0\0\x01" + INITIATION[4:])
        assert not knocks.read(QUIET)
        assert fw.counters()["knocks"] == 1


@BOTH
def test_knocks_are_limited_by_source(net, fw, knocks, v):
    def copies():
        found = []
        while True:
            more = knocks.read(QUIET)
            if not more:
                return len(found)
            found += more
    same, other = ("10.20.0.99", "10.20.0.98") if v == 4 else ("fd20::99", "fd31::2")
    knock(net, v, INITIATION, 300, source=same)
    assert 10 <= copies() < 100
    if v == 6:
        knock(net, v, INITIATION, 300, source="fd20::98")  # the same /64 is the same source
        assert copies() < 50
    knock(net, v, INITIATION, 5, source=other)
    assert copies() == 5
    assert fw.counters()["knocks"] == (305 if v == 4 else 605)
