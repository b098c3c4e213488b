# SPDX-License-Identifier: GPL-3.0-or-later
"""A small Internet on one machine with Sekisho in its middle, run as on a real gateway: default paths, its own users, PAM.

      lan 10.20.0.10 .20 .53 --- gw ===(inet 203.0.113.0/24)=== hotel NAT --- phone, phone2
                                                          \\=== street NAT --- (the same phones, after roaming)

Works only inside `tests/system/run`, where /etc, /run, /var/lib and /var/log are private copies. Each World is made afresh
(namespaces, folders, users), so test modules do not see each other's traces; close() ends its processes.
"""
import atexit
import collections
import contextlib
import glob
import grp
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys

import logseen
from browser import Browser
from netns import SLOWER, Failure, Netns, Probe, wait_until  # noqa: F401 (tests import them from here)
from phone import Phone

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SEKISHO_BUILD", os.path.join(ROOT, "build", "gcc"))
OUTER = "203.0.113.1"
PORT = 51820
PORTAL = "gate.example.jp"
PORTAL4, PORTAL6 = "10.64.0.1", "fd64:5e61::1"
INTRANET = ("10.20.0.10", "2001:db8:20::10")
FILES = ("10.20.0.20", "2001:db8:20::20")
RESOLVER = "10.20.0.53"

Device = collections.namedtuple("Device", "id conf v4 v6 key")
Staff = collections.namedtuple("Staff", "name group password secret")
STAFF = {s.name: s for s in (
    Staff("t-yamada", "soumu", "桜-yama-41", "3132333435363738393031323334353637383930"),
    Staff("h-suzuki", "kikaku", "take-sora-77", "6b69747375646f6e6e65636f6b6f6e65"),
    Staff("k-mori", "soumu", "umi-kaze-19", "61736168696b6177617a6f6f70656e64"),
)}
FOLDERS = ("/var/log/sekisho", "/var/lib/sekisho", "/run/sekisho", "/run/sekisho-auth", "/run/wireguard")
ADMIN, DESK, LOGS, NOBODY = "n-admin", "d-desk", "l-logs", "guest-user"

ACL = {
    "systems.acl": """system intranet tcp 80,7000 10.20.0.10 2001:db8:20::10
system intranet udp 7000-7001 10.20.0.10 2001:db8:20::10
system intranet icmp 10.20.0.10 2001:db8:20::10
system files tcp 80,7000 10.20.0.20 2001:db8:20::20
system files udp 7000-7001 10.20.0.20 2001:db8:20::20
""",
    "groups/soumu.acl": """owner "General affairs, network desk"
allow intranet
expect deny tcp 22 10.20.0.10
""",
    "groups/kikaku.acl": """allow files
""",
}

PAM = """auth     requisite  pam_unix.so nodelay
auth     requisite  pam_oath.so usersfile=/var/lib/sekisho-oath/users digits=6 window=20
account  required   pam_unix.so
"""


class World:
    open = set()  # those whose logs have not been checked yet

    def __init__(self, settings=None, setup=True, acl=True, log_mib=1024, state_mib=64):
        if not os.path.exists("/run/world/inside"):
            sys.exit("world.py changes users and files: start it with tests/system/run")
        self.processes = {}  # name -> Popen
        self.gateway_environment = {}  # beside what its unit gives it
        self.kept = None  # the descriptor that it asked its supervisor to keep for its next run
        self.counters = {name: 0 for name in STAFF}  # the next one-time code of each
        self.ca = "/etc/sekisho/tls/ca.crt"  # setup's trial authority, which the phones trust
        atexit.register(self.close)
        World.open.add(self)
        self._folders(log_mib, state_mib)
        self._users()
        self._network()
        if setup:
            self.setup(settings or {})
            if acl:
                self.write_acl(ACL)

    # --- making it ---------------------------------------------------------------------------------------------------

    def _folders(self, log_mib, state_mib):
        shutil.rmtree("/etc/sekisho", ignore_errors=True)
        shutil.rmtree("/etc/systemd/system/sekisho-portal.socket.d", ignore_errors=True)
        for picture in glob.glob("/run/world/*.png"):
            os.unlink(picture)
        os.makedirs("/run/world/out", exist_ok=True)
        for path, mib in zip(FOLDERS, (log_mib, state_mib, 4, 4, 4)):
            os.makedirs(path, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", path], check=True)
        subprocess.run(["systemd-sysusers", f"{ROOT}/systemd/sysusers.conf"], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["systemd-tmpfiles", "--create", f"{ROOT}/systemd/tmpfiles.conf"], check=True)
        self.write("/etc/pam.d/sekisho", PAM)

    def _users(self):
        groups = {"soumu", "kikaku"}
        with open("/etc/group") as f:
            known = {line.split(":")[0] for line in f}
        for group in groups - known:
            subprocess.run(["groupadd", group], check=True)
        people = [(s.name, s.group, s.password) for s in STAFF.values()]
        people += [(ADMIN, "sekisho-admin", "x"), (DESK, "sekisho-desk", "x"), (LOGS, "sekisho-logs", "x"), (NOBODY, "nogroup", "x")]
        with open("/etc/passwd") as f:
            known = {line.split(":")[0] for line in f}
        for name, group, password in people:
            if name not in known:
                subprocess.run(["useradd", "--no-create-home", "-N", "-G", group, name], check=True)
                subprocess.run(["chpasswd", "--crypt-method", "YESCRYPT"], input=f"{name}:{password}\n", text=True, check=True)
        self.write("/var/lib/sekisho-oath/users", "".join(f"HOTP {s.name} - {s.secret}\n" for s in STAFF.values()), mode=0o600)

    def _network(self):
        for left in glob.glob("/run/netns/*"):
            subprocess.run(["ip", "netns", "delete", os.path.basename(left)], check=True)
        self.gw, self.inet = Netns("gw"), Netns("inet")
        self.inet.ip("link add br0 type bridge", "link set br0 up", "address add 203.0.113.200/24 dev br0")
        self._wire(self.gw, "wan0", ["203.0.113.1/24"], self.inet, bridge="br0")
        self.gw.ip("route add default via 203.0.113.200")
        self.lan = Netns("lan")
        self._wire(self.gw, "lan0", ["10.20.0.1/16", "2001:db8:20::1/48"], self.lan, "eth0")
        self.lan.ip(*[f"address add {a} dev eth0" for a in ("10.20.0.10/16", "10.20.0.20/16", "10.20.0.53/16",
                                                           "2001:db8:20::10/48", "2001:db8:20::20/48")],
                    "route add default via 10.20.0.1", "route add ::/0 via 2001:db8:20::1")
        self.hotel = self._nat("hotel", "203.0.113.77", "192.168.7")
        self.street = self._nat("street", "203.0.113.88", "192.168.8")
        self.phone, self.phone2 = (self._phone(name, number) for name, number in (("phone", 10), ("phone2", 11)))
        with open(f"{ROOT}/systemd/sysctl.conf") as f:
            for line in f:
                key, _, value = line.partition("=")
                if value and not line.startswith("#"):
                    self.gw.sysctl(key.strip(), value.strip())
        self.processes["lan"] = self.lan.popen(
            sys.executable, f"{ROOT}/tests/system/lan.py", RESOLVER,
            f"{PORTAL}={PORTAL4},{PORTAL6};intranet.example.jp={INTRANET[0]}",
            *INTRANET, *FILES, stdout=subprocess.PIPE, stderr=self.log_file("lan"), text=True)
        assert self.processes["lan"].stdout.readline() == "ready\n", self.output("lan")

    def _wire(self, ns, device, addresses, other, other_device=None, bridge=None):
        """A cable between two namespaces; its far end gets a name of its own or joins a bridge."""
        far = other_device or f"{ns.name}-{device}"
        subprocess.run(["ip", "link", "add", device, "netns", ns.name, "type", "veth", "peer", "name", far, "netns", other.name],
                       check=True)
        ns.ip(f"link set {device} up", *[f"address add {a} dev {device}" for a in addresses])
        other.ip(f"link set {far} up", *([f"link set {far} master {bridge}"] if bridge else []))

    def _nat(self, name, outer, inner):
        """A place: a router with one public address and a private network behind it."""
        ns = Netns(name)
        self._wire(ns, "wan0", [f"{outer}/24"], self.inet, bridge="br0")
        ns.ip("link add br0 type bridge", "link set br0 up", f"address add {inner}.1/24 dev br0")
        ns.sysctl("net.ipv4.ip_forward", 1)
        ns.run("nft", "-f", "-", input="table ip nat { chain out { type nat hook postrouting priority srcnat; "
                                       "oifname wan0 masquerade; }; }\n")
        ns.outer, ns.inner = outer, inner
        return ns

    def _phone(self, name, number):
        links = (("wifi0", self.hotel), ("cell0", self.street))
        phone = Phone(self, name, {place.name: (device, f"{place.inner}.1") for device, place in links})
        for device, place in links:
            self._wire(phone, device, [f"{place.inner}.{number}/24"], place, name, bridge="br0")
        phone.route()
        return phone

    # --- files ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def write(path, text, mode=0o644, owner=None):
        """Writes a file as an editor does: a new one, then renamed."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w") as f:
            os.fchmod(f.fileno(), mode)
            if owner:
                user, group = owner.split(":")
                os.fchown(f.fileno(), pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
            f.write(text)
        os.rename(path + ".new", path)

    def write_acl(self, files):
        """{relative name: text, or None to remove it} below /etc/sekisho/acl."""
        for name, text in files.items():
            path = f"/etc/sekisho/acl/{name}"
            if text is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            else:
                self.write(path, text, 0o640, "root:sekisho")
                os.chmod(os.path.dirname(path), 0o750)
                shutil.chown(os.path.dirname(path), "root", "sekisho")

    def configure(self, **settings):
        """Sets keywords in sekisho.conf ('_' for '-'); None removes one."""
        with open("/etc/sekisho/sekisho.conf") as f:
            lines = f.read().splitlines()
        for key, value in settings.items():
            keyword = key.replace("_", "-")
            lines = [line for line in lines if line.split("#")[0].split()[:1] != [keyword]]
            if value is not None:
                lines.append(f"{keyword} {value}")
        self.write("/etc/sekisho/sekisho.conf", "\n".join(lines) + "\n")

    def log_file(self, name):
        return open(f"/run/world/out/{name}", "ab")

    def output(self, name):
        """What a program has said on standard error so far."""
        try:
            with open(f"/run/world/out/{name}", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    # --- the product -----------------------------------------------------------------------------------------------------

    def setup(self, settings):
        self.sekisho("setup", "--endpoint", f"{OUTER}:{PORT}", "--network4", "10.64.0.0/16", "--network6", "fd64:5e61::/64",
                     "--internal", "10.20.0.0/16", "2001:db8:20::/48", "--resolver", RESOLVER, "--portal-name", PORTAL)
        if settings:
            self.configure(**settings)

    def sekisho(self, *args, user=None, check=True, stdin=None):
        """Runs the command; returns its JSON when '--json' is among the arguments, else the finished process."""
        command = [f"{BUILD}/sekisho", *args]
        if user:
            command = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups", *command]
        done = self.gw.run(*command, capture_output=True, check=False, input=stdin)
        if check and done.returncode != 0:
            raise Failure(f"sekisho {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        if check and "--json" in args and done.returncode == 0:
            return json.loads(done.stdout)
        return done

    def add_device(self, *users, label="", png=None, device_class="ministry", more=()):
        """Enrols a phone; returns (id, configuration text, v4, v6, public key)."""
        conf = f"/run/world/device{len(os.listdir('/run/world'))}.conf"
        answer = self.sekisho("device", "add", *users, "--label", label, "--class", device_class, "--conf", conf,
                              *(("--png", png) if png else ()), *more, "--json")["device"]
        with open(conf) as f:
            text = f.read()
        os.unlink(conf)
        return Device(answer["id"], text, answer["v4"], answer["v6"], answer["public_key"])

    def gateway_command(self, *args):
        """The gateway as its unit starts it: own user, one capability, which wireguard-go inherits."""
        only = "-all,+net_admin"
        return ["setpriv", "--reuid=sekisho", "--regid=sekisho", "--init-groups", f"--inh-caps={only}", f"--ambient-caps={only}",
                f"--bounding-set={only}", "--no-new-privs", f"{BUILD}/sekisho-gateway", *args]

    def spawn_gateway(self):
        """Starts it without waiting; its readiness arrives at self.notify."""
        path = "/run/world/notify"
        if os.path.exists(path):
            os.unlink(path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        os.chmod(path, 0o666)
        self.notify.setblocking(False)
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NOTIFY_SOCKET": path, "LANG": "C.UTF-8", "LD_BIND_NOW": "1",
                       **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}, **self.gateway_environment}
        command, kept = self.gateway_command(), ()
        if self.kept is not None:  # as systemd gives it back: sd_listen_fds(3)
            given = f'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=connections exec "$@" 3<&{self.kept}'
            command = ["bash", "-c", given, "bash", *command]
            kept = (self.kept,)
        self.processes["gateway"] = self.gw.popen(*command, env=environment, stdin=subprocess.DEVNULL, pass_fds=kept,
                                                  stdout=self.log_file("gateway"), stderr=subprocess.STDOUT, umask=0o027)
        return self.processes["gateway"]

    def notified(self, word):
        """Has the gateway sent this line to its supervisor?"""
        try:
            while True:
                said, given, _, _ = socket.recv_fds(self.notify, 4096, 1)
                lines = said.decode().split("\n")
                if given:
                    assert "FDSTORE=1" in lines and "FDNAME=connections" in lines
                    self.forget_kept()
                    self.kept = given[0]
                if word in lines:
                    return True
        except BlockingIOError:
            return False

    def forget_kept(self):
        """As systemd does when the unit is stopped."""
        if self.kept is not None:
            os.close(self.kept)
        self.kept = None

    def start_gateway(self, deadline=20.0):
        process = self.spawn_gateway()

        def ready():
            if process.poll() is not None:
                raise Failure(f"sekisho-gateway ended with {process.returncode}:\n{self.output('gateway')[-3000:]}")
            return self.notified("READY=1")

        wait_until(ready, deadline, f"gateway ready; it said:\n{self.output('gateway')[-3000:]}")
        return process

    def start_auth(self, *variables):
        """`variables`: NAME=VALUE for the attempts' environment."""
        extra = [part for v in variables for part in ("-E", v)]
        if os.path.exists("/run/sekisho-auth/socket"):
            os.unlink("/run/sekisho-auth/socket")
        self.processes["auth"] = self.gw.popen("systemd-socket-activate", "--seqpacket", "--accept", *extra, "-l",
                                               "/run/sekisho-auth/socket", f"{BUILD}/sekisho-auth", stdin=subprocess.DEVNULL,
                                               stdout=self.log_file("auth"), stderr=subprocess.STDOUT)
        wait_until(lambda: os.path.exists("/run/sekisho-auth/socket"), what="auth socket")
        shutil.chown("/run/sekisho-auth/socket", "root", "sekisho-auth")
        os.chmod("/run/sekisho-auth/socket", 0o660)

    def start_portal(self, *variables):
        """`variables`: NAME=VALUE for its environment."""
        self.processes["portal"] = self.gw.popen(
            "systemd-socket-activate", *(part for v in variables for part in ("-E", v)), "-l", f"{PORTAL4}:443",
            "-l", f"[{PORTAL6}]:443", "setpriv", "--reuid=sekisho-portal", "--regid=sekisho-portal", "--init-groups",
            "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", f"{BUILD}/sekisho-portal",
            stdin=subprocess.DEVNULL, stdout=self.log_file("portal"), stderr=subprocess.STDOUT)
        wait_until(lambda: self.gw.tcp_listening(PORTAL4, 443), what="portal listens")

    def start(self):
        self.start_gateway()
        self.start_auth()
        self.start_portal()
        return self

    def kill(self, name, number=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(20 * SLOWER)

    def reload(self):
        """As `systemctl reload` does."""
        self.processes["gateway"].send_signal(signal.SIGHUP)

    def close(self):
        """Ends every program of this world and takes its folders away; namespaces go with the next World or the launcher."""
        for phone in (getattr(self, "phone", None), getattr(self, "phone2", None)):
            if phone:
                phone.off()
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.processes = {}
        self.forget_kept()
        for pid in self.pids("wireguard-go") + self.pids("sekisho-auth"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.pids("wireguard-go"), what="wireguard-go ends")
        problems = logseen.check()
        for path in FOLDERS:
            subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL)
        atexit.unregister(self.close)
        World.open.discard(self)
        if problems:
            raise Failure("the logs do not keep what docs/log-events.md promises:\n" + "\n".join(problems[:50]))

    @staticmethod
    def pids(program):
        """Living processes of this small machine by name."""
        found = []
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(stat) as f:
                    pid, rest = f.read().split(" (", 1)
            except (FileNotFoundError, ProcessLookupError):
                continue
            name, state = rest.rsplit(") ", 1)
            if name == program[:15] and state[0] != "Z":
                found.append(int(pid))
        return found

    def tunnel_identity(self):
        """Stays the same as long as the tunnel is the same: the interface's number, and wireguard-go where it serves it."""
        return self.gw.call(socket.if_nametoindex, "sekisho0"), self.pids("wireguard-go")

    # --- people ----------------------------------------------------------------------------------------------------------

    def code(self, user):
        """The user's next one-time code (RFC 4226), as the token shows it."""
        counter = self.counters[user]
        self.counters[user] += 1
        done = subprocess.run(["oathtool", "-c", str(counter), STAFF[user].secret], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def browser(self, phone=None, language="en", v6=False):
        return Browser(phone or self.phone, PORTAL, PORTAL6 if v6 else PORTAL4, self.ca, language=language)

    def login(self, phone, user="t-yamada", password=None, code=None):
        """Opens the page on the phone and logs in; returns the browser with the page that came of it."""
        browser = self.browser(phone)
        browser.login(user, password or STAFF[user].password, code or self.code(user))
        return browser

    # --- evidence --------------------------------------------------------------------------------------------------------

    def logs(self, file="auth", action=None, **wanted):
        """Events of a file as dicts; `wanted` maps a dotted path ('__' for '.') to its value."""
        events = []
        try:
            with open(f"/var/log/sekisho/{file}.jsonl", encoding="utf-8") as f:
                events = [json.loads(line) for line in f if line.endswith("\n")]
        except FileNotFoundError:
            pass
        if action:
            events = [e for e in events if e["event"]["action"] == action]
        for path, value in wanted.items():
            events = [e for e in events if field(e, path.replace("__", ".")) == value]
        return events

    def wait_log(self, file, action, deadline=10.0, **wanted):
        return wait_until(lambda: self.logs(file, action, **wanted), deadline, f"{action} {wanted} in {file}.jsonl")[-1]


def field(event, path):
    for name in path.split("."):
        event = event.get(name) if isinstance(event, dict) else None
    return event
