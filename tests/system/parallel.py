# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every test file in a small machine of its own (tests/system/run), a few of them side by side: most tests wait.

usage: parallel.py [-j MACHINES] FOLDER-OR-FILE...

A file's output is shown when it fails; a file that does not end in time is killed and has failed. After a run of all files
whatever the schema of the logs promises must have happened in one of them. The last line counts like pytest's own.
"""
import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import logseen

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 1800
# These take longest, so they begin first; the order of the others does not matter.
LONG = ("test_log_disk", "test_oracle", "test_refusals", "test_flows", "test_enforcement", "test_pages", "test_log_verify", "test_alerts")
COUNTED = ("failed", "passed", "skipped", "error")


def files(arguments):
    found = [f for a in arguments for f in (sorted(glob.glob(f"{a}/test_*.py")) if os.path.isdir(a) else [a])]
    rank = {name: place for place, name in enumerate(LONG)}
    return sorted(found, key=lambda f: rank.get(os.path.basename(f)[:-3], len(LONG)))


def run(file, seen):
    """(file, exit code, output, seconds)"""
    begun = time.monotonic()
    command = [f"{HERE}/run", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                               errors="replace", env={**os.environ, "SEKISHO_SEEN": seen})
    try:
        output = process.communicate(timeout=TIMEOUT)[0]
    except subprocess.TimeoutExpired:
        process.kill()  # and with it all inside
        output = process.communicate()[0] + f"\nERROR {file} - did not end within {TIMEOUT} s\n1 error in {TIMEOUT}s\n"
    return file, process.returncode, output, time.monotonic() - begun


def counts(output):
    """What pytest's closing line says; a run that ended without one is an error."""
    closing = [line for line in output.splitlines() if re.search(r"\d+ (passed|failed|skipped|errors?)\b.* in [\d.]+s", line)]
    found = re.findall(r"(\d+) (passed|failed|skipped|error)", closing[-1]) if closing else [("1", "error")]
    return collections.Counter({what: int(number) for number, what in found})


def promises(folder):
    """What the schema of the logs promises and nothing has caused, a sentence each."""
    seen = collections.Counter()
    for path in glob.glob(f"{folder}/*"):
        with open(path) as f:
            for action, reason, lines in json.load(f):
                seen[action, reason] += lines
    actions, reasons = logseen.never_seen(seen)
    return [f"no test has caused log event {what}" for what in actions + reasons]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("-j", type=int, default=os.cpu_count())
    parser.add_argument("what", nargs="+")
    options = parser.parse_args()
    begun, total, worst, short = time.monotonic(), collections.Counter(), 0, []
    todo = files(options.what)
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(options.j) as machines:
        jobs = [machines.submit(run, f, f"{folder}/{n}") for n, f in enumerate(todo)]
        for job in concurrent.futures.as_completed(jobs):
            file, code, output, seconds = job.result()
            number = counts(output)
            if code not in (0, 5) and not number["failed"] + number["error"]:
                number["error"] += 1
            total += number
            worst = worst or code not in (0, 5)
            said = ", ".join(f"{number[what]} {what}" for what in COUNTED if number[what]) or "no tests"
            print(f"{os.path.relpath(file)}: {said} in {seconds:.0f} s", flush=True)
            if code not in (0, 5):
                print(output, flush=True)
                short += [line for line in output.splitlines() if re.match(r"(FAILED|ERROR) ", line)] or [f"ERROR {file} - exit code {code}"]
        if set(glob.glob(f"{HERE}/test_*.py")) <= {os.path.abspath(f) for f in todo}:
            missing = promises(folder)
            total["failed"] += len(missing)
            short += [f"FAILED {line}" for line in missing]
    print("\n".join(short))
    counted = ", ".join(f"{total[what]} {what}" for what in COUNTED if total[what])
    print(f"{counted} in {time.monotonic() - begun:.2f}s ({len(todo)} files, {options.j} at a time)")
    return int(bool(worst or short))


if __name__ == "__main__":
    sys.exit(main())
