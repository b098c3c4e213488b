# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: the whole product on this machine, one line for each thing shown and what it proves. Needs root, touches nothing
outside namespaces of its own, ends with 'demo: N passed, M failed'.

usage: demo.py [--keep]     --keep leaves it up to look around
       demo.py --stop       ends what --keep left up
"""
import os
import select
import signal
import subprocess
import sys
import traceback
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RUN = os.path.join(ROOT, "tests", "system", "run")
PID_FILE = os.path.join(ROOT, "build", "demo.pid")
UP = b"\x04"  # end of transmission: the story is told, the exit code follows, all the rest stays up
LOOK = """
It stays up until `make demo-stop`. Look around, as root, from here:
  export IN="nsenter -t {inner} -m -n -p"
  $IN {build}/sekisho status
  $IN ip netns exec phone2 curl -sk https://gate.example.jp/
  $IN ip netns exec phone2 bash
  $IN ip netns exec gw nft list table inet sekisho
  $IN tail -f /var/log/sekisho/access.jsonl"""


def relay(arguments):
    """Starts the demo inside its own small machine, shows what it says, and with --keep leaves it running."""
    keep = "--keep" in arguments
    environment = dict(os.environ, SEKISHO_DEMO_TTY="1" if sys.stdout.isatty() else "", PYTHONDONTWRITEBYTECODE="1")
    child = subprocess.Popen([RUN, sys.executable, os.path.abspath(__file__), "--inside", *arguments], env=environment,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=keep, stdin=subprocess.DEVNULL)
    try:
        while line := child.stdout.readline():
            if line.startswith(UP):
                left_up(child.pid)
                return int(line[len(UP):])
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
        return child.wait()
    except KeyboardInterrupt:
        child.kill()  # everything inside goes with its launcher
        child.wait()
        return 130


def left_up(launcher):
    with open(f"/proc/{launcher}/task/{launcher}/children") as f:
        inner = f.read().split()[0]
    with open(PID_FILE, "w") as f:
        f.write(f"{launcher}\n")
    build = os.environ.get("SEKISHO_BUILD", os.path.join(ROOT, "build", "gcc"))
    print(LOOK.format(inner=inner, build=os.path.abspath(build)), flush=True)


def stay_up(code):
    """Inside: says that all is told, then waits to be killed with the launcher."""
    sys.stdout.buffer.write(UP + b"%d\n" % code)
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    while True:
        signal.pause()


def running():
    """The launcher's pid of a demo that was left up, or None."""
    try:
        with open(PID_FILE) as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return pid if b"unshare" in f.read() else None
    except (FileNotFoundError, ValueError):
        return None


def stop():
    pid = running()
    if pid is None:
        print("demo-stop: no demo is up")
        return 0
    handle = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([handle], [], [], 10)
    os.unlink(PID_FILE)
    print("demo-stop: the demo and everything in it is gone")
    return 0


class Story:
    """Prints one line for each thing shown; counts."""

    def __init__(self):
        self.colours = bool(os.environ.get("SEKISHO_DEMO_TTY")) and "NO_COLOR" not in os.environ
        self.passed = self.failed = 0

    def paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text

    def chapter(self, title):
        print("\n" + self.paint("1", title), flush=True)

    def show(self, text, limit=24):
        """Text of the product itself, indented, cut to 80 columns (wide characters take two)."""
        for line in text.rstrip().splitlines()[:limit]:
            room, shown = 75, ""
            for character in line:
                room -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
                if room < 1:
                    shown += "…"
                    break
                shown += character
            print("    " + self.paint("2", shown), flush=True)

    def step(self, claim, action, detail=None):
        """Runs action(); falsy or an exception is a failure. Returns its value. `detail` makes the remark at the line's end."""
        try:
            value = action()
            good, remark = bool(value), ""
            if good:
                remark = detail(value) if detail else ""
        except Exception as error:
            value, good, remark = None, False, ""
            trouble = f"{type(error).__name__}: {error}"
        else:
            trouble = "did not happen" if not good else ""
        mark = self.paint("32", "ok  ") if good else self.paint("1;31", "FAIL")
        remark = f"  ({remark})" if remark else ""
        print(f"  {mark} {claim}{self.paint('2', remark)}", flush=True)
        if good:
            self.passed += 1
        else:
            self.failed += 1
            self.show(trouble, 12)
        return value

    def broke_off(self, error):
        self.failed += 1
        print(f"  {self.paint('1;31', 'FAIL')} the demo cannot go on:")
        self.show("".join(traceback.format_exception(error)), 40)

    def end(self):
        print(f"\ndemo: {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def main():
    arguments = sys.argv[1:]
    if arguments == ["--stop"]:
        return stop()
    if "--inside" in arguments:
        sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "system")]
        import story
        return story.tell(Story(), stay_up if "--keep" in arguments else None)
    if set(arguments) - {"--keep"}:
        print(__doc__, file=sys.stderr)
        return 64
    if running():
        print("a demo is up already; end it first with: make demo-stop", file=sys.stderr)
        return 1
    return relay(arguments)


if __name__ == "__main__":
    sys.exit(main())
