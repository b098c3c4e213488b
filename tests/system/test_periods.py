# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends by the calendar: hours, periods, rules with a date; and what a clock that is set changes. Real logins, another clock."""
import signal

import pytest

from shim import ShimWorld, lost
from world import ACL, FILES, INTRANET, field, wait_until

CLOSED = ("refused", "prohibited")
DAY = "2027-06-02"  # a Wednesday
SOUMU = ACL["groups/soumu.acl"]


@pytest.fixture(scope="module")
def world():
    w = ShimWorld({"session": "12h idle 2h"})
    try:
        yield w.start()
    finally:
        w.close()


@pytest.fixture
def at(world, device):
    """at(time, files): logged in as t-yamada at that time of DAY with these ACL files; the session's row."""
    def begin(time, files, login=True, day=DAY):
        world.shim.set(f"{day} 10:00:00")
        for s in world.sekisho("session", "list", "--json"):
            world.sekisho("session", "end", str(s["id"]))
        world.shim.set(f"{day} {time}")
        world.write_acl(files)
        world.sekisho("acl", "apply", "--yes")
        if not login:
            return None
        world.login(world.phone)
        rows = world.sekisho("session", "list", "--json")
        assert len(rows) == 1, world.logs("auth", "login-failed")[-1:]
        return rows[0]

    yield begin
    world.shim.set(f"{DAY} 10:00:00")
    world.write_acl({"users/t-yamada.acl": None, **ACL})
    world.sekisho("acl", "apply", "--yes")


def ended(world, session, reason, deadline=15):
    return world.wait_log("auth", "session-ended", deadline, sekisho__session__id=session["id"], event__reason=reason)


def test_hours_close_and_open_again(world, device, at):
    session = at("17:59:50", {"groups/soumu.acl": SOUMU + "hours mon-fri 09:00-18:00\n"})
    assert session["ends"].startswith(f"{DAY}T18:00:00.000000") and session["ends_reason"] == "hours"
    assert session["ends_line"] == "groups/soumu.acl:4" and session["groups"] and session["class"] == "ministry"
    shown = world.sekisho("session", "list").stdout
    assert "hours, groups/soumu.acl:4" in shown, shown
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    event = ended(world, session, "hours")
    assert event["event"]["end"].startswith(f"{DAY}T18:00:00.000000"), "it ended in the kernel at that instant"
    assert event["rule"]["name"] == "groups/soumu.acl:4"
    assert flow.is_cut()
    flow.stop()
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED
    browser = world.login(world.phone)
    assert field(world.wait_log("auth", "login-failed", event__reason="hours"), "user.name") == "t-yamada"
    assert "2027" in browser.page.text or "9:00" in browser.page.text, browser.page.text
    world.shim.set("2027-06-03 09:00:01")
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"


def test_the_shortest_bound_wins(world, device, at):
    session = at("10:00:00", {"groups/soumu.acl": SOUMU + "session 3h idle 30m\n", "users/t-yamada.acl": "session 2h\n"})
    assert (session["ends_reason"], session["ends_line"]) == ("expired", "users/t-yamada.acl:1")
    assert session["idle_limit_seconds"] == 1800
    world.write_acl({"users/t-yamada.acl": "session 2h\nvalid until 2027-06-02\nhours daily 00:00-11:00\n"})
    world.sekisho("acl", "apply", "--yes")
    session = world.sekisho("session", "list", "--json")[0]
    assert (session["ends_reason"], session["ends_line"]) == ("hours", "users/t-yamada.acl:3")
    world.write_acl({"users/t-yamada.acl": None, "groups/soumu.acl": SOUMU})
    world.sekisho("acl", "apply", "--yes")
    again = world.sekisho("session", "list", "--json")[0]
    assert (again["ends_reason"], again["ends_line"], again["id"]) == ("expired", None, session["id"])


def test_an_allow_lapses_at_midnight(world, device, at):
    session = at("23:59:50", {"groups/soumu.acl": f"allow intranet until {DAY}\nallow files\n"})
    lapsing, staying = world.phone.open_flow(INTRANET[0]).goes_on(), world.phone.open_flow(FILES[0]).goes_on()
    event = world.wait_log("auth", "session-narrowed", 20, sekisho__session__id=session["id"], event__reason="lapsed")
    assert event["rule"]["name"] == "groups/soumu.acl:1"
    assert lapsing.is_cut()
    lapsing.stop()
    assert lost(staying) == set(), "the other flow did not notice"
    closed = world.wait_log("access", "connection-closed", destination__ip=INTRANET[0], sekisho__session__id=session["id"])
    assert closed["rule"]["name"] == "groups/soumu.acl:1", "by what it was allowed as long as it was"
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED
    refused = world.wait_log("access", "connection-refused", destination__ip=INTRANET[0], destination__port=80,
                             sekisho__session__id=session["id"])
    assert refused["event"]["reason"] == "no-rule" and "rule" not in refused, "a lapsed rule is not named"


def test_a_deny_lapses_at_midnight(world, device, at):
    session = at("23:59:54", {"groups/soumu.acl": f"allow intranet\ndeny tcp 80 10.20.0.10 until {DAY}\n"})
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED
    event = world.wait_log("auth", "session-widened", 20, sekisho__session__id=session["id"], event__reason="lapsed")
    assert event["rule"]["name"] == "groups/soumu.acl:2"
    assert world.phone.tcp(INTRANET[0], 80).result == "open"


def test_the_users_period_ends(world, device, at):
    session = at("23:59:54", {"users/t-yamada.acl": f"valid until {DAY}\n"})
    assert (session["ends_reason"], session["ends_line"]) == ("period", "users/t-yamada.acl:1")
    event = ended(world, session, "period")
    assert event["rule"]["name"] == "users/t-yamada.acl:1"
    world.login(world.phone)
    world.wait_log("auth", "login-failed", event__reason="period")
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED


def test_a_period_that_an_apply_ends(world, device, at):
    session = at("12:00:00", {})
    world.write_acl({"users/t-yamada.acl": "valid from 2027-06-03\n"})
    world.sekisho("acl", "apply", "--yes")
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED
    assert ended(world, session, "period")["rule"]["name"] == "users/t-yamada.acl:1"


def test_a_period_that_ends_while_the_gateway_is_away(world, device, at):
    session = at("23:50:00", {"users/t-yamada.acl": f"valid until {DAY}\n"})
    world.kill("gateway", signal.SIGKILL)
    world.shim.set("2027-06-03 00:05:00")
    world.start_gateway()
    event = ended(world, session, "period")
    assert event["event"]["end"].startswith("2027-06-03T00:00:00.000000") and event["rule"]["name"] == "users/t-yamada.acl:1"
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED


def test_closing_time_in_the_gateways_absence_is_not_forgotten_in_the_morning(world, device, at):
    session = at("17:50:00", {"groups/soumu.acl": SOUMU + "hours daily 09:00-18:00\nsession 1d\n"})
    world.configure(session="3d")
    world.kill("gateway", signal.SIGKILL)
    world.shim.set("2027-06-03 09:30:00")
    world.start_gateway()
    world.configure(session="12h idle 2h")
    world.sekisho("reload")
    assert ended(world, session, "hours")["event"]["end"].startswith(f"{DAY}T18:00:00")
    assert world.phone.tcp(INTRANET[0], 80).result in CLOSED


@pytest.mark.parametrize("step, word", [(-3 * 3600, "back"), (2 * 3600, "forward")])
def test_a_clock_that_is_set_moves_no_lifetime(world, device, at, step, word):
    session = at("12:00:00", {})
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    wait_until(lambda: world.logs("audit", "clock-stepped")[-1]["@timestamp"].startswith(f"{DAY}T12:00"), what="12 o'clock is noticed")
    before = len(world.logs("audit", "clock-stepped", event__reason=word))
    world.shim.shift(step)
    wait_until(lambda: len(world.logs("audit", "clock-stepped", event__reason=word)) > before, what="the step is on record")
    event = world.logs("audit", "clock-stepped", event__reason=word)[-1]
    assert abs(event["sekisho"]["clock"]["step_ms"] - abs(step) * 1000) < 1000
    row = wait_until(lambda: [r for r in world.sekisho("session", "list", "--json") if r["ends"] != session["ends"]],
                     what="its end is another instant by this clock")[0]
    hour = 24 + step // 3600  # 12:00 and 12 hours
    assert row["ends"][:13] in (f"{DAY}T{hour:02}", f"2027-06-03T{hour - 24:02}", f"{DAY}T{hour - 1:02}"), row["ends"]
    assert lost(flow) == set()


def test_a_clock_that_is_set_past_closing_time_closes(world, device, at):
    session = at("12:00:00", {"groups/soumu.acl": SOUMU + "hours daily 09:00-18:00\n"})
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    world.shim.set(f"{DAY} 18:30:00")
    assert ended(world, session, "hours")["rule"]["name"] == "groups/soumu.acl:4"
    assert flow.is_cut()
    flow.stop()


def test_a_clock_set_back_while_the_gateway_is_away_lengthens_nothing(world, device, at):
    session = at("12:00:00", {})
    world.kill("gateway", signal.SIGKILL)
    world.shim.shift(-5 * 3600)
    world.start_gateway()
    row = world.sekisho("session", "list", "--json")[0]
    assert row["id"] == session["id"]
    assert row["ends"][:13] in (f"{DAY}T18", f"{DAY}T19"), "12 hours of life, whatever the clock says"


def test_what_ends_soon_is_announced_once(world, device, at):
    at("12:00:00", {"groups/soumu.acl": "owner \"desk\"\nallow intranet until 2027-06-15\nallow files until 2027-06-16\n"}, login=False)
    phone = world.add_device("k-mori", label="lent", more=("--valid-until", "2027-06-20"))
    world.add_device("k-mori", label="later", more=("--valid-until", "2027-09-20"))
    for _ in range(2):
        world.kill("gateway", signal.SIGTERM)
        world.start_gateway()
        event = world.wait_log("audit", "allow-lapsing", rule__name="groups/soumu.acl:2")
        assert event["sekisho"]["acl"]["owner"] == "desk" and event["sekisho"]["acl"]["until"].startswith("2027-06-16T00:00")
        world.wait_log("audit", "device-expiring", device__id=phone.id)
    assert len(world.logs("audit", "allow-lapsing")) == 1, "the day after is not within 14 days yet"
    assert len(world.logs("audit", "device-expiring")) == 1


def test_the_logs_keep_their_promise(world):
    from logcheck import check_folder
    assert check_folder("/var/log/sekisho") == []
