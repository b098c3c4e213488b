# SPDX-License-Identifier: GPL-3.0-or-later
"""The phone's Chromium, and what every page must be in it: as wide as the phone, contrast of WCAG 2.1 AA (JIS X 8341-3), targets for
fingers, hints for the password store, 14 KiB at most, light or dark as the phone is."""
import base64
import os
import shutil
import subprocess

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
from selenium.webdriver.common.by import By

from world import PORTAL, ROOT, wait_until

SHOTS = os.path.join(ROOT, "build", "screenshots")
HOME = "/run/world/home"
DRIVER = "http://127.0.0.1:9515"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--hide-scrollbars"]
WIDTHS = (320, 360, 393, 480, 640, 768, 1024, 1280)
FIRST_FLIGHT = 14 * 1024
HINTS = {"username", "current-password", "new-password", "one-time-code"}


@pytest.fixture(scope="module")
def driver_process(world):
    """chromedriver on the phone, whose resolv.conf and namespace Chromium inherits."""
    shutil.rmtree(HOME, ignore_errors=True)  # of another world, with another CA
    os.makedirs(f"{HOME}/.pki/nssdb")
    os.makedirs(SHOTS, exist_ok=True)
    store = ["-d", f"sql:{HOME}/.pki/nssdb"]
    subprocess.run(["certutil", "-N", "--empty-password", *store], check=True)
    subprocess.run(["certutil", "-A", "-t", "C,,", "-n", "ministry", "-i", world.ca, *store], check=True)
    process = subprocess.Popen(["ip", "netns", "exec", "phone", "chromedriver", "--port=9515"],
                               stdout=world.log_file("chromedriver"), stderr=subprocess.STDOUT, env=dict(os.environ, HOME=HOME))
    world.processes["chromedriver"] = process
    wait_until(lambda: world.phone.tcp("127.0.0.1", 9515).result == "open", 20, "chromedriver listens")


# What a finger has to hit (WCAG 2.1, 2.5.5): buttons, links, summaries, fields that can be typed into.
SMALL_TARGETS = """return [...document.querySelectorAll('button, a, summary, input:not([type=hidden]):not([readonly])')]
    .map(e => [e, e.getBoundingClientRect()])
    .filter(([e, r]) => e.getClientRects().length && (r.height < 43.5 || r.width < 43.5))
    .map(([e, r]) => `${e.tagName} ${e.textContent} ${r.width} x ${r.height}`)"""

# Text against what is painted behind it, 4.5:1, large or large and bold text 3:1 (WCAG 2.1, 1.4.3); the frames of fields 3:1 (1.4.11).
LOW_CONTRAST = """
    const parts = c => (c.match(/[0-9.]+/g) || [0, 0, 0, 0]).map(Number);
    const seen = c => parts(c)[3] !== 0;
    const light = c => parts(c).slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    const behind = e => { for (; e; e = e.parentElement) if (seen(getComputedStyle(e).backgroundColor)) return getComputedStyle(e).backgroundColor;
                          return 'rgb(255, 255, 255)'; };
    const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let judged = 0;
    while (walk.nextNode()) {
        const e = walk.currentNode.parentElement, s = getComputedStyle(e), size = parseFloat(s.fontSize);
        if (!walk.currentNode.data.trim() || !e.getClientRects().length) continue;
        const least = size >= 24 || size >= 18.66 && s.fontWeight >= 700 ? 3 : 4.5, has = ratio(s.color, behind(e));
        judged++;
        if (has < least) found.push(`${walk.currentNode.data} ${has.toFixed(2)}`);
    }
    for (const e of document.querySelectorAll('input:not([type=hidden])')) {
        const s = getComputedStyle(e);
        if (ratio(s.color, behind(e)) < 4.5) found.push(`${e.name} typed`);
        if (!e.readOnly && ratio(s.borderTopColor, behind(e.parentElement)) < 3) found.push(`${e.name} frame`);
    }
    return [judged, found, light(getComputedStyle(document.body).backgroundColor)]"""

# Bytes that had to come before anything could be shown: the page and its style sheet, with their heads.
FLIGHT = """return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(e => e.entryType === 'navigation' || e.renderBlockingStatus === 'blocking').map(e => e.transferSize)"""


class Screen:
    """The phone's browser; what a test does with it runs in the phone's namespace, where chromedriver listens."""

    def __init__(self, world, language, width=360, dark=False, ratio=2.0):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in [*FLAGS, f"--user-data-dir={HOME}/profile-{language}", f"--lang={language}", f"--accept-lang={language}",
                     *(["--force-dark-mode"] if dark else [])]:
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": {"width": width, "height": 740, "pixelRatio": ratio}})
        self.driver = webdriver.Remote(ChromiumRemoteConnection(DRIVER, "goog", "chrome"), options=options)
        self.driver.set_page_load_timeout(30)
        self.devtools("Network.enable", {})
        self.devtools("Network.setCacheDisabled", {"cacheDisabled": True})
        self.language, self.width, self.dark, self.ratio = language, width, dark, ratio
        self.suffix = f"{language}{'-dark' if dark else ''}{'' if width == 360 else f'-{width}'}"
        if dark:
            self.devtools("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})

    def devtools(self, command, parameters):
        return self.driver.execute("executeCdpCommand", {"cmd": command, "params": parameters})["value"]

    def shot(self, name):
        """A picture of the whole page, and what every page must pass."""
        self.check(name)
        high = self.driver.execute_script("return document.documentElement.scrollHeight")
        picture = self.devtools("Page.captureScreenshot", {
            "captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": self.width, "height": max(high, 200), "scale": 1}})
        with open(f"{SHOTS}/{name}-{self.suffix}.png", "wb") as f:
            f.write(base64.b64decode(picture["data"]))

    def check(self, name):
        small = self.driver.execute_script(SMALL_TARGETS)
        assert not small, f"{name}: targets below 44 pixels: {small}"
        judged, pale, background = self.driver.execute_script(LOW_CONTRAST)
        assert judged > 3 and not pale, f"{name}: contrast below AA: {pale}"
        assert background < 0.2 if self.dark else background > 0.8, f"{name}: the background's luminance is {background}"
        flight = self.driver.execute_script(FLIGHT)
        assert len(flight) == 2 and min(flight) > 300 and sum(flight) <= FIRST_FLIGHT, f"{name}: {flight} bytes"
        assert self.driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == self.language
        for field in self.driver.find_elements(By.CSS_SELECTOR, "input:not([type=hidden])"):
            hint = field.get_attribute("autocomplete")
            assert hint in HINTS, f"{name}: autocomplete={hint}"
        self.check_widths(name)

    def check_widths(self, name):
        """Also turned on its side, on a tablet and on a desk."""
        for width in WIDTHS:
            self.resize(width)
            wide = self.driver.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, f"{name}: {wide} pixels wide at {width}"
        self.resize(self.width)

    def resize(self, width):
        self.devtools("Emulation.setDeviceMetricsOverride", {"width": width, "height": 740, "deviceScaleFactor": self.ratio, "mobile": True})

    def open(self):
        self.driver.get(f"https://{PORTAL}/")

    def answer(self, value):
        """Types into the field that has the focus, as a user does on arriving, and sends."""
        field = wait_until(self.focused, what="the first field has the focus")
        field.clear()
        field.send_keys(value)
        self.press("main form button")

    def focused(self):
        """The field that has the focus; the browser gives it with the first drawing of a page, after its load."""
        try:
            field = self.driver.switch_to.active_element
            return field if field.tag_name == "input" else None
        except WebDriverException:
            return None  # between two pages

    def press(self, selector):
        self.driver.execute_script("window.left = true")
        self.driver.find_element(By.CSS_SELECTOR, selector).click()
        wait_until(self.arrived, 60, "the next page that is not one of waiting")

    def arrived(self):
        try:
            return self.driver.execute_script("return !window.left && document.readyState === 'complete' &&"
                                              " !/^.?;/.test(document.querySelector('meta[http-equiv=refresh]')?.content)")
        except WebDriverException:
            return False  # between two pages

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "main").text


