# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the logs is what happened: each event from its real cause, compared with what phones, files and people did."""
import hashlib
import json
import signal
import socket

import pytest

from initiation import initiation
from test_admission import knock, private_key, send, server_key
from world import FILES, INTRANET, STAFF, field, wait_until

SETTINGS = {"login_failures": "50 per 1m"}
CONFIG = "/etc/sekisho/sekisho.conf"


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def log_out(world):
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))


def stop(world):
    assert world.kill("gateway", signal.SIGTERM) == 0


@pytest.fixture
def last(world):
    """last(file, action): what came of it since the test began."""
    before = {file: len(world.logs(file)) for file in ("auth", "access", "audit")}

    def find(file, action, **wanted):
        def new():
            return [e for e in world.logs(file, action, **wanted) if e in world.logs(file)[before[file]:]]
        return wait_until(new, 20, f"{action} {wanted} in {file}.jsonl")[-1]
    return find


def test_a_login_says_with_what_and_how_far(world, device, last):
    log_out(world)
    browser = world.browser()
    browser.agent = "Mozilla/5.0 (\t試験 \"quoted\")".encode()
    browser.login("t-yamada", STAFF["t-yamada"].password, world.code("t-yamada"))
    started, succeeded, opened = (last("auth", a) for a in ("login-started", "login-succeeded", "session-opened"))
    for event in (started, succeeded):
        assert field(event, "user_agent.original") == "Mozilla/5.0 (\\x09試験 \"quoted\")" and field(event, "tls.version") == "1.3"
        assert field(event, "user.name") == "t-yamada" and field(event, "sekisho.endpoint.ip") == "203.0.113.77"
    assert field(succeeded, "sekisho.pam") == {"service": "sekisho", "stage": "account", "code": 0}
    row, = world.sekisho("session", "list", "--json")
    assert field(opened, "sekisho.session.id") == row["id"]
    log_out(world)
    world.browser().login("t-yamada", "wrong", "000000")
    failed = last("auth", "login-failed", event__reason="bad-credentials")
    assert field(failed, "sekisho.pam.stage") == "authenticate" and field(failed, "sekisho.pam.code") > 0


def test_a_session_adds_up(world, device, session, last):
    for address in (INTRANET[0], INTRANET[1], FILES[0]):
        world.phone.tcp(address, 80)
    world.sekisho("session", "end", str(session["id"]))
    ended = last("auth", "session-ended", device__id=device.id)
    closed = [e for e in world.logs("access", "connection-closed")
              if field(e, "sekisho.session") == {k: field(ended, f"sekisho.session.{k}") for k in ("id", "opened")}]
    assert len(closed) == field(ended, "sekisho.session.connections") >= 2
    for total in ("source.bytes", "source.packets", "destination.bytes", "destination.packets"):
        assert field(ended, total) == sum(field(e, total) for e in closed) > 0
    assert ended["event"]["start"] == field(ended, "sekisho.session.opened") < ended["event"]["end"]
    assert all(field(e, "rule.name") == "groups/soumu.acl:2" for e in closed)


def test_roaming_names_both_places_and_the_user(world, device, session, last):
    wait_until(lambda: world.sekisho("device", "show", device.id, "--json")["device"]["online"], what="seen where it is now")
    world.phone.roam("street")
    try:
        assert wait_until(lambda: world.phone.tcp(INTRANET[0], 80, 1).result == "open")
        event = last("auth", "device-roamed", device__id=device.id)
        assert (field(event, "sekisho.previous_endpoint.ip"), field(event, "sekisho.endpoint.ip")) == ("203.0.113.77", "203.0.113.88")
        assert {"203.0.113.77", "203.0.113.88"} <= set(event["related"]["ip"])
        assert field(event, "user.name") == "t-yamada" and field(event, "sekisho.session.id") == session["id"]
    finally:
        world.phone.roam("hotel")


def test_refusals_are_merged_per_reason_and_a_loss_is_told_at_once(world, last):
    d = world.add_device("t-yamada", label="knocks on")
    world.sekisho("device", "suspend", d.id)
    knock(world, d, "auth", "device-refused", event__reason="suspended")
    key, secret = server_key(world), private_key(d)
    before = world.sekisho("status", "--json")["knocks"]["refused"]

    def refused_again():
        send(world.inet, initiation(key, secret))
        return world.sekisho("status", "--json")["knocks"]["refused"] >= before + 3

    wait_until(refused_again, 20, "three more knocks")
    assert len(world.logs("auth", "device-refused", device__id=d.id)) == 1
    world.sekisho("device", "lost", d.id, "--yes")
    knock(world, d, "audit", "alert", event__reason="lost-device-seen")
    assert world.logs("auth", "device-refused", device__id=d.id, event__reason="lost")
    stop(world)  # which writes what is still being counted
    first, *_ = world.logs("auth", "device-refused", device__id=d.id, event__reason="suspended")
    merged = world.logs("auth", "device-refused", device__id=d.id, event__reason="suspended")[-1]
    assert "count" not in first["sekisho"] and field(merged, "sekisho.count") >= 3
    assert first["@timestamp"] <= merged["event"]["start"] <= merged["event"]["end"]
    assert field(merged, "sekisho.endpoint.ip") == field(first, "sekisho.endpoint.ip") == "203.0.113.200"
    world.start_gateway()


def test_start_and_stop_say_how(world, device, last):
    sessions = len(world.sekisho("session", "list", "--json"))
    stop(world)
    stopped = world.logs("audit", "gateway-stopped")[-1]
    assert field(stopped, "sekisho.left_in_force.sessions") == sessions
    world.start_gateway()
    started = world.logs("audit", "gateway-started")[-1]
    assert "reason" not in started["event"] and field(started, "sekisho.taken_over.sessions") == sessions
    assert field(started, "sekisho.version") == field(stopped, "sekisho.version")
    assert field(started, "sekisho.config.sha256") == digest(CONFIG)
    world.kill("gateway", signal.SIGKILL)
    world.start_gateway()
    assert world.logs("audit", "gateway-started")[-1]["event"]["reason"] == "unclean"
    assert world.logs("auth", "log-opened")[-1]["sekisho"]["log"]["clean"] is False


def test_changed_settings_are_named(world, last):
    world.configure(login_failures="40 per 1m", peer_idle="14m")
    world.sekisho("reload")
    applied = last("audit", "config-applied")
    assert field(applied, "sekisho.config") == {"sha256": digest(CONFIG), "changed": ["peer-idle", "login-failures"]}
    assert field(applied, "sekisho.admin.uid") == 0
    world.configure(login_failures="many per 1m")
    world.sekisho("reload", check=False)
    rejected = last("audit", "config-rejected")
    assert f"{CONFIG}:" in field(rejected, "error.message") and "many" in field(rejected, "error.message")
    world.configure(login_failures="50 per 1m", peer_idle=None)
    world.sekisho("reload")


def test_changed_acl_files_are_named_with_their_hashes(world, last):
    world.write_acl({"users/t-yamada.acl": "allow files\n", "users/h-suzuki.acl": "allow intranet\n"})
    world.sekisho("acl", "apply", "--yes")
    applied = last("audit", "acl-applied")
    assert field(applied, "sekisho.acl.changed_files") == [
        f"users/{name}.acl {digest(f'/etc/sekisho/acl/users/{name}.acl')}" for name in ("h-suzuki", "t-yamada")]
    assert field(applied, "sekisho.acl.changed_files_total") == 2 and field(applied, "sekisho.acl.changes_total") >= 2
    world.write_acl({"users/t-yamada.acl": "allow filez\n", "users/h-suzuki.acl": None})
    world.sekisho("acl", "apply", "--yes", check=False)
    rejected = last("audit", "acl-rejected", event__reason="mistakes")
    assert field(rejected, "error.message").startswith("users/t-yamada.acl:1:7: ")
    assert field(rejected, "sekisho.acl.generation") == field(applied, "sekisho.acl.generation")
    world.write_acl({"users/t-yamada.acl": None})
    world.sekisho("acl", "apply", "--yes")
    assert field(last("audit", "acl-applied"), "sekisho.acl.changed_files") == ["users/h-suzuki.acl removed", "users/t-yamada.acl removed"]


def test_administrators_acts_are_on_record(world, last):
    d = world.add_device("t-yamada", "k-mori", label="四月の電話")
    added = last("audit", "device-added")
    assert field(added, "sekisho.device.label") == "四月の電話" and added["related"]["user"] == ["t-yamada", "k-mori"]
    for verb, status, before in (("suspend", "suspended", "active"), ("resume", "active", "suspended"), ("lost", "lost", "active"),
                                 ("revoke", "revoked", "lost")):
        world.sekisho("device", verb, d.id, "--note", f"ticket {verb}", *(("--yes",) if verb in ("lost", "revoke") else ()))
        action = {"suspend": "device-suspended", "resume": "device-resumed", "lost": "device-lost", "revoke": "device-revoked"}[verb]
        event = last("audit", action, device__id=d.id)
        assert (field(event, "sekisho.device.status"), field(event, "sekisho.device.previous_status")) == (status, before)
        assert field(event, "sekisho.note") == f"ticket {verb}" and field(event, "sekisho.admin.name") == "root"


# --- what comes from outside ---------------------------------------------------------------------------------------------

HOSTILE = "\x1b[31mred\x07\r\n{\"event\": 1}\u202eevil\u2028\x85\x7f"
ESCAPED = "\\x1b[31mred\\x07\\x0d\\x0a{\"event\": 1}\\u{202e}evil\\u{2028}\\u{0085}\\x7f"


def control(world, **request):
    """Speaks with the gateway as somebody who does not use our command."""
    def talk():
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect("/run/sekisho/control")
            s.settimeout(10)
            s.sendall(json.dumps(request, ensure_ascii=False).encode("utf-8", "surrogateescape"))
            return s.recv(65536)
    return world.gw.call(talk)


def no_raw_controls():
    for file in ("auth", "access", "audit"):
        with open(f"/var/log/sekisho/{file}.jsonl", "rb") as f:
            for line in f:
                text = line.decode("utf-8")
                assert not set(text[:-1]) & {chr(c) for c in (*range(32), *range(127, 160), 0x202e, 0x2028)} and len(line) <= 16384


def test_labels_and_notes_are_made_safe(world, last):
    d = world.add_device("t-yamada", label=HOSTILE)
    assert field(last("audit", "device-added"), "sekisho.device.label") == ESCAPED
    world.sekisho("device", "suspend", d.id, "--note", HOSTILE)
    assert field(last("audit", "device-suspended"), "sekisho.note") == ESCAPED
    for option, value in (("--label", "あ" * 22000), ("--label", b"\xff\xfe\xc3("), ("--label", b"\xed\xa0\x80")):
        assert world.sekisho("device", "add", "t-yamada", option, value, check=False).returncode != 0
    assert world.sekisho("device", "suspend", d.id, "--note", "x" * 65536, check=False).returncode != 0
    no_raw_controls()


def test_browsers_names_and_typed_names_are_made_safe(world, device, last):
    log_out(world)
    for agent in (b"\xff\xfe\x9b31m \xe2\x80\xae evil", b"A" * 2000, "あ".encode() * 500):
        before = len(world.logs("auth", "login-failed"))
        browser = world.browser()
        browser.agent = agent
        browser.login("nobody-of-that-name", "wrong", "000000")
        wait_until(lambda: len(world.logs("auth", "login-failed")) > before, 20, "a failed login")
        shown = field(world.logs("auth", "login-failed")[-1], "user_agent.original")
        assert len(shown.encode()) <= 255 and shown[0] in "\\Aあ" and (len(agent) < 256 or shown.endswith("…"))
    # A name that none can have is refused by the page, so that nothing of it reaches the gateway.
    before = len(world.logs("auth", "login-started"))
    for user in ("x\u202ey", "\u0085", "桜" * 60, "a b", "../../etc/passwd", "-rf", "\udcff\udcfe", "nul\0", "\x1b[31m", "x" * 65536):
        browser = world.browser()
        form = browser.open()
        assert browser.submit(form, user=user.encode("utf-8", "surrogateescape")).status in (400, 413, 422), user
    browser.agent = b"B" * 65536
    assert browser.get("/").status == 431
    assert len(world.logs("auth", "login-started")) == before
    no_raw_controls()


def test_who_may_not_command_cannot_write_into_the_log(world, last):
    from world import NOBODY
    assert world.sekisho("session", "end", "1", user=NOBODY, check=False).returncode != 0
    denied = last("audit", "control-denied")
    assert field(denied, "sekisho.control.verb") == "session-end" and field(denied, "sekisho.admin.name") == NOBODY
    for verb in (HOSTILE, "x" * 60000, "\udcff"):
        assert b"error" in control(world, verb=verb)
    no_raw_controls()


def test_hostile_names_in_acl_files_and_settings(world, last):
    """An owner may be any text; a mistake quotes what stands in the file."""
    world.write_acl({"users/t-yamada.acl": "owner \"" + "総" * 1300 + "\"\nallow \u202efiles\nallow \x1b[31m\n"})
    world.sekisho("acl", "apply", "--yes", check=False)
    rejected = last("audit", "acl-rejected", event__reason="mistakes")
    assert field(rejected, "sekisho.acl.mistakes_total") >= 2
    world.write_acl({"users/t-yamada.acl": None})
    no_raw_controls()
