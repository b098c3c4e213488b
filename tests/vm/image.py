# SPDX-License-Identifier: GPL-3.0-or-later
"""What a virtual machine boots from: an initramfs that finds its disks, and ext4 images of folders, cached by contents."""
import fcntl
import gzip
import hashlib
import lzma
import os
import shutil
import stat

from kernels import CACHE, Skip, said

BUSYBOX = "/bin/busybox"
DISK_MODULES = ("virtio_pci", "virtio_blk", "virtio_rng", "ext4")

# Runs before there is a root: the modules that a disk needs, the disk, its init.
INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod "/modules/$module" || echo "init: $module cannot be loaded"; done </modules/order
for word in $(/bin/busybox cat /proc/cmdline); do case $word in init=*) init=${word#init=} ;; esac; done
tries=0
until [ -b /dev/vda ] || [ $tries -ge 100 ]; do /bin/busybox usleep 100000; tries=$((tries + 1)); done
/bin/busybox mount -t ext4 /dev/vda /root || { echo "init: no root disk"; /bin/busybox poweroff -f; }
for mounted in proc sys dev; do /bin/busybox mount --move /$mounted /root/$mounted; done
exec /bin/busybox switch_root /root "${init:-/sbin/init}"
"""


def _cpio(entries):
    """An archive of (name, mode, data) in the 'newc' format, see Documentation/driver-api/early-userspace/buffer-format.rst."""
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        raw = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + b"".join(b"%08x" % f for f in fields) + raw
        yield head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def _contents(kernel):
    for name in ("bin", "proc", "sys", "dev", "root", "modules"):
        yield name, stat.S_IFDIR | 0o755, b""
    with open(BUSYBOX, "rb") as f:
        yield "bin/busybox", stat.S_IFREG | 0o755, f.read()
    order = ""
    for path in kernel.with_dependencies(DISK_MODULES):
        name = os.path.basename(path).removesuffix(".xz")
        order += name + "\n"
        with (lzma.open if path.endswith(".xz") else open)(path, "rb") as f:
            yield f"modules/{name}", stat.S_IFREG | 0o644, f.read()
    yield "modules/order", stat.S_IFREG | 0o644, order.encode()
    yield "init", stat.S_IFREG | 0o755, INIT.encode()


def initramfs(kernel):
    """Path of the initramfs for this kernel."""
    if not os.path.exists(BUSYBOX):
        raise Skip(f"{BUSYBOX} is missing (apt-get install busybox-static)")
    archive = gzip.compress(b"".join(_cpio(_contents(kernel))), 1, mtime=0)
    path = f"{CACHE}/initramfs-{kernel.release}-{hashlib.sha256(archive).hexdigest()[:16]}"
    if not os.path.exists(path):
        with open(f"{path}.{os.getpid()}", "wb") as f:
            f.write(archive)
        os.rename(f.name, path)
    return path


def ext4(path, folder, room_mib=64):
    """Makes an ext4 image of a folder, with that much room left."""
    size, files = (int(said("du", "-s", *how, folder).split()[0]) for how in (("-m", "--apparent-size"), ("--inodes",)))
    with open(path, "wb") as f:
        f.truncate((size + size // 8 + files // 200 + room_mib + 8) << 20)
    said("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-N", str(files + 8192), "-d", folder, path)


def cached(name, key, make):
    """build/vm/cache/NAME-HASH.img, made by make(path, folder) unless there is one for this key (bytes). Older ones go."""
    digest = hashlib.sha256(key).hexdigest()[:16]
    path = f"{CACHE}/{name}-{digest}.img"
    with open(f"{CACHE}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(path):
            return path
        for old in os.listdir(CACHE):
            if old.startswith(name + "-") and old.endswith(".img"):
                os.unlink(f"{CACHE}/{old}")
        folder = f"{CACHE}/{name}.part"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        make(path + ".part", folder)
        shutil.rmtree(folder)
        os.rename(path + ".part", path)
    return path


def modules(kernel):
    """An image with /lib/modules of this kernel at its top."""
    return cached(f"modules-{kernel.version}", kernel.tree.encode(), lambda path, _: ext4(path, f"{kernel.tree}/lib/modules", 1))
