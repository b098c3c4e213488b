# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody takes away parts of the ruleset while the gateway cannot notice: nothing is forwarded that was not before. Two chains and a
routing rule hold each other up, so any one of them may be missing."""
import contextlib
import os
import signal
import socket

import pytest

from firewall_net import ALIVE, BOTH, FAMILY, PHONE, QUIET, RESOLVER, SERVER, exchange, flow, ready, sock, udp
from netns import wait_until

pytest_plugins = ["firewall_fixtures"]

# What is left of the ruleset, and whether questions to the resolvers may still go out.
DAMAGE = {
    "forward": "flush chain inet sekisho forward",
    "from_tunnel": "flush chain inet sekisho from_tunnel",
    "prerouting": "flush chain inet sekisho prerouting",
    "enter": "flush chain inet sekisho enter",
    "session maps": "flush map inet sekisho sess4; flush map inet sekisho sess6",
    "all rules": "flush table inet sekisho",
    "table": "delete table inet sekisho",
    "ruleset": "flush ruleset",
}
STILL_ANSWERS_QUERIES = {"session maps"}
TIMES = 50


@contextlib.contextmanager
def stopped(driver):
    """The gateway is alive and does nothing, like one that hangs."""
    os.kill(driver.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(driver.process.pid, signal.SIGCONT)


class Seen:
    """Packets of the phone that come out on the LAN's side."""

    def __init__(self, net, v, stack):
        self.s = net.lan.new_socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        stack.callback(self.s.close)
        self.s.bind(("fwlan", 0))
        self.s.setblocking(False)
        self.v, self.phone = v, socket.inet_pton(FAMILY[v], PHONE[v])

    def count(self):
        found = {"queries": 0, "others": 0}
        while ready([self.s], QUIET):
            data, where = self.s.recvfrom(2048)
            at = 12 if self.v == 4 else 8
            if where[2] != socket.PACKET_OUTGOING and data[at:at + len(self.phone)] == self.phone:
                size = (data[0] & 15) * 4 if self.v == 4 else 40
                found["queries" if data[size + 2:size + 4] == b"\0\x35" else "others"] += 1
        return found


def knock_everywhere(net, v):
    """Permitted and forbidden destinations, and the resolver, over UDP and TCP; whatever errors come back."""
    for address, port in ((SERVER[v], 9001), (SERVER[v], 9002), (SERVER[v], 8443), (SERVER[v], 22), (RESOLVER[v], 53)):
        with sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 0)) as s:
            for _ in range(TIMES):
                with contextlib.suppress(OSError):
                    s.sendto(b"x", (address, port))
        if port != 53:
            for _ in range(4):
                with sock(net.phone, v, socket.SOCK_STREAM, bind=(PHONE[v], 0)) as s, contextlib.suppress(OSError):
                    s.connect_ex((address, port))


@BOTH
def test_undamaged_without_a_session(net, fw, v):
    """What the tests below compare with: the questions pass, nothing else does."""
    with contextlib.ExitStack() as stack:
        seen = Seen(net, v, stack)
        knock_everywhere(net, v)
        found = seen.count()
        assert found["queries"] >= TIMES and found["others"] == 0


@BOTH
@pytest.mark.parametrize("what", sorted(DAMAGE))
def test_damage_opens_nothing_without_a_session(net, fw, what, v):
    with contextlib.ExitStack() as stack:
        seen = Seen(net, v, stack)
        with stopped(fw):
            net.gateway.run("nft", DAMAGE[what])
            knock_everywhere(net, v)
            found = seen.count()
        assert found["others"] == 0
        assert (found["queries"] > 0) == (what in STILL_ANSWERS_QUERIES)


@BOTH
@pytest.mark.parametrize("what", sorted(DAMAGE))
def test_damage_opens_nothing_more_to_a_session(net, logged_in, what, v):
    with contextlib.ExitStack() as stack:
        seen = Seen(net, v, stack)
        with stopped(logged_in):
            net.gateway.run("nft", DAMAGE[what])
            knock_everywhere(net, v)
            assert seen.count()["others"] == 0
        wait_until(lambda: logged_in("monitor") == "1")
        assert logged_in("whole") == "0"
        assert logged_in("open") in ("created", "taken-over")
        assert logged_in("whole") == "1"


@BOTH
def test_leave_emptied(net, logged_in, v):
    """The chain behind the forward chain is not needed as long as that one is there."""
    with contextlib.ExitStack() as stack:
        seen = Seen(net, v, stack)
        with stopped(logged_in):
            net.gateway.run("nft", "flush chain inet sekisho leave")
            assert udp(net, v, SERVER[v], 9001) == "delivered"
            seen.count()
            for port in (9002, 22):
                assert udp(net, v, SERVER[v], port) == "refused"
            assert seen.count() == {"queries": 0, "others": 0}


@BOTH
@pytest.mark.parametrize("chain", ["forward", "to_tunnel"])
def test_damage_opens_nothing_towards_a_phone(net, logged_in, chain, v):
    stack, server, client = flow(net, v)
    with stack:
        peer = exchange(server, client)
        with stopped(logged_in):
            net.gateway.run("nft", f"flush chain inet sekisho {chain}")
            for _ in range(TIMES):
                server.sendto(b"more", peer)
            assert not ready([client], QUIET)


@BOTH
def test_rule_is_needed(net, logged_in, v):
    """The damage tests can fail: without the routing rule a flushed ruleset forwards everything."""
    with contextlib.ExitStack() as stack:
        seen = Seen(net, v, stack)
        rule = "pref 90 iif in0 fwmark 0/0xffffffff prohibit".split()
        net.gateway.run("ip", f"-{v}", "rule", "del", *rule)
        try:
            net.gateway.run("nft", "flush ruleset")
            knock_everywhere(net, v)
            assert seen.count()["others"] > 0
        finally:
            net.gateway.run("ip", f"-{v}", "rule", "add", *rule)
        assert logged_in("open") == "created"
        logged_in(f"alive {ALIVE}")
