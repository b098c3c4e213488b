# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what filters of system calls would have stopped, and lets it pass; the other end of filter_log.c."""
import ctypes
import fcntl
import os
import select
import socket
import struct
import threading

import pytest

LISTENER = "/dev/net/filters"
# linux/seccomp.h: struct seccomp_notif, struct seccomp_notif_resp
ASKED, ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
RECEIVE, SEND = (3 << 30 | size << 16 | ord("!") << 8 | number for number, size in ((0, ASKED.size), (1, ANSWER.size)))
CONTINUE = 1
LIBRARY = ctypes.CDLL("libseccomp.so.2")
LIBRARY.seccomp_syscall_resolve_num_arch.restype = ctypes.c_char_p


def _read(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return "?"


class FilterLog:
    def __init__(self):
        self.stopped = {}  # "program: call" -> (times, its first arguments)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(LISTENER)
        os.chmod(LISTENER, 0o666)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # closed
                return
            with connection:
                given = socket.recv_fds(connection, 1, 1)[1]
            for fd in given:
                threading.Thread(target=self._answer, args=(fd,), daemon=True).start()

    def _answer(self, fd):
        ready = select.poll()
        ready.register(fd, select.POLLIN)
        while True:
            (_, events), = ready.poll()
            if not events & select.POLLIN:  # the last process behind the filter has gone
                break
            data = bytearray(ASKED.size)
            try:
                fcntl.ioctl(fd, RECEIVE, data)
                self._note(*ASKED.unpack(data))
                fcntl.ioctl(fd, SEND, ANSWER.pack(ASKED.unpack(data)[0], 0, 0, CONTINUE))
            except OSError:  # it was killed meanwhile
                continue
        os.close(fd)

    def _note(self, _number, pid, _flags, call, architecture, _place, *arguments):
        name = LIBRARY.seccomp_syscall_resolve_num_arch(ctypes.c_uint32(architecture), call) or b"?"
        what = f"{_read(f'/proc/{pid}/comm')}: {name.decode()}"
        times, first = self.stopped.get(what, (0, arguments))
        self.stopped[what] = times + 1, first

    def report(self):
        """What a run fails for."""
        return [f"a filter would have stopped {what} ({times} times, first with {', '.join(f'{a:#x}' for a in first)})"
                for what, (times, first) in sorted(self.stopped.items())]

    def close(self):
        os.unlink(LISTENER)
        self.listener.close()


class Plugin:
    """Of pytest: the run fails at its end."""

    def __init__(self):
        self.log = FilterLog()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_sessionfinish(self, session):
        yield  # what the tests left is ended first
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        for line in self.log.report():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            terminal.ensure_newline()
            terminal.write_line(f"ERROR {line}", red=True)


def join(config):
    """For pytest_configure() of a folder whose tests run our programs."""
    if os.environ.get("SEKISHO_FILTERS") != "log" or config.pluginmanager.has_plugin("filters"):
        return
    if "filter_log.so" not in _read("/proc/self/maps"):
        raise pytest.UsageError("SEKISHO_FILTERS=log, and nothing is preloaded: start this with tests/system/run")
    config.pluginmanager.register(Plugin(), "filters")
