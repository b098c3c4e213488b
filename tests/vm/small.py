# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs unit and system tests in the small virtual machine: Debian's kernels, WireGuard in the kernel, the very tests of outside.

usage: small.py [--kernel 6.1|6.12]... [--smoke] [--timeout SECONDS] [pytest argument]...

Without --kernel all run side by side. --smoke: a choice of minutes, on one kernel. With pytest arguments only those, no unit tests.
Whatever hangs ends after the timeout, downloads included, as a failure. Exit code 77 and a sentence: something is missing here.
"""
import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import image
import kernels
import root
from kernels import ROOT, Skip
from machine import Machine, run_folder

BUILD = os.environ.get("SEKISHO_BUILD", os.path.join(ROOT, "build", "gcc"))
PROGRAMS = ("sekisho", "sekisho-gateway", "sekisho-portal", "sekisho-auth")
TOOLS = ("firewall_driver", "run_oracle", "pam_script.so", "intruder.so", "filter_log.so")
# What depends on the kernel. The rest of the tests sees the same kernel calls as outside.
UNIT = ("test_netif", "test_tunnel", "test_tunnel_large", "test_firewall", "test_nflog", "test_flow", "test_firewall_change",
        "test_firewall_profile")
SYSTEM = ("test_tunnel", "test_restart", "test_firewall_changes", "test_admission", "test_devices", "test_enforcement",
          "test_extra_ports", "test_firewall_locks", "test_firewall_packets", "test_firewall_ports", "test_login", "test_oracle",
          "test_evidence", "test_start", "test_intruder")
# In minutes, on Debian 12's own kernel, with one gateway: WireGuard in the kernel, the gateway's own handshake, a login and a flow
# that roams; without one: a session's end by the kernel's clock, contents replaced under load.
SMOKE_KERNELS = ("6.1",)
SMOKE_UNIT = ("test_netif", "test_tunnel")
SMOKE = ("test_tunnel.py::test_the_kernels_wireguard_is_used_where_there_is_one",
         "test_tunnel.py::test_the_gateway_opens_the_handshake_itself", "test_tunnel.py::test_a_flow_survives_a_new_port",
         "test_firewall_changes.py::test_session_ends_by_itself_with_no_program_alive",
         "test_firewall_changes.py::test_replacing_a_profile_loses_and_leaks_nothing")
SLOWER = os.environ.get("SEKISHO_SLOWER", "5")  # how much longer every deadline is than outside


def job(options, arguments):
    """The script that the guest runs. All tests run, whatever fails; its exit code says whether one did."""
    names = [f"tests/system/{name}" for name in (SMOKE if options.smoke else [f"{s}.py" for s in SYSTEM])]
    units = "" if arguments else " ".join(SMOKE_UNIT if options.smoke else UNIT)
    return f"""export SEKISHO_BUILD=/srv/build SEKISHO_BACKEND=kernel SEKISHO_SLOWER={SLOWER} PYTHONDONTWRITEBYTECODE=1
worst=0
for unit in {units}; do
	echo "== $unit"
	build/tests/$unit || worst=1
done
tests/system/run /usr/bin/python3 -m pytest -v --durations=5 --color=no -p no:cacheprovider {shlex.join(arguments or names)} || worst=1
exit $worst
"""


def work_disk(folder, script):
    """The product, its tests and the job as an image; stripped, for it is made anew in each run."""
    part = tempfile.mkdtemp(prefix="work.", dir=folder)
    try:
        os.makedirs(f"{part}/build/tests")
        for name in (*PROGRAMS, *(f"tests/{t}" for t in (*TOOLS, *UNIT))):
            subprocess.run(["strip", "-o", f"{part}/build/{name}", f"{BUILD}/{name}"], check=True)
        for name in ("tests/system", "systemd", "share"):
            shutil.copytree(f"{ROOT}/{name}", f"{part}/{name}", ignore=shutil.ignore_patterns("__pycache__"))
        with open(f"{part}/job", "w") as f:
            f.write(script)
        path = f"{folder}/work.img"
        image.ext4(path, part, 4)
        return path
    finally:
        shutil.rmtree(part)


def machine(version, script):
    kernel = kernels.get(version)
    disks = [root.disk(), image.modules(kernel), work_disk(run_folder(f"small-{version}"), script)]
    return Machine(f"small-{version}", kernel, image.initramfs(kernel), disks, memory=1024,
                   append="init=/usr/local/sbin/small-init quiet loglevel=4")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("--kernel", action="append", choices=sorted(kernels.PACKAGES))
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--timeout", type=int, help="seconds; 900 with --smoke, else 5400")
    options, arguments = parser.parse_known_args()
    timeout = options.timeout or (900 if options.smoke else 5400)
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"small virtual machine: not done within {timeout} s: FAILED"))
    signal.alarm(timeout + 60)  # the machines' own end comes first, with what they said
    end = time.monotonic() + timeout
    script = job(options, arguments)
    running = []
    try:
        try:
            for version in options.kernel or (SMOKE_KERNELS if options.smoke else sorted(kernels.PACKAGES)):
                running.append(machine(version, script).start())
        except Skip as reason:
            print(f"SKIPPED: small virtual machine: {reason}", file=sys.stderr)
            return 77
        worst = 0
        for m in running:
            code = m.wait(end - m.started)
            verdict = "no verdict" if code is None else "passed" if code == 0 else f"failed ({code})"
            took = time.monotonic() - m.started
            print(f"{m.console()}==== {os.path.basename(m.folder)}: {verdict} after {took:.0f} s", flush=True)
            worst = worst or (code != 0)
        return int(worst)
    finally:
        for m in running:
            m.stop()


if __name__ == "__main__":
    sys.exit(main())
