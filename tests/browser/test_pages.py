# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages in Chromium on the phone, at 360 pixels, in both languages: a whole login, the status page, the way out. Name
resolution, routing and trust are the phone's own: DNS through the tunnel, the ministry's CA in its store."""
import datetime
import os
import subprocess
import sys

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

if not os.path.exists("/run/world/inside"):
    pytest.skip("run them with: make system (as root)", allow_module_level=True)

from world import ACL, INTRANET, PORTAL, ROOT, STAFF, World, wait_until  # noqa: E402

SHOTS = os.path.join(ROOT, "build", "screenshots")
HOME = "/run/world/home"
DRIVER = "http://127.0.0.1:9515"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--hide-scrollbars"]


@pytest.fixture(scope="module")
def world():
    w = World({"label": "霞が関 テスト省"}).start()
    try:
        w.phone.join(w.add_device("t-yamada", label="山田 携帯").conf)
        wait_until(lambda: w.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
        yield w
    finally:
        w.close()


@pytest.fixture(scope="module")
def driver_process(world):
    """chromedriver on the phone, whose resolv.conf and namespace Chromium inherits."""
    os.makedirs(f"{HOME}/.pki/nssdb", exist_ok=True)
    os.makedirs(SHOTS, exist_ok=True)
    store = ["-d", f"sql:{HOME}/.pki/nssdb"]
    subprocess.run(["certutil", "-N", "--empty-password", *store], check=True)
    subprocess.run(["certutil", "-A", "-t", "C,,", "-n", "ministry", "-i", world.ca, *store], check=True)
    process = subprocess.Popen(["ip", "netns", "exec", "phone", "chromedriver", "--port=9515"],
                               stdout=world.log_file("chromedriver"), stderr=subprocess.STDOUT, env=dict(os.environ, HOME=HOME))
    world.processes["chromedriver"] = process
    wait_until(lambda: world.phone.tcp("127.0.0.1", 9515).result == "open", 20, "chromedriver listens")


class Screen:
    """The phone's browser; what a test does with it runs in the phone's namespace, where chromedriver listens."""

    def __init__(self, world, language):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*FLAGS, f"--user-data-dir={HOME}/profile-{language}", f"--lang={language}", f"--accept-lang={language}"]:
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": {"width": 360, "height": 740, "pixelRatio": 2.0}})
        self.driver = webdriver.Remote(DRIVER, options=options)
        self.driver.set_page_load_timeout(30)
        self.language = language

    def shot(self, name):
        """A picture of the whole page, and two checks that every page must pass."""
        wide = self.driver.execute_script("return document.documentElement.scrollWidth")
        assert wide <= 360, f"{name}: {wide} pixels wide"
        assert self.driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == self.language
        self.driver.save_screenshot(f"{SHOTS}/{name}-{self.language}.png")

    def open(self):
        self.driver.get(f"https://{PORTAL}/")

    def answer(self, value):
        """Types into the field that has the focus, as a user does on arriving, and sends."""
        field = self.driver.switch_to.active_element
        assert field.tag_name == "input", "the first field has the focus"
        field.clear()
        field.send_keys(value)
        self.press("main form button")

    def press(self, selector):
        self.driver.execute_script("window.left = true")
        self.driver.find_element(By.CSS_SELECTOR, selector).click()
        wait_until(self.arrived, 60, "the next page that is not one of waiting")

    def arrived(self):
        try:
            return self.driver.execute_script("return !window.left && document.readyState === 'complete' &&"
                                              " !document.querySelector('meta[http-equiv=refresh]')")
        except WebDriverException:
            return False  # between two pages

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "main").text


def whole_login(world, screen):
    staff = STAFF["t-yamada"]
    screen.open()
    screen.shot("1-login")
    screen.answer("t-yamada")
    password = screen.driver.find_element(By.CSS_SELECTOR, "input[type=password]")
    assert password.get_attribute("autocomplete") == "current-password"
    screen.shot("2-password")
    screen.answer(staff.password)
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
