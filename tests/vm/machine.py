# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine in QEMU without hardware help, for kernels.py's kernels.

    m = Machine("name", kernel, initrd, disks=["root.img"], memory=768, append="quiet")
    m.start()
    m.wait(600)         # the guest's own verdict, see result; None when it gave none
    m.console()         # what it wrote on its first serial port, so far
    m.kill()            # as a power failure does

The first serial port is the console, a file. The second, ttyS1, is for the guest's verdict: init writes `exit N` there.
Each disk is /dev/vda, vdb, ... in the order given; what the guest writes is thrown away at its end, unless the disk is in `keep`.
"""
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time

from kernels import ROOT, Skip

RUNS = os.path.join(ROOT, "build", "vm", "run")
QEMU = "qemu-system-x86_64"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1bc|\r")


_held = {}  # folder -> its open lock


def run_folder(name):
    """build/vm/run/NAME, ours as long as this process lives; a machine's files are not for two."""
    folder = os.path.join(RUNS, name)
    if folder not in _held:
        os.makedirs(folder, exist_ok=True)
        lock = open(f"{folder}/lock", "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"the virtual machine {name} is in use by another run ({folder}): wait for it to end")
        _held[folder] = lock
    return folder


class Machine:
    def __init__(self, name, kernel, initrd, disks=(), keep=(), memory=768, cpus=1, append="", more=()):
        if not shutil.which(QEMU):
            raise Skip(f"{QEMU} is missing (apt-get install --no-install-recommends qemu-system-x86)")
        self.folder = run_folder(name)
        self.console_path, self.result_path = (os.path.join(self.folder, n) for n in ("console", "result"))
        self.process = self.started = None
        self.command = [
            QEMU, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(cpus), "-m", str(memory),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-net", "none",
            "-kernel", kernel.image, "-initrd", initrd,
            # A busy host may deliver no timer tick while the kernel counts them.
            "-append", f"console=ttyS0 panic=-1 no_timer_check {append}".strip(),
            "-serial", f"file:{self.console_path}", "-serial", f"file:{self.result_path}",
            "-device", "virtio-rng-pci",
        ]
        for disk in disks:
            snapshot = "off" if disk in keep else "on"
            self.command += ["-drive", f"file={disk},format=raw,if=virtio,snapshot={snapshot},cache=unsafe"]
        self.command += more

    def start(self):
        for path in (self.console_path, self.result_path):
            with open(path, "w"):
                pass
        self.started = time.monotonic()
        # However this program ends, the machine ends with it.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command],
                                        stdin=subprocess.DEVNULL)
        return self

    def console(self):
        with open(self.console_path, errors="replace") as f:
            return ESCAPES.sub("", f.read())

    def result(self):
        """The code after `exit` that the guest wrote last to its second serial port; None as long as there is none."""
        with open(self.result_path, errors="replace") as f:
            found = re.findall(r"^exit (\d+)\r?$", f.read(), re.M)
        return int(found[-1]) if found else None

    def wait(self, seconds):
        """Until the guest powers off; one that is still running after that time is killed."""
        try:
            self.process.wait(max(0.0, self.started + seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            print(f"the virtual machine is not done after {seconds:.0f} s: killed", file=sys.stderr)
            self.kill()
        return self.result()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Whatever it is at."""
        if self.process and self.process.poll() is None:
            self.kill()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
