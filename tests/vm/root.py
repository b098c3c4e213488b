# SPDX-License-Identifier: GPL-3.0-or-later
"""The root disk of the small virtual machine: the Debian packages that the system tests run with, as they are installed here, and
none of this machine's own configuration."""
import os
import re
import subprocess

import image
from kernels import Skip, said

INIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "small-init")
PACKAGES = """base-files base-passwd bash coreutils conntrack findutils grep iproute2 kmod libc-bin login mount nftables oathtool
libpam-modules libpam-modules-bin libpam-oath libpam-runtime openssl passwd procps python3 python3-cryptography python3-pytest sed
sqlite3 systemd util-linux wireguard-tools libmnl0 libnftnl11 libnetfilter-conntrack3 libjansson4 libsqlite3-0 libcap-ng0
libseccomp2 libqrencode4 libpng16-16 libsystemd0 libssl3 libpam0g libcmocka0 dash diffutils iputils-ping logrotate netbase""".split()
UNUSED = re.compile("/usr/share/(doc|man|locale|info|bash-completion|zsh|perl5?|lintian|bug|doc-base|i18n|zoneinfo/right)/"
                    "|/usr/lib/python3[.0-9]*/(test|idlelib|tkinter|lib2to3|ensurepip|pydoc_data)/"
                    "|/usr/lib/x86_64-linux-gnu/(perl|gconv)/")
PAM_COMMON = {"common-auth": "auth required pam_unix.so\n", "common-account": "account required pam_unix.so\n",
              "common-password": "password required pam_unix.so yescrypt\n", "common-session": "session required pam_unix.so\n",
              "common-session-noninteractive": "session required pam_unix.so\n"}
SHADOW = "root:*:19000:0:99999:7:::\n"


def closure(names):
    """Those packages and what they depend on, as {name: version} of what is installed."""
    form = "${db:Status-Abbrev}|${Package}|${Version}|${Provides}|${Pre-Depends}, ${Depends}\n"
    shown = said("dpkg-query", "-W", "-f", form)
    installed, provides = {}, {}
    for line in shown.splitlines():
        status, name, version, provided, depends = line.split("|", 4)
        if not status.startswith("ii"):
            continue
        installed[name] = (version, depends)
        for other in provided.split(","):
            provides.setdefault(other.split("(")[0].strip(), name)
    found, todo = {}, list(names)
    while todo:
        name = todo.pop()
        name = name if name in installed else provides.get(name)
        if name is None or name in found:
            continue
        found[name], depends = installed[name]
        for alternatives in depends.split(","):
            choice = [re.split(r"[ :(]", a.strip())[0] for a in alternatives.split("|")]
            todo += [c for c in choice if c in installed or c in provides][:1]
    missing = [n for n in names if n not in found]
    if missing:
        raise Skip(f"packages are missing: {' '.join(missing)} (make deps)")
    return found


def files(packages):
    """Paths that these packages installed, with Python's compiled files beside its modules."""
    listed = said("dpkg-query", "-L", *packages)
    paths = {p for p in listed.splitlines() if p.startswith("/") and p != "/." and not UNUSED.search(p + "/")}
    paths = {p for p in paths if os.path.lexists(p)}
    for folder in {os.path.dirname(p) for p in paths if p.endswith(".py")}:
        compiled = f"{folder}/__pycache__"
        if os.path.isdir(compiled):
            paths |= {compiled, *(f"{compiled}/{name}" for name in os.listdir(compiled))}
    return sorted(paths)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(folder, name, text, mode=0o644):
    """A file of the image. Never through a symbolic link: packages have absolute ones, which from here lead to this machine's own
    files."""
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.realpath(os.path.dirname(path)) != os.path.dirname(os.path.abspath(path)):
        raise RuntimeError(f"{path} is behind a symbolic link")
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "x", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def fill(folder, paths):
    """Copies them, and makes what packages' installation scripts would have made."""
    plain = [p for p in paths if not (os.path.isdir(p) and not os.path.islink(p))]
    for link in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(f"{folder}/usr/{link}", exist_ok=True)
        os.symlink(f"usr/{link}", f"{folder}/{link}")
    # Through tar: hard links, modes and links stay, and /bin/x lands in /usr/bin as on a system with a merged /usr.
    names = "\n".join(os.path.join(os.path.realpath(os.path.dirname(p)), os.path.basename(p)).lstrip("/") for p in plain)
    pack = subprocess.Popen(["tar", "-C", "/", "-cf", "-", "--no-recursion", "-T", "-"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    unpack = subprocess.Popen(["tar", "-C", folder, "-xf", "-", "--keep-directory-symlink"], stdin=pack.stdout)
    pack.stdin.write(names)
    pack.stdin.close()
    if unpack.wait() or pack.wait():
        raise RuntimeError("the root disk's files cannot be copied")
    for name in ("dev", "proc", "sys", "run", "tmp", "mnt", "srv", "root", "lib/modules", "var/lib", "var/log", "var/tmp",
                 "etc/pam.d"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    for name in ("passwd", "group"):
        write(folder, f"etc/{name}", read(f"/usr/share/base-passwd/{name}.master"))
    write(folder, "etc/shadow", SHADOW, 0o640)
    write(folder, "etc/gshadow", "", 0o640)
    write(folder, "etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    write(folder, "etc/hostname", "sekisho-vm\n")
    write(folder, "etc/resolv.conf", "")
    write(folder, "etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")
    for name, text in PAM_COMMON.items():
        write(folder, f"etc/pam.d/{name}", text)
    write(folder, f"usr/local/sbin/{os.path.basename(INIT)}", read(INIT), 0o755)
    os.makedirs(f"{folder}/etc/alternatives", exist_ok=True)
    for link in os.scandir("/etc/alternatives"):
        if link.is_symlink() and os.path.lexists(folder + os.readlink(link.path)):
            os.symlink(os.readlink(link.path), f"{folder}/etc/alternatives/{link.name}")
    subprocess.run(["ldconfig", "-r", folder], check=True)


def disk():
    """The image, made when the versions of the packages (or this file) changed."""
    packages = closure(PACKAGES)
    key = (repr(sorted(packages.items())) + read(__file__) + read(INIT)).encode()

    def make(path, folder):
        fill(folder, files(packages))
        image.ext4(path, folder, 256)

    return image.cached("root", key, make)
