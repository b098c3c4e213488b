# SPDX-License-Identifier: GPL-3.0-or-later
"""What SECURITY.md and docs/threats.md say is so: the tests they name exist, and what holds for the whole source does."""
import glob
import os
import re

import pytest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What runs a command line, or looks for a program by its name.
SHELL = r'\b(system|popen|wordexp|execlp|execvp|execvpe|posix_spawnp)\s*\(|"-c"|/bin/(ba)?sh'


def text(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        return f.read()


def known():
    """{file's stem: names of its tests}, of Python and of C."""
    found = {}
    for path in glob.glob(f"{TREE}/tests/**/test_*.*", recursive=True):
        stem, ending = os.path.splitext(os.path.basename(path))
        if ending in (".py", ".c"):
            pattern = r"^def (test_\w+)" if ending == ".py" else r"^static void (\w+)\(void \*\*"
            found.setdefault(stem, set()).update(re.findall(pattern, text(path), re.M))
    return found


def named():
    return re.findall(r"`(\w+)::(\w+|\*)`", text("docs/threats.md"))


def test_every_named_test_exists():
    there = known()
    assert len(named()) > 60
    absent = [(file, name) for file, name in named() if name not in there.get(file, {}) and not (name == "*" and there.get(file))]
    assert absent == []


def test_every_class_has_a_test():
    rows = [line for line in text("docs/threats.md").splitlines() if line.startswith("|")][2:]
    assert len(rows) > 20
    assert [row for row in rows if "::" not in row.split("|")[4]] == []


def test_no_program_starts_a_shell():
    for folder in ("common", "config", "gateway", "gateway/cli", "auth"):
        for path in glob.glob(f"{TREE}/{folder}/*.[ch]"):
            code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text(path), flags=re.S)
            assert re.search(SHELL, code) is None, path


@pytest.mark.parametrize("line", ['system("ls")', 'popen (x, "r")', 'execl("/bin/sh", "sh", "-c", x, NULL)'])
def test_a_shell_would_be_found(line):
    assert re.search(SHELL, line)


def test_every_fuzz_target_has_its_corpus():
    """And each corpus its target: nothing is replayed in vain."""
    targets = {os.path.basename(p)[len("fuzz_"):-len(".c")] for p in glob.glob(f"{TREE}/tests/fuzz/fuzz_*.c")}
    assert targets == set(os.listdir(f"{TREE}/tests/fuzz/corpus")) and len(targets) >= 12
    assert all(len(os.listdir(f"{TREE}/tests/fuzz/corpus/{t}")) >= 3 for t in targets)
    assert {os.path.basename(p)[:-len(".dict")] for p in glob.glob(f"{TREE}/tests/fuzz/*.dict")} <= targets


def test_dictionaries_are_as_libfuzzer_reads_them():
    """One quoted word a line, with no escapes but these: one mistake, and the target does not run."""
    for path in glob.glob(f"{TREE}/tests/fuzz/*.dict"):
        for line in text(path).splitlines():
            assert line.startswith("#") or re.fullmatch(r'"([^"\\]|\\["\\]|\\x[0-9a-f]{2})+"', line), f"{path}: {line}"
