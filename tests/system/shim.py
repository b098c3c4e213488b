# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's clock, its way to nftables and its logs' disk, as gateway_shim.c gives them into a test's hand."""
import datetime
import mmap
import os
import struct
import time

from netns import wait_until
from world import BUILD, World

PATH = "/run/world/shim"
# clock, action, countdown, transactions; of the logs: write error, sync error, sync delay; seal error, lines without memory, halt
ORDERS = struct.Struct("=qiiiiiiiii4x")
NOTHING, KILL_BEFORE, KILL_AFTER, FAIL = range(4)


def lost(flow):
    """Ends a flow; the numbers of the messages that brought no answer, but for those that were under way at its end."""
    sent = flow.sent
    wait_until(lambda: any(number >= sent for number, _ in flow.answers), what="an answer to a later message")
    flow.stop()
    return set(range(sent)) - {number for number, _ in flow.answers}


def orders(path, size):
    """Memory that a preloaded object has in common with the test: a new file of `size` zeros."""
    with open(path, "wb") as f:
        f.write(bytes(size))
    os.chmod(path, 0o666)
    with open(path, "r+b") as f:
        return mmap.mmap(f.fileno(), size)


class Shim:
    def __init__(self):
        self.map = orders(PATH, ORDERS.size)

    def _put(self, offset, form, *values):
        self.map[offset:offset + struct.calcsize(form)] = struct.pack(form, *values)

    @property
    def transactions(self):
        return ORDERS.unpack(self.map[:])[3]

    def now(self):
        """Local time as the gateway sees it."""
        return datetime.datetime.fromtimestamp(time.time() + ORDERS.unpack(self.map[:])[0] / 1e6)

    def set(self, text):
        """Sets the gateway's clock to a local time, "2027-03-31 23:59:50"."""
        self._put(0, "=q", int((datetime.datetime.fromisoformat(text).timestamp() - time.time()) * 1e6))

    def shift(self, seconds):
        self._put(0, "=q", ORDERS.unpack(self.map[:])[0] + int(seconds * 1e6))

    def order(self, action, countdown):
        """Does `action` at the countdown'th transaction from now."""
        self._put(12, "=i", countdown)
        self._put(8, "=i", action)

    def seals(self, error):
        """The disk of the seals' keys: errno of each write; 0: it is well."""
        self._put(32, "=i", error)

    def without_memory(self, lines):
        """So many lines from now on cannot be composed."""
        self._put(36, "=i", lines)

    def halt(self):
        """Stops the gateway before it next copies ACLs into the archive."""
        self._put(40, "=i", 1)

    def disk(self, write=0, sync=0, slow_ms=0):
        """The logs' disk: errno of each write and of each flush, how much longer a flush takes. Without arguments it is well."""
        self._put(20, "=iii", write, sync, slow_ms)


class ShimWorld(World):
    """A World whose gateway runs under the shim."""

    def __init__(self, settings=None):
        super().__init__({"poll_interval": "1s", **(settings or {})})
        self.shim = Shim()
        self.gateway_environment = {"LD_PRELOAD": f"{BUILD}/tests/gateway_shim.so"}
        if "ASAN_OPTIONS" in os.environ or BUILD.endswith("-san"):
            self.gateway_environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
