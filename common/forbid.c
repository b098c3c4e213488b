/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common/forbid.h"

#include <errno.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/filter.h"

/* clang-format off */
static const struct filter_rule rules[] = {
	/* serving others: first, for those who may begin behind it */
	KILL(listen),
	/* looking into other processes */
#ifndef FILTER_SANITIZED /* whose search for leaks does just that */
	KILL(ptrace),
#endif
	KILL(process_vm_readv),
	KILL(process_vm_writev),
	KILL(pidfd_getfd),
	KILL(perf_event_open),
	/* kinds of sockets that nobody has use for */
	KILL_IF(socket, 0, FILTER_WHOLE, AF_PACKET),
	KILL_IF(socket, 0, FILTER_WHOLE, AF_VSOCK),
	KILL_IF(socket, 0, FILTER_WHOLE, AF_BLUETOOTH),
	REFUSE_IF(socket, 0, FILTER_WHOLE, AF_ALG, EAFNOSUPPORT), /* OpenSSL's engine asks whether the kernel has it */
	/* another view of the machine */
	KILL(mount),
	KILL(umount2),
	KILL(fsopen),
	KILL(fsmount),
	KILL(move_mount),
	KILL(open_tree),
	KILL(mount_setattr),
	KILL(pivot_root),
	KILL(chroot),
	KILL(unshare),
	KILL(setns),
	KILL_IF(clone, 0, CLONE_NEWUSER, CLONE_NEWUSER),
	KILL_IF(clone, 0, CLONE_NEWNS, CLONE_NEWNS),
	KILL_IF(clone, 0, CLONE_NEWNET, CLONE_NEWNET),
	KILL_IF(clone, 0, CLONE_NEWPID, CLONE_NEWPID),
	REFUSE(clone3, ENOSYS), /* its flags lie in memory, where no filter looks; libc then uses clone(2) */
	/* the kernel, and the machine as a whole */
	KILL(init_module),
	KILL(finit_module),
	KILL(delete_module),
	KILL(kexec_load),
	KILL(kexec_file_load),
	KILL(bpf),
	REFUSE(io_uring_setup, ENOSYS), /* it would go around this table; libraries that would use it can do without */
	KILL(userfaultfd),
	KILL(reboot),
	KILL(swapon),
	KILL(swapoff),
	KILL(acct),
	KILL(quotactl),
	KILL(syslog),
	KILL(settimeofday),
	KILL(clock_settime),
	KILL(clock_adjtime),
	KILL(adjtimex),
	KILL(sethostname),
	KILL(setdomainname),
	KILL(iopl),
	KILL(ioperm),
	KILL(open_by_handle_at),
	KILL(vhangup),
	/* typing into somebody's terminal */
	KILL_IF(ioctl, 1, FILTER_WHOLE, TIOCSTI),
};
/* clang-format on */

int forbid(bool listens)
{
	const size_t first = listens ? 1 : 0;
	return filter_load(SCMP_ACT_ALLOW, rules + first, sizeof rules / sizeof *rules - first);
}
