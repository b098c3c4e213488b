# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual machine that boots systemd, seen from outside: started, spoken with through agent.py, cut off from its power.

What the disk promises: QEMU hands each write to this machine before the guest is told that it is done, so what the guest's kernel has
written survives the end of QEMU, as on a disk without a volatile cache; what it still holds in memory is lost, as without power.
"""
import collections
import contextlib
import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import debian  # noqa: E402
import image  # noqa: E402
import kernels  # noqa: E402
from machine import RUNS, Machine  # noqa: E402

BOOT_SECONDS = 400  # a machine without hardware help, on a host that does other things too; alone it takes about 20
EVIDENCE = (("journal", "journalctl -b --no-pager -n 150 -o short-monotonic"), ("units", "systemctl --no-pager --failed; "
            "systemctl --no-pager status 'sekisho*' -n 0"), ("ruleset", "nft list ruleset | head -200; ip rule; ip -br address"),
            ("dmesg", "dmesg | tail -40"))

SETUP = ("setup --endpoint 203.0.113.1:51820 --network4 10.64.0.0/16 --network6 fd64:5e61::/64 --internal 10.20.0.0/16 "
         "--resolver 10.20.0.53 --portal-name gate.example.jp")
ACL = {"systems.acl": "system intranet tcp 80,7000 10.20.0.10\nsystem intranet udp 7000-7001 10.20.0.10\n",
       "groups/soumu.acl": "allow intranet\n"}

Done = collections.namedtuple("Done", "code out err")


class Failed(AssertionError):
    """A command inside that failed, or a machine that does not answer."""


class PowerLost(Exception):
    """The machine ended before it answered."""


class Ticket:
    """An order under way."""

    def __init__(self):
        self.ready, self.answer = threading.Event(), None

    def wait(self, seconds):
        if not self.ready.wait(seconds):
            raise Failed(f"the machine does not answer within {seconds} s")
        if self.answer is None:
            raise PowerLost()
        return self.answer


class Guest:
    def __init__(self, version="6.1", packages=None):
        """`packages`: as debian.disk() takes them."""
        self.kernel = kernels.get(version)
        kind = "packages" if packages else "systemd"
        self.folder = f"{RUNS}/{kind}-{version}{os.environ.get('SEKISHO_VM_TAG', '')}"  # a tag: several at a time
        os.makedirs(self.folder, exist_ok=True)
        self.disk = f"{self.folder}/disk.img"
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", debian.disk(self.kernel, packages), self.disk], check=True)
        self.sockets = tempfile.mkdtemp(prefix="sekisho-vm.")
        self.machine, self.channel, self.boot, self.append = None, None, None, ""

    # --- power ---------------------------------------------------------------------------------------------------------------

    def start(self, append=""):
        path = f"{self.sockets}/agent"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.machine = Machine(os.path.basename(self.folder), self.kernel, image.initramfs(self.kernel), memory=1024, cpus=2,
                               append=f"quiet systemd.show_status=auto init=/sbin/init {append}", more=[
                                   "-drive", f"file={self.disk},format=raw,if=virtio,cache=writeback",
                                   "-chardev", f"socket,id=agent,path={path},server=on,wait=off", "-serial", "chardev:agent"])
        started = time.monotonic()
        self.machine.start()
        self.tickets, self.numbers, self.guard = {0: Ticket()}, itertools.count(1), threading.Lock()
        self.channel = self._connect(path)
        threading.Thread(target=self._read, args=(self.channel, self.tickets), daemon=True).start()
        try:
            self.boot = self.tickets[0].wait(BOOT_SECONDS)["boot"]
        except (Failed, PowerLost) as error:
            raise Failed(f"it did not boot ({error}); its console:\n{self.machine.console()[-6000:]}") from None
        self.append = append  # what is special about this boot
        self.boot_seconds = time.monotonic() - started
        return self

    def _connect(self, path):
        deadline = time.monotonic() + 20
        while True:
            channel = socket.socket(socket.AF_UNIX)
            try:
                channel.connect(path)
                return channel
            except OSError:
                channel.close()
                if time.monotonic() > deadline or self.machine.process.poll() is not None:
                    raise Failed(f"QEMU did not start: {self.machine.process.poll()}") from None
                select.select([], [], [], 0.02)

    def kill(self):
        """Power failure."""
        if self.machine and self.machine.process.poll() is None:
            self.machine.kill()
        if self.channel:
            self.channel.close()
            self.channel = None

    def power_off(self):
        with contextlib.suppress(PowerLost, Failed):
            self.run("systemctl --no-block poweroff", timeout=60)
        self.machine.process.wait(BOOT_SECONDS)
        self.channel.close()
        self.channel = None

    def reboot(self):
        self.power_off()
        return self.start()

    def close(self):
        self.kill()
        shutil.rmtree(self.sockets, ignore_errors=True)

    # --- orders ----------------------------------------------------------------------------------------------------------------

    def _read(self, channel, tickets):
        buffer = b""
        with contextlib.suppress(OSError):
            while data := channel.recv(65536):
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    with contextlib.suppress(ValueError):
                        answer = json.loads(line)
                        ticket = tickets.get(answer.get("id"))
                        if ticket:
                            ticket.answer = answer
                            ticket.ready.set()
        for ticket in tickets.values():
            ticket.ready.set()

    def send(self, **order):
        """Gives an order without waiting; the ticket has the answer."""
        with self.guard:
            number = next(self.numbers)
            ticket = self.tickets[number] = Ticket()
            try:
                self.channel.sendall((json.dumps({"id": number, **order}) + "\n").encode())
            except OSError:
                raise PowerLost() from None
        return ticket

    def run(self, command, check=True, timeout=180):
        """A command line for bash."""
        answer = self.send(run=command, timeout=timeout).wait(timeout + 60)
        done = Done(answer["code"], answer["out"], answer["err"])
        if check and done.code:
            raise Failed(f"{command}: exit {done.code}\n{done.out[-4000:]}{done.err[-4000:]}")
        return done

    def out(self, command, **options):
        return self.run(command, **options).out.strip()

    def write(self, path, text, mode=0o644):
        self.send(write=path, text=text, mode=mode).wait(120)

    def call(self, function, *arguments, timeout=300):
        """A function of scene.py."""
        answer = self.send(call=function, **{"with": arguments}).wait(timeout)
        if "error" in answer:
            raise Failed(f"{function}{arguments}:\n{answer['error']}")
        return answer["value"]

    def wait(self, command, seconds=180, what=None):
        """Until the command line succeeds inside; returns what it printed. It is asked again and again in there."""
        loop = f"end=$((SECONDS+{seconds})); until out=$({command}); do ((SECONDS<end)) || exit 1; read -rt 0.2 <> <(:) || :; done; " \
               "echo \"$out\""
        done = self.run(loop, check=False, timeout=seconds + 60)
        if done.code:
            raise Failed(f"not within {seconds} s: {what or command}\n{done.out}{done.err}")
        return done.out.strip()

    # --- the product ---------------------------------------------------------------------------------------------------------

    def set_up(self):
        """As the README says: set up and enabled, with a LAN, a phone that is enrolled, and rules for its user; the device's row in
        `device`, its configuration in `conf`."""
        self.call("up")
        self.run("sekisho " + SETUP)
        for name, text in ACL.items():
            self.write(f"/etc/sekisho/acl/{name}", text, 0o640)
        self.run("chgrp -R sekisho /etc/sekisho/acl; chmod 750 /etc/sekisho/acl/*/")
        self.run("systemctl daemon-reload; systemctl enable --now sekisho.target", timeout=300)
        self.device, self.conf = self.enrol("t-yamada")
        self.call("join", self.conf)
        self.scene_of = self.boot

    def dpkg(self, name):
        """Installs one of `packages`; what it says."""
        done = self.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i {debian.PACKAGE_DIR}/{name}.deb", timeout=600)
        return done.out + done.err

    def enrol(self, user):
        """A device for this user: its row and its configuration."""
        device = self.json("device", "add", user, "--conf", f"/root/{user}.conf")["device"]
        return device, self.out(f"cat /root/{user}.conf")

    def sekisho(self, *words, check=True, timeout=180):
        return self.run("sekisho " + " ".join(f"'{w}'" for w in words), check=check, timeout=timeout)

    def json(self, *words):
        return json.loads(self.sekisho(*words, "--json").out)

    def problems(self):
        return self.json("status")["problems"]

    def show(self, unit, name):
        return self.out(f"systemctl show -P {name} {unit}")

    def logs(self, file, action=None):
        """Events of a log as dicts; a last line without its end is left out."""
        text = self.out(f"cat /var/log/sekisho/{file}.jsonl")
        events = [json.loads(line) for line in text.splitlines()]
        return [e for e in events if not action or e["event"]["action"] == action]

    def evidence(self):
        """(title, text) of what a failure is understood by."""
        if not self.channel or self.machine.process.poll() is not None:
            return [("console", self.machine.console()[-6000:] if self.machine else "")]
        found = []
        for title, command in EVIDENCE:
            try:
                found.append((title, self.run(command, check=False, timeout=90).out))
            except (Failed, PowerLost) as error:
                found.append((title, repr(error)))
                break
        return [*found, ("console", self.machine.console()[-3000:])]
