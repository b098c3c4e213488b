# SPDX-License-Identifier: GPL-3.0-or-later
"""The units at work: what is killed or hangs comes back, what is stopped is shut, and `sekisho status` says what is not well."""
import contextlib

import pytest

LAN = "10.20.0.10"
CLOSED = ("refused", "prohibited")


@contextlib.contextmanager
def changed(machine, path, command):
    """Changes a file for a moment."""
    machine.run(f"cp -a {path} /root/before && {command}")
    try:
        yield
    finally:
        machine.run(f"cp -a /root/before {path}")


@pytest.fixture
def flow(gateway, session):
    gateway.call("flow_open", "f", LAN)
    yield gateway
    gateway.call("flow_stop", "f")


def main_pid(machine, unit="sekisho-gateway"):
    return machine.show(unit, "MainPID")


def started_anew(machine, old, unit="sekisho-gateway"):
    machine.wait(f"[ $(systemctl show -P MainPID {unit}) != {old} ] && [ $(systemctl show -P SubState {unit}) = running ] && echo yes")


def test_the_watchdog_ends_a_gateway_that_hangs(flow):
    """SIGSTOP: the event loop no longer feeds the watchdog; established traffic does not notice."""
    old = main_pid(flow)
    flow.run(f"kill -STOP {old}")
    flow.call("flow_goes_on", "f", 20)
    started_anew(flow, old)
    assert "Watchdog timeout" in flow.out("journalctl -u sekisho-gateway -b -n 40 --no-pager")
    assert flow.call("flow_lossless", "f")
    assert flow.logs("audit", "gateway-started")[-1]["event"]["reason"] == "unclean"


def test_a_killed_gateway_comes_back(flow, session):
    old = main_pid(flow)
    flow.run(f"kill -KILL {old}")
    started_anew(flow, old)
    assert flow.call("flow_lossless", "f")
    assert [s["id"] for s in flow.json("session", "list")] == [session["id"]]


def test_a_killed_login_page_comes_back(gateway, session):
    old = main_pid(gateway, "sekisho-portal")
    gateway.run(f"kill -KILL {old}")
    started_anew(gateway, old, "sekisho-portal")
    status, text = gateway.call("page")
    assert status == 200 and "t-yamada" in text
    gateway.wait("sekisho status | grep 'No problems'", what="the login page is connected again")


def test_restart_loses_nothing(flow, session):
    for unit in ("sekisho-gateway", "sekisho.target", "sekisho-guard"):
        before = main_pid(flow)
        flow.run(f"systemctl restart {unit}")
        assert (main_pid(flow) == before) == (unit == "sekisho-guard")
        assert flow.call("flow_lossless", "f"), unit
    assert [s["id"] for s in flow.json("session", "list")] == [session["id"]]


def test_ready_means_ready(gateway):
    """Type=notify: what comes after the start finds a gateway that answers."""
    for _ in range(3):
        gateway.run("systemctl restart sekisho-gateway && sekisho device list")
    with changed(gateway, "/etc/sekisho/tunnel.key", "echo nonsense >/etc/sekisho/tunnel.key"):
        assert gateway.run("systemctl restart sekisho-gateway", check=False).code != 0
        gateway.wait("sekisho status 2>&1 | grep -E 'sekisho-gateway.service .*again and again.*journalctl -u sekisho-gateway.service'")
        assert gateway.sekisho("status", check=False).code == 3
    gateway.wait("sekisho status", what="with the key mended it comes back by itself")


def test_reload_good_and_bad(flow):
    conf = "/etc/sekisho/sekisho.conf"
    with changed(flow, conf, f"echo 'label \"Ministry of Tests\"' >>{conf}"):
        flow.run("systemctl reload sekisho-gateway")
        assert flow.logs("audit", "config-applied")
    with changed(flow, conf, f"echo 'poll-interval never' >>{conf}"):
        refused = flow.run("systemctl reload sekisho-gateway", check=False)
        assert refused.code != 0 and "Job for sekisho-gateway.service failed" in refused.err
        assert "expected a time" in flow.out("journalctl -u sekisho-gateway -b -n 30 --no-pager") or \
            "poll-interval never" in flow.out("journalctl -u sekisho-gateway -b -n 30 --no-pager")
        assert flow.show("sekisho-gateway", "ActiveState") == "active"
    flow.run("systemctl reload sekisho-gateway")
    assert flow.call("flow_lossless", "f")


def test_stop_closes(flow, session):
    flow.run("systemctl stop sekisho-gateway")
    assert flow.call("flow_is_cut", "f")
    assert flow.run("ip link show sekisho0", check=False).code != 0
    told = flow.sekisho("status", check=False)
    assert told.code == 3 and "sekisho-gateway.service is not started (the gateway): systemctl start sekisho-gateway.service" in told.err
    flow.run("systemctl start sekisho-gateway")
    flow.call("connected")
    flow.call("flow_goes_on", "f", 5)
    assert [s["id"] for s in flow.json("session", "list")] == [session["id"]]


def test_stop_leaves_if_wanted(flow, session):
    conf = "/etc/sekisho/sekisho.conf"
    with changed(flow, conf, f"echo 'on-stop leave' >>{conf}"):
        flow.run("systemctl stop sekisho.target")
        flow.wait("systemctl is-active sekisho-gateway | grep -x inactive")
        flow.call("flow_goes_on", "f", 20)
        assert flow.call("flow_lossless", "f")
        flow.run("systemctl start sekisho.target")
    flow.wait("sekisho status", what="it runs again")
    assert flow.call("flow_lossless", "f")


def test_disable_and_enable(gateway):
    gateway.run("systemctl disable --now sekisho.target")
    state = gateway.run("systemctl is-enabled sekisho.target sekisho-guard.service", check=False).out.split()
    assert state == ["disabled", "disabled"]
    for unit in ("sekisho-gateway.service", "sekisho-portal.service", "sekisho-portal.socket", "sekisho-auth.socket"):
        gateway.wait(f"systemctl is-active {unit} | grep -x inactive")
    assert gateway.run("ip link show sekisho0", check=False).code != 0
    gateway.run("systemctl enable --now sekisho.target")
    gateway.wait("sekisho status | grep 'No problems'")
    gateway.call("connected")


@pytest.mark.parametrize("stop, words", [
    ("sekisho-auth.socket", ["sekisho-auth is not listening", "sekisho-auth.socket is not started"]),
    ("sekisho-portal.socket sekisho-portal.service", ["the login page is not connected", "sekisho-portal.service is not started"]),
])
def test_status_tells_what_is_not_well(gateway, stop, words):
    gateway.run(f"systemctl stop {stop}")
    for word in words:
        gateway.wait(f"sekisho status | grep -F '{word}'", 60)
    gateway.run(f"systemctl start {stop}")
    gateway.wait("sekisho status | grep 'No problems'", 60)


def test_status_tells_of_a_failure(gateway):
    """A login page with a damaged certificate."""
    with changed(gateway, "/etc/sekisho/tls/portal.crt", "echo nonsense >/etc/sekisho/tls/portal.crt"):
        gateway.run("systemctl restart sekisho-portal", check=False)
        gateway.wait("sekisho status | grep -E 'sekisho-portal.service .*again and again.*journalctl'", 60)
    gateway.wait("sekisho status | grep 'No problems'", 60, "it comes back by itself")


def test_a_modules_children_die_with_the_attempt(gateway):
    """A PAM module that leaves a daemon behind, in a session of its own."""
    gateway.write("/opt/tests/daemonise", "#!/bin/bash\nsetsid sleep 31415 </dev/null >/dev/null 2>&1 &\nlogger -t tests-child \"child $!\"\n", 0o755)
    ids = [s["id"] for s in gateway.json("session", "list")]
    for number in ids:
        gateway.sekisho("session", "end", str(number))
    with changed(gateway, "/etc/pam.d/sekisho", "sed -i '1i auth optional pam_exec.so quiet /opt/tests/daemonise' /etc/pam.d/sekisho"):
        gateway.call("connected")
        text = gateway.call("login", "t-yamada", "sakura-yama-41")
    assert "t-yamada" in text
    gateway.wait("journalctl -b -t tests-child --no-pager | grep child", 60, "the module had a child")
    gateway.wait("! pgrep -f '^sleep 31415' && echo gone", 60, "the child is gone")
    gateway.wait("[ $(systemctl list-units --plain --no-legend 'sekisho-auth@*' | wc -l) = 0 ] && echo none", 60, "no attempt is left")


def test_a_killed_login_attempt_harms_nobody(gateway, session):
    gateway.write("/opt/tests/hold", "#!/bin/bash\nlogger -t tests-hold held\nexec sleep 27182\n", 0o755)
    with changed(gateway, "/etc/pam.d/sekisho", "sed -i '1i auth optional pam_exec.so quiet /opt/tests/hold' /etc/pam.d/sekisho"):
        gateway.sekisho("session", "end", str(session["id"]))
        attempt = gateway.send(call="login", **{"with": ["t-yamada", "sakura-yama-41"]})
        gateway.wait("pgrep -f '^sleep 27182'", 120)
        gateway.run("systemctl kill --signal=KILL --kill-whom=main 'sekisho-auth@*'")
        answer = attempt.wait(300)
    assert "error" not in answer, answer
    assert gateway.json("session", "list") == []
    gateway.wait("! pgrep -f '^sleep 27182' && echo gone", 60)
    assert "t-yamada" in gateway.call("login", "t-yamada", "sakura-yama-41")
    gateway.wait("sekisho status | grep 'No problems'", 60)
