# SPDX-License-Identifier: GPL-3.0-or-later
"""Made logs for `sekisho log report`: a fortnight of a small gateway, whose last days have something of everything that the report
shows. Times and contents are fixed; lines are of the form that share/log-schema.json promises."""
import base64
import datetime
import gzip
import hashlib
import json
import os
import random

ZONE = datetime.timezone(datetime.timedelta(hours=9))
FIRST, LAST = datetime.datetime(2024, 11, 9, tzinfo=ZONE), datetime.datetime(2024, 11, 23, tzinfo=ZONE)
SINCE, UNTIL = "2024-11-22", "2024-11-22"  # the day that most tests report on
HOME = {"t-yamada": "203.0.113.5", "h-suzuki": "198.51.100.20", "k-sato": "192.0.2.44", "y-tanaka": "2001:db8:77::5"}
LABELS = {"d1": "iPhone 山田", "d2": "Pixel 鈴木", "d3": "iPad 佐藤", "d4": "Galaxy 田中", "d5": "予備機 <b>&\"共用\"</b>", "d6": "紛失した iPhone",
          "d7": "新しい iPad"}
DEVICES = {"t-yamada": "d1", "h-suzuki": "d2", "k-sato": "d3", "y-tanaka": "d4"}
CATEGORIES = {"login": ("authentication", "end"), "session": ("session", "info"), "device": ("network", "info"),
              "connection": ("network", "end")}


def key_of(device):
    return base64.b64encode(hashlib.sha256(device.encode()).digest()).decode()


class Logs:
    """Lines in the order in which they are put; sorted by time when written."""

    def __init__(self):
        self.lines = {"auth": [], "access": [], "audit": []}
        self.session = 0

    def put(self, file, when, action, outcome="success", reason=None, **parts):
        event = {"action": action, "kind": "alert" if action == "alert" else "event", "outcome": outcome}
        if reason:
            event["reason"] = reason
        self.lines[file].append((when, {"event": event, **parts}))

    @staticmethod
    def device(device, endpoint=None, **more):
        number = int(device[1:])
        parts = {"device": {"id": device}, "source": {"ip": f"10.64.0.{number + 1}"},
                 "sekisho": {"device": {"key": key_of(device), "class": "ministry", "label": LABELS[device]}, **more}}
        addresses = [f"10.64.0.{number + 1}", f"fd64::{number + 1:x}"]
        if endpoint:
            parts["sekisho"]["endpoint"] = {"ip": endpoint, "port": 51820}
            addresses.append(endpoint)
        parts["related"] = {"ip": addresses}
        return parts

    def login(self, when, user, device, endpoint):
        """A login with its session; returns the session's part."""
        self.session += 1
        session = {"id": self.session, "opened": stamp(when + datetime.timedelta(seconds=1))}
        self.put("auth", when - datetime.timedelta(seconds=20), "device-admitted", **self.device(device, endpoint))
        self.put("auth", when, "login-succeeded", user={"name": user}, **self.device(device, endpoint))
        self.put("auth", when + datetime.timedelta(seconds=1), "session-opened", user={"name": user},
                 **self.device(device, endpoint, session=session))
        return session

    def failed(self, when, reason, device, endpoint, **user):
        self.put("auth", when, "login-failed", "failure", reason, **({"user": user} if user else {}), **self.device(device, endpoint))

    def end(self, when, user, device, endpoint, session, reason="logout"):
        parts = self.device(device, endpoint, session=session)
        parts["source"].update(bytes=1000, packets=9)
        self.put("auth", when, "session-ended", reason=reason, user={"name": user}, destination={"bytes": 5000, "packets": 9}, **parts)

    def flow(self, when, user, device, endpoint, session, to, port, up, down, transport="tcp"):
        parts = self.device(device, endpoint, session=session)
        parts["source"].update(bytes=up, packets=7)
        parts["related"]["ip"].append(to)
        self.put("access", when, "connection-closed", user={"name": user}, network={"transport": transport},
                 destination={"ip": to, "bytes": down, "packets": 8, **({"port": port} if port else {})}, **parts)

    def refused(self, when, reason, device, to, port, count=None, user=None):
        parts = self.device(device, HOME["t-yamada"], **({"count": count} if count else {}))
        parts["related"]["ip"].append(to)
        self.put("access", when, "connection-refused", "failure", reason, network={"transport": "tcp"},
                 destination={"ip": to, "port": port}, **({"user": {"name": user}} if user else {}), **parts)

    def knock(self, when, reason, device, endpoint, count=None):
        more = {"count": count} if count else {}
        if device:
            self.put("auth", when, "device-refused", "failure", reason, **self.device(device, endpoint, **more))
        else:
            self.put("auth", when, "device-refused", "failure", reason, related={"ip": [endpoint]},
                     sekisho={"endpoint": {"ip": endpoint, "port": 4000}, "device": {"key": key_of(endpoint)}, **more})

    def admin(self, when, action, who="kanri", outcome="success", reason=None, device=None, **sekisho):
        parts = self.device(device) if device else {"sekisho": {}}
        parts["sekisho"].update(admin={"uid": 1000, "name": who}, **sekisho)
        self.put("audit", when, action, outcome, reason, **parts)

    def write(self, folder):
        """As logrotate leaves them: auth in two files, the older one compressed; access in one for each day."""
        os.makedirs(folder, exist_ok=True)
        for file, lines in self.lines.items():
            files = {}
            for number, (when, parts) in enumerate(sorted(lines, key=lambda line: line[0]), 1):
                files.setdefault(name_of(file, when), []).append(compose(file, number, when, parts))
            for name, texts in files.items():
                text = "".join(texts).encode()
                with open(f"{folder}/{name}", "wb") as f:
                    f.write(gzip.compress(text, mtime=0) if name.endswith(".gz") else text)
            open(f"{folder}/{file}.jsonl", "ab").close()


def name_of(file, when):
    day = when + datetime.timedelta(days=1)
    if file == "auth" and when < FIRST + datetime.timedelta(days=7):
        return "auth.jsonl-20241116.gz"
    return f"access.jsonl-{day:%Y%m%d}" if file == "access" and day < LAST else f"{file}.jsonl"


def stamp(when):
    return when.isoformat(timespec="microseconds")


def compose(file, number, when, parts):
    event = {"sequence": number, **parts["event"], "dataset": f"sekisho.{file}"}
    line = {"@timestamp": stamp(when), **{**parts, "event": event}, "observer": {"name": "gw1"}, "ecs": {"version": "8.11"}}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def at(day, hour, minute=0, second=0):
    return FIRST + datetime.timedelta(days=day, hours=hour, minutes=minute, seconds=second)


def working_days(logs, chance):
    """Every user at the usual hours, each from home."""
    for day in range((LAST - FIRST).days):
        for user, home in HOME.items():
            for hour in (8, 13):
                device, begin = DEVICES[user], at(day, hour, chance.randrange(50))
                session = logs.login(begin, user, device, home)
                for _ in range(chance.randrange(2, 9)):
                    to, port = chance.choice([("10.20.0.10", 443), ("10.20.0.11", 25), ("10.30.5.77", 3389), ("10.20.0.10", 80)])
                    logs.flow(begin + datetime.timedelta(minutes=chance.randrange(5, 200)), user, device, home, session, to, port,
                              chance.randrange(500, 90000), chance.randrange(5000, 3000000))
                logs.end(begin + datetime.timedelta(hours=3), user, device, home, session, chance.choice(["logout", "idle"]))


def strange_day(logs):
    """22 November: something of everything."""
    d, phone = 13, HOME["t-yamada"]
    session = logs.login(at(d, 3, 12), "t-yamada", "d1", phone)  # at night
    logs.flow(at(d, 3, 20), "t-yamada", "d1", phone, session, "10.20.0.10", None, 84, 84, "icmp")
    logs.end(at(d, 3, 40), "t-yamada", "d1", phone, session, "expired")
    logs.login(at(d, 15, 0), "h-suzuki", "d2", HOME["h-suzuki"])
    logs.login(at(d, 15, 4), "h-suzuki", "d5", "100.64.9.9")  # two devices, two places, four minutes
    logs.login(at(d, 16, 0), "k-sato", "d7", HOME["k-sato"])  # a new device
    for minute in range(12):
        logs.failed(at(d, 21, minute), "bad-credentials", "d3", HOME["k-sato"], name="k-sato")
    logs.failed(at(d, 21, 30), "user-unknown", "d1", phone, hash=hashlib.sha256(b"hunter2").hexdigest())
    logs.failed(at(d, 21, 31), "rate-limited", "d1", phone)
    logs.knock(at(d, 19, 2), "lost", "d6", "203.0.113.99")
    logs.knock(at(d, 19, 2, 59), "lost", "d6", "203.0.113.99", 11)
    for n in range(15):
        logs.knock(at(d, 5, n), "unknown-key", None, f"198.18.0.{n + 1}", 3 if n % 2 else None)
    logs.refused(at(d, 9, 1), "no-rule", "d1", "10.99.0.1", 445, user="t-yamada")
    logs.refused(at(d, 9, 2), "no-rule", "d1", "10.99.0.1", 445, 40, user="t-yamada")
    logs.refused(at(d, 9, 3), "denied", "d2", "10.30.5.78", 22, user="h-suzuki")
    logs.refused(at(d, 9, 4), "no-session", "d3", "10.20.0.10", 443)
    for n in range(6):
        logs.put("auth", at(d, 10, n), "device-roamed", "unknown", **logs.device("d4", f"2001:db8:77::{n + 6:x}"))
    for n in range(3):
        logs.put("access", at(d, 11, n), "log-gap", "unknown", "kernel-overrun", sekisho={"count": 4, "gap": {"what": "flows"}})
    logs.put("audit", at(d, 19, 2), "alert", "unknown", "lost-device-seen", **logs.device("d6", "203.0.113.99"))
    logs.put("audit", at(d, 12, 5), "alert", "unknown", "table-changed")
    logs.put("audit", at(d, 12, 5), "firewall-restored", reason="table-changed")
    logs.put("audit", at(d, 6, 0), "gateway-stopped")
    logs.put("audit", at(d, 6, 1), "gateway-started")
    logs.put("audit", at(d, 12, 0), "gateway-started", reason="unclean")
    logs.put("audit", at(d, 17, 0), "device-suspended", reason="by-user", user={"name": "k-sato"}, **logs.device("d7", HOME["k-sato"]))
    logs.admin(at(d, 17, 30), "device-suspended", device="d5")
    logs.put("access", at(d, 17, 40), "log-thinned", "unknown", "space-low")
    logs.put("access", at(d, 17, 50), "log-thinned", "unknown", "space-back", sekisho={"count": 12})
    logs.admin(at(d, 14, 0), "device-added", device="d7")
    logs.admin(at(d, 18, 30), "device-lost", device="d6", note="taxi, ticket 4711")
    logs.admin(at(d, 11, 0), "acl-applied", acl={"generation": 32, "previous_generation": 31, "files": 41, "rules": 377, "sessions_changed": 6,
               "changes_total": 5, "changes": ["groups/soumu.acl gains tcp 3389 10.30.5.77", "users/t-yamada.acl loses webmail (tcp 443 10.20.0.10)",
                                               "<script>alert(1)</script>", "four"]})
    logs.admin(at(d, 11, 30), "control-denied", who="op", outcome="failure", reason="no-role", control={"verb": "device-lost"})


def make(folder, strange=True):
    """Writes the logs of the fortnight, the last day but one with or without what is strange."""
    logs = Logs()
    working_days(logs, random.Random(4711))
    if strange:
        strange_day(logs)
    logs.write(folder)


if __name__ == "__main__":
    import sys
    make(sys.argv[1], "quiet" not in sys.argv[2:])
