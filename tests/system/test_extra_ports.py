# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones in networks that let only a few ports out: the whole product through UDP 443 and 53."""
import re

import pytest

from world import INTRANET, OUTER, PORT, PORTAL4, field, wait_until

SETTINGS = {"extra_ports": "443 53"}


def through(device, port):
    """The configuration as the administrator hands it out for such networks."""
    return re.sub(rf"{re.escape(OUTER)}:\d+", f"{OUTER}:{port}", device.conf)


@pytest.fixture(scope="module")
def fenced(world):
    """A hotel that lets nothing out but UDP 443 and 53."""
    world.hotel.run("nft", "-f", "-", input="table ip fence { chain out { type filter hook forward priority 0; "
                                            "oifname wan0 udp dport != { 53, 443 } drop; }; }\n")
    yield world
    world.hotel.run("nft", "delete", "table", "ip", "fence")


@pytest.mark.parametrize("port", [443, 53])
def test_admission_login_and_traffic(fenced, port):
    world = fenced
    device = world.add_device("t-yamada", label=f"port {port}")
    world.phone.join(through(device, port))
    try:
        wait_until(lambda: world.phone.ping(PORTAL4, 0.2).result == "open", what="the phone's first ping")
        admitted = world.wait_log("auth", "device-admitted", device__id=device.id)
        assert field(admitted, "sekisho.endpoint.ip") == "203.0.113.77"
        world.login(world.phone)
        flow = world.phone.open_flow(INTRANET[0])
        wait_until(lambda: len(flow.answers) > 20, what="answers from the intranet")
        flow.stop()
    finally:
        world.phone.off()


def test_the_fence_is_one(fenced):
    world = fenced
    device = world.add_device("t-yamada", label="fenced in")
    world.phone.join(through(device, PORT))
    assert world.phone.ping(PORTAL4, 2.0).result != "open"
    world.phone.off()


def test_a_reload_opens_and_shuts_ports(fenced):
    world = fenced
    world.configure(extra_ports=None)
    world.sekisho("reload")
    device = world.add_device("t-yamada", label="later")
    world.phone.join(through(device, 443))
    assert world.phone.ping(PORTAL4, 2.0).result != "open"
    world.configure(extra_ports="443")
    world.sekisho("reload")
    wait_until(lambda: world.phone.ping(PORTAL4, 0.2).result == "open", 30, "the phone gets in after the reload")
    world.phone.off()
