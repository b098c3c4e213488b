# SPDX-License-Identifier: GPL-3.0-or-later
"""A staff smartphone: a namespace behind a NAT, WireGuard with the configuration text that `sekisho device add` printed, all
traffic through the tunnel, and the flows that its user has open. WireGuard is the kernel's where it has it, else wireguard-go."""
import functools
import os
import re
import socket
import struct
import subprocess
import threading
import time

from netns import SLOWER, Netns, wait_until


def read_conf(text):
    """The two sections of a WireGuard configuration as dicts of its keys."""
    sections, current = {}, None
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
        elif line:
            key, _, value = line.partition("=")
            current[key.strip()] = value.strip()
    return sections


@functools.cache
def kernel_has_wireguard():
    """Asked by making an interface. SEKISHO_BACKEND says what a run counts on: 'kernel' or 'userspace'."""
    wish = os.environ.get("SEKISHO_BACKEND")
    probe = ["ip", "link", "add", "probe0", "type", "wireguard"]
    made = wish != "userspace" and subprocess.run(probe, capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "link", "delete", "probe0"], check=True)
    assert made or wish != "kernel", "this kernel makes no WireGuard interface"
    return made


class Phone(Netns):
    """`uplinks` maps the name of a place (a NATed network) to (device, router's address), as World wired it; the phone is at the
    first."""

    def __init__(self, world, name, uplinks):
        super().__init__(name)
        self.world, self.uplinks = world, uplinks
        self.place = next(iter(uplinks))
        self.tunnel = None  # wireguard-go's process
        self.conf = self.v4 = self.v6 = None

    def join(self, conf_text):
        """Installs the configuration as the WireGuard app does after scanning the code, and switches the tunnel on."""
        self.conf = read_conf(conf_text)
        interface, peer = self.conf["Interface"], self.conf["Peer"]
        addresses = [a.strip() for a in interface["Address"].split(",")]
        self.v4 = next((a.split("/")[0] for a in addresses if ":" not in a), None)
        self.v6 = next((a.split("/")[0] for a in addresses if ":" in a), None)
        self.endpoint = peer["Endpoint"]
        self.on()
        return self

    def on(self):
        interface = self.conf["Interface"]
        if kernel_has_wireguard():
            self.ip(f"link add {self.name} type wireguard")
        else:
            self._wireguard_go()
        lines = ["[Interface]", f"PrivateKey = {interface['PrivateKey']}", "[Peer]"]
        lines += [f"{key} = {value}" for key, value in (self.conf["Peer"] | {"Endpoint": self.endpoint}).items()]
        self.switched_on = time.monotonic()  # with a keepalive in its configuration it knocks now
        keys = subprocess.run(self.command("wg", "setconf", self.name, "/dev/stdin"), input="\n".join(lines) + "\n", text=True)
        assert keys.returncode == 0
        mtu = interface.get("MTU", "1280")
        self.ip(f"link set {self.name} mtu {mtu} up",
                *[f"address add {a.strip()} dev {self.name}" for a in interface["Address"].split(",")])
        self.route()
        self.ip(f"route add default dev {self.name}")
        if self.v6:
            self.ip(f"route add ::/0 dev {self.name}")
        os.makedirs(f"/etc/netns/{self.name}", exist_ok=True)
        with open(f"/etc/netns/{self.name}/resolv.conf", "w") as f:
            f.writelines(f"nameserver {a.strip()}\n" for a in interface["DNS"].split(",") if re.match(r"[0-9a-f.:]+$", a.strip()))

    def _wireguard_go(self):
        control = f"/run/wireguard/{self.name}.sock"
        if os.path.exists(control):
            os.unlink(control)  # of one that was killed
        self.tunnel = self.popen("wireguard-go", "-f", self.name, stdout=self.world.log_file(self.name),
                                 stderr=subprocess.STDOUT)
        wait_until(lambda: os.path.exists(control), what=f"wireguard-go of {self.name}")

    def route(self):
        """The place's router; once the tunnel is on, only WireGuard's own packets go that way. IPv6 outside is for tests."""
        _, router = self.uplinks[self.place]
        if self.conf and not self.endpoint.startswith("["):
            self.ip(f"route replace {self.endpoint.rsplit(':', 1)[0]}/32 via {router}")
        self.ip(f"route replace default via {router} metric 1000")

    def off(self):
        """The user switches the tunnel off: the interface goes, with its process where it has one."""
        if self.tunnel:
            self.tunnel.kill()
            self.tunnel.wait()
            self.tunnel = None
        elif self.is_on():
            self.ip(f"link delete {self.name}")
        wait_until(lambda: not self.is_on(), what=f"the tunnel of {self.name} is off")

    def is_on(self):
        return self.run("ip", "link", "show", self.name, check=False, capture_output=True).returncode == 0

    def roam(self, place, endpoint=None):
        """Leaves for another network, as a phone between hotel and street does: the old one is out of reach, another router,
        another source port; perhaps one where the gateway's name means another address."""
        left = [device for name, (device, _) in self.uplinks.items() if name != place]
        drop = f'iifname {{ {", ".join(left)} }} drop'
        self.run("nft", "-f", "-", input="table inet left; delete table inet left; "
                                         f"table inet left {{ chain in {{ type filter hook input priority raw; {drop}; }}; }}\n")
        self.place = place
        self.endpoint = endpoint or self.endpoint
        self.route()
        if self.is_on():
            gateway = self.conf["Peer"]["PublicKey"]
            self.run("wg", "set", self.name, "listen-port", "0", "peer", gateway, "endpoint", self.endpoint)

    def open_flow(self, host, port=7000, kind=socket.SOCK_DGRAM, every=0.01):
        return Flow(self, host, port, kind, every)

    def received_stream(self, host, count, per_second):
        """Asks the LAN's source for a stream and returns the connected socket that receives it."""
        s = self.connect(host, 7001, socket.SOCK_DGRAM)
        s.send(b"%d %d" % (count, per_second))
        return s


class Flow:
    """One connection in use: numbered messages to an echo server, one every `every` seconds, and what came back when."""

    def __init__(self, phone, host, port, kind, every):
        self.sent = 0
        self.full = 0  # how often there was no room for a message: nothing has gone out for a while
        self.answers = []  # (number, monotonic time of arrival)
        self.error = None
        self._stop = threading.Event()
        self.socket = phone.connect(host, port, kind)
        self.socket.settimeout(0.2)
        self._threads = [threading.Thread(target=self._send, args=(every,), daemon=True),
                         threading.Thread(target=self._receive, args=(kind,), daemon=True)]
        for t in self._threads:
            t.start()

    def _send(self, every):
        start = time.monotonic()
        while not self._stop.is_set():
            try:
                self.socket.send(struct.pack("!Q", self.sent))
            except TimeoutError:
                self.full += 1
                continue
            except OSError as error:
                self.error = self.error or error
                if self.socket.type == socket.SOCK_STREAM:
                    return
            self.sent += 1
            self._stop.wait(max(0.0, start + self.sent * every - time.monotonic()))

    def _receive(self, kind):
        buffer = b""
        while not self._stop.is_set():
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            except OSError as error:
                self.error = self.error or error
                if kind == socket.SOCK_STREAM:
                    return
                continue
            if not data and kind == socket.SOCK_STREAM:
                return
            buffer += data
            while len(buffer) >= 8:
                self.answers.append((struct.unpack("!Q", buffer[:8])[0], time.monotonic()))
                buffer = buffer[8:]

    def count(self):
        return len(self.answers)

    def goes_on(self, more=20, deadline=10.0):
        """Waits for `more` further answers."""
        before = self.count()
        wait_until(lambda: self.count() >= before + more, deadline, "the flow goes on")
        return self

    def is_cut(self, tries=50, deadline=10.0):
        """True when `tries` further messages bring no answer. Waits for the messages, not for time."""
        before_sent, before_full, before = self.sent, self.full, self.count()
        wait_until(lambda: self.sent >= before_sent + tries or self.full > before_full + tries // 10
                   or (self.error and self.socket.type == socket.SOCK_STREAM), deadline)
        return self.count() == before

    def stop(self):
        self._stop.set()
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # not connected any more: as good
        for t in self._threads:
            t.join()
        self.socket.close()
