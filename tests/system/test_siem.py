# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/siem.md: maps each event once, with numbers that agree, names only fields there are, and its jq program writes good CEF."""
import json
import re
import socket
import subprocess

import pytest

from logcheck import SCHEMA, flatten
from netns import SLOWER
from test_logcheck import EXAMPLES, ROOT

with open(f"{ROOT}/docs/siem.md", encoding="utf-8") as f:
    DOCUMENT = f.read()
STATUS = {"unknown": "0 Unknown", "success": "1 Success", "failure": "2 Failure"}
# https://schema.ocsf.io/1.8.0: activities of the classes in use; each class has 99, Other, as well.
CLASSES = {
    "1008 Event Log Activity": {6: "Start", 7: "Stop"},
    "2004 Detection Finding": {1: "Create"},
    "3001 Account Change": {2: "Enable", 3: "Password Change", 5: "Disable"},
    "3002 Authentication": {1: "Logon", 2: "Logoff"},
    "3003 Authorize Session": {1: "Assign Privileges"},
    "3004 Entity Management": {3: "Update", 6: "Enroll", 7: "Unenroll", 9: "Disable", 12: "Suspend", 13: "Resume"},
    "4001 Network Activity": {1: "Open", 2: "Close", 5: "Refuse", 6: "Traffic"},
    "4014 Tunnel Activity": {1: "Open", 2: "Close"},
    "5019 Device Config State Change": {1: "Log"},
    "6002 Application Lifecycle": {3: "Start", 4: "Stop"},
}


def table(heading):
    section = DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [[c.strip() for c in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")]


def test_every_event_is_mapped_once():
    rows = table("Events")
    assert [r[0].strip("`") for r in rows] == list(SCHEMA["actions"])
    for action, ocsf, activity, type_uid, status, severity in rows:
        number, name = activity.split(" ", 1)
        assert ({**CLASSES[ocsf], 99: "Other"})[int(number)] == name, action
        assert int(type_uid) == int(ocsf.split()[0]) * 100 + int(number), action
        assert status == STATUS[SCHEMA["actions"][action.strip("`")]["outcome"]], action
        assert 0 <= int(severity) <= 10, action


def test_only_fields_there_are():
    fields = [r[0].strip("`") for r in table("Fields")]
    assert len(set(fields)) == len(fields) and set(fields) <= set(SCHEMA["fields"])


def to_cef(*events):
    program = DOCUMENT.split("```jq\n")[1].split("```")[0]
    done = subprocess.run(["jq", "-r", program], input="\n".join(map(json.dumps, events)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def read_cef(line):
    """(header fields, extension) by the rules of CEF: | is escaped in the header, = in values."""
    parts = re.split(r"(?<!\\)((?:\\\\)*)\|", line, maxsplit=7)
    header = ["".join(parts[i:i + 2]) if i + 1 < len(parts) else parts[i] for i in range(0, len(parts), 2)]
    pairs = re.findall(r"(\w+)=((?:[^\\=]|\\.)*)(?= \w+=|$)", header[7])
    return header[:7], {k: v.replace("\\=", "=").replace("\\\\", "\\") for k, v in pairs}


def test_jq_program_maps_as_the_table_says():
    severity = {r[0].strip("`"): r[5] for r in table("Events")}
    cef = {r[0].strip("`"): r[2].strip("`") for r in table("Fields") if r[2]}
    for event, line in zip(EXAMPLES, to_cef(*EXAMPLES), strict=True):
        header, extension = read_cef(line)
        assert header[:3] == ["CEF:0", "Sekisho", "sekisho-gateway"] and header[4] == event["event"]["action"]
        assert header[6] == severity[event["event"]["action"]]
        flat = flatten(event)
        for field, key in cef.items():
            if field in flat and key in extension:
                assert extension[key] == str(flat[field]), field
        assert extension["externalId"] == str(flat["event.sequence"]) and extension["rt"] == flat["@timestamp"]
        assert ("suser" in extension) == ("user.name" in flat) and ("src" in extension) == ("source.ip" in flat)


@pytest.mark.parametrize("text", ["a=b", "a\\b", "x|y", "two\nlines", "src=10.0.0.1 dst=10.0.0.2", "\\"])
def test_no_text_can_add_a_field(text):
    event = next(e for e in EXAMPLES if e["event"]["action"] == "acl-rejected")
    event = {**event, "error": {"message": text}}
    line, = to_cef(event)
    _, extension = read_cef(line)
    assert extension["msg"] == text.replace("\n", " ") and "dst" not in extension


def test_rsyslog_sends_each_line_as_it_is(tmp_path):
    """The example, with other paths and a receiver here: what arrives is what stands in the file, also after a rotation."""
    config = DOCUMENT.split("\n```\nmodule(load")[1].split("```")[0]
    log, lines = tmp_path / "auth.jsonl", [json.dumps(e, ensure_ascii=False, separators=(",", ":")) for e in EXAMPLES]
    log.write_text("".join(f"{line}\n" for line in lines[:-2]))
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(30 * SLOWER)
        port = receiver.getsockname()[1]
        text = f"module(load{config}".replace("/var/log/sekisho", str(tmp_path)).replace("siem.example.jp", "127.0.0.1")
        (tmp_path / "rsyslog.conf").write_text(f'global(workDirectory="{tmp_path}")\n' + text.replace('"6514"', f'"{port}"'))
        daemon = subprocess.Popen(["rsyslogd", "-n", "-f", tmp_path / "rsyslog.conf", "-i", tmp_path / "pid"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            connection, _ = receiver.accept()
            with connection, connection.makefile(encoding="utf-8", newline="\n") as arrived:
                connection.settimeout(30 * SLOWER)
                assert [next(arrived).rstrip("\n") for _ in lines[:-2]] == lines[:-2]
                log.rename(tmp_path / "auth.jsonl-20261123")
                log.write_text("".join(f"{line}\n" for line in lines[-2:]))
                assert [next(arrived).rstrip("\n") for _ in lines[-2:]] == lines[-2:]
        finally:
            daemon.kill()
            daemon.wait()
