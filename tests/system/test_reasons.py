# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons in the logs that little else brings about: each by its cause, where that is a fault by an injected one."""
import datetime
import errno
import os
import signal
import subprocess

import pytest

import shim
from test_admission import knock
from world import ACL, BUILD, PAM, field, wait_until

SCRIPT = "/run/world/script"


@pytest.fixture(scope="module")
def world():
    w = shim.ShimWorld({"login_failures": "100 per 1m"})
    try:
        yield w.start()
    finally:
        w.close()


@pytest.fixture
def pam(world):
    """pam(text): the login's PAM stack, with nobody logged in; afterwards it is the usual one."""
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))
    yield lambda text: world.write("/etc/pam.d/sekisho", text)
    world.write("/etc/pam.d/sekisho", PAM)


def joined(world, *args, **kwargs):
    """A second phone's device, which is in."""
    if world.phone2.is_on():
        world.phone2.off()
    d = world.add_device("k-mori", *args, **kwargs)
    world.phone2.join(d.conf)
    wait_until(lambda: world.phone2.ping("10.64.0.1", 0.2).result == "open", what="the second phone's first ping")
    world.wait_log("auth", "device-online", device__id=d.id)
    return d


def problems(world):
    return "\n".join(world.sekisho("status", "--json")["problems"])


def failed(world, reason):
    return world.wait_log("auth", "login-failed", event__reason=reason)


def test_a_login_that_the_firewall_does_not_take(world, device):
    """Also other transactions are on their way: until it meets the login's."""
    def met():
        world.shim.order(shim.FAIL, 1)
        world.login(world.phone)
        world.shim.order(shim.NOTHING, 0)
        for s in world.sekisho("session", "list", "--json"):
            world.sekisho("session", "end", str(s["id"]))
        return world.logs("auth", "login-failed", event__reason="internal-error")

    assert field(wait_until(met, 60, "it failed")[-1], "user.name") == "t-yamada"
    world.login(world.phone)
    assert len(world.sekisho("session", "list", "--json")) == 1


def test_a_session_that_the_firewall_does_not_let_go(world, device):
    """Then its device is taken out of WireGuard; it comes back with its next knock."""
    def met():
        if not world.sekisho("session", "list", "--json"):
            world.login(world.phone)
        world.shim.order(shim.FAIL, 1)
        done = world.sekisho("session", "end", str(world.sekisho("session", "list", "--json")[0]["id"]), check=False)
        world.shim.order(shim.NOTHING, 0)
        return done.returncode and done

    assert "taken out of WireGuard instead" in wait_until(met, 60, "it failed").stderr
    event = world.wait_log("auth", "device-offline", event__reason="firewall")
    assert event["device"]["id"] == device.id and not world.sekisho("session", "list", "--json")
    world.phone.off()
    world.phone.on()
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone is in again")
    world.login(world.phone)
    assert len(world.sekisho("session", "list", "--json")) == 1


@pytest.mark.parametrize("code, reason", [(11, "max-tries"), (12, "password-expired")])
def test_a_module_says_no(world, device, pam, code, reason):
    stage = "auth" if code == 11 else "account"
    world.write(SCRIPT, f"code {code}\n")
    with open(f"{BUILD}/tests/pam_script.so", "rb") as module, open("/run/world/pam_script.so", "wb") as copy:
        copy.write(module.read())
    modules = {"auth": "pam_permit.so", "account": "pam_permit.so", stage: f"/run/world/pam_script.so {SCRIPT}"}
    pam("".join(f"{stage} required {module}\n" for stage, module in modules.items()))
    world.browser().login("t-yamada")
    event = failed(world, reason)
    assert (field(event, "sekisho.pam.stage"), field(event, "sekisho.pam.code")) == ({"auth": "authenticate"}.get(stage, stage), code)


def test_a_revoked_device_with_somebody_on_it(world, device):
    d = joined(world, label="返却")
    world.login(world.phone2, "k-mori")
    world.sekisho("device", "revoke", d.id)
    world.wait_log("auth", "session-ended", device__id=d.id, event__reason="device-revoked")
    world.wait_log("auth", "device-offline", device__id=d.id, event__reason="device-revoked")
    knock(world, d, "auth", "device-refused", event__reason="revoked")


def test_a_device_whose_period_ends_while_it_is_in(world, device):
    until = (world.shim.now() + datetime.timedelta(days=2)).strftime("%Y-%m-%d")
    d = joined(world, label="出張", more=("--valid-until", until))
    try:
        world.shim.shift(4 * 86400)
        world.wait_log("auth", "device-offline", 20, device__id=d.id, event__reason="expired")
    finally:
        world.shim.shift(-4 * 86400)
    world.phone2.off()


def test_a_device_whose_period_is_moved_while_it_is_in(world, device):
    d = joined(world, label="延期")
    world.sekisho("device", "change", d.id, "--valid-from", (world.shim.now() + datetime.timedelta(days=2)).strftime("%Y-%m-%d"))
    world.wait_log("auth", "device-offline", device__id=d.id, event__reason="period")
    world.phone2.off()


def test_what_is_known_of_a_device_changes_its_session(world, device):
    """Private devices may less: the one that somebody is logged in on is found to be one, and not to be one."""
    world.write_acl({"devices/private.acl": "deny intranet\n"})
    world.sekisho("acl", "apply", "--yes")
    d = joined(world, label="私物")
    world.login(world.phone2, "k-mori")
    try:
        for name, event in (("private", "session-narrowed"), ("ministry", "session-widened")):
            world.sekisho("device", "change", d.id, "--class", name)
            world.wait_log("auth", event, device__id=d.id, event__reason="device")
    finally:
        world.write_acl({"devices/private.acl": None, **ACL})
        world.sekisho("acl", "apply", "--yes")
        world.phone2.off()


def state(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()[0]


def test_acls_that_are_edited_while_they_are_archived(world, device):
    gateway = world.processes["gateway"]
    before = world.sekisho("status", "--json")["acl"]["generation"]
    world.write_acl({"users/k-mori.acl": "allow files\n"})
    world.shim.halt()
    apply = subprocess.Popen([f"{BUILD}/sekisho", "acl", "apply", "--yes"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_until(lambda: state(gateway.pid) == "T", what="the gateway stands still")
        world.write_acl({"users/k-mori.acl": "allow intranet\n"})
    finally:
        os.kill(gateway.pid, signal.SIGCONT)
    said = apply.communicate(timeout=60)[0]
    assert apply.returncode != 0 and "changed while they were read" in said, said
    world.wait_log("audit", "acl-rejected", event__reason="changed-meanwhile")
    assert world.sekisho("status", "--json")["acl"]["generation"] == before
    world.write_acl({"users/k-mori.acl": None})


def test_no_memory_for_a_line(world, device):
    """It is counted, and the next line says so."""
    world.shim.without_memory(1)
    refused = world.sekisho("device", "suspend", device.id, check=False)
    world.sekisho("device", "resume", device.id, check=False)
    (gap,) = wait_until(lambda: [e for f in ("auth", "access", "audit") for e in world.logs(f, "log-gap", event__reason="no-memory")],
                        what="the gap")
    assert field(gap, "sekisho.count") == 1, refused


def test_a_seal_that_cannot_be_made(world, device):
    world.shim.seals(errno.EIO)
    try:
        world.sekisho("reload")  # closes the files with a seal
        world.wait_log("audit", "alert", 90, event__reason="seal-failed")
        assert "cannot be sealed" in problems(world)
    finally:
        world.shim.seals(0)
    wait_until(lambda: "cannot be sealed" not in problems(world), 90, "sealed again")
