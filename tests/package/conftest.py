# SPDX-License-Identifier: GPL-3.0-or-later
"""The package as `make deb` builds it, and a small Debian to install it in, in namespaces of its own (tests/system/run)."""
import glob
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path += [f"{TREE}/tests/vm", f"{TREE}/tests/vm/systemd"]


def build(folder):
    """Builds into that folder of build/; returns the paths of the two packages."""
    done = subprocess.run(["make", "-C", TREE, "deb", f"DEB=build/{folder}"], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return sorted(glob.glob(f"{TREE}/build/{folder}/*.deb"))


@pytest.fixture(scope="session")
def packages():
    return build("deb")


@pytest.fixture(scope="session")
def package(packages):
    return next(p for p in packages if "dbgsym" not in p)


@pytest.fixture(scope="session")
def unpacked(package, tmp_path_factory):
    """What is in it, as files."""
    folder = str(tmp_path_factory.mktemp("unpacked"))
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder


class Debian:
    """A Debian in a folder, over `base`, which it leaves as it is. Its network is that of tests/system/run: nothing here reaches
    this machine's."""

    def __init__(self, folder, base):
        self.folder = f"{folder}/root"
        os.makedirs(self.folder)
        subprocess.run(["mount", "-t", "tmpfs", "changes", folder], check=True)
        for name in ("root", "upper", "work"):
            os.makedirs(f"{folder}/{name}")
        layers = f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, self.folder], check=True)
        for name, kind in (("proc", "proc"), ("run", "tmpfs")):
            subprocess.run(["mount", "-t", kind, kind, f"{self.folder}/{name}"], check=True)
        subprocess.run(["mount", "--rbind", "/dev", f"{self.folder}/dev"], check=True)

    def close(self):
        subprocess.run(["umount", "-R", os.path.dirname(self.folder)], check=True)

    def run(self, command, check=True):
        """Runs a shell command in it; what it says."""
        environment = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                       "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(["chroot", self.folder, "sh", "-c", command], capture_output=True, text=True, env=environment)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def install(self, package):
        shutil.copy(package, f"{self.folder}/tmp/")
        return self.run(f"dpkg --force-unsafe-io -i /tmp/{os.path.basename(package)}")

    def read(self, path):
        with open(self.folder + path, encoding="utf-8") as f:
            return f.read()

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.folder + path), exist_ok=True)
        with open(self.folder + path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.folder + path, mode)

    def there(self, path):
        return os.path.lexists(self.folder + path)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A folder with the Debian that the virtual machine has, too, and wireguard-go for kernels without WireGuard."""
    from kernels import Skip
    import debian as systemd_machine
    if not os.path.exists("/run/world/inside"):
        pytest.skip("needs a machine of its own: make check-deb")
    try:
        archive = systemd_machine.base()
    except Skip as reason:
        pytest.skip(f"no Debian: {reason}")
    folder = str(tmp_path_factory.mktemp("debian"))
    os.chmod(folder, 0o755)
    subprocess.run(["tar", "-C", folder, "-xf", archive, "--exclude=./dev/*"], check=True)
    for name in glob.glob(f"{folder}/etc/dpkg/dpkg.cfg.d/*mmdebstrap*"):
        os.unlink(name)  # it would leave out the documentation
    shutil.copy("/usr/bin/wireguard-go", f"{folder}/usr/bin/")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def debian(base, tmp_path):
    made = Debian(str(tmp_path), base)
    try:
        yield made
    finally:
        made.close()
