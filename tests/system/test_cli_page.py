# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho page: the login page's address as a code to scan, without a gateway and without rights."""
import json
import os

import pytest

from cli_box import NOBODY, SETUP, bare, clean, folder, on_terminal, run
from test_cli_enrol import decode, decode_terminal


@pytest.fixture
def site(clean):
    assert run(*SETUP).returncode == 0


def test_the_pictures(site, folder):
    os.chmod(folder, 0o777)
    done = run("page", "qr", "--png", f"{folder}/png", "--svg", f"{folder}/svg", uid=NOBODY)
    assert (done.returncode, done.stdout) == (0, "https://gate.example.jp/\n"), done.stderr
    assert decode(f"{folder}/png") == "https://gate.example.jp/\n"
    with open(f"{folder}/svg") as f:
        assert f.read().count("h1v1h-1z") > 100
    again = run("page", "qr", "--png", f"{folder}/png")
    assert again.returncode == 1 and f"{folder}/png cannot be made: File exists" in again.stderr


def test_the_code_on_a_terminal(site, folder):
    shown, code = on_terminal("page", "qr", columns=80)
    assert code == 0 and decode_terminal(f"{folder}/pbm", shown) == "https://gate.example.jp/\n"
    assert shown.rstrip().endswith("https://gate.example.jp/")
    shown, code = on_terminal("page", "qr", columns=20)
    assert code == 0 and "█" not in shown and "https://gate.example.jp/" in shown


def test_another_port(site, folder):
    with open("/etc/sekisho/sekisho.conf", "a") as f:
        f.write("portal-port 8443\n")
    assert json.loads(run("page", "qr", "--json", "--png", f"{folder}/png").stdout) == {
        "address": "https://gate.example.jp:8443/", "png": f"{folder}/png"}
    assert decode(f"{folder}/png") == "https://gate.example.jp:8443/\n"


def test_without_settings(clean):
    done = run("page", "qr")
    assert done.returncode == 1 and done.stdout == "" and "sekisho.conf" in done.stderr


def test_the_configuration_of_the_dns_server(site, folder):
    with open("/etc/sekisho/sekisho.conf", "a") as f:
        f.write("portal-dns on\n")
    text = run("page", "dns").stdout
    assert json.loads(run("page", "dns", "--json").stdout) == {"configuration": text}
    assert run("page", "dns", "--output", f"{folder}/conf").returncode == 0 and open(f"{folder}/conf").read() == text
    assert 'local-zone: "." refuse' in text and 'local-data: "gate.example.jp. 86400 IN A 10.64.0.1"' in text
