# SPDX-License-Identifier: GPL-3.0-or-later
"""One virtual machine for all tests here, set up as the README says; a test finds it running, with a phone that is connected."""
import os
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]


@pytest.fixture(scope="session")
def machine():
    """The machine as `make install` left it, booted once. Skipped where it cannot be made."""
    from kernels import Skip
    try:
        from guest import Guest
        before = time.monotonic()
        guest = Guest(os.environ.get("SEKISHO_VM_KERNEL", "6.1"))
        print(f"disk ready after {time.monotonic() - before:.0f} s")
    except Skip as reason:
        pytest.skip(f"no virtual machine: {reason}")
    try:
        yield guest.start()
    finally:
        guest.close()


@pytest.fixture(scope="session")
def installed(machine):
    """Set up and enabled, with a LAN, a phone that is enrolled, and rules for its user; the device's row in `machine.device`."""
    machine.wait("systemctl is-active sysinit.target")
    machine.forwarded_before = machine.out("sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding").split()
    machine.set_up()
    return machine


@pytest.fixture
def gateway(installed):
    """The machine is on, the product runs, the phone is connected."""
    if installed.channel is None or installed.machine.process.poll() is not None:
        installed.kill()
        installed.start()
    elif installed.append:
        installed.reboot()
    if installed.scene_of != installed.boot:
        installed.call("up")
        installed.call("join", installed.conf)
        installed.scene_of = installed.boot
    installed.run("systemctl start sekisho.target sekisho-gateway sekisho-auth.socket sekisho-portal.socket sekisho-portal", timeout=300)
    return installed


@pytest.fixture
def session(gateway):
    """t-yamada is logged in; the session's row."""
    rows = gateway.json("session", "list")
    if not rows:
        gateway.call("connected")
        gateway.call("login", "t-yamada", "sakura-yama-41")
        rows = gateway.json("session", "list")
    assert rows, "no session after the login"
    return rows[0]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    guest = next((v for v in getattr(item, "funcargs", {}).values() if hasattr(v, "evidence")), None)
    if report.failed and guest:
        report.sections += guest.evidence()
