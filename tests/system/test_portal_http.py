# SPDX-License-Identifier: GPL-3.0-or-later
"""The login page's HTTP: who may send a form, and what bounds a client meets."""
import re
import socket
import ssl
import struct
import time

import pytest

from portal_fixtures import pytestmark, machine, gateway, auth, portal, phone
from portal_world import DEADLINE, GATEWAY4, LOGGED_IN, LOGGED_OUT, NAME, OTHER, PHONE, ROOT, UNKNOWN, Browser, tls_context


# ---- who may send a form ----

@pytest.mark.parametrize("fields, status", [
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": f"http://{NAME}"}, 403),
    ({"Origin": f"https://{NAME}:8443"}, 403),
    ({"Origin": ""}, 403),
    ({"Origin": None}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": None, "Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
    ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 303),
    ({"Origin": None, "Sec-Fetch-Site": "same-origin"}, 303),
    ({"Origin": f"https://{NAME.upper()}"}, 303),
    ({"Content-Type": "text/plain"}, 400),
    ({"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, 303),
    ({"Host": "evil.example", "Origin": "https://evil.example"}, 421),
    ({"Host": f"{NAME}.evil.example", "Origin": f"https://{NAME}.evil.example"}, 421),
    ({"Host": f"{NAME}:80", "Origin": f"https://{NAME}:80"}, 421),
    ({"Host": f"{GATEWAY4}:443", "Origin": f"https://{GATEWAY4}:443"}, 303),
])
def test_only_our_own_page_may_log_out(phone, gateway, fields, status):
    gateway.devices[PHONE].update(state=LOGGED_IN)
    before = len(gateway.logouts)
    assert phone.post("/logout", **fields).status == status
    assert len(gateway.logouts) == before + (status == 303)


def test_headers_of_every_page(phone):
    for page in (phone.get(), phone.get("/nowhere"), phone.get("/login")):
        assert page.headers["cache-control"] == "no-store" and "set-cookie" not in page.headers
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert page.headers["referrer-policy"] == "same-origin" and page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["strict-transport-security"].startswith("max-age=")


def test_paths_and_methods(phone):
    assert phone.get("/style.css?x").headers["content-type"] == "text/css; charset=utf-8"
    assert phone.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
    assert phone.get("/nowhere").status == 404
    assert phone.get("/answer").status == 303
    assert phone.post("/", "").status == 405
    reply = phone.get("/", method="DELETE")
    assert reply.status == 405 and reply.headers["allow"] == "GET, HEAD, POST"
    reply = phone.get("/", method="HEAD")
    assert reply.status == 200 and int(reply.headers["content-length"]) > 500 and reply.body == b""
    assert phone.get("/").status == 200


def test_on_a_home_screen_it_has_a_name_and_an_icon(phone, gateway):
    """What iOS and Android look for when the page is put there; a stranger is not told the name."""
    page = phone.get().text
    for name in ("application-name", "apple-mobile-web-app-title"):
        assert f'<meta name="{name}" content="みどり省 &lt;リモート&gt;">' in page
    icon = phone.get(re.search(r'<link rel="apple-touch-icon" href="([^"]*)">', page)[1])
    assert icon.status == 200 and icon.headers["content-type"] == "image/png" and icon.headers["cache-control"].endswith("max-age=3600")
    with open(f"{ROOT}/auth/icon.png", "rb") as f:
        assert icon.body == f.read()
    assert struct.unpack(">8s4x4sII", icon.body[:24]) == (b"\x89PNG\r\n\x1a\n", b"IHDR", 192, 192)
    gateway.devices[PHONE].update(state=UNKNOWN)
    assert "みどり省" not in phone.get().text


def test_first_flight(phone, gateway):
    gateway.devices[PHONE].update(state=LOGGED_IN, user="t-yamada", label="x", expires=1, reach=["tcp 443 10.20.0.10"] * 20)
    lines = [("tcp 443 10.20.0.10", "R8-112", 4099680000000000)] * 20
    gateway.devices[PHONE].update(reach=lines, renewal=1, idle=1800)
    for state in (LOGGED_IN, LOGGED_OUT):
        gateway.devices[PHONE].update(state=state)
        for language in ("ja", "en"):
            phone.language = language
            assert sum(size(phone, path) for path in ("/", "/style.css")) <= 14 * 1024


def size(phone, path):
    """Bytes of an answer, its head included."""
    reply = phone.get(path)
    return len(reply.body) + sum(len(f"{name}: {value}\r\n") for name, value in reply.headers.items()) + len("HTTP/1.1 200 OK\r\n\r\n")


# ---- bounds ----

GOOD = f"Host: {NAME}\r\n"


@pytest.mark.parametrize("data, status", [
    ("GET / HTTP/1.0\r\n" + GOOD + "\r\n", 400),
    ("GET / HTTP/1.9\r\n" + GOOD + "\r\n", 400),
    ("GET / HTTP/2.0\r\n" + GOOD + "\r\n", 400),
    (f"GET https://{NAME}/ HTTP/1.1\r\n" + GOOD + "\r\n", 400),
    ("OPTIONS * HTTP/1.1\r\n" + GOOD + "\r\n", 400),
    ("CONNECT x:443 HTTP/1.1\r\n" + GOOD + "\r\n", 400),
    ("GET  / HTTP/1.1\r\n" + GOOD + "\r\n", 400),
    ("GET / HTTP/1.1 \r\n" + GOOD + "\r\n", 400),
    ("GET /#x HTTP/1.1\r\n" + GOOD + "\r\n", 400),
    ("GET / HTTP/1.1\n" + GOOD + "\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\n\r\n", 400),
    ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n" + GOOD + "A: b\0c\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n" + GOOD + GOOD + "\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("\r\nGET / HTTP/1.1\r\n" + GOOD + "\r\n", 400),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost : " + NAME + "\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n" + GOOD + "A: b\r\n c\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n" + GOOD + ": b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n" + GOOD + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Content-Length: 4\r\nTransfer-Encoding: identity\r\n\r\nuser", 400),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nuser", 400),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Content-Length: 4, 4\r\n\r\nuser", 400),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Content-Length: -1\r\n\r\n", 400),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Content-Length: +4\r\n\r\nuser", 400),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Content-Length: 0x4\r\n\r\nuser", 400),
    ("POST /login HTTP/1.1\r\n" + GOOD + "\r\n", 411),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Content-Length: 8193\r\n\r\n", 413),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Content-Length: 18446744073709551620\r\n\r\n", 413),
    ("POST /login HTTP/1.1\r\n" + GOOD + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n", 417),
    ("GET / HTTP/1.1\r\n" + GOOD + "Content-Length: 4\r\n\r\nuser", 400),
    ("GET / HTTP/1.1\r\n" + GOOD + "A: b\r\n" * 64 + "\r\n", 400),
    ("GET / HTTP/1.1\r\n" + GOOD + "A: " + "b" * 8192 + "\r\n\r\n", 431),
    ("GET /" + "b" * 9000, 431),
])
def test_what_is_not_strict_http_is_refused_and_closed(phone, data, status):
    phone.send(data.encode())
    reply = phone.closed()
    assert reply.startswith(f"HTTP/1.1 {status} ".encode()) and b"Connection: close" in reply
    assert reply.count(b"HTTP/1.1") == 1


def test_sixty_four_fields_are_taken(phone):
    phone.send(("GET / HTTP/1.1\r\n" + GOOD + "A: b\r\n" * 63 + "\r\n").encode())
    assert phone.reply().status == 200


def test_requests_in_one_piece_and_byte_by_byte(phone):
    phone.start_get("/favicon.ico")
    phone.start_get("/style.css")
    assert [phone.reply().status, phone.reply().status] == [200, 200]
    for byte in phone.head("GET", "/style.css"):
        phone.send(bytes([byte]))
    assert phone.reply().status == 200


def test_a_connection_serves_a_bounded_number_of_requests(phone):
    for _ in range(99):
        assert phone.get("/favicon.ico").headers["connection"] == "keep-alive"
    assert phone.get("/favicon.ico").headers["connection"] == "close"
    assert phone.closed() == b""


def refused(source):
    try:
        b = Browser(source)
    except (ConnectionError, ssl.SSLError):
        return True
    b.close()
    return False


def test_one_device_cannot_take_all_connections(phone):
    # what other tests have left is closed when the portal reads its end
    end = time.monotonic() + DEADLINE
    crowd = []
    while len(crowd) < 15:
        try:
            crowd.append(Browser())
        except (ConnectionError, ssl.SSLError):
            assert time.monotonic() < end
    assert refused(PHONE)
    other = Browser(OTHER)
    assert other.get("/favicon.ico").status == 200 and phone.get("/favicon.ico").status == 200
    for b in crowd + [other]:
        b.close()
    while refused(PHONE):
        assert time.monotonic() < end


def test_only_tls_1_3(phone):
    with pytest.raises(ssl.SSLError):
        Browser(connect=False).connect(tls_context(maximum_version=ssl.TLSVersion.TLSv1_2))
    assert phone.tls.version() == "TLSv1.3"
    plain = socket.create_connection((GATEWAY4, 443), DEADLINE, source_address=(PHONE, 0))
    plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        assert b"HTTP" not in plain.recv(4096)
    except ConnectionResetError:
        pass


def test_deadlines_are_absolute(portal, phone, auth, gateway):
    """Each of these gives a sign of life every second and would go on for ever."""
    gateway.devices[OTHER] = {"state": LOGGED_OUT}
    computing = Browser(OTHER)
    computing.start_post("/login", "user=t-yamada")
    attempt = auth.accept()  # and says nothing

    handshake = socket.create_connection((GATEWAY4, 443), DEADLINE, source_address=(PHONE, 0))
    handshake.sendall(b"\x16\x03\x01\x02\x00\x01")
    head, body, idle = Browser(), Browser(), Browser()
    head.send(b"GET / HTTP/1.1\r\n")
    body.start_post("/login", "", Content_Length="100")
    assert idle.get("/favicon.ico").status == 200
    open_ones = {handshake: lambda: handshake.sendall(b"\0"), head.tls: lambda: head.send(b"X: y\r\n"), body.tls: lambda: body.send(b"a"),
                 idle.tls: lambda: None}
    end = time.monotonic() + 4 * DEADLINE
    for s in open_ones:
        s.settimeout(1 / len(open_ones))
    while open_ones:
        assert time.monotonic() < end, f"still open: {open_ones}"
        for s, sign_of_life in list(open_ones.items()):
            try:
                if s.recv(4096) == b"":
                    del open_ones[s]
            except TimeoutError:
                try:
                    sign_of_life()
                except OSError:
                    del open_ones[s]
            except OSError:
                del open_ones[s]
    assert computing.reply().status == 303
    assert attempt.closed() and "took too long" in computing.get().text
