# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators' hooks for alerts, and what they were given."""
import glob
import json
import os
import shutil
import subprocess

from initiation import initiation
from test_admission import new_key, private_key, send, server_key
from world import wait_until

HOOK = "/etc/sekisho/tell"
OUT = "/run/world/told"
TELL = f"""#!/bin/sh
f=$(mktemp {OUT}/XXXXXXXX) || exit 9
cat >$f
echo "$SEKISHO_ALERT" >$f.reason
grep -E '^(CapEff|CapPrm|CapInh|CapAmb|NoNewPrivs|Uid|Groups)' /proc/self/status >$f.status
for fd in /proc/$$/fd/*; do readlink $fd; done >$f.fds
env >$f.env
mv $f $f.json
"""


def write_hook(world, text=TELL, mode=0o755, path=HOOK):
    world.write(path, text, mode)


def prepare(world):
    """The folder that the hook writes to, and the hook."""
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    shutil.chown(OUT, "sekisho", "sekisho")
    write_hook(world)


def told(reason=None):
    """The lines that hooks have got, as text."""
    lines = []
    for name in glob.glob(f"{OUT}/*.json"):
        with open(name, encoding="utf-8") as f:
            lines.append(f.read())
    return [line for line in lines if reason in (None, json.loads(line)["event"]["reason"])]


def beside(reason, suffix):
    """What a hook for that reason noted beside its line."""
    for name in glob.glob(f"{OUT}/*.json"):
        with open(name, encoding="utf-8") as f:
            if json.load(f)["event"]["reason"] == reason:
                with open(f"{name[:-5]}.{suffix}") as g:
                    return g.read()
    return ""


def audit_lines(reason):
    with open("/var/log/sekisho/audit.jsonl", encoding="utf-8") as f:
        lines = [line for line in f if line.endswith("\n")]
    return [line for line in lines if json.loads(line)["event"]["action"] == "alert" and json.loads(line)["event"]["reason"] == reason]


def wait_told(reason, deadline=20, count=1):
    """The records of that reason, once the hook has got each of them, word for word."""
    def same():
        got, recorded = sorted(told(reason)), sorted(line[:-1] for line in audit_lines(reason))
        return len(got) >= count and got == recorded

    wait_until(same, deadline, f"the hook is told of {reason}")
    return [json.loads(line) for line in audit_lines(reason)]


def lose(world, label="lost"):
    """A device that has been reported lost."""
    d = world.add_device("t-yamada", label=label)
    world.sekisho("device", "lost", d.id, "--yes")
    return d


def knock(world, d):
    """Knocks until it is refused: the kernel limits how many knocks a source may make."""
    key, secret, before = server_key(world), private_key(d), len(world.logs("auth", "device-refused", device__id=d.id))

    def refused():
        send(world.inet, initiation(key, secret))
        return len(world.logs("auth", "device-refused", device__id=d.id)) > before

    wait_until(refused, 20, f"{d.id} is refused")


def knock_unknown(world, place, count):
    """Keys that nobody here has, from the address of one place."""
    key, before = server_key(world), len(world.logs("auth", "device-refused", event__reason="unknown-key"))
    secrets = [new_key() for _ in range(count)]

    def refused():
        send(place, *(initiation(key, secret) for secret in secrets))
        return len(world.logs("auth", "device-refused", event__reason="unknown-key")) >= before + count

    wait_until(refused, 30, "all are refused")


def problems(world):
    return [p for p in world.sekisho("status", "--json")["problems"] if "alert hook" in p]


def alerts(world):
    return world.sekisho("status", "--json")["alerts"]


def remove(path=HOOK):
    subprocess.run(["rm", "-f", path], check=True)
