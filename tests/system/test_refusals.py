# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refused packet is on record, one by one or as a number: what the kernel has counted is what the lines and the gaps say,
however many there were, whatever became of the gateway or of the table meanwhile. How many packets of a burst get as far as the
firewall is for the machine's load to say."""
import collections
import os
import signal
import sys

import pytest

from netns import SLOWER
from world import INTRANET, OUTER, PORTAL4, field, wait_until
from test_flows import Watch, logcheck, squeeze, stop

SETTINGS = {"peer_idle": "1h"}
KINDS = ("no-session", "denied", "spoofed")
# One packet to each of so many ports, at most so many a second: the gateway's answers must not hold them up.
SCAN = """
import select, socket, sys
address, first, count, pause = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
for port in range(first, first + count):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", (address, port))
    s.close()
    if pause:
        select.select([], [], [], pause)
"""


def scan(phone, count, address=INTRANET[0], first=30000, pause=0.0):
    phone.run(sys.executable, "-c", SCAN, address, str(first), str(count), str(pause))
    if getattr(phone, "conf", None):  # the tunnel keeps their order: with the answer all of them have been there
        reaches(phone)


def reaches(phone):
    wait_until(lambda: phone.ping(PORTAL4, 1).result == "open", 30, f"the tunnel of {phone.name} passes")


def kernel(world):
    """What the table has counted of each kind."""
    words = world.gw.run("nft", "list", "counters", "table", "inet", "sekisho", capture_output=True).stdout.split()
    return {kind: int(words[words.index(kind.replace("-", "_")) + 3]) for kind in KINDS}


class Record:
    """Packets on record from now on, of each kind of the kernel's."""

    def __init__(self, world):
        self.world, self.watch, self.counted, self.kernel = world, Watch(world), collections.Counter(), kernel(world)

    def grown(self):
        """What the kernel has counted since; where it began anew, what it had counted is for the test to keep()."""
        now = kernel(self.world)
        return {k: self.counted[k] + now[k] - self.kernel[k] for k in KINDS}

    def keep(self):
        """The table goes now: its counters so far."""
        self.counted = collections.Counter(self.grown())
        self.kernel = dict.fromkeys(KINDS, 0)

    def gaps(self, reason=None):
        return [e for e in self.watch.lines("log-gap") if (field(e, "sekisho.gap.what") or "").startswith("refused packets") and
                reason in (None, field(e, "event.reason"))]

    def told(self):
        """{kind: packets}; the lines say 'no-rule' of what is 'denied' to the kernel."""
        said = collections.Counter()
        for e in self.watch.lines("connection-refused"):
            reason = field(e, "event.reason")
            said["denied" if reason == "no-rule" else reason] += field(e, "sekisho.count") or 1
        for e in self.gaps():
            said[field(e, "sekisho.gap.what").removeprefix("refused packets: ")] += field(e, "sekisho.count")
            assert field(e, "sekisho.gap.from") <= field(e, "sekisho.gap.to")
        return {k: said[k] for k in KINDS}

    def balance(self, deadline=30):
        """Waits until they agree, the phones being quiet."""
        try:
            wait_until(lambda: self.grown() == self.told(), deadline * SLOWER)
        except Exception as error:
            raise AssertionError(f"kernel {self.grown()}, log {self.told()}") from error
        return self.told()


@pytest.fixture(scope="module")
def other(world):
    """A second phone, on which nobody is logged in."""
    d = world.add_device("k-mori", label="Mori's phone")
    world.phone2.join(d.conf)
    reaches(world.phone2)
    return d


@pytest.fixture
def record(world, device, session, other):
    reaches(world.phone)
    reaches(world.phone2)
    return Record(world)


def alerts(world):
    return [e for e in world.logs("audit", "alert") if field(e, "event.reason") == "log-gap"]


def test_a_burst(world, record):
    """Hundreds at once from one session; the first are listed, the rest is a number, and no alert."""
    before = len(alerts(world))
    scan(world.phone, 500)
    told = record.balance()
    assert told["denied"] >= 100  # a busy sender loses some to the errors that come back
    limited = record.gaps("rate-limited")
    assert sum(field(e, "sekisho.count") for e in limited) >= 50 and len(limited) <= 10
    assert not record.gaps("kernel-overrun") and not record.gaps("unread")
    lines = record.watch.lines("connection-refused")
    assert len(lines) >= 20 and all(field(e, "user.name") == "t-yamada" for e in lines if field(e, "event.reason") == "no-rule")
    assert len(alerts(world)) == before
    logcheck()


def test_two_phones_paced(world, record):
    """With a session and without one, both families, slower than the limit and faster."""
    scan(world.phone, 30, pause=0.3, first=31000)
    scan(world.phone2, 200, first=32000)
    scan(world.phone2, 150, INTRANET[1], first=33000, pause=0.01)
    scan(world.phone, 150, INTRANET[1], first=34000, pause=0.01)
    told = record.balance()
    assert told["denied"] >= 130 and told["no-session"] >= 250
    assert {field(e, "sekisho.gap.what") for e in record.gaps("rate-limited")} == {
        "refused packets: denied", "refused packets: no-session"}


def test_the_same_again_and_again(world, record):
    """What is merged counts packets: it is told when its minute is over, or at a stop."""
    for _ in range(60):
        scan(world.phone, 1, first=35000, pause=0.05)
    scan(world.phone, 15, first=35001, pause=0.3)
    stop(world)
    world.start_gateway()
    told = record.balance()
    assert told["denied"] >= 60
    merged = record.watch.lines("connection-refused", destination__port=35000)
    assert len(merged) == 2 and field(merged[1], "sekisho.count") > 5


def test_forged_sources(world, record):
    """Addresses of the tunnel from the outside: limited for all of them together."""
    world.hotel.run("nft", "-f", "-", input="table ip forge { chain out { type nat hook postrouting priority 90; "
                                            "udp dport 4500-4799 snat to 10.64.9.9; }; }\n")
    try:
        scan(world.hotel, 300, OUTER, first=4500)
    finally:
        world.hotel.run("nft", "delete", "table", "ip", "forge")
    assert record.balance()["spoofed"] >= 200
    assert 0 < sum(field(e, "sekisho.count") for e in record.gaps("rate-limited")) <= 250


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_over_a_restart(world, record, how):
    """Before it, while no gateway runs, and after it. A crash takes what was still being merged."""
    for _ in range(3):
        scan(world.phone, 5, first=36000)
    scan(world.phone, 300, first=36100)
    if how == "stop":
        stop(world)
    else:
        world.kill("gateway", signal.SIGKILL)
    scan(world.phone, 100, first=37000)
    scan(world.phone2, 100, first=37000)
    world.start_gateway()
    told = record.balance()
    assert told["denied"] >= 300 and told["no-session"] >= 70
    unread = {field(e, "sekisho.gap.what"): field(e, "sekisho.count") for e in record.gaps("unread")}
    assert unread["refused packets: no-session"] > 0
    scan(world.phone2, 100, first=38000)
    assert record.balance()["no-session"] >= told["no-session"] + 70
    logcheck()


def test_over_a_reload(world, record):
    """New settings make the rules anew; the counters stay."""
    scan(world.phone, 200, first=39000)
    world.configure(resolver="10.20.0.53")
    world.sekisho("reload")
    scan(world.phone, 200, first=39200)
    assert record.balance()["denied"] >= 300


def test_over_a_table_that_somebody_deleted(world, record):
    """A new table begins to count at 0; what the old one had counted was read before."""
    scan(world.phone, 200, first=40000)
    record.balance()
    record.keep()
    before = len(world.logs("audit", "firewall-restored"))
    world.gw.run("nft", "delete", "table", "inet", "sekisho")
    wait_until(lambda: len(world.logs("audit", "firewall-restored")) > before, 20, "the table is there again")
    reaches(world.phone)
    scan(world.phone, 700, first=40200)
    assert record.balance()["denied"] > 200  # more than the old one


def test_over_a_close(world, record):
    """`--close` takes the table away with its counters: the next start tells what they said."""
    scan(world.phone2, 100, first=41000)
    stop(world)
    scan(world.phone, 100, first=41100)
    record.keep()
    world.gw.run(*world.gateway_command("--close"), capture_output=True)
    world.start_gateway()
    told = record.balance()
    assert told["no-session"] >= 70 and told["denied"] >= 70
    assert record.gaps("unread")


def test_copies_that_the_kernel_could_not_deliver(world, record):
    """The gateway stands still with a small buffer: what was copied and lost is counted as well, and somebody is told."""
    before = len(alerts(world))
    squeeze(world, 20000)
    gateway = world.processes["gateway"].pid
    os.kill(gateway, signal.SIGSTOP)
    try:
        scan(world.phone, 100, first=42000, pause=0.05)
    finally:
        os.kill(gateway, signal.SIGCONT)
    assert record.balance()["denied"] >= 70
    assert record.gaps("kernel-overrun") and record.gaps("rate-limited")
    wait_until(lambda: len(alerts(world)) > before, 20, "the alert")
    logcheck()
