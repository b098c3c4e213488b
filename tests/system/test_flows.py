# SPDX-License-Identifier: GPL-3.0-or-later
"""Every connection of a phone is on record just once, with the line that allowed it, whatever ended it; and what the kernel could
not report is counted."""
import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys

from netns import SLOWER
from world import BUILD, INTRANET, ROOT, field, wait_until

SETTINGS = {"peer_idle": "1h"}
RULE = "groups/soumu.acl:2"
BURST = """
import socket, sys
address, port, count, answered = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), len(sys.argv) > 4
first = int(sys.argv[5]) if len(sys.argv) > 5 else 20000
for i in range(count):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.bind(("", first + i))
    s.connect((address, port))
    while True:
        try:
            s.send(b"x")
            if answered:
                s.recv(10)
            break
        except TimeoutError:
            pass
        except OSError:
            break
    s.close()
"""


def logcheck():
    command = [sys.executable, f"{ROOT}/tests/system/logcheck.py", "/var/log/sekisho"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Watch:
    """The lines of access.jsonl that come from now on, each read once."""

    def __init__(self, world):
        self.world, self.events = world, []
        self.file = open("/var/log/sekisho/access.jsonl", "rb")
        self.file.seek(0, os.SEEK_END)

    def lines(self, action, **wanted):
        while (line := self.file.readline()).endswith(b"\n"):
            self.events.append(json.loads(line))
        self.file.seek(-len(line), os.SEEK_CUR)
        wanted = {path.replace("__", "."): value for path, value in wanted.items()}
        return [e for e in self.events if e["event"]["action"] == action and
                all(field(e, path) == value for path, value in wanted.items())]

    def closed(self, sockets_port=None, **wanted):
        if sockets_port:
            wanted["source__port"] = sockets_port
        return self.lines("connection-closed", **wanted)

    def gaps(self, reason):
        return self.lines("log-gap", event__reason=reason)


def local_port(s):
    return s.getsockname()[1]


def table(world, *options):
    """Connections with a session's mark in the gateway's table."""
    done = world.gw.run("conntrack", "-L", *options, capture_output=True, check=False).stdout
    return [line for line in done.splitlines() if re.search(r"mark=[1-9]", line)]


def delete(world, *options):
    """Ends connections as an expiry does; how many."""
    done = world.gw.run("conntrack", "-D", *options, capture_output=True, check=False)
    return int(re.search(r"(\d+) flow entries have been deleted", done.stderr).group(1))


def udp(world, host, payload=b"hello", port=7000):
    """One question and its answer; the socket stays open."""
    s = world.phone.connect(host, port, socket.SOCK_DGRAM)
    s.settimeout(5 * SLOWER)
    s.send(payload)
    assert s.recv(100) == payload
    return s


def log_in(world, device):
    if not [s for s in world.sekisho("session", "list", "--json") if s["device"] == device.id]:
        world.login(world.phone)


def test_each_connection_of_both_families(world, device, session):
    watch, flows = Watch(world), {}
    for host in INTRANET:
        s = world.phone.connect(host, 80)
        s.send(b"GET / HTTP/1.1\r\n\r\n")
        assert s.recv(1000)
        flows[host, "tcp", local_port(s)] = ("tcp", "80")
        s.close()
        s = udp(world, host)
        flows[host, "udp", local_port(s)] = ("udp", "7000")
        assert world.phone.ping(host).result == "open"
        flows[host, "icmp" if ":" not in host else "ipv6-icmp", None] = ("icmp", None)
    assert len(table(world)) == len(flows)
    world.sekisho("session", "end", str(session["id"]))
    lines = watch.closed()
    found = {(field(e, "destination.ip"), field(e, "network.transport"), field(e, "source.port")): e for e in lines}
    assert found.keys() == flows.keys() and len(lines) == len(flows)
    generation = world.sekisho("status", "--json")["acl"]["generation"]
    for (host, transport, _), e in found.items():
        proto, port = flows[host, transport, field(e, "source.port")]
        explained = world.sekisho("acl", "explain", "t-yamada", proto, *([port] if port else []), host, "--json")
        assert field(e, "rule.name") == RULE == "{file}:{line}".format(**explained["rules"][0]), explained
        assert field(e, "sekisho.acl.generation") == generation
        assert field(e, "user.name") == "t-yamada" and field(e, "device.id") == device.id
        assert field(e, "sekisho.session.id") == session["id"] and field(e, "sekisho.endpoint.ip") == world.hotel.outer
        assert field(e, "source.ip") == (device.v6 if ":" in host else device.v4)
        assert field(e, "source.packets") >= 1 and field(e, "destination.packets") >= 1
        assert field(e, "event.duration") > 0 and "reason" not in e["event"]
        if transport == "udp":
            size = 5 + 8 + (40 if ":" in host else 20)
            assert (field(e, "source.bytes"), field(e, "source.packets")) == (size, 1)
            assert (field(e, "destination.bytes"), field(e, "destination.packets")) == (size, 1)
    logcheck()


def test_refused_with_the_line_that_denied(world, device, session):
    watch = Watch(world)
    world.write_acl({"users/t-yamada.acl": f"# of today\ndeny udp 7001 {INTRANET[0]} {INTRANET[1]}\n"})
    world.sekisho("acl", "apply", "--yes")
    generation = world.sekisho("status", "--json")["acl"]["generation"]
    for host in INTRANET:
        for port, count in ((7001, 3), (9, 2)):
            world.phone.run(sys.executable, "-c", BURST, host, str(port), str(count))
        for port, reason, rule in ((7001, "denied", "users/t-yamada.acl:2"), (9, "no-rule", None)):
            e = wait_until(lambda h=host, p=port: watch.lines("connection-refused", destination__ip=h, destination__port=p),
                           what="the refusal")
            assert len(e) == 1 and field(e[0], "event.reason") == reason and field(e[0], "rule.name") == rule
            assert field(e[0], "user.name") == "t-yamada"
            assert field(e[0], "sekisho.acl.generation") == (generation if rule else None)
    world.write_acl({"users/t-yamada.acl": None})
    world.sekisho("acl", "apply", "--yes")
    assert not watch.closed(destination__port=7001)
    logcheck()


def test_cut_by_an_apply_with_the_line_before_it(world, device, session):
    watch = Watch(world)
    before = world.sekisho("status", "--json")["acl"]["generation"]
    kept, cut = udp(world, INTRANET[0]), [world.phone.open_flow(h, 7000, socket.SOCK_STREAM) for h in INTRANET]
    for flow in cut:
        flow.goes_on()
    ports = [local_port(flow.socket) for flow in cut]
    world.write_acl({"groups/soumu.acl": f"# first\n# second\nallow udp 7000 {INTRANET[0]} {INTRANET[1]}\n"})
    world.sekisho("acl", "apply", "--yes")
    for port in ports:
        e = watch.closed(port)
        assert len(e) == 1 and field(e[0], "rule.name") == RULE and field(e[0], "sekisho.acl.generation") == before
    assert not watch.closed(local_port(kept))
    kept.send(b"again")
    assert kept.recv(100) == b"again"
    for flow in cut:
        flow.stop()
    # What went on is told with the line that allowed it last.
    delete(world, "-p", "udp", "--orig-port-src", str(local_port(kept)))
    e = wait_until(lambda: watch.closed(local_port(kept)), what="the end of the one that went on")
    assert len(e) == 1 and field(e[0], "rule.name") == "groups/soumu.acl:3"
    assert field(e[0], "sekisho.acl.generation") == before + 1 and field(e[0], "source.packets") == 2
    world.write_acl({"groups/soumu.acl": 'owner "General affairs, network desk"\nallow intranet\n'})
    world.sekisho("acl", "apply", "--yes")
    assert [len(watch.closed(p)) for p in ports] == [1, 1]
    logcheck()


def stop(world):
    assert world.kill("gateway", signal.SIGTERM) == 0


def test_a_restart_loses_and_repeats_nothing(world, device, session):
    """The supervisor keeps the socket, as systemd does."""
    watch = Watch(world)
    during, crash, after = (udp(world, h) for h in (INTRANET[0], INTRANET[1], INTRANET[0]))
    ports = [local_port(s) for s in (during, crash, after)]
    stop(world)
    assert delete(world, "-p", "udp", "--orig-port-src", str(ports[0])) == 1
    world.start_gateway()
    assert len(wait_until(lambda: watch.closed(ports[0]), what="the one that ended meanwhile")) == 1
    assert not watch.gaps("gateway-down") and len(watch.closed()) == 1

    world.kill("gateway", signal.SIGKILL)
    assert delete(world, "-f", "ipv6", "-p", "udp", "--orig-port-src", str(ports[1])) == 1
    world.start_gateway()
    assert len(wait_until(lambda: watch.closed(ports[1]), what="the one that ended meanwhile")) == 1
    assert len(watch.gaps("gateway-down")) == 1  # it may have been in the middle of a line
    world.sekisho("session", "end", str(session["id"]))
    for port in ports:
        e = watch.closed(port)
        assert len(e) == 1 and "reason" not in e[0]["event"] and field(e[0], "rule.name") == RULE
        assert field(e[0], "user.name") == "t-yamada" and field(e[0], "source.packets") == 1
    logcheck()


def test_a_stop_that_keeps_nothing(world, device, session):
    watch = Watch(world)
    during, after = (udp(world, h) for h in INTRANET)
    stop(world)
    world.forget_kept()
    assert delete(world, "-p", "udp", "--orig-port-src", str(local_port(during))) == 1
    world.start_gateway()
    e = wait_until(lambda: watch.closed(local_port(during)), what="the one that ended meanwhile")
    assert len(e) == 1 and field(e[0], "event.reason") == "gateway-down" and field(e[0], "user.name") == "t-yamada"
    assert field(e[0], "rule.name") == RULE and field(e[0], "source.bytes") == 33
    gap = watch.gaps("gateway-down")
    assert len(gap) == 1 and field(gap[0], "sekisho.gap.from") <= field(gap[0], "sekisho.gap.to")
    assert not watch.closed(local_port(after))

    # A crash leaves no list of what was open.
    world.kill("gateway", signal.SIGKILL)
    world.forget_kept()
    world.start_gateway()
    wait_until(lambda: len(watch.gaps("gateway-down")) == 2, what="the gap of the crash")
    world.sekisho("session", "end", str(session["id"]))
    assert len(watch.closed(local_port(after))) == 1 and len(watch.closed()) == 2
    logcheck()


def test_a_stop_that_shuts_leaves_no_gap(world, device, session):
    watch = Watch(world)
    flow = udp(world, INTRANET[0])
    stop(world)
    world.forget_kept()
    world.gw.run(*world.gateway_command("--close"), capture_output=True)
    delete(world, "-p", "udp", "--orig-port-src", str(local_port(flow)))
    world.start_gateway()
    e = wait_until(lambda: watch.closed(local_port(flow)), what="the one that ended meanwhile")
    assert len(e) == 1 and field(e[0], "event.reason") == "gateway-down"
    assert not watch.gaps("gateway-down")
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.5).result == "open", 30, "the tunnel is back")
    logcheck()


def descriptors(pid):
    """Our own copies of a process's netlink sockets (pidfd_getfd(2)), by the groups that they listen to."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    for name in os.listdir(f"/proc/{pid}/fd"):
        if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
            continue
        fd = libc.syscall(438, pidfd, int(name), 0)
        if fd < 0:
            continue
        with socket.socket(fileno=fd) as s:
            if s.family == socket.AF_NETLINK:
                yield s
    os.close(pidfd)


def squeeze(world, size):
    """Smaller receive buffers for everything that the kernel reports to the gateway."""
    SO_RCVBUFFORCE = 33
    for s in descriptors(world.processes["gateway"].pid):
        groups = s.getsockname()[1]  # of conntrack's events; packets that are logged go to one socket each
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size if groups else 1)


@contextlib.contextmanager
def standstill(world):
    """The gateway stands still, its logs watched and its buffers small, while more happens than these hold."""
    world.configure(connection_opened="on")
    world.sekisho("reload")
    watch = Watch(world)
    squeeze(world, 20000)
    gateway = world.processes["gateway"].pid
    os.kill(gateway, signal.SIGSTOP)
    try:
        yield watch
    finally:
        os.kill(gateway, signal.SIGCONT)


def test_what_the_kernel_could_not_report_is_counted(world, device, session):
    count = 600
    with standstill(world) as watch:
        world.phone.run(sys.executable, "-c", BURST, INTRANET[0], "7000", str(count), "answered")
        world.phone.run(sys.executable, "-c", BURST, INTRANET[0], "9", "60")
        world.phone.run(sys.executable, "-c", BURST, INTRANET[0], "7000", "1", "answered", "30000")  # behind all others
        count += 1
        made = wait_until(lambda: len(table(world, "-p", "udp", "--orig-port-dst", "7000")) == count and count,
                          what="all are in the kernel's table")
        half = delete(world, "-p", "udp", "--orig-port-dst", "7000", "--orig-dst", INTRANET[0])
        assert half == made
    wait_until(lambda: len(watch.closed()) >= count, 30, "all ends")
    total = wait_until(lambda: sum_gaps(watch, "connections that began") + len(watch.lines("connection-opened")) >= count and
                       sum_gaps(watch, "connections that began"), 30, "the gap of beginnings")
    assert total > 0 and total + len(watch.lines("connection-opened")) == count == len(watch.closed())
    assert len({field(e, "source.port") for e in watch.closed()}) == count
    gap = [g for g in watch.gaps("kernel-overrun") if field(g, "sekisho.gap.what") == "connections that began"]
    assert all(field(g, "sekisho.gap.from") <= field(g, "sekisho.gap.to") for g in gap)

    wait_until(lambda: sum_gaps(watch, "refused packets: denied") > 0, 30, "the gap of refusals")
    world.configure(connection_opened=None)
    world.sekisho("reload")
    logcheck()


def sum_gaps(watch, what):
    return sum(field(g, "sekisho.count") for g in watch.gaps("kernel-overrun") if field(g, "sekisho.gap.what") == what)


def test_missed_beginnings_of_what_is_open_are_told_late(world, device, session):
    count = 600
    with standstill(world) as watch:
        world.phone.run(sys.executable, "-c", BURST, INTRANET[0], "7000", str(count), "answered")
        wait_until(lambda: len(table(world, "-p", "udp", "--orig-port-dst", "7000")) == count, what="all are in the table")
    wait_until(lambda: len(watch.lines("connection-opened")) >= count, 30, "all beginnings")
    opened = watch.lines("connection-opened")
    assert len(opened) == count == len({field(e, "source.port") for e in opened})
    assert all(field(e, "rule.name") == RULE and field(e, "user.name") == "t-yamada" for e in opened)
    world.sekisho("session", "end", str(session["id"]))
    assert len(watch.closed()) == count and not watch.gaps("kernel-overrun")
    starts = {(field(e, "source.port"), field(e, "event.start")) for e in opened}
    assert len(starts & {(field(e, "source.port"), field(e, "event.start")) for e in watch.closed()}) > 0
    world.configure(connection_opened=None)
    world.sekisho("reload")
    logcheck()


def test_a_flood(world, device, session):
    """Far more than the socket's buffer holds, ended all at once, with beginnings: kernel, lines and gaps have equal counts."""
    world.configure(connection_opened="on")
    world.sekisho("reload")
    watch = Watch(world)
    squeeze(world, 300000)
    count = sum(flood(world, session, *ends) for ends in ((device.v4, INTRANET[0], 4000), (device.v6, INTRANET[1], 2000)))
    wait_until(lambda: len(watch.closed()) >= count, 60, "all ends")
    wait_until(lambda: sum_gaps(watch, "connections that began") + len(watch.lines("connection-opened")) >= count, 60, "the gaps")
    assert len(watch.closed()) == count == sum_gaps(watch, "connections that began") + len(watch.lines("connection-opened"))
    ended = {(field(e, "source.ip"), field(e, "source.port"), field(e, "event.start")) for e in watch.closed()}
    assert len(ended) == count
    assert all(field(e, "rule.name") == RULE and field(e, "user.name") == "t-yamada" for e in watch.closed())
    world.configure(connection_opened=None)
    world.sekisho("reload")
    assert world.sekisho("session", "list", "--json")[0]["connections"] >= count


def flood(world, session, source, destination, count):
    """Connections with the session's mark, from the kernel's own table (tests/bench/flow_flood.c); how many were made."""
    done = world.gw.run(f"{BUILD}/tests/flow_flood", str(session["id"] << 12 | 1), source, destination, str(count), str(count),
                        capture_output=True)
    return int(done.stdout.split()[0])


def test_thinned_while_there_is_little_room(world, device, session):
    world.configure(connection_opened="on")
    world.sekisho("reload")
    watch = Watch(world)
    free = os.statvfs("/var/log/sekisho")
    free = free.f_bavail * free.f_frsize >> 20
    world.configure(log_space_reserve="1", log_space_low=str(free + 100))
    world.sekisho("reload")
    wait_until(lambda: watch.lines("log-thinned", event__reason="space-low"), what="the log is thinned")
    delete(world, "-p", "udp", "--orig-port-src", str(local_port(udp(world, INTRANET[0]))))
    wait_until(lambda: len(watch.closed()) == 1, what="the end, which is recorded")
    assert not watch.lines("connection-opened")
    world.configure(log_space_reserve=None, log_space_low=None)
    world.sekisho("reload")
    back = wait_until(lambda: watch.lines("log-thinned", event__reason="space-back"), what="the log is whole again")
    assert len(back) == 1 and field(back[0], "sekisho.count") == 1
    flow = udp(world, INTRANET[0])
    assert len(wait_until(lambda: watch.lines("connection-opened"), what="a beginning")) == 1
    flow.close()
    world.configure(connection_opened=None)
    world.sekisho("reload")


def test_long_ones_are_seen_before_they_end(world, device, session):
    watch = Watch(world)
    flow = world.phone.open_flow(INTRANET[0])
    world.configure(connection_interval="1m")
    world.sekisho("reload")
    lines = wait_until(lambda: watch.lines("connection-open"), 150, "connection-open")
    e = lines[0]
    assert field(e, "source.port") == local_port(flow.socket) and field(e, "event.duration") >= 60 * 10**9
    assert field(e, "source.packets") > 0 and field(e, "rule.name") == RULE and "end" not in e["event"]
    world.sekisho("device", "lost", device.id)
    flow.stop()
    closed = watch.closed(local_port(flow.socket) if flow.socket.fileno() >= 0 else field(e, "source.port"))
    assert len(closed) == 1 and field(closed[0], "event.start") == field(e, "event.start")
    assert field(closed[0], "source.bytes") >= field(e, "source.bytes") and field(closed[0], "rule.name") == RULE
    logcheck()
