# SPDX-License-Identifier: GPL-3.0-or-later
"""The sekisho command alone, through its real interface: a stand-in answers at the gateway's control socket, so that every answer,
also those that no gateway gives, can be had. What the gateway makes of the requests, the other modules ask of the real one."""
import contextlib
import fcntl
import glob
import grp
import json
import os
import pty
import pwd
import re
import select
import shutil
import socket
import stat
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


def run(*words, uid=None, stdin=subprocess.DEVNULL, env=None, **more):
    prefix = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
    environment = {"PATH": os.environ["PATH"], "TZ": "JST-9", **(env or {}),
                   **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
    return subprocess.run([*prefix, SEKISHO, *words], stdin=stdin, capture_output=True, text=True, timeout=60, env=environment, **more)


class Gateway:
    """Answers each request with the datagrams set in `answers`, whatever is asked; keeps the requests."""

    def __init__(self, *answers, uid=0, mode=0o666):
        self.answers, self.requests = list(answers), []
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
                for answer in self.answers:
                    answer = answer(self.requests[-1]) if callable(answer) else answer
                    peer.send(answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def end(**members):
    return {"end": members}


# --- reaching the gateway --------------------------------------------------------------------------------------------------------

def test_no_gateway(bare):
    done = run("session", "list")
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr == ("sekisho: the gateway is not running (/run/sekisho/control: No such file or directory)\n"
                           "hint: systemctl start sekisho-gateway\n")


def test_a_socket_nobody_listens_at(bare):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(CONTROL)
        done = run("session", "list")
        os.unlink(CONTROL)
    assert done.returncode == 3 and "not running" in done.stderr and "systemctl start" in done.stderr


def test_without_permission(bare):
    with Gateway(end(), mode=0o600) as gateway:
        done = run("session", "list", uid=NOBODY)
    assert done.returncode == 1 and "sekisho-admin" in done.stderr and gateway.requests == []


def test_somebody_elses_socket_is_told_nothing(bare):
    with Gateway(end(), uid=NOBODY) as gateway:
        done = run("session", "list")
    assert done.returncode == 3 and "uid 65534" in done.stderr and gateway.requests == []


def test_the_gateways_own_user_is_believed(bare):
    with Gateway(end(), uid=pwd.getpwnam("sekisho").pw_uid) as gateway:
        assert run("session", "list").returncode == 0
    assert gateway.requests == [{"verb": "session-list"}]


@pytest.mark.parametrize("answers, what", [
    ([], "it ended too early"), ([b"nonsense"], "it is no JSON"), ([b"[]"], "neither row nor end nor error"),
    ([{}], "neither row nor end nor error"), ([{"row": 7}], "neither row nor end nor error"),
    ([{"end": None}], "neither row nor end nor error"), ([b'{"end": {}, "end": {}}'], "it is no JSON"),
    ([{"row": {}}], "it ended too early"), ([b'{"end": {"a": "' + b"x" * 131072 + b'"}}'], "it is too long"),
], ids=["nothing", "no JSON", "no object", "empty", "row is a number", "end is null", "twice", "no end", "too long"])
def test_answers_that_make_no_sense(bare, answers, what):
    with Gateway(*answers):
        done = run("session", "list", "--json")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"sekisho: the gateway's answer cannot be understood: {what}\nhint: ")


def test_errors_are_passed_on_made_safe(bare):
    with Gateway({"error": "no\x1b[2J such device", "hint": "look at\nthe list", "code": "not-found",
                  "diagnostics": "users/a.acl:1:1: error: x\x1b\n    y\n"}):
        done = run("device", "show", "d9")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == ("users/a.acl:1:1: error: x\\x1b\n    y\nsekisho: no\\x1b[2J such device\nhint: look at\\x0athe list\n")


def test_denied_without_a_hint_names_the_group(bare):
    with Gateway({"error": "not you", "code": "denied"}):
        assert "usermod -aG sekisho-admin" in run("reload").stderr


def test_a_result_that_cannot_be_written_is_a_failure(bare):
    with Gateway(end(**STATUS)), open("/dev/full", "w") as full:
        done = subprocess.run([SEKISHO, "status"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "sekisho: " in done.stderr


# --- words on the command line ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, said", [
    ([], "a verb is missing"),
    (["statsu"], "did you mean 'status'"),
    (["hlp"], "did you mean 'help'"),
    (["device"], "needs a second word"),
    (["device", "lst"], "did you mean 'device list'"),
    (["status", "now"], "'now' is one word too many"),
    (["status", "--jsn"], "unknown option '--jsn'"),
    (["device", "list", "--stat", "lost"], "did you mean 'status'"),
    (["device", "show"], "ID is missing"),
    (["device", "suspend", "d1", "--yes"], "unknown option '--yes'"),
    (["session", "end", "d7"], "no session's ID"),
    (["session", "end", "99999999999"], "no session's ID"),
    (["acl", "explain", "t-yamada", "tcp", "10.0.0.1", "--group", "a"], "needs a port"),
    (["acl", "explain", "t-yamada", "tcp", "443", "intranet", "--group", "a"], "'intranet' is not an address"),
    (["acl", "explain", "no/name", "tcp", "443", "10.0.0.1"], "no user's name"),
    (["acl", "explain", "t-yamada", "tcp", "443", "10.0.0.1", "--class", "x"], "no class of device"),
    (["acl", "explain", "t-yamada", "tcp", "443", "10.0.0.1", "--group", "../x"], "no group's name"),
    (["device", "add", "--conf", "-"], "USER is missing"),
    (["device", "add", "../x", "--conf", "-"], "no user's name"),
    (["device", "add", "a"], "where should the configuration go?"),
    (["device", "add", "a", "--conf", "-", "--json"], "only one can go to standard output"),
    (["device", "add", "a", "--conf", "-", "--qr"], "only one can go to standard output"),
    (["device", "add", "a", "--qr", "--no-qr"], "contradict"),
    (["device", "add", "a", "--conf", "-", "--pubkey", "short"], "44 characters"),
    (["device", "add", "a", "--png", "/run/cli/x", "--pubkey", SERVER], "there is no code to scan"),
    (["device", "add", "a", "--conf", "-", "--class", "own"], "no class of device"),
    (["device", "add", "a", "--conf", "-", "--valid-until", "31.3.2027"], "is no date"),
    (["setup", "--check", "--endpoint", "a:1"], "takes no values"),
    ([b"status\xff"], "no UTF-8"),
])
def test_wrong_words(bare, words, said):
    with Gateway(end()) as gateway:
        done = run(*words)
    assert done.returncode == 2 and done.stdout == "" and said in done.stderr and "\nhint: " in done.stderr
    assert gateway.requests == []


def test_help_and_version(bare):
    assert re.fullmatch(r"sekisho \d+\.\d+\.\d+\n", run("--version").stdout)
    everything = run("help")
    assert everything.returncode == 0 and everything.stderr == ""
    verbs = re.findall(r"^  sekisho ([a-z]+(?: [a-z]+)?)  ", everything.stdout, re.M)
    assert len(verbs) == 15 and verbs[0] == "status"
    for verb in verbs:
        one = run("help", *verb.split())
        assert one.returncode == 0 and one.stdout.startswith(f"usage: sekisho {verb} ") and "--json" in one.stdout
        assert run(*verb.split(), "--help").stdout == one.stdout
    assert run("help", "device").stdout.count("\n") == 7
    assert run("help", "nothing").returncode == 2


def test_the_manual_names_every_verb(bare):
    with open(f"{ROOT}/docs/sekisho.8") as f:
        manual = f.read()
    plain = re.sub(r"\\f.|^\.[A-Z]+ ?", "", manual, flags=re.M).replace("\\-", "-")
    for verb in re.findall(r"^  sekisho ([a-z]+(?: [a-z]+)?)  ", run("help").stdout, re.M):
        assert re.search(rf"^{verb}\b", plain, re.M), verb
        for option in re.findall(r"--[a-z0-9-]+", run("help", *verb.split()).stdout):
            assert option in plain, (verb, option)


# --- what is shown -----------------------------------------------------------------------------------------------------------------

def test_device_list(bare):
    second = {**DEVICE, "id": "d12", "label": "x", "users": ["a"], "status": "lost", "online": False, "v4": "10.64.0.12",
              "last_seen": "2026-11-01T09:00:00Z"}
    with Gateway({"row": DEVICE}, {"row": second}, end()) as gateway:
        done = run("device", "list", "--status", "lost")
        assert json.loads(run("device", "list", "--json").stdout) == [DEVICE, second]
    assert gateway.requests == [{"verb": "device-list", "status": "lost"}, {"verb": "device-list"}]
    lines = done.stdout.splitlines()
    assert lines[0] == "ID   LABEL       USERS               CLASS     STATUS  ADDRESS     ONLINE  LAST SEEN"
    assert lines[1] == "d7   山田の電話  t-yamada, h-suzuki  ministry  active  10.64.0.7   yes     -"
    assert re.fullmatch(r"d12  x           a                   ministry  lost    10\.64\.0\.12  no      2026-11-01 18:00 \(.* ago\)", lines[2])


def test_device_show(bare):
    with Gateway(end(device={**DEVICE, "session": SESSION})) as gateway:
        done = run("device", "show", "d7")
        assert json.loads(run("device", "show", "d7", "--json").stdout)["device"]["id"] == "d7"
    assert gateway.requests == [{"verb": "device-show", "id": "d7"}] * 2
    for line in ("Device       d7", "Users        t-yamada, h-suzuki", "Addresses    10.64.0.7, fd64:5e61::7",
                 "Traffic      2.0 KiB from the phone, 0 B to it"):
        assert line in done.stdout.splitlines()
    assert re.search(r"^Valid until  2027-03-31 23:59 \(", done.stdout, re.M)
    assert re.search(r"^Session      7, t-yamada, until 2026-11-02 06:00 ", done.stdout, re.M)
    assert "Last seen" not in done.stdout


def test_session_list_and_end(bare):
    with Gateway({"row": SESSION}, end(session=SESSION)) as gateway:
        done = run("session", "list")
        assert json.loads(run("session", "list", "--json").stdout) == [SESSION]
        ended = run("session", "end", "7")
    assert gateway.requests[2] == {"verb": "session-end", "id": 7}
    assert re.search(r"^ 7  t-yamada  d7 +山田の電話  10\.64\.0\.7 .* 1\.5 KiB   0 B$", done.stdout, re.M)
    assert ended.stdout == "Session 7 of t-yamada on d7 is ended.\n"


def test_status(bare):
    with Gateway(end(**STATUS)):
        done = run("status")
        assert json.loads(run("status", "--json").stdout) == STATUS
    assert done.returncode == 0 and done.stdout.endswith("\nNo problems.\n")
    for part in ("sekisho0 (kernel), port 51820, 10.64.0.1, fd64:5e61::1", "11 active (5 online), 2 suspended, 3 lost, 4 revoked",
                 "6 open, 1 logins under way", "generation 9 of 2026-11-01 18:00", "3 files, 12 rules, 2 profiles",
                 "25 seen: 31 admitted, 32 refused, 33 replayed, 34 forged, 35 dropped",
                 "21 by ACL, 22 without session, 23 of ended sessions, 24 spoofed", "connected"):
        assert part in done.stdout
    with Gateway(end(**{**STATUS, "portal": False, "problems": ["the login\x1b page is down"]})):
        done = run("status")
    assert done.returncode == 0 and "not connected" in done.stdout and "\nProblems:\n  the login\\x1b page is down\n" in done.stdout


def test_status_without_gateway_points_to_the_installation(clean):
    assert re.search(r"setup --check  finds \d+ problems in the installation", run("status").stderr)
    assert run(*SETUP).returncode == 0
    done = run("status")
    assert done.returncode == 3 and "setup --check" not in done.stderr


@pytest.mark.parametrize("verb", ["suspend", "resume", "lost", "revoke"])
def test_changes_of_status(bare, verb):
    with Gateway(end(device=DEVICE, sessions_ended=1)) as gateway:
        done = run("device", verb, "d7", "--note", "忘れ物")
        assert json.loads(run("device", verb, "d7", "--json").stdout)["sessions_ended"] == 1
    assert gateway.requests == [{"verb": f"device-{verb}", "id": "d7", "note": "忘れ物"}, {"verb": f"device-{verb}", "id": "d7"}]
    assert done.returncode == 0 and done.stdout.startswith("d7 ") and done.stdout.endswith(". 1 session ended.\n")


def test_apply_and_reload(bare):
    answer = end(generation=9, files=3, rules=12, sessions_changed=2, profiles=1)
    with Gateway(answer) as gateway:
        assert run("acl", "apply").stdout == "The ACLs are in force, generation 9: 3 files, 12 rules; 2 open sessions have other rules now\n"
        assert run("reload").stdout.startswith("Settings and ACLs are in force, generation 9: ")
        assert json.loads(run("reload", "--json").stdout) == answer["end"]
    assert [r["verb"] for r in gateway.requests] == ["acl-apply", "reload", "reload"]


# --- on a terminal ------------------------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("verb, typed, done", [
    ("lost", "y\n", True), ("revoke", "yes\n", True), ("lost", "n\n", False), ("revoke", "\n", False), ("lost", "\x04", False),
    ("suspend", "", True),
])
def test_what_cannot_be_undone_is_asked(bare, verb, typed, done):
    with Gateway(end(device=DEVICE, sessions_ended=0)) as gateway:
        shown, code = on_terminal("device", verb, "d7", typed=typed)
    assert (f"device-{verb}" in [r["verb"] for r in gateway.requests]) == done == (code == 0)
    assert ("[y/N]" in shown and "山田の電話" in shown and "t-yamada" in shown) == (verb != "suspend")


def test_yes_asks_nothing(bare):
    with Gateway(end(device=DEVICE, sessions_ended=0)) as gateway:
        shown, code = on_terminal("device", "lost", "d7", "--yes")
    assert code == 0 and "[y/N]" not in shown and [r["verb"] for r in gateway.requests] == ["device-lost"]


def test_tables_fit_the_terminal(bare):
    row = {**DEVICE, "label": "山" * 40, "users": ["u" * 40]}
    with Gateway({"row": row}, end()):
        shown, _ = on_terminal("device", "list", columns=90)
    for line in shown.splitlines():
        assert sum(2 if ord(c) > 0x2e80 else 1 for c in line) <= 90
    assert "山…" in shown and "u…" in shown and "10.64.0.7" in shown


# --- device add ---------------------------------------------------------------------------------------------------------------------

def enrolled(request):
    """What the gateway answers to device-add."""
    assert request["verb"] == "device-add"
    return end(device={**DEVICE, "label": request["label"], "users": request["users"], "public_key": request["public_key"]},
               preshared_key=PRESHARED if request["preshared"] else None,
               server={"public_key": SERVER, "endpoint": "vpn.example.jp:51820", "dns": ["10.20.0.53", "2001:db8::53"],
                       "portal": "gate.example.jp", "search": ["example.jp"], "label": "情報システム課"})


def conf(private, comment, preshared=True):
    return (f"{comment}[Interface]\nPrivateKey = {private}\nAddress = 10.64.0.7/32, fd64:5e61::7/128\n"
            f"DNS = 10.20.0.53, 2001:db8::53, example.jp\nMTU = 1280\n\n[Peer]\nPublicKey = {SERVER}\n"
            + (f"PresharedKey = {PRESHARED}\n" if preshared else "")
            + "AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = vpn.example.jp:51820\nPersistentKeepalive = 25\n")


def private_key(text):
    return re.search(r"^PrivateKey = (.*)$", text, re.M)[1]


def public_key(private):
    return subprocess.run(["wg", "pubkey"], input=private, capture_output=True, text=True, check=True).stdout.strip()


def decode(picture):
    return subprocess.run(["zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", picture], capture_output=True, text=True,
                          check=True).stdout.rstrip("\n") + "\n"


@pytest.fixture
def folder(bare):
    shutil.rmtree("/run/cli")
    os.makedirs("/run/cli")
    return "/run/cli"


def test_a_phone_is_added(folder):
    with Gateway(enrolled) as gateway:
        done = run("device", "add", "t-yamada", "h-suzuki", "--label", "山田の電話", "--conf", f"{folder}/conf", "--png", f"{folder}/png",
                   "--svg", f"{folder}/svg", "--valid-from", "2026-12-01T08:00", "--valid-until", "2027-03-31", "--class", "shared")
    assert done.returncode == 0, done.stderr
    with open(f"{folder}/conf") as f:
        text = f.read()
    private = private_key(text)
    assert text == conf(private, "# d7: 山田の電話 at 情報システム課\n")
    assert gateway.requests == [{
        "verb": "device-add", "users": ["t-yamada", "h-suzuki"], "label": "山田の電話", "class": "shared",
        "public_key": public_key(private), "preshared": True,
        "valid_from": 1796079600_000000, "valid_until": 1806505200_000000}]  # JST; the last day counts to its end
    assert decode(f"{folder}/png") == conf(private, "")
    for name in ("conf", "png", "svg"):
        assert stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o600
        assert f"{folder}/{name}" in done.stdout
    assert private not in done.stdout + done.stderr and PRESHARED not in done.stdout + done.stderr
    assert "d7" in done.stdout and "10.64.0.7" in done.stdout and "https://gate.example.jp/" in done.stdout


def test_the_svg_shows_the_same_code(folder):
    with Gateway(enrolled):
        assert run("device", "add", "a", "--conf", f"{folder}/conf", "--svg", f"{folder}/svg").returncode == 0
    with open(f"{folder}/svg") as f:
        svg = f.read()
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", svg)}
    assert decode(pbm(f"{folder}/svg.pbm", side, dark)) == bare_text(f"{folder}/conf")


def pbm(path, side, dark, scale=6):
    """A picture (portable bitmap) of these dark modules."""
    with open(path, "w") as f:
        f.write(f"P1\n{side * scale} {side * scale}\n")
        for y in range(side * scale):
            f.write(" ".join("1" if (x // scale, y // scale) in dark else "0" for x in range(side * scale)) + "\n")
    return path


def bare_text(path):
    with open(path) as f:
        return "".join(line for line in f if not line.startswith("#"))


def test_the_code_on_a_terminal(folder):
    with Gateway(enrolled):
        shown, code = on_terminal("device", "add", "a", "--label", "L", columns=120)
    assert code == 0 and "https://gate.example.jp/" in shown and shown.index("d7  L") < shown.index("10.64.0.7") < shown.index("\033[")
    rows = re.findall("\033\\[38;5;16;48;5;231m([ ▀▄█]*)\033\\[0m", shown)
    dark = {(x, 2 * y + half) for y, row in enumerate(rows) for x, c in enumerate(row) for half in (0, 1) if c in ("▀█", "▄█")[half]}
    text = decode(pbm(f"{folder}/pbm", len(rows[0]), dark))
    assert text == conf(private_key(text), "")


def test_a_code_too_wide_for_the_terminal(folder):
    with Gateway(enrolled):
        shown, code = on_terminal("device", "add", "a", columns=40)
    assert code == 0 and "█" not in shown and conf(private_key(shown), "") in shown


def test_configuration_on_standard_output(folder):
    with Gateway(enrolled):
        done = run("device", "add", "a", "--conf", "-", "--no-psk")
    assert done.returncode == 0 and done.stdout == conf(private_key(done.stdout), "# d7 at 情報システム課\n", preshared=False)
    assert "d7" in done.stderr and "https://gate.example.jp/" in done.stderr


def test_json_holds_the_configuration_unless_it_is_written(folder):
    with Gateway(enrolled):
        shown = json.loads(run("device", "add", "a", "--json").stdout)
        written = json.loads(run("device", "add", "a", "--json", "--conf", f"{folder}/conf").stdout)
    assert shown["device"]["id"] == "d7" and shown["configuration"] == conf(private_key(shown["configuration"]), "# d7 at 情報システム課\n")
    assert written["configuration"] is None and PRESHARED not in json.dumps(written)


def test_the_phones_own_key(folder):
    with Gateway(enrolled) as gateway:
        done = run("device", "add", "a", "--conf", "-", "--pubkey", SERVER)
        shown, code = on_terminal("device", "add", "a", "--pubkey", SERVER)
    assert [r["public_key"] for r in gateway.requests] == [SERVER, SERVER]
    assert "PrivateKey =" in done.stdout and not re.search("^PrivateKey", done.stdout, re.M)
    assert code == 0 and "█" not in shown and "[Interface]" in shown


def test_nothing_is_overwritten(folder):
    for name in ("there", "link"):
        os.symlink("/run/cli/elsewhere", f"{folder}/link") if name == "link" else open(f"{folder}/{name}", "w").close()
        with Gateway(enrolled) as gateway:
            done = run("device", "add", "a", "--png", f"{folder}/new", "--svg", f"{folder}/{name}")
        assert done.returncode == 1 and f"{folder}/{name}" in done.stderr and "no device was added" in done.stderr
        assert gateway.requests == [] and not os.path.exists(f"{folder}/new") and os.path.getsize(f"{folder}/there") == 0
    assert not os.path.exists("/run/cli/elsewhere")


def test_a_refusal_leaves_no_files(folder):
    with Gateway({"error": "no", "hint": "h", "code": "conflict"}):
        assert run("device", "add", "a", "--conf", f"{folder}/conf", "--png", f"{folder}/png").returncode == 1
    assert os.listdir(folder) == []


def test_an_unusable_answer_says_what_to_undo(folder):
    def broken(request):
        answer = enrolled(request)
        answer["end"]["server"]["endpoint"] = "vpn.example.jp:51820\nPostUp = reboot"
        return answer
    with Gateway(broken):
        done = run("device", "add", "a", "--conf", f"{folder}/conf")
    assert done.returncode == 1 and "server.endpoint" in done.stderr and "sekisho device revoke d7" in done.stderr
    assert os.listdir(folder) == []


def test_a_full_disk_says_what_to_undo(folder):
    os.makedirs(f"{folder}/small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", f"{folder}/small"], check=True)
    try:
        with Gateway(enrolled):
            done = run("device", "add", "a", "--png", f"{folder}/small/png", "--svg", f"{folder}/small/svg")
        assert done.returncode == 1 and "sekisho device revoke d7" in done.stderr
        assert "svg" not in os.listdir(f"{folder}/small")
    finally:
        subprocess.run(["umount", f"{folder}/small"], check=True)


# --- ACLs -------------------------------------------------------------------------------------------------------------------------

@pytest.fixture
def acl(folder):
    """A set with one mistake of every kind that a single line can hold, and one that is well formed."""
    for name, files in {
            "good": {"systems.acl": "system intranet tcp 443 10.20.0.10\n", "groups/soumu.acl": "allow intranet\n",
                     "users/t-yamada.acl": "deny tcp 443 10.20.0.0/24 reason \"moved\"\n"},
            "bad": {"systems.acl": "system intranet tcp 443 10.20.0.10\n",
                    "users/t-yamada.acl": "allow  intranett\n# ok\n部署 allow\nallow tcp 10.0.0.1\n"}}.items():
        for file, text in files.items():
            os.makedirs(os.path.dirname(f"{folder}/{name}/{file}"), exist_ok=True)
            with open(f"{folder}/{name}/{file}", "w") as f:
                f.write(text)
    return folder


def test_acl_check(acl):
    done = run("acl", "check", f"{acl}/good")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{acl}/good: well formed: 3 files, 2 rules, 1 systems\n", "")
    answer = json.loads(run("acl", "check", f"{acl}/good", "--json").stdout)
    assert answer == {"ok": True, "dir": f"{acl}/good", "files": 3, "rules": 2, "systems": 1, "errors": 0, "warnings": 0, "diagnostics": []}


def test_acl_check_with_mistakes(acl):
    done = run("acl", "check", f"{acl}/bad")
    with open(f"{ROOT}/tests/golden/cli/acl-check.txt") as f:
        assert done.stderr == f.read()
    assert done.returncode == 1 and done.stdout == ""
    done = run("acl", "check", f"{acl}/bad", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and not answer["ok"] and answer["errors"] == 3 and done.stderr == ""
    assert [(d["file"], d["line"], d["column"]) for d in answer["diagnostics"]] == [
        ("users/t-yamada.acl", 1, 8), ("users/t-yamada.acl", 3, 1), ("users/t-yamada.acl", 4, 11)]
    assert answer["diagnostics"][0]["source"] == "allow  intranett" and answer["diagnostics"][0]["level"] == "error"


def test_acl_check_without_a_folder(acl):
    done = run("acl", "check", f"{acl}/none")
    assert done.returncode == 1 and f"{acl}/none" in done.stderr
    os.chmod(f"{acl}/good", 0o700)
    assert run("acl", "check", f"{acl}/good", uid=NOBODY).returncode == 1


def test_explain_by_files(acl):
    ask = ["acl", "explain", "t-yamada", "tcp", "443", "10.20.0.10", f"--files={acl}/good"]
    done = run(*ask, "--group", "soumu")
    assert done.returncode == 0
    assert done.stdout == ("denied: t-yamada, tcp 443 10.20.0.10 (class ministry, groups: soumu)\n"
                           "ACTION  FILE:LINE             RULE\n"
                           "deny    users/t-yamada.acl:1  deny tcp 443 10.20.0.0/24 reason \"moved\"\n"
                           "allow   groups/soumu.acl:1    allow intranet\n")
    other = run("acl", "explain", "h-suzuki", "tcp", "443", "10.20.0.10", "--group", "soumu,kikaku", "--files", f"{acl}/good", "--json")
    assert json.loads(other.stdout) == {"allowed": True, "generation": None, "rules": [
        {"action": "allow", "file": "groups/soumu.acl", "line": 1, "text": "allow intranet"}]}
    assert "No rule covers it" in run("acl", "explain", "h-suzuki", "icmp", "10.20.0.10", "--files", f"{acl}/good", "--group", "x").stdout
    done = run(*ask[:-1], f"--files={acl}/bad", "--group", "soumu")
    assert done.returncode == 1 and done.stdout == "" and "intranett" in done.stderr


def test_explain_asks_the_gateway_with_the_users_groups(bare):
    name = "cli-user"
    if name not in [p.pw_name for p in pwd.getpwall()]:
        subprocess.run(["useradd", "--no-create-home", "-N", "-g", "daemon", "-G", "games,mail", name], check=True)
    rules = [{"action": "allow", "file": "users/a\x1b.acl", "line": 3, "text": "allow x"}]
    with Gateway(end(allowed=True, generation=4, rules=rules)) as gateway:
        done = run("acl", "explain", name, "udp", "53", "2001:db8::1", "--class", "private")
        assert json.loads(run("acl", "explain", name, "icmp", "10.0.0.1", "--json").stdout)["generation"] == 4
        unknown = run("acl", "explain", "no-such-user", "icmp", "10.0.0.1")
    request = gateway.requests[0]
    assert sorted(request.pop("groups")) == ["daemon", "games", "mail"]
    assert request == {"verb": "acl-explain", "user": name, "class": "private", "proto": "udp", "port": "53", "address": "2001:db8::1"}
    assert gateway.requests[1]["port"] == "" and len(gateway.requests) == 2
    assert done.stdout.startswith("allowed: cli-user, udp 53 2001:db8::1 (class private, groups: daemon") and "users/a\\x1b.acl:3" in done.stdout
    assert unknown.returncode == 1 and "--group" in unknown.stderr


# --- setup ------------------------------------------------------------------------------------------------------------------------

PLACES = ("/etc/sekisho", "/etc/pam.d", "/etc/systemd/system")


def snapshot():
    """Everything below the places that setup writes to: name -> mode, owner, times, content."""
    found = {}
    for place in PLACES:
        for path in [place, *glob.glob(f"{place}/**", recursive=True, include_hidden=True)]:
            st = os.lstat(path)
            content = open(path, "rb").read() if stat.S_ISREG(st.st_mode) else None
            found[path] = (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns, content)
    return found


def test_setup_once_and_again(clean):
    done = run(*SETUP)
    assert done.returncode == 0, done.stderr
    assert "kept" not in done.stdout and "\nNext:\n  1. " in done.stdout and "  3. " in done.stdout
    gateway, portal = grp.getgrnam("sekisho").gr_gid, grp.getgrnam("sekisho-portal").gr_gid
    for path, mode, group in (
            ("/etc/sekisho", 0o755, 0), ("/etc/sekisho/sekisho.conf", 0o644, 0), ("/etc/sekisho/tunnel.key", 0o640, gateway),
            ("/etc/sekisho/acl", 0o750, gateway), ("/etc/sekisho/acl/groups", 0o750, gateway), ("/etc/sekisho/acl/users", 0o750, gateway),
            ("/etc/sekisho/acl/systems.acl", 0o640, gateway), ("/etc/sekisho/acl/devices/private.acl", 0o640, gateway),
            ("/etc/sekisho/tls", 0o755, 0), ("/etc/sekisho/tls/ca.key", 0o600, 0), ("/etc/sekisho/tls/ca.crt", 0o644, 0),
            ("/etc/sekisho/tls/portal.key", 0o640, portal), ("/etc/sekisho/tls/portal.crt", 0o644, 0), ("/etc/pam.d/sekisho", 0o644, 0),
            ("/etc/systemd/system/sekisho-portal.socket.d/address.conf", 0o644, 0)):
        st = os.lstat(path)
        assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (mode, 0, group), path
        assert f"wrote {path}\n" in done.stdout
    with open("/etc/systemd/system/sekisho-portal.socket.d/address.conf") as f:
        listens = re.findall("^ListenStream=(.*)$", f.read(), re.M)
    assert listens[0] == "10.64.0.1:443" and re.fullmatch(r"\[fd[0-9a-f:]+::1\]:443", listens[1]) and len(listens) == 2
    with open("/etc/pam.d/sekisho") as f:
        lines = [line for line in f if line.strip() and not line.startswith("#")]
    assert lines == ["@include common-auth\n", "@include common-account\n"]
    check = run("setup", "--check")
    assert (check.returncode, check.stderr) == (0, "")
    assert json.loads(run("setup", "--check", "--json").stdout) == {"ok": True, "problems": []}
    before = snapshot()
    assert not [path for path in before if re.search(r"/\.[^/]*\.[A-Za-z0-9]{6}$", path)]  # no temporary file is left
    again = run("setup", "--json")
    assert again.returncode == 0 and {f["result"] for f in json.loads(again.stdout)["files"]} == {"kept"}
    other = run("setup", "--endpoint", "other.example.jp:1")
    assert other.returncode == 0 and "the options are not used" in other.stderr and "wrote" not in other.stdout
    assert snapshot() == before


def test_the_trial_certificate(clean):
    assert run(*SETUP).returncode == 0
    def verify(*more):
        return subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "/etc/sekisho/tls/ca.crt", *more,
                               "/etc/sekisho/tls/portal.crt"], capture_output=True, text=True)
    assert verify("-verify_hostname", "gate.example.jp").returncode == 0
    assert verify("-verify_ip", "10.64.0.1").returncode == 0
    assert verify("-verify_hostname", "bank.example.com").returncode != 0
    assert verify("-verify_ip", "10.64.0.2").returncode != 0
    names = subprocess.run(["openssl", "x509", "-in", "/etc/sekisho/tls/portal.crt", "-noout", "-ext", "subjectAltName"],
                           capture_output=True, text=True, check=True).stdout
    assert "DNS:gate.example.jp, IP Address:10.64.0.1, IP Address:FD" in names


def test_lost_certificate_is_made_again_by_the_same_authority(clean):
    assert run(*SETUP).returncode == 0
    with open("/etc/sekisho/tls/ca.crt") as f:
        authority = f.read()
    for name in ("crt", "key"):
        os.unlink(f"/etc/sekisho/tls/portal.{name}")
    done = run("setup")
    assert done.returncode == 0 and "kept  /etc/sekisho/tls/ca.crt" in done.stdout and "wrote /etc/sekisho/tls/portal.crt" in done.stdout
    assert run("setup", "--check").returncode == 0 and open("/etc/sekisho/tls/ca.crt").read() == authority


def test_the_authority_vouches_for_no_other_name(clean):
    assert run(*SETUP).returncode == 0
    edit("portal-name .*", "portal-name door.example.jp")
    check = run("setup", "--check")
    assert check.returncode == 1 and "is not for the portal-name door.example.jp" in check.stderr
    for name in ("crt", "key"):
        os.unlink(f"/etc/sekisho/tls/portal.{name}")
    done = run("setup")
    assert done.returncode == 1 and "trial CA" in done.stderr and not os.path.exists("/etc/sekisho/tls/portal.key")
    for name in ("crt", "key"):
        shutil.move(f"/etc/sekisho/tls/ca.{name}", f"/run/cli/old.{name}")
    assert run("setup").returncode == 0 and run("setup", "--check").returncode == 0


def edit(pattern, replacement, path="/etc/sekisho/sekisho.conf"):
    with open(path) as f:
        text, count = re.subn(f"^{pattern}$", replacement, f.read(), flags=re.M)
    assert count == 1
    with open(path, "w") as f:
        f.write(text)


def test_own_certificate_needs_no_authority(clean):
    os.makedirs("/etc/sekisho/tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60", "-subj",
                    "/CN=x", "-addext", "subjectAltName=DNS:gate.example.jp", "-keyout", "/etc/sekisho/tls/portal.key", "-out",
                    "/etc/sekisho/tls/portal.crt"], check=True, capture_output=True)
    os.chown("/etc/sekisho/tls/portal.key", 0, grp.getgrnam("sekisho-portal").gr_gid)
    os.chmod("/etc/sekisho/tls/portal.key", 0o640)
    assert run(*SETUP).returncode == 0
    assert sorted(os.listdir("/etc/sekisho/tls")) == ["portal.crt", "portal.key"]
    assert run("setup", "--check").returncode == 0  # no addresses named: none asked for


@pytest.mark.parametrize("words, said", [
    (["setup"], ["--endpoint", "--internal", "--resolver", "--portal-name"]),
    (SETUP[:-2], ["--portal-name"]),
    ([*SETUP[:1], "--endpoint", "vpn.example.jp", *SETUP[3:]], ["--endpoint vpn.example.jp"]),
    ([*SETUP, "--network4", "10.64.0.1/16"], ["--network4", "10.64.0.1/16"]),
    ([*SETUP, "--network4", "10.0.0.0/30"], ["--network4"]),
    ([*SETUP, "--network6", "10.0.0.0/16"], ["--network6"]),
    ([*SETUP[:-1], "under_score"], ["--portal-name"]),
    ([*SETUP[:-1], "gate.example.jp\nbackend kernel"], ["--portal-name"]),
    ([*SETUP[:-1], "gate.example.jp # x"], ["--portal-name"]),
    ([*SETUP, "--resolver", "dns.example.jp"], ["--resolver"]),
    ([*SETUP, "--internal", "10.20.0.1/16"], ["--internal", "10.20.0.1/16"]),
])
def test_setup_with_broken_input_writes_nothing(clean, words, said):
    before = snapshot_if_there()
    done = run(*words)
    assert done.returncode == 2 and done.stdout == "" and all(word in done.stderr for word in said), done.stderr
    assert snapshot_if_there() == before and not os.path.exists("/etc/sekisho")


def snapshot_if_there():
    return {place: sorted(os.listdir(place)) if os.path.isdir(place) else None for place in PLACES}


def test_setup_with_a_broken_file_changes_nothing(clean):
    os.makedirs("/etc/sekisho")
    with open("/etc/sekisho/sekisho.conf", "w") as f:
        f.write("endpoint vpn.example.jp:51820\nresolvre 10.20.0.53\n")
    before = snapshot()
    done = run("setup")
    assert done.returncode == 1 and "sekisho.conf:2:1: error: " in done.stderr and "resolver" in done.stderr
    assert snapshot() == before


@pytest.mark.parametrize("there, missing", [("portal.key", "portal.crt"), ("portal.crt", "portal.key"), ("ca.key", "ca.crt"), ("ca.crt", "ca.key")])
def test_half_a_pair_is_not_completed(clean, there, missing):
    os.makedirs("/etc/sekisho/tls")
    with open(f"/etc/sekisho/tls/{there}", "w") as f:
        f.write("mine")
    done = run(*SETUP)
    assert done.returncode == 1 and f"tls/{there} is there, but /etc/sekisho/tls/{missing} is not" in done.stderr
    assert os.listdir("/etc/sekisho/tls") == [there] and open(f"/etc/sekisho/tls/{there}").read() == "mine"


def test_the_phones_network_keeps_clear_of_the_internal_ones(clean):
    words = [w if w != "10.20.0.0/16" else "10.0.0.0/8" for w in SETUP]
    assert run(*words).returncode == 0
    with open("/etc/sekisho/sekisho.conf") as f:
        assert re.search(r"^tunnel-network +172\.30\.0\.0/16 fd", f.read(), re.M)


def test_setup_without_ipv6(clean):
    assert run(*SETUP, "--network6", "none").returncode == 0
    with open("/etc/sekisho/sekisho.conf") as f:
        assert re.search(r"^tunnel-network +10\.64\.0\.0/16$", f.read(), re.M)
    with open("/etc/systemd/system/sekisho-portal.socket.d/address.conf") as f:
        assert f.read().count("\nListenStream=") == 1
    assert run("setup", "--check").returncode == 0


def test_setup_asks_on_a_terminal(clean):
    with open("/etc/resolv.conf") as f:
        resolv = f.read()
    with open("/etc/resolv.conf", "w") as f:
        f.write("nameserver 127.0.0.53\nnameserver 10.20.0.54\n")
    try:
        shown, code = on_terminal("setup", typed="nonsense\nvpn.example.jp:443\n10.20.0.0/16\n\nnone\n\nGate.example.jp\n")
    finally:
        with open("/etc/resolv.conf", "w") as f:
            f.write(resolv)
    assert code == 0, shown
    assert "[10.64.0.0/16]" in shown and "[10.20.0.54]" in shown and "'nonsense'" in shown
    with open("/etc/sekisho/sekisho.conf") as f:
        text = f.read()
    assert re.search("^endpoint +vpn.example.jp:443$", text, re.M) and re.search("^resolver +10.20.0.54$", text, re.M)
    assert run("setup", "--check").returncode == 0


def test_setup_without_answers(clean):
    shown, code = on_terminal("setup", typed="\x04")
    assert code == 1 and "nothing was written" in shown and not os.path.exists("/etc/sekisho")


def test_setup_needs_root_and_users(clean):
    for words in (SETUP, ["setup", "--check"]):
        done = run(*words, uid=NOBODY)
        assert done.returncode == 1 and "only root" in done.stderr
    with open("/etc/group") as f:
        groups = f.read()
    try:
        with open("/etc/group", "w") as f:
            f.write(re.sub("^sekisho-logs:", "other:", groups, flags=re.M))
        done = run(*SETUP)
    finally:
        with open("/etc/group", "w") as f:
            f.write(groups)
    assert done.returncode == 1 and "group sekisho-logs" in done.stderr and "systemd-sysusers" in done.stderr
    assert not os.path.exists("/etc/sekisho")


def remove(path):
    return lambda: os.unlink(f"/etc/sekisho/{path}")


def mode(path, bits):
    return lambda: os.chmod(f"/etc/sekisho/{path}", bits)


def write(path, text):
    def change():
        with open(path, "w") as f:
            f.write(text)
    return change


@pytest.mark.parametrize("change, said, hint", [
    (remove("sekisho.conf"), "/etc/sekisho/sekisho.conf", "sekisho setup"),
    (lambda: edit("portal-name .*", "portal-nam x"), "sekisho.conf:", "edit /etc/sekisho/sekisho.conf"),
    (remove("tunnel.key"), "/etc/sekisho/tunnel.key is missing", "sekisho setup"),
    (mode("tunnel.key", 0o644), "/etc/sekisho/tunnel.key", "chmod"),
    (mode("tunnel.key", 0o600), "/etc/sekisho/tunnel.key cannot be read by user sekisho", "chgrp sekisho"),
    (write("/etc/sekisho/tunnel.key", "garbage"), "/etc/sekisho/tunnel.key", "mend the file"),
    (remove("tls/portal.crt"), "/etc/sekisho/tls/portal.crt", "sekisho setup"),
    (remove("tls/portal.key"), "/etc/sekisho/tls/portal.key", "sekisho setup"),
    (mode("tls/portal.key", 0o644), "/etc/sekisho/tls/portal.key", "chmod"),
    (mode("tls/portal.key", 0o600), "tls/portal.key cannot be read by user sekisho-portal", "chgrp sekisho-portal"),
    (mode("tls/portal.crt", 0o600), "tls/portal.crt cannot be read by user sekisho-portal", "chgrp sekisho-portal"),
    (write("/etc/sekisho/tls/portal.key", "garbage"), "has a private key that is none", "certificate"),
    (write("/etc/sekisho/tls/portal.crt", "garbage"), "holds no certificate", "certificate"),
    (mode("tls/ca.key", 0o640), "ca.key can be read by others", "chmod 600"),
    (lambda: edit("tunnel-network .*", "tunnel-network 10.65.0.0/16"), "lacks the line ListenStream=10.65.0.1:443", "daemon-reload"),
    (lambda: edit("tunnel-network .*", "tunnel-network 10.65.0.0/16"), "not the gateway's own in the tunnel, 10.65.0.1", "certificate"),
    (lambda: os.unlink("/etc/pam.d/sekisho"), "/etc/pam.d/sekisho", "sekisho setup"),
    (lambda: os.unlink("/etc/systemd/system/sekisho-portal.socket.d/address.conf"), "address.conf", "sekisho setup"),
    (write("/etc/sekisho/acl/users/a.acl", "allow nothing\n"), "users/a.acl:1:7", "sekisho acl check"),
    (lambda: shutil.rmtree("/etc/sekisho/acl"), "/etc/sekisho/acl", "sekisho setup"),
    (mode("acl", 0o700), "/etc/sekisho/acl cannot be read by user sekisho", "chmod g+rx"),
])
def test_the_check_finds_it_with_its_remedy(clean, change, said, hint):
    assert run(*SETUP).returncode == 0
    change()
    done = run("setup", "--check")
    assert done.returncode == 1 and done.stdout == "" and said in done.stderr and hint in done.stderr, done.stderr
    answer = json.loads(run("setup", "--check", "--json").stdout)
    assert not answer["ok"] and any(said in p["what"] for p in answer["problems"])


def test_the_check_finds_everything_at_once(clean):
    os.makedirs("/etc/sekisho")
    answer = json.loads(run("setup", "--check", "--json").stdout)
    assert len(answer["problems"]) == 4  # settings, key, PAM service, ACLs; the rest needs settings
    assert all(p["hint"] for p in answer["problems"])
