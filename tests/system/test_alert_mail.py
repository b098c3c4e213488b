# SPDX-License-Identifier: GPL-3.0-or-later
"""The example that mails alerts: as the gateway's hook, then as the unit that sends what the hook has left."""
import os
import pwd
import shutil
import subprocess

import pytest

from alert_box import knock, lose, problems
from world import ROOT, World, wait_until

EXAMPLE = f"{ROOT}/docs/examples/alert-mail"
SPOOL = "/run/world/spool"
HOOK = "/etc/sekisho/alert"


@pytest.fixture(scope="module")
def world():
    subprocess.run(["systemd-sysusers", f"{EXAMPLE}/sysusers.conf"], check=True, stderr=subprocess.DEVNULL)
    w = World({"poll_interval": "1s", "alert_hook": HOOK})
    with open(f"{EXAMPLE}/sekisho-alert", encoding="utf-8") as f:
        w.write(HOOK, f.read().replace("/var/spool/sekisho-alerts", SPOOL), 0o755)
    shutil.rmtree(SPOOL, ignore_errors=True)
    os.makedirs(SPOOL)
    shutil.chown(SPOOL, "sekisho", "sekisho-mail")
    os.chmod(SPOOL, 0o2770)
    try:
        yield w.start()
    finally:
        w.close()


def send(sendmail):
    """As its service does."""
    user = pwd.getpwnam("sekisho-mail")
    return subprocess.run(["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "sh",
                           f"{EXAMPLE}/sekisho-alert-mail"], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "SPOOL": SPOOL, "SENDMAIL": sendmail, "MAIL_TO": "desk@example.jp"})


def waiting():
    return [n for n in os.listdir(SPOOL) if n.endswith(".json")]


def test_an_alert_is_mailed(world):
    world.write("/run/world/mail-down", "#!/bin/sh\nexit 75\n", 0o755)
    world.write("/run/world/mail", f"#!/bin/sh\ncat >{SPOOL}/sent\necho \"$@\" >{SPOOL}/options\n", 0o755)
    d = lose(world)
    knock(world, d)
    wait_until(waiting, what="the hook leaves the alert")
    assert send("/run/world/mail-down").returncode == 75 and waiting(), "kept while the mailer is away"
    world.write(f"{SPOOL}/0.json", "no alert\n", 0o660)
    done = send("/run/world/mail")
    assert done.returncode == 0, done.stderr
    assert not waiting() and os.path.exists(f"{SPOOL}/0.json.bad")
    with open(f"{SPOOL}/sent", encoding="utf-8") as f:
        head, body = f.read().split("\n\n", 1)
    assert "To: desk@example.jp" in head.split("\n") and "Subject: [Sekisho] lost-device-seen on " in head
    assert body.startswith(f"lost device {d.id} knocked from ") and '"reason": "lost-device-seen"' in body
    with open(f"{SPOOL}/options") as f:
        assert f.read() == "-oi -t\n"
    assert not problems(world)


def test_its_units_are_well_formed(tmp_path):
    for name in ("sekisho-alert-mail.path", "sekisho-alert-mail.service"):
        with open(f"{EXAMPLE}/{name}") as f:
            text = f.read().replace("/usr/local/libexec/sekisho-alert-mail", f"{EXAMPLE}/sekisho-alert-mail")
        (tmp_path / name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
