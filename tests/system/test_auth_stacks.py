# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho-auth with the modules of Debian's libpam-modules that sites put around a password, as operations.md promises them: each as
its own manual sets it up, behind the walls that the program puts up for all of them.
"""
import os
import subprocess

import pytest

from auth_box import PASSWORD, UNIX, box, failed, folder, hashed, open_attempt, password  # noqa: F401 (box needs the others)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="PAM, mounts and foreign uids need root")

# pam_faillock(8), EXAMPLES. `silent`: else the page would tell which accounts exist.
FAILLOCK = """auth required pam_faillock.so preauth silent deny=3 unlock_time=0 dir=/run/faillock
auth [success=1 default=ignore] pam_unix.so
auth [default=die] pam_faillock.so authfail silent deny=3 unlock_time=0 dir=/run/faillock
auth sufficient pam_faillock.so authsucc silent deny=3 unlock_time=0 dir=/run/faillock
auth required pam_deny.so
account required pam_faillock.so dir=/run/faillock
account required pam_unix.so
"""


def login(box, word=PASSWORD, user="yamada"):
    """One attempt to its end: what PAM made of it, and in which stage."""
    portal = box.launch()
    portal.start(user)
    gateway = box.gateway()
    gateway.begin()
    gateway.device()
    password(portal, gateway, word)
    end = gateway.end()
    gateway.acknowledge(end[0])
    assert portal.result() in (("granted",) if end[0] == "ok" else ("failed", "account-closed", "unavailable"))
    assert portal.closed() and gateway.closed()
    return end[0], end[2]


def test_faillock(box, hashed):  # noqa: F811
    """Three wrong passwords shut one account until an administrator opens it; another is not touched."""
    box.service(FAILLOCK)
    for name, line in (("passwd", "suzuki:x:62100:62000::/:/bin/sh\n"), ("shadow", f"suzuki:{hashed}:20000:0:99999:7:::\n")):
        with open(box.path(f"/etc/{name}"), "a", encoding="ascii") as f:
            f.write(line)
    box.path("/run/faillock").mkdir()
    assert login(box) == ("ok", "account")
    for _ in range(3):
        assert login(box, "wrong")[0] == "bad-credentials"
    assert login(box)[0] != "ok"
    assert login(box, user="suzuki") == ("ok", "account")
    tally = ["nsenter", f"--mount=/proc/{box.process.pid}/ns/mnt", "faillock", "--dir", "/run/faillock", "--user", "yamada"]
    shown = subprocess.run(tally, check=True, capture_output=True, text=True).stdout
    assert shown.count("RHOST 198.51.100.7") == 3
    subprocess.run([*tally, "--reset"], check=True)
    assert login(box) == ("ok", "account")


@pytest.mark.parametrize("rule, right, wrong, reason", [
    ("pam_access.so accessfile=/run/rule", "+ : soumu : 198.51.100.0/24\n- : ALL : ALL\n", "- : yamada : 198.51.100.7\n+ : ALL : ALL\n",
     "account-denied"),
    ("pam_time.so conffile=/run/rule", "sekisho;*;yamada;Al0000-2400\n", "sekisho;*;yamada;!Al0000-2400\n", "account-denied"),
    ("pam_listfile.so item=user sense=allow file=/run/rule onerr=fail", "yamada\n", "suzuki\n", "account-denied"),
    # pam_exec(8) has one answer for a program that says no and for one that cannot run
    ("pam_exec.so quiet /run/rule", "#!/bin/sh\ntest $PAM_USER = yamada -a $PAM_TYPE = account -a $PAM_RHOST = 198.51.100.7\n",
     "#!/bin/sh\nfalse\n", "backend-unavailable"),
])
def test_conditions(box, rule, right, wrong, reason):
    """Who, from where, when, by a list, by a program: each lets in and keeps out, after a right password."""
    box.service(f"auth required pam_unix.so\naccount required {rule}\naccount required pam_unix.so\n")
    box.write("/run/rule", right, 0o755 if "exec" in rule else 0o644)
    assert login(box) == ("ok", "account")
    box.write("/run/rule", wrong, 0o755 if "exec" in rule else 0o644)
    assert login(box) == (reason, "account")


def test_groups(box):
    box.service("auth required pam_unix.so\naccount requisite pam_succeed_if.so quiet user ingroup soumu\n")
    assert login(box) == ("ok", "account")
    box.service("auth required pam_unix.so\naccount requisite pam_succeed_if.so quiet user ingroup keiri\n")
    assert login(box)[0] != "ok"
