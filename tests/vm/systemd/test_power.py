# SPDX-License-Identifier: GPL-3.0-or-later
"""The power fails at random moments while administrators and users work; what was acknowledged is there afterwards.

SEKISHO_VM_KILLS (5) is how often, SEKISHO_VM_SEED makes the moments those of an earlier run.
"""
import itertools
import os
import random
import threading

from guest import PowerLost

KILLS = int(os.environ.get("SEKISHO_VM_KILLS", "5"))
ACL = "/etc/sekisho/acl/groups/soumu.acl"


class Known:
    """What the gateway has said that it has done."""

    def __init__(self, machine):
        self.machine = machine
        self.devices = {d["id"]: d["status"] for d in machine.json("device", "list")}
        self.unsure = {}  # what was asked for without an answer: device -> statuses that it may have
        self.generation = 0
        self.ended = set()
        self.acts = 0

    def add(self):
        self.machine.run("rm -f /root/more.conf")
        device = self.machine.json("device", "add", "h-suzuki", "--conf", "/root/more.conf")["device"]["id"]
        self.devices[device] = "active"

    def change(self, verb, status):
        mine = self.machine.device["id"]
        device = next((d for d, s in self.devices.items() if s == "active" and d != mine), None)
        if device is None:
            return
        self.unsure[device] = {"active", status}
        self.machine.sekisho("device", verb, device)
        self.devices[device] = status
        del self.unsure[device]

    def suspend(self):
        self.change("suspend", "suspended")

    def lose(self):
        self.change("lost", "lost")

    def apply(self):
        self.machine.write(ACL, f"allow intranet\nallow tcp {random.randrange(1, 65535)} 10.20.0.77\n", 0o640)
        self.machine.run(f"chgrp sekisho {ACL}")
        self.machine.sekisho("acl", "apply", "--yes")
        self.generation = self.machine.json("status")["acl"]["generation"]

    def log_in(self):
        if self.machine.scene_of != self.machine.boot:
            self.machine.call("up")
            self.machine.call("join", self.machine.conf)
            self.machine.scene_of = self.machine.boot
        if not self.machine.json("session", "list"):
            self.machine.call("login", "t-yamada", "sakura-yama-41")

    def end(self):
        for row in self.machine.json("session", "list"):
            self.machine.sekisho("session", "end", str(row["id"]))
            self.ended.add(row["id"])


def work(known, until, failure):
    """One act after the other; after `until` of them the failure's time begins to run, so that it comes in the middle of one."""
    acts = [known.add, known.suspend, known.lose, known.apply, known.log_in, known.end]
    for number in itertools.count():
        if number == until:
            failure.start()
        random.choice(acts)()
        known.acts += 1


def check(known, machine):
    devices = {d["id"]: d["status"] for d in machine.json("device", "list")}
    for device, status in known.devices.items():
        assert devices.get(device) in known.unsure.get(device, {status}), (device, status)
    live = {s["id"] for s in machine.json("session", "list")}
    assert not live & known.ended, "a session that was ended is back"
    assert machine.json("status")["acl"]["generation"] >= known.generation
    assert machine.out("sqlite3 /var/lib/sekisho/ledger.db 'pragma integrity_check'") == "ok"
    recorded = {e["device"]["id"] for e in machine.logs("audit", "device-added")}
    assert set(known.devices) <= recorded | {machine.device["id"]}, "an enrolment without its record"
    for status in ("suspended", "lost"):
        noted = {e["device"]["id"] for e in machine.logs("audit", f"device-{status}")}
        assert {d for d, s in known.devices.items() if s == status and d not in known.unsure} <= noted
    for file in ("auth", "access", "audit"):
        numbers = [e["event"]["sequence"] for e in machine.logs(file)]
        assert numbers == sorted(set(numbers)), f"{file}.jsonl counts wrongly"
    known.devices = devices
    known.unsure = {}


def test_what_was_acknowledged_survives(gateway, session):
    seed = int(os.environ.get("SEKISHO_VM_SEED", str(random.randrange(10**6))))
    random.seed(seed)
    print(f"\nSEKISHO_VM_SEED={seed}")
    gateway.run("echo 'sessions-after-reboot keep' >>/etc/sekisho/sekisho.conf; systemctl reload sekisho-gateway")
    known = Known(gateway)
    for kill in range(KILLS):
        before, delay = known.acts, random.uniform(0, 8)
        failure = threading.Timer(delay, gateway.machine.kill)
        try:
            work(known, random.randrange(5), failure)
        except PowerLost:
            failure.join()
            gateway.kill()
        gateway.start()
        gateway.wait("sekisho status >/dev/null && echo up", 300)
        check(known, gateway)
        print(f"kill {kill + 1} after {known.acts - before} acts, {delay:.1f} s into what followed; back after {gateway.boot_seconds:.0f} s: "
              f"{len(known.devices)} devices, generation {known.generation}, {len(known.ended)} sessions ended", flush=True)
    assert known.acts >= KILLS, "too little was done to prove anything"
