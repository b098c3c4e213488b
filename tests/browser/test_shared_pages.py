# SPDX-License-Identifier: GPL-3.0-or-later
"""A shared phone in Chromium: what the second person is shown, on the smallest screen in Japanese, and in English on a dark one."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

if not os.path.exists("/run/world/inside"):
    pytest.skip("run them with: make system (as root)", allow_module_level=True)

from screen import Screen, driver_process  # noqa: E402, F401
from world import STAFF, World, wait_until  # noqa: E402


@pytest.fixture(scope="module")
def world():
    w = World({"label": "霞が関 テスト省", "login_failures": "50 per 1m"}).start()
    try:
        w.phone.join(w.add_device("h-suzuki", "k-mori", label="窓口 共用", device_class="shared").conf)
        wait_until(lambda: w.phone.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
        yield w
    finally:
        w.close()


def log_in(world, screen, user):
    for answer in (user, STAFF[user].password, world.code(user)):
        screen.answer(answer)


def two_people(world, screen):
    screen.open()
    log_in(world, screen, "h-suzuki")
    assert "h-suzuki" in screen.text() and "files" not in screen.text()  # folded
    screen.shot("14-shared")
    screen.press("a[href='/other']")
    screen.shot("15-other")
    screen.answer("k-mori")
    screen.shot("16-other-password")
    screen.answer(STAFF["k-mori"].password)
    screen.answer(world.code("k-mori"))
    assert "h-suzuki" in screen.text()
    screen.shot("17-other-refused")
    screen.press("a.button")
    screen.press("form[action='/logout'] button")


@pytest.mark.parametrize("language, width, dark", [("ja", 320, False), ("en", 320, True)])
def test_two_people_and_one_phone(world, driver_process, language, width, dark):  # noqa: F811
    def on_the_phone():
        screen = Screen(world, language, width, dark, ratio=1.0)
        try:
            two_people(world, screen)
        finally:
            screen.driver.quit()

    world.phone.call(on_the_phone)


def test_taking_over(world, driver_process):  # noqa: F811
    world.configure(shared_login="takeover")
    world.sekisho("reload")

    def on_the_phone():
        screen = Screen(world, "ja", 320, ratio=1.0)
        try:
            screen.open()
            log_in(world, screen, "h-suzuki")
            screen.press("a[href='/other']")
            screen.shot("18-takeover")
            log_in(world, screen, "k-mori")
            assert "k-mori" in screen.text() and "h-suzuki" not in screen.text()
        finally:
            screen.driver.quit()

    world.phone.call(on_the_phone)
    assert [s["user"] for s in world.sekisho("session", "list", "--json")] == ["k-mori"]
