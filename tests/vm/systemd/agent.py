# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside the virtual machine: takes orders on its third serial port, one JSON object a line, and answers each by its number.

    {"id": 1, "run": "systemctl start x", "timeout": 60}     -> {"id": 1, "code": 0, "out": "...", "err": "..."}
    {"id": 2, "write": "/path", "text": "...", "mode": 420}  -> {"id": 2, "code": 0}
    {"id": 3, "call": "login", "with": ["t-yamada"]}         -> {"id": 3, "value": ...} or {"id": 3, "error": "..."}: scene.py
"""
import json
import os
import subprocess
import sys
import threading
import traceback
import tty

PORT = "/dev/ttyS2"
_lock = threading.Lock()


def answer(port, what):
    data = (json.dumps(what) + "\n").encode()
    with _lock:
        while data:
            data = data[os.write(port, data):]


def run(order):
    try:
        done = subprocess.run(["/bin/bash", "-c", order["run"]], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=order["timeout"], env={**os.environ, "LANG": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"})
        return {"code": done.returncode, "out": done.stdout, "err": done.stderr}
    except subprocess.TimeoutExpired as error:
        return {"code": 124, "out": (error.stdout or b"").decode(errors="replace"), "err": f"not done within {order['timeout']} s"}


def write(order):
    path = order["write"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as f:
        os.fchmod(f.fileno(), order.get("mode", 0o644))
        f.write(order["text"])
    os.rename(path + ".new", path)
    return {"code": 0}


def call(order):
    import scene  # late: it takes its time to load, and not every boot needs it
    return {"value": getattr(scene, order["call"])(*order["with"])}


def serve(port, order):
    try:
        kind = next(k for k in ("run", "write", "call") if k in order)
        result = {"run": run, "write": write, "call": call}[kind](order)
    except Exception:  # whatever it was, the one who asked is told
        result = {"error": traceback.format_exc()}
    answer(port, {"id": order["id"], **result})


def main():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    port = os.open(PORT, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    with open("/proc/sys/kernel/random/boot_id") as f:
        answer(port, {"id": 0, "boot": f.read().strip()})
    with os.fdopen(os.dup(port), "rb") as orders:
        for line in orders:
            try:
                order = json.loads(line)
            except ValueError:
                continue  # the rest of a line that was under way when this machine started
            threading.Thread(target=serve, args=(port, order), daemon=True).start()


if __name__ == "__main__":
    main()
