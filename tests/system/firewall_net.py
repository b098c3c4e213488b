# SPDX-License-Identifier: GPL-3.0-or-later
"""Network, driver and probes of the firewall's packet tests: phone, gateway and LAN are network namespaces, a veth stands
for the tunnel, and `firewall_driver` runs gateway/firewall.h in the gateway's namespace.

Whatever is waited for has a deadline; nothing here asserts how long something took.
"""
import contextlib
import errno
import os
import select
import socket
import struct
import subprocess
import time

import pytest

from netns import Netns, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEADLINE = 15.0
QUIET = 0.4  # how long 'nothing arrives' is watched, where an arrival would be immediate
SO_RCVBUFFORCE = 33
ALIVE, PROFILE, SERIAL = 60, 7, 5
PHONE = {4: "10.64.0.9", 6: "fd64::9"}
OTHER_PHONE = {4: "10.64.0.10", 6: "fd64::a"}
GATEWAY = {4: "10.64.0.1", 6: "fd64::1"}
GATEWAY_LAN = {4: "172.31.0.1", 6: "fd31::1"}
SERVER = {4: "10.20.0.10", 6: "fd20::10"}
RESOLVER = {4: "10.20.0.53", 6: "fd20::53"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
TCP, UDP = 6, 17
ICMP = {4: 1, 6: 58}
BOTH = pytest.mark.parametrize("v", [4, 6])

def mac(namespace, interface):
    words = namespace.run("ip", "-o", "link", "show", interface, capture_output=True).stdout.split()
    return words[words.index("link/ether") + 1]


class Net:
    """phone -(in0: the tunnel)- gateway -(lan0)- LAN. The LAN answers for every inside address."""

    def __init__(self):
        self.all = self.phone, self.gateway, self.lan = [Netns("firewall-" + name) for name in ("phone", "gateway", "lan")]
        for n in self.all:
            n.sysctl("net.ipv6.conf.default.addr_gen_mode", 1)  # no link-local chatter
        self.link("in0", "fwphone", self.phone)
        self.link("lan0", "fwlan", self.lan)
        for v in (4, 6):
            self.addresses(v)
        for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            self.gateway.sysctl("net." + key, 1)
        for key in ("ipv4.icmp_ratelimit", "ipv6.icmp.ratelimit", *(f"ipv4.conf.{i}.rp_filter" for i in ("all", "in0", "lan0"))):
            self.gateway.sysctl("net." + key, 0)
        self.lan.sysctl("net.ipv6.ip_nonlocal_bind", 1)  # addresses of a local route may be bound

    def link(self, name, peer, other):
        self.gateway.ip(f"link add {name} type veth peer name {peer} netns {other.name}", f"link set {name} up")
        other.ip(f"link set {peer} up")

    def addresses(self, v):
        host, inside, default, now = (32, "10.20.0.0/15", "default", "") if v == 4 else (128, "fd20::/64", "::/0", "nodad")
        tunnel, size, far = ("10.64.0.0/10", 30, "172.31.0.2") if v == 4 else ("fd64::/32", 64, "fd31::2")
        self.phone.ip(f"addr add {PHONE[v]}/{host} dev fwphone {now}", f"route add {GATEWAY[v]}/{host} dev fwphone",
                      f"route add {default} via {GATEWAY[v]} src {PHONE[v]}")
        self.lan.ip(f"addr add {far}/{size} dev fwlan {now}", f"route add {default} via {GATEWAY_LAN[v]}",
                    f"route add local {inside} dev lo",
                    f"neigh add {GATEWAY_LAN[v]} lladdr {mac(self.gateway, 'lan0')} dev fwlan nud permanent")
        self.gateway.ip(f"addr add {GATEWAY[v]}/{host} dev in0 {now}", f"route add {tunnel} dev in0",
                        f"addr add {GATEWAY_LAN[v]}/{size} dev lan0 {now}", f"route add {inside} via {far}",
                        # A tunnel has no neighbour discovery. Packets to the second phone behind it would come out of in0, too.
                        f"neigh add {PHONE[v]} lladdr {mac(self.phone, 'fwphone')} dev in0 nud permanent",
                        f"neigh add {OTHER_PHONE[v]} lladdr {mac(self.phone, 'fwphone')} dev in0 nud permanent",
                        f"neigh add {far} lladdr {mac(self.lan, 'fwlan')} dev lan0 nud permanent")
        # The second lock, as netif_lock() sets it.
        self.gateway.run("ip", f"-{v}", "rule", "add", "pref", "90", "iif", "in0", "fwmark", "0/0xffffffff", "prohibit")

    def close(self):
        for n in self.all:
            n.delete()


class Driver:
    """firewall_driver in the gateway's namespace."""

    def __init__(self, net):
        program = os.path.join(os.environ.get("SEKISHO_BUILD", os.path.join(ROOT, "build/gcc")), "tests/firewall_driver")
        self.process = net.gateway.popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        for words in ("interface in0", "listen 51820", "portal 443", "network 10.64.0.0/10", "network fd64::/32",
                      f"gateway {GATEWAY[4]}", f"gateway {GATEWAY[6]}", f"resolver {RESOLVER[4]}", f"resolver {RESOLVER[6]}"):
            self("spec " + words)

    def start(self, command):
        self.process.stdin.write(command + "\n")

    def answer(self):
        assert select.select([self.process.stdout], [], [], DEADLINE)[0], "the driver says nothing"
        return self.process.stdout.readline().strip()

    def __call__(self, command):
        self.start(command)
        text = self.answer()
        assert text.startswith("ok"), f"{command}: {text}"
        return text[3:]

    def idle(self):
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def profile(self, *boxes, number=PROFILE, verb=None):
        for first, last, proto, ports in boxes:
            self(f"box {first} {last} {proto} {ports}")
        return self(verb or f"profile {number}")

    def login(self, serial=SERIAL, profile=PROFILE, timeout_ms=60000):
        self(f"session {serial} {profile} {timeout_ms} {PHONE[4]} {PHONE[6]}")

    def logout(self, serial=SERIAL):
        self(f"session-remove {serial} {PHONE[4]} {PHONE[6]}")

    def counters(self):
        return {k: int(n) for k, n in (w.split("=") for w in self("counters").split())}

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


# ---- sockets and probes ----

@contextlib.contextmanager
def sock(namespace, v, kind, proto=0, bind=None, connect=None):
    s = namespace.new_socket(FAMILY[v], kind, proto)
    try:
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if v == 6 and kind != socket.SOCK_RAW:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind != socket.SOCK_STREAM:
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        if bind:
            s.bind(bind)
        if connect:
            s.connect(connect)
        yield s
    finally:
        s.close()


def ready(sockets, seconds):
    return select.select(sockets, [], [], seconds)[0]


def any_address(v):
    return "0.0.0.0" if v == 4 else "::"


def udp(net, v, address, port, source_port=0):
    """Sends one datagram from the phone: 'delivered', 'refused' (an ICMP error came back) or 'lost'."""
    token = os.urandom(8)
    with sock(net.lan, v, socket.SOCK_DGRAM, bind=(any_address(v), port)) as server, \
            sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], source_port), connect=(address, port)) as client:
        client.send(token)
        for s in ready([server, client], 5.0):
            try:
                if s.recv(64) == token:
                    return "delivered"
            except OSError as e:
                assert e.errno in (errno.EHOSTUNREACH, errno.EACCES), e
                return "refused"
    return "lost"


def tcp(net, v, address, port):
    """'open', 'reset' or 'lost'. The LAN listens on every address, so a reset is the gateway's."""
    with sock(net.lan, v, socket.SOCK_STREAM, bind=(any_address(v), port)) as server, \
            sock(net.phone, v, socket.SOCK_STREAM, bind=(PHONE[v], 0)) as client:
        server.listen(8)
        client.connect_ex((address, port))
        if not select.select([], [client], [], 5.0)[1]:
            return "lost"
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert error in (0, errno.ECONNREFUSED), os.strerror(error)
        return "reset" if error else "open"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ping(net, v, address):
    """'answered', 'refused' or 'lost'."""
    ident = int.from_bytes(os.urandom(2), "big")
    request, reply, refusal = (8, 0, (3, 13)) if v == 4 else (128, 129, (1, 1))
    packet = struct.pack("!BBHHH", request, 0, 0, ident, 1)
    if v == 4:
        packet = struct.pack("!BBHHH", request, 0, checksum(packet), ident, 1)
    with sock(net.phone, v, socket.SOCK_RAW, ICMP[v], bind=(PHONE[v], 0)) as s:
        s.sendto(packet, (address, 0))
        end = time.monotonic() + 5.0
        while ready([s], max(0.0, end - time.monotonic())):
            data = s.recv(2048)
            icmp = data[(data[0] & 15) * 4:] if v == 4 else data
            if icmp[0] == reply and struct.unpack("!H", icmp[4:6])[0] == ident:
                return "answered"
            if (icmp[0], icmp[1]) == refusal:
                return "refused"
    return "lost"


def udp_packet(v, source, destination, sport, dport, payload):
    """A whole IP packet, for raw sockets."""
    length = 8 + len(payload)
    s, d = (socket.inet_pton(FAMILY[v], a) for a in (source, destination))
    body = struct.pack("!HHHH", sport, dport, length, 0) + payload
    pseudo = s + d + struct.pack("!II", length, UDP) + body + (b"\0" if length % 2 else b"")
    body = body[:6] + struct.pack("!H", checksum(pseudo) or 0xffff) + payload
    if v == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, UDP, 0, s, d)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
    return struct.pack("!IHBB16s16s", 6 << 28, length, UDP, 64, s, d) + body


def send_forged(namespace, v, source, destination, dport):
    with sock(namespace, v, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        s.sendto(udp_packet(v, source, destination, 4444, dport, b"forged"), (destination, 0))


def server_boxes(proto, ports):
    return [(SERVER[v], SERVER[v], f"{ICMP[v]}-{ICMP[v]}" if proto == "icmp" else f"{proto}-{proto}", ports) for v in (4, 6)]


class Nflog:
    """Reads one NFLOG group of the gateway (linux/netfilter/nfnetlink_log.h)."""

    def __init__(self, net, group):
        self.s = net.gateway.new_socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.s.bind((0, 0))
        self.s.setblocking(False)
        self.configure(group, 1, struct.pack("B", 1))  # bind
        self.configure(group, 2, struct.pack("!IBB", 0xffff, 2, 0))  # copy packets

    def configure(self, group, attribute, value):
        attr = struct.pack("HH", 4 + len(value), attribute) + value
        body = struct.pack("!BBH", 0, 0, group) + attr + b"\0" * (-len(attr) % 4)
        self.s.send(struct.pack("IHHII", 16 + len(body), 4 << 8 | 1, 1 | 4, 1, 0) + body)
        assert ready([self.s], DEADLINE)
        assert struct.unpack_from("i", self.s.recv(4096), 16)[0] == 0, "NFLOG refuses to be configured"

    def read(self, seconds):
        """The packets of one delivery: (prefix, payload); [] when there is none in time."""
        if not ready([self.s], seconds):
            return []
        data, found = self.s.recv(1 << 20), []
        while len(data) >= 16:
            size, kind = struct.unpack_from("IH", data)
            if kind == 4 << 8:
                attrs, prefix, payload = data[20:size], b"", b""
                while len(attrs) >= 4:
                    length, number = struct.unpack_from("HH", attrs)
                    value = attrs[4:length]
                    prefix = value.rstrip(b"\0") if number == 10 else prefix
                    payload = value if number == 9 else payload
                    attrs = attrs[(length + 3) & ~3:]
                found.append((prefix.decode(), payload))
            data = data[(size + 3) & ~3:]
        return found

    def wait(self, prefix):
        return wait_until(lambda: [p for p in self.read(0.1) if p[0] == prefix], DEADLINE, f"a packet logged as {prefix!r}")

    def close(self):
        self.s.close()


def flow(net, v, port=9001, source_port=9100):
    """A UDP flow between phone and server: both sockets."""
    stack = contextlib.ExitStack()
    server = stack.enter_context(sock(net.lan, v, socket.SOCK_DGRAM, bind=(SERVER[v], port)))
    client = stack.enter_context(sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], source_port), connect=(SERVER[v], port)))
    return stack, server, client


def exchange(server, client):
    client.send(b"there")
    assert ready([server], 5.0)
    peer = server.recvfrom(64)[1]
    server.sendto(b"back", peer)
    assert ready([client], 5.0) and client.recv(64) == b"back"
    return peer
