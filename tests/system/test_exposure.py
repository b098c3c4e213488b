# SPDX-License-Identifier: GPL-3.0-or-later
"""How exposed each program is by its unit, as `systemd-analyze security` judges it (0 best, 10 worst), and what drop-ins cost."""
import glob
import os
import re
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST = {"sekisho-gateway": 1.1, "sekisho-guard": 1.1, "sekisho-portal": 0.5, "sekisho-auth@": 1.0, "sekisho-report": 0.3,
        "sekisho-dns": 0.3}
OTHERS = ("ocserv", "strongswan", "strongswan-starter", "openvpn@", "openvpn-server@", "ssh")
DROP_INS = {name: (unit, most) for name, unit, most in re.findall(
    r"^\| `([\w-]+\.conf)` \| `(sekisho-\S+?)\.service` .*\| ([0-9.]+) \|$", open(f"{ROOT}/docs/operations.md", encoding="utf-8").read(), re.M)}


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """The folder of units as `make install` leaves them."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["make", "-s", "-C", ROOT, "install", f"B={os.environ['SEKISHO_BUILD']}", f"DESTDIR={root}", "PREFIX=/usr"],
                   check=True, capture_output=True)
    return root / "usr/lib/systemd/system"


def exposure(unit):
    """(number, the tool's table) of a unit's file."""
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", unit], capture_output=True, text=True)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1]), done.stdout


@pytest.mark.parametrize("unit", MOST)
def test_exposure(units, unit):
    number, table = exposure(units / f"{unit}.service")
    assert number <= MOST[unit], "\n".join(line for line in table.splitlines() if line.startswith("✗"))


def test_every_service_is_measured(units):
    assert {os.path.basename(path) for path in glob.glob(f"{units}/*.service")} == {f"{unit}.service" for unit in MOST}


def test_table(units):
    """For readers of the log: ours, and beside them those of Debian's that are installed here."""
    files = {unit: f"{units}/{unit}.service" for unit in MOST}
    files.update({unit: path for unit in OTHERS if os.path.exists(path := f"/usr/lib/systemd/system/{unit}.service")})
    rows = {unit: exposure(path)[0] for unit, path in files.items()}
    print("\n" + "\n".join(f"{number:5.1f}  {unit}.service" for unit, number in rows.items()))
    others = [number for unit, number in rows.items() if unit in OTHERS]
    assert not others or max(rows[unit] for unit in MOST) < min(others)


def test_every_drop_in_is_documented():
    files = {os.path.basename(path) for path in glob.glob(f"{ROOT}/docs/examples/drop-ins/*.conf")}
    assert files == set(DROP_INS)


@pytest.mark.parametrize("name", DROP_INS)
def test_what_a_drop_in_costs(units, tmp_path, name):
    unit, said = DROP_INS[name]
    shutil.copy(units / f"{unit}.service", tmp_path)
    os.mkdir(tmp_path / f"{unit}.service.d")
    shutil.copy(f"{ROOT}/docs/examples/drop-ins/{name}", tmp_path / f"{unit}.service.d")
    assert exposure(tmp_path / f"{unit}.service")[0] == float(said)
