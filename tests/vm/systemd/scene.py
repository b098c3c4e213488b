# SPDX-License-Identifier: GPL-3.0-or-later
"""Inside the virtual machine: a phone and the ministry's LAN in namespaces around the gateway, which is the machine itself.

      lan 10.20.0.10 .20 .53 --(lan0)-- the machine --(wan0, 203.0.113.0/24)-- phone
                                              |---------(wan1, 198.51.100.0/24)-- phone2, if asked for

The functions are what agent.py's `call` may name; they take and return what JSON can carry.
"""
import functools
import os
import socket
import subprocess
import sys
import threading

from browser import Browser
from netns import Netns, wait_until
from phone import Flow, read_conf

HERE = os.path.dirname(os.path.abspath(__file__))
OUTER = "203.0.113.1"
PHONES = {"phone": ("wan0", OUTER, "203.0.113.77"), "phone2": ("wan1", "198.51.100.1", "198.51.100.77")}  # wire, its two ends
PORTAL, PORTAL4 = "gate.example.jp", "10.64.0.1"
CA = "/etc/sekisho/tls/ca.crt"
LAN = ("10.20.0.10", "10.20.0.20", "10.20.0.53")
SLOW = 30.0  # seconds, times netns.SLOWER; a machine without hardware help, on a host that does other things too
flows, readers = {}, {}
kept = []  # sockets that stay open
_phones = {}
_lan = None


class KernelPhone(Netns):
    """A phone with WireGuard in its kernel."""

    def __init__(self, name):
        super().__init__(name)
        wire, near, far = PHONES[name]
        _wire(wire, f"{near}/24", self, f"{far}/24")
        if near != OUTER:
            self.ip(f"route add {OUTER} via {near}")
        self.v4 = None

    @functools.cached_property
    def browser(self):
        """Its certificate authority is there once the gateway is set up."""
        return Browser(self, PORTAL, PORTAL4, CA)

    def join(self, conf_text):
        conf = read_conf(conf_text)
        keys = [f"[Interface]\nPrivateKey = {conf['Interface']['PrivateKey']}\n[Peer]"]
        keys += [f"{key} = {value}" for key, value in conf["Peer"].items()]
        addresses = [a.strip() for a in conf["Interface"]["Address"].split(",")]
        self.v4 = next(a.split("/")[0] for a in addresses if ":" not in a)
        subprocess.run(self.command("ip", "link", "delete", "wg0"), stderr=subprocess.DEVNULL)  # of an earlier attempt
        self.ip("link add wg0 type wireguard", "link set wg0 mtu 1280")
        subprocess.run(self.command("wg", "setconf", "wg0", "/dev/stdin"), input="\n".join(keys) + "\n", text=True, check=True)
        self.ip("link set wg0 up", *[f"address add {a} dev wg0" for a in addresses], "route add default dev wg0")


def _wire(device, address, other, far_address):
    if not os.path.exists(f"/sys/class/net/{device}"):
        subprocess.run(["ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", other.name], check=True)
    subprocess.run(["ip", "address", "replace", address, "dev", device], check=True)
    subprocess.run(["ip", "link", "set", device, "up"], check=True)
    other.ip(f"address add {far_address} dev eth0", "link set eth0 up")


def up():
    """The namespaces, and what answers in the LAN."""
    global _lan
    if _lan:
        return
    _phones["phone"] = KernelPhone("phone")
    lan = Netns("lan")
    _wire("lan0", "10.20.0.1/16", lan, f"{LAN[0]}/16")
    lan.ip(*[f"address add {a}/16 dev eth0" for a in LAN[1:]], "route add default via 10.20.0.1")
    _lan = lan.popen(sys.executable, f"{HERE}/lan.py", LAN[2], f"{PORTAL}={PORTAL4}", *LAN[:2], stdout=subprocess.PIPE, text=True)
    assert _lan.stdout.readline() == "ready\n"
    _lan.ns = lan


def join(conf_text, phone="phone"):
    """The phone has scanned its code; returns its address when the gateway answers through the tunnel."""
    if phone not in _phones:
        _phones[phone] = KernelPhone(phone)
    _phones[phone].join(conf_text)
    return connected(phone)


def connected(phone="phone"):
    """Waits until the gateway answers the phone through the tunnel."""
    wait_until(lambda: _phones[phone].ping(PORTAL4, 1.0).result == "open", SLOW, "the tunnel is up")
    return _phones[phone].v4


def login(user, password, phone="phone"):
    """The text of the page after the login."""
    return _phones[phone].browser.login(user, password).text


def page(phone="phone"):
    """Status and text of the login page as the phone sees it."""
    answer = _phones[phone].browser.get("/")
    return [answer.status, answer.text]


def attempt_begin(user, phone):
    """The name is given; the text of the page that asks for more."""
    browser = _phones[phone].browser
    return _answer(browser, browser.open(), "text", user)


def attempt_answer(password, phone):
    browser = _phones[phone].browser
    return _answer(browser, browser.page.form("password"), "password", password)


def _answer(browser, form, kind, text):
    browser.submit(form, **{next(name for name, k in form.kinds.items() if k == kind): text})
    return browser.settle().text


class Reader:
    """Somebody who looks at the login page again and again; every answer has to be the page."""

    def __init__(self, phone):
        self.good, self.bad = 0, []
        self._stop = threading.Event()
        self._browser = Browser(_phones[phone], PORTAL, PORTAL4, CA)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while not self._stop.is_set():
            try:
                answer = self._browser.get("/")
                if answer.status == 200:
                    self.good += 1
                else:
                    self.bad.append(f"{answer.status}: {answer.text}")
            except OSError as error:
                self.bad.append(repr(error))

    def stop(self):
        self._stop.set()
        self._thread.join()
        return [self.good, self.bad]


def reader_start(phone):
    readers[phone] = Reader(phone)
    wait_until(lambda: readers[phone].good + len(readers[phone].bad) > 0, SLOW, "a first page")


def reader_goes_on(phone):
    """Waits for further pages."""
    before = readers[phone].good
    wait_until(lambda: readers[phone].good > before + 2, SLOW, "more pages")


def reader_stop(phone):
    """How many pages were read, and what came instead of one."""
    return readers.pop(phone).stop()


def tcp(host, port, phone="phone"):
    """How the phone finds that door: 'open', 'refused', 'prohibited' or 'timeout'."""
    return _phones[phone].tcp(host, port, 15.0).result


def udp(host):
    """One question to an echo in the LAN and its answer, over a connection of its own; the phone's port of it."""
    s = _phones["phone"].connect(host, 7000, socket.SOCK_DGRAM)
    s.settimeout(SLOW)
    s.send(b"hello")
    assert s.recv(100) == b"hello"
    kept.append(s)
    return s.getsockname()[1]


def flow_open(name, host, kind="udp", every=0.1):
    """A flow of the phone to an echo in the LAN, a message each `every` seconds, until flow_stop()."""
    flows[name] = Flow(_phones["phone"], host, 7000, {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}[kind], every)
    return flow_goes_on(name, 5)


def flow_goes_on(name, more):
    flows[name].goes_on(more, SLOW)
    return flows[name].count()


def flow_is_cut(name):
    return flows[name].is_cut(20, SLOW)


def flow_stop(name):
    flow = flows.pop(name)
    flow.stop()
    return [flow.sent, flow.count()]


def flow_missing(name):
    """The numbers of the messages sent until now that were not answered; waits for as many answers."""
    flow = flows[name]
    sent = flow.sent
    wait_until(lambda: flow.count() >= sent, SLOW, f"{sent} answers")
    return sorted(set(range(sent)) - {number for number, _ in flow.answers})


def flow_lossless(name):
    return not flow_missing(name)
