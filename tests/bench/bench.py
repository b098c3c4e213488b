# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: what our rules cost and how quickly the gateway acts, measured side by side in one run. Both ends of the tunnel
share this machine, and two runs differ by some 15 %: read the ratios. Nothing here passes or fails."""
import json
import os
import select
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

from world import INTRANET, PORTAL4, World, wait_until  # noqa: E402

SECONDS = int(os.environ.get("BENCH_SECONDS", "4"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
IPERF_PORT = 5201
ACL = {"users/t-yamada.acl": f"allow tcp {IPERF_PORT} 10.20.0.10\n"}


def iperf(world, *options):
    """Megabits a second from the phone to the LAN."""
    server = world.lan.popen("iperf3", "--server", "--one-off", "--bind", INTRANET[0], stdout=subprocess.DEVNULL)
    wait_until(lambda: world.lan.tcp_listening(INTRANET[0], IPERF_PORT), what="iperf3 listens")
    done = world.phone.run("iperf3", "--client", INTRANET[0], "--time", str(SECONDS), "--json", *options, capture_output=True)
    server.wait(10)
    end = json.loads(done.stdout)["end"]
    return end["sum_received"]["bits_per_second"] / 1e6


def without_rules(world, measure):
    """The same tunnel, peers and routes with our table and the second lock taken away, while the gateway is stopped."""
    world.kill("gateway", 15)
    table = world.gw.run("nft", "list", "ruleset", capture_output=True).stdout
    assert "table inet sekisho" in table
    world.gw.run("nft", "delete", "table", "inet", "sekisho")
    for family in ("-4", "-6"):
        world.gw.run("ip", family, "rule", "del", "pref", "90")
    try:
        return measure()
    finally:
        world.start_gateway()
        wait_until(lambda: world.phone.tcp(INTRANET[0], 80, 1).result == "open", 20, "our rules are back")


def throughput(world, rows):
    for name, options in (("phone to LAN", ()), ("LAN to phone", ("--reverse",))):
        ours = iperf(world, *options)
        bare = without_rules(world, lambda o=options: iperf(world, *o))
        again = iperf(world, *options)
        mean = (ours + again) / 2
        rows.append((f"TCP, {name}", f"{mean:.0f} Mbit/s", f"{bare:.0f} Mbit/s", f"{mean / bare:.2f}"))


def latency(world, rows):
    def median():
        times = [world.phone.ping(INTRANET[0]).elapsed for _ in range(300)]
        return statistics.median(times) * 1e6

    ours = median()
    bare = without_rules(world, median)
    rows.append(("ping to the LAN, median", f"{ours:.0f} us", f"{bare:.0f} us", f"{ours / bare:.2f}"))


def milliseconds(values):
    return f"{statistics.median(values) * 1000:.1f} ms", f"{min(values) * 1000:.1f} .. {max(values) * 1000:.1f}"


def knock(world):
    """From switching the tunnel on (it knocks at once) to the first answered ping."""
    values = []
    world.configure(peer_idle="5s")
    world.sekisho("reload")
    for _ in range(ROUNDS):
        world.phone.off()
        wait_until(lambda: not world.sekisho("device", "show", "d1", "--json")["device"]["online"], 30)
        world.phone.on()
        wait_until(lambda: world.phone.ping(PORTAL4, 0.02).result == "open", 20, "first ping")
        values.append(time.monotonic() - world.phone.switched_on)
    world.configure(peer_idle=None)
    world.sekisho("reload")
    return values


class Numbers:
    """Numbered UDP datagrams at a steady rate, echoed by the LAN; when each answer came."""

    def __init__(self, world, rate=2000):
        self.socket = world.phone.connect(INTRANET[0], 7000, socket.SOCK_DGRAM, 0.2)
        self.arrived, self.stop, self.rate = [], threading.Event(), rate
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self.send, self.receive)]
        for t in self.threads:
            t.start()

    def send(self):
        start, number = time.monotonic(), 0
        while not self.stop.is_set():
            try:
                self.socket.send(struct.pack("!Q", number))
            except OSError:
                pass  # the refusal of an earlier one
            number += 1
            select.select([], [], [], max(0, start + number / self.rate - time.monotonic()))

    def receive(self):
        while not self.stop.is_set():
            try:
                self.socket.recv(64)
                self.arrived.append(time.monotonic())
            except OSError:
                pass

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()
        self.socket.close()


def opening(world):
    """From the moment when the login's last answer is sent to the first packet that gets through."""
    values = []
    for _ in range(ROUNDS):
        for s in world.sekisho("session", "list", "--json"):
            world.sekisho("session", "end", str(s["id"]))
        numbers = Numbers(world)
        opened_before = len(world.logs("auth", "session-opened"))
        world.login(world.phone)
        wait_until(lambda: numbers.arrived, what="the first packet")
        event = wait_until(lambda n=opened_before: len(e := world.logs("auth", "session-opened")) > n and e[-1])
        values.append(max(0.0, wall(numbers.arrived[0]) - stamp(event)))
        numbers.end()
    return values


def closing(world):
    """From `session end` to the last packet that gets through."""
    values = []
    for _ in range(ROUNDS):
        if not world.sekisho("session", "list", "--json"):
            world.login(world.phone)
        numbers = Numbers(world)
        wait_until(lambda: len(numbers.arrived) > 500, what="packets flow")
        number = world.sekisho("session", "list", "--json")[0]["id"]
        start = time.monotonic()
        world.sekisho("session", "end", str(number))
        seen = [len(numbers.arrived)]

        def quiet():
            select.select([], [], [], 0.1)
            same = len(numbers.arrived) == seen[0]
            seen[0] = len(numbers.arrived)
            return same

        wait_until(quiet)
        values.append(max(0.0, numbers.arrived[-1] - start))
        numbers.end()
    return values


def stamp(event):
    from datetime import datetime
    return datetime.fromisoformat(event["@timestamp"]).timestamp()


def wall(monotonic):
    return time.time() - (time.monotonic() - monotonic)


def table(title, head, rows):
    print(f"\n{title}")
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        print("  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))), flush=True)


def main():
    world = World({"poll_interval": "1s", "login_failures": "100 per 5m"})
    try:
        world.write_acl(ACL)
        world.start()
        world.phone.join(world.add_device("t-yamada", label="bench").conf)
        wait_until(lambda: world.phone.ping(PORTAL4, 0.2).result == "open", what="the phone's first ping")
        world.login(world.phone)
        backend = world.sekisho("status", "--json")["backend"]
        rows = []
        throughput(world, rows)
        latency(world, rows)
        table(f"Cost of judging every packet ({backend}, both ends on {os.cpu_count()} cores)",
              ("", "our rules", "no rules", "ratio"), rows)
        rows = [(name, *milliseconds(measure(world))) for name, measure in (
            ("knock to first answered ping", knock), ("verdict to first forwarded packet", opening),
            ("end of session to last forwarded packet", closing))]
        table(f"How quickly the gateway acts ({ROUNDS} times each; the command's own start is in the last)",
              ("", "median", "range"), rows)
    finally:
        world.close()


if __name__ == "__main__":
    main()
