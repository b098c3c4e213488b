# SPDX-License-Identifier: GPL-3.0-or-later
"""sekisho device add: keys, configuration, codes, and files that nothing overwrites."""
import json
import os
import re
import stat
import subprocess

from cli_box import SERVER, PRESHARED, DEVICE, bare, folder, run, Gateway, end, on_terminal


def enrolled(request):
    """What the gateway answers to device-add."""
    assert request["verb"] == "device-add"
    return end(device={**DEVICE, "label": request["label"], "users": request["users"], "public_key": request["public_key"]},
               preshared_key=PRESHARED if request["preshared"] else None,
               server={"public_key": SERVER, "endpoint": "vpn.example.jp:51820", "dns": ["10.20.0.53", "2001:db8::53"],
                       "portal": "gate.example.jp", "search": ["example.jp"], "label": "情報システム課"})


def conf(private, comment, preshared=True):
    return (f"{comment}[Interface]\nPrivateKey = {private}\nAddress = 10.64.0.7/32, fd64:5e61::7/128\n"
            f"DNS = 10.20.0.53, 2001:db8::53, example.jp\nMTU = 1280\n\n[Peer]\nPublicKey = {SERVER}\n"
            + (f"PresharedKey = {PRESHARED}\n" if preshared else "")
            + "AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = vpn.example.jp:51820\nPersistentKeepalive = 25\n")


def private_key(text):
    return re.search(r"^PrivateKey = (.*)$", text, re.M)[1]


def public_key(private):
    return subprocess.run(["wg", "pubkey"], input=private, capture_output=True, text=True, check=True).stdout.strip()


def decode(picture):
    return subprocess.run(["zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", picture], capture_output=True, text=True,
                          check=True).stdout.rstrip("\n") + "\n"


def test_a_phone_is_added(folder):
    with Gateway(enrolled) as gateway:
        done = run("device", "add", "t-yamada", "h-suzuki", "--label", "山田の電話", "--conf", f"{folder}/conf", "--png", f"{folder}/png",
                   "--svg", f"{folder}/svg", "--valid-from", "2026-12-01T08:00", "--valid-until", "2027-03-31", "--class", "shared")
    assert done.returncode == 0, done.stderr
    with open(f"{folder}/conf") as f:
        text = f.read()
    private = private_key(text)
    assert text == conf(private, "# d7: 山田の電話 at 情報システム課\n")
    assert gateway.requests == [{
        "verb": "device-add", "users": ["t-yamada", "h-suzuki"], "label": "山田の電話", "class": "shared",
        "public_key": public_key(private), "preshared": True,
        "valid_from": 1796079600_000000, "valid_until": 1806505200_000000}]  # JST; the last day counts to its end
    assert decode(f"{folder}/png") == conf(private, "")
    for name in ("conf", "png", "svg"):
        assert stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) == 0o600
        assert f"{folder}/{name}" in done.stdout
    assert private not in done.stdout + done.stderr and PRESHARED not in done.stdout + done.stderr
    assert "d7" in done.stdout and "10.64.0.7" in done.stdout and "https://gate.example.jp/" in done.stdout


def test_the_svg_shows_the_same_code(folder):
    with Gateway(enrolled):
        assert run("device", "add", "a", "--conf", f"{folder}/conf", "--svg", f"{folder}/svg").returncode == 0
    with open(f"{folder}/svg") as f:
        svg = f.read()
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", svg)}
    assert decode(pbm(f"{folder}/svg.pbm", side, dark)) == bare_text(f"{folder}/conf")


def pbm(path, side, dark, scale=6):
    """A picture (portable bitmap) of these dark modules."""
    with open(path, "w") as f:
        f.write(f"P1\n{side * scale} {side * scale}\n")
        for y in range(side * scale):
            f.write(" ".join("1" if (x // scale, y // scale) in dark else "0" for x in range(side * scale)) + "\n")
    return path


def decode_terminal(path, shown):
    rows = re.findall("\033\\[38;5;16;48;5;231m([ ▀▄█]*)\033\\[0m", shown)
    dark = {(x, 2 * y + half) for y, row in enumerate(rows) for x, c in enumerate(row) for half in (0, 1) if c in ("▀█", "▄█")[half]}
    return decode(pbm(path, len(rows[0]), dark))


def bare_text(path):
    with open(path) as f:
        return "".join(line for line in f if not line.startswith("#"))


def test_the_code_on_a_terminal(folder):
    with Gateway(enrolled):
        shown, code = on_terminal("device", "add", "a", "--label", "L", columns=120)
    assert code == 0 and "https://gate.example.jp/" in shown and shown.index("d7  L") < shown.index("10.64.0.7") < shown.index("\033[")
    text = decode_terminal(f"{folder}/pbm", shown)
    assert text == conf(private_key(text), "")


def test_a_code_too_wide_for_the_terminal(folder):
    with Gateway(enrolled):
        shown, code = on_terminal("device", "add", "a", columns=40)
    assert code == 0 and "█" not in shown and conf(private_key(shown), "") in shown


def test_configuration_on_standard_output(folder):
    with Gateway(enrolled):
        done = run("device", "add", "a", "--conf", "-", "--no-psk")
    assert done.returncode == 0 and done.stdout == conf(private_key(done.stdout), "# d7 at 情報システム課\n", preshared=False)
    assert "d7" in done.stderr and "https://gate.example.jp/" in done.stderr


def test_json_holds_the_configuration_unless_it_is_written(folder):
    with Gateway(enrolled):
        shown = json.loads(run("device", "add", "a", "--json").stdout)
        written = json.loads(run("device", "add", "a", "--json", "--conf", f"{folder}/conf").stdout)
    assert shown["device"]["id"] == "d7" and shown["configuration"] == conf(private_key(shown["configuration"]), "# d7 at 情報システム課\n")
    assert written["configuration"] is None and PRESHARED not in json.dumps(written)


def test_the_phones_own_key(folder):
    with Gateway(enrolled) as gateway:
        done = run("device", "add", "a", "--conf", "-", "--pubkey", SERVER)
        shown, code = on_terminal("device", "add", "a", "--pubkey", SERVER)
    assert [r["public_key"] for r in gateway.requests] == [SERVER, SERVER]
    assert "PrivateKey =" in done.stdout and not re.search("^PrivateKey", done.stdout, re.M)
    assert code == 0 and "█" not in shown and "[Interface]" in shown


def test_nothing_is_overwritten(folder):
    for name in ("there", "link"):
        os.symlink("/run/cli/elsewhere", f"{folder}/link") if name == "link" else open(f"{folder}/{name}", "w").close()
        with Gateway(enrolled) as gateway:
            done = run("device", "add", "a", "--png", f"{folder}/new", "--svg", f"{folder}/{name}")
        assert done.returncode == 1 and f"{folder}/{name}" in done.stderr and "nothing was registered" in done.stderr
        assert gateway.requests == [] and not os.path.exists(f"{folder}/new") and os.path.getsize(f"{folder}/there") == 0
    assert not os.path.exists("/run/cli/elsewhere")


def test_a_refusal_leaves_no_files(folder):
    with Gateway({"error": "no", "hint": "h", "code": "conflict"}):
        assert run("device", "add", "a", "--conf", f"{folder}/conf", "--png", f"{folder}/png").returncode == 1
    assert os.listdir(folder) == []


def test_an_unusable_answer_says_what_to_undo(folder):
    def broken(request):
        answer = enrolled(request)
        answer["end"]["server"]["endpoint"] = "vpn.example.jp:51820\nPostUp = reboot"
        return answer
    with Gateway(broken):
        done = run("device", "add", "a", "--conf", f"{folder}/conf")
    assert done.returncode == 1 and "server.endpoint" in done.stderr and "sekisho device revoke d7" in done.stderr
    assert os.listdir(folder) == []


def test_a_full_disk_says_what_to_undo(folder):
    os.makedirs(f"{folder}/small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", f"{folder}/small"], check=True)
    try:
        with Gateway(enrolled):
            done = run("device", "add", "a", "--png", f"{folder}/small/png", "--svg", f"{folder}/small/svg")
        assert done.returncode == 1 and "sekisho device revoke d7" in done.stderr
        assert "svg" not in os.listdir(f"{folder}/small")
    finally:
        subprocess.run(["umount", f"{folder}/small"], check=True)
