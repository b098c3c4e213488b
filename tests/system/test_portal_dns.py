# SPDX-License-Identifier: GPL-3.0-or-later
"""With `portal-dns on` phones find the login page without any resolver before a login, and nothing else: the real DNS server that the
unit starts, asked with dig, by the C library and by curl. The resolvers are asked only by who is logged in."""
import os
import re
import signal
import socket
import sys
import time

import pytest

from world import BUILD, INTRANET, PORTAL, PORTAL4, PORTAL6, RESOLVER, ROOT, wait_until

PREFIX = "/run/world/prefix"
RESOLVER6 = "2001:db8:20::53"  # answers nothing: nobody is there
SETTINGS = {"resolver": f"{RESOLVER} {RESOLVER6}"}
pytestmark = pytest.mark.usefixtures("world")


def dig(world, server, *question, tcp=False):
    """(status, answers): what dig understood; status None when nobody answered."""
    done = world.phone.run("dig", "+time=2", "+tries=2", "+tcp" if tcp else "+notcp", f"@{server}", *question, capture_output=True, check=False)
    status = re.search(r"status: (\w+)", done.stdout)
    return status and status[1], re.findall(r"^[^;\s]\S*\s+\d+\s+IN\s+\S+\s+(\S+)$", done.stdout, re.M)


def asked(world):
    """How many packets of DNS have come to the LAN from phones so far."""
    return int(re.search(r"packets (\d+)", world.lan.run("nft", "list", "counter", "ip", "seen", "questions", capture_output=True).stdout)[1])


def set_dns(world, value):
    world.configure(portal_dns=value)
    world.sekisho("reload")


def serve(world):
    before = world.output("dns").count("start of service")
    world.processes["dns"] = world.gw.popen(sys.executable, f"{ROOT}/tests/system/dns_activate.py", f"{BUILD}/sekisho",
                                            stdout=world.log_file("dns"), stderr=world.log_file("dns"))
    wait_until(lambda: world.output("dns").count("start of service") > before or world.processes["dns"].poll(), 30, "the DNS server starts")
    assert world.processes["dns"].poll() is None, world.output("dns")


@pytest.fixture(scope="module")
def counted(world, device):
    world.lan.run("nft", "-f", "-", input="table ip seen { counter questions {}; chain in { type filter hook input priority 0; "
                                          "ip saddr 10.64.0.0/16 th dport 53 counter name questions; }; }\n")
    return world


@pytest.fixture(scope="module")
def dns(counted):
    set_dns(counted, "on")
    counted.sekisho("setup")
    serve(counted)
    yield counted
    if "dns" in counted.processes:
        counted.kill("dns")
    set_dns(counted, None)


@pytest.fixture
def logged_out(dns):
    for row in dns.sekisho("session", "list", "--json"):
        dns.sekisho("session", "end", str(row["id"]))
    return dns


def test_off_unless_wanted(counted):
    assert not counted.sekisho("status", "--json")["portal_dns"]
    assert dig(counted, RESOLVER, PORTAL) == ("NOERROR", [PORTAL4]) and asked(counted)
    assert (counted.phone.udp(PORTAL4, 53).result, counted.phone.tcp(PORTAL4, 53).result) == ("prohibited", "refused")
    done = counted.sekisho("page", "dns", check=False)
    assert done.returncode == 1 and "portal-dns is off" in done.stderr and "disable --now sekisho-dns.socket" in done.stderr


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("server", [RESOLVER, RESOLVER6, PORTAL4, PORTAL6])
def test_the_pages_name_before_a_login(logged_out, server, tcp):
    """Whomever the phone asks: the resolver of its configuration, or the gateway."""
    before = asked(logged_out)
    assert dig(logged_out, server, PORTAL, tcp=tcp) == ("NOERROR", [PORTAL4])
    assert dig(logged_out, server, PORTAL.upper(), "AAAA", tcp=tcp) == ("NOERROR", [PORTAL6])
    assert dig(logged_out, server, PORTAL, "HTTPS", tcp=tcp) == ("NOERROR", [])
    assert asked(logged_out) == before


@pytest.mark.parametrize("name", ["intranet.example.jp", "example.jp", "payload.tunnel.example.com", "localhost", "x.test", "10.in-addr.arpa", "."])
def test_nothing_else_before_a_login(logged_out, name):
    before = asked(logged_out)
    for server in (RESOLVER, PORTAL4):
        assert dig(logged_out, server, name) == dig(logged_out, server, name, "TXT", tcp=True) == ("REFUSED", [])
    assert asked(logged_out) == before


def test_the_page_opens_by_its_name(logged_out):
    """Over the phone's own resolv.conf, the C library, and a browser that knows nothing of the test."""
    with open("/etc/netns/phone/resolv.conf") as f:
        assert set(re.findall(r"^nameserver (\S+)$", f.read(), re.M)) == {RESOLVER, RESOLVER6}
    inside = ["ip", "netns", "exec", "phone"]
    found = logged_out.gw.run(*inside, "getent", "ahosts", PORTAL, capture_output=True).stdout
    assert PORTAL4 in found and PORTAL6 in found
    page = logged_out.gw.run(*inside, "curl", "--silent", "--show-error", "--fail", "--cacert", "/etc/sekisho/tls/ca.crt", f"https://{PORTAL}/",
                             capture_output=True).stdout
    assert 'name="user"' in page


def test_nobody_is_asked_in_its_place(logged_out):
    """Without the DNS server phones get no answer, and the resolvers no question."""
    before = asked(logged_out)
    logged_out.kill("dns")
    for server in (RESOLVER, PORTAL4):
        assert dig(logged_out, server, PORTAL) == dig(logged_out, server, PORTAL, tcp=True) == (None, [])
    assert asked(logged_out) == before
    serve(logged_out)
    assert dig(logged_out, RESOLVER, PORTAL) == ("NOERROR", [PORTAL4])


def test_nor_where_the_redirection_is_gone(logged_out):
    before = asked(logged_out)
    gateway = logged_out.processes["gateway"]
    gateway.send_signal(signal.SIGSTOP)  # it would put the chain back at once
    try:
        logged_out.gw.run("nft", "flush", "chain", "inet", "sekisho", "portal_dns")
        assert dig(logged_out, RESOLVER, PORTAL) == (None, []) and asked(logged_out) == before
    finally:
        gateway.send_signal(signal.SIGCONT)
    wait_until(lambda: dig(logged_out, RESOLVER, PORTAL) == ("NOERROR", [PORTAL4]), 30, "the gateway mends its table")


def test_too_many_questions(logged_out):
    question = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + b"".join(bytes([len(p)]) + p.encode() for p in PORTAL.split(".")) + b"\0\0\1\0\1"
    with logged_out.phone.connect(RESOLVER, 53, socket.SOCK_DGRAM) as s:
        start = time.monotonic()
        for _ in range(3000):
            s.send(question)
        allowed = 100 + 50 * (time.monotonic() - start + 1)
        s.settimeout(0.5)
        answers = 0
        try:
            while s.recv(512):
                answers += 1
        except TimeoutError:
            pass
    assert allowed < 2000, "the flood was too slow to be one"
    assert 50 < answers <= allowed


def test_after_the_login_the_resolver_is_asked(dns, session):
    before = asked(dns)
    assert dig(dns, RESOLVER, "intranet.example.jp") == ("NOERROR", [INTRANET[0]]) and asked(dns) > before
    assert dig(dns, PORTAL4, PORTAL) == ("NOERROR", [PORTAL4])
    assert dig(dns, PORTAL4, "intranet.example.jp")[0] == "REFUSED"


def test_with_the_session_the_resolver_is_gone(dns, session):
    """Also for the very flow that asked it."""
    question = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\x08intranet\x07example\x02jp\0\0\1\0\1"
    with dns.phone.connect(RESOLVER, 53, socket.SOCK_DGRAM) as s:
        s.send(question)
        assert s.recv(512)[3] & 15 == 0
        dns.sekisho("session", "end", str(session["id"]))
        before = asked(dns)
        s.settimeout(1)
        try:
            s.send(question)
            assert s.recv(512)[3] & 15 == 5, "something else than REFUSED"
        except OSError:
            pass  # an ICMP error, or nothing
    assert dig(dns, RESOLVER, "intranet.example.jp") == ("REFUSED", []) and asked(dns) == before


def test_off_again(logged_out):
    set_dns(logged_out, None)
    try:
        assert dig(logged_out, RESOLVER, "intranet.example.jp") == ("NOERROR", [INTRANET[0]])
        assert logged_out.phone.udp(PORTAL4, 53).result == "prohibited"
    finally:
        set_dns(logged_out, "on")


def test_units_come_and_go_with_the_product(dns):
    """Well formed, with the drop-in that `sekisho setup` wrote; beside the tunnel's networks the sockets speak with nobody."""
    units = [f"{PREFIX}/lib/systemd/system/sekisho-dns.{kind}" for kind in ("socket", "service")]
    make = ["make", "-C", ROOT, "-s", "-o", "all", f"B={BUILD}", f"PREFIX={PREFIX}"]
    dns.gw.run(*make, "install")
    done = dns.gw.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units, capture_output=True)
    assert done.stdout + done.stderr == ""
    with open("/etc/systemd/system/sekisho-dns.socket.d/address.conf") as f:
        lines = f.read().splitlines()
    assert lines.index("IPAddressDeny=any") and {"IPAddressAllow=10.64.0.0/16", "IPAddressAllow=fd64:5e61::/64"} < set(lines)
    assert len([line for line in lines if line.startswith("Listen")]) == 4
    dns.gw.run(*make, "uninstall")
    assert not any(os.path.exists(unit) for unit in units)


def test_the_check_knows_what_it_needs(dns):
    with open("/etc/systemd/system/sekisho-dns.socket.d/address.conf") as f:
        good = f.read()
    assert "sekisho-dns" not in dns.sekisho("setup", "--check", check=False).stderr
    dns.write("/etc/systemd/system/sekisho-dns.socket.d/address.conf", good.replace(f"ListenDatagram={PORTAL4}", "ListenDatagram=10.64.0.2"))
    said = dns.sekisho("setup", "--check", check=False).stderr
    dns.write("/etc/systemd/system/sekisho-dns.socket.d/address.conf", good)
    assert f"lacks the line ListenDatagram={PORTAL4}:53" in said
