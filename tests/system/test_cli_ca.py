# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho ca: the private authority, the page's certificate and what phones are given."""
import datetime
import json
import os
import plistlib
import re
import shutil
import ssl
import subprocess

import pytest

from cli_box import SETUP, bare, clean, folder, run  # noqa: F401 (fixtures)

TLS = "/etc/sekisho/tls"
PAGE, KEY, CA, CA_KEY = (f"{TLS}/{name}" for name in ("portal.crt", "portal.key", "ca.crt", "ca.key"))


@pytest.fixture
def site(clean, folder):
    assert run(*SETUP).returncode == 0
    return folder


def content():
    return {name: open(f"{TLS}/{name}").read() for name in os.listdir(TLS)}


def openssl(*words, stdin=None):
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, input=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fingerprint(path):
    return openssl("x509", "-in", path, "-noout", "-fingerprint", "-sha256").split("=")[1].strip()


def ending_in(days, path=PAGE, key=KEY, names="DNS:gate.example.jp"):
    """The page's certificate becomes one of another authority (its own) that ends then."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", path,
            "-days", str(days), "-subj", "/CN=other.example.jp", "-addext", f"subjectAltName={names}")


def test_show(site):
    told = json.loads(run("ca", "show", "--json").stdout)
    assert told["private"] is True
    assert told["page"]["sha256"] == fingerprint(PAGE) and told["authority"]["sha256"] == fingerprint(CA)
    assert told["page"]["names"].split(", ")[:2] == ["gate.example.jp", "10.64.0.1"] and told["page"]["days"] == 819
    assert told["authority"]["names"] == told["page"]["names"]  # it vouches for these and no others
    end = openssl("x509", "-in", PAGE, "-noout", "-enddate").split("=")[1].strip()
    assert datetime.datetime.fromisoformat(told["page"]["until"]) == datetime.datetime.strptime(
        end, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=datetime.timezone.utc)
    text = run("ca", "show").stdout
    for part in (fingerprint(PAGE), fingerprint(CA), "gate.example.jp, 10.64.0.1", "in 819 days", "the authority below"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 120


def test_show_a_certificate_from_elsewhere(site):
    os.unlink(CA)
    os.unlink(CA_KEY)
    ending_in(30)
    told = json.loads(run("ca", "show", "--json").stdout)
    assert (told["private"], told["authority"], told["page"]["days"]) == (False, None, 29)
    assert "another authority" in run("ca", "show").stdout


def test_renewed_by_the_same_authority(site):
    before = content()
    done = run("ca", "renew")
    assert done.returncode == 0, done.stderr
    assert "systemctl reload sekisho-portal" in done.stdout
    after = content()
    assert {name for name in after if after[name] != before[name]} == {"portal.crt", "portal.key"}
    assert set(after) == set(before)  # no temporary file is left
    openssl("verify", "-x509_strict", "-CAfile", CA, "-purpose", "sslserver", "-verify_hostname", "gate.example.jp", PAGE)
    ssl.create_default_context(cafile=CA).load_cert_chain(PAGE, KEY)
    st, ca = os.stat(KEY), os.stat(CA_KEY)
    assert (st.st_mode & 0o7777, ca.st_mode & 0o7777, ca.st_gid) == (0o640, 0o600, 0) and st.st_gid != 0
    assert run("setup", "--check").returncode == 0


def test_renewed_only_when_due(site):
    before = content()
    done = run("ca", "renew", "--within", "30")
    assert done.returncode == 0 and "819 more days" in done.stdout and content() == before
    assert json.loads(run("ca", "renew", "--within", "30", "--json").stdout) == {"renewed": False}
    assert json.loads(run("ca", "renew", "--within", "819", "--json").stdout) == {"renewed": True}
    assert content() != before


def test_a_certificate_from_elsewhere_is_not_replaced_unasked(site):
    ending_in(3)
    before = content()
    done = run("ca", "renew", "--within", "30")
    assert done.returncode == 1 and "not from this gateway's authority" in done.stderr and "--yes" in done.stderr
    assert content() == before
    assert run("ca", "renew", "--within", "30", "--yes").returncode == 0
    openssl("verify", "-CAfile", CA, PAGE)


def test_a_new_authority(site):
    before = content()
    asked = run("ca", "renew", "--authority")
    assert asked.returncode == 1 and "--yes" in asked.stderr and content() == before
    done = run("ca", "renew", "--authority", "--yes")
    assert done.returncode == 0 and "ca export" in done.stdout
    after = content()
    assert all(after[name] != before[name] for name in before)
    openssl("verify", "-CAfile", CA, PAGE)


def test_an_authority_for_another_name_says_what_to_do(site):
    with open("/etc/sekisho/sekisho.conf") as f:
        text = f.read()
    with open("/etc/sekisho/sekisho.conf", "w") as f:
        f.write(re.sub("gate.example.jp", "door.example.jp", text))
    before = content()
    done = run("ca", "renew")
    assert done.returncode == 1 and "ca renew --authority" in done.stderr and content() == before
    assert run("ca", "renew", "--authority", "--yes").returncode == 0
    assert json.loads(run("ca", "show", "--json").stdout)["page"]["names"].startswith("door.example.jp")


def test_profile_for_ios(site):
    done = run("ca", "export", "--ios", f"{site}/a.mobileconfig", "--android", f"{site}/a.crt")
    assert done.returncode == 0 and fingerprint(CA) in done.stdout, done.stderr
    with open(f"{site}/a.mobileconfig", "rb") as f:
        profile = plistlib.load(f)
    root, clip = profile["PayloadContent"]
    der = ssl.PEM_cert_to_DER_cert(open(CA).read())
    assert root["PayloadType"] == "com.apple.security.root" and root["PayloadContent"] == der
    assert clip["PayloadType"] == "com.apple.webClip.managed" and clip["URL"] == "https://gate.example.jp/"
    assert profile["PayloadType"] == "Configuration" and profile["PayloadIdentifier"] == "jp.example.gate.sekisho"
    parts = (profile, root, clip)
    assert len({p["PayloadIdentifier"] for p in parts}) == 3 and all(p["PayloadVersion"] == 1 for p in parts)
    uuids = [p["PayloadUUID"] for p in parts]
    assert len(set(uuids)) == 3 and all(re.fullmatch(r"[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}", u) for u in uuids)
    assert open(f"{site}/a.crt", "rb").read() == der
    secret = open(CA_KEY).read().split("\n")[1]
    assert secret not in open(f"{site}/a.mobileconfig").read()
    run("ca", "export", "--ios", f"{site}/b.mobileconfig")
    assert open(f"{site}/b.mobileconfig").read() == open(f"{site}/a.mobileconfig").read()  # a phone updates what it has


def test_profile_with_a_label_full_of_markup(site):
    with open("/etc/sekisho/sekisho.conf", "a") as f:
        f.write('label "総務省 <b>&amp; ]]> リモート"\n')
    assert run("ca", "export", "--ios", f"{site}/a.mobileconfig").returncode == 0
    with open(f"{site}/a.mobileconfig", "rb") as f:
        assert plistlib.load(f)["PayloadDisplayName"] == "総務省 <b>&amp; ]]> リモート"


@pytest.mark.parametrize("words, said", [
    (("ca", "export"), "--ios"),
    (("ca", "export", "--ios", "/nowhere/a.mobileconfig"), "/nowhere/a.mobileconfig cannot be made"),
    (("ca", "renew", "--within", "soon"), "a number of days"),
    (("ca", "renew", "--within", "900"), "0 to 820"),
    (("ca", "renew", "--within", "3", "--authority"), "do not go together"),
    (("ca", "shwo"), "ca show"),
    (("ca",), "needs a second word"),
])
def test_wrong_words(site, words, said):
    before = content()
    done = run(*words)
    assert done.returncode in (1, 2) and said in done.stderr, done.stderr
    assert content() == before


def test_nothing_is_overwritten(site):
    with open(f"{site}/a.crt", "w") as f:
        f.write("mine")
    done = run("ca", "export", "--android", f"{site}/a.crt")
    assert done.returncode == 1 and "remove this one" in done.stderr and open(f"{site}/a.crt").read() == "mine"


def test_without_an_authority(site):
    os.unlink(CA)
    done = run("ca", "renew")
    assert done.returncode == 1 and "there is no private authority" in done.stderr
    assert run("ca", "export", "--ios", f"{site}/x").returncode == 1 and not os.path.exists(f"{site}/x")


def test_damaged_files(site):
    with open(CA_KEY, "w") as f:
        f.write("nonsense\n")
    os.chmod(CA_KEY, 0o600)
    before = content()
    done = run("ca", "renew")
    assert done.returncode == 1 and "belong together" in done.stderr and content() == before
    with open(PAGE, "w") as f:
        f.write("nonsense\n")
    done = run("ca", "show")
    assert done.returncode == 1 and "no certificate in PEM form" in done.stderr
    shutil.rmtree(TLS)
    assert "sekisho setup makes what is missing" in run("ca", "show").stderr
