# SPDX-License-Identifier: GPL-3.0-or-later
"""An apply is a difference, and it is whole: what stays does not notice, what goes is cut, and whatever breaks in the middle leaves
one set in force."""
import pytest

import shim
from world import ACL, FILES, INTRANET, wait_until

CLOSED = ("refused", "prohibited")
BOTH = {"groups/soumu.acl": "allow intranet\nallow files\n"}
ONLY_INTRANET = {"groups/soumu.acl": "allow intranet\n"}
ONLY_FILES = {"groups/soumu.acl": "allow files\n"}


@pytest.fixture(scope="module")
def world():
    w = shim.ShimWorld()
    try:
        yield w.start()
    finally:
        w.close()


@pytest.fixture
def usual(world, session):
    """t-yamada is logged in, the usual ACLs are in force, also afterwards."""
    yield session
    apply(world, {"users/t-yamada.acl": None, **ACL})


def apply(world, files, check=True):
    world.write_acl(files)
    return world.sekisho("acl", "apply", "--yes", check=check)


def reach(world):
    """Which of the two systems answers: over v4, tcp and udp alike."""
    found = {address: {world.phone.tcp(address, 80, 2).result == "open", world.phone.udp(address, 7000, timeout=2).result == "open"}
             for address in (INTRANET[0], FILES[0])}
    assert all(len(results) == 1 for results in found.values()), f"half open: {found}"
    return {address for address, results in found.items() if True in results}


def test_flows_that_stay_lose_nothing_while_others_are_cut(world, device, usual):
    apply(world, BOTH)
    staying = world.phone.open_flow(INTRANET[0]).goes_on()
    for _ in range(15):
        going = world.phone.open_flow(FILES[0]).goes_on()
        apply(world, ONLY_INTRANET)
        assert going.is_cut(20)
        going.stop()
        apply(world, BOTH)
    assert shim.lost(staying) == set()
    narrowed = world.logs("auth", "session-narrowed", sekisho__session__id=usual["id"], event__reason="acl")
    widened = world.logs("auth", "session-widened", sekisho__session__id=usual["id"], event__reason="acl")
    assert len(narrowed) == 15 and len(widened) >= 15
    closed = [e for e in world.logs("access", "connection-closed", destination__ip=FILES[0]) if e["destination"].get("port") == 7000]
    assert len(closed) >= 15 and {e["rule"]["name"] for e in closed} == {"groups/soumu.acl:2"}
    assert len({e["sekisho"]["acl"]["generation"] for e in closed}) == len(closed), "by the generation that had allowed each"


def test_what_differs_in_words_only_touches_nothing(world, device, usual):
    apply(world, BOTH)
    before = world.shim.transactions
    apply(world, {"groups/soumu.acl": "# sorted\nallow files\nallow intranet   # both\n"})
    apply(world, {"groups/kikaku.acl": "allow intranet\n"})  # of nobody who is here
    assert world.shim.transactions == before
    assert world.sekisho("session", "list", "--json")[0]["id"] == usual["id"]
    assert reach(world) == {INTRANET[0], FILES[0]}


def test_a_shorter_session_reaches_the_kernel(world, device, usual):
    before = world.shim.transactions
    apply(world, {"users/t-yamada.acl": "session 1h\n"})
    assert world.shim.transactions == before + 1
    row = world.sekisho("session", "list", "--json")[0]
    assert row["ends_line"] == "users/t-yamada.acl:1"
    world.kill("gateway")
    world.start_gateway()
    again = world.sekisho("session", "list", "--json")[0]
    assert (again["id"], again["ends"], again["ends_line"]) == (row["id"], row["ends"], row["ends_line"])


def test_two_sessions_of_one_profile_part(world, device, usual):
    """k-mori shares t-yamada's rules until a line of his own narrows them."""
    other = world.add_device("k-mori")
    world.phone2.join(other.conf)
    wait_until(lambda: world.phone2.ping("10.64.0.1", 0.2).result == "open", 20)
    world.login(world.phone2, "k-mori")
    profiles = {s["user"]: s["profile"] for s in world.sekisho("session", "list", "--json")}
    assert profiles["k-mori"] == profiles["t-yamada"]
    mine, theirs = world.phone.open_flow(INTRANET[0]).goes_on(), world.phone2.open_flow(INTRANET[0]).goes_on()
    apply(world, {"users/k-mori.acl": "deny udp 7000 10.20.0.10\n"})
    assert theirs.is_cut()
    assert world.phone2.tcp(INTRANET[0], 80).result == "open"
    refused = world.wait_log("access", "connection-refused", user__name="k-mori", destination__port=7000)
    assert refused["rule"]["name"] == "users/k-mori.acl:1"
    theirs.stop()
    assert shim.lost(mine) == set()
    apply(world, {"users/k-mori.acl": None})
    profiles = {s["user"]: s["profile"] for s in world.sekisho("session", "list", "--json")}
    assert profiles["k-mori"] == profiles["t-yamada"]
    for s in world.sekisho("session", "list", "--json"):
        if s["user"] == "k-mori":
            world.sekisho("session", "end", str(s["id"]))


def transactions_of_an_apply(world):
    apply(world, ONLY_INTRANET)
    before = world.shim.transactions
    apply(world, ONLY_FILES)
    count = world.shim.transactions - before
    apply(world, ONLY_INTRANET)
    return count


def test_a_netlink_error_at_any_step(world, device, usual):
    count = transactions_of_an_apply(world)
    assert count >= 2
    refused = 0
    for step in range(1, count + 1):
        apply(world, ONLY_INTRANET)
        assert reach(world) == {INTRANET[0]}
        world.shim.order(shim.FAIL, step)
        done = apply(world, ONLY_FILES, check=False)
        world.shim.order(shim.NOTHING, 0)
        assert reach(world) == ({FILES[0]} if done.returncode == 0 else {INTRANET[0]}), f"step {step}: {done.stdout}{done.stderr}"
        refused += done.returncode != 0
        row = world.sekisho("session", "list", "--json")[0]
        assert row["id"] == usual["id"]
    assert refused >= 2, "before the switch and at it"
    world.wait_log("audit", "acl-rejected")
    apply(world, ONLY_FILES)
    assert reach(world) == {FILES[0]}, "and afterwards all is well"


@pytest.mark.parametrize("action", [shim.KILL_BEFORE, shim.KILL_AFTER], ids=["before", "after"])
def test_kill_9_at_any_step(world, device, usual, action):
    count = transactions_of_an_apply(world)
    for step in range(1, count + 1):
        apply(world, ONLY_INTRANET)
        assert reach(world) == {INTRANET[0]}
        world.shim.order(action, step)
        assert apply(world, ONLY_FILES, check=False).returncode != 0
        world.processes["gateway"].wait(20)
        alone = reach(world)
        assert alone in ({INTRANET[0]}, {FILES[0]}), f"step {step}"
        world.start_gateway()
        assert reach(world) in ({INTRANET[0]}, {FILES[0]})
        assert world.sekisho("session", "list", "--json")[0]["id"] == usual["id"]
        wait_until(lambda: world.sekisho("status", "--json")["problems"] == [], 20, "all is well, also by the login page")
    apply(world, ONLY_INTRANET)
    assert reach(world) == {INTRANET[0]}
