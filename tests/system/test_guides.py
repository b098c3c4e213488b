# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides for staff and service desk: every command of them runs, as a member of the desk, and prints what the guide shows; the
words of the page that they quote are the page's; their pictures exist; both languages say the same commands."""
import os
import re
import shlex

import pytest

from world import DESK, INTRANET, ROOT, wait_until

SETTINGS = {"poll_interval": "1s"}
LANGUAGES = {"ja": ("山田 iPhone", "窓口 共用", "山田 太郎", "内線 3121"), "en": ("Yamada iPhone", "Counter phone", "Taro Yamada", "ext. 3121")}


def guide(who, language):
    with open(f"{ROOT}/docs/guide-{who}.{language}.md", encoding="utf-8") as f:
        return f.read()


def console(text):
    """[(command, lines shown), ...] of the blocks that show a terminal."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def plain(line):
    """What differs from run to run: times, sizes, numbers, and the width of columns."""
    line = re.sub(r"\((in )?[0-9dhms]+( ago)?\)", "(T)", line)
    line = re.sub(r"[0-9.]+ (B|KiB|MiB)\b", "0 B", line)
    line = re.sub(r"[0-9]+[ms] of", "0m of", line)
    return " ".join(re.sub(r"[0-9]+", "0", line).split())


def place(world, language):
    """A lost phone, d7 of the guide, and a shared one, d8, both logged in."""
    label, shared_label, name, telephone = LANGUAGES[language]
    mine = world.add_device("t-yamada", label=label, more=["--applicant", name, "--telephone", telephone, "--serial", "A-0077"])
    shared = world.add_device("h-suzuki", "k-mori", label=shared_label, device_class="shared")
    for phone, d, user in ((world.phone, mine, "t-yamada"), (world.phone2, shared, "k-mori")):
        phone.off()
        phone.join(d.conf)
        wait_until(lambda p=phone: p.ping("10.64.0.1", 0.2).result == "open", what="the phone's first ping")
        world.login(phone, user)
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    wait_until(lambda: all(d["online"] for d in world.sekisho("device", "list", "--json") if d["id"] in (mine.id, shared.id)),
               what="both online")
    number = next(s["id"] for s in world.sekisho("session", "list", "--json") if s["user"] == "k-mori")
    return {"d7": mine.id, "d8": shared.id, "12": str(number), "2026-12-01": "2099-12-01"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_desks_commands_print_what_the_guide_shows(world, language):
    here = place(world, language)
    shown = console(guide("desk", language))
    assert len(shown) > 9
    for command, lines in shown:
        words = [here.get(word, word) for word in shlex.split(command)[1:]]
        done = world.sekisho(*words, user=DESK, check=False)
        assert done.returncode == 0, (command, done.stderr)
        answer = iter([plain(line) for line in (done.stdout + done.stderr).splitlines()])
        for line in lines:
            assert line == "..." or plain(line) in answer, f"{command}: no (more) '{plain(line)}' in\n{done.stdout}{done.stderr}"
    for d in ("d7", "d8"):
        world.sekisho("device", "revoke", here[d], "--yes", check=False)


@pytest.mark.parametrize("who", ["staff", "desk"])
def test_both_languages_have_the_same_commands(who):
    def commands(language):
        text = guide(who, language)
        return [[w for w in shlex.split(c)[1:] if w.isascii() and " " not in w] for c, _ in console(text)], re.findall(r"`(sekisho [^`]+)`", text)

    (ja, ja_inline), (en, en_inline) = commands("ja"), commands("en")
    assert [c[:3] for c in ja] == [c[:3] for c in en] and ja_inline == en_inline


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_in_the_text_are_known(world, language):
    for command in re.findall(r"`(sekisho [^`]+)`", guide("desk", language)):
        words = [w for w in shlex.split(command)[1:] if w != "help"]
        done = world.sekisho("help", *words[:2], user=DESK, check=False)
        assert done.returncode == 0 and " ".join(words[:2]) in done.stdout, command


@pytest.mark.parametrize("who", ["staff", "desk"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_links_and_pictures_are_there(who, language):
    for target in re.findall(r"\]\(([^)#]+)\)", guide(who, language)):
        assert os.path.exists(f"{ROOT}/docs/{target}"), target


QUOTED = {"ja": r"「([^」]+)」", "en": r"(?:(?<![*])[*]|\")([A-Z][^*\"]+)(?:[*](?![*])|\")"}
NOT_OURS = {"ja": {"＋", "QRコードから作成", "ログイン画面", "探してみる", "なくした"}, "en": {"Create from QR code", "What to do next"}}


@pytest.mark.parametrize("who", ["staff", "desk"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_words_are_the_pages(who, language):
    """What the guides put in quotation marks stands in the portal's own texts."""
    with open(f"{ROOT}/auth/page_text.c", encoding="utf-8") as f:
        texts = re.sub(r'"\s+"', "", f.read())
    quoted = [q for q in re.findall(QUOTED[language], guide(who, language)) if q not in NOT_OURS[language] and "**" not in q]
    assert len(quoted) > 3
    for words in quoted:
        for part in re.split(r" … | / ", words):
            assert part.rstrip(".,") in texts, part
