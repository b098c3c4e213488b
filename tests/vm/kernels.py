# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own kernel packages for virtual machines: downloaded and unpacked below build/vm/cache, never installed.

    kernel = kernels.get("6.1")   # or "6.12"; raises Skip with the reason where it cannot be had
    kernel.image                  # vmlinuz
    kernel.tree                   # folder with lib/modules/RELEASE, modules.dep included
    kernel.with_dependencies(["virtio_blk", "ext4"])    # files in the order in which insmod wants them
"""
import fcntl
import functools
import glob
import os
import re
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("SEKISHO_VM_CACHE", os.path.join(ROOT, "build", "vm", "cache"))
PACKAGES = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}


class Skip(Exception):
    """What is missing on this machine, in words."""


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _candidate(package):
    """What apt would install, as (name, version) of the package that holds the kernel itself; None when apt knows none."""
    depends = subprocess.run(["apt-cache", "depends", package], capture_output=True, text=True)
    name = re.search(r"Depends: (linux-image-\S+)", depends.stdout)
    if not name:
        return None
    version = re.search(r"Candidate: (\S+)", said("apt-cache", "policy", name[1]))
    return (name[1], version[1]) if version and version[1] != "(none)" else None


def _unpack(name, version, folder):
    """Downloads and unpacks beside the final place and renames last, so that an interrupted run leaves nothing half made."""
    part = folder + ".part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(part)
    try:
        subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2",
                        "-o", "Acquire::http::Timeout=30", "download", f"{name}={version}"],
                       cwd=part, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise Skip(f"{name} {version} cannot be downloaded: {error.stderr.strip()}") from error
    deb, = glob.glob(f"{part}/*.deb")
    subprocess.run(["dpkg-deb", "-x", deb, part], check=True)
    os.unlink(deb)
    release, = os.listdir(f"{part}/lib/modules")
    subprocess.run(["depmod", "-b", part, release], check=True)
    os.rename(part, folder)


def _cached(version):
    return [path for path in glob.glob(f"{CACHE}/linux-image-{version}.*-cloud-amd64_*") if not path.endswith(".part")]


class Kernel:
    def __init__(self, version, folder):
        self.version, self.tree = version, folder
        self.release, = os.listdir(f"{folder}/lib/modules")
        self.modules = f"{folder}/lib/modules/{self.release}"
        self.image = f"{folder}/boot/vmlinuz-{self.release}"

    @functools.cached_property
    def _depends(self):
        """Module name -> (path, paths it depends on), from modules.dep(5)."""
        found = {}
        with open(f"{self.modules}/modules.dep") as f:
            for line in f:
                path, _, needs = line.partition(":")
                found[os.path.basename(path).split(".")[0].replace("-", "_")] = (path, needs.split())
        return found

    def with_dependencies(self, names):
        """Paths of these modules and of what they need, what is needed first; without those that are built in."""
        with open(f"{self.modules}/modules.builtin") as f:
            builtin = {os.path.basename(line).split(".")[0].replace("-", "_") for line in f}
        order = []
        for name in names:
            if name in builtin:
                continue
            if name not in self._depends:
                raise LookupError(f"kernel {self.release} has no module {name}")
            path, needs = self._depends[name]
            order += [p for p in (*reversed(needs), path) if p not in order]
        return [f"{self.modules}/{p}" for p in order]


def get(version):
    """The kernel of that series in the version that apt offers, else the newest that is in the cache."""
    for program in ("apt-get", "dpkg-deb", "depmod"):
        if not shutil.which(program):
            raise Skip(f"{program} is missing")
    os.makedirs(CACHE, exist_ok=True)
    with open(f"{CACHE}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        candidate = _candidate(PACKAGES[version])
        if candidate:
            folder = f"{CACHE}/{candidate[0]}_{candidate[1]}"
            if not os.path.isdir(folder):
                _unpack(*candidate, folder)
                for old in set(_cached(version)) - {folder}:
                    shutil.rmtree(old)
            return Kernel(version, folder)
        cached = _cached(version)
        if not cached:
            raise Skip(f"apt knows no package {PACKAGES[version]} (after apt-get update?) and none is in {CACHE}")
        return Kernel(version, max(cached, key=os.path.getmtime))
