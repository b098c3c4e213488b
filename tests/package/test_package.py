# SPDX-License-Identifier: GPL-3.0-or-later
"""The package by itself: clean, the same twice, complete, and honest about what is in it."""
import hashlib
import json
import os
import re
import subprocess

from conftest import TREE, build


def digests(paths):
    result = {}
    for path in paths:
        with open(path, "rb") as f:
            result[os.path.basename(path)] = hashlib.sha256(f.read()).hexdigest()
    return result


def test_built_twice_it_is_the_same(packages):
    """In another folder, with the locale, time zone and umask of somebody else."""
    os.environ.update(TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    before = os.umask(0o077)
    try:
        again = build("deb-again/in-a-longer-folder")
    finally:
        os.umask(before)
    assert len(packages) == 2
    assert digests(packages) == digests(again)


def test_lintian_is_content(package):
    """Nothing that is not overridden, and no override that is not needed."""
    changes = package.rsplit("/", 1)[0] + "/" + os.path.basename(package).replace(".deb", ".changes")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--pedantic", changes],
                          capture_output=True, text=True)
    assert done.returncode == 0 and not re.search(r"^[EW]:|unused-override", done.stdout, re.M), done.stdout + done.stderr


def test_one_version_everywhere():
    with open(f"{TREE}/Makefile", encoding="utf-8") as f:
        version = re.search(r"^VERSION := (\S+)$", f.read(), re.M)[1]
    with open(f"{TREE}/debian/changelog", encoding="utf-8") as f:
        assert re.match(r"sekisho \(([^)]+)\)", f.readline())[1] == version


def test_it_has_what_install_has(unpacked, tmp_path):
    """`make install` and the package differ by the package's own papers only."""
    subprocess.run(["make", "-s", "-C", TREE, "install", f"DESTDIR={tmp_path}", "PREFIX=/usr", "unitdir=/lib/systemd/system"],
                   check=True)

    def files(root):
        paths = {os.path.relpath(os.path.join(d, n), root).removesuffix(".gz") for d, _, names in os.walk(root) for n in names}
        return {p for p in paths if not p.startswith("usr/share/lintian/")}

    own = {f"usr/share/doc/sekisho/{n}" for n in ("changelog", "copyright", "README.Debian", "sekisho.spdx.json")}
    assert files(unpacked) - files(str(tmp_path)) == own
    assert files(str(tmp_path)) <= files(unpacked)


def test_it_tells_its_own_paths(unpacked):
    """What `make install` would have put below /usr/local; administrators' own files do belong there."""
    with open(f"{unpacked}/usr/share/doc/sekisho/operations.md", encoding="utf-8") as f:
        text = f.read()
    assert "sudo /usr/libexec/sekisho/sekisho-gateway --close" in text
    paths = set(re.findall(r"(/usr/(?:local/)?(?:libexec|share)/[\w/.-]*[\w-])", text))
    assert [p for p in paths if "sekisho-alert" not in p and not os.path.exists(unpacked + p)] == [], "named, not there"


def test_no_program_runs_with_more_than_its_user(unpacked):
    """Nothing set-uid, nothing writable by others, no capability on a file."""
    for folder, _, names in os.walk(unpacked):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            assert status.st_mode & 0o6022 == 0, path
            assert (status.st_uid, status.st_gid) == (0, 0), path
            assert os.listxattr(path, follow_symlinks=False) == [], path


def test_sbom(unpacked):
    """SPDX 2.3: what its specification demands of a document, and that it speaks of these programs and all their libraries."""
    with open(f"{unpacked}/usr/share/doc/sekisho/sekisho.spdx.json", encoding="utf-8") as f:
        sbom = json.load(f)
    assert (sbom["spdxVersion"], sbom["dataLicense"], sbom["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sbom["creationInfo"]["created"])
    assert all(re.match(r"(Tool|Person|Organization): \S", c) for c in sbom["creationInfo"]["creators"])
    assert re.match(r"https://[^#]+$", sbom["documentNamespace"])
    for entry in sbom["packages"]:
        assert {"name", "SPDXID", "downloadLocation"} <= entry.keys() and entry["filesAnalyzed"] is False
        refs = [r["referenceLocator"] for r in entry.get("externalRefs", [])]
        assert entry["SPDXID"] == "SPDXRef-sekisho" or re.match(r"pkg:deb/debian/\S+@\S+", refs[0])
    known = [entry["SPDXID"] for entry in [sbom, *sbom["packages"], *sbom["files"]]]
    assert len(set(known)) == len(known) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", i) for i in known)
    assert all({r["spdxElementId"], r["relatedSpdxElement"]} <= set(known) for r in sbom["relationships"])
    assert {r["relatedSpdxElement"] for r in sbom["relationships"] if r["relationshipType"] == "DESCRIBES"} == {"SPDXRef-sekisho"}

    links = {"DYNAMIC_LINK": set(), "DEPENDS_ON": set(), "STATIC_LINK": set()}
    for r in sbom["relationships"]:
        links.get(r["relationshipType"], set()).add(r["relatedSpdxElement"].removeprefix("SPDXRef-deb-"))
    assert links["STATIC_LINK"] == {"wireguard-tools"}
    needed = set()
    for entry in sbom["files"]:
        path = os.path.join(unpacked, entry["fileName"])
        with open(path, "rb") as f:
            data = f.read()
        assert {c["algorithm"]: c["checksumValue"] for c in entry["checksums"]} == {
            "SHA1": hashlib.sha1(data).hexdigest(), "SHA256": hashlib.sha256(data).hexdigest()}
        dump = subprocess.run(["objdump", "-p", path], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"NEEDED +(\S+)", dump))
    assert len(sbom["files"]) == 4
    # Each library's soname begins the name of the package that holds it: libmnl.so.0 is in libmnl0.
    for soname in needed:
        stem = soname.split(".so")[0].lower().replace("_", "-")
        stem = {"libcrypto": "libssl", "libc": "libc6", "libz": "zlib1g"}.get(stem, stem)
        assert any(p.startswith(stem) for p in links["DYNAMIC_LINK"]), soname
