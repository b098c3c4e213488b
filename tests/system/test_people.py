# SPDX-License-Identifier: GPL-3.0-or-later
"""Lost phones, suspended users, people who have left, and phones that several share."""
import os
import pwd
import stat
import subprocess
import time

import pytest

from world import ADMIN, DESK, INTRANET, STAFF, field, wait_until

SETTINGS = {"leaver_check": "10s", "account_recheck": "5s"}
DEADLINE = 40


def joined(world, d, phone=None):
    phone = phone or world.phone
    if phone.is_on():
        phone.off()
    phone.join(d.conf)
    wait_until(lambda: phone.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
    return d


@pytest.fixture(scope="module")
def shared(world):
    """k-mori by name, h-suzuki by group."""
    return joined(world, world.add_device("k-mori", "@kikaku", label="共用", device_class="shared"))


@pytest.fixture(autouse=True)
def nobody_is_left_over(world):
    yield
    for row in world.sekisho("user", "list", "--json"):
        world.sekisho("user", "resume", row["user"])
    for session in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(session["id"]))


def sessions(world):
    return [s["user"] for s in world.sekisho("session", "list", "--json")]


def login(world, user):
    world.login(world.phone, user)


def refused(world, user, reason):
    before = len(world.logs("auth", "login-failed"))
    try:
        world.login(world.phone, user)
    except Exception:  # the page says no, in whatever way
        pass
    wait_until(lambda: len(world.logs("auth", "login-failed")) > before, what="the refusal in the log")
    assert world.logs("auth", "login-failed")[-1]["event"]["reason"] == reason


def test_a_group_may_use_a_phone_and_others_may_not(world, shared):
    login(world, "h-suzuki")
    assert sessions(world) == ["h-suzuki"]
    world.sekisho("session", "end", str(world.sekisho("session", "list", "--json")[0]["id"]))
    refused(world, "t-yamada", "user-not-allowed-on-device")
    assert sessions(world) == []


def test_whoever_leaves_the_group_is_logged_out(world, shared):
    login(world, "h-suzuki")
    subprocess.run(["gpasswd", "-d", "h-suzuki", "kikaku"], check=True, capture_output=True)
    try:
        wait_until(lambda: sessions(world) == [], DEADLINE, "end of the session")
        assert world.logs("auth", "session-ended")[-1]["event"]["reason"] == "acl-removed"
    finally:
        subprocess.run(["gpasswd", "-a", "h-suzuki", "kikaku"], check=True, capture_output=True)


def second_login(world, user):
    """Somebody had the login form open when another one logged in, and goes on with it."""
    browser = world.browser()
    form = browser.open()
    login(world, "h-suzuki")
    staff, done = STAFF[user], world.logs("auth", "login-failed") + world.logs("auth", "login-succeeded")
    values = {next(name for name, kind in form.kinds.items() if kind == "text"): user}
    for secret in (staff.password, world.code(user)):
        browser.submit(form, **values)
        form = browser.settle().form("password") or browser.page.form("text")
        values = {name: secret for name, kind in form.kinds.items() if kind in ("password", "text")}
    browser.submit(form, **values)
    browser.settle()
    wait_until(lambda: len(world.logs("auth", "login-failed") + world.logs("auth", "login-succeeded")) > len(done), what="the verdict")
    return browser.page


def test_a_second_user_is_refused(world, shared):
    second_login(world, "k-mori")
    assert world.logs("auth", "login-failed")[-1]["event"]["reason"] == "device-shared-in-use"
    assert sessions(world) == ["h-suzuki"]


def test_a_second_user_takes_over(world, shared):
    world.configure(shared_login="takeover")
    world.reload()
    try:
        second_login(world, "k-mori")
        wait_until(lambda: sessions(world) == ["k-mori"], what="k-mori's session")
        ended = world.logs("auth", "session-ended")[-1]
        assert ended["event"]["reason"] == "superseded" and ended["user"]["name"] == "h-suzuki"
    finally:
        world.configure(shared_login=None)
        world.reload()


def test_a_suspended_user_is_out_and_stays_out(world, shared):
    login(world, "k-mori")
    answer = world.sekisho("user", "suspend", "k-mori", "--note", "on leave", "--json", user=DESK)
    assert answer["sessions_ended"] == 1 and sessions(world) == []
    assert world.logs("auth", "session-ended")[-1]["event"]["reason"] == "suspended"
    assert world.phone.tcp(INTRANET[0], 80).result != "open"
    event = world.wait_log("audit", "user-suspended", user__name="k-mori")
    assert field(event, "sekisho.note") == "on leave" and field(event, "sekisho.admin.role") == "desk"
    refused(world, "k-mori", "account-denied")
    world.kill("gateway")
    world.start_gateway()
    joined(world, shared)
    refused(world, "k-mori", "account-denied")
    row = world.sekisho("user", "list", "--json")[0]
    assert (row["user"], row["who"], row["note"], row["until"]) == ("k-mori", DESK, "on leave", None)
    world.sekisho("user", "resume", "k-mori", user=DESK)
    assert field(world.wait_log("audit", "user-resumed", user__name="k-mori"), "sekisho.admin.role") == "desk"
    login(world, "k-mori")
    assert sessions(world) == ["k-mori"]


def test_a_suspension_ends_by_itself(world, shared):
    minute = time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() + 60))
    world.sekisho("user", "suspend", "k-mori", "--until", minute)
    assert world.sekisho("user", "list", "--json")[0]["until"].startswith(minute)
    wait_until(lambda: world.logs("audit", "user-resumed", event__reason="until"), 120, "the end of the suspension")
    event = world.logs("audit", "user-resumed", event__reason="until")[-1]
    assert event["user"]["name"] == "k-mori" and field(event, "sekisho.admin") is None
    assert world.sekisho("user", "list", "--json") == []
    login(world, "k-mori")
    assert sessions(world) == ["k-mori"]


def test_the_desk_resumes_only_its_own(world):
    world.sekisho("user", "suspend", "k-mori", user=ADMIN)
    for words in (["resume", "k-mori"], ["suspend", "k-mori", "--until", "2099-01-01"]):
        done = world.sekisho("user", *words, user=DESK, check=False)
        assert done.returncode == 1 and "sekisho-admin" in done.stderr
    assert world.sekisho("user", "list", "--json")[0]["until"] is None


@pytest.mark.parametrize("words", [["suspend", "no/name"], ["suspend", "k-mori", "--until", "2020-01-01"], ["resume", "t-yamada"],
                                   ["suspend", "k-mori", "--until", "tomorrow"], ["suspend"], ["suspend", "k-mori", "--note", "x" * 2000]])
def test_wrong_words_suspend_nobody(world, words):
    assert world.sekisho("user", *words, check=False).returncode in (1, 2)
    assert world.sekisho("user", "list", "--json") == []


def leavers(world):
    return {d["id"]: d["leavers"] for d in world.sekisho("device", "list", "--leavers", "--json")}


def test_devices_of_leavers_are_listed(world, shared):
    subprocess.run(["useradd", "--no-create-home", "-N", "-G", "soumu", "y-tabi"], check=True)
    subprocess.run(["chpasswd"], input="y-tabi:ame-kumo-5\n", text=True, check=True)
    stays, leaves = world.add_device("t-yamada", label="stays"), world.add_device("y-tabi", "t-yamada", label="leaver")
    subprocess.run(["usermod", "-e", "1", "y-tabi"], check=True)
    wait_until(lambda: leaves.id in leavers(world), DEADLINE, "the expired account")
    assert leavers(world)[leaves.id] == ["y-tabi (account-expired)"] and stays.id not in leavers(world)
    subprocess.run(["userdel", "y-tabi"], check=True)
    wait_until(lambda: leavers(world).get(leaves.id) == ["y-tabi (user-unknown)"], DEADLINE, "the account that is gone")
    assert any("--leavers" in n for n in world.sekisho("status", "--json")["notices"])
    assert "y-tabi (user-unknown)" in world.sekisho("device", "list", "--leavers").stdout
    world.sekisho("device", "revoke", leaves.id, "--yes")
    assert leaves.id not in leavers(world)


@pytest.fixture
def taken(world):
    """t-yamada's phone, seen in a hotel, logged in, with a connection; it is stolen next."""
    d = joined(world, world.add_device("t-yamada", label="盗難", more=["--applicant", "山田", "--serial", "A-77"]))
    world.login(world.phone)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert world.phone.tcp(INTRANET[0], 22).result != "open"
    wait_until(lambda: world.logs("access", device__id=d.id), what="its connections in the log")
    return d


def test_a_lost_phone_is_cut_off_and_reported(world, taken):
    done = world.sekisho("device", "lost", taken.id, "--yes", "--note", "taxi")
    assert sessions(world) == [] and world.phone.ping("10.64.0.1", 0.5).result == "timeout"
    for text in ("盗難", "山田", "A-77", "203.0.113.77", "t-yamada", "allow intranet", "groups/soumu.acl:2", INTRANET[0], "connection-refused",
                 "session-opened", f"device found {taken.id}", "a day before"):
        assert text in done.stdout, text
    name = done.stderr.split("The report is in ")[1].split(",")[0]
    assert name.startswith("/var/lib/sekisho/reports/") and stat.S_IMODE(os.stat(name).st_mode) == 0o600
    with open(name, encoding="utf-8") as f:
        assert f.read() in done.stdout
    alert = world.wait_log("audit", "alert", DEADLINE, device__id=taken.id)
    assert field(alert, "sekisho.endpoint.ip") == "203.0.113.77"
    again = world.sekisho("device", "report", taken.id, "--since", "-10m", "--output", "/run/world/report.txt", "--json")
    assert again["device"]["status"] == "lost" and os.path.exists("/run/world/report.txt")
    assert world.sekisho("device", "report", taken.id, "--output", "/run/world/report.txt", check=False).returncode == 1


def test_the_desk_reports_without_the_logs_and_says_so(world, taken):
    done = world.sekisho("device", "lost", taken.id, "--yes", user=DESK)
    assert "may not read the logs" in done.stdout and "sekisho-logs" in done.stdout and "connection-refused" not in done.stdout
    assert "allow intranet" in done.stdout and "203.0.113.77" in done.stdout and "Sessions:" in done.stdout
    name = done.stderr.split("The report is in ")[1].split(",")[0]
    assert os.stat(name).st_uid == pwd.getpwnam(DESK).pw_uid and stat.S_IMODE(os.stat(name).st_mode) == 0o600


def test_where_no_report_can_be_kept_the_phone_is_lost_all_the_same(world):
    d = world.add_device("t-yamada", label="nowhere")
    done = world.sekisho("device", "lost", d.id, "--yes", "--output", "/no/such/folder/x", check=False)
    assert done.returncode == 1 and "cut off all the same" in done.stderr and "What to do next" in done.stdout
    assert world.sekisho("device", "show", d.id, "--json")["device"]["status"] == "lost"


def test_a_found_phone_comes_back_only_with_a_fresh_key(world, taken):
    world.sekisho("device", "lost", taken.id, "--yes")
    answer = world.sekisho("device", "found", taken.id, "--conf", "/run/world/found.conf", "--os", "iOS 19", "--json")["device"]
    assert answer["replaces"] == taken.id and answer["public_key"] != taken.key and answer["id"] != taken.id
    assert answer["label"] == "盗難" and answer["users"] == ["t-yamada"] and answer["status"] == "active"
    assert answer["form"] == {"applicant": "山田", "serial": "A-77", "os": "iOS 19"}
    assert field(world.wait_log("audit", "device-added", device__id=answer["id"]), "sekisho.device.replaces") == taken.id
    done = world.sekisho("device", "found", taken.id, "--conf", "-", "--pubkey", taken.key, check=False)
    assert done.returncode == 1 and "in use" in done.stderr
    done = world.sekisho("device", "found", answer["id"], "--conf", "-", check=False)
    assert done.returncode == 1 and "not lost" in done.stderr
    with open("/run/world/found.conf") as f:
        text = f.read()
    os.unlink("/run/world/found.conf")
    world.phone.off()
    world.phone.join(text)
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone with its new key")
    assert world.sekisho("device", "show", taken.id, "--json")["device"]["status"] == "lost"
