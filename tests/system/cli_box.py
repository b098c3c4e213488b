# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the sekisho command share: a place without an installation, a stand-in for the gateway at its control socket,
and a terminal."""
import contextlib
import fcntl
import json
import os
import pty
import select
import shutil
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEKISHO = os.path.join(os.environ.get("SEKISHO_BUILD", os.path.join(ROOT, "build", "gcc")), "sekisho")
CONTROL = "/run/sekisho/control"
NOBODY = 65534
SETUP = ["setup", "--endpoint", "vpn.example.jp:51820", "--internal", "10.20.0.0/16", "--resolver", "10.20.0.53",
         "--portal-name", "gate.example.jp"]

SERVER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
PRESHARED = "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE="
DEVICE = {"id": "d7", "label": "山田の電話", "class": "ministry", "status": "active", "users": ["t-yamada", "h-suzuki"],
          "v4": "10.64.0.7", "v6": "fd64:5e61::7", "public_key": SERVER, "valid_from": None,
          "valid_until": "2027-03-31T23:59:59+09:00", "created": "2026-11-01T09:00:00Z", "last_seen": None, "online": True,
          "endpoint": "203.0.113.77:40000", "last_handshake": None, "rx_bytes": 2048, "tx_bytes": 0, "session": None}
SESSION = {"id": 7, "device": "d7", "label": "山田の電話", "user": "t-yamada", "opened": "2026-11-01T09:00:00Z",
           "expires": "2026-11-01T21:00:00Z", "idle_seconds": 3, "endpoint": "203.0.113.77:40000", "v4": "10.64.0.7",
           "v6": None, "profile": 1, "source_bytes": 1536, "destination_bytes": 0, "connections": 2}
STATUS = {"version": "0.1.0", "started": "2026-11-01T09:00:00Z", "backend": "kernel", "interface": "sekisho0", "listen_port": 51820,
          "endpoint": "vpn.example.jp:51820", "public_key": SERVER, "v4": "10.64.0.1", "v6": "fd64:5e61::1",
          "devices": {"active": 11, "suspended": 2, "lost": 3, "revoked": 4, "online": 5}, "sessions": 6, "logins": 1,
          "acl": {"generation": 9, "files": 3, "rules": 12, "applied": "2026-11-01T09:00:00Z"}, "profiles": 2,
          "firewall": {"denied": 21, "no_session": 22, "stale": 23, "spoofed": 24, "knocks": 25},
          "knocks": {"admitted": 31, "refused": 32, "replayed": 33, "forged": 34, "dropped": 35}, "portal": True, "problems": []}


@pytest.fixture(scope="module")
def bare():
    """The product's users, no configuration, no gateway."""
    for path in ("/run/sekisho", "/run/cli"):
        os.makedirs(path, exist_ok=True)
    subprocess.run(["systemd-sysusers", f"{ROOT}/systemd/sysusers.conf"], check=True, stderr=subprocess.DEVNULL)


@pytest.fixture
def folder(bare):
    """Empty."""
    shutil.rmtree("/run/cli")
    os.makedirs("/run/cli")
    return "/run/cli"


@pytest.fixture
def clean(bare):
    """Nothing of ours below /etc, before and after."""
    def sweep():
        shutil.rmtree("/etc/sekisho", ignore_errors=True)
        shutil.rmtree("/etc/systemd/system/sekisho-portal.socket.d", ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/etc/pam.d/sekisho")
    sweep()
    yield
    sweep()


def write(root, files):
    """{relative name: text} below a folder."""
    for name, text in files.items():
        os.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
        with open(f"{root}/{name}", "w") as f:
            f.write(text)


def run(*words, uid=None, stdin=subprocess.DEVNULL, env=None, **more):
    prefix = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
    environment = {"PATH": os.environ["PATH"], "TZ": "JST-9", **(env or {}),
                   **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
    return subprocess.run([*prefix, SEKISHO, *words], stdin=stdin, capture_output=True, text=True, timeout=60, env=environment, **more)


class Gateway:
    """Answers each request with the datagrams set in `answers`, or in `verbs` by the request's verb; keeps the requests."""

    def __init__(self, *answers, verbs=None, uid=0, mode=0o666):
        self.answers, self.verbs, self.requests = list(answers), verbs, []
        with contextlib.suppress(FileNotFoundError):
            os.unlink(CONTROL)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(CONTROL)
        os.chmod(CONTROL, mode)
        os.seteuid(uid)  # who listens is who the peer sees (SO_PEERCRED, unix(7))
        self.socket.listen(8)
        os.seteuid(0)
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *what):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(20)
        self.socket.close()
        os.unlink(CONTROL)

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer, contextlib.suppress(ConnectionError):
                if not (request := peer.recv(1 << 18)):
                    continue
                self.requests.append(json.loads(request))
                for answer in self.verbs[self.requests[-1]["verb"]] if self.verbs else self.answers:
                    answer = answer(self.requests[-1]) if callable(answer) else answer
                    peer.send(answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def end(**members):
    return {"end": members}


def on_terminal(*words, columns=80, typed=""):
    """Runs the command with a terminal as all three of its files; what it showed, and its exit code."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 100, columns, 0, 0))
    attributes = termios.tcgetattr(slave)
    attributes[3] &= ~termios.ECHO
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    process = subprocess.Popen([SEKISHO, *words], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    os.write(master, typed.encode())
    shown, deadline = b"", time.monotonic() + 30
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while select.select([master], [], [], max(0, deadline - time.monotonic()))[0]:
            shown += os.read(master, 65536)
        process.kill()  # it waits for something that nobody types
    os.close(master)
    return shown.decode(), process.wait(60)
