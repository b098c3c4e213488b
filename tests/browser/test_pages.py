# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages in Chromium on the phone, at 360 pixels, in both languages: a whole login, the status page, the way out. Name
resolution, routing and trust are the phone's own: DNS through the tunnel, the ministry's CA in its store."""
import datetime
import os
import sys

import pytest
from selenium.webdriver.common.by import By

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

if not os.path.exists("/run/world/inside"):
    pytest.skip("run them with: make system (as root)", allow_module_level=True)

from screen import Screen, driver_process  # noqa: E402, F401
from world import ACL, INTRANET, PORTAL, STAFF, World, wait_until  # noqa: E402


@pytest.fixture(scope="module")
def world():
    w = World({"label": "霞が関 テスト省"}).start()
    try:
        w.phone.join(w.add_device("t-yamada", label="山田 携帯").conf)
        wait_until(lambda: w.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
        yield w
    finally:
        w.close()


def whole_login(world, screen):
    staff = STAFF["t-yamada"]
    screen.open()
    screen.shot("1-login")
    screen.answer("t-yamada")
    password = screen.driver.find_element(By.CSS_SELECTOR, "input[type=password]")
    assert password.get_attribute("autocomplete") == "current-password"
    screen.shot("2-password")
    screen.answer(staff.password)
    code = screen.driver.find_element(By.CSS_SELECTOR, "input.code")
    assert (code.get_attribute("autocomplete"), code.get_attribute("inputmode")) == ("one-time-code", "numeric")
    screen.shot("3-code")
    screen.answer(world.code(staff.name))
    assert "t-yamada" in screen.text() and "intranet" in screen.text()
    screen.shot("4-status")


def log_out(screen):
    screen.press("form[action='/logout'] button")
    assert screen.driver.find_elements(By.NAME, "user")
    screen.shot("5-logged-out")


def wrong_password(screen):
    screen.open()
    screen.answer("t-yamada")
    screen.answer("wrong")
    if not screen.driver.find_elements(By.CSS_SELECTOR, "[role=alert]"):
        screen.answer("000000")
    assert screen.driver.find_elements(By.CSS_SELECTOR, "[role=alert]"), screen.text()
    screen.shot("6-failed")


def outside_hours(world, screen):
    """Refused after the right password, with the day and hour at which it opens."""
    staff = STAFF["t-yamada"]
    tomorrow = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][(datetime.datetime.now().weekday() + 1) % 7]
    world.write_acl({"groups/soumu.acl": f"hours {tomorrow} 07:00-20:00\nallow intranet\n"})
    world.sekisho("acl", "apply", "--yes")
    try:
        screen.open()
        screen.shot("7-before-hours")
        screen.answer(staff.name)
        screen.answer(staff.password)
        screen.answer(world.code(staff.name))
        assert "7:00" in screen.driver.find_element(By.CSS_SELECTOR, "[role=alert]").text
        screen.shot("8-outside-hours")
    finally:
        world.write_acl({"groups/soumu.acl": ACL["groups/soumu.acl"]})
        world.sekisho("acl", "apply", "--yes")


TERMS = {
    "ja": "version 2026-04\n\n1. この端末は、業務にだけ使います。\n2. 他人に貸したり、パスワードを教えたりしません。\n3. なくしたときは、すぐにサービスデスクへ届け出ます。\n"
          "4. 画面をのぞき見されない場所で使います。\n",
    "en": "version 2026-04\n\n1. This device is for work only.\n2. It is lent to nobody, and passwords are told to nobody.\n"
          "3. A loss is reported to the service desk at once.\n4. It is used where nobody can look over my shoulder.\n",
}


def every_page(world, screen):
    """Conditions of use, more time, the other devices: what the short way in does not pass."""
    staff = STAFF["t-yamada"]
    screen.open()
    screen.shot("1-login")
    screen.answer(staff.name)
    screen.shot("2-password")
    screen.answer(staff.password)
    screen.answer(world.code(staff.name))
    assert "2026-04" in screen.text()
    screen.shot("9-terms")
    screen.press("form[action='/accept'] button")
    screen.shot("4-status")
    screen.press("form[action='/renew'] button")
    screen.shot("10-renew")
    screen.answer(staff.password)
    screen.answer(world.code(staff.name))
    screen.shot("11-renewed")
    screen.press("a[href='/devices']")
    screen.driver.find_element(By.TAG_NAME, "summary").click()
    screen.shot("12-devices")
    screen.press("form[action='/suspend'] button")
    screen.shot("13-stopped")
    screen.press("a.button")
    log_out(screen)


@pytest.mark.parametrize("language, width, dark", [("ja", 320, False), ("en", 320, True), ("ja", 1280, True), ("en", 1280, False)])
def test_every_page_at_every_width(world, driver_process, language, width, dark):
    """One column from the smallest phone to a desk, light and dark; the 320 pixels are also 1280 at 400 % (WCAG 1.4.10)."""
    other = world.add_device("t-yamada", label=f"山田 タブレット {language}{width}")
    os.makedirs("/etc/sekisho/terms", exist_ok=True)
    for name, text in TERMS.items():
        world.write(f"/etc/sekisho/terms/{name}.txt", f"{text}{language} {width}\n")  # a new version each time
    world.write_acl({"groups/soumu.acl": ACL["groups/soumu.acl"] + 'allow files until 2099-03-31 reason "R8-112 年度更新"\n'})
    world.sekisho("acl", "apply", "--yes")
    world.sekisho("reload")

    def on_the_phone():
        screen = Screen(world, language, width, dark, ratio=1.0)  # `make screenshots` takes them as they are
        try:
            every_page(world, screen)
        finally:
            screen.driver.quit()

    try:
        world.phone.call(on_the_phone)
    finally:
        for name in TERMS:
            os.unlink(f"/etc/sekisho/terms/{name}.txt")
        world.write_acl({"groups/soumu.acl": ACL["groups/soumu.acl"]})
        world.sekisho("acl", "apply", "--yes")
        world.sekisho("reload")
        world.sekisho("device", "revoke", other.id, "--yes", check=False)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_login_status_logout(world, driver_process, language):
    def on_the_phone():
        screen = Screen(world, language)
        try:
            whole_login(world, screen)
            assert world.phone.tcp(INTRANET[0], 80).result == "open"
            log_out(screen)
            assert world.phone.tcp(INTRANET[0], 80).result in ("refused", "prohibited")
            wrong_password(screen)
            outside_hours(world, screen)
        finally:
            screen.driver.quit()

    world.phone.call(on_the_phone)


def test_the_page_loads_nothing_from_elsewhere(world, driver_process):
    def on_the_phone():
        screen = Screen(world, "fr")  # neither language of ours: Japanese
        try:
            screen.open()
            assert screen.driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == "ja"
            return screen.driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
        finally:
            screen.driver.quit()

    loaded = world.phone.call(on_the_phone)
    assert loaded and all(address.startswith(f"https://{PORTAL}/") for address in loaded)
