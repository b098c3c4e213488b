/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs of the `sekisho` command, as main.c's table calls them: each takes the words after its verb, says what is wrong
 * itself, and returns an exit code of gateway/cli/cli.h. What each does stands in sekisho(8). */
#ifndef SEKISHO_COMMAND_H
#define SEKISHO_COMMAND_H

int status_verb(int argc, char **argv);

int enrol_verb(int argc, char **argv);
int device_verb_report(int argc, char **argv);
int user_verb_suspend(int argc, char **argv);
int user_verb_resume(int argc, char **argv);
int user_verb_list(int argc, char **argv);
int device_verb_found(int argc, char **argv);
int device_verb_rotate(int argc, char **argv);
int device_verb_change(int argc, char **argv);
int device_verb_import(int argc, char **argv);
int device_verb_list(int argc, char **argv);
int device_verb_show(int argc, char **argv);
int device_verb_suspend(int argc, char **argv);
int device_verb_resume(int argc, char **argv);
int device_verb_lost(int argc, char **argv);
int device_verb_revoke(int argc, char **argv);

int session_verb_list(int argc, char **argv);
int session_verb_end(int argc, char **argv);

int acl_verb_check(int argc, char **argv);
int acl_verb_diff(int argc, char **argv);
int acl_verb_apply(int argc, char **argv);
int acl_verb_reload(int argc, char **argv);
int acl_verb_who(int argc, char **argv);
int acl_verb_show(int argc, char **argv);
int acl_verb_history(int argc, char **argv);
int explain_verb(int argc, char **argv);

int log_verb_key(int argc, char **argv);
int log_verb_search(int argc, char **argv);
int log_verb_tail(int argc, char **argv);
int log_verb_verify(int argc, char **argv);
int log_verb_report(int argc, char **argv);

int ca_verb_show(int argc, char **argv);
int ca_verb_renew(int argc, char **argv);
int ca_verb_export(int argc, char **argv);

int page_verb_qr(int argc, char **argv);
int page_verb_dns(int argc, char **argv);

int gateway_key_verb_next(int argc, char **argv);
int gateway_key_verb_switch(int argc, char **argv);
int gateway_key_verb_back(int argc, char **argv);
int gateway_key_verb_discard(int argc, char **argv);

int setup_verb(int argc, char **argv);

#endif
