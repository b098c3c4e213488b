# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of `make bench`: how many logins a second the product takes, what each costs whom, and what OpenSSL's handshake and PAM
alone cost in the same run. Processor time is what to compare: generator and product share the processors with each other and with
whatever else runs. Nothing here passes or fails by time, but somebody who does not get in fails it."""
import collections
import itertools
import os
import resource
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

from crowd import FREE, Crowd  # noqa: E402
from world import BUILD, PAM, field  # noqa: E402

COUNT = int(os.environ.get("BENCH_LOGINS", "5000"))
BURST = min(COUNT, int(os.environ.get("BENCH_BURST", "500")))
PATIENCE = 3600  # seconds that a phone waits before it counts as timed out: a busy machine only takes longer
SAMPLE = 40
TICK = os.sysconf("SC_CLK_TCK")
UNIX = "".join(line + "\n" for line in PAM.splitlines() if "pam_oath" not in line)


def spent(world):
    """Seconds of processor time so far: each program, and the attempts that have ended."""
    def stat(pid):
        with open(f"/proc/{pid}/stat") as f:
            return [int(v) / TICK for v in f.read().rsplit(") ", 1)[1].split()[11:15]]

    gateway, portal = (sum(stat(world.pids(name)[0])[:2]) for name in ("sekisho-gateway", "sekisho-portal"))
    auth = stat(world.processes["auth"].pid)
    return {"portal": portal, "gateway": gateway, "attempts": auth[2] + auth[3], "their start": auth[0] + auth[1]}


def handshake():
    """Seconds of processor of OpenSSL alone."""
    done = subprocess.run([f"{BUILD}/tests/login_limits", "/etc/sekisho/tls/portal.crt", "/etc/sekisho/tls/portal.key"], check=True,
                          capture_output=True, text=True)
    return int(done.stdout) / 1e6


def alone(world, processes, logins):
    """Seconds of processor of PAM alone for so many logins in each of so many processes, one after the other; of one process."""
    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = used()
    for _ in range(processes):
        subprocess.run([f"{BUILD}/tests/login_alone", "sekisho", world.names[0], world.PASSWORD, str(logins)], check=True)
    return (used() - before) / processes


def overtaken(world, logins, devices):
    """Turns in the record's order: the most seconds by which somebody came later and yet had the turn before, and by how many
    places at most. Of those who come within one moment the portal hears in another order than the generator speaks."""
    arrived = {devices[x.number]["id"]: x.arrived for x in logins}
    place = {device: n for n, device in enumerate(sorted(arrived, key=arrived.get))}
    begun = [field(e, "device.id") for e in world.logs("auth", "login-started")[-len(logins):]]
    assert sorted(begun) == sorted(arrived), "each begins once"
    latest = itertools.accumulate((arrived[device] for device in begun), max)
    return (max(late - arrived[device] for late, device in zip(latest, begun)),
            max(abs(n - place[device]) for n, device in enumerate(begun)))


def run(world, name, devices, rate):
    before, start = spent(world), time.monotonic()
    logins, generator = world.flood([(d, d["users"][0], world.PASSWORD) for d in devices], rate, PATIENCE)
    elapsed, after = time.monotonic() - start, spent(world)
    each = {who: (after[who] - before[who]) / len(logins) for who in before}
    results = collections.Counter(x.result for x in logins)
    took = sorted(x.ended - x.arrived for x in logins)
    print(f"  {name}: {len(logins)} logins, {dict(results)}, {len(logins) / elapsed:,.0f}/s")
    print(f"    from asking to being in: median {statistics.median(took):.2f} s, longest {took[-1]:.2f} s; "
          f"{sum(x.waits for x in logins)} waiting pages")
    print("    processor a login: " + ", ".join(f"{who} {s * 1e3:.2f} ms" for who, s in each.items()) +
          f"; the generator {generator / len(logins) * 1e3:.2f} ms", flush=True)
    assert set(results) == {"in"}, results
    seconds, places = overtaken(world, logins, devices)
    print(f"    order of the turns: nobody before one who had come {seconds:.2f} s earlier, or {places} places before", flush=True)
    return sum(each.values())


def stack(name, pam, **settings):
    world = Crowd(COUNT + 1, 50, settings, pam)  # one for the first of all, which starts the portal
    try:
        shake, computed, single, empty = handshake(), alone(world, 1, SAMPLE) / SAMPLE, alone(world, SAMPLE, 1), alone(world, SAMPLE, 0)
        print(f"{name}: PAM alone {computed * 1e3:.2f} ms of processor a login, so at most {1 / computed:,.0f} logins/s a processor;\n"
              f"  PAM alone in a process for each login {single * 1e3:.2f} ms (the empty process {empty * 1e3:.2f} ms): {1 / single:,.0f}/s")
        world.flood([(world.devices[-1], world.devices[-1]["users"][0], world.PASSWORD)], 0, PATIENCE)
        cost = run(world, f"{BURST} at once", world.devices[:BURST], 0)
        print(f"    {1 / cost:,.0f} logins a second of processor: {computed / cost:.0%} of PAM alone, "
              f"{single / cost:.0%} of PAM alone in a process for each")
        if COUNT > BURST:
            run(world, "within a minute", world.devices[BURST:COUNT], (COUNT - BURST) / 60)
        before = spent(world)
        shaken, generator = world.flood([(d, "x", "x") for d in world.devices[:BURST]], 0, PATIENCE, True)
        ours = (spent(world)["portal"] - before["portal"]) / len(shaken)
        print(f"  TLS handshakes: the portal {1 / ours:,.0f} a second of processor, OpenSSL alone {1 / shake:,.0f} "
              f"({shake / ours:.0%}); the generator {generator / len(shaken) * 1e3:.2f} ms each", flush=True)
    finally:
        world.close()


def main():
    print(f"Logins, {os.cpu_count()} processors shared with the generator")
    stack("A PAM stack that costs nothing", FREE)
    stack("pam_unix with yescrypt", UNIX, login_parallel=os.cpu_count())


if __name__ == "__main__":
    main()
