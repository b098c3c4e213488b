# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho-auth in a mount namespace of its own, with a portal and a gateway played by the test, both in the words of the wire."""
import os
import pathlib
import select
import socket
import struct
import subprocess
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SEKISHO_BUILD", TOP / "build/gcc")) / "sekisho-auth"
DEADLINE = 40  # seconds for what must happen, however slow the machine
FLOOR = 2.0  # no failure is answered earlier than this after the last answer
GATEWAY_UID, PORTAL_UID, STRANGER_UID = 61001, 61002, 61003

# common/message.h
START, PROMPTS, ANSWERS, RESULT, TERMS, ACCEPT = range(32, 38)
BEGIN, DEVICE, PAUSE, RESUME, TURN, END, ACK, VERDICT_TERMS, VERDICT_ACCEPT = range(64, 73)
RECHECK_ASK, RECHECK_RESULT = 96, 97
SECRET, VISIBLE, INFO, ERROR = 1, 2, 3, 4
REASONS = ["ok", "bad-credentials", "user-unknown", "account-denied", "account-expired", "password-expired", "max-tries",
           "user-not-allowed", "device-in-use", "rate-limited", "timeout", "aborted", "backend-unavailable", "log-full", "internal-error",
           "hours", "period", "network-not-allowed", "session-over"]
PUBLIC = ["granted", "failed", "busy", "password-expired", "account-closed", "timeout", "unavailable", "in-use", "hours", "period",
          "network", "session-over"]


def text(value):
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        value, = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value

    def text(self):
        size = self.number("H")
        self.at += size
        assert self.at <= len(self.data)
        return self.data[self.at - size:self.at].decode()


class Closed(Exception):
    """The other side has closed the connection."""


class Peer:
    """One end of a SOCK_SEQPACKET connection."""

    def __init__(self, sock):
        self.sock = sock
        sock.settimeout(DEADLINE)

    def send(self, kind, body=b""):
        self.sock.send(bytes([kind]) + body)

    def receive(self, kind):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed
        assert data[0] == kind, f"message {data[0]} instead of {kind}"
        return Reader(data[1:])

    def silent(self):
        return not select.select([self.sock], [], [], 0)[0]

    def closed(self):
        try:
            self.receive(0)
        except Closed:
            return True
        return False

    def close(self):
        self.sock.close()


class Portal(Peer):
    def __init__(self, sock):
        super().__init__(sock)
        self.since = None

    def start(self, user, language="en", attempt=bytes(range(16))):
        self.since = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.send(START, attempt + text(user) + text(language) + text("1.3") + text("Test/1.0"))

    def prompts(self):
        r = self.receive(PROMPTS)
        return [(r.number("B"), r.text()) for _ in range(r.number("B"))]

    def terms(self):
        r = self.receive(TERMS)
        version = r.text()
        sha256, r.at = r.data[r.at:r.at + 32], r.at + 32
        return version, sha256, r.text()

    def accept(self):
        self.since = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.send(ACCEPT)

    def answer(self, *answers):
        self.since = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.send(ANSWERS, bytes([len(answers)]) + b"".join(map(text, answers)))

    def result(self):
        r = self.receive(RESULT)
        word, self.opens = PUBLIC[r.number("B")], r.number("Q")
        # A promise, not a measurement: whatever the failure, its answer comes no earlier.
        if word != "granted":
            assert time.clock_gettime(time.CLOCK_BOOTTIME) - self.since >= FLOOR
        return word


class Recheck(Peer):
    """The gateway's end of a recheck, which it begins itself."""

    def ask(self, user, rhost="198.51.100.7"):
        self.send(RECHECK_ASK, text(user) + text(rhost))

    def result(self):
        r = self.receive(RECHECK_RESULT)
        reason, user, stage, code = REASONS[r.number("B")], r.text(), r.text(), r.number("i")
        return reason, user, stage, code, sorted(r.text() for _ in range(r.number("H")))


class Verdict(Peer):
    """The gateway's end of one attempt."""

    def begin(self):
        r = self.receive(BEGIN)
        attempt = r.data[:16]
        r.at = 16
        return attempt, r.text(), r.text(), r.text(), r.text()

    def device(self, result="ok", rhost="198.51.100.7", renewal=False):
        self.send(DEVICE, bytes([REASONS.index(result), renewal]) + text(rhost))

    def turn(self):
        """The user has thought: PAUSE and RESUME, answered with a turn."""
        self.receive(PAUSE)
        self.receive(RESUME)
        self.send(TURN)

    def end(self):
        r = self.receive(END)
        reason, user, stage, code, self.changed = REASONS[r.number("B")], r.text(), r.text(), r.number("i"), r.number("B")
        return reason, user, stage, code, sorted(r.text() for _ in range(r.number("H")))

    def terms(self, version, sha256, words):
        self.send(VERDICT_TERMS, text(version) + sha256 + text(words))

    def accepted(self):
        self.receive(VERDICT_ACCEPT)
        return True

    def acknowledge(self, result, opens=0):
        self.send(ACK, struct.pack(">BQ", REASONS.index(result), opens))


class Box:
    """A mount namespace with users, settings and a PAM service of its own; reached through /proc/PID/root."""

    SCRIPT = """set -e
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p /run/over/upper /run/over/work /run/sekisho /run/sekisho-auth
    mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/over/upper,workdir=/run/over/work /etc
    rm -f /etc/pam.d/sekisho
    echo ready
    exec cat"""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "bash", "-c", self.SCRIPT],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"
        self.root = pathlib.Path(f"/proc/{self.process.pid}/root")
        self.programs, self.listener = [], None
        self.verdict_as(0)

    def path(self, name):
        return self.root / name.lstrip("/")

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)

    def service(self, content):
        self.write("/etc/pam.d/sekisho", content)

    def script(self, auth="", account=""):
        """The PAM service is our own module with these lines in each stage."""
        module = self.folder / "pam_script.so"
        self.write("/run/auth", auth, 0o600)
        self.write("/run/account", account, 0o600)
        self.service(f"auth required {module} /run/auth\naccount required {module} /run/account\n")

    def verdict_as(self, uid):
        """The gateway's socket, listening as this uid."""
        if self.listener:
            self.listener.close()
        path = self.path("/run/sekisho/verdict")
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.settimeout(DEADLINE)
        os.seteuid(uid)
        try:
            self.listener.listen(8)
        finally:
            os.seteuid(0)

    def gateway(self):
        return Verdict(self.listener.accept()[0])

    def connect(self, address, uid):
        """Connects as this uid. A path is entered as root: others may not look into /proc/PID/root."""
        client, here = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET), os.getcwd()
        if isinstance(address, pathlib.Path):
            os.chdir(address.parent)
            address = address.name
        os.seteuid(uid)
        try:
            client.connect(address)
        finally:
            os.seteuid(0)
            os.chdir(here)
        return client

    def launch(self, uid=PORTAL_UID, **environment):
        """Starts sekisho-auth the way systemd does; returns the portal's end."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            server.bind(f"\0sekisho-test-{os.getpid()}-{len(self.programs)}")
            server.listen(1)
            client = self.connect(server.getsockname(), uid)
            accepted = server.accept()[0]
        with accepted:
            command = f'LISTEN_PID=$$ LISTEN_FDS=1 exec nsenter --mount=/proc/{self.process.pid}/ns/mnt "$0" 3<&{accepted.fileno()}'
            log = open(self.folder / f"stderr-{len(self.programs)}", "w+b")
            process = subprocess.Popen(["bash", "-c", command, str(PROGRAM)], pass_fds=[accepted.fileno()], stderr=log,
                                       env={"PATH": os.environ["PATH"], **environment})
        process.log = log
        self.programs.append(process)
        return Recheck(client) if uid == GATEWAY_UID else Portal(client)

    def recheck(self, user="yamada", **more):
        """One question of the gateway's and its answer."""
        gateway = self.launch(GATEWAY_UID)
        gateway.ask(user, **more)
        return gateway.result()

    def said(self):
        """What the last program told its operator, after its end."""
        process = self.programs[-1]
        process.wait(DEADLINE)
        process.log.seek(0)
        return process.log.read().decode()

    def close(self):
        for process in self.programs:
            if process.poll() is None:
                process.terminate()
                process.wait(DEADLINE)
            process.log.close()
        self.listener.close()
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()


SETTINGS = """endpoint 192.0.2.1:51820
tunnel-network 10.99.0.0/16
resolver 172.16.0.53
internal-networks 172.16.0.0/12
portal-name login.example.jp
login-timeout {timeout}
"""
UNIX = "auth required pam_unix.so\naccount required pam_unix.so\n"
PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("auth_pam")
    source = TOP / "tests/system/pam_script.c"
    subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared", "-o", folder / "pam_script.so", source], check=True)
    return folder


@pytest.fixture(scope="session")
def hashed():
    command = ["openssl", "passwd", "-6", PASSWORD]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture
def box(folder, hashed):
    w = Box(folder)
    today = int(time.time() // 86400)
    people = {"yamada": f"{today}:0:99999:7:::", "stale": "0:0:99999:7:::", "gone": f"{today}:0:99999:7::1:"}
    fields = {"shut": f"!{hashed}", "twice": f"!!{hashed}", "token": "!", "radius": "*", "none": "!!"}
    people.update(dict.fromkeys(fields, f"{today}:0:99999:7:::"))
    w.write("/etc/passwd", f"root:x:0:0::/root:/bin/sh\nsekisho:x:{GATEWAY_UID}:{GATEWAY_UID}::/:/bin/false\n"
            f"sekisho-portal:x:{PORTAL_UID}:{PORTAL_UID}::/:/bin/false\n"
            + "".join(f"{name}:x:{62000 + i}:62000::/:/bin/sh\n" for i, name in enumerate(people)))
    w.write("/etc/shadow", "root:!:1::::::\n" + "".join(f"{name}:{fields.get(name, hashed)}:{rest}\n" for name, rest in people.items()), 0o640)
    w.write("/etc/group", "root:x:0:\nstaff:x:62000:\nsoumu:x:62001:yamada\nkeiri:x:62002:stale\nodd name:x:62003:yamada\n")
    w.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n")
    w.write("/etc/sekisho/sekisho.conf", SETTINGS.format(timeout="5m"))
    w.service(UNIX)
    yield w
    w.close()


def open_attempt(box, user="yamada", **more):
    """START to the first turn."""
    portal = box.launch()
    portal.start(user, **more)
    gateway = box.gateway()
    gateway.begin()
    gateway.device()
    return portal, gateway


def failed(portal, gateway, public="failed", acknowledge=None):
    """The end of an attempt that PAM or the gateway refuses; returns what the gateway was told."""
    end = gateway.end()
    gateway.acknowledge(acknowledge or end[0])
    # The gateway knows at once, the portal not yet: no failure is answered before the floor.
    assert portal.result() == public
    assert portal.closed() and gateway.closed()
    return end


def password(portal, gateway, word=PASSWORD):
    assert portal.prompts() == [(SECRET, "Password:")]
    gateway.receive(PAUSE)
    portal.answer(word)
    gateway.receive(RESUME)
    gateway.send(TURN)


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "not in time"
        select.select([], [], [], 0.02)
