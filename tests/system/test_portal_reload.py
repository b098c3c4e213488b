# SPDX-License-Identifier: GPL-3.0-or-later
"""The login page takes new settings and a new certificate without dropping anybody, and keeps the old ones when the new are no good."""
import re

import pytest

from portal_fixtures import pytestmark, machine, gateway, auth, portal, phone, start, answer_form
from portal_world import END_HOURS, GATEWAY4, GATEWAY6, GRANTED, NAME, PHONE, Browser, make_certificate


def serial(browser):
    return browser.tls.getpeercert()["serialNumber"]


def test_a_new_certificate_is_taken_and_drops_nobody(portal, phone, auth):
    """Neither a connection that is open nor a login under way."""
    old = serial(phone)
    page, attempt = start(phone, auth)
    make_certificate()
    portal.reload()
    assert serial(Browser()) != old
    phone.start_post("/answer", answer_form(page, "secret"))
    assert attempt.answers() == ["secret"]
    attempt.result(GRANTED)
    assert phone.reply().status == 303 and serial(phone) == old
    assert "not for" not in portal.said()


@pytest.mark.parametrize("name, addresses, missing", [("other.example.jp", (GATEWAY4, GATEWAY6), NAME), (NAME, (GATEWAY6,), GATEWAY4),
                                                      (NAME, (GATEWAY4,), GATEWAY6)])
def test_a_certificate_that_lacks_a_name_or_an_address_is_told(portal, phone, name, addresses, missing):
    said = len(portal.said())
    make_certificate(name, addresses=addresses)
    portal.reload()
    make_certificate()
    warnings = [line for line in portal.said()[said:].splitlines() if "is not for" in line]
    assert len(warnings) == 1 and f"is not for {missing}" in warnings[0].replace("'", "")
    portal.reload()


def test_a_bad_certificate_is_not_taken(portal, phone):
    make_certificate()
    portal.reload()
    new = serial(Browser())

    with open("/etc/sekisho/tls/portal.key") as f:
        good_key = f.read()
    with open("/etc/sekisho/sekisho.conf") as f:
        good_settings = f.read()
    for path, bad, words in (("/etc/sekisho/tls/portal.key", "rubbish", "holds no usable private key"),
                             ("/etc/sekisho/sekisho.conf", good_settings + "portal-nam x\n", "portal-nam"),
                             ("/etc/sekisho/sekisho.conf", good_settings.replace("10.64.0.0/16", "10.65.0.0/16"), "tunnel-network")):
        with open(path) as f:
            good = f.read()
        with open(path, "w") as f:
            f.write(bad)
        portal.reload()
        with open(path, "w") as f:
            f.write(good)
        assert words in portal.said()
        assert serial(Browser()) == new
    with open("/etc/sekisho/tls/portal.key") as f:
        assert f.read() == good_key


def test_settings_are_read_again(portal, phone):
    with open("/etc/sekisho/sekisho.conf") as f:
        good = f.read()
    with open("/etc/sekisho/sekisho.conf", "w") as f:
        f.write(good.replace("みどり省", "あおば省"))
    portal.reload()
    assert "あおば省 &lt;リモート&gt;" in phone.get().text
    with open("/etc/sekisho/sekisho.conf", "w") as f:
        f.write(good)
    portal.reload()
    assert "みどり省" in phone.get().text


def test_another_time_zone_is_taken(portal, phone, gateway):
    """Its file lies outside of /etc/sekisho, and is read with the sandbox closed."""
    with open("/etc/sekisho/sekisho.conf") as f:
        good = f.read()
    gateway.devices[PHONE].update(end=END_HOURS, opens=4099680000000000)  # 2099-11-30 00:00 UTC
    shown = []
    for zone in ("Pacific/Auckland", "America/Lima"):
        with open("/etc/sekisho/sekisho.conf", "w") as f:
            f.write(f"{good}time-zone {zone}\n")
        portal.reload()
        shown.append(re.search(r"2099[^<]*", phone.get().text)[0])
    with open("/etc/sekisho/sekisho.conf", "w") as f:
        f.write(good)
    portal.reload()
    assert len(set(shown)) == 2
