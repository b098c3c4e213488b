# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/examples/git-pre-commit and git-pre-receive: a repository of ACL files takes no set with a mistake, and needs no gateway."""
import os
import re
import shutil
import subprocess

import pytest

from cli_box import ROOT, SEKISHO, bare, folder, write  # noqa: F401 (fixtures)

SET = {"systems.acl": "system webmail tcp 443 10.20.0.10 2001:db8:20::10\nsystem files tcp 445 10.20.2.0/24\n",
       "groups/soumu.acl": "allow webmail\n"}


def git(folder, *words, check=True):
    environment = {"PATH": f"{os.path.dirname(SEKISHO)}:{os.environ['PATH']}", "HOME": folder, "GIT_CONFIG_NOSYSTEM": "1",
                   **{f"GIT_{who}_{what}": "a@example.jp" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
                   **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 or not check, done.stderr
    return done


@pytest.fixture
def repository(folder):
    """An administrator's clone with a well-formed set, and the repository that it is pushed to; no gateway anywhere."""
    git(folder, "init", "--bare", "central.git")
    git(folder, "init", "-b", "main", "clone")
    clone = f"{folder}/clone"
    git(clone, "remote", "add", "origin", f"{folder}/central.git")
    write(clone, {f"acl/{name}": text for name, text in SET.items()})
    for hook, path in (("pre-commit", f"{clone}/.git/hooks"), ("pre-receive", f"{folder}/central.git/hooks")):
        shutil.copy(f"{ROOT}/docs/examples/git-{hook}", f"{path}/{hook}")
    git(clone, "add", ".")
    git(clone, "commit", "-m", "first")
    git(clone, "push", "origin", "main")
    return clone


def test_a_hook_refuses_a_commit_with_a_mistake(repository):
    write(repository, {"acl/users/t-yamada.acl": "allow webmial\n"})
    git(repository, "add", ".")
    refused = git(repository, "commit", "-m", "typo", check=False)
    assert refused.returncode == 1 and "users/t-yamada.acl:1:7: error: unknown system 'webmial'; did you mean 'webmail'" in refused.stderr
    # What counts is what is committed, not what lies in the folder.
    write(repository, {"acl/users/t-yamada.acl": "allow webmail\n"})
    assert git(repository, "commit", "-m", "typo", check=False).returncode == 1
    git(repository, "add", ".")
    git(repository, "commit", "-m", "mended")


def test_a_hook_refuses_a_push_with_a_mistake(repository):
    write(repository, {"acl/users/t-yamada.acl": "allow webmial\n"})
    git(repository, "add", ".")
    git(repository, "commit", "--no-verify", "-m", "typo")
    refused = git(repository, "push", "origin", "main", check=False)
    assert refused.returncode == 1 and "did you mean 'webmail'" in refused.stderr and "pre-receive hook declined" in refused.stderr
    git(repository, "reset", "--hard", "HEAD~1")
    write(repository, {"acl/users/k-mori.acl": "allow webmail\n"})
    git(repository, "add", ".")
    git(repository, "commit", "-m", "good")
    git(repository, "push", "origin", "main")
    git(repository, "push", "origin", "main:other")
    git(repository, "push", "origin", ":other")


def test_the_hooks_know_the_internal_networks_of_the_repository(repository):
    with open(f"{ROOT}/docs/examples/sekisho.conf") as f:
        text = f.read()
    write(repository, {"sekisho.conf": re.sub(r"^internal-networks.*", "internal-networks 198.41.0.0/24", text, flags=re.M),
                       "acl/users/a.acl": "allow tcp 443 internet\nexpect deny tcp 443 198.41.0.4\n"})
    git(repository, "add", ".")
    git(repository, "commit", "-m", "internal")
    git(repository, "push", "origin", "main")
