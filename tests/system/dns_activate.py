# SPDX-License-Identifier: GPL-3.0-or-later
"""dns_activate.py SEKISHO: starts what sekisho-dns.socket and sekisho-dns.service start, as systemd would: sockets by the drop-in that
`sekisho setup` wrote, then the service's own commands, as its user, without capabilities and with an empty network."""
import os
import re
import shutil
import socket
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DROPIN, RUN, USER = "/etc/systemd/system/sekisho-dns.socket.d/address.conf", "/run/sekisho-dns", "sekisho-dns"
FIRST, SPARE = 3, 20  # sd_listen_fds(3): they begin with 3
KINDS = {"ListenStream": socket.SOCK_STREAM, "ListenDatagram": socket.SOCK_DGRAM}
FREEBIND = {socket.AF_INET: (socket.IPPROTO_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}  # ip(7); linux/in6.h


def listeners():
    with open(DROPIN) as f:
        for kind, address, port in re.findall(r"^(Listen\w+)=\[?([0-9a-f.:]+?)\]?:(\d+)$", f.read(), re.M):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            s = socket.socket(family, KINDS[kind])
            s.setsockopt(*FREEBIND[family], 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address, int(port)))
            if s.type == socket.SOCK_STREAM:
                s.listen(64)
            yield s


def command(name, sekisho):
    with open(f"{ROOT}/systemd/sekisho-dns.service.in") as f:
        words = re.search(rf"^{name}=(.*)$", f.read(), re.M)[1].split()
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
            sekisho if words[0].startswith("@") else words[0], *words[1:]]


def main(sekisho):
    shutil.rmtree(RUN, ignore_errors=True)
    os.mkdir(RUN, 0o700)
    shutil.chown(RUN, USER, USER)
    subprocess.run(command("ExecStartPre", sekisho), check=True)
    spare = [os.dup2(s.fileno(), SPARE + i) for i, s in enumerate(listeners())]
    for i, fd in enumerate(spare):
        os.dup2(fd, FIRST + i)
    os.closerange(FIRST + len(spare), 256)
    os.environ.update(LISTEN_FDS=str(len(spare)), LISTEN_PID=str(os.getpid()))
    os.makedirs("/run/systemd", exist_ok=True)
    # sd_booted(3) looks for that folder
    os.execvp("unshare", ["unshare", "--net", "--mount", "sh", "-ec", "mount -t tmpfs tmpfs /run/systemd; mkdir /run/systemd/system; exec \"$@\"",
                          "sh", *command("ExecStart", sekisho)])


main(sys.argv[1])
