# SPDX-License-Identifier: GPL-3.0-or-later
"""The differential oracle (tests/oracle): random policies and packets, the kernel's verdict against the evaluator's. A fixed part runs
here; `make check-oracle` runs 1,000 policies x 1,000 packets."""
import os
import subprocess

import pytest

from firewall_net import ROOT, mac

pytest_plugins = ["firewall_fixtures"]

SEED = os.environ.get("SEKISHO_ORACLE_SEED", "20261123")
POLICIES = os.environ.get("SEKISHO_ORACLE_POLICIES", "30")
PACKETS = os.environ.get("SEKISHO_ORACLE_PACKETS", "1000")
PHONES = [{4: f"10.64.2.{i}", 6: f"fd64::2:{i}"} for i in range(1, 9)]


@pytest.fixture
def quiet(net):
    """Routes to everywhere; neither side answers by itself; conntrack takes packets without checksums."""
    for v, everywhere, far in ((4, "0.0.0.0/0", "172.31.0.2"), (6, "::/0", "fd31::2")):
        net.gateway.ip(f"route add {everywhere} via {far}")
        for phone in PHONES:
            net.gateway.ip(f"neigh add {phone[v]} lladdr {mac(net.phone, 'fwphone')} dev in0 nud permanent")
    for namespace in (net.phone, net.lan):
        namespace.run("nft", "add table inet quiet; add chain inet quiet silence "
                             "{ type filter hook prerouting priority raw; policy drop; }")
    net.gateway.run("nft", "flush ruleset")
    net.gateway.sysctl("net.netfilter.nf_conntrack_checksum", 0)
    yield net
    for namespace in (net.phone, net.lan):
        namespace.run("nft", "delete table inet quiet")


def test_kernel_and_evaluator_agree(quiet, tmp_path):
    program = os.path.join(os.environ.get("SEKISHO_BUILD", os.path.join(ROOT, "build/gcc")), "tests/run_oracle")
    done = quiet.gateway.run(program, quiet.phone.path, quiet.lan.path, str(tmp_path), SEED, POLICIES, PACKETS,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, env={**os.environ, "TZ": "UTC"})
    print(done.stdout)
    assert done.returncode == 0, done.stdout
