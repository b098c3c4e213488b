# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion in a real bash(1): what the Tab key offers for a line typed so far."""
import re
import subprocess

import pytest

from cli_box import DEVICE, ROOT, SEKISHO, SESSION, Gateway, bare, end, run  # noqa: F401 (fixtures)

SCRIPT = f"{ROOT}/share/bash-completion/sekisho"
ASK = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
_sekisho "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def offered(*words, cwd="/"):
    done = subprocess.run(["bash", "-c", ASK, "bash", SCRIPT, SEKISHO, *words], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split()


def verbs():
    return re.findall(r"^  sekisho ([a-z-]+(?: [a-z-]+)?)  ", run("help").stdout, re.M)


def test_verbs(bare):
    assert set(offered("")) == {verb.split()[0] for verb in verbs()} | {"help", "--version"}
    assert "device" in offered("dev") and "acl" not in offered("dev")
    for first in ("device", "acl", "log", "session"):
        assert sorted(offered(first, "")) == sorted(v.split()[1] for v in verbs() if v.startswith(f"{first} "))
    assert offered("status", "") == []
    assert offered("nothing", "at", "all", "") == []


@pytest.mark.parametrize("verb", verbs())
def test_options_are_those_of_the_help(bare, verb):
    usage = run("help", *verb.split()).stdout.splitlines()[0]
    expected = set(re.findall(r"--[a-z0-9-]+", usage)) | {"--json", "--help"}
    assert set(offered(*verb.split(), "--")) == expected


@pytest.mark.parametrize("words, expected", [
    (("device", "add", "nobo"), ["nobody"]),
    (("device", "add", "root", "nobo"), ["nobody"]),
    (("device", "add", "@nogr"), ["@nogroup"]),
    (("device", "add", "root", "--class", ""), ["ministry", "private", "shared"]),
    (("device", "add", "root", "--class", "p"), ["private"]),
    (("device", "add", "--label", "x", "nobo"), ["nobody"]),
    (("acl", "explain", "root", ""), ["tcp", "udp", "icmp"]),
    (("acl", "explain", "--class", "private", "root", "u"), ["udp"]),
    (("acl", "explain", "root", "tcp", "80", "10.1.1.1", "--group", "nogr"), ["nogroup"]),
    (("acl", "diff", "/etc/pam."), ["/etc/pam.d"]),
    (("session", "list", ""), []),
])
def test_values(bare, words, expected):
    assert offered(*words) == expected


def test_new_files_may_stand_anywhere(bare, tmp_path):
    (tmp_path / "phone.conf").touch()
    assert offered("device", "add", "root", "--conf", "ph", cwd=tmp_path) == ["phone.conf"]


def test_numbers_come_from_the_gateway(bare):
    with Gateway({"row": DEVICE}, {"row": {**DEVICE, "id": "d71"}}, end()):
        assert offered("device", "show", "d") == ["d7", "d71"]
    with Gateway({"row": SESSION}, end()):
        assert offered("session", "end", "") == ["7"]
