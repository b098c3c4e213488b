#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks log files against what docs/log-events.md promises: every line whole, numbered without gaps, with the fields of its action.

    logcheck.py FOLDER          auth, access and audit.jsonl with their rotated files, numbers going on from one to the next
    logcheck.py FILE...         each file by itself

Prints one problem a line, FILE:LINE: what. Exit 0 without any, 1 with, 2 when something cannot be read.
"""
import gzip
import ipaddress
import json
import os
import re
import sys

LINE_MAX = 16384
FILES = ("auth", "access", "audit")

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(_ROOT, "share/log-schema.json"), encoding="utf-8") as _f:
    SCHEMA = json.load(_f)


def _is_address(value):
    try:
        return str(ipaddress.ip_address(value)) == value
    except ValueError:
        return False


def _is_utf8_below(limit):
    return lambda value: len(value.encode()) <= limit


# What JSON Schema has no words for.
_BESIDE = {"address": _is_address, "text": _is_utf8_below(1023)}
_PYTHON = {"string": str, "integer": int, "boolean": bool}


def _single(name, spec):
    """Judges one value by the few words of JSON Schema that the types are described with."""
    kind, pattern, beside = _PYTHON[spec["type"]], re.compile(spec.get("pattern", "")), _BESIDE.get(name)

    def judge(value):
        if type(value) is not kind:
            return False
        if kind is int:
            return spec["minimum"] <= value <= spec["maximum"]
        if kind is str:
            return len(value) >= spec.get("minLength", 0) and pattern.search(value) is not None and not value.endswith("\n") \
                and (beside is None or beside(value))
        return True
    return judge


def _each(judge):
    return lambda value: isinstance(value, list) and value != [] and all(map(judge, value)) and len(set(value)) == len(value)


TYPES = {name: _single(name, t["json"]) for name, t in SCHEMA["types"].items() if "json" in t}
TYPES |= {name: _each(TYPES[t["each"]]) for name, t in SCHEMA["types"].items() if "each" in t}


def flatten(value, path=""):
    """{"a": {"b": 1}} -> {"a.b": 1}"""
    if not isinstance(value, dict):
        return {path: value}
    flat = {}
    for name, inner in value.items():
        flat.update(flatten(inner, f"{path}.{name}" if path else name))
    return flat


def _unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice in one object")
    return dict(pairs)


# Parts name these as well, but not everything has them.
_MAY_LACK = {path for path, field in SCHEMA["fields"].items() if field.get("may_lack")}


def _paths(rule, parts="parts", fields="required"):
    return set(rule.get(fields, [])).union(*(SCHEMA["parts"][p] for p in rule.get(parts, [])))


def _check_rule(flat, rule, file):
    every, reason = SCHEMA["every"], flat.get("event.reason")
    if file is not None:
        if file not in rule["files"]:
            yield f"belongs into {', '.join(rule['files'])}.jsonl"
        if flat.get("event.dataset") != f"sekisho.{file}":
            yield f"event.dataset is not sekisho.{file}"
    for name in ("kind", "category", "type", "outcome"):
        if flat.get(f"event.{name}") != rule[name]:
            yield f"event.{name} is {flat.get(f'event.{name}')!r}, not {rule[name]!r}"
    if reason is None:
        if rule.get("reason_required"):
            yield "event.reason is missing"
    elif reason not in rule.get("reasons", []):
        yield f"event.reason {reason!r} is none of {list(rule.get('reasons', []))}"
    dropped = set(flat.get("sekisho.dropped", []))
    wanted = set(every["required"]) | _paths(rule) | _paths(rule.get("when", {}).get(reason, {}))
    for path in sorted(wanted - _MAY_LACK - flat.keys() - dropped):
        yield f"{path} is missing"
    known = wanted | set(every["optional"]) | set(rule.get("optional", [])) | _paths(rule, "optional_parts", "")
    for path in sorted(flat.keys() - known):
        yield f"{path} is not documented for this action"
    for part in rule.get("optional_parts", []):
        # Of the optional parts none is torn apart; what another part has as well (an address) says nothing about this one.
        own = set(SCHEMA["parts"][part]) - wanted - set(every["optional"]) - _MAY_LACK
        if own & flat.keys() and own - flat.keys() - dropped:
            yield f"{', '.join(sorted(own - flat.keys()))} is missing beside {', '.join(sorted(own & flat.keys()))}"


def _check_relations(flat):
    """What fields must say together."""
    if flat.get("network.transport") in ("tcp", "udp", "sctp"):
        for path in ("source.port", "destination.port", "network.community_id"):
            if path not in flat:
                yield f"{path} is missing"
    for path in ("source.ip", "destination.ip", "sekisho.endpoint.ip", "sekisho.previous_endpoint.ip"):
        if path in flat and flat[path] not in flat.get("related.ip", []):
            yield f"{path} is not in related.ip"
    if "user.name" in flat and flat["user.name"] not in flat.get("related.user", []):
        yield "user.name is not in related.user"
    if "user.name" in flat and "user.hash" in flat:
        yield "user.name beside user.hash gives away what the hash is to hide"
    if "event.start" in flat and "event.end" in flat and flat["event.end"] < flat["event.start"] \
            and flat["event.end"][-6:] == flat["event.start"][-6:]:
        yield "event.end is before event.start"


def check_event(event, file=None):
    """The problems of one parsed line; `file` is "auth", "access" or "audit" if it is to be checked as well."""
    if not isinstance(event, dict) or not isinstance(event.get("event"), dict):
        return ["is no event"]
    flat = flatten(event)
    problems = []
    if next(iter(event)) != "@timestamp" or next(iter(event["event"])) != "sequence":
        problems.append("does not begin with @timestamp and event.sequence")
    action = flat.get("event.action")
    rule = SCHEMA["actions"].get(action)
    if rule is None:
        return problems + [f"event.action {action!r} is not documented"]
    for path, value in flat.items():
        field = SCHEMA["fields"].get(path)
        if field is None:
            problems.append(f"{path} is not documented")
        elif not TYPES[field["type"]](value):
            problems.append(f"{path} is no {field['type']}: {value!r}")
        elif value not in field.get("values", [value]):
            problems.append(f"{path} is none of {field['values']}: {value!r}")
    problems += [f"{action}: {p}" for p in (*_check_rule(flat, rule, file), *_check_relations(flat))]
    return problems


def _lines(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        yield from f


def _numbered_problems(path, file=None, last=None, seen=None):
    """(problems, number of the last line); what happened is counted in `seen`."""
    problems = []
    for number, line in enumerate(_lines(path), 1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("the line is torn")
            if len(line) > LINE_MAX:
                raise ValueError(f"the line is longer than {LINE_MAX} bytes")
            event = json.loads(line.decode("utf-8"), object_pairs_hook=_unique)
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}")
            continue
        problems += [f"{path}:{number}: {p}" for p in check_event(event, file)]
        inner = event.get("event") if isinstance(event, dict) else None
        inner = inner if isinstance(inner, dict) else {}
        sequence = inner.get("sequence")
        if seen is not None:
            seen[inner.get("action"), inner.get("reason")] += 1
        if not TYPES["number"](sequence) or sequence == 0:
            problems.append(f"{path}:{number}: event.sequence is no number from 1")
            continue
        if last is not None and sequence != last + 1:
            problems.append(f"{path}:{number}: event.sequence {sequence} follows {last}")
        last = sequence
    return problems, last


def check_file(path):
    """The problems of one file, as sentences with file and line; [] when all is well."""
    file = os.path.basename(path).split(".")[0]
    return _numbered_problems(path, file if file in FILES else None)[0]


def _first_sequence(path):
    try:
        return json.loads(next(_lines(path)))["event"]["sequence"]
    except (StopIteration, ValueError, KeyError, TypeError):
        return 0


def check_folder(folder, seen=None):
    """The problems of a gateway's three files with their rotated ones, in the order of their numbers. `seen`, a Counter, gets
    each (action, reason)."""
    problems = []
    for file in FILES:
        names = [n for n in os.listdir(folder) if re.fullmatch(rf"{file}\.jsonl([.-].*)?", n)]
        paths = sorted((os.path.join(folder, n) for n in names), key=_first_sequence)
        last = None
        if not paths:
            problems.append(f"{folder}/{file}.jsonl: is missing")
        for path in paths:
            found, last = _numbered_problems(path, file, last, seen)
            problems += found
    return problems


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write(__doc__)
        return 2
    problems = []
    try:
        for path in arguments:
            problems += check_folder(path) if os.path.isdir(path) else check_file(path)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
