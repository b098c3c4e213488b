# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's hook when it hangs, fails, floods, is away or in the wrong hands; a storm of alerts; the process that runs it."""
import os
import signal
import socket
import subprocess

import pytest

from alert_box import HOOK, OUT, TELL, alerts, audit_lines, knock, lose, prepare, problems, remove, told, write_hook
from initiation import initiation
from test_admission import new_key, server_key
from world import OUTER, PORT, Failure, World, field, wait_until

SETTINGS = {"poll_interval": "1s", "alert_hook": HOOK, "alert_timeout": "2s", "alert_rate": "100 per 1m"}


@pytest.fixture(scope="module")
def world():
    w = World(SETTINGS)
    prepare(w)
    try:
        yield w.start()
    finally:
        w.close()


@pytest.fixture
def hook(world):
    """Writes another hook; afterwards the usual one is there, and has worked."""
    yield lambda *args, **more: write_hook(world, *args, **more)
    prepare(world)
    knock(world, lose(world))
    wait_until(lambda: told("lost-device-seen") and not problems(world), 40, "the hook works again")


def failure(world, before, text):
    """The alert about the hook that came after `before` others."""
    wait_until(lambda: len(audit_lines("hook-failed")) > before, 30, "hook-failed")
    record = world.logs("audit", "alert", event__reason="hook-failed")[-1]
    assert text in field(record, "error.message"), record
    assert any(text in p for p in problems(world)), problems(world)


def said(world, text):
    wait_until(lambda: text in world.output("gateway"), 20, f"the journal has: {text}")


def test_it_fails(world, hook):
    before, runs = len(audit_lines("hook-failed")), alerts(world)["hook_runs"]
    hook("#!/bin/sh\ncat >/dev/null\necho cannot reach the pager >&2\nexit 1\n")
    knock(world, lose(world))
    failure(world, before, "exit code 1")
    said(world, "<6>alert hook: cannot reach the pager")
    said(world, f"<4>the alert hook {HOOK} (lost-device-seen) ended with exit code 1")
    knock(world, lose(world))
    wait_until(lambda: alerts(world)["hook_runs"] == runs + 2, what="runs again")
    assert alerts(world)["hook_failures"] >= 2
    assert len(audit_lines("hook-failed")) == before + 1, "said once until it works again"


def test_it_hangs(world, hook):
    """It is ended with what it has started; meanwhile the gateway works."""
    before = len(audit_lines("hook-failed"))
    hook("#!/bin/sh\nsleep 4321 &\nexec sleep 4321\n")
    knock(world, lose(world))
    wait_until(lambda: len(world.pids("sleep")) == 2, what="both hang")
    world.sekisho("status")
    failure(world, before, "longer than 2 s")
    wait_until(lambda: not world.pids("sleep"), what="both are ended")


def test_what_it_leaves_behind_ends_with_it(world, hook):
    hook(f"#!/bin/sh\nsleep 4321 &\n{TELL[10:]}")
    knock(world, lose(world))
    wait_until(lambda: told("lost-device-seen") and not world.pids("sleep"), what="the hook ends, and so does the rest")


def test_it_floods_the_journal(world, hook):
    hook("#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' A\n")
    before = len(world.output("gateway"))
    knock(world, lose(world))
    said(world, "alert hook: 2983616 bytes more are not shown")
    assert len(world.output("gateway")) - before < 30000


def test_it_does_not_read(world, hook):
    runs = alerts(world)["hook_runs"]
    hook("#!/bin/sh\nexec 0<&-\nexit 0\n")
    knock(world, lose(world))
    wait_until(lambda: alerts(world)["hook_runs"] > runs, what="it ran")
    assert not problems(world)


def test_it_was_taken_away(world, hook):
    before = len(audit_lines("hook-failed"))
    remove()
    knock(world, lose(world))
    failure(world, before, "cannot be run")
    said(world, f"the alert hook was not run: {HOOK}: No such file or directory")


@pytest.mark.parametrize("spoil, text", [
    (lambda: os.chmod(HOOK, 0o757), "may be changed by others than root"),
    (lambda: os.chmod(HOOK, 0o775), "may be changed by others than root"),
    (lambda: os.chown(HOOK, 4321, 0), "does not belong to root"),
    (lambda: os.chmod(HOOK, 0o644), "is not executable"),
    (lambda: os.chmod("/etc/sekisho", 0o777), "/etc/sekisho may be changed by others than root"),
], ids=["others", "group", "owner", "mode", "folder"])
def test_it_is_in_the_wrong_hands(world, hook, spoil, text):
    """Not run when that happens later, and refused where settings are read, with its place."""
    before, earlier = len(audit_lines("hook-failed")), told()
    with open("/etc/sekisho/sekisho.conf") as f:
        line = next(i for i, words in enumerate(f, 1) if words.startswith("alert-hook"))
    spoil()
    try:
        done = world.sekisho("reload", check=False)
        assert done.returncode and f"/etc/sekisho/sekisho.conf:{line}:12: error: alert-hook: " in done.stderr and text in done.stderr
        assert text in world.sekisho("setup", "--check", check=False).stderr
        knock(world, lose(world))
        failure(world, before, "cannot be run")
        said(world, text)
        assert told() == earlier
    finally:
        os.chmod("/etc/sekisho", 0o755)


def test_another_hook_by_reload(world):
    write_hook(world, TELL.replace("mv $f", "touch $f.other; mv $f"), path="/etc/sekisho/other")
    world.configure(alert_hook="/etc/sekisho/other")
    world.sekisho("reload")
    knock(world, lose(world))
    wait_until(lambda: [n for n in os.listdir(OUT) if n.endswith(".other")], what="the other one is run")
    world.configure(alert_hook=HOOK)
    world.sekisho("reload")


def storm(world, count):
    """An unknown key from each of so many addresses; every one is an alert."""
    key = server_key(world)
    world.inet.ip("route replace local 198.18.0.0/16 dev lo")
    left = {f"198.18.{i // 250}.{i % 250 + 1}": new_key() for i in range(count)}
    most = 0

    def refused():
        nonlocal most
        for address, secret in list(left.items())[:100]:
            with world.inet.new_socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind((address, 0))
                s.sendto(initiation(key, secret), (OUTER, PORT))
            most = max(most, len(world.pids("tell")))
        for e in world.logs("auth", "device-refused", event__reason="unknown-key"):
            left.pop(field(e, "sekisho.endpoint.ip"), None)
        return not left

    wait_until(refused, 120, "all knocks are refused")
    return most


def test_a_storm(world):
    """A thousand alerts: few processes, and every alert is in a record or in its count."""
    write_hook(world, TELL.replace("mv $f", "sleep 0.2; mv $f"))
    before, earlier = alerts(world), len(audit_lines("brute-force-keys"))
    world.configure(alert_rate="5 per 3s", alert_refused_keys="1 per 1h", alert_timeout="5m")
    world.sekisho("reload")
    most = storm(world, 1000)

    def counted():
        records = world.logs("audit", "alert", event__reason="brute-force-keys")
        of_kind = world.logs("audit", "alert", event__reason="alerts-suppressed", sekisho__alert__of="brute-force-keys")
        held = sum(field(r, "sekisho.alert.suppressed") or 0 for r in (*records, *of_kind))
        return len(records) + held - earlier == 1000 and of_kind, len(records), held

    wait_until(lambda: counted()[0], 30, "the counts add up")
    assert counted()[2] > 800 and most <= 8, "four hooks, each with at most one subshell"
    recorded = audit_lines("brute-force-keys")[earlier:] + audit_lines("alerts-suppressed")
    wait_until(lambda: {line[:-1] for line in recorded} <= set(told()), 20, "the hook was told of what is on record")
    assert alerts(world)["suppressed"] - before["suppressed"] == counted()[2]
    assert alerts(world)["hook_missed"] == before["hook_missed"]
    world.configure(alert_rate="100 per 1m", alert_refused_keys=None, alert_timeout="2s")
    world.sekisho("reload")


def test_more_than_can_wait(world, hook):
    """A hook that hangs while alerts go on: what did not reach it is counted in the next record that does."""
    world.configure(alert_refused_keys="1 per 1h", alert_timeout="5m", alert_rate="100 per 1s")
    world.sekisho("reload")
    hook("#!/bin/sh\nexec sleep 4321\n")
    before = alerts(world)["hook_missed"]
    key = server_key(world)
    for i in range(1200):
        with world.inet.new_socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((f"198.18.{100 + i // 250}.{i % 250 + 1}", 0))
            s.sendto(initiation(key, new_key()), (OUTER, PORT))
        if i % 50 == 0 and alerts(world)["hook_missed"] > before + 5:
            break
    else:
        raise Failure("nothing was missed")
    assert len(world.pids("sleep")) == 4 and any("more alerts wait" in p for p in problems(world))
    world.configure(alert_refused_keys=None, alert_timeout="2s", alert_rate="100 per 1m")
    world.sekisho("reload")
    prepare(world)
    for pid in world.pids("sleep"):
        os.kill(pid, signal.SIGKILL)
    knock(world, lose(world))
    wait_until(lambda: [line for line in told() if '"undelivered":' in line], 60, "the hook is told how many it missed")


def test_the_runner_dies(world):
    before = len(audit_lines("hook-failed"))
    (runner,) = world.pids("sekisho-alert")
    os.kill(runner, signal.SIGKILL)
    failure(world, before, "has ended; it is started again")
    wait_until(lambda: world.pids("sekisho-alert"), 30, "another one")
    assert world.pids("sekisho-alert") != [runner]
    prepare(world)
    knock(world, lose(world))
    wait_until(lambda: told("lost-device-seen") and not problems(world), 20, "it works again")


def test_the_runner_ends_with_the_gateway_and_tells_the_last_alert(world):
    prepare(world)
    write_hook(world, TELL.replace("mv $f", "sleep 1; mv $f"))
    knock(world, lose(world))
    wait_until(lambda: world.pids("tell"), what="the hook runs")
    world.kill("gateway", signal.SIGKILL)
    wait_until(lambda: told("lost-device-seen"), what="it was not cut short")
    wait_until(lambda: not world.pids("sekisho-alert"), what="the runner ends")
    write_hook(world, "#!/bin/sh\nexec sleep 4321\n")
    world.start_gateway()
    knock(world, lose(world))
    wait_until(lambda: world.pids("sleep"), what="the hook hangs")
    world.kill("gateway", signal.SIGTERM)
    wait_until(lambda: not world.pids("sleep") and not world.pids("sekisho-alert"), 40, "nothing stays")


@pytest.mark.parametrize("words, text", [
    ("tell", "12: error: 'tell' is not possible here; expected the absolute path of a program"),
    ("/etc/sekisho/nothing", "12: error: alert-hook: /etc/sekisho/nothing: No such file or directory"),
    ("/etc/sekisho", "12: error: alert-hook: /etc/sekisho is not a file"),
])
def test_a_start_with_a_wrong_hook_is_refused(world, words, text):
    world.configure(alert_hook=words)
    process = world.spawn_gateway()
    assert process.wait(20) == 1
    assert text in world.output("gateway")
    world.processes.pop("gateway")
    world.configure(alert_hook=HOOK)


def test_nobody_else_starts_the_runner():
    done = subprocess.run([f"{os.environ['SEKISHO_BUILD']}/sekisho-gateway", "--alert-runner"], capture_output=True, close_fds=True)
    assert done.returncode == 2
