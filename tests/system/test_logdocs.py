# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make docs` writes: up to date, readable by man(1), and a JSON Schema that says what logcheck.py says."""
import json
import os
import subprocess
import sys

import jsonschema
import pytest

from logcheck import SCHEMA, check_event
from test_logcheck import EXAMPLES, ROOT, WRONG, example, file_of, wanted, without

sys.path.insert(0, f"{ROOT}/docs")
import logdocs  # noqa: E402

PAGE = f"{ROOT}/docs/sekisho-log.5"
with open(f"{ROOT}/share/log-events.schema.json", encoding="utf-8") as f:
    STANDARD = jsonschema.Draft202012Validator(json.load(f))
# What only logcheck.py knows: fields that must agree, and the order in which a line begins.
BEYOND = {"is not in related.ip", "related.user", "gives away", "before event.start", "does not begin", "is no address"}


def test_what_is_written_is_what_the_schema_says(capsys):
    assert logdocs.main(["--check"]) == 0, capsys.readouterr().out


def test_a_change_of_the_schema_is_noticed(tmp_path, monkeypatch, capsys):
    schema = json.loads(logdocs.read(logdocs.SCHEMA))
    schema["actions"]["alert"]["meaning"] += " Really."
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    monkeypatch.setattr(logdocs, "SCHEMA", str(tmp_path / "schema.json"))
    assert logdocs.main(["--check"]) == 1
    assert capsys.readouterr().out.startswith("docs/sekisho-log.5, docs/log-events.md, share/log-events.schema.json:")


def test_manual_page_is_clean():
    """As its readers' programs see it: groff through man(1), and mandoc(1) with its own rules."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    done = subprocess.run(["man", "-l", "--warnings", PAGE], capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    missing = [name for name in (*SCHEMA["actions"], *SCHEMA["fields"]) if not any(name in line for line in lines)]
    assert missing == []
    # Pages that are not installed here are none of its mistakes.
    lint = subprocess.run(["mandoc", "-T", "lint", PAGE], capture_output=True, text=True).stdout.splitlines()
    assert [line for line in lint if PAGE in line and "referenced manual not found" not in line] == []


def test_examples_on_the_manual_page_are_whole():
    rendered = subprocess.run(["man", "-l", PAGE], capture_output=True, text=True, check=True,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "200"}).stdout
    text = "".join(line.strip() for line in rendered.splitlines())
    missing = [a for a, rule in SCHEMA["actions"].items() if logdocs.compact(rule["examples"][0]) not in text]
    assert missing == []


def test_json_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(STANDARD.schema)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: e["event"]["action"])
def test_json_schema_accepts_the_examples(event):
    assert [e.message for e in STANDARD.iter_errors(event)] == []


@pytest.mark.parametrize("action", SCHEMA["actions"])
def test_json_schema_misses_each_field(action):
    for path in wanted(action):
        event = example(action)
        without(event, path)
        assert not STANDARD.is_valid(event), path


@pytest.mark.parametrize("event, word", [w for w in WRONG if not any(b in w[1] for b in BEYOND)])
def test_json_schema_finds_what_is_wrong(event, word):
    assert not STANDARD.is_valid(event)


def test_json_schema_lets_a_cut_line_miss_what_it_names():
    event = example("session-ended")
    del event["user"], event["related"]["user"]
    assert not STANDARD.is_valid(event)
    event["sekisho"]["dropped"] = ["user.name", "related.user"]
    assert STANDARD.is_valid(event) and check_event(event, file_of(event)) == []
