# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of `make bench`: how many connections a second the gateway records, what that costs it, and that none is missing. The kernel's
own conntrack makes and ends them as fast as it can (flow_flood.c), on the same processors. Nothing here passes or fails by time."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

from world import BUILD, INTRANET, ROOT, World, wait_until  # noqa: E402

COUNT = int(os.environ.get("BENCH_CONNECTIONS", "400000"))
CHUNK = 4000
LOG = "/var/log/sekisho/access.jsonl"
TICK = os.sysconf("SC_CLK_TCK")


def usage(pid):
    """(seconds of CPU, peak of resident memory in KiB)"""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    with open(f"/proc/{pid}/status") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / TICK, peak


class Tail:
    """Counts the lines that are written from now on, by action, without holding them."""

    def __init__(self):
        self.file = open(LOG, "rb")
        self.file.seek(0, os.SEEK_END)
        self.counts, self.missing, self.half = {}, 0, b""

    def read(self):
        while data := self.file.read(1 << 22):
            lines = (self.half + data).split(b"\n")
            self.half = lines.pop()
            for line in lines:
                start = line.index(b'"action":"') + 10
                action = line[start:line.index(b'"', start)].decode()
                self.counts[action] = self.counts.get(action, 0) + 1
                if action == "log-gap":
                    self.missing += json.loads(line)["sekisho"].get("count", 0)
        return self.counts.get("connection-closed", 0)


def flood(world, session, device, count):
    gateway, log = world.processes["gateway"].pid, Tail()
    cpu, _ = usage(gateway)
    start = time.monotonic()
    # As the firewall marks the session's packets: serial and profile.
    generator = world.gw.popen(f"{BUILD}/tests/flow_flood", str(session["id"] << 12 | 1), device.v4, INTRANET[0], str(count),
                               str(CHUNK), stdout=subprocess.PIPE, text=True)
    said = generator.communicate()[0]
    assert generator.returncode == 0
    made, nanoseconds = map(int, said.split())
    size = os.path.getsize(LOG)

    def all_written():  # by size while it grows: counting lines costs the processors that are measured
        nonlocal size
        before, size = size, os.path.getsize(LOG)
        return before == size and log.read() >= made

    wait_until(all_written, 120, f"all {made} are written")
    elapsed = time.monotonic() - start
    spent, peak = usage(gateway)
    return made, nanoseconds / 1e9, elapsed, spent - cpu, peak, log


def report(name, result):
    made, kernel, elapsed, cpu, peak, log = result
    events = sum(n for action, n in log.counts.items() if action.startswith("connection-"))
    opened = log.counts.get("connection-opened", 0)
    print(f"  {name}")
    print(f"    kernel: {made} connections made and ended in {kernel:.2f} s")
    print(f"    log: {log.counts.get('connection-closed', 0)} ends, {opened} beginnings, {log.missing} in gaps")
    print(f"    {made / elapsed:,.0f} connections/s recorded, {events / elapsed:,.0f} lines/s; gateway: {cpu / elapsed:.0%} of a CPU, "
          f"{cpu / events * 1e6:.1f} us a line, {events / cpu:,.0f} lines a CPU second, peak memory {peak / 1024:.0f} MiB", flush=True)
    assert log.counts["connection-closed"] == made
    assert not opened or opened + log.missing == made


def main():
    world = World(log_mib=4096)
    try:
        world.start()
        device = world.add_device("t-yamada", label="bench")
        world.phone.join(device.conf)
        wait_until(lambda: world.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
        world.login(world.phone)
        session = world.sekisho("session", "list", "--json")[0]
        print(f"Recording {COUNT} connections")
        report("ends", flood(world, session, device, COUNT))
        world.configure(connection_opened="on")
        world.sekisho("reload")
        report("beginnings and ends", flood(world, session, device, COUNT))
        check = [sys.executable, f"{ROOT}/tests/system/logcheck.py"]
        sample = "/run/world/access.jsonl"
        with open(LOG, "rb") as log, open(sample, "wb") as out:
            out.writelines(line for _, line in zip(range(20000), log))
        print(subprocess.run([*check, sample], capture_output=True, text=True).stdout or "  the first 20,000 lines are as documented")
    finally:
        world.close()


if __name__ == "__main__":
    main()
