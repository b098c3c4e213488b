# SPDX-License-Identifier: GPL-3.0-or-later
"""The root disk of the machine that boots systemd: a Debian made by mmdebstrap from its packages, the modules of one kernel, the
product as `make install` puts it there (or Debian packages of it, not installed), and what lets the tests speak with it. Nothing of it
is set up: that is a test.

Cached below build/vm/cache: the Debian by its package list, the disk by everything that is in it.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import image  # noqa: E402
from kernels import CACHE, ROOT, Skip  # noqa: E402

BUILD = os.environ.get("SEKISHO_BUILD", os.path.join(ROOT, "build", "gcc"))
PACKAGES = """conntrack dbus iproute2 iputils-ping jq kmod ldap-utils libcap-ng0 libjansson4 libnetfilter-conntrack3 libnftnl11 libnss-ldapd
libpam-ldapd libpng16-16 libqrencode4 libseccomp2 libsqlite3-0 libssl3 logrotate nftables nslcd openssl postfix procps python3-cryptography
slapd sqlite3 systemd systemd-sysv tzdata udev wireguard-tools""".split()
# Left out of the image: nobody reads them there.
EXCLUDED = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*", "/usr/share/info/*")
# People of the ministry: name, groups, password.
STAFF = (("t-yamada", "soumu", "sakura-yama-41"), ("h-suzuki", "kikaku", "take-sora-77"))
# Units that a test has no use for; each costs a second or more without hardware help.
MASKED = """apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-tmpfiles-clean.timer logrotate.timer
postfix.service postfix-resolvconf.path getty.target getty@tty1.service serial-getty@ttyS0.service systemd-logind.service proc-sys-fs-binfmt_misc.automount systemd-binfmt.service
systemd-update-utmp.service systemd-update-utmp-runlevel.service sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount
sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount slapd.service nslcd.service modprobe@configfs.service modprobe@fuse.service
modprobe@drm.service modprobe@efi_pstore.service modprobe@loop.service modprobe@dm_mod.service e2scrub_reap.service
systemd-udev-trigger.service systemd-random-seed.service systemd-remount-fs.service systemd-pcrphase.service
systemd-pcrphase-sysinit.service systemd-network-generator.service systemd-pstore.service""".split()
MODULES_BARRED = "ata_piix ata_generic libata psmouse evdev serio_raw button intel_rapl_msr intel_rapl_common pcspkr".split()
AGENT = """[Unit]
Description=What the tests speak with
DefaultDependencies=no
After=local-fs.target
Conflicts=shutdown.target
[Service]
Environment=SEKISHO_SLOWER=5
ExecStart=/usr/bin/python3 /opt/tests/agent.py
[Install]
WantedBy=sysinit.target
"""
PROBE = """[Unit]
Description=Packets that must not pass, from the first moment on
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup-dev.service
Before=systemd-sysctl.service
Conflicts=shutdown.target
[Service]
ExecStart=/opt/tests/probe.sh
"""
PACKAGE_DIR = "/opt/packages"
INSIDE = ("agent.py", "scene.py", "probe.sh")  # of this folder
SHARED = ("netns.py", "browser.py", "lan.py", "phone.py")  # of tests/system


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def _users():
    lines = [f"getent group {group} >/dev/null || groupadd {group}; useradd -m -G {group} {name}; echo '{name}:{password}' | chpasswd -c SHA256"
             for name, group, password in STAFF]
    return "; ".join(["set -e", *lines, "useradd -m n-admin"])


def base():
    """The Debian alone, as a tar archive."""
    if not shutil.which("mmdebstrap"):
        raise Skip("mmdebstrap is missing (apt-get install --no-install-recommends mmdebstrap)")
    if os.geteuid() != 0:
        raise Skip("making a Debian needs root")
    command = ["mmdebstrap", "--mode=root", "--variant=apt", "--format=tar", "--aptopt=APT::Install-Recommends \"0\"",
               *(f"--dpkgopt=path-exclude={p}" for p in EXCLUDED), "--include=" + ",".join(PACKAGES),
               f"--customize-hook=chroot \"$1\" sh -c \"{_users()}\"", "bookworm"]
    path = f"{CACHE}/debian-{hashlib.sha256(repr(command).encode()).hexdigest()[:16]}.tar"
    os.makedirs(CACHE, exist_ok=True)
    with open(f"{CACHE}/lock-debian", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            done = subprocess.run([*command, path + ".part"], capture_output=True, text=True)
            if done.returncode:
                raise Skip(f"mmdebstrap made no Debian: {done.stderr[-2000:]}")
            os.rename(path + ".part", path)
    return path


def _install(folder):
    subprocess.run(["make", "-s", "-C", ROOT, "install", f"DESTDIR={folder}", f"B={os.path.relpath(BUILD, ROOT)}"], check=True)


def _fill(folder, debian, kernel, packages):
    subprocess.run(["tar", "-C", folder, "-xf", debian, "--exclude=./dev/*"], check=True)
    subprocess.run(["cp", "-a", kernel.modules, f"{folder}/usr/lib/modules/"] if os.path.isdir(f"{folder}/usr/lib/modules")
                   else ["cp", "-a", os.path.dirname(kernel.modules), f"{folder}/usr/lib/"], check=True)
    if not packages:
        _install(folder)
    for name, path in packages.items():
        shutil.copy(path, _folder(f"{folder}{PACKAGE_DIR}") + f"/{name}.deb")
    for name in _inside():
        shutil.copy(name, _folder(f"{folder}/opt/tests"))
    write(f"{folder}/etc/machine-id", "5e5e5e5e5e5e4e5e8e5e5e5e5e5e5e5e\n")
    write(f"{folder}/etc/hostname", "gw1\n")
    write(f"{folder}/etc/hosts", "127.0.0.1 localhost gw1\n::1 localhost\n")
    write(f"{folder}/etc/fstab", "")
    write(f"{folder}/etc/systemd/journald.conf.d/tests.conf", "[Journal]\nStorage=persistent\nRateLimitBurst=0\n")
    write(f"{folder}/etc/modprobe.d/tests.conf", "".join(f"install {m} /bin/true\n" for m in MODULES_BARRED))
    write(f"{folder}/etc/systemd/system/tests-agent.service", AGENT)
    write(f"{folder}/etc/systemd/system/tests-probe.service", PROBE)
    _link(folder, "../tests-agent.service", "sysinit.target.wants/tests-agent.service")
    for unit in MASKED:
        _link(folder, "/dev/null", unit)


def _inside():
    return [*(f"{HERE}/{n}" for n in INSIDE), *(f"{ROOT}/tests/system/{n}" for n in SHARED)]


def _folder(path):
    os.makedirs(path, exist_ok=True)
    return path


def _link(folder, target, name):
    path = f"{folder}/etc/systemd/system/{name}"
    _folder(os.path.dirname(path))
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def _product():
    """The files that `make install` takes."""
    paths = [f"{BUILD}/{p}" for p in ("sekisho", "sekisho-gateway", "sekisho-portal", "sekisho-auth")] + [f"{ROOT}/Makefile"]
    return paths + [os.path.join(d, n) for top in ("systemd", "docs", "share") for d, _, names in os.walk(f"{ROOT}/{top}") for n in names]


def _contents(packages):
    """What the disk is made of beside Debian, as bytes for its key."""
    digest = hashlib.sha256()
    for path in sorted([*(packages.values() or _product()), os.path.abspath(__file__), *_inside()]):
        with open(path, "rb") as f:
            digest.update(path.encode() + b"\0" + f.read() + b"\0")
    return digest.digest()


def disk(kernel, packages=None):
    """The image: ext4 with a journal, as a power failure needs. `packages`: name -> path of a Debian package, put into PACKAGE_DIR as
    NAME.deb; the product is then not installed."""
    debian = base()
    packages = packages or {}

    def make(path, folder):
        os.chmod(folder, 0o755)
        _fill(folder, debian, kernel, packages)
        with open(path, "wb") as f:
            f.truncate(2 << 30)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "1", "-E", "lazy_itable_init=1", "-d", folder, path], check=True)

    name = f"{'packages' if packages else 'systemd'}-{kernel.version}"
    return image.cached(name, f"{debian} {kernel.tree} {' '.join(packages)}".encode() + _contents(packages), make)
