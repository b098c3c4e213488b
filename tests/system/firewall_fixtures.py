# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the firewall's packet tests; a module asks for them with pytest_plugins."""
import os

import pytest

from firewall_net import ALIVE, TCP, UDP, Driver, Net, Nflog, server_boxes


@pytest.fixture(scope="module")
def net():
    if not os.path.exists("/run/world/inside"):
        pytest.skip("run them with: make system (as root)")
    n = Net()
    yield n
    n.close()


@pytest.fixture
def closed(net):
    """A fresh table that nobody has opened yet."""
    net.gateway.run("nft", "flush", "ruleset")
    net.gateway.run("conntrack", "-F", check=False, capture_output=True)
    d = Driver(net)
    assert d("open") == "created"
    yield d
    if d.process.poll() is None:
        d.kill()


@pytest.fixture
def fw(closed):
    """An open gateway without sessions."""
    closed(f"alive {ALIVE}")
    return closed


@pytest.fixture
def logged_in(fw):
    """One phone logged in: tcp 8443, udp 9001 and ping to the server."""
    fw.profile(*server_boxes(TCP, "8443-8443"), *server_boxes(UDP, "9001-9001"), *server_boxes("icmp", "0-65535"))
    fw.login()
    return fw


@pytest.fixture
def refusals(net):
    n = Nflog(net, 5)
    yield n
    n.close()


@pytest.fixture
def knocks(net):
    n = Nflog(net, 6)
    yield n
    n.close()
