# SPDX-License-Identifier: GPL-3.0-or-later
"""Every log line of every test is checked when its World is closed, and what the tests of a whole run have caused is counted."""
import collections
import glob
import os

import logcheck

HERE = os.path.dirname(os.path.abspath(__file__))
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


def never_seen():
    """(actions, reasons as "action reason") of the schema that no test has caused."""
    actions = {action for action, _ in SEEN}
    reasons = {(a, r) for a, rule in logcheck.SCHEMA["actions"].items() if a in actions for r in rule.get("reasons", {})}
    return (sorted(logcheck.SCHEMA["actions"].keys() - actions), sorted(f"{a} {r}" for a, r in reasons - SEEN.keys()))


def is_whole_run(session):
    """Were all tests of this folder asked for, without a choice?"""
    option = session.config.option
    chosen = option.keyword or option.markexpr or option.collectonly or getattr(option, "lf", False) or any("::" in a for a in session.config.args)
    return not chosen and set(glob.glob(f"{HERE}/test_*.py")) <= {str(item.path) for item in session.items}
