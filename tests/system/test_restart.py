# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash, stop, reload: what runs goes on, what is wrong is not taken over."""
import os
import signal
import socket
import subprocess

import pytest

from world import FILES, INTRANET, wait_until

CLOSED = ("refused", "prohibited")


def ids(world):
    return [s["id"] for s in world.sekisho("session", "list", "--json")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "stop"])
def test_sessions_tunnels_and_flows_survive(world, device, session, number):
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    tunnel = world.tunnel_identity()
    before = ids(world)
    code = world.kill("gateway", number)
    assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
    flow.goes_on(50)
    assert world.phone.tcp(INTRANET[1], 80).result == "open"
    assert world.phone.tcp(FILES[1], 80).result in CLOSED
    world.start_gateway()
    flow.goes_on(50)
    flow.stop()
    assert world.tunnel_identity() == tunnel, "taken over, not made again"
    assert ids(world) == before
    wait_until(lambda: world.sekisho("status", "--json")["problems"] == [], what="the login page is connected again")
    assert world.browser().get("/").status == 200
    assert "t-yamada" in world.browser().get("/").text


def test_a_crash_between_two_changes_of_a_session(world, device, session):
    """The gateway is dead while its session is still in the kernel; it is ended right after the restart, not before."""
    world.kill("gateway", signal.SIGKILL)
    assert world.sekisho("session", "end", str(session["id"]), check=False).returncode == 3
    world.start_gateway()
    world.sekisho("session", "end", str(session["id"]))
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED
    world.kill("gateway", signal.SIGKILL)
    world.start_gateway()
    assert ids(world) == []
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED


def test_reload_takes_good_settings(world, device, session):
    world.configure(label="Ministry of Testing")
    world.reload()
    world.wait_log("audit", "config-applied")
    assert "Ministry of Testing" in world.add_device("t-yamada", label="x").conf
    assert ids(world) == [session["id"]]


@pytest.mark.parametrize("change, word", [
    ({"poll_interval": "1000s"}, "poll-interval"),
    ({"no_such_keyword": "1"}, "no-such-keyword"),
    ({"interface": "other0"}, "interface"),
    ({"tunnel_network": "10.99.0.0/16"}, "tunnel-network"),
])
def test_reload_refuses_bad_settings_whole(world, device, session, change, word):
    with open("/etc/sekisho/sekisho.conf") as f:
        good = f.read()
    before = len(world.logs("audit", "config-rejected"))
    world.configure(**change)
    try:
        done = world.sekisho("reload", check=False)
        assert done.returncode == 1 and word in done.stderr, done.stderr
        world.reload()
        wait_until(lambda: len(world.logs("audit", "config-rejected")) >= before + 2, what="both refusals are on record")
    finally:
        world.write("/etc/sekisho/sekisho.conf", good)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert ids(world) == [session["id"]]


def test_the_login_page_survives_the_gateways_absence(world, device):
    world.kill("gateway", signal.SIGKILL)
    page = world.browser().get("/")
    assert page.status in (200, 503) and page.text
    world.start_gateway()
    wait_until(lambda: world.browser().get("/").status == 200, 20, "the portal finds the gateway again")


def reboot(world):
    """The machine is started anew, as far as the gateway can tell: an empty kernel, and another boot than the one it noted."""
    world.kill("gateway", signal.SIGTERM)
    world.gw.run(*world.gateway_command("--close"))
    world.write("/var/lib/sekisho/boot-id", "00000000-0000-4000-8000-000000000000\n", 0o600, "sekisho:sekisho")
    world.start_gateway()
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.5).result == "open", 40, "the phone is back")


def test_sessions_end_at_a_reboot(world, device, session):
    reboot(world)
    ended = world.wait_log("auth", "session-ended", sekisho__session__id=session["id"])
    assert ended["event"]["reason"] == "reboot"
    assert ids(world) == []
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED
    assert "Closed because the gateway was restarted" in world.browser().get("/").text


def test_sessions_are_kept_over_a_reboot_if_wanted(world, device, session):
    world.configure(sessions_after_reboot="keep")
    try:
        reboot(world)
        assert ids(world) == [session["id"]]
        assert world.phone.tcp(INTRANET[0], 80).result == "open"
    finally:
        world.configure(sessions_after_reboot=None)


def test_shut_before_the_first_start(world, device):
    """`sekisho-gateway --shut`, as the guard runs it at boot: the closed firewall stands before there is a tunnel."""
    world.kill("gateway", signal.SIGTERM)
    world.gw.run(*world.gateway_command("--close"))
    world.inet.run("nft", "-f", "-", input="table ip leak { counter c {}; chain in { type filter hook prerouting priority 0; "
                                           f"ip daddr {device.v4} counter name c; }}; }}\n")

    def leaked():
        with world.lan.new_socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"for a phone", (device.v4, 7000))
        listed = world.inet.run("nft", "list", "counter", "ip", "leak", "c", capture_output=True).stdout
        return "packets 0 " not in listed

    wait_until(leaked, what="without a firewall, what is meant for phones leaves by the default route")
    world.gw.run(*world.gateway_command("--shut"))
    world.inet.run("nft", "reset", "counter", "ip", "leak", "c", capture_output=True)
    assert not any(leaked() for _ in range(20))
    world.inet.run("nft", "delete", "table", "ip", "leak")
    world.start_gateway()
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.5).result == "open", 40, "the phone is back")


def test_shut_never_touches_a_running_gateway(world, device, session):
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    for option in ("--shut", "--stopped"):
        done = world.gw.run(*world.gateway_command(option), capture_output=True)
        assert "a gateway runs" in done.stderr
        flow.goes_on(50)
    refused = world.gw.run(*world.gateway_command("--close"), capture_output=True, check=False)
    assert refused.returncode == 1 and "another process is using it" in refused.stderr
    flow.goes_on(50)
    flow.stop()
    assert not world.logs("audit", "firewall-restored")


@pytest.mark.parametrize("choice", ["leave", None], ids=["leave", "close"])
def test_a_stop_closes_or_leaves(world, device, session, choice):
    world.configure(on_stop=choice)
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    world.kill("gateway", signal.SIGTERM)
    flow.goes_on(50)
    world.gw.run(*world.gateway_command("--stopped"))
    if choice:
        flow.goes_on(50)
    else:
        assert flow.is_cut()
        assert "sekisho0" not in world.gw.run("ip", "link", capture_output=True).stdout
    flow.stop()
    world.configure(on_stop=None)
    world.start_gateway()
    assert ids(world) == [session["id"]]
    wait_until(lambda: world.phone.tcp(INTRANET[0], 80).result == "open", 60, "the session goes on")


def test_close_takes_everything_out(world, device):
    """`sekisho-gateway --close` for a gateway that is taken out of service."""
    world.kill("gateway", signal.SIGTERM)
    world.gw.run(*world.gateway_command("--close"))
    assert out_of_kernel(world)
    assert not subprocess.run(["pgrep", "-f", "wireguard-go.*sekisho0"], capture_output=True, text=True).stdout
    world.start_gateway()
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.5).result == "open", 40, "back in service")


def out_of_kernel(world):
    return ("sekisho" not in world.gw.run("nft", "list", "tables", capture_output=True).stdout
            and "sekisho0" not in world.gw.run("ip", "link", capture_output=True).stdout
            and "prohibit" not in world.gw.run("ip", "rule", capture_output=True).stdout)


@pytest.mark.parametrize("path", ["/usr/bin/wireguard-go", "/etc/sekisho/tunnel.key", "/var/lib/sekisho/ledger.db"])
def test_close_without(world, device, path):
    """Machines that lose their WireGuard, their key, their ledger: what is in the kernel can be taken out all the same."""
    if not os.path.exists(path):
        pytest.skip("WireGuard is the kernel's here")
    world.kill("gateway", signal.SIGTERM)
    if "wireguard" in path:
        world.gw.ip("link delete sekisho0")
    subprocess.run(["mount", "--bind", "/dev/null", path], check=True)
    try:
        world.gw.run(*world.gateway_command("--close"))
        assert out_of_kernel(world)
    finally:
        subprocess.run(["umount", path], check=True)
    world.start_gateway()
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.5).result == "open", 40, "back in service")


def test_close_stays_shut_before_what_it_cannot_remove(world, device):
    world.kill("gateway", signal.SIGTERM)
    world.gw.run(*world.gateway_command("--close"))
    world.gw.ip("link add sekisho0 type bridge")
    refused = world.gw.run(*world.gateway_command("--close"), capture_output=True, check=False)
    assert refused.returncode == 1 and "'sekisho0' is not WireGuard" in refused.stderr
    assert "sekisho" in world.gw.run("nft", "list", "tables", capture_output=True).stdout
    assert "prohibit" in world.gw.run("ip", "rule", capture_output=True).stdout
    world.gw.ip("link delete sekisho0")
    world.gw.run(*world.gateway_command("--close"))
    assert out_of_kernel(world)
    world.start_gateway()
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.5).result == "open", 40, "back in service")
