/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a login attempt can never do, whatever its PAM modules want: a list of what is forbidden, since what modules need cannot
 * be listed. The unit (sekisho-auth@.service) forbids more, and drop-ins can give that back; this they cannot.
 */
#ifndef SEKISHO_FORBID_H
#define SEKISHO_FORBID_H

/* For this process and all that modules start: who does it all the same is killed (SIGSYS). Needs no_new_privs. 0 or -errno. */
int forbid(void);

#endif
