# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on record, and who is told of it, under the real units: their sandboxes, systemd's file descriptor store, its journal and
timers, Debian's logrotate.service, and a mailer that is setgid."""
import contextlib
import datetime
import json

import pytest

LAN = "10.20.0.10"
CONF = "/etc/sekisho/sekisho.conf"
DROPIN = "/run/systemd/system/{}.d/tests.conf"
END = "conntrack -D -p udp --orig-port-src"
TABLE_BACK = "nft list table inet sekisho >/dev/null 2>&1"
OPERATIONS = "/usr/local/share/doc/sekisho/operations.md"
# The commands with which it says that the example is installed.
EXAMPLE = "sed -n '/cd .*alert-mail$/,/enable --now sekisho-alert-mail.path/p' " + OPERATIONS + " | sed 's/sudo //g'"
HOOK = """#!/bin/sh
cat >/dev/null
for file in /etc/sekisho/new /usr/local/sbin/new /root/new /home/new; do
	(echo x >"$file") 2>/dev/null && echo "could write $file"
done
head -c 1 /etc/shadow 2>/dev/null && echo "could read passwords"
nft flush ruleset 2>/dev/null && echo "could open the firewall"
grep -E '^Cap(Eff|Prm|Amb)' /proc/self/status | grep -v '0000000000000000$'
grep -q '^NoNewPrivs:.1' /proc/self/status || echo "could get privileges"
echo "looked around because of $SEKISHO_ALERT"
"""


@contextlib.contextmanager
def dropin(machine, unit, text):
    machine.write(DROPIN.format(unit), text)
    machine.run("systemctl daemon-reload")
    try:
        yield
    finally:
        machine.run(f"rm {DROPIN.format(unit)}; systemctl daemon-reload")


@contextlib.contextmanager
def settings(machine, *lines):
    machine.run(f"cp -a {CONF} /root/conf.before")
    for line in lines:
        machine.run(f"echo '{line}' >>{CONF}")
    machine.run("systemctl reload sekisho-gateway")
    try:
        yield
    finally:
        machine.run(f"cp -a /root/conf.before {CONF}; systemctl reload sekisho-gateway")


def alert(machine):
    """Somebody takes the firewall's table away; the reason of the alert that follows."""
    before = len(machine.logs("audit", "alert"))
    machine.run("nft delete table inet sekisho")
    machine.wait(TABLE_BACK)
    machine.wait(f"[ $(grep -c '\"action\":\"alert\"' /var/log/sekisho/audit.jsonl) -gt {before} ]", what="the alert is on record")
    return machine.logs("audit", "alert")[-1]["event"]["reason"]


def closed(machine, port):
    """The records of the end of that connection, once there is one."""
    machine.wait(f"grep '\"connection-closed\"' /var/log/sekisho/access.jsonl | grep '\"port\":{port}[,}}]'", what=f"the end of {port}")
    return [e for e in machine.logs("access", "connection-closed") if e["source"]["port"] == port]


def gaps(machine):
    return len(machine.logs("access", "log-gap"))


def verified(machine):
    """All three logs are whole: numbers, chain and seals."""
    machine.run("sekisho log verify", timeout=300)


@pytest.fixture
def patient(gateway, session):
    """Connections of one message do not end by themselves while a slow machine is at its tests."""
    gateway.run("sysctl -w net.netfilter.nf_conntrack_udp_timeout=3600")
    gateway.call("connected")
    yield gateway
    gateway.run("sysctl -w net.netfilter.nf_conntrack_udp_timeout=30")


@pytest.mark.parametrize("how", ["systemctl restart sekisho-gateway", "systemctl kill --signal=KILL --kill-whom=main sekisho-gateway"])
def test_what_ends_during_a_restart_is_on_record_once(patient, how):
    """systemd keeps the socket to which the kernel reports connections; one ends while there is no gateway."""
    during, after = patient.call("udp", LAN), patient.call("udp", LAN)
    assert patient.show("sekisho-gateway", "NFileDescriptorStore") == "1"
    before, old = gaps(patient), patient.show("sekisho-gateway", "MainPID")
    with dropin(patient, "sekisho-gateway.service", f"[Service]\nExecStartPre=+-{END} {during}\n"):
        patient.run(how)
        patient.wait(f"[ $(systemctl show -P MainPID sekisho-gateway) != {old} ] && sekisho status >/dev/null && echo back")
    ends = closed(patient, during)
    patient.run(f"{END} {after}")
    ends += closed(patient, after)
    assert [e["source"]["port"] for e in ends] == [during, after]
    for e in ends:
        assert "reason" not in e["event"] and e["user"]["name"] == "t-yamada" and e["source"]["packets"] == 1
    # What a gateway that was killed had in its hands is not known; after an orderly restart nothing is missing.
    assert gaps(patient) - before == (1 if "KILL" in how else 0)
    verified(patient)


def test_what_ends_while_it_is_stopped_is_on_record_once(patient):
    """A stop shuts the tunnel and keeps no socket; the next start finds out by itself."""
    during, after, before = patient.call("udp", LAN), patient.call("udp", LAN), gaps(patient)
    patient.run("systemctl stop sekisho-gateway")
    assert patient.show("sekisho-gateway", "NFileDescriptorStore") == "0"
    patient.run(f"{END} {during}; systemctl start sekisho-gateway")
    one, = closed(patient, during)
    patient.run(f"{END} {after}")
    other, = closed(patient, after)
    assert one["event"]["reason"] == "gateway-down" and "reason" not in other["event"]
    assert one["user"]["name"] == other["user"]["name"] == "t-yamada"
    assert gaps(patient) == before
    patient.call("connected")
    verified(patient)


def test_copies_in_the_journal(gateway):
    with settings(gateway, "log-copy auth audit"):
        for row in gateway.json("session", "list"):
            gateway.sekisho("session", "end", str(row["id"]))
        gateway.call("connected")
        gateway.call("login", "t-yamada", "sakura-yama-41")
        gateway.sekisho("session", "end", str(gateway.json("session", "list")[0]["id"]))
    for file, action in (("auth", "login-succeeded"), ("audit", "session-kicked")):
        line = [n for n in gateway.out(f"cat /var/log/sekisho/{file}.jsonl").splitlines() if f'"action":"{action}"' in n][-1]
        copied = gateway.wait(f"journalctl -b -t sekisho-log -o cat --no-pager | grep '\"{action}\"' | tail -1", 60)
        assert copied == line
    fields = gateway.out("journalctl -b -t sekisho-log -o json --no-pager --output-fields=SYSLOG_FACILITY,_COMM")
    assert {(j["SYSLOG_FACILITY"], j["_COMM"]) for j in map(json.loads, fields.splitlines())} == \
        {("10", "sekisho-gateway"), ("3", "sekisho-gateway")}, "auth and audit; seals of access"


def test_rotated_by_debians_logrotate(gateway, session):
    """In logrotate.service's own sandbox, because the files are older than a day."""
    before = gateway.logs("auth")[-1]["event"]["sequence"]
    old = gateway.show("sekisho-gateway", "MainPID")
    files = "\n".join(f'"/var/log/sekisho/{f}.jsonl" 2026-1-1-0:0:0' for f in ("auth", "access", "audit"))
    gateway.write("/var/lib/logrotate/status", f"logrotate state -- version 2\n{files}\n")
    gateway.run("systemctl start logrotate.service")
    gateway.wait("cd /var/log/sekisho && [ $(ls -d auth.jsonl access.jsonl audit.jsonl | wc -l) = 3 ] && ls auth.jsonl-* && echo new")
    assert gateway.show("sekisho-gateway", "MainPID") == old
    first = gateway.logs("auth")[0]["event"]
    assert first["action"] == "log-opened" and first["sequence"] > before
    assert gateway.out("stat -c '%U:%G %a' /var/log/sekisho/*").splitlines() == ["sekisho:sekisho-logs 640"] * 6
    verified(gateway)


def test_an_alert_is_mailed(gateway):
    """The example of operations.md, installed by its own words, hands it to Postfix' setgid program."""
    assert gateway.out(EXAMPLE).count("\n") >= 8
    gateway.run(f"({EXAMPLE}) | bash -e", timeout=300)
    with settings(gateway, "alert-hook /usr/local/sbin/sekisho-alert"):
        reason = alert(gateway)
        mail = gateway.wait("postcat $(find /var/spool/postfix/maildrop -type f) | grep -F '[Sekisho]'", what="the mail")
        gateway.wait("[ -z \"$(ls /var/spool/sekisho-alerts)\" ]", 60, "nothing waits any more")
    assert mail == f"Subject: [Sekisho] {reason} on gw1"
    gateway.wait("sekisho status | grep 'No problems'", 60)
    gateway.run("systemctl disable --now sekisho-alert-mail.path; rm /etc/systemd/system/sekisho-gateway.service.d/alert-mail.conf; "
                "systemctl daemon-reload; systemctl restart sekisho-gateway")


def test_a_hook_is_shut_in(gateway):
    gateway.write("/usr/local/sbin/look-around", HOOK, 0o755)
    with settings(gateway, "alert-hook /usr/local/sbin/look-around"):
        reason = alert(gateway)
        gateway.wait(f"journalctl -b -u sekisho-gateway --no-pager -o cat | grep 'looked around because of {reason}'")
    said = gateway.out("journalctl -b -u sekisho-gateway --no-pager -o cat | grep 'alert hook: ' || :").splitlines()
    assert [line for line in said if "could" in line or "Cap" in line] == []


def test_the_daily_report(gateway, session):
    """Yesterday's page by the unit; and today's, which has something to tell, in the same sandbox."""
    gateway.run("systemctl enable --now sekisho-report.timer")
    listed = json.loads(gateway.out("systemctl list-timers sekisho-report.timer --output=json"))
    now = int(gateway.out("date +%s"))
    assert [t["activates"] for t in listed] == ["sekisho-report.service"] and 0 < listed[0]["next"] / 1e6 - now <= 86400 + 600
    gateway.run("systemctl start sekisho-report.service", timeout=300)
    today = datetime.date.fromisoformat(gateway.out("date +%F"))
    yesterday = today - datetime.timedelta(days=1)
    command = "sekisho log report --since today --until today --html /var/lib/sekisho-report/"
    with dropin(gateway, "sekisho-report.service", f"[Service]\nExecStart=\nExecStart=/usr/local/sbin/{command}\n"):
        gateway.run("systemctl start sekisho-report.service", timeout=300)
    for day in (yesterday, today):
        assert gateway.out(f"stat -c '%U:%G %a' /var/lib/sekisho-report/{day}.html") == "sekisho-report:sekisho-logs 640"
    gateway.run("useradd -G sekisho-logs k-reader")
    page = gateway.out(f"setpriv --reuid=k-reader --regid=k-reader --init-groups cat /var/lib/sekisho-report/{today}.html")
    assert "t-yamada" in page and page.endswith("</html>")
    assert gateway.run(f"setpriv --reuid=nobody --clear-groups cat /var/lib/sekisho-report/{today}.html", check=False).code
    gateway.run("systemctl disable --now sekisho-report.timer")


def test_a_report_of_a_lost_device(gateway):
    """The folder from tmpfiles.d: a member of the desk leaves a report there, which no other member reads or removes."""
    gateway.run("usermod -a -G sekisho-desk h-suzuki; usermod -a -G sekisho-desk n-admin; rm -f /root/spare.conf")
    device = gateway.json("device", "add", "h-suzuki", "--conf", "/root/spare.conf")["device"]["id"]
    become = "setpriv --reuid={0} --regid={0} --init-groups"
    gateway.run(f"{become.format('h-suzuki')} sekisho device lost {device} --yes")
    path = gateway.out(f"ls /var/lib/sekisho/reports/lost-{device}-*.txt")
    assert gateway.out(f"stat -c '%U:%G %a' {path}") == "h-suzuki:sekisho-desk 600"
    assert f"Lost device {device}" in gateway.out(f"cat {path}")
    for what in ("cat", "rm -f"):
        assert gateway.run(f"{become.format('n-admin')} {what} {path}", check=False).code, what
    verified(gateway)
