# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing passes at any moment of a boot, and in which order things come up; sessions at a reboot."""
import re

LAN = "10.20.0.10"


def counters(machine, namespace):
    text = machine.out(f"ip netns exec early-{namespace} nft list counters")
    return {name: int(packets) for name, packets in re.findall(r"counter (\w+) \{\s+packets (\d+)", text)}


def both_sent(machine, more):
    """Waits until both ends have sent that many further packets."""
    for end in ("lan", "phone"):
        before = counters(machine, end)["sent"]
        machine.wait(f"[ $(ip netns exec early-{end} nft list counter ip tests sent | grep -o 'packets [0-9]*' | cut -d' ' -f2) "
                     f"-ge {before + more} ] && echo yes")


def test_the_probe_sees_a_machine_without_guard(gateway):
    """The control: with neither guard nor gateway, the packets that the next test counts do arrive."""
    gateway.power_off()
    gateway.start("systemd.wants=tests-probe.service systemd.mask=sekisho-guard.service systemd.mask=sekisho-gateway.service "
                  "sysctl.net.ipv4.ip_forward=1")
    gateway.wait("ip netns exec early-lan nft list counters 2>/dev/null")
    for end in ("lan", "phone"):
        gateway.wait(f"ip netns exec early-{end} nft list counter ip tests arrived | grep -q 'packets [1-9]' && echo yes", 120)


def test_nothing_passes_during_boot(gateway, session):
    """LAN to phone and phone to LAN, over a tunnel that somebody made before the gateway, from the first moment on."""
    gateway.power_off()
    gateway.start("systemd.wants=tests-probe.service")
    gateway.wait("sekisho status >/dev/null && echo up", 300)
    both_sent(gateway, 20)
    for end in ("lan", "phone"):
        seen = counters(gateway, end)
        assert seen["sent"] >= 20 and seen["arrived"] == 0, (end, seen)
    began = float(gateway.out("cat /run/probe-began"))
    ready = int(gateway.show("sekisho-gateway", "ActiveEnterTimestampMonotonic")) / 1e6
    print(f"\nprobes from {began:.1f} s on, the gateway from {ready:.1f} s on: {counters(gateway, 'lan')} {counters(gateway, 'phone')}")
    assert began < ready


def test_order_of_a_boot(gateway):
    """Closed firewall, then forwarding, then the network, then the gateway."""
    def entered(unit):
        return int(gateway.show(unit, "ActiveEnterTimestampMonotonic"))

    def left(unit):
        return int(gateway.show(unit, "InactiveExitTimestampMonotonic"))

    assert entered("sekisho-guard.service") <= left("systemd-sysctl.service"), "the administrator's settings have the last word"
    assert entered("sekisho-guard.service") <= entered("network-pre.target")
    assert entered("systemd-sysctl.service") <= left("sekisho-gateway.service")
    assert entered("sekisho-gateway.service") <= entered("sekisho.target")
    assert "shut: nothing passes" in gateway.out("journalctl -b -u sekisho-guard --no-pager")
    assert "status=0" in gateway.show("sekisho-guard", "ExecStartPost"), "forwarding comes when that is done"
    assert gateway.out("sysctl -n net.ipv4.ip_forward") == "1"


def test_sessions_end_at_a_reboot(gateway, session):
    gateway.reboot()
    gateway.wait("sekisho status >/dev/null && echo up", 300)
    assert gateway.json("session", "list") == []
    ended = gateway.logs("auth", "session-ended")[-1]
    assert ended["event"]["reason"] == "reboot" and ended["sekisho"]["session"]["id"] == session["id"]


def test_sessions_are_kept_over_a_reboot_if_wanted(gateway, session):
    gateway.run("echo 'sessions-after-reboot keep' >>/etc/sekisho/sekisho.conf")
    gateway.reboot()
    gateway.wait("sekisho status >/dev/null && echo up", 300)
    assert [s["id"] for s in gateway.json("session", "list")] == [session["id"]]
    gateway.call("up")
    gateway.call("join", gateway.conf)
    gateway.scene_of = gateway.boot
    assert gateway.call("tcp", LAN, 80) == "open", "without a new login"
    gateway.run("sed -i /sessions-after-reboot/d /etc/sekisho/sekisho.conf && systemctl reload sekisho-gateway")
