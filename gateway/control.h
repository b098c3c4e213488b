/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket: what the `sekisho` command asks of the running gateway. Unix SOCK_SEQPACKET at PATH_CONTROL_SOCKET, one
 * JSON object a datagram (at most CONTROL_MAX bytes), one request a connection. The peer's uid and groups come from the kernel
 * (SO_PEERCRED, SO_PEERGROUPS), and with them the role (gateway/role.h); who has none may ask nothing. Verbs are semantic; none
 * takes a path, an interface or a rule. What is refused for want of a role is recorded (control-denied). The least roles:
 *   logs   status
 *   desk   device-list, -show, -report, -suspend, -lost, -resume (only what the desk has suspended), user-suspend, -list, -resume
 *          (likewise), session-list, -end, acl-explain,
 *          -history, -subjects
 *   admin  all others
 *
 * Request:  {"verb": "session-end", "id": 7}
 * Answer:   any number of {"row": {...}}, then exactly one of
 *           {"end": {...}}
 *           {"error": "what is wrong", "hint": "what to do next", "code": "invalid|not-found|denied|conflict|failed"}
 *           (acl-apply and reload may add "diagnostics": text as diag_render() makes it, in either)
 * A long answer is made in parts: what changes meanwhile may show in its later rows.
 * Instants are RFC 3339 strings, or null. Unknown members of a request are an error.
 *
 *   verb            members                                    answer
 *   status                                                     end: STATUS
 *   device-add      users[], label, class, public_key,         end: {"device": DEVICE, "preshared_key": text|null,
 *                   preshared (bool), valid_from,                "server": {"public_key", "endpoint", "dns"[], "portal",
 *                   valid_until (microseconds or absent)         "search"[], "label"}}
 *                   form (optional, an object of texts: names as in config/device_form.h)
 *                   replaces (optional: the id of a lost device)
 *   device-import   devices[]: the members of device-add,      rows: {"device": DEVICE, "preshared_key"}; end: {"server",
 *                   each with "row" (a number), dry_run (bool)   "devices": n, "dry_run"}; all or none: an error adds
 *                                                                "mistakes": [{"row", "text"}]
 *                   at most CONTROL_IMPORT_MAX; may come in several datagrams, all but the last with "more": true
 *   device-change   id; label, users[], class, valid_from,     end: {"device": DEVICE, "changed": bool}
 *                   valid_until, form, note (all optional)
 *   device-rotate   id, public_key, preshared (bool),          end: as for device-add, with "sessions_ended": n
 *                   within (seconds, absent: key-overlap),
 *                   at_once (bool), note (optional)
 *                   next_gateway_key (bool): "server" has the gateway's next public key
 *   device-rotate-cancel
 *                   id, note (optional)                        end: {"device": DEVICE}
 *   device-list     status (optional)                          rows: DEVICE
 *   device-show     id                                         end: {"device": DEVICE}
 *   device-suspend, device-resume, device-lost, device-revoke
 *                   id, note (optional)                        end: {"device": DEVICE, "sessions_ended": n}
 *   device-report   id, since (microseconds)                   rows: {"session": {"id", "user", "opened", "ended", "reason",
 *                                                                "endpoint", "source_bytes", "destination_bytes", "connections"}}
 *                                                                that lived then or later, {"reach": {"user", "groups"[]|null,
 *                                                                "file", "line", "text"}}; end: {"device", "generation"}
 *   user-suspend    user, until (microseconds, optional), note  end: {"user", "sessions_ended": n}
 *   user-resume     user, note (optional)                      end: {"user"}
 *   user-list                                                  rows: {"user", "since", "until", "who", "role", "note"}
 *   session-list                                               rows: SESSION
 *   session-end     id                                         end: {"session": SESSION}
 *   acl-apply       sha256 (optional: of the set that was      end: {"generation", "files", "rules", "sessions_changed",
 *                   looked at; `conflict` when the files are     "profiles", "unchanged": bool}
 *                   others)
 *   reload                                                     end: the same
 *   gateway-key     act (prepared, switched, taken-back,       end: {}; root alone. Puts on record what was done with the files
 *                   discarded), public_key (optional)            of the gateway's keys
 *   acl-explain     user, groups[], class or device (an id),   end: EXPLANATION, of the set in force
 *                   proto, port, address, at (microseconds,
 *                   absent: now)
 *   acl-history                                                rows: GENERATION, newest first
 *   acl-subjects    on (microseconds, absent: now)             rows: SUBJECT, by user
 *
 * DEVICE  {"id": "d7", "label", "class", "status", "users"[], "v4", "v6", "public_key", "valid_from", "valid_until", "created",
 *          "key_since", "next_key": {"public_key", "made", "until"}|null,
 *          "last_seen", "online": bool, "endpoint": "ip:port"|null: now, or where it was last seen, "replaces": "d3"|null,
 *          "form": {name: text}: fields that are filled in, "leavers": ["user (reason)"]: users whose account is gone, locked or
 *          expired, "last_handshake", "rx_bytes", "tx_bytes", "session":
 * SESSION|null} SESSION {"id": 7, "device": "d7", "label", "class", "user", "groups"[], "opened", "expires", "ends",
 * "ends_reason": as in session-ended, "ends_line": "FILE:LINE"|null, "idle_seconds", "idle_limit_seconds", "endpoint", "v4",
 * "v6", "profile", "source_bytes", "destination_bytes", "connections"}; `expires` is `ends` under its former name EXPLANATION
 * {"allowed": bool, "generation", "at", "class", "rules": [{"action", "file", "line", "what", "text", "until"}], "statements":
 * [{"file", "line", "text"}]: all hours, from, valid and session lines of the user's files, "session": {"bar":
 * "not-yet"|"period"|"hours"|null, "file", "line", "text", "opens" or, unbarred, "ends"}, "device": {"id", "status", "permitted":
 * bool, "valid": bool}|null} session: may one exist then, by which statement not (or until when; file is null when none says so);
 * permitted: is the user one of the device's; valid: does its period cover `at` GENERATION {"generation": n, "archived",
 * "applied", "uid", "who", "sha256", "files": n, "rules": n, "bytes": n, "in_force": bool, "changes_total": n, "changes": [text],
 * "internal": [prefix], "time_zone": name or ""} applied is null for a set that the gateway did not live to note as in force;
 * internal and time_zone are settings that its rules referred to; its files are in PATH_ARCHIVE SUBJECT {"user", "devices":
 * [{"id", "class", "label"}], "groups": [name]|null, "observed"} of every user who was permitted on a device by then: the devices
 * that could come in at that instant (active, within their period; above 200 there is another row of the same user), and the
 * groups last seen at or before it STATUS  {"version", "started", "backend", "interface", "listen_port", "endpoint",
 * "public_key", "v4", "v6", "devices": {"active", "suspended", "lost", "revoked", "online"}, "sessions", "logins", "acl":
 * {"generation", "files", "rules", "applied", "differing": n|null, "archive": {"generations": n, "bytes": n}}, "profiles",
 *          "firewall": {"denied", "no_session", "stale", "spoofed", "knocks"},
 *          "knocks": {"admitted", "refused", "replayed", "forged", "dropped"},
 *          "portal": bool, "alerts": ALERTS, "problems": ["sentence", ...], "notices": ["sentence", ...]}
 *          ALERTS {"raised", "suppressed", "hook": path|null, "hook_runs", "hook_failures", "hook_missed",
 *          "last": [{"time", "reason", "text"}, ...]}, since the start, the last ones first; suppressed: held back by alert-rate;
 *          hook_missed: recorded, but too many waited for the hook
 *          problems: empty when all is well; notices: no faults; differing: files of PATH_ACL_DIR that are others than those
 *          in force
 */
#ifndef SEKISHO_CONTROL_H
#define SEKISHO_CONTROL_H

#include <jansson.h>
#include <stddef.h>

enum { CONTROL_MAX = 131072, CONTROL_IMPORT_MAX = 2000 };

struct gateway;
struct control;

/* Listens and serves from the gateway's event loop. 0 or -errno. */
int control_open(struct gateway *g, struct control **out);
void control_close(struct control *c);

#endif
