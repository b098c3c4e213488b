# SPDX-License-Identifier: GPL-3.0-or-later
"""Every log line of every test is checked when its World is closed, and what the tests have caused is counted; parallel.py, which
runs all of them, names in SEKISHO_SEEN the file that each process leaves its counts in."""
import atexit
import collections
import glob
import json
import os

import logcheck

LOGS = "/var/log/sekisho"
SEEN = collections.Counter()  # (action, reason) -> lines


def _cut_torn_line():
    """A gateway that was killed may have left half a line, which its next start would cut back."""
    for file in logcheck.FILES:
        with open(f"{LOGS}/{file}.jsonl", "rb+") as f:
            whole = f.read().rpartition(b"\n")
            f.truncate(len(whole[0] + whole[1]))


def check():
    """The problems of the logs of a world whose gateway has ended; [] also when it has never begun."""
    if not glob.glob(f"{LOGS}/*.jsonl*"):
        return []
    if os.path.exists(f"{LOGS}/audit.jsonl"):
        _cut_torn_line()
    return logcheck.check_folder(LOGS, SEEN)


def never_seen(seen):
    """(actions, reasons as "action reason") of the schema that are not among `seen`, counts as in SEEN."""
    actions = {action for action, _ in seen}
    reasons = {(a, r) for a, rule in logcheck.SCHEMA["actions"].items() if a in actions for r in rule.get("reasons", {})}
    return (sorted(logcheck.SCHEMA["actions"].keys() - actions), sorted(f"{a} {r}" for a, r in reasons - seen.keys()))


@atexit.register  # so after the Worlds' own, which are registered later
def _leave():
    if os.environ.get("SEKISHO_SEEN"):
        with open(os.environ["SEKISHO_SEEN"], "w") as f:
            json.dump([[action, reason, lines] for (action, reason), lines in SEEN.items()], f)
