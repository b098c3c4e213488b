# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a device in the ledger, as the command tells it, also over a crash."""
import json
import signal
import subprocess

from world import field


def show(world, d):
    return world.sekisho("device", "show", d.id, "--json")["device"]


def test_addresses_are_given_once(world):
    first = world.add_device("t-yamada", label="first")
    world.sekisho("device", "revoke", first.id, "--yes")
    second = world.add_device("t-yamada", label="second")
    assert first.v4 != second.v4 and first.v6 != second.v6 and first.id != second.id


def test_a_key_is_used_once_even_after_revocation(world):
    d = world.add_device("t-yamada", label="once")
    world.sekisho("device", "revoke", d.id, "--yes")
    done = world.sekisho("device", "add", "h-suzuki", "--pubkey", d.key, "--conf", "-", check=False)
    assert done.returncode == 1 and "key" in done.stderr


def test_nothing_secret_is_kept_by_the_gateway(world):
    d = world.add_device("t-yamada", label="secret")
    private = next(line.split("=", 1)[1].strip() for line in d.conf.splitlines() if line.startswith("PrivateKey"))
    everything = subprocess.run(["grep", "-rlF", "--binary-files=text", private, "/var/lib/sekisho", "/var/log/sekisho",
                                 "/run/sekisho"], capture_output=True, text=True)
    assert everything.stdout == ""
    assert private not in json.dumps(show(world, d))


def test_lost_and_revoked_do_not_come_back(world):
    d = world.add_device("t-yamada", label="gone")
    world.sekisho("device", "lost", d.id, "--yes")
    for verb in ("resume", "suspend"):
        done = world.sekisho("device", verb, d.id, check=False)
        assert done.returncode == 1 and done.stderr.startswith("sekisho: ")
    assert show(world, d)["status"] == "lost"
    world.sekisho("device", "revoke", d.id, "--yes")
    assert show(world, d)["status"] == "revoked"
    assert world.sekisho("device", "resume", d.id, check=False).returncode == 1


def test_suspending_ends_the_session_and_says_so(world, device, session):
    answer = world.sekisho("device", "suspend", device.id, "--note", "forgotten in the office", "--json")
    assert answer["sessions_ended"] == 1
    ended = world.wait_log("auth", "session-ended", device__id=device.id)
    assert ended["event"]["reason"] == "suspended"
    record = world.wait_log("audit", "device-suspended", device__id=device.id)
    assert field(record, "sekisho.admin.uid") == 0
    assert world.phone.ping("10.64.0.1", 0.5).result == "timeout"
    world.sekisho("device", "resume", device.id)


def test_what_was_answered_is_on_disk(world):
    d = world.add_device("t-yamada", "h-suzuki", label="durable")
    world.kill("gateway", signal.SIGKILL)
    world.start_gateway()
    assert show(world, d)["users"] == ["t-yamada", "h-suzuki"]
    assert show(world, d)["label"] == "durable"


def test_unknown_devices_and_users_are_refused_in_words(world):
    done = world.sekisho("device", "show", "d4711", check=False)
    assert done.returncode == 1 and "d4711" in done.stderr
    assert world.sekisho("device", "add", "no/such/name", "--conf", "-", check=False).returncode == 2
