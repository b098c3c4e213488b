# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of ACLs in force: archived before they decide, changed by nobody's restart, and told who, when and what afterwards."""
import grp
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from world import ACL, ADMIN, BUILD, FILES, INTRANET, NOBODY, wait_until

CLOSED = ("refused", "prohibited")
ARCHIVE = "/var/lib/sekisho/acl"
MINE = "users/t-yamada.acl"


def ask(world, verb, **members):
    """One request to the control socket as root; its answers without the end or error, and that."""
    answers = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(10)
        s.connect("/run/sekisho/control")
        s.send(json.dumps({"verb": verb, **members}).encode())
        while data := s.recv(1 << 18):
            assert len(data) <= 131072
            answers.append(json.loads(data))
    return [a["row"] for a in answers[:-1]], answers[-1]


def history(world):
    rows, end = ask(world, "acl-history")
    assert end == {"end": {}}
    return rows


def in_force(world):
    return world.sekisho("status", "--json")["acl"]["generation"]


def status(world):
    return world.sekisho("status", "--json")


def archived(number):
    """{relative name: text} of a generation's folder."""
    root = f"{ARCHIVE}/{number:06}"
    return {os.path.relpath(os.path.join(folder, name), root): read(os.path.join(folder, name))
            for folder, _, names in os.walk(root) for name in names}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def restart(world, number=signal.SIGKILL):
    world.kill("gateway", number)
    world.start_gateway()


@pytest.fixture(autouse=True)
def usual(world):
    """Afterwards the usual set is in force again and the gateway runs."""
    yield
    world.write_acl({MINE: None, "devices/private.acl": None, **ACL})
    for name in set(os.listdir("/etc/sekisho/acl/groups")) - {"soumu.acl", "kikaku.acl"}:
        os.unlink(f"/etc/sekisho/acl/groups/{name}")
    if "gateway" not in world.processes or world.processes["gateway"].poll() is not None:
        world.start_gateway()
    world.sekisho("acl", "apply", "--yes")


def apply(world, files, **more):
    world.write_acl(files)
    return world.sekisho("acl", "apply", "--yes", "--json", **more)


# --- what is kept ----------------------------------------------------------------------------------------------------------


def test_the_first_start_takes_the_files_as_generation_1(world):
    row = history(world)[-1]
    assert row["generation"] == 1 and row["who"] == "start" and row["uid"] == pwd.getpwnam("sekisho").pw_uid
    assert row["applied"] and row["changes"] == []
    assert archived(1)["groups/soumu.acl"] == ACL["groups/soumu.acl"]
    assert world.logs("audit", "acl-applied")[0]["sekisho"]["acl"]["generation"] == 1


def test_an_applied_set_is_archived_just_as_it_was_read(world):
    world.write_acl({MINE: "allow files # 例\n"})
    with open("/etc/sekisho/acl/users/.t-yamada.acl.swp", "w") as f:
        f.write("an editor's")
    end = world.sekisho("acl", "apply", "--yes", "--json")
    os.unlink("/etc/sekisho/acl/users/.t-yamada.acl.swp")
    wanted = {name: read(f"/etc/sekisho/acl/{name}") for name in (*ACL, MINE)}
    private = "/etc/sekisho/acl/devices/private.acl"
    if os.path.exists(private):
        wanted["devices/private.acl"] = read(private)
    assert archived(end["generation"]) == wanted
    row = history(world)[0]
    assert row["generation"] == end["generation"] and row["in_force"] and row["files"] == len(wanted)
    assert row["bytes"] == sum(len(text.encode()) for text in wanted.values())
    digest = subprocess.run("find systems.acl lists groups users devices -name '*.acl' 2>/dev/null | LC_ALL=C sort |"
                            " xargs sha256sum | sha256sum", shell=True, check=True, capture_output=True, text=True,
                            cwd=f"{ARCHIVE}/{end['generation']:06}").stdout.split()[0]
    assert row["sha256"] == digest
    assert any("files" in change and MINE in change for change in row["changes"]), row["changes"]
    assert row["changes_total"] == len(row["changes"])
    assert row["internal"][:2] == ["10.20.0.0/16", "2001:db8:20::/48"]


def test_the_record_says_who_what_and_instead_of_what(world):
    before = in_force(world)
    end = apply(world, {MINE: "allow files\n"}, user=ADMIN)
    event = world.wait_log("audit", "acl-applied", sekisho__acl__generation=end["generation"])["sekisho"]
    assert event["admin"] == {"uid": pwd.getpwnam(ADMIN).pw_uid, "name": ADMIN, "role": "admin"}
    assert event["acl"]["previous_generation"] == before
    assert event["acl"]["changes"] == history(world)[0]["changes"]
    assert event["acl"]["sha256"] == history(world)[0]["sha256"]
    row = history(world)[0]
    assert (row["who"], row["uid"]) == (ADMIN, pwd.getpwnam(ADMIN).pw_uid)


def test_a_reload_is_archived_as_well(world):
    before = in_force(world)
    world.write_acl({MINE: "allow files\n"})
    world.reload()
    event = world.wait_log("audit", "acl-applied", sekisho__acl__previous_generation=before)
    assert event["sekisho"]["admin"] == {"uid": 0, "name": "signal", "role": "admin"}
    assert archived(in_force(world))[MINE] == "allow files\n"
    world.write_acl({MINE: "allow files # again\n"})
    assert world.sekisho("reload", "--json")["generation"] > event["sekisho"]["acl"]["generation"]


def test_unchanged_files_make_no_generation(world):
    before, rows = in_force(world), len(history(world))
    records = len(world.logs("audit", "acl-applied"))
    for words in (("acl", "apply"), ("reload",), ("acl", "apply")):
        end = world.sekisho(*words, "--json")
        assert end["unchanged"] and end["generation"] == before
    assert len(history(world)) == rows and len(world.logs("audit", "acl-applied")) == records
    assert not apply(world, {MINE: "allow files\n"})["unchanged"]


def test_only_administrators_read_the_archive_and_nobody_the_rest(world):
    apply(world, {MINE: "allow files\n"})
    gid = grp.getgrnam("sekisho-admin").gr_gid
    for folder, _, names in os.walk(ARCHIVE):
        st = os.stat(folder)
        assert (stat.S_IMODE(st.st_mode), st.st_gid) == (0o2750, gid), folder
        for name in names:
            st = os.stat(os.path.join(folder, name))
            assert (stat.S_IMODE(st.st_mode), st.st_gid) == (0o640, gid), name
    newest = f"{ARCHIVE}/{in_force(world):06}/{MINE}"
    as_user = ["setpriv", "--regid=nogroup", "--init-groups"]
    assert subprocess.run([*as_user, f"--reuid={ADMIN}", "cat", newest], check=True, capture_output=True).stdout == b"allow files\n"
    assert subprocess.run([*as_user, f"--reuid={NOBODY}", "cat", newest], capture_output=True).returncode == 1
    assert stat.S_IMODE(os.stat("/var/lib/sekisho").st_mode) == 0o711
    desk = os.stat("/var/lib/sekisho/reports")  # each may put his own there, and sees no other's
    assert (stat.S_IMODE(desk.st_mode), desk.st_gid) == (0o3770, grp.getgrnam("sekisho-desk").gr_gid)
    others = set(os.listdir("/var/lib/sekisho")) - {"acl", "log-keys", "reports"}  # log-keys are public
    assert "ledger.db" in others and "ledger.db-wal" in others
    for name in others:
        assert stat.S_IMODE(os.stat(f"/var/lib/sekisho/{name}").st_mode) == 0o600, name
        assert subprocess.run([*as_user, f"--reuid={ADMIN}", "cat", f"/var/lib/sekisho/{name}"],
                              capture_output=True).returncode == 1


# --- looking back ----------------------------------------------------------------------------------------------------------


def test_history_is_whole_newest_first_and_comes_in_parts(world):
    first = in_force(world)
    for i in range(150):
        apply(world, {MINE: f"allow files # {i}\n"})
    rows = history(world)
    numbers = [r["generation"] for r in rows]
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) == len(numbers)
    assert numbers[:151] == list(range(first + 150, first - 1, -1)) and numbers[-1] == 1
    assert [r["in_force"] for r in rows] == [True] + [False] * (len(rows) - 1)
    assert [r["applied"] for r in rows] == sorted((r["applied"] for r in rows), reverse=True)
    total = status(world)["acl"]["archive"]
    assert total["generations"] == len(rows) and total["bytes"] == sum(r["bytes"] for r in rows)


def test_subjects_as_they_were(world, device):
    before = json.loads(subprocess.run(["date", "+%s%6N"], check=True, capture_output=True, text=True).stdout)
    lost = world.add_device("k-mori", "t-yamada", label="紛失", device_class="private")
    between = json.loads(subprocess.run(["date", "+%s%6N"], check=True, capture_output=True, text=True).stdout)
    world.sekisho("device", "lost", lost.id, "--yes")

    def subjects(**on):
        rows, end = ask(world, "acl-subjects", **on)
        assert end == {"end": {}}
        assert [r["user"] for r in rows] == sorted(r["user"] for r in rows)
        return {r["user"]: r for r in rows}

    assert "k-mori" not in subjects(on=before)
    assert subjects(on=between)["k-mori"]["devices"] == [{"id": lost.id, "class": "private", "label": "紛失"}]
    assert [d["id"] for d in subjects(on=between)["t-yamada"]["devices"]] == [device.id, lost.id]
    assert subjects()["k-mori"]["devices"] == []
    assert [d["id"] for d in subjects()["t-yamada"]["devices"]] == [device.id]
    assert subjects()["k-mori"]["groups"] is None and subjects()["k-mori"]["observed"] is None
    assert subjects(on=1) == {}


def test_explain_for_a_device_and_an_instant(world, device):
    apply(world, {MINE: "allow files until 2037-03-31\nhours daily 00:00-24:00\n"})
    asked = {"user": "t-yamada", "groups": ["soumu"], "proto": "tcp", "port": "80", "address": FILES[0]}
    _, end = ask(world, "acl-explain", device=device.id, **asked)
    assert end["end"]["allowed"] and end["end"]["class"] == "ministry" and end["end"]["session"]["bar"] is None
    assert end["end"]["device"] == {"id": device.id, "status": "active", "permitted": True, "valid": True}
    assert end["end"]["rules"][0]["until"].startswith("2037-04-01T00:00:00")
    _, end = ask(world, "acl-explain", at=2140000000 * 1000000, **asked)
    assert not end["end"]["allowed"] and end["end"]["device"] is None
    apply(world, {MINE: "valid from 2030-01-01\n"})
    _, end = ask(world, "acl-explain", **asked)
    assert end["end"]["session"]["bar"] == "not-yet" and end["end"]["session"]["file"] == MINE
    assert end["end"]["session"]["opens"].startswith("2030-01-01T00:00:00")
    for wrong in ({"device": "d99"}, {"device": device.id, "class": "private"}, {"groups": "soumu"}, {"at": "now"}):
        assert "error" in ask(world, "acl-explain", **{**asked, **wrong})[1]


# --- refused ---------------------------------------------------------------------------------------------------------------


def test_the_record_of_a_refusal_has_the_first_mistakes(world):
    before = in_force(world)
    world.write_acl({MINE: "".join(f"allow nosuch{i}\n" for i in range(50))})
    assert world.sekisho("acl", "apply", "--yes", check=False).returncode == 1
    event = world.wait_log("audit", "acl-rejected", event__reason="mistakes")
    acl = event["sekisho"]["acl"]
    assert acl["mistakes_total"] == 50 and len(acl["mistakes"]) == 20
    assert acl["mistakes"][0].startswith(f"{MINE}:1:7: ") and "nosuch0" in acl["mistakes"][0]
    assert event["error"]["message"] == acl["mistakes"][0]
    assert in_force(world) == before


def test_only_what_was_looked_at_is_applied(world):
    world.write_acl({MINE: "allow files\n"})
    before = in_force(world)
    _, answer = ask(world, "acl-apply", sha256=history(world)[0]["sha256"])
    assert answer["code"] == "conflict" and "acl diff" in answer["hint"]
    assert in_force(world) == before
    world.wait_log("audit", "acl-rejected", event__reason="conflict")
    world.write_acl({MINE: None})
    world.sekisho("acl", "apply", "--yes")
    _, answer = ask(world, "acl-apply", sha256=history(world)[0]["sha256"])
    assert answer["end"]["unchanged"]


def test_two_administrators_at_once(world):
    """Whoever comes later gets what lies there then: no generation is lost, doubled or mixed."""
    before = in_force(world)
    command = [f"{BUILD}/sekisho", "acl", "apply", "--yes", "--json"]
    as_admin = ["setpriv", f"--reuid={ADMIN}", "--regid=nogroup", "--init-groups"]
    answers = []
    for i in range(10):
        world.write_acl({MINE: f"allow files # {i}\n"})
        running = [world.gw.popen(*(as_admin if n % 2 else []), *command, stdout=subprocess.PIPE, text=True) for n in range(4)]
        answers += [json.loads(p.communicate(timeout=20)[0]) for p in running]
    rows = [r for r in history(world) if r["generation"] > before]
    assert [r["generation"] for r in rows] == list(range(before + 10, before, -1))
    assert sorted(a["generation"] for a in answers if not a["unchanged"]) == list(range(before + 1, before + 11))
    for i, row in enumerate(reversed(rows)):
        assert archived(row["generation"])[MINE] == f"allow files # {i}\n"
    events = [e["sekisho"]["acl"] for e in world.logs("audit", "acl-applied") if e["sekisho"]["acl"]["generation"] > before]
    assert [e["previous_generation"] for e in events] == [e["generation"] - 1 for e in events]


def test_a_full_disk_refuses_and_changes_nothing(world, device, session):
    before = in_force(world)
    rows = history(world)
    world.write_acl({MINE: "allow files\n", "groups/kikaku.acl": "allow files\n" + "# much to say\n" * 5000})
    with open("/var/lib/sekisho/filler", "wb", buffering=0) as f:
        size = 1 << 16
        while size:
            try:
                f.write(b"\0" * size)
            except OSError:
                size //= 2
    try:
        done = world.sekisho("acl", "apply", "--yes", check=False)
        assert done.returncode == 1 and "No space left" in done.stderr and "/var/lib/sekisho" in done.stderr, done.stderr
        assert world.phone.tcp(FILES[0], 80).result in CLOSED
        assert world.phone.tcp(INTRANET[0], 80).result == "open"
        world.wait_log("audit", "acl-rejected", event__reason="not-archived")
    finally:
        os.unlink("/var/lib/sekisho/filler")
    assert in_force(world) == before and history(world) == rows
    assert sorted(os.listdir(ARCHIVE)) == [f"{r['generation']:06}" for r in reversed(rows)]
    world.sekisho("acl", "apply", "--yes")
    assert world.phone.tcp(FILES[0], 80).result == "open"


# --- restarts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "stop"])
@pytest.mark.parametrize("edit", ["allow files\n", "allow no such thing\n", None], ids=["wider", "broken", "a file less"])
def test_a_start_changes_nothing(world, device, session, number, edit):
    apply(world, {MINE: "deny tcp 22 10.20.0.10\n"})
    before = status(world)["acl"]
    assert before["differing"] == 0 and status(world)["notices"] == []
    world.write_acl({MINE: edit})
    restart(world, number)
    after = status(world)
    assert {**after["acl"], "differing": 0} == before
    assert after["acl"]["differing"] == 1 and not any("acl" in problem for problem in after["problems"])
    assert "1 file in /etc/sekisho/acl differs" in after["notices"][0] and "acl apply" in after["notices"][0]
    assert "differs from what is in force" in world.sekisho("status").stdout
    assert world.phone.tcp(FILES[0], 80).result in CLOSED
    assert world.phone.tcp(INTRANET[0], 80).result == "open"
    assert history(world)[0]["generation"] == before["generation"]


def test_files_that_differ_are_counted_again_and_again(world):
    assert status(world)["acl"]["differing"] == 0
    world.write_acl({MINE: "allow files\n", "groups/kikaku.acl": "deny files\n"})
    assert status(world)["acl"]["differing"] == 2
    assert "2 files in" in status(world)["notices"][0]
    world.sekisho("acl", "apply", "--yes")
    assert status(world)["acl"]["differing"] == 0
    os.unlink("/etc/sekisho/acl/groups/kikaku.acl")
    assert status(world)["acl"]["differing"] == 1


def test_other_networks_are_a_generation_of_their_own(world):
    before = history(world)[0]
    world.configure(internal_networks="10.20.0.0/16 2001:db8:20::/48 10.99.0.0/16")
    restart(world)
    row = history(world)[0]
    assert row["generation"] == before["generation"] + 1 and row["sha256"] == before["sha256"] and row["who"] == "start"
    assert "10.99.0.0/16" in row["internal"] and row["changes"] == ["/etc/sekisho/sekisho.conf names other networks"]
    restart(world)
    assert history(world)[0] == row
    world.configure(internal_networks="10.20.0.0/16 2001:db8:20::/48")
    assert world.sekisho("reload", "--json")["generation"] == row["generation"] + 1
    assert history(world)[0]["internal"] == before["internal"]


def test_another_time_zone_is_a_generation_of_its_own(world):
    before = history(world)[0]
    world.configure(time_zone="Asia/Tokyo")
    end = world.sekisho("reload", "--json")
    row = history(world)[0]
    assert not end["unchanged"] and row["generation"] == before["generation"] + 1 and row["sha256"] == before["sha256"]
    assert row["time_zone"] == "Asia/Tokyo" and row["changes"] == ["/etc/sekisho/sekisho.conf names another time zone"]
    world.configure(time_zone=None)
    assert not world.sekisho("reload", "--json")["unchanged"]
    assert history(world)[0]["time_zone"] == ""


def spoil(path):
    with open(path, "a", encoding="utf-8") as f:
        f.write("allow files\n")


@pytest.mark.parametrize("harm", [
    lambda folder: spoil(f"{folder}/groups/soumu.acl"), lambda folder: os.unlink(f"{folder}/groups/kikaku.acl"),
    lambda folder: put(f"{folder}/users/late.acl"), lambda folder: put(f"{folder}/groups/soumu.acl", "alow\n"),
    shutil.rmtree,
], ids=["a line more", "a file less", "a file more", "nonsense", "missing"])
def test_a_spoilt_archive_keeps_the_gateway_shut(world, device, harm):
    """It fails closed and names the way out, which leads to the files that lie there, under a new number."""
    end = apply(world, {MINE: "deny tcp 22 10.20.0.10\n"})
    world.kill("gateway", signal.SIGTERM)
    folder = f"{ARCHIVE}/{end['generation']:06}"
    harm(folder)
    before = len(world.output("gateway"))
    process = world.spawn_gateway()
    assert process.wait(20) == 1
    said = world.output("gateway")[before:]
    assert folder in said and "--adopt-acl" in said and "backup" in said, said
    del world.processes["gateway"]
    assert not world.notified("READY=1")
    world.write_acl({MINE: "allow files\n"})
    done = world.gw.run(f"{BUILD}/sekisho-gateway", "--adopt-acl", capture_output=True, check=False)
    assert done.returncode == 0 and str(end["generation"] + 1) in done.stderr, done.stderr
    world.start_gateway()
    row = history(world)[0]
    assert row["generation"] == end["generation"] + 1 and row["in_force"] and (row["who"], row["uid"]) == ("root", 0)
    assert archived(row["generation"])[MINE] == "allow files\n"
    world.wait_log("audit", "acl-applied", sekisho__acl__generation=row["generation"])
    assert sum(e["sekisho"]["acl"]["generation"] == row["generation"] for e in world.logs("audit", "acl-applied")) == 1


def put(path, text="allow files\n"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def test_adopting_is_for_a_stopped_gateway_and_good_files(world):
    before = in_force(world)
    done = world.gw.run(f"{BUILD}/sekisho-gateway", "--adopt-acl", capture_output=True, check=False)
    assert done.returncode == 1 and "stop the other gateway" in done.stderr
    world.kill("gateway", signal.SIGTERM)
    world.write_acl({MINE: "alow files\n"})
    done = world.gw.run(f"{BUILD}/sekisho-gateway", "--adopt-acl", capture_output=True, check=False)
    assert done.returncode == 1 and f"{MINE}:1:1" in done.stderr
    world.start_gateway()
    assert in_force(world) == before


def test_a_ledger_without_its_archive_gives_no_number_twice(world):
    """A ledger restored from a backup meets newer folders: they stay as they are."""
    os.makedirs(f"{ARCHIVE}/{in_force(world) + 1:06}")
    number = in_force(world)
    assert apply(world, {MINE: "allow files\n"})["generation"] == number + 2
    assert os.listdir(f"{ARCHIVE}/{number + 1:06}") == []
    os.rmdir(f"{ARCHIVE}/{number + 1:06}")


def test_the_page_and_the_sessions_do_not_mind(world, device, session):
    flow = world.phone.open_flow(INTRANET[0]).goes_on()
    apply(world, {MINE: "allow files\n"})
    flow.goes_on(20)
    restart(world)
    flow.goes_on(20)
    flow.stop()
    wait_until(lambda: world.phone.tcp(FILES[0], 80).result == "open", what="files are open")
