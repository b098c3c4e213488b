# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's page in Chromium: three widths, light and dark, both languages, every command open, and on paper. Pictures go to
build/screenshots."""
import base64
import itertools
import os
import subprocess
import sys

import pytest
from selenium import webdriver

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system"))

if not os.path.exists("/run/world/inside"):
    pytest.skip("run them with: make system (as root)", allow_module_level=True)

import report_logs  # noqa: E402
from cli_box import SEKISHO  # noqa: E402

SHOTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "build", "screenshots")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-default-apps", "--disable-extensions", "--hide-scrollbars"]
TALLEST = 12000  # pixels of a picture


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A day and a fortnight, in both languages."""
    folder = tmp_path_factory.mktemp("report")
    report_logs.make(str(folder / "logs"))
    for language, (name, since) in itertools.product(("en", "ja"), (("day", "2024-11-22"), ("fortnight", "2024-11-09"))):
        subprocess.run([SEKISHO, "log", "report", str(folder / "logs"), "--since", since, "--until", "2024-11-22", "--lang", language, "--html",
                        str(folder / f"{name}-{language}.html")], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"})
    os.makedirs(SHOTS, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options)
    yield driver
    driver.quit()


def show(driver, path, width, scheme):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]})
    driver.get(f"file://{path}")


def fits(driver, width):
    return driver.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["day-en", "day-ja", "fortnight-en", "fortnight-ja"])
@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_screen(pages, chromium, name, width, scheme):
    show(chromium, pages / f"{name}.html", width, scheme)
    assert fits(chromium, width)
    height = chromium.execute_script("return document.documentElement.scrollHeight")
    picture = chromium.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": {
        "x": 0, "y": 0, "width": width, "height": min(height, TALLEST), "scale": 1}})
    with open(f"{SHOTS}/report-{name}-{width}-{scheme}.png", "wb") as f:
        f.write(base64.b64decode(picture["data"]))
    # Words that nothing pushes out of their place: no element with text is wider than the page, hidden ones aside.
    assert chromium.execute_script("""return [...document.querySelectorAll('td, th, p, li, summary')].filter(e => e.offsetParent)
        .filter(e => { const b = e.getBoundingClientRect(); return b.left < -1 || b.right > innerWidth + 1 }).map(e => e.textContent)""") == []
    # The content security policy had nothing to forbid. (Of pages of its own Chromium may complain.)
    assert [entry for entry in chromium.get_log("browser") if "file://" in entry["message"]] == []


@pytest.mark.parametrize("width", [360, 1280])
def test_every_command_opens_within_the_page(pages, chromium, width):
    show(chromium, pages / "day-en.html", width, "light")
    summaries = chromium.find_elements("css selector", "details.f > summary")
    assert len(summaries) > 100
    for summary in summaries[:8]:
        chromium.execute_script("arguments[0].scrollIntoView({block: 'center'})", summary)
        summary.click()
        code = summary.find_element("xpath", "../code")
        assert code.is_displayed() and code.text.startswith("sekisho log search ") and fits(chromium, width)
        box = code.rect
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] > 20
        code.click()  # takes the whole command
        assert chromium.execute_script("return getSelection().toString()").strip() == code.text
        summary.click()
        assert not code.is_displayed()
    # One at a time: the next one closes what was open.
    chromium.execute_script("arguments[0].click(); arguments[1].click()", summaries[0], summaries[-1])
    assert len(chromium.find_elements("css selector", "details.f[open]")) == 1


def test_it_loads_nothing(pages, chromium):
    show(chromium, pages / "day-ja.html", 1280, "light")
    assert chromium.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert chromium.execute_script("return getComputedStyle(document.querySelector('section')).borderTopStyle") == "solid"


def contrast(chromium):
    """The least contrast (WCAG 2.1, 1.4.3) of any text with what is painted behind it."""
    return chromium.execute_script("""
        const rgb = t => t.match(/[\\d.]+/g).map(Number);
        const light = c => { const f = c.slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                             return .2126 * f[0] + .7152 * f[1] + .0722 * f[2] };
        const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] !== 0) return c }
                              return [255, 255, 255] };
        return Math.min(...[...document.querySelectorAll('body *')].filter(e => e.offsetParent && !e.closest('svg')
            && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {
                const a = light(rgb(getComputedStyle(e).color)), b = light(behind(e));
                return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) }))""")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out(pages, chromium, scheme):
    show(chromium, pages / "day-en.html", 1280, scheme)
    assert contrast(chromium) >= 4.5


def test_on_paper(pages, chromium, tmp_path):
    show(chromium, pages / "fortnight-ja.html", 1280, "light")
    paper = chromium.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    with open(f"{SHOTS}/report.pdf", "wb") as f:
        f.write(base64.b64decode(paper["data"]))
    said = subprocess.run(["pdftotext", "-layout", f"{SHOTS}/report.pdf", "-"], check=True, capture_output=True, text=True).stdout
    size = subprocess.run(["pdfinfo", f"{SHOTS}/report.pdf"], check=True, capture_output=True, text=True).stdout
    assert "A4" in size and 3 <= int(size.partition("Pages:")[2].split()[0]) <= 20
    assert "アクセス報告" in said and "紛失した iPhone" in said and "sekisho log search" not in said
