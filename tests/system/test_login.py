# SPDX-License-Identifier: GPL-3.0-or-later
"""The login as a person meets it: through the tunnel, the real page, real PAM (pam_unix with yescrypt, pam_oath)."""
import subprocess
import threading

import pytest

from browser import Form
from world import PAM, SLOWER, STAFF, field, wait_until

SETTINGS = {"pam_timeout": f"{3 * SLOWER:.0f}s", "login_timeout": "5m", "login_parallel": "2",
            "login_failures": "50 per 1m", "unknown_users": "hash"}

# k-mori's module hangs, as one does whose directory server does not answer; everybody else is asked as usual.
HANGING = """auth [success=1 default=ignore] pam_succeed_if.so quiet user != k-mori
auth required pam_exec.so quiet /usr/bin/sleep 600
""" + PAM


@pytest.fixture
def logged_out(world, device):
    for s in world.sekisho("session", "list", "--json"):
        world.sekisho("session", "end", str(s["id"]))


def sessions(world):
    return world.sekisho("session", "list", "--json")


def failed(world, device, count):
    return wait_until(lambda: len(found := world.logs("auth", "login-failed", device__id=device.id)) > count and found, 15)[-1]


def test_password_and_code_open_a_session_over_tls13(world, device, logged_out):
    browser = world.browser()
    page = browser.login("t-yamada", STAFF["t-yamada"].password, world.code("t-yamada"))
    assert browser.tls == "TLSv1.3" and page.status == 200
    row, = sessions(world)
    assert (row["user"], row["device"]) == ("t-yamada", device.id)
    event = world.logs("auth", "session-opened")[-1]
    assert field(event, "user.name") == "t-yamada" and field(event, "sekisho.session.id")
    assert world.logs("auth", "login-succeeded")[-1]["tls"]["version"] == "1.3"
    assert "t-yamada" in browser.get("/").text


def question(page):
    """The page's form with its question, and the question's field."""
    form = page.form("password") or page.form("text")
    return form, [name for name, kind in form.kinds.items() if kind in ("password", "text") and name != "user"]


def test_a_phone_that_sleeps_in_the_middle(world, device, logged_out):
    """The tunnel goes away between password and code; a second tab and a reload find the same question, and one answer is enough."""
    tab = world.browser()
    tab.login("t-yamada", STAFF["t-yamada"].password)
    assert question(tab.page)[1] and not sessions(world)
    world.phone.off()
    world.phone.on()
    wait_until(lambda: world.phone.ping("10.64.0.1", 0.2).result == "open", 30, "the phone is awake")
    other = world.browser()
    assert question(other.get("/"))[0].fields["attempt"] == question(tab.get("/"))[0].fields["attempt"]
    form, (name,) = question(other.page)
    other.submit(form, **{name: world.code("t-yamada")})
    assert "t-yamada" in other.settle().text
    old, (name,) = question(tab.page)
    assert tab.submit(old, **{name: "000000"}).text.count("t-yamada") and len(sessions(world)) == 1


def test_both_languages(world, device, logged_out):
    assert world.browser(language="ja").get("/").language == "ja"
    assert world.browser(language="en").get("/").language == "en"


def test_over_ipv6_too(world, device, logged_out):
    browser = world.browser(v6=True)
    browser.login("t-yamada", STAFF["t-yamada"].password, world.code("t-yamada"))
    assert len(sessions(world)) == 1


@pytest.mark.parametrize("user, password, reason", [
    ("t-yamada", "wrong", "bad-credentials"),
    ("nobody-of-that-name", "wrong", "user-unknown"),
    ("h-suzuki", STAFF["h-suzuki"].password, "user-not-allowed-on-device"),
])
def test_failures_look_alike_on_the_page_and_differ_in_the_log(world, device, logged_out, user, password, reason):
    before = len(world.logs("auth", "login-failed", device__id=device.id))
    browser = world.browser()
    page = browser.login(user, password, world.code(user) if user in STAFF else "000000")
    event = failed(world, device, before)
    assert event["event"]["reason"] == reason
    assert not sessions(world)
    browser2 = world.browser()
    other = browser2.login("t-yamada", "also wrong", "000000")
    assert page.text.replace(user, "") == other.text.replace("t-yamada", "")


def test_a_wrong_code_and_a_used_code_open_nothing(world, device, logged_out):
    staff = STAFF["t-yamada"]
    world.browser().login(staff.name, staff.password, "000000")
    assert not sessions(world)
    code = world.code(staff.name)
    world.browser().login(staff.name, staff.password, code)
    assert len(sessions(world)) == 1
    world.sekisho("session", "end", str(sessions(world)[0]["id"]))
    world.browser().login(staff.name, staff.password, code)
    assert not sessions(world)


def test_an_expired_account_is_told_after_the_right_password(world, device, logged_out):
    subprocess.run(["usermod", "--expiredate", "2020-01-02", "t-yamada"], check=True)
    try:
        before = len(world.logs("auth", "login-failed", device__id=device.id))
        world.login(world.phone)
        assert failed(world, device, before)["event"]["reason"] == "account-expired"
        assert not sessions(world)
    finally:
        subprocess.run(["usermod", "--expiredate", "", "t-yamada"], check=True)


def test_logging_out_closes_at_once(world, device, session):
    assert world.phone.tcp("10.20.0.10", 80).result == "open"
    browser = world.browser()
    page = browser.get("/")
    browser.submit(page.forms[-1])
    assert not sessions(world)
    assert world.phone.tcp("10.20.0.10", 80).result in ("refused", "prohibited")
    assert world.logs("auth", "session-ended", device__id=device.id)[-1]["event"]["reason"] == "logout"


@pytest.fixture
def hanging(world, device, logged_out):
    """k-mori's attempt, stuck in a module; yields the device. Afterwards PAM is as before."""
    more = world.add_device("k-mori", label="hangs")
    world.phone2.join(more.conf)
    world.write("/etc/pam.d/sekisho", HANGING)
    try:
        wait_until(lambda: world.phone2.tcp("10.64.0.1", 443, 1).result == "open")
        browser = world.browser(world.phone2)
        thread = threading.Thread(target=browser.login, args=("k-mori", STAFF["k-mori"].password, "000000"))
        thread.start()
        wait_until(lambda: world.pids("sleep"), what="the module hangs")
        yield more
        thread.join()
    finally:
        world.write("/etc/pam.d/sekisho", PAM)
        world.phone2.off()


def test_a_hanging_module_stops_nobody_else_and_is_ended(world, device, hanging):
    world.login(world.phone)
    assert [s["user"] for s in sessions(world)] == ["t-yamada"]
    assert failed(world, hanging, 0)["event"]["reason"] == "timeout"
    # at pam-timeout, long before login-timeout: the attempt and what the module started
    wait_until(lambda: not world.pids("sekisho-auth") and not world.pids("sleep"), 20, "the attempt ends")
    succeeded = world.logs("auth", "login-succeeded", device__id=device.id)[-1]
    assert succeeded["event"]["sequence"] < failed(world, hanging, 0)["event"]["sequence"]


def test_computations_at_once_are_bounded(world, device, logged_out, request):
    """With one turn only, the next one waits until the hanging one has lost it, and then gets in."""
    world.configure(login_parallel="1")
    world.sekisho("reload")
    try:
        hanging = request.getfixturevalue("hanging")
        world.login(world.phone)
        succeeded = world.logs("auth", "login-succeeded", device__id=device.id)[-1]
        assert failed(world, hanging, 0)["event"]["sequence"] < succeeded["event"]["sequence"]
    finally:
        world.configure(login_parallel="2")
        world.sekisho("reload")


@pytest.mark.parametrize("leave", ["again", "cancel"])
def test_leaving_before_the_answer_counts_as_a_failure(world, device, logged_out, leave):
    """Or a guess could be given up at once, each raising PAM's own count for somebody else's account, without end."""
    world.configure(login_failures="2 per 1h")
    world.sekisho("reload")
    try:
        world.browser().open()
        for _ in range(2):
            before = len(world.logs("auth", "login-failed", device__id=device.id))
            browser = world.browser()
            browser.get("/")
            browser.submit(form_of_login(), user="t-yamada")
            form = browser.settle().form("password")
            browser.submit(form, a0=STAFF["t-yamada"].password)  # on to the code
            browser.settle()
            if leave == "cancel":
                browser.submit(next(f for f in browser.page.forms if f.action == "/cancel"))
            else:
                browser.submit(form_of_login(), user="t-yamada")
            failed(world, device, before)
            assert "aborted" in [e["event"]["reason"] for e in world.logs("auth", "login-failed", device__id=device.id)[before:]]
        before = len(world.logs("auth", "login-failed", device__id=device.id))
        browser.submit(form_of_login(), user="t-yamada")
        page = browser.settle()
        assert failed(world, device, before)["event"]["reason"] == "rate-limited"
        assert "You can log in from" in page.text and not sessions(world)
    finally:
        world.configure(login_failures="50 per 1m")
        world.sekisho("reload")
        world.kill("gateway")
        world.start_gateway()


def form_of_login():
    form = Form({"action": "/login", "method": "post"})
    form.fields, form.kinds = {"user": ""}, {"user": "text"}
    return form


def test_no_service_file_means_nobody(world, device, logged_out):
    """Debian's /etc/pam.d/other would let every account in."""
    before = len(world.logs("auth", "login-failed", device__id=device.id))
    world.write("/etc/pam.d/other", "auth required pam_permit.so\naccount required pam_permit.so\n")
    subprocess.run(["mv", "/etc/pam.d/sekisho", "/etc/pam.d/sekisho.away"], check=True)
    try:
        world.browser().login("t-yamada", STAFF["t-yamada"].password)
        assert failed(world, device, before)["event"]["reason"] == "backend-unavailable"
        assert not sessions(world)
        assert "/etc/pam.d/sekisho" in world.output("auth")
    finally:
        subprocess.run(["mv", "/etc/pam.d/sekisho.away", "/etc/pam.d/sekisho"], check=True)


def test_too_many_failures_must_wait(world, device, logged_out):
    world.configure(login_failures="3 per 10m")
    world.sekisho("reload")
    try:
        for _ in range(4):
            world.browser().login("t-yamada", "wrong", "000000")
        before = len(world.logs("auth", "login-failed", device__id=device.id))
        world.login(world.phone)
        assert failed(world, device, before)["event"]["reason"] == "rate-limited"
        assert not sessions(world)
    finally:
        world.configure(login_failures="50 per 1m")
        world.sekisho("reload")


def test_nothing_typed_as_a_secret_is_in_any_log(world):
    """Runs last in this module: passwords, codes, and the unknown name, in which people type passwords, are nowhere."""
    files = subprocess.run("cat /var/log/sekisho/* /run/world/out/*", shell=True, capture_output=True, text=True).stdout
    assert "t-yamada" in files
    for secret in [s.password for s in STAFF.values()] + ["nobody-of-that-name", "also wrong"]:
        assert secret not in files


def test_an_expired_password_is_changed_on_the_page(world, device, logged_out):
    """Once in, the new one is good and the old one is not; the change is on record."""
    with open("/etc/shadow") as f:
        shadow = f.read()
    old, new = STAFF["t-yamada"].password, "Neue-Losung-1605"
    world.write("/etc/pam.d/sekisho", PAM + "password required pam_unix.so yescrypt\n")
    world.configure(password_change="page")
    world.sekisho("reload")
    subprocess.run(["chage", "-d", "0", "t-yamada"], check=True)
    try:
        world.browser().login("t-yamada", old, world.code("t-yamada"), old, new, new)
        assert [s["user"] for s in sessions(world)] == ["t-yamada"]
        assert field(world.logs("auth", "password-changed")[-1], "user.name") == "t-yamada"
        world.sekisho("session", "end", str(sessions(world)[0]["id"]))
        world.browser().login("t-yamada", old, world.code("t-yamada"))
        assert not sessions(world)
        world.browser().login("t-yamada", new, world.code("t-yamada"))
        assert len(sessions(world)) == 1
    finally:
        world.write("/etc/shadow", shadow, 0o640, "root:shadow")
        world.write("/etc/pam.d/sekisho", PAM)
        world.configure(password_change=None)
        world.sekisho("reload")
