# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests of the whole product. A module shares one world; a test that needs a fresh one makes its own."""
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import filter_log

INSIDE = os.path.exists("/run/world/inside")


def pytest_configure(config):
    filter_log.join(config)


def pytest_collection_modifyitems(items):
    """Without root's small machine these tests say so instead of failing one by one."""
    if not INSIDE:
        for item in items:
            if {"world", "device", "session", "bare"} & set(getattr(item, "fixturenames", ())):
                item.add_marker(pytest.mark.skip(reason="run them with: make system (as root)"))


def tail(text, lines):
    return "\n".join(text.splitlines()[-lines:])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure comes with what it was like inside: the gateway's words, the ruleset, the kernel. One in each module: the first
    failure is often the cause of the next ones."""
    report = (yield).get_result()
    if not report.failed or not INSIDE or getattr(item.module, "described", False):
        return
    item.module.described = True
    world = item.funcargs.get("world")
    if world:
        for name in ("gateway", "portal", "auth"):
            report.sections.append((f"{name} said", tail(world.output(name), 40)))
        report.sections.append(("auth.jsonl", tail("\n".join(json.dumps(e) for e in world.logs("auth")), 8)))
    looks = [(f"ruleset of {namespace}", ["ip", "netns", "exec", namespace, "nft", "list", "ruleset"], 150)
             for namespace, fixture in (("gw", "world"), ("firewall-gateway", "net")) if fixture in item.funcargs]
    looks += [(f"wg in {namespace}", ["ip", "netns", "exec", namespace, "wg", "show", interface], 40)
              for namespace, interface in (("gw", "sekisho0"), ("phone", "phone")) if world]
    looks += [(f"kernel {os.uname().release} said", ["dmesg"], 20)]
    for title, command, lines in looks:
        done = subprocess.run(command, capture_output=True, text=True)
        report.sections.append((title, tail(done.stdout + done.stderr, lines)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """No log line goes unchecked because a test forgot to close its world."""
    if not INSIDE:
        return
    from world import World
    report = []
    for w in list(World.open):
        try:
            w.close()
        except Exception as error:  # told with the others
            report.append(str(error))
    session.config.log_report = report
    if report and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    for line in getattr(config, "log_report", []):
        terminalreporter.write_line(line, red=True)


@pytest.fixture(scope="module")
def world(request):
    """A running gateway with login page; a module may set SETTINGS = {keyword: value}."""
    from world import World
    w = World({"poll_interval": "1s", **getattr(request.module, "SETTINGS", {})})
    try:
        yield w.start()
    finally:
        w.close()


@pytest.fixture(scope="module")
def device(world):
    """t-yamada's phone, enrolled and connected."""
    from world import wait_until
    d = world.add_device("t-yamada", label="Yamada's phone")
    world.phone.join(d.conf)
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
    return d


@pytest.fixture
def session(world, device):
    """t-yamada is logged in on that phone; the session's row."""
    rows = [s for s in world.sekisho("session", "list", "--json") if s["device"] == device.id]
    if not rows:
        world.login(world.phone)
        rows = [s for s in world.sekisho("session", "list", "--json") if s["device"] == device.id]
    assert rows, f"no session after the login:\n{world.output('portal')}{world.output('auth')}"
    return rows[0]
