# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of `make bench`: what changes of the ruleset take, and what judging costs a packet. Nothing here passes or fails."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

from firewall_net import ROOT, Net  # noqa: E402

SILENCE = ("add table inet quiet; add chain inet quiet silence "
           "{ type filter hook prerouting priority raw; policy drop; }")


def main():
    net = Net()
    try:
        for v in (4, 6):  # the program sets the second lock itself
            net.gateway.run("ip", f"-{v}", "rule", "del", "pref", "90")
        net.lan.run("nft", SILENCE)
        program = os.path.join(os.environ.get("SEKISHO_BUILD", os.path.join(ROOT, "build/gcc")), "tests/firewall_bench")
        return net.gateway.run(program, net.phone.path, check=False).returncode
    finally:
        net.close()


if __name__ == "__main__":
    sys.exit(main())
