# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make demo` tells, in the order a ministry would live it: set up, enrol, log in, work, change, survive, share a phone, lose one."""
import json
import signal
import subprocess
import sys
import textwrap
import time

from world import (ACL, FILES, INTRANET, OUTER, PORT, PORTAL, PORTAL4, PORTAL6, RESOLVER, ROOT, STAFF, Probe, World, field,
                   wait_until)

CLOSED = ("refused", "prohibited")


def milliseconds(probe):
    return f"{probe.elapsed * 1000:.0f} ms"


def scan(world):
    """What a stranger on the Internet gets from the gateway's outer address: TCP connections, UDP answers."""
    stranger = world.inet
    answers = [f"tcp/{port}" for port in (22, 80, 443, 853, 8080, 8443, PORT) if stranger.tcp(OUTER, port, 1).result == "open"]
    answers += [f"udp/{port}" for port in (53, 443, PORT) if stranger.udp(OUTER, port, b"\1" * 148, 0.5).result == "open"]
    return answers


def qr_text(world):
    """Scans the picture of the code as a phone's camera does."""
    done = subprocess.run(["zbarimg", "--quiet", "--raw", "/run/world/phone.png"], capture_output=True, text=True)
    return done.stdout


def set_up(story, w):
    story.chapter("1  Set up and start")
    story.step("sekisho setup wrote keys and settings; nothing is missing",
               lambda: w.sekisho("setup", "--check").returncode == 0)
    story.step("the ACL files are well formed and their own tests hold", lambda: w.sekisho("acl", "check"),
               lambda done: done.stdout.split(": ", 1)[1].split(": ", 1)[1].strip())
    story.step("the gateway is up, as its own user with one capability", lambda: w.start_gateway() and capabilities(w),
               lambda text: text)
    story.step("login page and PAM helper wait at their sockets", lambda: (w.start_auth(), w.start_portal(), True)[-1])
    story.step("a scan from the Internet finds nothing that answers", lambda: not scan(w))


def capabilities(w):
    with open(f"/proc/{w.processes['gateway'].pid}/status") as f:
        status = dict(line.rstrip().split(":\t", 1) for line in f if ":\t" in line)
    assert status["Uid"].split()[0] != "0" and int(status["CapEff"], 16) == 1 << 12, status["CapEff"]
    return "CAP_NET_ADMIN only"


def enrol(story, w):
    story.chapter("2  A phone joins through a hotel's NAT")
    device = story.step("device add: the phone's configuration as text and QR code",
                        lambda: w.add_device("t-yamada", label="山田 携帯", png="/run/world/phone.png"), lambda d: d.id)
    story.step("a camera reads the same configuration from the code", lambda: same_conf(qr_text(w), device.conf))
    second = w.add_device("h-suzuki", label="鈴木 携帯")
    story.step("an unknown key knocks: no answer, and the log says from where", lambda: stranger_knocks(w, device),
               lambda e: field(e, "sekisho.endpoint.ip"))
    w.phone.join(device.conf)
    story.step("the phone knocks and is let in: first ping answered", lambda: first_ping(w.phone), milliseconds)
    w.phone2.join(second.conf)
    story.step("a second phone behind the same NAT too", lambda: first_ping(w.phone2), milliseconds)
    return device


def same_conf(scanned, conf):
    def keys(text):
        return [line.replace(" ", "") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#")]

    return keys(scanned) == keys(conf)


def stranger_knocks(w, device):
    """A phone with a key of its own that nobody enrolled."""
    key = subprocess.run(["wg", "genkey"], capture_output=True, text=True, check=True).stdout.strip()
    lines = [f"PrivateKey = {key}" if line.startswith("PrivateKey") else line for line in device.conf.splitlines()]
    w.phone2.join("\n".join(lines))
    w.phone2.udp(PORTAL4, 9, timeout=0.2)  # anything that makes WireGuard knock
    event = w.wait_log("auth", "device-refused", event__reason="unknown-key")
    assert w.phone2.ping(PORTAL4, 0.5).result == "timeout"
    w.phone2.off()
    return event


def first_ping(phone):
    """The time from switching the tunnel on until a ping is answered; every try asks again, as an impatient user would."""
    wait_until(lambda: phone.ping(PORTAL4, 0.05).result == "open", 10, "first ping")
    return Probe("open", time.monotonic() - phone.switched_on)


def before_login(story, w):
    story.chapter("3  Before the login: the login page and DNS, nothing else")
    story.step("DNS answers, over the tunnel", lambda: w.phone.resolve(PORTAL, RESOLVER) == PORTAL4,
               lambda _: f"{PORTAL} {PORTAL4}")
    story.step("the login page is there, over IPv4 and IPv6",
               lambda: all(w.phone.tcp(a, 443).result == "open" for a in (PORTAL4, PORTAL6)))
    probes = {}

    def closed():
        for name, address in (("v4", INTRANET[0]), ("v6", INTRANET[1])):
            probes[name] = w.phone.tcp(address, 80)
        return all(p.result in CLOSED for p in probes.values())

    story.step("the intranet is refused at once, not swallowed", closed,
               lambda _: ", ".join(f"{n} {milliseconds(p)}" for n, p in probes.items()))
    story.step("the gateway itself shows no other port", lambda: w.phone.tcp(PORTAL4, 22).result in CLOSED)


def log_in(story, w):
    story.chapter("4  Login: password and one-time code, by PAM")
    staff = STAFF["t-yamada"]
    browser = w.browser()

    def wrong():
        page = browser.login(staff.name, "not the password", "000000")
        return page.status == 200 and not w.sekisho("session", "list", "--json")

    story.step("a wrong password opens nothing, and is not told from a wrong code", wrong, lambda _: browser.tls)
    story.step("the right ones open a session", lambda: browser.login(staff.name, staff.password, w.code(staff.name))
               and w.sekisho("session", "list", "--json"), lambda rows: f"session {rows[0]['id']}, user {rows[0]['user']}")
    for name, address in (("IPv4", INTRANET[0]), ("IPv6", INTRANET[1])):
        story.step(f"the intranet answers over {name}: TCP, UDP, ping", lambda a=address: all(
            p.result == "open" for p in (w.phone.tcp(a, 80), w.phone.udp(a, 7000), w.phone.ping(a))))
    story.step("what the ACL does not name is refused at once, over both", lambda: all(
        w.phone.tcp(a, 80).result in CLOSED and w.phone.udp(a, 7000).result in CLOSED for a in FILES))
    story.step("another port of the same server too", lambda: w.phone.tcp(INTRANET[0], 22).result in CLOSED)
    w.login(w.phone2, "h-suzuki")
    story.step("another user has other doors: h-suzuki reaches the file server only", lambda:
               w.phone2.tcp(FILES[0], 80).result == "open" and w.phone2.tcp(INTRANET[0], 80).result in CLOSED)
    story.step("phones do not reach each other", lambda: w.phone.ping(w.phone2.v4, 1).result != "open"
               and w.phone2.tcp(w.phone.v6, 80, 1).result != "open")
    return browser


def administrate(story, w):
    story.chapter("5  What an administrator sees and does")
    story.show(w.sekisho("status").stdout)
    story.show(w.sekisho("session", "list").stdout)
    story.step("acl explain names the file and line that decides", lambda:
               w.sekisho("acl", "explain", "t-yamada", "tcp", "80", INTRANET[0], "--json"),
               lambda a: "{file}:{line}".format(**a["rules"][0]))
    flow = w.phone.open_flow(INTRANET[0]).goes_on()
    w.write_acl({"users/t-yamada.acl": "deny udp 7000 10.20.0.10  reason \"demo\"\n"})
    story.step("a narrower ACL cuts an open flow the moment it is applied", lambda:
               w.sekisho("acl", "apply", "--yes").returncode == 0 and flow.is_cut())
    story.step("while the rest of the session goes on", lambda: w.phone.tcp(INTRANET[0], 80).result == "open")
    w.write_acl({"users/t-yamada.acl": None})
    story.step("and the flow comes back with the rule", lambda: w.sekisho("acl", "apply", "--yes").returncode == 0 and flow.goes_on())
    flow.stop()
    w.write_acl({"groups/soumu.acl": "allow intranett\n"})
    done = w.sekisho("acl", "apply", "--yes", check=False)
    story.step("an ACL with a mistake is refused whole; what was in force stays", lambda:
               done.returncode != 0 and w.phone.tcp(INTRANET[0], 80).result == "open")
    story.show(done.stderr + done.stdout, 4)
    w.write_acl({"groups/soumu.acl": ACL["groups/soumu.acl"]})


def survive(story, w):
    story.chapter("6  The gateway dies and returns; the phone travels and sleeps")
    flow = w.phone.open_flow(INTRANET[1])
    flow.goes_on()
    before = w.sekisho("session", "list", "--json")

    def crash():
        w.kill("gateway", signal.SIGKILL)
        return flow.goes_on(50)

    story.step("kill -9 of the gateway: the open flow goes on", crash, lambda f: f"{f.count()} answers")
    story.step("without it nothing can be opened that was closed", lambda: w.phone.tcp(FILES[0], 80).result in CLOSED)
    story.step("restarted, it takes over: same sessions, flow unbroken, no login", lambda:
               w.start_gateway() and flow.goes_on() and {s["id"] for s in w.sekisho("session", "list", "--json")} ==
               {s["id"] for s in before})
    story.step("the phone moves to another network: the flow goes on", lambda: (w.phone.roam("street"), flow.goes_on())[1])
    flow.stop()
    w.configure(peer_idle="5s")
    w.sekisho("reload")
    w.phone.off()
    story.step("it sleeps: its peer is taken out, its session stays", lambda:
               w.wait_log("auth", "device-offline", 30, device__id="d1") and w.sekisho("session", "list", "--json"))
    w.configure(peer_idle=None)
    w.sekisho("reload")
    # The other phone was taken out by the short time too, and would notice only when its keys fail: switched off and on, it knocks.
    w.phone2.off()
    w.phone2.on()
    w.phone.on()
    story.step("it wakes and works on without a login", lambda:
               wait_until(lambda: w.phone.tcp(INTRANET[0], 80, 1).result == "open"))


def renew(story, w):
    story.chapter("7  More time")
    staff, flow = STAFF["t-yamada"], w.phone.open_flow(INTRANET[0]).goes_on()
    before = session_of(w, staff.name)

    def more_time():
        browser = w.browser()
        browser.submit(next(f for f in browser.get("/").forms if f.action == "/renew"))
        for secret in (staff.password, w.code(staff.name)):
            browser.submit(browser.settle().form("password"), a0=secret)
        browser.settle()
        after = session_of(w, staff.name)
        return after["id"] == before["id"] and after["ends"] > before["ends"] and flow.goes_on()

    story.step("the user shows anew who it is: more time, same session, flow unbroken", more_time)
    flow.stop()


def session_of(w, user):
    return next(s for s in w.sekisho("session", "list", "--json") if s["user"] == user)


def come_second(w, user):
    """Somebody else has the shared phone in hand, and logs in where the page says."""
    browser = w.browser(w.phone2)
    assert "Another person: log in here" in browser.get("/").text
    browser.submit(browser.get("/other").form("text"), user=user)
    for secret in (STAFF[user].password, w.code(user)):
        browser.submit(browser.settle().form("password") or browser.page.form("text"), a0=secret)
    return browser.settle().text


def share(story, w):
    story.chapter("8  A phone that two share")
    device = w.add_device("h-suzuki", "k-mori", label="窓口 共用", device_class="shared")
    w.phone2.off()
    w.phone2.join(device.conf)
    first_ping(w.phone2)
    w.login(w.phone2, "h-suzuki")
    story.step("k-mori comes while h-suzuki is in: refused, and told who must log out", lambda:
               "Ask h-suzuki to press Log out" in come_second(w, "k-mori") and session_of(w, "h-suzuki"))
    w.configure(shared_login="takeover")
    w.sekisho("reload")
    story.step("with `shared-login takeover` the first one is logged out; both are on record", lambda:
               "k-mori is logged in" in come_second(w, "k-mori") and
               w.wait_log("auth", "session-ended", user__name="h-suzuki", event__reason="superseded"),
               lambda e: f"{e['user']['name']} {e['event']['reason']}")


def cut_off(w, device, flow):
    """What the command said, if it has done what it says."""
    done = w.sekisho("device", "lost", device.id, "--yes", "--note", "left in a taxi")
    return done if flow.is_cut() and w.phone.ping(PORTAL4, 1).result == "timeout" else None


def lose(story, w, device):
    story.chapter("9  A session ended by hand; a phone lost")
    flow = w.phone.open_flow(INTRANET[0])
    flow.goes_on()
    number = session_of(w, "t-yamada")["id"]
    story.step("session end: the open flow is cut, new ones are refused at once", lambda:
               w.sekisho("session", "end", str(number)) and flow.is_cut() and w.phone.tcp(INTRANET[0], 80).result in CLOSED)
    flow.stop()
    story.step("a new login opens a new session", lambda: w.login(w.phone) and w.phone.tcp(INTRANET[0], 80).result == "open")
    flow = w.phone.open_flow(INTRANET[0])
    flow.goes_on()
    lost = story.step("device lost: cut off at once, tunnel and all", lambda: cut_off(w, device, flow))
    story.step("and a report: where it was, its connections, what it could reach, what to do", lambda:
               all(words in lost.stdout for words in ("203.0.113.77", "connection-closed", "allow intranet", "What to do next")),
               lambda _: lost.stderr.split("The report is in ")[1].split(",")[0])
    story.show(brief(lost.stdout) if lost else "", 12)
    flow.stop()
    w.phone.off()
    w.phone.on()
    w.phone.udp(PORTAL4, 9, timeout=0.2)
    story.step("it shows up again: refused, and an alert is on record",
               lambda: w.wait_log("audit", "alert", 15, device__id=device.id), lambda e: f"reason {e['event'].get('reason')}")


def brief(report):
    """Of a report the device, its sessions, and what to do."""
    parts = report.split("\n\n")
    return "\n".join([*parts[1].splitlines()[:2], *parts[1].splitlines()[-2:-1], *parts[2].splitlines()[:2], *parts[-1].splitlines()[:4]])


def evidence(story, w):
    story.chapter("10  The evidence")

    def check():
        command = [sys.executable, f"{ROOT}/tests/system/logcheck.py", "/var/log/sekisho"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return sum(1 for f in ("auth", "access", "audit") for _ in w.logs(f))

    story.step("every line of the three files is as documented, numbers without gaps", check, lambda n: f"{n} lines")
    story.step("each flow has its record: user, session, bytes, and the rule that let it in", lambda:
               w.wait_log("access", "connection-closed", user__name="t-yamada"), lambda e: field(e, "rule.name") or "")
    record = w.logs("access", "connection-closed", user__name="t-yamada")[-1:]
    story.show("\n".join(textwrap.wrap(json.dumps(record[0], ensure_ascii=False), 74) if record else []))


def tell(story, up):
    """`up`: None, or what to call with the exit code when everything is to stay up."""
    w = World({"poll_interval": "1s"})
    print("Sekisho: a gateway, a LAN, two phones behind a hotel's NAT; all on this machine.")
    try:
        set_up(story, w)
        device = enrol(story, w)
        before_login(story, w)
        log_in(story, w)
        administrate(story, w)
        survive(story, w)
        renew(story, w)
        share(story, w)
        lose(story, w, device)
        evidence(story, w)
    except Exception as error:  # a step that the rest needs: what is left is not told
        story.broke_off(error)
    code = story.end()
    if up:
        up(code)
    w.close()
    return code
