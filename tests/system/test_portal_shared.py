# SPDX-License-Identifier: GPL-3.0-or-later
"""A shared device at the page, through the portal's real interfaces: who is shown what when a second person comes."""
import time

import pytest

from portal_fixtures import pytestmark, machine, gateway, auth, portal, phone, start, answer_form
from portal_world import FAILED, GRANTED, IN_USE, LOGGED_OUT, PHONE, SECRET, LOGGED_IN

REFUSE, TAKEOVER = 1, 2
LINK = 'href="/other"'


@pytest.fixture(params=[REFUSE, TAKEOVER])
def taken(request, gateway, phone):
    """k-mori is logged in on a shared device."""
    gateway.devices[PHONE].update(state=LOGGED_IN, user="k-mori", expires=4099680000000000, reach=[("payroll", "R8-<112>", 0)], renewal=1,
                                  sharing=request.param)
    return request.param


def gives_away(page):
    """What the second need not know of the first."""
    return [word for word in ("k-mori", "payroll", "R8-", "2099") if word in page.text]


def refused(phone, auth, result):
    page, attempt = start(phone, auth, user="h-suzuki")
    assert not gives_away(page) and "In use by somebody else" in page.text and "Your connections go on" not in page.text
    phone.start_post("/answer", answer_form(page, "secret"))
    attempt.answers()
    attempt.result(result)
    assert phone.reply().status == 303
    return phone.get()


def test_the_status_page_says_whose_it_is_and_leads_on(phone, taken):
    page = phone.get()
    assert "k-mori is logged in on this shared device" in page.text and LINK in page.text
    # what is open only for who asks, and nothing about the other devices of the one who is logged in
    assert "<details><summary>Show them (1)</summary>" in page.text and "/devices" not in page.text


def test_another_person_is_told_what_logging_in_does(phone, taken):
    page = phone.get("/other")
    assert not gives_away(page) and 'action="/login"' in page.text and page.status == 200
    assert ("logged out at once" in page.text) == (taken == TAKEOVER)
    assert ("who must log out first" in page.text) == (taken == REFUSE)


def test_who_may_not_learns_no_name(phone, auth, taken):
    page = refused(phone, auth, FAILED)
    assert "Login failed" in page.text and not gives_away(page) and 'value="h-suzuki"' in page.text
    # shown once, and then what there is
    assert "k-mori is logged in" in phone.get().text


def test_who_may_learns_who_must_log_out_and_no_more(phone, auth, taken):
    page = refused(phone, auth, IN_USE)
    assert gives_away(page) == ["k-mori", "2099"] and "Ask k-mori to press Log out" in page.text
    assert "<form" not in page.text and 'href="/"' in page.text


def test_the_first_has_left_meanwhile(phone, gateway, auth, taken):
    page, attempt = start(phone, auth, user="h-suzuki")
    phone.start_post("/answer", answer_form(page, "secret"))
    attempt.answers()
    gateway.devices[PHONE].update(state=LOGGED_OUT, user="")
    attempt.result(IN_USE)
    assert phone.reply().status == 303
    page = phone.get()
    assert "Somebody else is logged in" in page.text and 'action="/login"' in page.text and not gives_away(page)
    assert phone.get("/other").headers["location"] == "/"


def test_the_second_is_in(phone, gateway, auth, taken):
    page, attempt = start(phone, auth, user="h-suzuki")
    phone.start_post("/answer", answer_form(page, "secret"))
    attempt.answers()
    gateway.devices[PHONE].update(user="h-suzuki", reach=[])
    attempt.result(GRANTED)
    assert phone.reply().status == 303
    page = phone.get()
    assert "h-suzuki is logged in on this shared device" in page.text and "You are logged in." in page.text and "k-mori" not in page.text


def test_the_first_renews_there_as_anywhere(phone, auth, taken):
    phone.start_post("/renew")
    attempt = auth.accept()
    attempt.prompts((SECRET, "Password: "))
    assert phone.reply().status == 303
    page = phone.get()
    assert attempt.user == "k-mori" and "Your connections go on" in page.text and "somebody else" not in page.text


def test_what_is_no_name_stays_on_the_others_page(phone, taken):
    page = phone.post("/login", "user=%3Cno%3E")
    assert page.status == 422 and not gives_away(page) and "In use by somebody else" in page.text


def test_a_device_of_one_user_has_no_such_page(phone, gateway):
    gateway.devices[PHONE].update(state=LOGGED_IN, user="k-mori", expires=int((time.time() + 600) * 1e6))
    assert LINK not in phone.get().text and "/devices" in phone.get().text
    assert phone.get("/other").headers["location"] == "/"
