# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's own key gives way to another at a moment that somebody chooses; phones have a tunnel for it before."""
import json
import os
import subprocess

import pytest

from phone import read_conf
from test_control import ask
from world import ADMIN, INTRANET, PORTAL4, wait_until

DEADLINE = 60
NEXT, FORMER, KEY = (f"/etc/sekisho/tunnel{s}.key" for s in ("-next", "-former", ""))


def ping(phone):
    return phone.ping(PORTAL4, 0.2).result == "open"


def use(phone, conf):
    if phone.is_on():
        phone.off()
    phone.join(conf)
    wait_until(lambda: ping(phone), DEADLINE, "an answer through the tunnel")


def restart(world):
    world.kill("gateway", 15)
    world.start_gateway()


def public(path):
    with open(path) as f:
        return subprocess.run(["wg", "pubkey"], stdin=f, check=True, capture_output=True, text=True).stdout.strip()


def recorded(world):
    """(reason, public key) of each line about the gateway's key, all by root."""
    lines = world.logs("audit", "gateway-key-changed")
    assert {e["sekisho"]["admin"]["uid"] for e in lines} <= {0}
    return [(e["event"]["reason"], e["sekisho"].get("tunnel", {}).get("key")) for e in lines]


def notices(world):
    return " ".join(world.sekisho("status", "--json")["notices"])


def rotate(world, d):
    path = f"/run/world/next{d.id}.conf"
    world.sekisho("device", "rotate", d.id, "--next-gateway-key", "--within", "60d", "--conf", path)
    with open(path) as f:
        text = f.read()
    os.unlink(path)
    return text


@pytest.fixture(autouse=True)
def clean(world):
    yield
    world.sekisho("gateway-key", "discard", "--yes")
    for phone in (world.phone, world.phone2):
        phone.off()


def test_change_over_and_back(world):
    moved, straggler = world.add_device("t-yamada", label="moves"), world.add_device("h-suzuki", label="stays")
    old = public(KEY)
    refused = world.sekisho("device", "rotate", moved.id, "--next-gateway-key", "--conf", "/run/world/none.conf", check=False)
    assert refused.returncode == 1 and "gateway-key next" in refused.stderr and not os.path.exists("/run/world/none.conf")
    new = world.sekisho("gateway-key", "next", "--json")["public_key"]
    assert new == public(NEXT) != old == world.sekisho("status", "--json")["public_key"]
    assert world.sekisho("gateway-key", "next", "--json")["public_key"] == new, "made once"
    assert recorded(world) == [("prepared", new)]
    stat = os.stat(NEXT)
    assert stat.st_mode & 0o777 == 0o640 and stat.st_uid == 0
    conf = rotate(world, moved)
    assert read_conf(conf)["Peer"]["PublicKey"] == new and read_conf(moved.conf)["Peer"]["PublicKey"] == old
    assert "1 of 2 active devices" in notices(world)
    assert [r["id"] for r in world.sekisho("device", "list", "--no-next-key", "--json")] == [straggler.id]

    # Before the switch the new tunnel is silent, over a restart too; the old one works, with its session.
    use(world.phone, moved.conf)
    use(world.phone2, straggler.conf)
    world.login(world.phone)
    restart(world)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    world.phone.off()
    world.phone.join(conf)
    forged = world.sekisho("status", "--json")["knocks"]["forged"]
    wait_until(lambda: world.sekisho("status", "--json")["knocks"]["forged"] > forged, DEADLINE, "a knock that is not for this key")
    use(world.phone, moved.conf)

    world.sekisho("gateway-key", "switch", "--yes")
    assert public(KEY) == new and public(FORMER) == old and not os.path.exists(NEXT)
    assert recorded(world)[1:] == [("switched", new)]
    assert "systemctl restart" in notices(world) and ping(world.phone), "nothing has changed yet"
    assert world.sekisho("gateway-key", "switch", "--yes", check=False).returncode == 1
    restart(world)
    assert world.sekisho("status", "--json")["public_key"] == new
    assert [e["sekisho"]["tunnel"]["key"] for e in world.logs("audit", "gateway-started")][-2:] == [old, new]
    use(world.phone, conf)
    world.wait_log("audit", "device-rotated", DEADLINE, event__reason="confirmed", device__id=moved.id)
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert read_conf(world.add_device("t-yamada").conf)["Peer"]["PublicKey"] == new
    world.phone2.off()
    world.phone2.join(straggler.conf)
    forged = world.sekisho("status", "--json")["knocks"]["forged"]
    wait_until(lambda: world.sekisho("status", "--json")["knocks"]["forged"] > forged, DEADLINE, "the straggler knocks in vain")

    world.sekisho("gateway-key", "back", "--yes")
    world.sekisho("gateway-key", "switch", "--yes")
    world.sekisho("gateway-key", "back", "--yes")
    assert recorded(world)[2:] == [("taken-back", old), ("switched", new), ("taken-back", old)]
    restart(world)
    assert public(KEY) == old and public(NEXT) == new and not os.path.exists(FORMER)
    use(world.phone2, straggler.conf)


def test_discarded_keys_are_on_record(world):
    new = world.sekisho("gateway-key", "next", "--json")["public_key"]
    world.sekisho("gateway-key", "discard", "--yes")
    world.sekisho("gateway-key", "discard", "--yes")
    assert recorded(world)[-2:] == [("prepared", new), ("discarded", new)]
    world.write(NEXT, "no key\n", 0o640, "root:sekisho")
    world.sekisho("gateway-key", "discard", "--yes")
    assert recorded(world)[-2:] == [("discarded", new), ("discarded", None)] and not os.path.exists(NEXT)


def test_without_a_gateway_it_is_done_and_said_that_nothing_is_on_record(world):
    before = recorded(world)
    world.kill("gateway", 15)
    done = world.sekisho("gateway-key", "next", check=False)
    assert done.returncode == 0 and "The key is prepared all the same" in done.stderr and os.path.exists(NEXT)
    world.start_gateway()
    assert recorded(world) == before


def test_the_interface_goes_between_switch_and_restart(world):
    """It is not made anew with a key that the gateway does not run with."""
    d = world.add_device("t-yamada")
    world.sekisho("gateway-key", "next")
    conf = rotate(world, d)
    world.sekisho("gateway-key", "switch", "--yes")
    world.gw.ip("link delete sekisho0")
    wait_until(lambda: any("cannot be put right" in p for p in world.sekisho("status", "--json")["problems"]), DEADLINE)
    assert "another key" in world.output("gateway")
    world.kill("gateway")
    world.start_gateway()
    use(world.phone, conf)


def test_cut_short_nothing_is_lost(world):
    """What a crash can leave between the two steps of the switch."""
    old, new = public(KEY), world.sekisho("gateway-key", "next", "--json")["public_key"]
    with open(KEY) as f:
        world.write(FORMER, f.read(), 0o640, "root:sekisho")
    world.sekisho("gateway-key", "switch", "--yes")
    assert (public(KEY), public(FORMER)) == (new, old)
    world.sekisho("gateway-key", "back", "--yes")
    assert (public(KEY), public(NEXT)) == (old, new)


def test_only_root(world):
    for verb in ("next", "switch", "back", "discard"):
        done = world.sekisho("gateway-key", verb, user="n-admin", check=False)
        assert done.returncode == 1 and "only root" in done.stderr


def test_only_root_can_have_it_put_on_record(world):
    before = recorded(world)
    talk = ("import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect('/run/sekisho/control'); "
            "s.send(b'{\"verb\": \"gateway-key\", \"act\": \"switched\"}'); print(s.recv(65536).decode())")
    said = subprocess.run(["runuser", "-u", ADMIN, "--", "/usr/bin/python3", "-c", talk], check=True, capture_output=True, text=True)
    assert json.loads(said.stdout)["error"].startswith("only root")
    for members in ('"act": "lost"', '"act": "switched", "public_key": "none"', '"act": 7'):
        answer, = ask(b'{"verb": "gateway-key", %s}' % members.encode())
        assert answer["code"] == "invalid"
    assert recorded(world) == before
