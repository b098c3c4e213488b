#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SBOM of an installed tree, SPDX 2.3 in JSON, on standard output: sbom.py ROOT.

Which programs there are, which Debian packages their libraries come from, directly or through other libraries, and what was built
in.
It says the same whenever the same was built with the same packages: its date is SOURCE_DATE_EPOCH or the changelog's.
"""
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import uuid

PROGRAMS = ("usr/sbin/sekisho", "usr/libexec/sekisho/sekisho-gateway", "usr/libexec/sekisho/sekisho-portal",
            "usr/libexec/sekisho/sekisho-auth")
BUILT_IN = {"wireguard-tools": "usr/libexec/sekisho/sekisho-gateway"}  # the netlink code of its embeddable library
BUILD_TOOLS = ("binutils", "uthash-dev")
DOCUMENT = "SPDXRef-DOCUMENT"
PRODUCT = "SPDXRef-sekisho"


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def reference(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def owner(path):
    """The Debian package of a library. Its path is the one before or the one after /usr was merged."""
    real = os.path.realpath(path)
    for name in (real, real.removeprefix("/usr"), path):
        found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    raise SystemExit(f"sbom: no package owns {path}")


def libraries(program):
    """{package: whether the program names it itself} of what the loader maps for it."""
    named = set(re.findall(r"NEEDED +(\S+)", said("objdump", "-p", program)))
    found = {}
    for name, path in re.findall(r"^\s*(\S+)(?: => (\S+))? \(0x", said("ldd", program), re.M):
        if path or name.startswith("/"):  # not the kernel's own
            package = owner(path or name)
            found[package] = found.get(package, False) or name in named
    return found


def package(name):
    form = "${Version}|${source:Package}|${Architecture}\n"
    version, source, arch = said("dpkg-query", "-W", "-f", form, name).splitlines()[0].split("|")
    locator = f"pkg:deb/debian/{name}@{version}?arch={arch}".replace("+", "%2B")
    return {"SPDXID": reference("deb-" + name), "name": name, "versionInfo": version, "supplier": "Organization: Debian",
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", "sourceInfo": f"Debian source package {source}",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}]}


def program_file(root, name):
    with open(f"{root}/{name}", "rb") as f:
        data = f.read()
    sums = [{"algorithm": a.upper(), "checksumValue": hashlib.new(a, data).hexdigest()} for a in ("sha1", "sha256")]
    return {"SPDXID": reference("file-" + os.path.basename(name)), "fileName": f"./{name}", "fileTypes": ["BINARY"],
            "checksums": sums, "licenseConcluded": "GPL-3.0-or-later", "licenseInfoInFiles": ["NOASSERTION"],
            "copyrightText": "2026 Sekisho maintainers"}


def relate(a, how, b):
    return {"spdxElementId": a, "relationshipType": how, "relatedSpdxElement": b}


def describe(root, version, when):
    files = {name: program_file(root, name) for name in PROGRAMS}
    packages, related = {}, [relate(DOCUMENT, "DESCRIBES", PRODUCT)]
    for name, entry in files.items():
        related.append(relate(PRODUCT, "CONTAINS", entry["SPDXID"]))
        for library, direct in sorted(libraries(f"{root}/{name}").items()):
            packages[library] = package(library)
            related.append(relate(entry["SPDXID"], "DYNAMIC_LINK" if direct else "DEPENDS_ON", reference("deb-" + library)))
    for name, program in BUILT_IN.items():
        packages[name] = package(name)
        related.append(relate(files[program]["SPDXID"], "STATIC_LINK", reference("deb-" + name)))
    for name in (owner("/usr/bin/gcc"), *BUILD_TOOLS):
        packages[name] = package(name)
        related.append(relate(reference("deb-" + name), "BUILD_TOOL_OF", PRODUCT))
    product = {"SPDXID": PRODUCT, "name": "sekisho", "versionInfo": version, "downloadLocation": "NOASSERTION",
               "supplier": "Organization: Sekisho maintainers", "filesAnalyzed": False, "primaryPackagePurpose": "APPLICATION",
               "licenseConcluded": "GPL-3.0-or-later", "licenseDeclared": "GPL-3.0-or-later",
               "copyrightText": "2026 Sekisho maintainers"}
    content = {"packages": [product, *(packages[n] for n in sorted(packages))], "files": list(files.values()),
               "relationships": related}
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": DOCUMENT, "name": f"sekisho-{version}",
            "documentNamespace": f"https://spdx.org/spdxdocs/sekisho-{version}-{number}",
            "creationInfo": {"created": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: sekisho-sbom.py"]}, **content}


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: sbom.py ROOT (a folder that `make install PREFIX=/usr` has filled)")
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or said("dpkg-parsechangelog", "-S", "Timestamp")
    when = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    json.dump(describe(sys.argv[1], said("dpkg-parsechangelog", "-S", "Version").strip(), when), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
