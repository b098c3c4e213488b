# SPDX-License-Identifier: GPL-3.0-or-later
"""Each alert by what causes it: it is on record, said to the journal, shown by status, and the operator's hook gets the record."""
import os
import subprocess

import pytest

from alert_box import HOOK, OUT, beside, knock, knock_unknown, lose, prepare, told, wait_told
from shim import ShimWorld
from test_recheck import PAM
from world import OUTER, field, wait_until

SETTINGS = {"alert_hook": HOOK, "alert_rate": "50 per 1m", "login_failures": "100 per 1m", "alert_device_failures": "3 per 1h",
            "alert_user_devices": "2 per 1h", "alert_refused_keys": "4 per 1h", "account_recheck": "5s",
            "log_space_reserve": "16"}


@pytest.fixture(scope="module")
def world():
    w = ShimWorld(SETTINGS)
    prepare(w)
    try:
        yield w.start()
    finally:
        w.close()


def test_a_lost_device_knocks(world):
    d = lose(world)
    knock(world, d)
    (record,) = wait_told("lost-device-seen")
    assert field(record, "device.id") == d.id and field(record, "sekisho.endpoint.ip") == "203.0.113.200"
    assert f"lost device {d.id} knocked from 203.0.113.200" in record["message"]
    assert "<3>" + record["message"] in world.output("gateway")
    shown = world.sekisho("status").stdout
    assert record["message"] in shown and f"hook {HOOK}" not in shown
    assert world.sekisho("status", "--json")["alerts"]["last"][0]["reason"] == "lost-device-seen"


def test_a_hook_has_nothing_of_the_gateways(world):
    """The one that was told of the lost device: no capability, no way to one, no descriptor but its own, no environment."""
    status = dict(line.split(":\t") for line in beside("lost-device-seen", "status").splitlines())
    assert {status[name].strip() for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1" and "0" not in status["Uid"].split()
    assert not [f for f in beside("lost-device-seen", "fds").splitlines() if not f.startswith(("pipe:", OUT, HOOK))]
    names = {line.split("=")[0] for line in beside("lost-device-seen", "env").splitlines()}
    assert names <= {"PATH", "LANG", "SEKISHO_ALERT", "PWD", "SHLVL", "_", "OLDPWD"}
    assert beside("lost-device-seen", "reason") == "lost-device-seen\n"


def test_somebody_flushes_the_ruleset(world):
    world.gw.run("nft", "flush", "ruleset")
    wait_told("table-changed")
    assert world.logs("audit", "firewall-restored", event__reason="table-changed")
    assert "<2>the firewall table" in world.output("gateway")


def test_somebody_removes_the_routing_rule(world):
    world.gw.run("ip", "rule", "del", "preference", "90")
    wait_told("routing-rule-removed")


def test_somebody_removes_the_interface(world):
    world.gw.run("ip", "link", "del", "sekisho0")
    wait_told("tunnel-restored", 60)


def phone_in(world, phone, user):
    d = world.add_device(user, label=user)
    phone.join(d.conf)
    wait_until(lambda: phone.ping("10.64.0.1", 0.2).result == "open", 20, "the phone's first ping")
    return d


def test_many_wrong_passwords_on_one_device(world):
    d = phone_in(world, world.phone, "t-yamada")
    for number in range(3):
        assert not told("brute-force-device")
        world.login(world.phone, password=f"wrong-{number}", code="000000")
    (record,) = wait_told("brute-force-device")
    assert field(record, "device.id") == d.id and field(record, "sekisho.count") == 3 and field(record, "user.name") == "t-yamada"
    assert field(record, "sekisho.alert.within") == "1h"


def test_one_name_on_many_devices(world):
    """Somebody with another's phone tries the name of h-suzuki, which is nobody's there: its hash is told, not what was typed."""
    assert not told("brute-force-user")
    other = phone_in(world, world.phone2, "k-mori")
    world.login(world.phone, "h-suzuki", password="wrong", code="000000")
    assert not told("brute-force-user")
    world.login(world.phone2, "h-suzuki", password="wrong", code="000000")
    (record,) = wait_told("brute-force-user")
    assert field(record, "sekisho.count") == 2 and field(record, "device.id") == other.id
    assert field(record, "user.hash") and not field(record, "user.name") and "h-suzuki" not in record["message"]


def test_many_keys_from_one_address(world):
    knock_unknown(world, world.street, 3)
    assert not told("brute-force-keys")
    knock_unknown(world, world.street, 1)
    (record,) = wait_told("brute-force-keys")
    assert field(record, "sekisho.endpoint.ip") == world.street.outer and field(record, "sekisho.count") == 4


def test_the_clock_is_set(world):
    world.shim.shift(3600)
    record = wait_told("clock-stepped")[-1]
    assert field(record, "sekisho.clock.direction") == "forward" and abs(field(record, "sekisho.clock.step_ms") - 3600000) < 60000
    world.shim.shift(-3600)
    assert field(wait_told("clock-stepped", count=2)[-1], "sekisho.clock.direction") == "back"


def test_an_account_cannot_be_looked_at(world):
    world.login(world.phone)
    world.write("/etc/pam.d/sekisho", "auth required pam_unix.so\naccount required pam_nothing_like_it.so\n")
    try:
        record = wait_told("account-recheck-unavailable", 40)[0]
        assert field(record, "user.name") == "t-yamada" and field(record, "error.message")
    finally:
        world.write("/etc/pam.d/sekisho", PAM)


def fill(leave_mib):
    """All room of the log folder but so much."""
    subprocess.run(["rm", "-f", "/var/log/sekisho/ballast"], check=True)
    v = os.statvfs("/var/log/sekisho")
    with open("/var/log/sekisho/ballast", "wb") as f:
        os.posix_fallocate(f.fileno(), 0, v.f_bavail * v.f_frsize - (leave_mib << 20))


def test_room_for_the_logs_ends(world):
    fill(4)
    assert wait_told("log-full")[0]["message"]
    assert "<2>" + wait_told("log-full")[0]["message"] in world.output("gateway")
    subprocess.run(["rm", "/var/log/sekisho/ballast"], check=True)


def test_the_certificate_expires_soon(world):
    """Seen at the next start, and on record once a day."""
    before = len(told("certificate-expiring"))
    assert not before
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "5", "-subj",
                    "/CN=gate.example.jp", "-keyout", "/dev/null", "-out", "/etc/sekisho/tls/portal.crt"], check=True, capture_output=True)
    world.kill("gateway", 15)
    world.start_gateway()
    (record,) = wait_told("certificate-expiring")
    assert field(record, "tls.server.not_after")[:4].isdigit() and "/etc/sekisho/tls/portal.crt" in record["message"]
    certificate = world.sekisho("status", "--json")["certificate"]
    assert certificate == {"until": field(record, "tls.server.not_after"), "days": 4, "due": True}
    shown = world.sekisho("status").stdout
    assert "⚠ expires in 4 days: " in shown and "the login page's certificate expires in 4 days: put a new one into" in shown
    world.kill("gateway", 15)
    world.start_gateway()
    knock(world, lose(world, "after the restart"))
    wait_told("lost-device-seen", count=2)
    assert len(told("certificate-expiring")) == 1, OUTER


def test_all_of_it_is_as_documented(world):
    from logcheck import check_folder
    assert check_folder("/var/log/sekisho") == []
