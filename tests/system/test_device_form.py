# SPDX-License-Identifier: GPL-3.0-or-later
"""The application form of a device: asked for, kept, changed with before and after, listed, exported and imported."""
import csv
import io
import os
import re
import subprocess

import pytest

from cli_box import on_terminal
from world import BUILD, DESK, field

FORM = {"applicant": "山田 太郎", "department": "総務課", "telephone": "+81-3-0000-0000", "purpose": "=cmd|' /C calc'!A0",
        "information": "要機密情報, 内部", "model": 'iPhone "15"', "os": "iOS 18", "serial": "A-0001", "owner": "ministry",
        "place": "自宅\u3000", "use": "常時", "approver": "課長", "approval": "'=2026-17", "consent": "2026-11-01"}


def words(form):
    return [part for name, text in form.items() for part in (f"--{name}", text)]


def show(world, id):
    return world.sekisho("device", "show", id, "--json")["device"]


@pytest.fixture(scope="module")
def filled(world):
    return world.add_device("t-yamada", "@soumu", label="申請書", more=words(FORM))



def test_the_form_is_kept_whole(world, filled):
    assert show(world, filled.id)["form"] == FORM
    world.kill("gateway")
    world.start_gateway()
    assert show(world, filled.id)["form"] == FORM
    text = world.sekisho("device", "show", filled.id, user=DESK).stdout
    assert all(t in text for t in ("山田 太郎", "総務課", "2026-11-01", "@soumu"))


@pytest.mark.parametrize("name, text, word", [
    ("owner", "me", "ministry or private"), ("consent", "2026-02-30", "YYYY-MM-DD"), ("consent", "gestern", "YYYY-MM-DD"),
    ("purpose", "x" * 256, "255"), ("model", "a\nb", "one line"), ("model", "a\x1b[31mb", "control"),
])
def test_what_a_field_cannot_be(world, name, text, word):
    before = world.sekisho("device", "list", "--json")
    done = world.sekisho("device", "add", "t-yamada", "--conf", "-", f"--{name}", text, check=False)
    assert done.returncode == 2 and word in done.stderr and name in done.stderr
    assert world.sekisho("device", "list", "--json") == before


def test_what_is_required_is_named_and_on_a_terminal_asked_for(world):
    world.configure(device_form="applicant department owner period")
    world.reload()
    try:
        before = world.sekisho("device", "list", "--json")
        done = world.sekisho("device", "add", "t-yamada", "--conf", "-", "--department", "総務課", check=False)
        assert done.returncode == 2 and "applicant, owner, period" in done.stderr
        assert world.sekisho("device", "list", "--json") == before
        shown, code = on_terminal("device", "add", "t-yamada", "--label", "asked", "--no-qr", "--conf", "/run/world/asked.conf",
                                  typed="鈴木\n\n総務課\nmine\nprivate\n2030-13-01\n2030-03-31\n")
        assert code == 0, shown
        assert "applicant's name" in shown and "ministry or private" in shown and "no date" in shown
        os.unlink("/run/world/asked.conf")
        device = world.sekisho("device", "list", "--json")[-1]
        assert device["form"] == {"applicant": "鈴木", "department": "総務課", "owner": "private"}
        assert device["valid_until"].startswith(("2030-03-31", "2030-04-01"))
        # nobody answers: nothing is done
        shown, code = on_terminal("device", "add", "t-yamada", "--no-qr", "--conf", "/run/world/asked.conf", typed="鈴木\n\x04")
        assert code == 2 and not os.path.exists("/run/world/asked.conf")
        assert world.sekisho("device", "list", "--json")[-1]["id"] == device["id"]
        # the gateway itself insists, whatever a command of another machine's settings says
        with open("/etc/sekisho/sekisho.conf") as f:
            whole = f.read()
        world.configure(device_form=None)
        done = world.sekisho("device", "add", "t-yamada", "--conf", "-", check=False)
        assert done.returncode == 1 and "applicant, department, owner, period" in done.stderr
        world.write("/etc/sekisho/sekisho.conf", whole)
        # what was complete stays complete
        done = world.sekisho("device", "change", device["id"], "--department", "", check=False)
        assert done.returncode == 1 and "department" in done.stderr
    finally:
        world.configure(device_form=None)
        world.reload()


def test_a_change_is_recorded_before_and_after(world):
    d = world.add_device("t-yamada", label="old", more=["--department", "総務課", "--model", "A"])
    answer = world.sekisho("device", "change", d.id, "--label", "new", "--department", "企画課", "--model", "", "--users", "h-suzuki,@kikaku",
                           "--valid-until", "2031-01-01", "--note", "moved", "--json")
    assert answer["changed"] and answer["device"]["users"] == ["h-suzuki", "@kikaku"]
    event = world.wait_log("audit", "device-changed", device__id=d.id)
    device = event["sekisho"]["device"]
    assert device["changed"] == ["label", "users", "valid_until", "department", "model"]
    assert device["before"] == {"label": "old", "users": "t-yamada", "department": "総務課", "model": "A"}
    assert {k: v for k, v in device["after"].items() if k != "valid_until"} == {"label": "new", "users": "h-suzuki @kikaku",
                                                                               "department": "企画課"}
    assert field(event, "sekisho.note") == "moved" and field(event, "sekisho.admin.role") == "admin"
    events = len(world.logs("audit", "device-changed"))
    assert not world.sekisho("device", "change", d.id, "--label", "new", "--json")["changed"]
    assert len(world.logs("audit", "device-changed")) == events
    assert show(world, d.id)["form"] == {"department": "企画課"}
    world.sekisho("device", "change", d.id, "--valid-until", "none")
    assert show(world, d.id)["valid_until"] is None


def test_a_change_that_takes_the_user_away_ends_the_session(world, device, session):
    world.sekisho("device", "change", device.id, "--label", "only a name")
    assert [s["label"] for s in world.sekisho("session", "list", "--json") if s["id"] == session["id"]] == ["only a name"]
    world.sekisho("device", "change", device.id, "--users", "h-suzuki")
    assert session["id"] not in [s["id"] for s in world.sekisho("session", "list", "--json")]
    assert world.phone.tcp("10.20.0.10", 80).result != "open"
    world.sekisho("device", "change", device.id, "--users", "t-yamada")


def test_a_period_that_is_over_ends_the_session(world, device, session):
    world.sekisho("device", "change", device.id, "--valid-until", "2020-01-01")
    assert session["id"] not in [s["id"] for s in world.sekisho("session", "list", "--json")]
    assert world.phone.ping("10.64.0.1", 0.5).result == "timeout"
    world.sekisho("device", "change", device.id, "--valid-until", "none")


@pytest.mark.parametrize("args", [["--users", "no/name"], ["--class", "spoon"], ["--valid-from", "2030-01-01", "--valid-until", "2029-01-01"],
                                  [], ["--label", "x" * 300]])
def test_a_wrong_change_changes_nothing(world, filled, args):
    before = show(world, filled.id)
    assert world.sekisho("device", "change", filled.id, *args, check=False).returncode in (1, 2)
    assert show(world, filled.id)["form"] == before["form"] and show(world, filled.id)["users"] == before["users"]


def test_filters(world, filled):
    soon = world.add_device("k-mori", label="soon", device_class="private", more=["--department", "企画課", "--valid-until", day(10)])
    late = world.add_device("k-mori", label="late", more=["--valid-until", day(100)])

    def ids(*args):
        return {d["id"] for d in world.sekisho("device", "list", *args, "--json")}

    everything = ids()
    assert ids("--department", "総務課") >= {filled.id} and soon.id not in ids("--department", "総務課")
    assert soon.id in ids("--expiring", "30") and late.id not in ids("--expiring", "30d") and filled.id not in ids("--expiring", "30")
    assert {soon.id, late.id} <= ids("--expiring", "200") and ids("--expiring", "5") == set()
    assert ids("--user", "k-mori") == {soon.id, late.id} and filled.id in ids("--user", "@soumu")
    assert ids("--class", "private") == {soon.id}
    assert soon.id in ids("--never-seen")
    assert ids("--not-seen", "1") == set() and ids("--not-seen", "0d") == {d["id"] for d in world.sekisho("device", "list", "--json")
                                                                           if d["status"] in ("active", "suspended")}
    world.sekisho("device", "revoke", late.id, "--yes")
    assert ids("--status", "revoked") == {late.id} and late.id not in ids("--expiring", "200")
    assert ids("--department", "企画課", "--class", "private", "--user", "k-mori") == {soon.id}
    assert ids() == everything
    for wrong in (["--expiring", "soon"], ["--not-seen", "-1"], ["--class", "spoon"], ["--csv", "--json"]):
        assert world.sekisho("device", "list", *wrong, check=False).returncode == 2
    assert world.sekisho("device", "list", "--status", "gone", check=False).returncode == 1


def day(distance):
    return subprocess.run(["date", "-d", f"{distance} days", "+%F"], capture_output=True, text=True, check=True).stdout.strip()


def export(world, *filters):
    return world.gw.run(f"{BUILD}/sekisho", "device", "list", "--csv", *filters, capture_output=True, text=False, check=True).stdout


def rows_of(data):
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data[3:].decode(), newline="")))


def test_export_is_safe_and_comes_back_the_same(world, filled):
    """No cell begins as a formula; and a table that was written, with new keys, is read to the same forms."""
    data = export(world, "--user", "@soumu")
    assert not re.search(rb'(?:^|,)"[=+\-@\t]', data, re.MULTILINE) and data.count(b"\r\n") == 2
    row = rows_of(data)[0]
    assert row["purpose"] == "'" + FORM["purpose"] and row["approval"] == "'" + FORM["approval"]
    row |= {"public_key": ""}
    path = "/run/world/again.csv"
    write(path, [row])
    answer = world.sekisho("device", "import", path, "--conf-dir", "/run/world/again", "--png", "--json")
    new = answer["devices"][0]["device"]
    assert new["form"] == FORM and new["users"] == ["t-yamada", "@soumu"] and new["label"] == "申請書"
    assert sorted(os.listdir("/run/world/again")) == [f"{new['id']}.conf", f"{new['id']}.png"]
    assert os.stat("/run/world/again").st_mode & 0o777 == 0o700
    assert os.stat(f"/run/world/again/{new['id']}.conf").st_mode & 0o777 == 0o600
    with open(f"/run/world/again/{new['id']}.conf") as f:
        conf = f.read()
    assert "PrivateKey" in conf and "PresharedKey" in conf and new["v4"] in conf and "preshared_key" not in answer["devices"][0]
    assert field(world.wait_log("audit", "device-added", device__id=new["id"]), "sekisho.admin.role") == "admin"


def write(path, rows, encoding="utf-8", bom=True, newline="\r\n", columns=None):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns or list(rows[0]), lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    data = out.getvalue().encode(encoding)
    with open(path, "wb") as f:
        f.write((b"\xef\xbb\xbf" if bom else b"") + data)


@pytest.mark.parametrize("bom, newline", [(True, "\r\n"), (False, "\r\n"), (True, "\n"), (False, "\n")])
def test_import_takes_what_spreadsheets_write(world, bom, newline):
    before = len(world.sekisho("device", "list", "--json"))
    write("/run/world/in.csv", [{"users": "t-yamada h-suzuki", "label": f"取込 {i}", "valid_until": "2030-03-31", "use": "two\tlines"[:3]}
                                for i in range(3)], bom=bom, newline=newline)
    dry = world.sekisho("device", "import", "/run/world/in.csv", "--dry-run")
    assert "3 devices could be added" in dry.stdout and len(world.sekisho("device", "list", "--json")) == before
    folder = f"/run/world/in-{bom}-{len(newline)}"
    world.sekisho("device", "import", "/run/world/in.csv", "--conf-dir", folder)
    devices = world.sekisho("device", "list", "--json")[before:]
    assert [d["label"] for d in devices] == ["取込 0", "取込 1", "取込 2"] and devices[0]["users"] == ["t-yamada", "h-suzuki"]
    assert len(os.listdir(folder)) == 3


def test_all_mistakes_at_once_and_nothing_is_added(world, filled):
    before = world.sekisho("device", "list", "--json")
    with open("/run/world/bad.csv", "w", encoding="utf-8") as f:
        f.write("users,label,class,owner,consent,public_key,valid_until\n"
                "t-yamada,good,ministry,ministry,2026-01-01,,\n"
                "no/one,x,spoon,me,2026-02-30,AAAA,2030-99-01\n"
                ",x\n"
                f"t-yamada,{'x' * 300},,,,,\n")
    done = world.sekisho("device", "import", "/run/world/bad.csv", "--conf-dir", "/run/world/never", check=False)
    assert done.returncode == 1
    for place in ("bad.csv:3:1:", "bad.csv:3:10:", "bad.csv:3:16:", "bad.csv:3:19:", "bad.csv:3:30:", "bad.csv:3:35:", "bad.csv:4:1:",
                  "bad.csv:5:10:"):
        assert place in done.stderr, (place, done.stderr)
    assert world.sekisho("device", "list", "--json") == before and not os.path.exists("/run/world/never")


def test_a_key_in_use_stops_the_whole_import(world, filled):
    before = world.sekisho("device", "list", "--json")
    key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
    write("/run/world/keys.csv", [{"users": "t-yamada", "label": "keys", "public_key": key}, {"users": "t-yamada", "label": "keys", "public_key": filled.key}])
    for extra in (["--dry-run"], []):
        done = world.sekisho("device", "import", "/run/world/keys.csv", *extra, check=False)
        assert done.returncode == 1 and "keys.csv:3:" in done.stderr and "in use" in done.stderr
        assert world.sekisho("device", "list", "--json") == before
    write("/run/world/keys.csv", [{"users": "t-yamada", "label": "keys", "public_key": key}] * 2)
    done = world.sekisho("device", "import", "/run/world/keys.csv", check=False)
    assert "keys.csv:3:" in done.stderr and "line 2" in done.stderr
    write("/run/world/keys.csv", [{"users": "t-yamada", "label": "keys", "public_key": key}])
    world.sekisho("device", "import", "/run/world/keys.csv")  # keys of their own need no folder


def test_a_lost_device_does_not_come_back_by_a_table(world):
    d = world.add_device("t-yamada", label="lost")
    world.sekisho("device", "lost", d.id, "--yes")
    row = [r for r in rows_of(export(world)) if r["id"] == d.id][0] | {"public_key": ""}
    write("/run/world/lost.csv", [row])
    done = world.sekisho("device", "import", "/run/world/lost.csv", "--conf-dir", "/run/world/lost", check=False)
    assert done.returncode == 1 and "this device is lost" in done.stderr


@pytest.mark.parametrize("data, word", [
    ("users,label\r\nt-yamada,山田の電話\r\n".encode("cp932"), "Shift_JIS"), ("users\r\nt-yamada\r\n".encode("utf-16"), "UTF-16"),
    (b"users\r\nt-yamada\xff\xff\r\n", "no UTF-8"), (b"users\r\nt-ya\0mada\r\n", "NUL"), (b"", "empty"), (b"users\r\n", "no device"),
    (b"user\r\nt-yamada\r\n", "did you mean 'users'"), (b"users;label\r\nt-yamada;x\r\n", "commas"), (b'users\r\n"t-yamada\r\n', "never closed"),
    (b'users\r\nt"yamada\r\n', "quote"), (b"users,users\r\na,b\r\n", "twice"),
])
def test_what_is_no_table_is_refused_with_a_hint(world, data, word):
    with open("/run/world/odd.csv", "wb") as f:
        f.write(data)
    done = world.sekisho("device", "import", "/run/world/odd.csv", "--dry-run", check=False)
    assert done.returncode == 1 and word in done.stderr, done.stderr


def test_a_long_table_goes_in_one_piece(world):
    """More than fits a datagram; one bad row at its end, and nothing of it is there."""
    before = len(world.sekisho("device", "list", "--json"))
    rows = [{"users": "t-yamada", "label": f"bulk {i}", "purpose": "理由" * 40, "valid_until": ""} for i in range(700)]
    write("/run/world/bulk.csv", rows + [{"users": "t-yamada", "label": "x", "purpose": "", "valid_until": "never"}])
    assert world.sekisho("device", "import", "/run/world/bulk.csv", "--conf-dir", "/run/world/bulk", check=False).returncode == 1
    assert len(world.sekisho("device", "list", "--json")) == before
    write("/run/world/bulk.csv", rows)
    world.sekisho("device", "import", "/run/world/bulk.csv", "--conf-dir", "/run/world/bulk")
    assert len(world.sekisho("device", "list", "--json")) == before + 700 and len(os.listdir("/run/world/bulk")) == 700
    write("/run/world/bulk.csv", rows * 3)
    done = world.sekisho("device", "import", "/run/world/bulk.csv", "--dry-run", check=False)
    assert done.returncode == 1 and "more than 2000" in done.stderr
