#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what share/log-schema.json says about the log events for its readers (`make docs`; tests compare):

    docs/sekisho-log.5              the manual page, its text from docs/sekisho-log.5.in
    docs/log-events.md              the part between its two marks
    share/log-events.schema.json    JSON Schema, draft 2020-12

Without an argument all are written; with --check it is told which of them are not what the schema says (exit 1).
"""
import json
import os
import re
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCHEMA, MAN, PAGE, STANDARD = (f"{ROOT}/{n}" for n in ("share/log-schema.json", "docs/sekisho-log.5", "docs/log-events.md",
                                                      "share/log-events.schema.json"))
MARKS = ("<!-- What follows is written by `make docs` from share/log-schema.json: change it there. -->\n",
         "<!-- End of what `make docs` writes. -->\n")
FILES = {"auth": "auth.jsonl", "access": "access.jsonl", "audit": "audit.jsonl", "each": "Each file: about itself"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def file_of(rule):
    return rule["files"][0] if len(rule["files"]) == 1 else "each"


def sections(schema):
    """(heading, {action: rule}) for each file."""
    for file, heading in FILES.items():
        yield heading, {a: r for a, r in schema["actions"].items() if file_of(r) == file}


def compact(event):
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


# --- Markdown ------------------------------------------------------------------------------------------------------------

def markdown_event(action, rule):
    yield f"### {action}\n\n"
    yield " ".join(filter(None, [rule["meaning"], rule.get("more")])) + "\n\n"
    yield "| | |\n|---|---|\n"
    for name, key in (("parts", "parts"), ("parts if known", "optional_parts")):
        if rule.get(key):
            yield f"| {name} | {', '.join(rule[key])} |\n"
    for name, key in (("fields", "required"), ("fields if known", "optional")):
        if rule.get(key):
            yield f"| {name} | {', '.join(f'`{f}`' for f in rule[key])} |\n"
    if not any(rule.get(k) for k in ("parts", "optional_parts", "required", "optional")):
        yield "| fields | those of every line |\n"
    for word, meaning in rule.get("reasons", {}).items():
        beside = rule.get("when", {}).get(word, {})
        more = ", ".join([f"part {p}" for p in beside.get("parts", [])] + [f"`{f}`" for f in beside.get("required", [])])
        yield f"| reason `{word}` | {meaning}{f' (always with {more})' if more else ''} |\n"
    yield "\n"
    for event in rule["examples"]:
        yield f"```json\n{compact(event)}\n```\n"
    yield "\n"


def markdown(schema):
    yield "## Parts that many events share\n\n| part | fields |\n|---|---|\n"
    for part, fields in schema["parts"].items():
        yield f"| {part} | {', '.join(f'`{f}`' for f in fields)} |\n"
    yield "\n## Fields\n\n| field | type | meaning |\n|---|---|---|\n"
    for path, field in schema["fields"].items():
        yield f"| `{path}` | {field['type']} | {field['about']} |\n"
    yield "\n| type | |\n|---|---|\n"
    for name, kind in schema["types"].items():
        yield f"| {name} | {kind['about']} |\n"
    yield "\n"
    for heading, actions in sections(schema):
        yield f"## {heading}\n\n"
        for action, rule in actions.items():
            yield from markdown_event(action, rule)


def page(schema):
    before, rest = read(PAGE).split(MARKS[0])
    return before + MARKS[0] + "\n" + "".join(markdown(schema)) + MARKS[1] + rest.split(MARKS[1])[1]


# --- manual page ---------------------------------------------------------------------------------------------------------

def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    return "\\&" + text if text[:1] in (".", "'") else text


def plain(text):
    """Words of running text, each sentence on a line of its own; where a line begins neither a dot nor a quote may stand."""
    sentences = re.split(r"(?<=[.:;]) (?=[A-Z])", text.replace("\\", "\\e"))
    lines = [line for s in sentences for line in textwrap.wrap(s, 78, break_long_words=False, break_on_hyphens=False)]
    return "\n".join(f"\\&{line}" if line[0] in ".'" else line for line in lines)


def mdoc(text):
    """Running text with `words` and pages(8) as lines of mdoc(7)."""
    lines, pending = [], ""
    for piece in re.split(r"(\(?`[^`]+`[),.;:]*|\(?\b[a-z][\w.-]*\(\d\)[),.;:]*)", text):
        word = re.fullmatch(r"(\(?)(?:`([^`]+)`|([a-z][\w.-]*)\((\d)\))([),.;:]*)", piece)
        if not word:
            if piece.strip():
                lines.append(plain(piece.strip()))
            continue
        opening, literal, name, number, closing = word.groups()
        macro = f"Xr {name} {number}" if name else 'Ql "%s"' % escape(literal)
        lines.append(" ".join([f".{macro.split(' ', 1)[0]}", *opening, macro.split(" ", 1)[1], *closing]))
    return "\n".join(lines) + "\n"


def man_fields(names):
    return "".join(f".Va {escape(n)}{'' if n == names[-1] else ' ,'}\n" for n in names)


def man_event(action, rule):
    yield f".It Sy {escape(action)}\n" + mdoc(" ".join(filter(None, [rule["meaning"], rule.get("more")])))
    yield ".Bl -tag -width Ds -compact\n"
    yield f".It Kind\n{rule['kind']}; {', '.join(rule['category'])}; {', '.join(rule['type'])}; {rule['outcome']}\n"
    for name, key in (("Parts", "parts"), ("Parts if known", "optional_parts")):
        if rule.get(key):
            yield f".It {name}\n{', '.join(rule[key])}\n"
    for name, key in (("Fields", "required"), ("Fields if known", "optional")):
        if rule.get(key):
            yield f".It {name}\n{man_fields(rule[key])}"
    yield ".El\n"
    if rule.get("reasons"):
        yield f".Pp\nReason{'' if rule.get('reason_required') else ', if there is one'}:\n"
        yield ".Bl -tag -width Ds -offset indent -compact\n"
        for word, meaning in rule["reasons"].items():
            beside = rule.get("when", {}).get(word, {})
            more = [f"part {p}" for p in beside.get("parts", [])] + [f"`{f}`" for f in beside.get("required", [])]
            yield f".It Cm {escape(word)}\n" + mdoc(meaning + (f"; always with {', '.join(more)}" if more else ""))
        yield ".El\n"
    yield ".Pp\nExample:\n.Bd -literal -compact\n"
    for event in rule["examples"][:1]:
        yield "".join(wrap_json(compact(event))).replace("\\", "\\e").replace("'", "\\(aq").replace("-", "\\-")
    yield ".Ed\n"


def man_events(actions):
    return "".join(text for action, rule in actions.items() for text in man_event(action, rule))


def wrap_json(line, width=70):
    """Broken after commas between tokens, so that what somebody copies is still JSON."""
    row = ""
    for token in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^",])*(?:,|$)', line):
        if row and len(row) + len(token) > width:
            yield row + "\n"
            row = ""
        row += token
    yield row + "\n"


def man(schema):
    fields = "".join(f".It Va {escape(p)} Pq {field['type']}\n" + mdoc(field["about"]) for p, field in schema["fields"].items())
    types = "".join(f".It {name}\n" + mdoc(kind["about"]) for name, kind in schema["types"].items())
    parts = "".join(f".It {part}\n{man_fields(names)}" for part, names in schema["parts"].items())
    events = "".join(f".Ss {heading}\n.Bl -tag -width Ds\n{man_events(actions)}.El\n" for heading, actions in sections(schema))
    text = read(MAN + ".in")
    for mark, value in (("fields", fields), ("types", types), ("parts", parts), ("events", events)):
        text = text.replace(f"@{mark}@\n", value)
    return text


# --- JSON Schema ---------------------------------------------------------------------------------------------------------

def tree(paths, leaf):
    """{"a.b": x} as nested properties; leaf(path) is what stands at its end."""
    top = {}
    for path in paths:
        *outer, last = path.split(".")
        at = top
        for name in outer:
            at = at.setdefault(name, {})
        at[last] = leaf(path)
    return top


def closed(node):
    inner = {n: v if "$ref" in v else closed(v) for n, v in node.items()}
    return {"type": "object", "properties": inner, "additionalProperties": False}


def wanted(node):
    inner = {n: wanted(v) for n, v in node.items() if v is not None}
    return {"required": list(node), **({"properties": inner} if inner else {})}


def paths_of(schema, rule, parts="parts", fields="required"):
    return list(dict.fromkeys([*(p for part in rule.get(parts, []) for p in schema["parts"][part]), *rule.get(fields, [])]))


def at(path, value):
    for name in reversed(path.split(".")):
        value = {"properties": {name: value}}
    return value


def must(schema, paths):
    """All of them that nothing may lack, unless the line says that some of its fields had to be left out."""
    paths = [p for p in paths if not schema["fields"][p].get("may_lack")]
    return {"if": {"not": {"$ref": "#/$defs/cut"}}, "then": wanted(tree(paths, lambda _: None))}


def standard_action(schema, rule):
    must_have, every = paths_of(schema, rule), schema["every"]
    known = [*every["required"], *must_have, *every["optional"], *paths_of(schema, rule, "optional_parts", "optional"),
             *(p for w in rule.get("when", {}).values() for p in paths_of(schema, w))]
    fixed = [at(f"event.{n}", {"const": rule[n]}) for n in ("kind", "category", "type", "outcome")]
    fixed.append(at("event.dataset", {"enum": [f"sekisho.{f}" for f in rule["files"]]}))
    fixed.append(at("event.reason", {"enum": list(rule["reasons"])} if rule.get("reasons") else False))
    if rule.get("reason_required"):
        must_have = [*must_have, "event.reason"]
    has = wanted({"event": {"reason": None}})
    conditions = [{"if": {"allOf": [has, at("event.reason", {"const": word})]}, "then": must(schema, paths_of(schema, when))}
                  for word, when in rule.get("when", {}).items()]
    shape = closed(tree(dict.fromkeys(known), lambda p: {"$ref": f"#/$defs/fields/{p}"}))
    return {"description": rule["meaning"], **shape, "allOf": [*fixed, must(schema, must_have), *conditions]}


def by_line(value, depth=3):
    """JSON with a line for each thing that somebody may look for."""
    def write(node, level):
        if level == depth or not isinstance(node, (dict, list)) or not node:
            return json.dumps(node, ensure_ascii=False)
        pad, end = "\t" * (level + 1), "\n" + "\t" * level
        if isinstance(node, list):
            return "[\n" + ",\n".join(pad + write(v, level + 1) for v in node) + end + "]"
        return "{\n" + ",\n".join(f"{pad}{json.dumps(k)}: {write(v, level + 1)}" for k, v in node.items()) + end + "}"
    return write(value, 0) + "\n"


def array(kind):
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"$ref": f"#/$defs/types/{kind}"}}


def only(values):
    return {"enum": values} if values else {}


def standard(schema):
    types = {n: {"description": t["about"], **(t["json"] if "json" in t else array(t["each"]))}
             for n, t in schema["types"].items()}
    fields = {p: {"description": f["about"], "$ref": f"#/$defs/types/{f['type']}", **only(f.get("values"))}
              for p, f in schema["fields"].items()}
    actions = {a: standard_action(schema, r) for a, r in schema["actions"].items()}
    cut = {"required": ["sekisho"], **at("sekisho", {"required": ["dropped"]})}
    return by_line({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:sekisho:log-events",
        "title": "One line of Sekisho's auth.jsonl, access.jsonl or audit.jsonl", "type": "object",
        **wanted(tree(schema["every"]["required"], lambda _: None)),
        "allOf": [at("event.action", {"enum": list(actions)}),
                  *({"if": at("event.action", {"const": a}), "then": {"$ref": f"#/$defs/actions/{a}"}} for a in actions)],
        "$defs": {"cut": cut, "types": types, "fields": fields, "actions": actions}})


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__)
        return 2
    schema, stale = json.loads(read(SCHEMA)), []
    for path, text in ((MAN, man(schema)), (PAGE, page(schema)), (STANDARD, standard(schema))):
        if os.path.exists(path) and read(path) == text:
            continue
        stale.append(os.path.relpath(path, ROOT))
        if not arguments:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    if arguments and stale:
        print(f"{', '.join(stale)}: not what share/log-schema.json says; run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
