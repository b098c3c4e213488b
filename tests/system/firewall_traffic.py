# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbered packets through the firewall while it changes, and an account of what was lost and what got through."""
import contextlib
import socket
import struct
import time

from firewall_net import PHONE, SERVER, sock
from netns import wait_until


class Traffic:
    """Numbered packets over four ways at once: permitted and forbidden, towards the server and towards the phone."""

    def __init__(self, net, v, stack):
        def open_socket(namespace, address, port):
            return stack.enter_context(sock(namespace, v, socket.SOCK_DGRAM, bind=(address, port)))
        self.good_server, self.bad_server = open_socket(net.lan, SERVER[v], 9001), open_socket(net.lan, SERVER[v], 9002)
        self.good_phone, self.bad_phone = open_socket(net.phone, PHONE[v], 9101), open_socket(net.phone, PHONE[v], 9102)
        self.good, self.bad = (SERVER[v], 9001), (SERVER[v], 9002)
        self.back, self.bad_back = (PHONE[v], 9101), (PHONE[v], 9102)
        self.sent = 0
        self.there, self.again, self.leaked = set(), set(), 0

    def collect(self, s, numbers):
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    numbers.add(struct.unpack("!I", s.recv(64))[0])
                except (ConnectionError, PermissionError):
                    pass

    def drain(self):
        self.collect(self.good_server, self.there)
        self.collect(self.good_phone, self.again)
        leaked = set()
        self.collect(self.bad_server, leaked)
        self.collect(self.bad_phone, leaked)
        self.leaked += len(leaked)

    def step(self):
        data = struct.pack("!I", self.sent)
        self.good_phone.sendto(data, self.good)
        self.good_server.sendto(data, self.back)
        with contextlib.suppress(OSError):
            self.bad_phone.sendto(data, self.bad)
        self.bad_server.sendto(data, self.bad_back)
        self.sent += 1
        if self.sent % 256 == 0:
            self.drain()

    def run_during(self, driver, command, seconds=60):
        self.step()
        driver.start(command)
        end = time.monotonic() + seconds
        while not driver.idle():
            assert time.monotonic() < end
            for _ in range(50):
                self.step()
        assert driver.answer().startswith("ok")
        self.drain_to_the_end()

    def drain_to_the_end(self):
        """Until a packet comes out that was sent after all others; those still missing then are lost."""
        def arrived():
            self.step()
            self.drain()
            return self.sent - 1 in self.there and self.sent - 1 in self.again
        wait_until(arrived, 15.0, "the last packet")

    def verdict(self):
        return {"lost there": self.sent - len(self.there), "lost back": self.sent - len(self.again), "leaked": self.leaked}


NOTHING_WRONG = {"lost there": 0, "lost back": 0, "leaked": 0}
