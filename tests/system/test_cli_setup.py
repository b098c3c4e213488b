# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho setup and setup --check, on a machine without an installation."""
import glob
import grp
import json
import os
import re
import shutil
import stat
import subprocess

import pytest

from cli_box import NOBODY, SETUP, bare, clean, run, on_terminal


PLACES = ("/etc/sekisho", "/etc/pam.d", "/etc/systemd/system")


def snapshot():
    """Everything below the places that setup writes to: name -> mode, owner, times, content."""
    found = {}
    for place in PLACES:
        for path in [place, *glob.glob(f"{place}/**", recursive=True, include_hidden=True)]:
            st = os.lstat(path)
            content = open(path, "rb").read() if stat.S_ISREG(st.st_mode) else None
            found[path] = (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns, content)
    return found


def test_setup_once_and_again(clean):
    done = run(*SETUP)
    assert done.returncode == 0, done.stderr
    assert "kept" not in done.stdout and "\nNext:\n  1. " in done.stdout and "  3. " in done.stdout
    gateway, portal = grp.getgrnam("sekisho").gr_gid, grp.getgrnam("sekisho-portal").gr_gid
    for path, mode, group in (
            ("/etc/sekisho", 0o755, 0), ("/etc/sekisho/sekisho.conf", 0o644, 0), ("/etc/sekisho/tunnel.key", 0o640, gateway),
            ("/etc/sekisho/acl", 0o750, gateway), ("/etc/sekisho/acl/groups", 0o750, gateway), ("/etc/sekisho/acl/users", 0o750, gateway),
            ("/etc/sekisho/acl/systems.acl", 0o640, gateway), ("/etc/sekisho/acl/devices/private.acl", 0o640, gateway),
            ("/etc/sekisho/tls", 0o755, 0), ("/etc/sekisho/tls/ca.key", 0o600, 0), ("/etc/sekisho/tls/ca.crt", 0o644, 0),
            ("/etc/sekisho/tls/portal.key", 0o640, portal), ("/etc/sekisho/tls/portal.crt", 0o644, 0), ("/etc/pam.d/sekisho", 0o644, 0),
            ("/etc/systemd/system/sekisho-portal.socket.d/address.conf", 0o644, 0)):
        st = os.lstat(path)
        assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (mode, 0, group), path
        assert f"wrote {path}\n" in done.stdout
    with open("/etc/systemd/system/sekisho-portal.socket.d/address.conf") as f:
        listens = re.findall("^ListenStream=(.*)$", f.read(), re.M)
    assert listens[0] == "10.64.0.1:443" and re.fullmatch(r"\[fd[0-9a-f:]+::1\]:443", listens[1]) and len(listens) == 2
    with open("/etc/pam.d/sekisho") as f:
        lines = [line for line in f if line.strip() and not line.startswith("#")]
    assert lines == ["@include common-auth\n", "@include common-account\n"]
    check = run("setup", "--check")
    assert (check.returncode, check.stderr) == (0, "")
    assert json.loads(run("setup", "--check", "--json").stdout) == {"ok": True, "problems": []}
    before = snapshot()
    assert not [path for path in before if re.search(r"/\.[^/]*\.[A-Za-z0-9]{6}$", path)]  # no temporary file is left
    again = run("setup", "--json")
    assert again.returncode == 0 and {f["result"] for f in json.loads(again.stdout)["files"]} == {"kept"}
    other = run("setup", "--endpoint", "other.example.jp:1")
    assert other.returncode == 0 and "the options are not used" in other.stderr and "wrote" not in other.stdout
    assert snapshot() == before


def test_the_examples_in_the_acl_files_are_good(clean):
    """What the files show behind '#' works when somebody takes the mark away."""
    assert run(*SETUP).returncode == 0
    group = []
    for path in ("/etc/sekisho/acl/systems.acl", "/etc/sekisho/acl/devices/private.acl"):
        with open(path) as f:
            shown = [line[2:] for line in f if re.match(r"# (system|owner|allow|deny|hours|from|session|expect) +\S", line)]
        own = [line for line in shown if line.startswith("system") or "devices" in path]
        group += [line for line in shown if line not in own]
        with open(path, "a") as f:
            f.writelines(own)
    assert len(group) == 8
    with open("/etc/sekisho/acl/groups/soumu.acl", "w") as f:
        f.writelines(group)
    checked = run("acl", "check")
    assert checked.returncode == 0, checked.stderr
    assert "4 rules" in checked.stdout, checked.stdout  # three allow, one deny


def test_the_trial_certificate(clean):
    assert run(*SETUP).returncode == 0
    def verify(*more):
        return subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "/etc/sekisho/tls/ca.crt", *more,
                               "/etc/sekisho/tls/portal.crt"], capture_output=True, text=True)
    assert verify("-verify_hostname", "gate.example.jp").returncode == 0
    assert verify("-verify_ip", "10.64.0.1").returncode == 0
    assert verify("-verify_hostname", "bank.example.com").returncode != 0
    assert verify("-verify_ip", "10.64.0.2").returncode != 0
    names = subprocess.run(["openssl", "x509", "-in", "/etc/sekisho/tls/portal.crt", "-noout", "-ext", "subjectAltName"],
                           capture_output=True, text=True, check=True).stdout
    assert "DNS:gate.example.jp, IP Address:10.64.0.1, IP Address:FD" in names


def test_lost_certificate_is_made_again_by_the_same_authority(clean):
    assert run(*SETUP).returncode == 0
    with open("/etc/sekisho/tls/ca.crt") as f:
        authority = f.read()
    for name in ("crt", "key"):
        os.unlink(f"/etc/sekisho/tls/portal.{name}")
    done = run("setup")
    assert done.returncode == 0 and "kept  /etc/sekisho/tls/ca.crt" in done.stdout and "wrote /etc/sekisho/tls/portal.crt" in done.stdout
    assert run("setup", "--check").returncode == 0 and open("/etc/sekisho/tls/ca.crt").read() == authority


def test_the_authority_vouches_for_no_other_name(clean):
    assert run(*SETUP).returncode == 0
    edit("portal-name .*", "portal-name door.example.jp")
    check = run("setup", "--check")
    assert check.returncode == 1 and "is not for the portal-name door.example.jp" in check.stderr
    for name in ("crt", "key"):
        os.unlink(f"/etc/sekisho/tls/portal.{name}")
    done = run("setup")
    assert done.returncode == 1 and "ca renew --authority" in done.stderr and not os.path.exists("/etc/sekisho/tls/portal.key")
    for name in ("crt", "key"):
        shutil.move(f"/etc/sekisho/tls/ca.{name}", f"/run/cli/old.{name}")
    assert run("setup").returncode == 0 and run("setup", "--check").returncode == 0


def edit(pattern, replacement, path="/etc/sekisho/sekisho.conf"):
    with open(path) as f:
        text, count = re.subn(f"^{pattern}$", replacement, f.read(), flags=re.M)
    assert count == 1
    with open(path, "w") as f:
        f.write(text)


def test_own_certificate_needs_no_authority(clean):
    os.makedirs("/etc/sekisho/tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60", "-subj",
                    "/CN=x", "-addext", "subjectAltName=DNS:gate.example.jp", "-keyout", "/etc/sekisho/tls/portal.key", "-out",
                    "/etc/sekisho/tls/portal.crt"], check=True, capture_output=True)
    os.chown("/etc/sekisho/tls/portal.key", 0, grp.getgrnam("sekisho-portal").gr_gid)
    os.chmod("/etc/sekisho/tls/portal.key", 0o640)
    assert run(*SETUP).returncode == 0
    assert sorted(os.listdir("/etc/sekisho/tls")) == ["portal.crt", "portal.key"]
    assert run("setup", "--check").returncode == 0  # no addresses named: none asked for


@pytest.mark.parametrize("words, said", [
    (["setup"], ["--endpoint", "--internal", "--resolver", "--portal-name"]),
    (SETUP[:-2], ["--portal-name"]),
    ([*SETUP[:1], "--endpoint", "vpn.example.jp", *SETUP[3:]], ["--endpoint vpn.example.jp"]),
    ([*SETUP, "--network4", "10.64.0.1/16"], ["--network4", "10.64.0.1/16"]),
    ([*SETUP, "--network4", "10.0.0.0/30"], ["--network4"]),
    ([*SETUP, "--network6", "10.0.0.0/16"], ["--network6"]),
    ([*SETUP[:-1], "under_score"], ["--portal-name"]),
    ([*SETUP[:-1], "gate.example.jp\nbackend kernel"], ["--portal-name"]),
    ([*SETUP[:-1], "gate.example.jp # x"], ["--portal-name"]),
    ([*SETUP, "--resolver", "dns.example.jp"], ["--resolver"]),
    ([*SETUP, "--internal", "10.20.0.1/16"], ["--internal", "10.20.0.1/16"]),
])
def test_setup_with_broken_input_writes_nothing(clean, words, said):
    before = snapshot_if_there()
    done = run(*words)
    assert done.returncode == 2 and done.stdout == "" and all(word in done.stderr for word in said), done.stderr
    assert snapshot_if_there() == before and not os.path.exists("/etc/sekisho")


def snapshot_if_there():
    return {place: sorted(os.listdir(place)) if os.path.isdir(place) else None for place in PLACES}


def test_setup_with_a_broken_file_changes_nothing(clean):
    os.makedirs("/etc/sekisho")
    with open("/etc/sekisho/sekisho.conf", "w") as f:
        f.write("endpoint vpn.example.jp:51820\nresolvre 10.20.0.53\n")
    before = snapshot()
    done = run("setup")
    assert done.returncode == 1 and "sekisho.conf:2:1: error: " in done.stderr and "resolver" in done.stderr
    assert snapshot() == before


@pytest.mark.parametrize("there, missing", [("portal.key", "portal.crt"), ("portal.crt", "portal.key"), ("ca.key", "ca.crt"), ("ca.crt", "ca.key")])
def test_half_a_pair_is_not_completed(clean, there, missing):
    os.makedirs("/etc/sekisho/tls")
    with open(f"/etc/sekisho/tls/{there}", "w") as f:
        f.write("mine")
    done = run(*SETUP)
    assert done.returncode == 1 and f"tls/{there} is there, but /etc/sekisho/tls/{missing} is not" in done.stderr
    assert os.listdir("/etc/sekisho/tls") == [there] and open(f"/etc/sekisho/tls/{there}").read() == "mine"


def test_the_phones_network_keeps_clear_of_the_internal_ones(clean):
    words = [w if w != "10.20.0.0/16" else "10.0.0.0/8" for w in SETUP]
    assert run(*words).returncode == 0
    with open("/etc/sekisho/sekisho.conf") as f:
        assert re.search(r"^tunnel-network +172\.30\.0\.0/16 fd", f.read(), re.M)


def test_setup_without_ipv6(clean):
    assert run(*SETUP, "--network6", "none").returncode == 0
    with open("/etc/sekisho/sekisho.conf") as f:
        assert re.search(r"^tunnel-network +10\.64\.0\.0/16$", f.read(), re.M)
    with open("/etc/systemd/system/sekisho-portal.socket.d/address.conf") as f:
        assert f.read().count("\nListenStream=") == 1
    assert run("setup", "--check").returncode == 0


def test_setup_asks_on_a_terminal(clean):
    with open("/etc/resolv.conf") as f:
        resolv = f.read()
    with open("/etc/resolv.conf", "w") as f:
        f.write("nameserver 127.0.0.53\nnameserver 10.20.0.54\n")
    try:
        shown, code = on_terminal("setup", typed="nonsense\nvpn.example.jp:443\n10.20.0.0/16\n\nnone\n\nGate.example.jp\n")
    finally:
        with open("/etc/resolv.conf", "w") as f:
            f.write(resolv)
    assert code == 0, shown
    assert "[10.64.0.0/16]" in shown and "[10.20.0.54]" in shown and "'nonsense'" in shown
    with open("/etc/sekisho/sekisho.conf") as f:
        text = f.read()
    assert re.search("^endpoint +vpn.example.jp:443$", text, re.M) and re.search("^resolver +10.20.0.54$", text, re.M)
    assert run("setup", "--check").returncode == 0


def test_setup_without_answers(clean):
    shown, code = on_terminal("setup", typed="\x04")
    assert code == 1 and "nothing was written" in shown and not os.path.exists("/etc/sekisho")


def test_setup_needs_root_and_users(clean):
    for words in (SETUP, ["setup", "--check"]):
        done = run(*words, uid=NOBODY)
        assert done.returncode == 1 and "only root" in done.stderr
    with open("/etc/group") as f:
        groups = f.read()
    try:
        with open("/etc/group", "w") as f:
            f.write(re.sub("^sekisho-logs:", "other:", groups, flags=re.M))
        done = run(*SETUP)
    finally:
        with open("/etc/group", "w") as f:
            f.write(groups)
    assert done.returncode == 1 and "group sekisho-logs" in done.stderr and "systemd-sysusers" in done.stderr
    assert not os.path.exists("/etc/sekisho")


def remove(path):
    return lambda: os.unlink(f"/etc/sekisho/{path}")


def mode(path, bits):
    return lambda: os.chmod(f"/etc/sekisho/{path}", bits)


def write(path, text):
    def change():
        with open(path, "w") as f:
            f.write(text)
    return change


@pytest.mark.parametrize("change, said, hint", [
    (remove("sekisho.conf"), "/etc/sekisho/sekisho.conf", "sekisho setup"),
    (lambda: edit("portal-name .*", "portal-nam x"), "sekisho.conf:", "edit /etc/sekisho/sekisho.conf"),
    (remove("tunnel.key"), "/etc/sekisho/tunnel.key is missing", "sekisho setup"),
    (mode("tunnel.key", 0o644), "/etc/sekisho/tunnel.key", "chmod"),
    (mode("tunnel.key", 0o600), "/etc/sekisho/tunnel.key cannot be read by user sekisho", "chgrp sekisho"),
    (write("/etc/sekisho/tunnel.key", "garbage"), "/etc/sekisho/tunnel.key", "mend the file"),
    (remove("tls/portal.crt"), "/etc/sekisho/tls/portal.crt", "sekisho setup"),
    (remove("tls/portal.key"), "/etc/sekisho/tls/portal.key", "sekisho setup"),
    (mode("tls/portal.key", 0o644), "/etc/sekisho/tls/portal.key", "chmod"),
    (mode("tls/portal.key", 0o600), "tls/portal.key cannot be read by user sekisho-portal", "chgrp sekisho-portal"),
    (mode("tls/portal.crt", 0o600), "tls/portal.crt cannot be read by user sekisho-portal", "chgrp sekisho-portal"),
    (write("/etc/sekisho/tls/portal.key", "garbage"), "has a private key that is none", "certificate"),
    (write("/etc/sekisho/tls/portal.crt", "garbage"), "holds no certificate", "certificate"),
    (mode("tls/ca.key", 0o640), "ca.key can be read by others", "chmod 600"),
    (lambda: edit("tunnel-network .*", "tunnel-network 10.65.0.0/16"), "lacks the line ListenStream=10.65.0.1:443", "daemon-reload"),
    (lambda: edit("tunnel-network .*", "tunnel-network 10.65.0.0/16"), "not the gateway's own in the tunnel, 10.65.0.1", "certificate"),
    (lambda: os.unlink("/etc/pam.d/sekisho"), "/etc/pam.d/sekisho", "sekisho setup"),
    (lambda: os.unlink("/etc/systemd/system/sekisho-portal.socket.d/address.conf"), "address.conf", "sekisho setup"),
    (write("/etc/sekisho/acl/users/a.acl", "allow nothing\n"), "users/a.acl:1:7", "sekisho acl check"),
    (lambda: shutil.rmtree("/etc/sekisho/acl"), "/etc/sekisho/acl", "sekisho setup"),
    (mode("acl", 0o700), "/etc/sekisho/acl cannot be read by user sekisho", "chmod g+rx"),
])
def test_the_check_finds_it_with_its_remedy(clean, change, said, hint):
    assert run(*SETUP).returncode == 0
    change()
    done = run("setup", "--check")
    assert done.returncode == 1 and done.stdout == "" and said in done.stderr and hint in done.stderr, done.stderr
    answer = json.loads(run("setup", "--check", "--json").stdout)
    assert not answer["ok"] and any(said in p["what"] for p in answer["problems"])


def test_the_check_finds_everything_at_once(clean):
    os.makedirs("/etc/sekisho")
    answer = json.loads(run("setup", "--check", "--json").stdout)
    assert len(answer["problems"]) == 4  # settings, key, PAM service, ACLs; the rest needs settings
    assert all(p["hint"] for p in answer["problems"])
