# SPDX-License-Identifier: GPL-3.0-or-later
"""`sekisho log report` over made logs of known content: every figure against a count of our own and against the command that it comes
with, the page as HTML, and logs that are empty, damaged, hostile or another machine's."""
import base64
import datetime
import gzip
import hashlib
import html.parser
import ipaddress
import json
import os
import re
import shlex
import subprocess
import unicodedata

import pytest

import report_logs
from cli_box import SEKISHO
from logcheck import flatten

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DAY = ("--since", report_logs.SINCE, "--until", report_logs.UNTIL)
WEEK = ("--since", "2024-11-16", "--until", "2024-11-22")
FORTNIGHT = ("--since", "2024-11-09", "--until", "2024-11-22")


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("logs"))
    report_logs.make(folder)
    return folder


def run(*words, zone="Asia/Tokyo", prefix=(), **environment):
    return subprocess.run([*prefix, SEKISHO, *words], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "TZ": zone, "LC_ALL": "C.UTF-8", **environment})


def report(folder, *words, **how):
    done = run("log", "report", folder, *words, "--json", **how)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def figures(value, kind=None, columns=()):
    """Every figure of a document, with its kind: `count`, or the direction of `bytes`."""
    if isinstance(value, list):
        for item in value:
            yield from figures(item, kind, columns)
    elif isinstance(value, dict):
        if "command" in value and "value" in value:
            yield kind or "count", value
            return
        columns = {c["id"]: c["kind"] for c in value.get("columns", [])} or columns
        for name, inner in value.items():
            direction = {"up": "source.bytes", "down": "destination.bytes", "sent": "source.bytes", "received": "destination.bytes"}
            key = value.get("id") if name == "figure" else name
            yield from figures(inner, direction.get(key) or kind, columns)


def table(document, section, name):
    found = next(s for s in document["sections"] if s["id"] == section)
    return next(t for t in found["tables"] if t["id"] == name)["rows"]


def attention(document):
    return [f"{a['level']}: {a['text']}" for a in document["attention"]]


# --- a search of our own ---------------------------------------------------------------------------------------------------------------

class Search:
    """What the words of `sekisho log search` mean, written down once more."""

    def __init__(self, folder):
        self.lines = []
        for file in ("auth", "access", "audit"):
            paths = [os.path.join(folder, n) for n in os.listdir(folder) if n.startswith(file)]
            for path in paths:
                with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
                    self.lines += [(file, line, flatten(line)) for line in map(json.loads, f)]
        for _, _, flat in self.lines:
            flat["when"] = datetime.datetime.fromisoformat(flat["@timestamp"])

    @staticmethod
    def fits(file, line, flat, option, value):
        if option in ("since", "until"):
            return flat["when"] >= value if option == "since" else flat["when"] < value
        if option == "address":
            net = ipaddress.ip_network(value)
            return any(ipaddress.ip_address(a) in net for a in line.get("related", {}).get("ip", []))
        if option == "text":
            return any(isinstance(v, str) and value in v for v in flat.values())
        if option == "file":
            return file == value
        names = {"user": "user.name", "device": "device.id", "key": "sekisho.device.key", "destination": "destination.ip", "action": "event.action",
                 "reason": "event.reason", "admin": "sekisho.admin.name"}
        return flat.get(names[option]) == value

    def find(self, command, folder):
        words = shlex.split(command)
        assert words[:4] == ["sekisho", "log", "search", folder], command
        pairs = [(o, datetime.datetime.fromisoformat(v) if o in ("--since", "--until") else v) for o, v in zip(words[4::2], words[5::2])]
        assert all(option.startswith("--") for option, _ in pairs)
        return [flat for file, line, flat in self.lines if all(self.fits(file, line, flat, o[2:], v) for o, v in pairs)]


# The last zone changes its clocks on 17 November.
@pytest.mark.parametrize("period, zone", [
    (DAY, "Asia/Tokyo"), (WEEK, "America/St_Johns"), (FORTNIGHT, "Asia/Tokyo"), (WEEK, "AAA-9BBB,M4.1.0,M11.3.0"),
    (("--since", "2024-11-21T12:30", "--until", "2024-11-22T16:00:30"), "Asia/Tokyo")])
def test_every_figure_is_the_count_of_its_lines(logs, period, zone):
    search, seen = Search(logs), 0
    for kind, figure in figures(report(logs, *period, zone=zone)):
        lines = search.find(figure["command"], logs)
        assert len(lines) == figure["lines"], figure
        if kind == "count":
            value = sum(line.get("sekisho.count", 1) for line in lines)
        else:
            value = sum(line[kind] for line in lines)
        assert value == figure["value"] and "at_least" not in figure, (kind, figure)
        seen += figure["lines"] > 0
    assert seen > 60


@pytest.mark.parametrize("period", [DAY, FORTNIGHT])
def test_every_command_lists_its_lines(logs, period):
    """The real search, as somebody runs it who has copied the command."""
    wanted = {figure["command"]: figure["lines"] for _, figure in figures(report(logs, *period))}
    assert len(wanted) > 100
    for command, lines in wanted.items():
        done = run(*shlex.split(command)[1:], "--count")
        assert (done.stdout, done.stderr) == (f"{lines}\n", ""), command


def test_what_is_known_of_the_day(logs):
    document = report(logs, *DAY)
    tiles = {f["id"]: f["figure"]["value"] for f in document["figures"]}
    assert tiles["logins"] == tiles["sessions"] == 12 and tiles["failures"] == 14
    assert tiles["devices_refused"] == 12 + 29 and tiles["connections_refused"] == 43
    assert [(r["device"], r["count"]["value"], r["count"]["lines"]) for r in table(document, "refused", "lost")] == [("d6 紛失した iPhone", 12, 2)]
    assert [(r["user"], r["network"]) for r in table(document, "new", "networks")] == [("h-suzuki", "100.64.0.0/16")]
    assert [r["device"][:2] for r in table(document, "new", "devices")] == ["d5", "d7"]
    assert [(r["user"], r["hour"][11:16]) for r in table(document, "people", "unusual")] == [
        ("t-yamada", "03:00"), ("h-suzuki", "15:00"), ("k-sato", "16:00")]
    # Her session of the morning's second login was open as well.
    assert [(r["first"], r["second"]) for r in table(document, "people", "apart")] == 2 * [("d2 198.51.0.0/16", "d5 100.64.0.0/16")]
    assert [r["apart"] for r in table(document, "people", "fast")] == ["4m"]
    assert [(r["who"], r["action"]) for r in table(document, "admin", "actions")] == [
        ("kanri", "acl-applied"), ("kanri", "device-added"), ("kanri", "device-lost"), ("kanri", "device-suspended"), ("op", "control-denied")]
    assert [r["generation"] for r in table(document, "admin", "acl")] == ["32"]
    assert {(r["reason"], r["count"]["value"]) for r in table(document, "alerts", "reasons")} == {("lost-device-seen", 1), ("table-changed", 1)}
    assert [(r["log"], r["reason"], r["count"]["value"]) for r in table(document, "evidence", "gaps")] == [("access", "kernel-overrun", 12)]
    assert document["reaches"].startswith("2024-11-09T") and document["gateway"] == "gw1"


def test_words_of_the_logs_have_a_meaning():
    """Whatever the report can show in its lists is explained in both languages."""
    with open(f"{ROOT}/share/log-schema.json", encoding="utf-8") as f:
        actions = json.load(f)["actions"]
    with open(f"{ROOT}/gateway/cli/report_words.c", encoding="utf-8") as f:
        explained = set(re.findall(r'^\t\{"([a-z-]+)", ', f.read(), re.M))
    shown = {"login-failed", "device-refused", "connection-refused", "session-ended", "alert", "log-gap", "acl-rejected", "log-thinned", "clock-stepped",
             "firewall-restored", "gateway-started"}
    words = {reason for action in shown for reason in actions[action].get("reasons", [])}
    words |= {name for name, action in actions.items() if "admin" in action.get("parts", []) and name != "acl-applying"}
    assert words - explained == set()


def test_what_needs_attention_comes_first(logs):
    said = attention(report(logs, *DAY, "--lang", "en"))
    assert [line.partition(":")[0] for line in said] == sorted((line.partition(":")[0] for line in said),
                                                               key=["alarm", "look", "note"].index)
    assert "alarm: A device reported lost knocked and was refused: d6 (12)." in said
    assert "alarm: Events that could not be recorded: 12 (gaps in the logs: 3)." in said
    assert "look: Failed logins as k-sato on d3: 12." in said


def test_a_quiet_day_is_said_to_be_quiet(tmp_path):
    report_logs.make(str(tmp_path), strange=False)
    assert attention(report(str(tmp_path), *DAY, "--no-verify", "--lang", "en")) == ["quiet: All quiet: nothing in these logs needs attention."]
    assert attention(report(str(tmp_path), *DAY, "--no-verify", "--lang", "ja")) == ["quiet: 異常なし。確認の必要な記録はありません。"]


def test_a_period_without_lines(logs):
    document = report(logs, "--since", "2024-10-01", "--until", "2024-10-02", "--no-verify", "--lang", "en")
    assert attention(document) == ["quiet: There are no lines of this period in the logs."]
    assert all(figure["lines"] == 0 for _, figure in figures(document))


def test_nothing_is_new_when_the_logs_do_not_reach_back(logs):
    document = report(logs, *FORTNIGHT, "--lang", "en")
    assert table(document, "new", "networks") == [] and not any("first time" in line for line in attention(document))
    assert "do not reach back" in next(s for s in document["sections"] if s["id"] == "new")["notes"][0]


# --- text ------------------------------------------------------------------------------------------------------------------------------

def columns_of(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_on_a_terminal(logs, language):
    """To accept a change: SEKISHO_GOLDEN=write."""
    said = run("log", "report", logs, *DAY, "--no-verify", "--lang", language).stdout
    golden = f"{ROOT}/tests/golden/cli/report-{language}.txt"
    if os.environ.get("SEKISHO_GOLDEN") == "write":
        with open(golden, "w") as f:
            f.write(said)
    with open(golden) as f:
        assert said == f.read()
    assert max(columns_of(line) for line in said.splitlines()) <= 80


def test_commands_on_a_terminal_can_be_copied(logs):
    said = run("log", "report", logs, *DAY, "--commands").stdout
    commands = re.findall(r"^  \$ ((?:.*\\\n)*.*)$", said, re.M)
    wanted = {figure["command"] for _, figure in figures(report(logs, *DAY)) if figure["lines"]}
    copied = {shlex.join(shlex.split(command.replace("\\\n", ""))) for command in commands}
    tables = {shlex.join(shlex.split(command)) for command in wanted}
    assert len(copied & tables) > 40 and copied - tables == {c for c in copied if " log verify " in c}


# --- the page --------------------------------------------------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.style, self.ids, self.links = set(), [], [], "", set(), set()
        self.inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self.inside = tag
        for name, value in attrs:
            if name == "id":
                self.ids.add(value)
            if name == "href":
                self.links.add(value)

    def handle_data(self, data):
        if self.inside == "style":
            self.style += data
        else:
            self.words.append(data)

    def handle_endtag(self, tag):
        self.inside = None


def page(folder, path, *words, period=DAY):
    done = run("log", "report", folder, *period, "--html", str(path), *words)
    assert done.returncode == 0, done.stderr
    with open(path, encoding="utf-8") as f:
        return f.read()


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("period", [DAY, WEEK, FORTNIGHT])
def test_the_page_is_good_html(logs, tmp_path, language, period):
    page(logs, tmp_path / "page.html", "--lang", language, period=period)
    # Of the elements' newest attributes tidy knows nothing: details/name.
    done = subprocess.run(["tidy", "-q", "-e", "--warn-proprietary-attributes", "no", str(tmp_path / "page.html")], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_needs_and_runs_nothing(logs, tmp_path):
    text = page(logs, tmp_path / "page.html", "--lang", "en")
    found = Page(text)
    names = {name for name, _ in found.attributes}
    assert not found.tags & {"script", "link", "iframe", "img", "object", "form", "base"}
    assert not {n for n in names if n.startswith("on")} and not names & {"src", "style", "srcset"}
    assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    assert "url(" not in found.style and "@import" not in found.style and "http:" not in text and "https:" not in text
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    policy = next(v for n, v in found.attributes if n == "content" and "default-src" in v)
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    # What the logs hold is text here: a label and an ACL's change with markup in them.
    assert "<script" not in text and "<b>" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "予備機 <b>&\"共用\"</b>" in " ".join(found.words).replace("  ", " ") or "&lt;b&gt;&amp;&quot;共用&quot;" in text


def test_the_page_has_every_command(logs, tmp_path):
    shown = "".join(Page(page(logs, tmp_path / "page.html")).words)
    for _, figure in figures(report(logs, *DAY)):
        assert not figure["lines"] or figure["command"] in shown


def test_both_languages_are_complete(logs, tmp_path):
    english = " ".join(Page(page(logs, tmp_path / "en.html", "--lang", "en")).words)
    japanese = Page(page(logs, tmp_path / "ja.html", "--lang", "ja"))
    ours = re.sub(r"紛失した|予備機|共用|新しい iPad|田中|山田|鈴木|佐藤", "", english)
    assert not re.search(r"[぀-ヿ一-鿿]", ours)
    # In Japanese nothing of ours is left in English: only words of the logs, names and commands.
    assert not re.search(r"\b(the|of|and|not|were|this|has)\b", re.sub(r"(sekisho log|groups/|users/|<script)[^\n]*", "", " ".join(japanese.words)))


def test_language_of_the_locale(logs):
    assert report(logs, *DAY, LC_ALL="ja_JP.UTF-8")["title"] == "アクセス報告"
    assert report(logs, *DAY, LC_ALL="", LANG="en_GB.UTF-8")["title"] == "Access report"


def test_a_folder_gets_a_page_of_the_day(logs, tmp_path):
    done = run("log", "report", logs, *DAY, "--html", str(tmp_path))
    assert done.stdout == f"{tmp_path}/2024-11-22.html\n"
    os.unlink(tmp_path / "2024-11-22.html")
    os.symlink("/etc/passwd", tmp_path / "2024-11-22.html")
    assert run("log", "report", logs, *DAY, "--html", f"{tmp_path}/").returncode == 0
    assert not os.path.islink(tmp_path / "2024-11-22.html") and os.listdir(tmp_path) == ["2024-11-22.html"]


# --- logs that are not as they should be -------------------------------------------------------------------------------------------------

def test_empty_logs(tmp_path):
    for name in ("auth", "access", "audit"):
        (tmp_path / f"{name}.jsonl").touch()
    document = report(str(tmp_path), *DAY, "--lang", "en")
    assert "There are no lines of this period in the logs." in " ".join(attention(document)) or "cannot be told" in " ".join(attention(document))
    assert all(figure["value"] == 0 for _, figure in figures(document))


def test_damaged_and_hostile_lines(logs, tmp_path):
    """What is no line of ours is counted as such; what is one, but with contents that nobody expects, does no harm."""
    folder, whole = str(tmp_path), report(logs, *DAY, "--no-verify")
    subprocess.run(["cp", "-r", f"{logs}/.", folder], check=True)
    when = "2024-11-22T12:00:00.000000+09:00"
    evil = "\u202e\u0007</td><script>alert(1)</script>'\"`$(reboot)`\x1b[2J" + "長" * 400
    hostile = [{"@timestamp": when, "event": {"action": action, "reason": evil}, "user": {"name": evil}, "device": {"id": evil},
                "sekisho": {"device": {"key": evil, "label": evil}, "count": 2**63 - 1, "admin": {"name": evil}, "endpoint": {"ip": evil},
                            "acl": {"generation": -1, "changes": [evil, 5, None], "changes_total": "x"}}, "source": {"bytes": 2**63 - 1},
                "destination": {"ip": evil, "bytes": 2**63 - 1, "port": evil}}
               for action in ("login-succeeded", "login-failed", "device-refused", "connection-refused", "connection-closed", "session-opened",
                              "session-ended", "device-admitted", "device-roamed", "log-gap", "alert", "acl-applied", "gateway-started")]
    for file in ("auth", "access", "audit"):
        with open(f"{folder}/{file}.jsonl", "ab") as f:
            f.write(b"\n{\"half\n[1]\n{}\n{\"@timestamp\":\"yesterday\"}\n\xff\xfe\x00\n" + b"x" * 200000 + b"\n")
            f.writelines(json.dumps(line).encode() + b"\n" for line in hostile + hostile)
    document = report(folder, *DAY, "--no-verify", "--lang", "en")
    note = next(line for line in attention(document) if "could not be read" in line)
    assert note == "look: Lines of the logs that could not be read: 21."
    assert {f["id"]: f["figure"]["lines"] - next(w for w in whole["figures"] if w["id"] == f["id"])["figure"]["lines"]
            for f in document["figures"]}["logins"] == 2
    text = page(folder, tmp_path / "page.html", "--no-verify")
    assert "<script" not in text and "\u202e" not in text and "\x1b" not in text
    done = run("log", "report", folder, *DAY, "--no-verify")
    assert done.returncode == 0 and "\x1b" not in done.stdout and "\u202e" not in done.stdout and "\x07" not in done.stdout
    for _, figure in figures(document):
        shlex.split(figure["command"])
        assert 0 <= figure["value"] <= 2**63 - 1


def test_strangers_cannot_fill_the_memory(tmp_path):
    """100,000 keys and addresses, each once, around one that comes again and again; with 64 MiB for all of it."""
    lines = report_logs.Logs()
    for n in range(100000):
        lines.knock(report_logs.at(13, 1) + report_logs.datetime.timedelta(milliseconds=100 * n), "unknown-key", None,
                    "203.0.113.7" if n % 10 == 0 else f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    lines.write(str(tmp_path))
    document = report(str(tmp_path), *DAY, "--no-verify", "--lang", "en", prefix=["prlimit", f"--data={64 << 20}"])
    top = table(document, "refused", "devices_from")[0]
    assert top["address"] == "203.0.113.7" and top["count"]["value"] == 10000
    assert next(f for f in document["figures"] if f["id"] == "devices_refused")["figure"]["value"] == 100000
    note = next(t for s in document["sections"] for t in s["tables"] if t["id"] == "devices_from")["notes"][0]
    assert note.startswith("There were more than 8192 different ones")


def test_files_from_before_the_period_are_not_read(logs, tmp_path):
    """But those of auth, which tell what is new."""
    folder = str(tmp_path)
    subprocess.run(["cp", "-r", f"{logs}/.", folder], check=True)
    with open(f"{folder}/access.jsonl-20241111", "a") as f:
        f.write("no line of ours\n")
    unread = "look: Lines of the logs that could not be read: 1."
    assert unread not in attention(report(folder, *DAY, "--no-verify", "--lang", "en"))
    assert unread in attention(report(folder, *FORTNIGHT, "--no-verify", "--lang", "en"))


def test_logs_of_another_machine(logs):
    """Without keys the figures are the same, and nobody vouches for the lines."""
    document = report(logs, *DAY, "--key", "/nonexistent", "--lang", "en")
    assert "look: Whether the logs are whole cannot be told with the keys at hand." in attention(document)


@pytest.mark.parametrize("words, said", [
    ((), "--since is missing"),
    (("--since", "tomorrow"), "tomorrow"),
    (("--since", "2024-11-22", "--until", "2024-11-20"), "2024-11-2"),
    (("--since", "-1000d"), "at most 400 days"),
    (("--since", "2024-11-22", "--lang", "fr"), "ja or en"),
])
def test_wrong_words(logs, words, said):
    done = run("log", "report", logs, *words)
    assert done.returncode == 2 and done.stdout == "" and said in done.stderr and "\nhint: " in done.stderr


def test_what_cannot_be_done(logs, tmp_path):
    for words in ((str(tmp_path), *DAY), (str(tmp_path / "none"), *DAY), (logs, *DAY, "--html", "/nonexistent/page.html")):
        done = run("log", "report", *words)
        assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("sekisho: ") and "\nhint: " in done.stderr


# --- a gateway's own logs --------------------------------------------------------------------------------------------------------------

def test_of_a_gateway_that_has_worked(world, device):
    world.login(world.phone)
    world.phone.tcp("10.99.0.1", 445)
    document = world.sekisho("log", "report", "--since", "-1h", "--json")
    tiles = {f["id"]: f["figure"] for f in document["figures"]}
    assert tiles["logins"]["value"] == tiles["sessions"]["value"] == 1
    assert {f["log"]: f["seals"] > 0 for f in table(document, "evidence", "seals")} == {"auth": True, "access": True, "audit": True}
    assert "are whole and unchanged" in next(s for s in document["sections"] if s["id"] == "evidence")["notes"][0]
    assert any(r["action"] == "device-added" for r in table(document, "admin", "actions"))
