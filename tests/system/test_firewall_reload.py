# SPDX-License-Identifier: GPL-3.0-or-later
"""Reload under load: thousands of changes of profiles and sessions together, while numbered packets go both ways over permitted and
forbidden flows. Nothing permitted is lost, nothing forbidden passes, and what is no longer allowed stops with the switch."""
import contextlib
import os

from firewall_net import BOTH, OTHER_PHONE, PHONE, QUIET, SERIAL, UDP, Driver, exchange, flow, ready, server_boxes
from firewall_traffic import NOTHING_WRONG, Traffic

pytest_plugins = ["firewall_fixtures"]

CHANGES = int(os.environ.get("SEKISHO_RELOADS", "2000"))
FILLER = [("10.21.0.0", "10.21.0.255", "6-6", f"{p}-{p}") for p in range(1, 40)] + \
         [("fd20:0:0:0:1::", "fd20:0:0:0:1::ff", "6-6", f"{p}-{p}") for p in range(1, 40)]


def prepare(driver):
    """Two states. In both the phone may reach udp 9001 and never 9002; 9003 in the first only. Both profiles have other contents in
    each, the phone's session another profile, and a neighbour's session is there or not."""
    for state in (0, 1):
        more = server_boxes(UDP, "9003-9003") if state == 0 else []
        for number in (7, 8):
            boxes = server_boxes(UDP, "9001-9001") + more + FILLER[state * number:]
            driver.profile(*boxes, verb=f"change-profile {number}")
        driver(f"change-session {SERIAL} {7 + state} 600000 {PHONE[4]} {PHONE[6]}")
        verb = "change-session 6 7 600000" if state == 0 else "change-drop 6"
        driver(f"{verb} {OTHER_PHONE[4]} {OTHER_PHONE[6]}")
        driver(f"change-keep {state}")
    driver("change-commit 0")
    return driver


@BOTH
def test_thousands_of_changes_lose_and_leak_nothing(net, fw, v):
    prepare(fw)
    with contextlib.ExitStack() as stack:
        t = Traffic(net, v, stack)
        t.run_during(fw, f"sway {CHANGES}", 500)
        print(f"{CHANGES} changes, {t.sent} packets each way")
        assert t.sent > CHANGES / 10
        assert t.verdict() == NOTHING_WRONG
    assert fw("whole") == "1"
    assert fw("monitor") == "0"


def arrived(client):
    """How many packets there are to read; refusals of the client's own are none."""
    count = 0
    while ready([client], 0):
        with contextlib.suppress(OSError):
            client.recv(64)
            count += 1
    return count


@BOTH
def test_flows_stop_with_the_switch(net, fw, v):
    prepare(fw)
    stack, server, client = flow(net, v, port=9003)
    allowed, other_server, other_client = flow(net, v, port=9001, source_port=9101)
    with stack, allowed:
        peer = exchange(server, client)
        exchange(other_server, other_client)
        for _ in range(10):
            fw("change-commit 1")
            for _ in range(20):
                with contextlib.suppress(OSError):  # the refusal of the one before
                    client.send(b"late")
                server.sendto(b"late", peer)
            exchange(other_server, other_client)  # it came after them all, and never noticed
            assert not ready([server], 0)
            assert arrived(client) == 0
            fw("change-commit 0")
            assert arrived(client) == 0
            exchange(server, client)
        assert not ready([server], QUIET)


@BOTH
def test_killed_while_changing_under_load(net, fw, v):
    """The gateway dies in the middle of its changes, again and again; the next one takes over and tidies up."""
    driver = prepare(fw)
    with contextlib.ExitStack() as stack:
        t = Traffic(net, v, stack)
        for turn in range(8):
            driver.start("sway 1000000")
            for _ in range(100 + 37 * turn):
                t.step()
            driver.kill()
            driver = Driver(net)
            stack.callback(lambda d=driver: d.process.poll() is None and d.kill())
            assert driver("open") == "taken-over"
            assert driver("whole") == "1" and driver("profiles").split() == ["7", "8"]
            sets = net.gateway.run("nft", "list", "table", "inet", "sekisho", capture_output=True).stdout.count("set profile_")
            assert sets == 4
            prepare(driver)
        t.drain_to_the_end()
        assert t.verdict() == NOTHING_WRONG
