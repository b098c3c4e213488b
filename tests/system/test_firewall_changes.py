# SPDX-License-Identifier: GPL-3.0-or-later
"""Real packets through the firewall while it changes: sessions come and go, profiles are replaced, the gateway starts anew, dies,
or somebody else takes the table away. Nothing permitted is lost, nothing forbidden gets through."""
import contextlib
import os
import socket

import pytest

from firewall_net import (ALIVE, BOTH, PHONE, PROFILE, QUIET, RESOLVER, SERIAL, SERVER, UDP, exchange, flow, ready,
                          server_boxes, sock, tcp, udp)
from firewall_traffic import NOTHING_WRONG, Traffic
from netns import wait_until

pytest_plugins = ["firewall_fixtures"]


# ---- sessions ----

@BOTH
def test_replies_stop_with_the_session(net, logged_in, v):
    stack, server, client = flow(net, v)
    with stack:
        peer = exchange(server, client)
        logged_in.logout()
        for _ in range(50):
            server.sendto(b"more", peer)
        client.send(b"more")
        assert not ready([server], QUIET)
        with contextlib.suppress(OSError):  # the refusal of our own packet, nothing else
            while ready([client], QUIET):
                assert client.recv(64) is None


@BOTH
def test_narrowed_profile_cuts_open_flows(net, logged_in, v):
    stack, server, client = flow(net, v)
    with stack:
        peer = exchange(server, client)
        logged_in.profile(*server_boxes(UDP, "9009-9009"))
        server.sendto(b"more", peer)
        assert not ready([client], QUIET)
        client.send(b"more")
        assert not ready([server], QUIET)


@BOTH
def test_session_ends_by_itself_with_no_program_alive(net, logged_in, v):
    logged_in.login(timeout_ms=2000)
    logged_in.kill()
    assert udp(net, v, SERVER[v], 9001) == "delivered"
    wait_until(lambda: udp(net, v, SERVER[v], 9001) == "refused")
    assert tcp(net, v, SERVER[v], 8443) == "reset"


@BOTH
def test_dead_man(net, logged_in, v):
    logged_in("alive 2")
    logged_in.kill()
    assert udp(net, v, SERVER[v], 9001) == "delivered"
    wait_until(lambda: udp(net, v, SERVER[v], 9001) == "refused")
    assert udp(net, v, RESOLVER[v], 53) == "refused"


@BOTH
def test_a_session_does_not_inherit_flows(net, logged_in, v):
    stack, server, client = flow(net, v)
    with stack:
        peer = exchange(server, client)
        logged_in.logout()
        logged_in.login(serial=SERIAL + 1)
        before = logged_in.counters()["stale"]
        client.send(b"old flow")
        server.sendto(b"old flow", peer)
        assert not ready([server, client], QUIET)
        assert logged_in.counters()["stale"] == before + 2
    assert udp(net, v, SERVER[v], 9001) == "delivered"


@BOTH
def test_query_flow_that_began_before_the_login(net, fw, v):
    """It goes on, and never gets the mark of a session that did not begin it."""
    with sock(net.lan, v, socket.SOCK_DGRAM, bind=(RESOLVER[v], 53)) as server, \
            sock(net.phone, v, socket.SOCK_DGRAM, bind=(PHONE[v], 3333), connect=(RESOLVER[v], 53)) as client:
        exchange(server, client)
        fw.login(profile=0)
        exchange(server, client)
        assert marks(net, v, 3333) == [0]
        fw.logout()
        exchange(server, client)


def marks(net, v, source_port):
    out = net.gateway.run("conntrack", "-L", "-f", "ipv4" if v == 4 else "ipv6", check=False, capture_output=True).stdout
    lines = [w for w in out.splitlines() if f"sport={source_port} " in w.split("sport=")[0] + "sport=" + w.split("sport=")[1]]
    return [int(w.split("mark=")[1].split()[0]) for w in lines]


@BOTH
def test_connections_carry_session_and_profile(net, logged_in, v):
    stack, server, client = flow(net, v, source_port=9123)
    with stack:
        exchange(server, client)
    assert marks(net, v, 9123) == [SERIAL << 12 | PROFILE]
    assert udp(net, v, RESOLVER[v], 53, source_port=9124) == "delivered"
    assert marks(net, v, 9124) == [SERIAL << 12 | PROFILE]


# ---- changes under traffic ----

def under_traffic(net, driver, v, command):
    with contextlib.ExitStack() as stack:
        t = Traffic(net, v, stack)
        t.run_during(driver, command)
        print(f"{command}: {t.sent} packets each way")
        assert t.sent > 1000
        assert t.verdict() == NOTHING_WRONG
    assert driver("whole") == "1"


@BOTH
def test_replacing_a_profile_loses_and_leaks_nothing(net, logged_in, v):
    for box in server_boxes(UDP, "9001-9001") + [("10.21.0.0", "10.21.0.255", "6-6", f"{p}-{p}") for p in range(1, 200)]:
        logged_in("box " + " ".join(box))
    under_traffic(net, logged_in, v, f"churn {PROFILE} 200")


@BOTH
def test_opening_again_loses_and_leaks_nothing(net, logged_in, v):
    under_traffic(net, logged_in, v, "reopen 100")


@BOTH
def test_traffic_test_can_fail(net, logged_in, v):
    """What the two tests above would see if packets were lost."""
    with contextlib.ExitStack() as stack:
        t = Traffic(net, v, stack)
        t.step()
        logged_in.logout()
        t.step()
        logged_in.login()
        t.run_during(logged_in, "whole")
        assert t.verdict()["lost there"] >= 1 and t.verdict()["lost back"] >= 1


# ---- others at work ----

@BOTH
def test_second_lock_when_the_table_is_gone(net, logged_in, v):
    assert udp(net, v, SERVER[v], 9001) == "delivered"
    logged_in("monitor")
    net.gateway.run("nft", "flush", "ruleset")
    assert udp(net, v, SERVER[v], 9001) != "delivered"
    wait_until(lambda: logged_in("monitor") == "1")
    assert logged_in("whole") == "0"
    assert logged_in("open") == "created"
    logged_in(f"alive {ALIVE}")
    assert udp(net, v, SERVER[v], 9001) == "refused"
    logged_in.profile(*server_boxes(UDP, "9001-9001"))
    logged_in.login()
    assert logged_in("whole") == "1"
    assert logged_in("monitor") == "0"
    assert udp(net, v, SERVER[v], 9001) == "delivered"


# nft 1.0.6 compiles such a rule to something that Linux 6.12 refuses; what the gateway sends, both kernels take.
PROTOCOL_IN_RANGES = """table inet probe { set s { type ipv4_addr . inet_proto . inet_service; flags interval; }
chain c { ip daddr . meta l4proto . th dport @s accept; }; }"""


def test_nft_can_load_what_it_lists(net, logged_in, tmp_path):
    if net.gateway.run("nft", "--check", "-f", "-", input=PROTOCOL_IN_RANGES, check=False, capture_output=True).returncode != 0:
        pytest.skip(f"the nft program cannot load such rules into Linux {os.uname().release}")
    listed = net.gateway.run("nft", "list", "table", "inet", "sekisho", capture_output=True).stdout
    assert f"ip daddr . meta l4proto . th dport @profile_{PROFILE}_1_v4 goto grant" in listed
    assert f"0x{SERIAL << 12 | PROFILE:08x}" in listed
    saved = tmp_path / "table.nft"
    saved.write_text(listed, encoding="utf-8")
    net.gateway.run("nft", "flush", "ruleset")
    net.gateway.run("nft", "-f", str(saved))
    assert tcp(net, 4, SERVER[4], 8443) == "open"
    assert tcp(net, 6, SERVER[6], 8444) == "reset"
    assert logged_in("open") == "taken-over"
    assert udp(net, 6, SERVER[6], 9001) == "delivered"
