# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces as objects: sockets and programs inside them, and probes that say how a door answers.

A probe's result is one word: 'open', 'refused' (reset or port unreachable), 'prohibited' (ICMP administratively prohibited or
host unreachable) or 'timeout' (nothing came back: the black hole that no user should meet).
"""
import collections
import contextlib
import ctypes
import errno
import os
import select
import socket
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
SLOWER = float(os.environ.get("SEKISHO_SLOWER", "1"))  # every deadline is that much longer, where QEMU computes
_libc = ctypes.CDLL(None, use_errno=True)

Probe = collections.namedtuple("Probe", "result elapsed")


class Failure(AssertionError):
    """A condition that did not come true in time, or a command that failed."""


def wait_until(condition, deadline=10.0, what=None):
    """Polls until condition() is true and returns its value; raises Failure after `deadline` seconds (times SLOWER)."""
    deadline *= SLOWER
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        left = end - time.monotonic()
        if left <= 0:
            raise Failure(f"not within {deadline:g} s: {what or condition}")
        select.select([], [], [], min(0.02, left))


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _verdict(error):
    if isinstance(error, TimeoutError):
        return "timeout"
    if error.errno == errno.ECONNREFUSED:
        return "refused"
    if error.errno in (errno.EHOSTUNREACH, errno.EACCES, errno.EPERM):
        return "prohibited"
    raise error


class Netns:
    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        # nobody waits for duplicate address detection here; ping sockets may be used by root
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_ra", 0)
        self.sysctl("net.ipv4.ping_group_range", "0 65535")
        self.ip("link set lo up")

    def delete(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=True)

    def call(self, function, *args):
        """Runs function(*args) in a thread that has entered the namespace; sockets made there stay in it."""
        result = []

        def inside():
            try:
                with open(self.path) as ns:
                    if _libc.setns(ns.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append((function(*args), None))
            except BaseException as error:  # handed to the caller below
                result.append((None, error))

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        value, error = result[0]
        if error:
            raise error
        return value

    def ip(self, *lines):
        """Each line is one command of ip(8)."""
        text = "\n".join(lines) + "\n"
        subprocess.run(["ip", "-n", self.name, "-batch", "-"], input=text, text=True, check=True)

    def sysctl(self, key, value):
        def write():
            with open("/proc/sys/" + key.replace(".", "/"), "w") as f:
                f.write(str(value))

        self.call(write)

    def command(self, *args):
        """The command line that runs a program in this namespace (same files, other network)."""
        return ["nsenter", f"--net={self.path}", "--", *args]

    def run(self, *args, **options):
        options.setdefault("check", True)
        options.setdefault("text", True)
        return subprocess.run(self.command(*args), **options)

    def popen(self, *args, **options):
        return subprocess.Popen(self.command(*args), **options)

    def new_socket(self, *args):
        return self.call(socket.socket, *args)

    def connect(self, host, port, kind=socket.SOCK_STREAM, timeout=5.0):
        """A connected socket, or the OSError of connect(2)."""
        while True:
            s = self.new_socket(family(host), kind)
            s.settimeout(timeout * SLOWER)
            try:
                s.connect((host, port))
                s.getpeername()
                return s
            except OSError as error:
                s.close()
                # On a busy machine the kernel now and then reports an ICMP error to nobody: SO_ERROR is 0, poll(2) says
                # writable, and yet the socket is not connected. What the door says shows when it is asked again.
                if error.errno != errno.ENOTCONN:
                    raise

    def tcp(self, host, port, timeout=4.0):
        start = time.monotonic()
        try:
            self.connect(host, port, timeout=timeout).close()
            result = "open"
        except OSError as error:
            result = _verdict(error)
        return Probe(result, time.monotonic() - start)

    def tcp_listening(self, host, port):
        """Does a socket listen there? Asked of the kernel, so that nothing is accepted by asking."""
        done = self.run("ss", "-Hltn", f"src {'[' + host + ']' if ':' in host else host}:{port}", capture_output=True)
        return bool(done.stdout.strip())

    def _exchange(self, s, host, port, payload, timeout):
        """Asks again every 0.3 s, as clients of datagrams do: one answer, or one refusal, is enough."""
        start = time.monotonic()
        with s:
            s.settimeout(min(0.3, timeout * SLOWER))
            result = "timeout"
            try:
                s.connect((host, port))
                while result == "timeout" and time.monotonic() < start + timeout * SLOWER:
                    s.send(payload)
                    with contextlib.suppress(TimeoutError):
                        s.recv(2048)
                        result = "open"
            except OSError as error:
                result = _verdict(error)
        return Probe(result, time.monotonic() - start)

    def udp(self, host, port, payload=b"sekisho?", timeout=2.0):
        return self._exchange(self.new_socket(family(host), socket.SOCK_DGRAM), host, port, payload, timeout)

    def resolve(self, name, server, kind=1, timeout=2.0):
        """Asks one DNS server (RFC 1035) for A (1) or AAAA (28); the answer's bytes, or None when there is no such record."""
        question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0" + bytes([0, kind, 0, 1])
        query = os.urandom(2) + b"\x01\0\0\1\0\0\0\0\0\0" + question
        with self.connect(server, 53, socket.SOCK_DGRAM, timeout) as s:
            s.send(query)
            answer = s.recv(2048)
        size = 4 if kind == 1 else 16
        if answer[:2] != query[:2] or not answer[7]:
            return None
        return socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, answer[-size:])

    def ping(self, host, timeout=2.0):
        v6 = family(host) == socket.AF_INET6
        s = self.new_socket(family(host), socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
        echo = bytes([128 if v6 else 8, 0, 0, 0, 0, 0, 0, 1]) + os.urandom(24)
        return self._exchange(s, host, 0, echo, timeout)
