# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho-auth when its peers leave, fail or are not who they should be, when its files are wrong, when a module never ends.

Needs root, gcc, libpam-oath, oathtool. The programs come from build/gcc, or from the folder named by SEKISHO_BUILD.
"""
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from auth_box import (ANSWERS, DEADLINE, GATEWAY_UID, PAUSE, PORTAL_UID, PROGRAM, Portal, RESUME, SETTINGS, STRANGER_UID, UNIX, alive, box,
                      failed, folder, hashed, open_attempt, password, text, until)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="PAM, mounts and foreign uids need root")


def test_portal_leaves_at_question(box):
    portal, gateway = open_attempt(box)
    portal.prompts()
    gateway.receive(PAUSE)
    portal.close()
    assert gateway.end()[0] == "aborted"
    assert box.programs[-1].wait(DEADLINE) is not None


@pytest.mark.parametrize("code, reason", [(7, "bad-credentials"), (0, "aborted")])
def test_portal_leaves_while_computing(box, code, reason):
    """Hanging up does not make a guess undone, and nobody is logged in who is no longer there."""
    os.mkfifo(box.path("/run/gate"))
    box.script(f"ask x Ex?\ngate /run/gate\ncode {code}\n")
    portal, gateway = open_attempt(box)
    portal.prompts()
    portal.answer("x")
    gateway.turn()
    portal.close()
    box.path("/run/gate").write_text("")  # waits for the module to come to the gate
    assert gateway.end()[0] == reason


def test_portal_leaves_after_answer(box):
    """Gone before there was a turn: the answer is not even looked at."""
    portal, gateway = open_attempt(box)
    portal.prompts()
    portal.answer("wrong")
    portal.close()
    gateway.receive(PAUSE)
    gateway.receive(RESUME)
    assert gateway.closed()


def test_portal_leaves_in_queue(box):
    portal = box.launch()
    portal.start("yamada")
    gateway = box.gateway()
    gateway.begin()
    portal.close()
    assert gateway.closed()


def test_portal_leaves_during_floor(box):
    """The wait before the answer ends with the portal, not with the clock."""
    box.script("code 7\n")
    portal, gateway = open_attempt(box)
    gateway.end()
    gateway.acknowledge("bad-credentials")
    portal.close()
    assert box.programs[-1].wait(DEADLINE) == 0


@pytest.mark.parametrize("body", [b"\x00", b"\x02" + text("a") + text("b"), b"\x01" + text("a") + b"!"])
def test_portal_breaks_rules(box, body):
    portal, gateway = open_attempt(box)
    portal.prompts()
    gateway.receive(PAUSE)
    portal.send(ANSWERS, body)
    assert gateway.end()[0] == "aborted"
    gateway.acknowledge("aborted")
    assert portal.closed()
    assert "broke the rules" in box.said()


def test_gateway_refuses_attempt(box):
    portal = box.launch()
    portal.start("yamada")
    gateway = box.gateway()
    gateway.begin()
    gateway.device("rate-limited", "")
    assert portal.result() == "busy"
    assert gateway.closed()


def test_gateway_absent(box):
    box.listener.close()
    portal = box.launch()
    portal.start("yamada")
    assert portal.result() == "unavailable"
    assert "systemctl status sekisho-gateway" in box.said()


def test_gateway_dies(box):
    portal, gateway = open_attempt(box)
    portal.prompts()
    gateway.close()
    assert portal.closed()


def test_gateway_silent_about_verdict(box):
    portal, gateway = open_attempt(box)
    password(portal, gateway)
    gateway.end()
    gateway.close()
    assert portal.result() == "unavailable"


def test_gateway_contradicts(box):
    """Nothing that the gateway answers turns PAM's no into a yes."""
    box.script("code 7\n")
    portal, gateway = open_attempt(box)
    failed(portal, gateway, acknowledge="ok")


def test_gateway_impostor(box):
    box.verdict_as(STRANGER_UID)
    portal = box.launch()
    portal.start("yamada")
    assert portal.result() == "unavailable"
    assert f"uid {STRANGER_UID} listens" in box.said()


def test_gateway_as_its_user(box):
    box.verdict_as(GATEWAY_UID)
    portal, gateway = open_attempt(box)
    password(portal, gateway)
    assert gateway.end()[0] == "ok"


@pytest.mark.parametrize("uid", [0, STRANGER_UID])
def test_wrong_peer(box, uid):
    portal = box.launch(uid)
    portal.start("yamada")
    assert portal.closed()
    assert f"uid {uid} asked for a login" in box.said()
    assert box.programs[-1].returncode == 1


# The service file


@pytest.mark.parametrize("break_it, remedy", [
    (lambda p: p.unlink(), "install the package's example"),
    (lambda p: p.chmod(0o666), "chmod 644"),
    (lambda p: os.chown(p, STRANGER_UID, 0), "chown root"),
    (lambda p: p.write_text(""), "'other'"),
    (lambda p: p.write_text("auth required pam_unix.so\n# account required pam_unix.so\n"), "'other'"),
    (lambda p: (p.rename(p.with_suffix(".real")), p.symlink_to("sekisho.real")), "put the file itself there")])
def test_service_file(box, break_it, remedy):
    """Never the service 'other', which here would let anybody in."""
    box.write("/etc/pam.d/other", "auth required pam_permit.so\naccount required pam_permit.so\n")
    break_it(box.path("/etc/pam.d/sekisho"))
    portal, gateway = open_attempt(box)
    assert failed(portal, gateway, "unavailable")[:3] == ("backend-unavailable", "", "start")
    assert remedy in box.said()


def test_service_file_by_include(box):
    box.write("/etc/pam.d/local-login", UNIX)
    box.service("@include local-login\n")
    portal, gateway = open_attempt(box)
    password(portal, gateway)
    assert gateway.end()[0] == "ok"


def test_service_file_of_vendor(box):
    """/usr/lib/pam.d is asked where /etc/pam.d has no such file."""
    vendor = box.path("/usr/lib/pam.d")
    created = not vendor.exists()
    subprocess.run(["nsenter", f"--mount=/proc/{box.process.pid}/ns/mnt", "bash", "-c", "mkdir -p /usr/lib/pam.d && "
                    "mount -t tmpfs tmpfs /usr/lib/pam.d && cp /etc/pam.d/sekisho /usr/lib/pam.d/ && rm /etc/pam.d/sekisho"], check=True)
    try:
        portal, gateway = open_attempt(box)
        password(portal, gateway)
        assert gateway.end()[0] == "ok"
    finally:
        if created:
            subprocess.run(["nsenter", f"--mount=/proc/{box.process.pid}/ns/mnt", "umount", "/usr/lib/pam.d"], check=True)
            vendor.rmdir()


# The whole


def test_hang(box):
    """A module that never returns ends with its attempt at pam-timeout, and so does everything it has started."""
    box.write("/etc/sekisho/sekisho.conf", SETTINGS.format(timeout="30m") + "pam-timeout 1s\n")
    box.script("spawn /run/daemon\nhang\n")
    portal, gateway = open_attempt(box)
    until(lambda: box.path("/run/daemon").exists() and box.path("/run/daemon").read_text().endswith("\n"))
    # The namespace is of mounts only: pids are ours.
    daemon = int(box.path("/run/daemon").read_text())
    assert alive(daemon)
    assert portal.closed() and gateway.closed()
    assert "pam-timeout" in box.said()
    assert not alive(daemon)


def test_thinking_has_no_pam_timeout(box):
    """A user who takes long to type is not a module that hangs; login-timeout is for the whole."""
    box.write("/etc/sekisho/sekisho.conf", SETTINGS.format(timeout="10s") + "pam-timeout 1s\n")
    box.script("ask x Ex?\n")
    portal, gateway = open_attempt(box)
    portal.prompts()
    gateway.receive(PAUSE)
    assert portal.closed() and gateway.closed()
    assert "login-timeout" in box.said() and "pam-timeout" not in box.said()


def test_daemon_left_behind(box):
    box.script("spawn /run/daemon\n", "ask x Ex?\n")
    portal, gateway = open_attempt(box)
    portal.prompts()
    portal.answer("x")
    gateway.turn()
    until(lambda: box.path("/run/daemon").exists() and box.path("/run/daemon").read_text().endswith("\n"))
    daemon = int(box.path("/run/daemon").read_text())
    assert alive(daemon)
    gateway.end()
    gateway.acknowledge("ok")
    assert portal.result() == "granted"
    assert box.programs[-1].wait(DEADLINE) == 0
    assert not alive(daemon)


def test_terminated(box):
    box.script("spawn /run/daemon\nhang\n")
    portal, gateway = open_attempt(box)
    until(lambda: box.path("/run/daemon").exists() and box.path("/run/daemon").read_text().endswith("\n"))
    daemon = int(box.path("/run/daemon").read_text())
    box.programs[-1].send_signal(signal.SIGTERM)
    assert portal.closed() and gateway.closed()
    box.programs[-1].wait(DEADLINE)
    assert not alive(daemon)


def test_crash(box):
    box.script("crash\n")
    portal, gateway = open_attempt(box)
    assert portal.closed() and gateway.closed()
    assert "a PAM module has a fault" in box.said()


def test_settings_missing(box):
    box.path("/etc/sekisho/sekisho.conf").unlink()
    portal = box.launch()
    assert portal.closed()
    assert "nobody can log in until /etc/sekisho/sekisho.conf is correct" in box.said()


def test_started_by_hand(box):
    done = subprocess.run([PROGRAM], stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert done.returncode == 1 and "systemctl start sekisho-auth.socket" in done.stderr


@pytest.mark.parametrize("kind, listening, pid, count", [
    (socket.SOCK_STREAM, False, "$$", 1), (socket.SOCK_SEQPACKET, True, "$$", 1), (socket.SOCK_SEQPACKET, False, "$PPID", 1),
    (socket.SOCK_SEQPACKET, False, "", 1), (socket.SOCK_SEQPACKET, False, "$$", 2), (socket.SOCK_SEQPACKET, False, "$$", "")])
def test_something_else_handed_over(kind, listening, pid, count):
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    with ours, theirs, socket.socket(socket.AF_UNIX, kind) as listener:
        listener.bind("")
        listener.listen(1)
        given = listener if listening else theirs
        done = subprocess.run(["bash", "-c", f'LISTEN_PID={pid} LISTEN_FDS={count} exec "$0" 3<&{given.fileno()}', str(PROGRAM)],
                              pass_fds=[given.fileno()], stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert done.returncode == 1 and "systemctl start sekisho-auth.socket" in done.stderr


def test_loads_little():
    """Each login loads this anew, as root and beside passwords: what is not needed is neither time nor attack surface."""
    environment = {"LD_TRACE_LOADED_OBJECTS": "1", "PATH": os.environ["PATH"]}
    loaded = subprocess.run([PROGRAM], env=environment, check=True, capture_output=True, text=True).stdout
    assert "libpam.so" in loaded
    assert not re.search("libcrypto|libssl|libsystemd|liblzma|libjansson|libsqlite3", loaded)


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd-socket-activate is not installed")
def test_socket_activation(box):
    """Two attempts at once, each in a process of its own, through a real socket activator."""
    activator = subprocess.Popen(["nsenter", f"--mount=/proc/{box.process.pid}/ns/mnt", "systemd-socket-activate", "--seqpacket", "--accept",
                                  "-l", "/run/sekisho-auth/socket", str(PROGRAM)], stderr=subprocess.PIPE)
    try:
        path = box.path("/run/sekisho-auth/socket")
        until(path.exists)
        path.chmod(0o666)
        attempts = []
        for user in ("yamada", "stale"):
            portal = Portal(box.connect(path, PORTAL_UID))
            portal.start(user)
            gateway = box.gateway()
            assert gateway.begin()[1] == user
            gateway.device()
            attempts.append((portal, gateway))
        for portal, gateway in attempts:
            password(portal, gateway)
        (portal, gateway), (other_portal, other_gateway) = attempts
        assert other_gateway.end()[0] == "password-expired"
        assert gateway.end()[:2] == ("ok", "yamada")
        gateway.acknowledge("ok")
        assert portal.result() == "granted"
        other_portal.close()
        other_gateway.close()
    finally:
        activator.terminate()
        activator.wait(DEADLINE)
        activator.stderr.close()
