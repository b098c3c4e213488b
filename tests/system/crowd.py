# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of phones at once, for what a crowd does to the login page. Their devices are enrolled and admitted: the gateway has
them in its ledger and takes their peers over from wireguard-go. Only their packets take a short cut: the interface of the
tunnel's name is a cable to the namespace `crowd`, which owns all tunnel addresses, while wireguard-go keeps its peers under
another name. So everything behind decryption is the product's own, and no processor is spent on thousands of clients."""
import base64
import collections
import os
import subprocess

from netns import Netns
from world import BUILD, PORTAL, PORTAL4, PORTAL6, STAFF, World

Login = collections.namedtuple("Login", "number result arrived answered ended requests waits")
FLOOD = f"{BUILD}/tests/login_flood"
IMPORT_MAX = 2000  # devices that one `device import` takes
PREFIX = "10.64.0.0/16"
FREE = f"auth required {BUILD}/tests/pam_script.so /run/world/script\naccount required pam_permit.so\n"  # asks, and costs nothing


class Crowd(World):
    """A world without phones of its own. `devices` are added to users u0, u1, ... in turn."""
    PASSWORD = STAFF["k-mori"].password

    def __init__(self, devices, users, settings=None, pam=None):
        super().__init__({"backend": "userspace", **(settings or {})})
        if pam:
            self.write("/etc/pam.d/sekisho", pam)
            self.write("/run/world/script", f"ask {self.PASSWORD} Password:\n")
        self.names = [f"u{n}" for n in range(users)]
        self._people()
        self.start_gateway()
        self.devices = self._enrol(devices)
        self._admit()
        self.start_gateway()
        self._short_cut()
        self.start_auth()
        self.start_portal()


    def _people(self):
        """One hash for all of them: what it costs to check does not depend on that."""
        with open("/etc/shadow") as f:
            sample = next(line.split(":")[1] for line in f if line.startswith("k-mori:"))
        with open("/etc/passwd", "a") as passwd, open("/etc/shadow", "a") as shadow:
            for n, name in enumerate(self.names):
                passwd.write(f"{name}:x:{20000 + n}:100::/nonexistent:/usr/sbin/nologin\n")
                shadow.write(f"{name}:{sample}:20000:0:99999:7:::\n")
        with open("/etc/group") as f:
            groups = f.read().replace("\nsoumu:", "\nsoumu-old:", 1)
        number = next(line.split(":")[2] for line in groups.splitlines() if line.startswith("soumu-old:"))
        groups = "\n".join(line if not line.startswith("soumu-old:") else f"soumu:x:{number}:{','.join(self.names)}"
                           for line in groups.splitlines())
        self.write("/etc/group", groups + "\n")

    def _enrol(self, count):
        keys = [base64.b64encode(os.urandom(32)).decode() for _ in range(count)]
        for first in range(0, count, IMPORT_MAX):
            lines = [f"{self.names[n % len(self.names)]},{keys[n]}" for n in range(first, min(first + IMPORT_MAX, count))]
            self.write("/run/world/crowd.csv", "\n".join(["users,public_key", *lines]) + "\n")
            self.sekisho("device", "import", "/run/world/crowd.csv", "--no-psk")
        return self.sekisho("device", "list", "--json")

    def _admit(self):
        """Gives wireguard-go all peers while no gateway looks; the next one takes them over."""
        self.kill("gateway")
        self.write("/run/world/peers.conf", "".join(
            f"[Peer]\nPublicKey={d['public_key']}\nAllowedIPs={d['v4']}/32,{d['v6']}/128\nEndpoint=203.0.113.77:{10000 + n}\n"
            for n, d in enumerate(self.devices)), mode=0o600)
        self.gw.run("wg", "addconf", "sekisho0", "/run/world/peers.conf")

    def _short_cut(self):
        """wireguard-go's interface gets another name; the tunnel's name goes to the crowd's cable."""
        self.gw.ip("link set sekisho0 down", "link set sekisho0 name peers0", "link set peers0 up",
                   "address flush dev peers0")
        self.crowd = Netns("crowd")
        self._wire(self.crowd, "eth0", [], self.gw, "sekisho0")
        self.crowd.ip("address add 10.64.255.254/32 dev eth0", f"route add local {PREFIX} dev lo",
                      f"route add {PORTAL4}/32 dev eth0 src 10.64.255.254")
        # One neighbour for all of them: thousands would overrun the kernel's table.
        self.gw.ip(f"address add {PORTAL4}/32 dev sekisho0", f"address add {PORTAL6}/128 dev sekisho0",
                   "route add 10.64.0.0/17 via 10.64.255.254 dev sekisho0 onlink")

    def flood_begin(self, logins, rate=0, seconds=60, handshakes=False):
        """Plays logins, (device, user, password) each, through login_flood.c."""
        lines = "".join(f"{device['v4']} {user} {password}\n" for device, user, password in logins)
        flood = self.crowd.popen(FLOOD, PORTAL4, "443", PORTAL, str(rate), str(seconds), *(["handshakes"] * handshakes),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        flood.stdin.write(lines)
        flood.stdin.close()
        return flood

    @staticmethod
    def flood_end(flood):
        """A list of Login, in the order in which they ended, and the generator's seconds of processor."""
        with flood:
            lines = [line.split() for line in flood.stdout]
        assert flood.returncode == 0, f"login_flood ended with {flood.returncode} after {len(lines)} logins"
        *rows, (_, cpu) = lines
        return [Login(int(n), r, *(int(v) / 1e6 for v in times), int(q), int(w)) for n, r, *times, q, w in rows], int(cpu) / 1e6

    def flood(self, *args, **options):
        return self.flood_end(self.flood_begin(*args, **options))
