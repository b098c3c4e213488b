# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway from outside: every TCP and UDP port of its outer addresses is tried from the Internet by somebody without a key."""
import collections
import os
import re
import socket
import struct

import pytest

from initiation import initiation
from netns import SLOWER, wait_until
from sniffer import ETH_P_ALL, UDP, _addresses
from world import OUTER, PORT, PORTAL4

SETTINGS = {"extra_ports": "443 53"}
OUTER6 = "2001:db8:ffff::1"
OURS = {PORT, 443, 53}
TCP, ICMP, ICMP6 = 6, 1, 58
SYN, RST, ACK = 2, 4, 16
STEP = 64  # sent before what came is looked at: less than any buffer holds
PORTS = range(1, 65536)


@pytest.fixture(scope="module")
def street(world):
    """The Internet, with IPv6 to the gateway."""
    world.gw.ip(f"address add {OUTER6}/64 dev wan0 nodad")
    world.inet.ip("address add 2001:db8:ffff::200/64 dev br0 nodad", "route add 10.64.0.0/16 via 203.0.113.1")
    wait_until(lambda: world.inet.ping(OUTER6, 0.5).result == "open", what="IPv6 to the gateway")
    world.gw.sysctl("net.ipv4.icmp_ratelimit", "0")
    world.gw.sysctl("net.ipv6.icmp.ratelimit", "0")
    return world


class Catch:
    """All that the gateway's addresses send back: {(kind, port)}, where kind is 'udp', 'unreachable' or TCP's flags."""

    def __init__(self, street):
        self.socket = street.inet.new_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE, socket(7)
        self.socket.bind(("gw-wan0", ETH_P_ALL))  # the cable to the gateway
        self.socket.setblocking(False)
        self.came = collections.defaultdict(set)

    def read(self):
        while True:
            try:
                frame, where = self.socket.recvfrom(65536)
            except BlockingIOError:
                return self
            if where[2] != socket.PACKET_OUTGOING and frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                self._take(frame[14:])

    def _take(self, packet):
        protocol, source, _, at = _addresses(packet)
        data = packet[at:]
        if source not in (OUTER, OUTER6, PORTAL4):
            return
        if protocol == UDP:
            self.came["udp"].add(struct.unpack("!H", data[:2])[0])
        elif protocol == TCP:
            self.came["reset" if data[13] & RST else "tcp"].add(struct.unpack("!H", data[:2])[0])
        elif protocol == ICMP and data[0] == 3 or protocol == ICMP6 and data[0] == 1:
            inner, _, _, inside = _addresses(data[8:])
            self.came["unreachable"].add(struct.unpack("!H", data[8 + inside + 2:8 + inside + 4])[0])


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def syn(source, target, port):
    """A SYN from port 4000 (RFC 9293, section 3.1), with the checksum over the pseudo header."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    head = struct.pack("!HHIIBBHHH", 4000, port, 1, 0, 5 << 4, SYN, 1024, 0, 0)
    sum_of = checksum(ends + struct.pack("!II", len(head), TCP) + head)
    return head[:16] + struct.pack("!H", sum_of) + head[18:]


def no_ports(world, version):
    """Datagrams so far for ports that nobody has (proc_net_snmp(5))."""
    if version == 6:
        return int(re.search(r"Udp6NoPorts\s+(\d+)", world.gw.run("cat", "/proc/net/snmp6", capture_output=True).stdout)[1])
    names, values = re.findall(r"^Udp: (.*)$", world.gw.run("cat", "/proc/net/snmp", capture_output=True).stdout, re.M)
    return int(values.split()[names.split().index("NoPorts")])


@pytest.mark.parametrize("source, target", [("203.0.113.200", OUTER), ("2001:db8:ffff::200", OUTER6)])
def test_no_tcp_port_answers(street, source, target):
    """Each of the 65,535 is refused by the kernel, as nobody is there; that each was refused shows that each was asked."""
    catch = Catch(street)
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with street.inet.new_socket(family, socket.SOCK_RAW, TCP) as s:
        for port in PORTS:
            s.sendto(syn(source, target, port), (target, 0))
            if port % STEP == 0:
                catch.read()
    wait_until(lambda: len(catch.read().came["reset"]) == len(PORTS), 20 * SLOWER, "each port's refusal")
    assert set(catch.came) == {"reset"}


@pytest.mark.parametrize("kind", ["noise", "initiation"])
@pytest.mark.parametrize("target", [OUTER, OUTER6])
def test_no_udp_port_answers(street, target, kind):
    """Neither to noise nor to a handshake that only lacks a key we know. Our own ports do not even say that they are there or not."""
    version = 6 if ":" in target else 4
    catch, before = Catch(street), no_ports(street, version)
    private = street.inet.run("wg", "genkey", capture_output=True).stdout.strip()
    server = street.sekisho("status", "--json")["public_key"]
    payload = initiation(server, private=private) if kind == "initiation" else os.urandom(148)
    with street.inet.new_socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as s:
        for port in PORTS:
            try:
                s.sendto(payload, (target, port))
            except ConnectionRefusedError:  # an earlier one's
                s.sendto(payload, (target, port))
            if port % STEP == 0:
                catch.read()
    wait_until(lambda: no_ports(street, version) >= before + len(PORTS) - len(OURS), 20 * SLOWER, "each datagram's arrival")
    catch.read()
    assert not catch.came["udp"] and not catch.came["tcp"]
    assert not catch.came["unreachable"] & OURS


def test_the_portal_is_not_there_from_outside(street):
    """Its address is routed to the gateway, and yet nothing comes back: neither an answer nor a refusal."""
    catch = Catch(street)
    with street.inet.new_socket(socket.AF_INET, socket.SOCK_RAW, TCP) as s:
        for port in (443, 80, 22):
            s.sendto(syn("203.0.113.200", PORTAL4, port), (PORTAL4, 0))
        s.sendto(syn("203.0.113.200", OUTER, 9), (OUTER, 0))
    wait_until(lambda: 9 in catch.read().came["reset"], what="the answer to the last one")
    assert catch.came == {"reset": {9}}


def test_a_known_key_is_answered(street):
    """The scan would see an answer: a phone that is enrolled gets one, on each of our ports."""
    for port in sorted(OURS):
        catch = Catch(street)
        device = street.add_device("t-yamada", label=f"known {port}")
        street.phone.join(re.sub(rf"{re.escape(OUTER)}:\d+", f"{OUTER}:{port}", device.conf))
        wait_until(lambda: street.phone.ping(PORTAL4, 0.2).result == "open", what="the phone's first ping")
        assert port in catch.read().came["udp"]
        street.phone.off()
