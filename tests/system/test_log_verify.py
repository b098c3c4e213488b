# SPDX-License-Identifier: GPL-3.0-or-later
"""`sekisho log verify` over the logs of a gateway that has worked: whole, rotated, compressed, copied away, and tampered with."""
import glob
import gzip
import json
import os
import shutil
import signal

import pytest

from world import INTRANET, World, wait_until

LOGS, COPY, KEYS = "/var/log/sekisho", "/run/world/copy", "/run/world/keys"


@pytest.fixture(scope="module")
def world():
    w = World()
    try:
        yield w.start()
    finally:
        w.close()


@pytest.fixture(scope="module", autouse=True)
def worked(world, device):
    """Somebody has logged in and reached something; the keys are kept elsewhere."""
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    World.write(KEYS, world.sekisho("log", "key").stdout)


def verify(world, *more, code=0):
    done = world.sekisho("log", "verify", *more, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def copy(world):
    """The logs of a gateway that was stopped in order, in a folder of their own; with the sealed lines counted."""
    world.kill("gateway", signal.SIGTERM)
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(LOGS, COPY)
    world.start_gateway()
    return COPY


def test_a_running_gateway_is_whole(world):
    said = verify(world)
    assert said.endswith("whole\n")
    told = json.loads(verify(world, "--json"))
    assert told["verdict"] == "whole" and [entry["log"] for entry in told["logs"]] == ["auth", "access", "audit"]


def test_a_copy_and_the_first_keys_are_enough(world, copy):
    assert verify(world, copy, "--key", KEYS).endswith("whole\n")


def test_rotated_and_compressed(world):
    for name in ("auth", "access", "audit"):
        os.rename(f"{LOGS}/{name}.jsonl", f"{LOGS}/{name}.jsonl-20261122")
    world.processes["gateway"].send_signal(signal.SIGHUP)
    wait_until(lambda: len(glob.glob(f"{LOGS}/*.jsonl")) == 3 and world.logs("audit"), what="new files")
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(LOGS, COPY)
    for path in glob.glob(f"{COPY}/*-20261122"):
        with open(path, "rb") as plain, gzip.open(path + ".gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        os.unlink(path)
    assert verify(world, COPY, "--key", KEYS).endswith("whole\n")
    # Old files gone: a checkpoint from before goes on where they end, the first keys cannot.
    checkpoint = "/run/world/checkpoint"
    verify(world, "--checkpoint", checkpoint)
    for path in glob.glob(f"{COPY}/*.gz"):
        os.unlink(path)
    assert "cannot tell" in verify(world, COPY, "--key", KEYS, code=2)
    world.kill("gateway", signal.SIGTERM)
    for name in ("auth", "access", "audit"):
        shutil.copy(f"{LOGS}/{name}.jsonl", COPY)
    world.start_gateway()
    assert verify(world, COPY, "--key", checkpoint).endswith("whole\n")


def test_killed_in_the_middle(world):
    for _ in range(3):
        world.kill("gateway", signal.SIGKILL)
        world.start_gateway()
    assert verify(world).endswith("whole\n")


def change(path, edit):
    with open(path) as f:
        lines = f.readlines()
    edit(lines)
    with open(path, "w") as f:
        f.writelines(lines)


@pytest.mark.parametrize("edit, words", [
    (lambda lines: lines.__setitem__(1, lines[1].replace("gw", "GW", 1).replace("success", "failure", 1).replace("unknown", "failure", 1)),
     "are not those that seal"),
    (lambda lines: lines.pop(1), "is missing before this one"),
    (lambda lines: lines.insert(2, lines[1]), "stands here again"),
    (lambda lines: lines.insert(2, "hello\n"), "is no line of the gateway"),
])
def test_tampering_is_shown_with_file_and_line(world, copy, edit, words):
    change(f"{copy}/auth.jsonl", edit)
    said = verify(world, copy, "--key", KEYS, code=1)
    assert words in said and f"{copy}/auth.jsonl:" in said and said.endswith("ALTERED\n")


def test_one_log_cut_off(world, copy):
    change(f"{copy}/auth.jsonl", lambda lines: lines.__delitem__(slice(3, None)))
    said = verify(world, copy, "--key", KEYS, code=1)
    assert "its end was cut off" in said


def test_wrong_or_missing_keys(world, copy):
    lines = open(KEYS).read().splitlines()
    World.write(KEYS + ".other", "\n".join(lines[:2] + ["audit 1 " + lines[0].split()[2]]) + "\n")
    assert "is not signed with its key" in verify(world, copy, "--key", KEYS + ".other", code=1)
    World.write(KEYS + ".bad", "auth one two\n")
    done = world.sekisho("log", "verify", copy, "--key", KEYS + ".bad", check=False)
    assert done.returncode == 2 and f"{KEYS}.bad:1: expected" in done.stderr
