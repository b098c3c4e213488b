# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of `make bench`: how long `sekisho log search` takes over a made-up week, plain and compressed, beside grep and zgrep -c in the
same run. Nothing here passes or fails."""
import glob
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

USER, PORT = "u0007", "22"


def timed(*command, shell=False):
    """Wall-clock and processor seconds of one run, what it printed, and the most memory that any child has taken so far."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command[0] if shell else command, shell=shell, stdout=subprocess.PIPE, text=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout.split(), after.ru_maxrss


def show(what, figures, beside=None):
    wall, cpu, said, _ = figures
    ratio = f"   {cpu / beside[1]:5.2f} x the processor time" if beside and beside[1] else ""
    print(f"  {what:<44} {wall:8.2f} s wall {cpu:8.2f} s cpu   {sum(map(int, said)):>9} lines{ratio}", flush=True)
    return figures


def run(build, folder, lines):
    subprocess.run([f"{build}/tests/log_lines", folder, lines], check=True)
    size = sum(os.path.getsize(f) for f in glob.glob(f"{folder}/*"))
    print(f"log search: {lines} lines, {size / 1e9:.2f} GB, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    search = (f"{build}/sekisho", "log", "search", folder, "--count")
    timed(f"cat {folder}/* >/dev/null", shell=True)  # all runs read from memory, as far as that reaches
    plain = show("grep -c, the user's name", timed("grep", "-h", "-c", USER, *glob.glob(f"{folder}/*")))
    mine = show("search --user", timed(*search, "--user", USER), plain)
    print(f"  most memory: {mine[3]} KiB")
    show("search --port (every line is understood)", timed(*search, "--port", PORT), plain)
    subprocess.run(["gzip", "-1", *glob.glob(f"{folder}/*-2*")], check=True)
    size = sum(os.path.getsize(f) for f in glob.glob(f"{folder}/*"))
    print(f"the same with the first six days compressed, {size / 1e9:.2f} GB")
    packed = show("zgrep -c, the user's name", timed(f"zgrep -h -c {USER} {folder}/*", shell=True))
    show("search --user", timed(*search, "--user", USER), packed)


def main():
    folder = tempfile.mkdtemp(prefix="sekisho-bench.", dir=os.environ.get("TMPDIR", "/var/tmp"))
    try:
        run(sys.argv[1], folder, sys.argv[2])
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
