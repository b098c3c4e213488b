# SPDX-License-Identifier: GPL-3.0-or-later
"""without_landlock.py PROGRAM [ARGUMENT...]: becomes the program, for which the kernel has no Landlock: EOPNOTSUPP, landlock(7)."""
import ctypes
import errno
import os
import sys

ALLOW, ERRNO, CREATE_RULESET = 0x7fff0000, 0x00050000, 444

library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
filters = ctypes.c_void_p(library.seccomp_init(ALLOW))
assert library.seccomp_rule_add_array(filters, ERRNO | errno.EOPNOTSUPP, CREATE_RULESET, 0, None) == 0
assert library.seccomp_load(filters) == 0
os.execvp(sys.argv[1], sys.argv[1:])
