# SPDX-License-Identifier: GPL-3.0-or-later
"""People who are in no file of the gateway but in an LDAP directory in the LAN: names, groups and passwords come over the network, through
nslcd, into a login attempt that has none."""
import pytest

SERVER = "10.20.0.53"
BASE = "dc=example,dc=jp"
SLAPD = f"""include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile /run/directory/pid
database mdb
suffix "{BASE}"
rootdn "cn=admin,{BASE}"
rootpw secret-of-the-test
directory /run/directory/data
"""
PEOPLE = f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
o: Ministry
dc: example

dn: cn=joho,{BASE}
objectClass: posixGroup
cn: joho
gidNumber: 7100
memberUid: u-kato

dn: uid=u-kato,{BASE}
objectClass: account
objectClass: posixAccount
objectClass: shadowAccount
cn: Kato
uid: u-kato
uidNumber: 7001
gidNumber: 7000
homeDirectory: /home/u-kato
userPassword: hato-kumo-58
"""
NSLCD = f"uid nslcd\ngid nslcd\nuri ldap://{SERVER}/\nbase {BASE}\nbind_timelimit 5\ntimelimit 5\nreconnect_retrytime 1\n"
PAM = "auth required pam_ldap.so minimum_uid=1000\naccount required pam_ldap.so minimum_uid=1000\n"
START = "ip netns exec lan slapd -u openldap -g openldap -f /run/directory/slapd.conf -h ldap://" + SERVER
STOP = "kill $(cat /run/directory/pid)"


@pytest.fixture(scope="module")
def directory(installed):
    """The directory in the LAN, the gateway its client, and a rule for a group that only the directory knows."""
    m = installed
    m.run("mkdir -p /run/directory/data /root/files && cp -a /etc/nsswitch.conf /etc/pam.d/sekisho /root/files/")
    m.write("/run/directory/slapd.conf", SLAPD)
    m.write("/run/directory/people", PEOPLE)
    m.run("slapadd -q -f /run/directory/slapd.conf -l /run/directory/people && chown -R openldap: /run/directory && " + START)
    m.write("/etc/nslcd.conf", NSLCD, 0o600)
    m.run("sed -i -E 's/^(passwd|group|shadow):.*/& ldap/' /etc/nsswitch.conf && systemctl unmask nslcd && systemctl restart nslcd")
    m.wait("getent passwd u-kato", what="nslcd asks the directory")
    m.write("/etc/pam.d/sekisho", PAM)
    m.write("/etc/sekisho/acl/groups/joho.acl", "allow intranet\n", 0o640)
    m.run("chgrp sekisho /etc/sekisho/acl/groups/joho.acl && sekisho acl apply --yes")
    _, conf = m.enrol("u-kato")
    yield m, conf
    m.run("systemctl stop nslcd; cp -a /root/files/nsswitch.conf /etc/; cp -a /root/files/sekisho /etc/pam.d/")
    m.run("rm /etc/sekisho/acl/groups/joho.acl; sekisho acl apply --yes; " + STOP, check=False)


@pytest.fixture
def phone(directory):
    m, conf = directory
    m.call("join", conf, "phone2")
    return m


def sessions(machine):
    return [s for s in machine.json("session", "list") if s["user"] == "u-kato"]


def test_somebody_of_the_directory_logs_in(phone):
    assert phone.run("grep -c u-kato /etc/passwd /etc/group", check=False).out.split() == ["/etc/passwd:0", "/etc/group:0"]
    assert phone.show("sekisho-auth@1", "PrivateNetwork") == "yes"
    phone.call("login", "u-kato", "wrong", "phone2")
    assert sessions(phone) == []
    phone.call("login", "u-kato", "hato-kumo-58", "phone2")
    assert len(sessions(phone)) == 1
    assert phone.call("tcp", "10.20.0.10", 80, "phone2") == "open", "by the rule of a group of the directory"
    assert phone.call("tcp", "10.20.0.20", 80, "phone2") != "open"


def test_a_directory_that_is_away_lets_nobody_in(phone):
    for session in sessions(phone):
        phone.sekisho("session", "end", str(session["id"]))
    phone.run(STOP)
    failures = len(phone.logs("auth", "login-failed"))
    phone.call("login", "u-kato", "hato-kumo-58", "phone2")
    assert sessions(phone) == [] and len(phone.logs("auth", "login-failed")) == failures + 1
    phone.run(START)
    phone.wait("getent passwd u-kato", what="nslcd asks the directory again")
    phone.call("login", "u-kato", "hato-kumo-58", "phone2")
    assert len(sessions(phone)) == 1


def test_somebody_whom_the_directory_no_longer_has_is_out(phone):
    """The gateway asks again for everybody who is logged in (account-recheck)."""
    if not sessions(phone):
        phone.call("login", "u-kato", "hato-kumo-58", "phone2")
    phone.run(f"ldapdelete -x -H ldap://{SERVER} -D 'cn=admin,{BASE}' -w secret-of-the-test 'uid=u-kato,{BASE}'")
    number = sessions(phone)[0]["id"]
    phone.run("cp -a /etc/sekisho/sekisho.conf /root/files/; echo 'account-recheck 10s' >>/etc/sekisho/sekisho.conf; sekisho reload")
    try:
        phone.wait(f"! sekisho session list --json | jq -e '.[] | select(.id == {number})' >/dev/null && echo ended", 240, "the session ends")
    finally:
        phone.run("cp -a /root/files/sekisho.conf /etc/sekisho/ && sekisho reload")
    assert phone.logs("auth", "session-ended")[-1]["event"]["reason"] == "account-disabled"
