# SPDX-License-Identifier: GPL-3.0-or-later
"""Extra UDP ports: what arrives there from outside reaches the tunnel's port, and nothing else does."""
import contextlib
import socket

import pytest

from firewall_net import BOTH, GATEWAY, GATEWAY_LAN, PHONE, QUIET, any_address, ready, sock

pytest_plugins = ["firewall_fixtures"]

INITIATION = b"\x01\0\0\0" + bytes(range(144))
PORT = 51820


@pytest.fixture
def ports(fw):
    """Sets the list anew and puts it in force."""
    def change(*numbers):
        fw("spec extra none")
        for n in numbers:
            fw(f"spec extra {n}")
        fw("respec")
        assert fw("whole") == "1"
    return change


def dial(net, v, port, source=0):
    """(what the tunnel's port receives, the port its answer comes from)."""
    with sock(net.gateway, v, socket.SOCK_DGRAM, bind=(any_address(v), PORT)) as wireguard, \
            sock(net.lan, v, socket.SOCK_DGRAM, bind=(any_address(v), source)) as client:
        client.sendto(INITIATION, (GATEWAY_LAN[v], port))
        if not ready([wireguard], QUIET):
            return None
        data, peer = wireguard.recvfrom(2048)
        wireguard.sendto(b"answer", peer)
        assert ready([client], 5.0)
        answer, where = client.recvfrom(2048)
        assert data == INITIATION and answer == b"answer"
        return where[1]


@BOTH
def test_none_by_default(net, fw, v):
    assert dial(net, v, 443) is None
    assert dial(net, v, PORT) == PORT
    assert "nat" not in net.gateway.run("nft", "list", "table", "inet", "sekisho", capture_output=True).stdout


@BOTH
def test_answers_come_from_the_port_that_was_dialled(net, ports, v):
    ports(443, 53)
    assert [dial(net, v, p) for p in (443, 53, PORT, 54)] == [443, 53, PORT, None]


@BOTH
def test_the_list_changes_while_running(net, fw, ports, v):
    ports(443)
    assert [dial(net, v, p) for p in (443, 53)] == [443, None]
    ports(*range(1001, 1016))
    assert [dial(net, v, p) for p in (443, 1001, 1015)] == [None, 1001, 1015]
    assert fw("open") == "taken-over" and fw("whole") == "1"
    assert dial(net, v, 1007) == 1007
    ports()
    assert dial(net, v, 1001) is None
    assert fw("open") == "taken-over" and fw("whole") == "1"


@BOTH
def test_a_flow_that_began_before_the_port_was_open(net, ports, v):
    ports()
    assert dial(net, v, 443, source=7778) is None
    ports(443)
    assert dial(net, v, 443, source=7778) == 443


@BOTH
def test_knocks_on_extra_ports_are_copied(net, fw, ports, knocks, v):
    ports(443)
    assert dial(net, v, 443, source=7777) == 443
    (_, packet), = knocks.wait("")
    header = packet[:-len(INITIATION)][-8:]
    assert packet.endswith(INITIATION)  # its mac1 is over this: untouched
    assert int.from_bytes(header[:2], "big") == 7777  # the endpoint
    assert int.from_bytes(header[2:4], "big") == PORT
    assert fw.counters()["knocks"] == 1


@BOTH
def test_not_from_the_tunnel(net, logged_in, ports, v):
    ports(443)
    with sock(net.gateway, v, socket.SOCK_DGRAM, bind=(any_address(v), PORT)) as wireguard, \
            sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 0), connect=(GATEWAY[v], 443)) as phone:
        with contextlib.suppress(OSError):
            for _ in range(3):
                phone.send(INITIATION)
        assert not ready([wireguard], QUIET)


@BOTH
def test_what_is_forwarded_is_not_redirected(net, logged_in, ports, v):
    """Only the host's own addresses: the LAN's own traffic to the same port of others goes on."""
    ports(9001)
    with sock(net.gateway, v, socket.SOCK_DGRAM, bind=(any_address(v), PORT)) as wireguard, \
            sock(net.lan, v, socket.SOCK_DGRAM) as client:
        client.sendto(INITIATION, (PHONE[v], 9001))
        assert not ready([wireguard], QUIET)
