# SPDX-License-Identifier: GPL-3.0-or-later
"""log-schema.json fits the program and the documents made from it, and logcheck.py finds what is wrong."""
import collections
import copy
import gzip
import json
import os
import re

import pytest

import logcheck
import logseen
from logcheck import SCHEMA, check_event, check_file, check_folder, flatten

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = [e for rule in SCHEMA["actions"].values() for e in rule["examples"]]


def example(action):
    return copy.deepcopy(SCHEMA["actions"][action]["examples"][0])


def file_of(event):
    return event["event"]["dataset"].removeprefix("sekisho.")


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: e["event"]["action"])
def test_examples_are_good(event):
    assert check_event(event, file_of(event)) == []


def test_every_action_is_described():
    for action, rule in SCHEMA["actions"].items():
        assert rule["meaning"].endswith(".") and rule["ja"], action
        assert [e["event"]["action"] for e in rule["examples"]] == [action] * len(rule["examples"]) != []
        assert all(rule.get("reasons", {"-": "-"}).values()), action
        assert set(rule.get("when", {})) <= set(rule.get("reasons", {})), action


def test_program_has_every_action():
    with open(f"{ROOT}/gateway/event.c", encoding="utf-8") as f:
        table = f.read().split("actions[] = {")[1].split("\n};")[0]
    assert set(re.findall(r'^\t\{"([a-z-]+)", "', table, re.M)) >= set(SCHEMA["actions"])


def test_schema_names_only_fields_it_has():
    used = set(SCHEMA["every"]["required"] + SCHEMA["every"]["optional"]).union(*SCHEMA["parts"].values())
    for rule in SCHEMA["actions"].values():
        used |= set(rule.get("required", [])) | set(rule.get("optional", []))
        used |= {field for w in rule.get("when", {}).values() for field in w.get("required", [])}
    assert used == set(SCHEMA["fields"])
    assert {field["type"] for field in SCHEMA["fields"].values()} == set(SCHEMA["types"])


def without(event, path):
    *outer, last = path.split(".")
    for name in outer:
        event = event[name]
    del event[last]


def wanted(action):
    """Fields that the example of this action must have."""
    rule, reason = SCHEMA["actions"][action], example(action)["event"].get("reason")
    every = set(SCHEMA["every"]["required"]) | logcheck._paths(rule) | logcheck._paths(rule.get("when", {}).get(reason, {}))
    return every - logcheck._MAY_LACK


@pytest.mark.parametrize("action", SCHEMA["actions"])
def test_each_missing_field_is_found(action):
    file = file_of(example(action))
    for path in wanted(action):
        event = example(action)
        without(event, path)
        assert check_event(event, file), path


def changed(action, **values):
    event = example(action)
    for path, value in values.items():
        *outer, last = path.split("__")
        at = event
        for name in outer:
            at = at.setdefault(name, {})
        at[last] = value
    return event


WRONG = [
    (changed("session-ended", event__reason="boredom"), "boredom"),
    (changed("gateway-stopped", event__reason="boredom"), "boredom"),
    (changed("login-failed", event__outcome="success"), "event.outcome"),
    (changed("alert", event__kind="event"), "event.kind"),
    (changed("device-online", event__type=["connection"]), "event.type"),
    (changed("device-online", event__dataset="sekisho.audit"), "belongs into auth"),
    (changed("device-online", sekisho__secret="x"), "sekisho.secret is not documented"),
    (changed("device-online", sekisho__note="x"), "sekisho.note is not documented for this action"),
    (changed("device-online", source__ip="10.064.0.8"), "source.ip is no address"),
    (changed("device-online", source__ip="10.64.0.99"), "source.ip is not in related.ip"),
    (changed("device-online", sekisho__endpoint__port=65536), "is no port"),
    (changed("device-online", sekisho__device__label="a\nb"), "is no text"),
    (changed("device-online", sekisho__device__label="x" * 1024), "is no text"),
    (changed("device-online", sekisho__device__class="stolen"), "sekisho.device.class is none of"),
    (changed("device-online", related__ip=["10.64.0.8", "10.64.0.8", "203.0.113.5"]), "is no addresses"),
    (changed("device-online", user__name="t-yamada"), "related.user"),
    (changed("login-started", user__name="hunter2"), "gives away"),
    (changed("session-ended", source__bytes=-1), "is no number"),
    (changed("session-ended", event__duration=True), "is no number"),
    (changed("session-opened", sekisho__session__expires="2026-11-23T22:05:03Z"), "is no time"),
    (changed("session-ended", event__end="2026-11-23T09:00:00.000000+09:00"), "before event.start"),
    (changed("connection-closed", network__community_id="1:x"), "is no community"),
    (changed("device-added", event__action="device-beamed-up"), "not documented"),
    ({"event": example("alert")["event"]}, "does not begin"),
    ([], "is no event"),
]


@pytest.mark.parametrize("event, word", WRONG)
def test_wrong_events_are_found(event, word):
    file = file_of(event) if isinstance(event, dict) else None
    assert any(word in p for p in check_event(event, file)), check_event(event, file)


def numbered(first, count):
    for number in range(first, first + count):
        event = example("gateway-stopped")
        event["event"]["sequence"] = number
        yield json.dumps(event) + "\n"


def test_file(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_text("".join(numbered(5, 3)))
    assert check_file(str(path)) == []
    path.write_text("".join([*numbered(5, 3), *numbered(9, 1), *numbered(9, 1)]))
    assert [p.split(": ")[1] for p in check_file(str(path))] == ["event.sequence 9 follows 7", "event.sequence 9 follows 9"]
    for bad, word in (('{"half', "torn"), ("no json\n", "Expecting"), ('{"a":1,"a":2}\n', "twice"), ("x" * 16384 + "\n", "longer"), ("\n", "Expecting"),
                      ("[]\n", "is no event")):
        path.write_text("".join(numbered(5, 3)) + bad)
        found = check_file(str(path))
        assert found and found[0].startswith(f"{path}:4: ") and word in found[0], (bad, found)
    path.write_bytes(b"\xff\n")
    assert "utf-8" in check_file(str(path))[0]


def empty_folder(tmp_path):
    for file in ("auth", "access"):
        event = example("log-opened")
        event["event"].update(dataset=f"sekisho.{file}", sequence=1)
        (tmp_path / f"{file}.jsonl").write_text(json.dumps(event) + "\n")
    (tmp_path / "filler").write_text("not a log")
    (tmp_path / ".lock").write_text("")


def test_folder_with_rotated_files(tmp_path, capsys):
    empty_folder(tmp_path)
    assert check_folder(str(tmp_path)) == [f"{tmp_path}/audit.jsonl: is missing"]
    (tmp_path / "audit.jsonl-20261121.gz").write_bytes(gzip.compress("".join(numbered(1, 4)).encode()))
    (tmp_path / "audit.jsonl-20261122").write_text("".join(numbered(5, 4)))
    (tmp_path / "audit.jsonl").write_text("".join(numbered(9, 2)))
    assert check_folder(str(tmp_path)) == []
    assert logcheck.main([str(tmp_path)]) == 0
    (tmp_path / "audit.jsonl-20261122").unlink()
    assert check_folder(str(tmp_path)) == [f"{tmp_path}/audit.jsonl:1: event.sequence 9 follows 4"]
    capsys.readouterr()
    assert logcheck.main([str(tmp_path)]) == 1
    assert "follows 4" in capsys.readouterr().out
    assert logcheck.main([str(tmp_path / "missing.jsonl")]) == 2
    assert logcheck.main([]) == 2


def test_what_a_closed_world_left_is_checked_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(logseen, "LOGS", str(tmp_path))
    monkeypatch.setattr(logseen, "SEEN", collections.Counter())
    assert logseen.check() == []
    empty_folder(tmp_path)
    (tmp_path / "audit.jsonl").write_text("".join(numbered(1, 2)) + '{"half')
    assert logseen.check() == []
    assert logseen.SEEN == {("gateway-stopped", None): 2, ("log-opened", "start"): 2}
    actions, reasons = logseen.never_seen(logseen.SEEN)
    assert "alert" in actions and not {"gateway-stopped", "log-opened"} & set(actions) and reasons == ["log-opened rotation"]
    (tmp_path / "audit.jsonl").write_text("".join([*numbered(1, 2), *numbered(4, 1)]))
    assert "event.sequence 4 follows 2" in logseen.check()[0]


def test_flatten():
    assert flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": {}}) == {"a.b": 1, "a.c.d": [2]}
