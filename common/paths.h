/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where things are on an installed system (file-hierarchy(7)). Fixed: a gateway has one place for each. */
#ifndef SEKISHO_PATHS_H
#define SEKISHO_PATHS_H

#define PATH_CONFIG_DIR "/etc/sekisho"
#define PATH_CONFIG PATH_CONFIG_DIR "/sekisho.conf" /* root:root 0644, read by all three programs */
#define PATH_ACL_DIR PATH_CONFIG_DIR "/acl" /* root:sekisho 0750 */
#define PATH_TERMS_DIR PATH_CONFIG_DIR "/terms" /* root:root 0755, optional: the conditions of use */
#define PATH_DNS_SERVER "/usr/sbin/unbound" /* of the system, with `portal-dns on` */
#define PATH_TUNNEL_KEY PATH_CONFIG_DIR "/tunnel.key" /* root:sekisho 0640 */
#define PATH_TUNNEL_KEY_NEXT PATH_CONFIG_DIR "/tunnel-next.key" /* likewise; while a change of keys is prepared */
#define PATH_TUNNEL_KEY_FORMER PATH_CONFIG_DIR "/tunnel-former.key" /* likewise; until it is discarded */
#define PATH_TLS_CERT PATH_CONFIG_DIR "/tls/portal.crt" /* chain, PEM */
#define PATH_TLS_KEY PATH_CONFIG_DIR "/tls/portal.key" /* root:sekisho-portal 0640 */
#define PATH_STATE_DIR "/var/lib/sekisho" /* sekisho:sekisho 0711: only the archive is for others */
#define PATH_ARCHIVE PATH_STATE_DIR "/acl" /* sekisho:sekisho-admin 2750, a folder for each generation of ACLs */
#define PATH_LEDGER PATH_STATE_DIR "/ledger.db"
#define PATH_REPORTS PATH_STATE_DIR "/reports" /* root:sekisho-desk 3770: of lost devices, each for its writer */
#define PATH_SEAL_KEYS PATH_STATE_DIR "/log-keys" /* public keys of the logs' first seals, readable by all */
#define PATH_FLOWS PATH_STATE_DIR "/flows" /* connections that were open when the gateway stopped */
#define PATH_FLOWS_SHUT PATH_FLOWS ".shut" /* the same, and nothing has passed since */
#define PATH_LOG_DIR "/var/log/sekisho" /* sekisho:sekisho-logs 2750 */
#define PATH_RUN_DIR "/run/sekisho" /* sekisho:sekisho 0755 */
#define PATH_TALLY PATH_RUN_DIR "/refused" /* which refused packets are not on record yet */
#define PATH_CONTROL_SOCKET PATH_RUN_DIR "/control" /* the sekisho command -> gateway */
#define PATH_PORTAL_SOCKET PATH_RUN_DIR "/portal" /* sekisho-portal -> gateway */
#define PATH_VERDICT_SOCKET PATH_RUN_DIR "/verdict" /* sekisho-auth -> gateway */
#define PATH_AUTH_SOCKET "/run/sekisho-auth/socket" /* portal, gateway -> sekisho-auth, root:sekisho-auth 0660 */
#define LOGIN_SERVICE "sekisho" /* of a login and of a recheck */
#define RENEW_SERVICE "sekisho-renew" /* of a renewal, with `session-renew short` */
#define PATH_PAM_ETC "/etc/pam.d/"
#define PATH_PAM_USR "/usr/lib/pam.d/"
#define PATH_PAM_SERVICE_ETC PATH_PAM_ETC LOGIN_SERVICE
#define PATH_PAM_SERVICE_USR PATH_PAM_USR LOGIN_SERVICE

#define USER_GATEWAY "sekisho"
#define USER_PORTAL "sekisho-portal"
#define USER_DNS "sekisho-dns"
#define GROUP_AUTH "sekisho-auth"
#define GROUP_LOGS "sekisho-logs"
#define GROUP_ADMIN "sekisho-admin"
#define GROUP_DESK "sekisho-desk"

#endif
