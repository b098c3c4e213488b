# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine for the login page alone: the real sekisho-portal under systemd-socket-activate, with a gateway and a sekisho-auth played
by the test over the real sockets and an independent reading of the wire format. Mount and network namespaces are private."""
import contextlib
import ctypes
import errno
import os
import pwd
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, os.environ.get("SEKISHO_BUILD", "build/gcc"), "sekisho-portal")
GATEWAY4, GATEWAY6, PHONE, OTHER, PHONE6 = "10.64.0.1", "fd64::1", "10.64.0.2", "10.64.0.3", "fd64::2"
NAME = "portal.example.jp"
DEADLINE = 20  # seconds, for things that should happen at once

WHO, DEVICE, ATTEMPT, ATTEMPT_ID, LOGOUT, DONE, OWN, DEVICES, SUSPEND, SUSPENDED = range(1, 11)
START, PROMPTS, ANSWERS, RESULT, TERMS, ACCEPT = range(32, 38)
UNKNOWN, LOGGED_OUT, LOGGED_IN = range(3)
SECRET, VISIBLE, INFO, ERROR = range(1, 5)
GRANTED, FAILED, BUSY, IN_USE, HOURS = 0, 1, 2, 7, 8
END_LOGOUT, END_IDLE, END_HOURS = 1, 2, 4

SETTINGS = f"""endpoint gate.example.jp:51820
tunnel-network 10.64.0.0/16 fd64::/64
resolver 10.20.0.53
internal-networks 10.20.0.0/16
portal-name {NAME}
pam-timeout 1s
login-timeout 10s
label みどり省 <リモート>
"""


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, n):
        part, self.data = self.data[:n], self.data[n:]
        assert len(part) == n, "the message is too short"
        return part

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def text(self):
        return self.take(self.number(2)).decode()

    def address(self):
        family = self.number(1)
        return socket.inet_ntop(socket.AF_INET if family == 4 else socket.AF_INET6, self.take(4 if family == 4 else 16))

    def end(self):
        assert not self.data, f"{len(self.data)} bytes too many"


def listen(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind(path)
    os.chmod(path, 0o666)
    s.listen(64)
    return s


class Gateway:
    """Answers about `devices` (address -> dict); anything not in there is unknown."""

    def __init__(self, path="/run/sekisho/portal"):
        self.path, self.devices, self.logouts, self.suspended = path, {}, [], []
        self.attempt_result, self.attempt_opens, self.attempt, self.silent = 0, 0, bytes(range(16)), False
        self.listener = self.thread = None
        self.start()

    def start(self):
        self.listener = listen(self.path)
        self.stopping, self.stop_end = socket.socketpair()
        self.connected = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def stop(self):
        if self.thread:
            self.stop_end.send(b"x")
            self.thread.join()
            self.thread = None
            os.unlink(self.path)

    def _serve(self):
        connections = []
        with self.listener:
            while True:
                ready = select.select([self.listener, self.stopping, *connections], [], [])[0]
                if self.stopping in ready:
                    break
                for s in ready:
                    if s is self.listener:
                        connections.append(s.accept()[0])
                        self.connected.set()
                    elif data := s.recv(65536):
                        answer = self._answer(Reader(data))
                        if answer and not self.silent:
                            s.send(answer)
                    else:
                        connections.remove(s)
                        s.close()
        for s in connections:
            s.close()
        self.stopping.close()
        self.stop_end.close()

    def _answer(self, r):
        kind, number, address = r.number(1), r.number(4), r.address()
        lost = r.number(4) if kind == SUSPEND else None
        r.end()
        d = {"device": 7, "state": UNKNOWN, "end": 0, "expires": 0, "why": 0, "idle": 0, "renewal": 0, "sharing": 0, "opens": 0, "user": "", "label": "",
             "reach": [], "own": [], **self.devices.get(address, {})}
        device = 0 if d["state"] == UNKNOWN else d["device"]
        if kind == WHO:
            lines = [(line, "", 0) if isinstance(line, str) else line for line in d["reach"]]
            return (struct.pack(">BIIBBQBIBBQ", DEVICE, number, device, d["state"], d["end"], d["expires"], d["why"], d["idle"], d["renewal"],
                                d["sharing"], d["opens"]) + text(d["user"]) + text(d["label"]) + struct.pack(">H", len(lines)) +
                    b"".join(text(name) + text(reason) + struct.pack(">Q", until) for name, reason, until in lines))
        if kind == ATTEMPT:
            return struct.pack(">BIBQI", ATTEMPT_ID, number, self.attempt_result, self.attempt_opens, device) + self.attempt
        if kind == OWN:
            return struct.pack(">BIBB", DEVICES, number, 0, len(d["own"])) + b"".join(
                struct.pack(">IBBQ", o["id"], o.get("suspended", 0), o.get("shared", 0), o.get("seen", 0)) + text(o["label"]) for o in d["own"])
        if kind == SUSPEND:
            self.suspended.append((address, lost))
            for o in d["own"]:
                o["suspended"] = o.get("suspended", 0) or int(o["id"] == lost)
            return struct.pack(">BIB", SUSPENDED, number, 0)
        assert kind == LOGOUT
        self.logouts.append(address)
        self.devices[address].update(state=LOGGED_OUT, user="", end=END_LOGOUT)
        return struct.pack(">BIB", DONE, number, 0)


class Attempt:
    """One connection of the portal to sekisho-auth, whose words the test says."""

    def __init__(self, s):
        self.socket = s
        s.settimeout(DEADLINE)
        r = Reader(s.recv(65536))
        assert r.number(1) == START
        self.id, self.user, self.language, self.tls, self.agent = r.take(16), r.text(), r.text(), r.text(), r.text()
        r.end()

    def prompts(self, *prompts):
        self.socket.send(bytes([PROMPTS, len(prompts)]) + b"".join(bytes([style]) + text(words) for style, words in prompts))

    def answers(self):
        r = Reader(self.socket.recv(65536))
        assert r.number(1) == ANSWERS
        answers = [r.text() for _ in range(r.number(1))]
        r.end()
        return answers

    def terms(self, version, sha256, words):
        self.socket.send(bytes([TERMS]) + text(version) + sha256 + text(words))

    def accepted(self):
        return self.socket.recv(65536) == bytes([ACCEPT])

    def result(self, result, opens=0):
        self.socket.send(struct.pack(">BBQ", RESULT, result, opens))
        self.socket.close()

    def closed(self):
        return self.socket.recv(65536) == b""


class Auth:
    def __init__(self, path="/run/sekisho-auth/socket"):
        self.listener = listen(path)
        self.listener.settimeout(DEADLINE)

    def accept(self):
        return Attempt(self.listener.accept()[0])

    def stop(self):
        self.listener.close()


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def hidden(self, name):
        return re.search(f'name="{name}" value="([^"]*)"', self.text)[1]


class Browser:
    """One TLS connection with the few manners of a browser; `source` is the device's tunnel address."""

    def __init__(self, source=PHONE, host=NAME, language="en", connect=True):
        self.source, self.host, self.language = source, host, language
        self.tls = None
        if connect:
            self.connect()

    def connect(self, context=None):
        to = GATEWAY6 if ":" in self.source else GATEWAY4
        raw = socket.create_connection((to, 443), DEADLINE, source_address=(self.source, 0))
        self.tls = (context or tls_context()).wrap_socket(raw, server_hostname=NAME)
        return self

    def close(self):
        self.tls.close()

    def send(self, data):
        self.tls.sendall(data)

    def head(self, method, path, **more):
        fields = {"Host": self.host, "Accept-Language": self.language, "User-Agent": "Test/1"}
        fields.update((name.replace("_", "-"), value) for name, value in more.items())
        lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
        return ("\r\n".join([f"{method} {path} HTTP/1.1", *lines]) + "\r\n\r\n").encode()

    def start_get(self, path="/", method="GET", **more):
        self.send(self.head(method, path, **more))

    def start_post(self, path, form="", **more):
        fields = {"Origin": f"https://{self.host}", "Content-Type": "application/x-www-form-urlencoded",
                  "Content-Length": len(form.encode())}
        fields.update((name.replace("_", "-"), value) for name, value in more.items())
        self.send(self.head("POST", path, **fields) + form.encode())

    def reply(self, method="GET"):
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.tls.recv(65536)
            assert part, f"the connection was closed after {data!r}"
            data += part
        head, body = data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        while method != "HEAD" and len(body) < int(headers["content-length"]):
            body += self.tls.recv(65536)
        return Reply(int(first.split()[1]), headers, body)

    def get(self, path="/", method="GET", **more):
        self.start_get(path, method, **more)
        return self.reply(method)

    def post(self, path, form="", **more):
        self.start_post(path, form, **more)
        return self.reply()

    def closed(self):
        """Waits until the other side closes; what it said before."""
        data = b""
        with contextlib.suppress(ConnectionResetError, ssl.SSLError):
            while part := self.tls.recv(65536):
                data += part
        return data


def tls_context(**versions):
    c = ssl.create_default_context(cafile="/etc/sekisho/tls/portal.crt")
    for name, value in versions.items():
        setattr(c, name, value)
    return c


def make_certificate(name=NAME, to="/etc/sekisho/tls", addresses=(GATEWAY4, GATEWAY6)):
    names = ",".join([f"DNS:{name}", *(f"IP:{a}" for a in addresses)])
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                    f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", f"{to}/portal.key",
                    "-out", f"{to}/portal.crt"], check=True, capture_output=True)
    os.chmod(f"{to}/portal.key", 0o640)
    shutil.chown(f"{to}/portal.key", "root", "sekisho-portal")


class Portal:
    """The program under test, started by socket activation; `lines` is what it has said."""

    def __init__(self, addresses=(f"{GATEWAY4}:443", f"[{GATEWAY6}]:443"), activate=True, wait=True, command=(PROGRAM,)):
        self.output = tempfile.TemporaryFile("w+")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = tempfile.mktemp(dir="/run")
        self.notify.bind(path)
        os.chmod(path, 0o777)
        self.notify.settimeout(DEADLINE)
        listeners = ["systemd-socket-activate", *(f"--listen={a}" for a in addresses), "-E", "NOTIFY_SOCKET", "-E", "TZ"]
        self.process = subprocess.Popen([*(listeners if activate else []), *command], stdout=self.output, stderr=self.output,
                                        env={**os.environ, "NOTIFY_SOCKET": path, "TZ": "Asia/Tokyo"})
        if activate:
            self.poke(addresses[0])
        if wait:
            self.heard("READY=1")

    def poke(self, address):
        """systemd-socket-activate starts its program at the first connection."""
        host, port = address.rsplit(":", 1)
        host = {"0.0.0.0": GATEWAY4, "::": GATEWAY4}.get(host.strip("[]"), host.strip("[]"))
        end = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection((host, int(port)), DEADLINE).close()
                return
            except ConnectionRefusedError:
                assert time.monotonic() < end and self.process.poll() is None, self.said()

    def heard(self, word):
        """Waits for an sd_notify message."""
        try:
            while word not in (said := self.notify.recv(4096).decode()):
                pass
        except TimeoutError as e:
            raise AssertionError(f"no {word}; it said: {self.said()}") from e
        return said

    def said(self):
        self.output.seek(0)
        return self.output.read()

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status") as f:
            return re.search(rf"^{field}:[ \t]*(.*?)[ \t]*$", f.read(), re.M)[1]

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in self.heard("RELOADING=1")
        self.heard("READY=1")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(DEADLINE)
        self.notify.close()
        return code


CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def run(*command):
    subprocess.run(command, check=True)


class Machine:
    """Private namespaces for this process until close(): own /etc and /run, addresses of a tunnel on the loopback device."""

    def __init__(self):
        self.folder = os.getcwd()
        self.back = [(os.open(f"/proc/self/ns/{n}", os.O_RDONLY), f) for n, f in (("net", CLONE_NEWNET), ("mnt", CLONE_NEWNS))]
        if libc.unshare(CLONE_NEWNS | CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            self.build()
        except BaseException:
            self.close()
            raise

    def build(self):
        run("mount", "--make-rprivate", "/")
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        run("cp", "-a", "/etc", "/run/etc")
        run("mount", "--bind", "/run/etc", "/etc")
        run("ip", "link", "set", "lo", "up")
        for address in (GATEWAY4, PHONE, OTHER):
            run("ip", "address", "add", f"{address}/32", "dev", "lo")
        for address in (GATEWAY6, PHONE6):
            run("ip", "address", "add", f"{address}/128", "dev", "lo", "nodad")
        for user in ("sekisho", "sekisho-portal"):
            try:
                pwd.getpwnam(user)
            except KeyError:
                run("useradd", "--system", "--user-group", "--no-create-home", user)
        for path in ("/run/sekisho", "/run/sekisho-auth"):
            os.mkdir(path)
        os.makedirs("/etc/sekisho/tls", exist_ok=True)
        with open("/etc/sekisho/sekisho.conf", "w") as f:
            f.write(SETTINGS)
        make_certificate()

    def close(self):
        # a joined thread may share our view of the file system a moment longer: setns(2) then says EINVAL
        end = time.monotonic() + DEADLINE
        for fd, kind in self.back:
            while libc.setns(fd, kind):
                assert ctypes.get_errno() == errno.EINVAL and time.monotonic() < end, os.strerror(ctypes.get_errno())
            os.close(fd)
        os.chdir(self.folder)
