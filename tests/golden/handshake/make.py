#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes NAME.packet and NAME.keys anew: handshake initiations of a real wireguard-go. See README.

Needs root, wireguard-go and wg. The peer is a plain UDP socket in the same, new network namespace: it takes the
first message as it comes and answers nothing.
"""
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["plain", "psk", "ipv6", "later"]


def wg(*args, text=None):
    return subprocess.run(["wg", *args], input=text, text=True, check=True, capture_output=True).stdout.strip()


def start(interface):
    process = subprocess.Popen(["wireguard-go", "-f", interface], stdout=subprocess.DEVNULL,
                               env={"LOG_LEVEL": "error", "PATH": os.environ["PATH"]})
    deadline = time.monotonic() + 10
    while subprocess.run(["wg", "show", interface], capture_output=True).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit("wireguard-go did not start")
    return process


def capture(name, interface):
    gateway_private, device_private = wg("genkey"), wg("genkey")
    gateway, device = wg("pubkey", text=gateway_private), wg("pubkey", text=device_private)
    family, host = (socket.AF_INET6, "::1") if name == "ipv6" else (socket.AF_INET, "127.0.0.1")
    listener = socket.socket(family, socket.SOCK_DGRAM)
    listener.settimeout(10)
    listener.bind((host, 0))
    port = listener.getsockname()[1]
    endpoint = f"[{host}]:{port}" if name == "ipv6" else f"{host}:{port}"
    process = start(interface)
    try:
        subprocess.run(["ip", "link", "set", interface, "up"], check=True)
        peer = ["peer", gateway, "endpoint", endpoint, "allowed-ips", "0.0.0.0/0", "persistent-keepalive", "1"]
        if name == "psk":
            peer[2:2] = ["preshared-key", "/dev/stdin"]
        wg("set", interface, "private-key", key_file(device_private))
        wg("set", interface, *peer, text=wg("genpsk") if name == "psk" else None)
        for _ in range(2 if name == "later" else 1):  # the second try has a newer timestamp and another ephemeral key
            packet = listener.recv(2048)
    finally:
        process.kill()
        process.wait()
        os.unlink(KEY_FILE)
    assert len(packet) == 148 and packet[0] == 1, packet
    with open(os.path.join(HERE, name + ".packet"), "wb") as f:
        f.write(packet)
    with open(os.path.join(HERE, name + ".keys"), "w") as f:
        f.write(f"{gateway_private}\n{gateway}\n{device}\n")


KEY_FILE = "/run/wireguard/key"


def key_file(key):
    with open(os.open(KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
        f.write(key)
    return KEY_FILE


def main():
    if len(sys.argv) == 1:
        os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                              sys.executable, os.path.abspath(__file__), "inside"])
    os.makedirs("/run/wireguard", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/wireguard"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for number, name in enumerate(NAMES):
        capture(name, f"skv{number}")


main()
