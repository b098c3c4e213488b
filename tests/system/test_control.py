# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask the gateway what: the control socket judges by what the kernel says about its peer."""
import json
import os
import socket
import stat
import struct

import pytest

from world import ADMIN, NOBODY


def ask(*packets):
    """Talks to the control socket as no well-behaved command would; returns the answers until it is closed."""
    answers = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(5)
        s.connect("/run/sekisho/control")
        for packet in packets:
            s.send(packet)
        while data := s.recv(1 << 18):
            answers.append(json.loads(data))
    return answers


@pytest.mark.parametrize("words", [("status",), ("device", "list"), ("session", "list"), ("acl", "apply", "--yes")])
def test_an_administrator_may(world, words):
    assert world.sekisho(*words, user=ADMIN).returncode == 0


@pytest.mark.parametrize("words", [
    ("status",), ("device", "list"), ("session", "list"), ("session", "end", "1"), ("acl", "apply"), ("reload",),
    ("device", "lost", "d1", "--yes"), ("device", "add", "t-yamada", "--conf", "-"),
])
def test_everyone_else_may_not(world, device, words):
    done = world.sekisho(*words, user=NOBODY, check=False)
    assert done.returncode in (1, 3) and done.stdout == ""
    assert done.stderr.startswith("sekisho: ")
    assert world.sekisho("device", "show", device.id, "--json")["device"]["status"] == "active"


def test_the_portals_user_may_not(world):
    assert world.sekisho("status", user="sekisho-portal", check=False).returncode in (1, 3)


def test_what_an_administrator_did_is_recorded_with_the_name(world):
    d = world.add_device("t-yamada", label="recorded")
    world.sekisho("device", "suspend", d.id, user=ADMIN)
    event = world.wait_log("audit", "device-suspended", device__id=d.id)
    assert event["sekisho"]["admin"]["name"] == ADMIN


@pytest.mark.parametrize("packet", [
    b"", b"{", b"[]", b"null", b'{"verb": 7}', b'{"verb": "no-such"}', b'{"verb": "status", "extra": 1}',
    b'{"verb": "session-end", "id": -1}', b'{"verb": "session-end", "id": "one"}', b'{"verb": "device-show", "id": "../../etc"}',
    b'{"verb": "device-add", "users": [], "label": "", "class": "ministry", "public_key": "x", "preshared": true}',
    b'{"verb": "status"}\x00', b'{"verb": "status", "verb": "reload"}', b"\xff\xfe", b"{" * 5000, b" " * 100000,
])
def test_ill_formed_requests_get_an_error_and_harm_nothing(world, packet):
    try:
        answers = ask(packet)
    except (ConnectionError, BrokenPipeError):
        answers = []  # closed without a word is an answer too
    assert all("error" in a for a in answers), answers
    assert world.sekisho("status", "--json")["version"]
    assert world.processes["gateway"].poll() is None


def test_a_silent_client_does_not_hold_up_others(world):
    idle = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(50)]
    try:
        for s in idle:
            s.settimeout(2)
            try:
                s.connect("/run/sekisho/control")
            except OSError:
                break
        # root is served although others sit there
        assert world.sekisho("status", "--json")["version"]
    finally:
        for s in idle:
            s.close()


def test_modes_of_sockets_and_files(world):
    def mode(path):
        return stat.S_IMODE(os.stat(path).st_mode)

    for path in ("/var/lib/sekisho/ledger.db", "/etc/sekisho/tunnel.key", "/var/log/sekisho/auth.jsonl",
                 "/var/log/sekisho/audit.jsonl"):
        assert not mode(path) & 0o007, path
    assert mode("/run/sekisho-auth/socket") == 0o660


@pytest.mark.parametrize("path", ["/run/sekisho/portal", "/run/sekisho/verdict"])
def test_inner_sockets_take_only_their_own_peer(world, path):
    """An ordinary user gets nothing from the sockets of portal and auth: refused at connect, or closed at once."""
    reader, writer = os.pipe()
    import pwd
    pid = os.fork()
    if pid == 0:
        os.setgid(pwd.getpwnam(NOBODY).pw_gid)
        os.setgroups([])
        os.setuid(pwd.getpwnam(NOBODY).pw_uid)
        word = b"closed"
        try:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.settimeout(5)
            s.connect(path)
            s.send(struct.pack("!BI", 1, 1) + b"\x04" + socket.inet_aton("10.64.0.2"))
            if s.recv(65536):
                word = b"answered"
        except TimeoutError:
            word = b"timeout"
        except OSError:
            pass
        os.write(writer, word)
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 100) == b"closed"
    os.close(reader)
    os.waitpid(pid, 0)
