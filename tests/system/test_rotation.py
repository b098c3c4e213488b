# SPDX-License-Identifier: GPL-3.0-or-later
"""A device gets another key: both are good until the new one has been used, sessions do not pass from one to the other, and what
is retired stays out, also over the gateway's death."""
import os
import re

import pytest

from world import ADMIN, DESK, INTRANET, PORTAL4, Failure, field, wait_until

DEADLINE = 60


def ping(phone):
    return phone.ping(PORTAL4, 0.2).result == "open"


def switch(world, conf):
    """Another tunnel of the same app is switched on instead of this one."""
    if world.phone.is_on():
        world.phone.off()
    world.phone.join(conf)


def use(world, conf):
    switch(world, conf)
    wait_until(lambda: ping(world.phone), DEADLINE, "an answer through the tunnel")


def rotate(world, d, *more):
    """(configuration, the gateway's answer)"""
    path = f"/run/world/rotated{len(os.listdir('/run/world'))}.conf"
    answer = world.sekisho("device", "rotate", d.id, "--conf", path, *more, "--json")
    with open(path) as f:
        text = f.read()
    os.unlink(path)
    return text, answer["device"]


def shown(world, d):
    return world.sekisho("device", "show", d.id, "--json")["device"]


def knocked(world, d, key, reason):
    return world.wait_log("auth", "device-refused", DEADLINE, event__reason=reason, device__id=d.id, sekisho__device__key=key)


def admitted(world, key):
    return world.wait_log("auth", "device-admitted", DEADLINE, sekisho__device__key=key)


@pytest.fixture
def d(world):
    """A phone of t-yamada in the tunnel."""
    device = world.add_device("t-yamada", label="回転 rotation")
    use(world, device.conf)
    yield device
    world.phone.off()


def test_the_new_key_takes_over(world, d):
    world.login(world.phone)
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    world.wait_log("auth", "device-online", device__id=d.id)  # the next look at the peers; without it nothing would go offline
    text, device = rotate(world, d, "--note", "yearly")
    new = device["next_key"]["public_key"]
    assert device["public_key"] == d.key and new != d.key and device["next_key"]["until"]
    begun = world.wait_log("audit", "device-rotated", event__reason="begun", device__id=d.id)
    assert field(begun, "sekisho.device.new_key") == new and field(begun, "sekisho.note") == "yearly"
    assert re.search(f"Next key .*{re.escape(new)}.* good until", world.sekisho("device", "show", d.id).stdout)
    assert d.id in [row["id"] for row in world.sekisho("device", "list", "--next-key", "--json")]
    flow.goes_on()  # nothing has happened to who is there
    flow.stop()

    use(world, text)
    ended = world.wait_log("auth", "session-ended", event__reason="key-changed", device__id=d.id)
    confirmed = world.wait_log("audit", "device-rotated", DEADLINE, event__reason="confirmed", device__id=d.id)
    assert field(confirmed, "sekisho.device.key") == new and field(confirmed, "sekisho.device.old_key") == d.key
    world.wait_log("auth", "device-offline", event__reason="key-changed", device__id=d.id)
    assert world.phone.tcp(INTRANET[0], 80).result != "open", "a session is its key's"
    assert "now connects with a new key" in world.browser().get("/").text
    after = shown(world, d)
    assert (after["id"], after["v4"], after["v6"], after["label"]) == (d.id, d.v4, d.v6, "回転 rotation")
    assert after["public_key"] == new and after["next_key"] is None and after["key_since"] > after["created"]
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert field(world.logs("auth", "session-opened")[-1], "sekisho.device.key") == new != field(ended, "sekisho.device.key")

    switch(world, d.conf)
    knocked(world, d, d.key, "key-retired")
    assert not ping(world.phone)
    assert shown(world, d)["session"], "the old key takes nothing away either"


def test_the_old_key_is_good_until_then(world, d):
    text, device = rotate(world, d)
    world.phone.off()
    use(world, d.conf)
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert shown(world, d)["next_key"]["public_key"] == device["next_key"]["public_key"]
    use(world, text)
    wait_until(lambda: shown(world, d)["next_key"] is None, DEADLINE, "the new key is the device's own")


def test_a_new_key_that_comes_to_nothing_harms_nothing(world, d):
    """The configuration was spoiled on its way: the knock is good, the handshake is not. The old key works as before."""
    text, device = rotate(world, d)
    psk = re.search("PresharedKey = (.*)", text)[1]
    switch(world, text.replace(psk, "A" * 43 + "="))
    admitted(world, device["next_key"]["public_key"])
    assert not ping(world.phone)
    use(world, d.conf)
    assert shown(world, d)["next_key"], "it has not been confirmed"
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    use(world, text)
    world.wait_log("audit", "device-rotated", DEADLINE, event__reason="confirmed", device__id=d.id)


def test_withdrawn(world, d):
    text, device = rotate(world, d)
    new = device["next_key"]["public_key"]
    again, device = rotate(world, d)  # the first was never handed over
    assert device["next_key"]["public_key"] != new
    switch(world, text)
    knocked(world, d, new, "key-lapsed")
    assert "withdrawn" in world.sekisho("device", "rotate", d.id, "--cancel", "--note", "not now", user=ADMIN).stdout
    assert [e["event"]["reason"] for e in world.logs("audit", "device-rotated", device__id=d.id)] == [
        "begun", "withdrawn", "begun", "withdrawn"]
    switch(world, again)
    knocked(world, d, device["next_key"]["public_key"], "key-lapsed")
    use(world, d.conf)
    done = world.sekisho("device", "rotate", d.id, "--cancel", check=False)
    assert done.returncode == 1 and "no next key" in done.stderr


def test_not_used_in_time(world, d):
    text, device = rotate(world, d, "--within", "10s")
    world.wait_log("audit", "device-rotated", DEADLINE, event__reason="expired", device__id=d.id)
    assert shown(world, d)["next_key"] is None
    switch(world, text)
    knocked(world, d, device["next_key"]["public_key"], "key-lapsed")
    use(world, d.conf)


def test_at_once(world, d):
    """The code was photographed: the old key is good no longer, used or not."""
    world.login(world.phone)
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    text, device = rotate(world, d, "--now")
    assert flow.is_cut()
    flow.stop()
    assert device["public_key"] != d.key and device["next_key"] is None
    event = world.wait_log("audit", "device-rotated", event__reason="at-once", device__id=d.id)
    assert field(event, "sekisho.device.old_key") == d.key and field(event, "sekisho.device.key") == device["public_key"]
    world.phone.off()
    switch(world, d.conf)
    knocked(world, d, d.key, "key-retired")
    use(world, text)
    assert world.phone.tcp(INTRANET[0], 80).result != "open"


def test_lost_in_between(world, d):
    text, device = rotate(world, d)
    world.sekisho("device", "lost", d.id, "--yes")
    wait_until(lambda: not ping(world.phone), DEADLINE, "it is cut off")
    new = device["next_key"]["public_key"]
    switch(world, text)
    knocked(world, d, new, "lost")
    alert = world.wait_log("audit", "alert", DEADLINE, event__reason="lost-device-seen", sekisho__device__key=new)
    assert field(alert, "device.id") == d.id
    switch(world, d.conf)
    knocked(world, d, d.key, "lost")
    done = world.sekisho("device", "rotate", d.id, "--no-qr", "--conf", "/run/world/none.conf", check=False)
    assert done.returncode == 1 and "device found" in done.stderr and not os.path.exists("/run/world/none.conf")
    done = world.sekisho("device", "found", d.id, "--pubkey", new, "--no-qr", "--conf", "/run/world/none.conf", check=False)
    assert done.returncode == 1 and "was in use" in done.stderr


def test_suspended_in_between(world, d):
    text, device = rotate(world, d)
    world.sekisho("device", "suspend", d.id)
    switch(world, text)
    knocked(world, d, device["next_key"]["public_key"], "suspended")
    world.sekisho("device", "resume", d.id)
    use(world, text)
    world.wait_log("audit", "device-rotated", DEADLINE, event__reason="confirmed", device__id=d.id)


def test_the_gateway_dies_in_between(world, d):
    """Before the new key is used, and when it has just been: what was retired stays so, and nobody is in with two keys."""
    text, device = rotate(world, d)
    world.login(world.phone)
    world.kill("gateway")
    world.start_gateway()
    assert shown(world, d)["next_key"]["public_key"] == device["next_key"]["public_key"]
    assert world.phone.tcp(INTRANET[0], 80).result == "open", "the session goes on"
    switch(world, text)
    admitted(world, device["next_key"]["public_key"])
    world.kill("gateway")
    world.start_gateway()
    wait_until(lambda: ping(world.phone), DEADLINE, "an answer through the tunnel")
    wait_until(lambda: shown(world, d)["public_key"] == device["next_key"]["public_key"], DEADLINE, "the new key is its own")
    assert shown(world, d)["session"] is None
    assert world.phone.tcp(INTRANET[0], 80).result != "open"
    switch(world, d.conf)
    knocked(world, d, d.key, "key-retired")


def test_a_key_of_the_phones_own(world, d):
    private = world.gw.run("wg", "genkey", capture_output=True).stdout.strip()
    public = world.gw.run("wg", "pubkey", capture_output=True, input=private).stdout.strip()
    text, device = rotate(world, d, "--pubkey", public, "--no-psk")
    assert device["next_key"]["public_key"] == public and private not in text and "PresharedKey" not in text
    use(world, re.sub("(?m)^#?.*PrivateKey.*$", f"PrivateKey = {private}", text))
    world.wait_log("audit", "device-rotated", DEADLINE, event__reason="confirmed", device__id=d.id)
    for key in (public, d.key):
        done = world.sekisho("device", "rotate", d.id, "--pubkey", key, "--conf", "/run/world/none.conf", check=False)
        assert done.returncode == 1 and "never used twice" in done.stderr


def test_who_is_due(world, d):
    assert d.id in [row["id"] for row in world.sekisho("device", "list", "--key-older", "0d", "--json")]
    assert world.sekisho("device", "list", "--key-older", "1", "--json") == []
    assert "Key since" in world.sekisho("device", "show", d.id).stdout


def test_who_may(world, d):
    for words in (("--conf", "-"), ("--cancel",)):
        done = world.sekisho("device", "rotate", d.id, *words, user=DESK, check=False)
        assert done.returncode == 1 and "it takes root or group sekisho-admin" in done.stderr
    denied = [field(e, "sekisho.control.verb") for e in world.logs("audit", "control-denied")]
    assert {"device-rotate", "device-rotate-cancel"} <= set(denied)


@pytest.mark.parametrize("words, said", [
    (("--now", "--within", "3d"), "contradict"), (("--cancel", "--now"), "--cancel only takes"),
    (("--cancel", "--qr"), "--cancel only takes"), (("--within", "soon", "--qr"), "is not a time")])
def test_what_makes_no_sense(world, d, words, said):
    done = world.sekisho("device", "rotate", d.id, *words, check=False)
    assert done.returncode == 2 and said in done.stderr
    with pytest.raises(Failure):
        rotate(world, d, "--within", "5s")
