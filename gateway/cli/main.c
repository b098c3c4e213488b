/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The `sekisho` command: finds the verb, runs it. See sekisho(8). */
#include <stdio.h>
#include <string.h>

#include "common/paths.h"
#include "common/text.h"
#include "config/nearest.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/command.h"
#include "gateway/json_wipe.h"

static const struct command commands[] = {
	{"status", "", "how the gateway is, and what needs attention", NULL, status_verb},
	{"device add",
		"USER|@GROUP... [--label TEXT] [--class ministry|private|shared] [--pubkey KEY] [--no-psk] [--valid-from DATE] "
		"[--valid-until DATE] [--applicant TEXT] [--department TEXT] [--telephone TEXT] [--purpose TEXT] [--information "
		"TEXT] [--model TEXT] [--os TEXT] "
		"[--serial TEXT] [--owner ministry|private] [--place TEXT] [--use TEXT] [--approver TEXT] [--approval TEXT] "
		"[--consent DATE] [--conf FILE|-] [--png FILE] [--svg FILE] [--qr|--no-qr]",
		"register a phone and make its configuration",
		"  --label TEXT        what people call it\n"
		"  --class CLASS       ministry (default), private or shared\n"
		"  --pubkey KEY        the phone made its key pair itself: this is its public key\n"
		"  --no-psk            without a preshared key\n"
		"  --valid-from DATE   YYYY-MM-DD or YYYY-MM-DDTHH:MM, local time\n"
		"  --valid-until DATE  the same; a day counts to its end\n"
		"  --conf FILE|-       write the configuration to a new file (0600), or to standard output\n"
		"  --png FILE, --svg FILE  write the QR code to a new file (0600)\n"
		"  --qr, --no-qr       show the QR code here, or not; the default on a terminal when nothing is written to a "
		"file\n"
		"  the application form, of which `device-form` in sekisho.conf may ask for any field:\n"
		"  --applicant, --department, --telephone, --purpose, --information (work or information handled), --model, "
		"--os,\n"
		"  --serial (or asset number), --owner ministry|private, --place (main place of use), --use (form of use),\n"
		"  --approver, --approval (its number), --consent DATE\n",
		enrol_verb},
	{"device change",
		"ID [--users USER|@GROUP...] [--label TEXT] [--class CLASS] [--valid-from DATE|none] [--valid-until DATE|none] "
		"[--applicant TEXT] [--department TEXT] [--telephone TEXT] [--purpose TEXT] [--information TEXT] [--model TEXT] "
		"[--os TEXT] "
		"[--serial TEXT] [--owner ministry|private] [--place TEXT] [--use TEXT] [--approver TEXT] [--approval TEXT] "
		"[--consent DATE] [--note TEXT]",
		"what is known of a device is something else now",
		"  --users USER...     these may log in on it from now on, nobody else\n"
		"  --FIELD TEXT        any field of `device add`; \"\" empties one of the form\n",
		device_verb_change},
	{"device rotate",
		"ID [--within TIME] [--now] [--cancel] [--next-gateway-key] [--pubkey KEY] [--no-psk] [--conf FILE|-] [--png FILE] [--svg FILE] "
		"[--qr|--no-qr] [--note TEXT]",
		"a new key for a device that stays what it is; the first use of it retires the old one",
		"  --within TIME       it is good for so long while it is not used: 12h, 14d; default: key-overlap of sekisho.conf\n"
		"  --now               the old key is good no longer, from this moment on\n"
		"  --cancel            withdraw a new key that has not been used\n"
		"  --next-gateway-key  the configuration is for the time after `gateway-key switch`\n"
		"  --pubkey, --no-psk, --conf, --png, --svg, --qr, --no-qr  as for `device add`\n",
		device_verb_rotate},
	{"device import", "FILE [--dry-run] [--conf-dir DIR [--png]] [--no-psk]",
		"register the devices of a CSV file, all or none",
		"  --dry-run           check everything, add nothing\n"
		"  --conf-dir DIR      a new folder for the configurations (0700), needed where keys are made\n"
		"  --png               write the QR codes there as well\n"
		"  --no-psk            without preshared keys\n",
		device_verb_import},
	{"device list",
		"[--status STATUS] [--user NAME] [--class CLASS] [--department TEXT] [--expiring DAYS] [--never-seen] "
		"[--not-seen DAYS] "
		"[--leavers] [--key-older DAYS] [--next-key | --no-next-key] [--csv]",
		"all devices, or those that match all of the options",
		"  --status STATUS     active, suspended, lost or revoked\n"
		"  --user NAME         on which this user, or @group, may log in\n"
		"  --department TEXT   of exactly this department\n"
		"  --expiring DAYS     whose period of use ends within so many days: 30 or 30d\n"
		"  --never-seen        that have never connected\n"
		"  --not-seen DAYS     that have not been seen for so many days, nor added since\n"
		"  --leavers           of users whose account is gone, locked or expired\n"
		"  --key-older DAYS    whose key is older than so many days\n"
		"  --next-key, --no-next-key  that have been given a new key and have not used it; or have none such\n"
		"  --csv               as `device import` reads it\n",
		device_verb_list},
	{"device show", "ID", "everything about one device", NULL, device_verb_show},
	{"device suspend", "ID [--note TEXT]", "shut a device out until it is resumed; its session ends", NULL,
		device_verb_suspend},
	{"device resume", "ID [--note TEXT]", "let a suspended device in again", NULL, device_verb_resume},
	{"device lost", "ID [--since TIME] [--output FILE] [--note TEXT] [--yes]",
		"report a device lost, for good: cuts it off at once, and says what it did and could reach",
		"  --since TIME        from when on the report tells; default: a day before it was last seen\n"
		"  --output FILE       a new file for the report (0600); default: one below " PATH_REPORTS "\n"
		"  --yes               do not ask\n",
		device_verb_lost},
	{"device report", "ID [--since TIME] [--output FILE]", "the same report once more, or of a device that is not lost",
		"  --since TIME        from when on the report tells; default: a day before it was last seen\n"
		"  --output FILE       a new file for it (0600)\n",
		device_verb_report},
	{"device found",
		"ID [--pubkey KEY] [--no-psk] [--conf FILE|-] [--png FILE] [--svg FILE] [--qr|--no-qr] [what `device add` takes]",
		"a lost device is back: enrol it anew, with a fresh key, under its label and form",
		"  --conf, --png, --svg, --qr, --no-qr, --pubkey, --no-psk  as for `device add`\n", device_verb_found},
	{"device revoke", "ID [--note TEXT] [--yes]", "shut a device out for good; its session ends",
		"  --yes               do not ask\n", device_verb_revoke},
	{"user suspend", "NAME [--until DATE] [--note TEXT]", "a user may not log in for a while, or until resumed; sessions end",
		"  --until DATE        YYYY-MM-DD or YYYY-MM-DDTHH:MM: from then on the user may log in again\n",
		user_verb_suspend},
	{"user resume", "NAME [--note TEXT]", "let a suspended user log in again", NULL, user_verb_resume},
	{"user list", "", "who is suspended, until when and why", NULL, user_verb_list},
	{"session list", "", "who is logged in", NULL, session_verb_list},
	{"session end", "ID", "end a session at once", NULL, session_verb_end},
	{"acl check", "[DIR] [--config FILE]", "are the ACL files well formed? needs no gateway",
		"  --config FILE       the sekisho.conf whose internal networks count; default: this machine's\n",
		acl_verb_check},
	{"acl diff", "[DIR] [--against N|DIR]", "who would gain or lose what if the files were applied now",
		"  --against N|DIR     compare with an older generation, or with another folder, not with what is in force\n",
		acl_verb_diff},
	{"acl apply", "[--yes]", "show that, then put the ACL files in force, all or nothing",
		"  --yes               do not ask, also when somebody loses access\n", acl_verb_apply},
	{"acl explain",
		"USER PROTO [PORT] ADDRESS [--device ID | --class CLASS] [--group G...] [--at TIME] [--on DATE | --files [DIR]]",
		"may the user reach that address, and which lines say so?",
		"  --device ID         on this device\n"
		"  --class CLASS       on a device of this class: ministry (default), private or shared\n"
		"  --group G...        these groups instead of those that the user has on this machine\n"
		"  --at TIME           then, by the rules in force now: HH:MM or YYYY-MM-DDTHH:MM\n"
		"  --on DATE           by what was in force then: YYYY-MM-DD (at noon, or --at HH:MM) or YYYY-MM-DDTHH:MM\n"
		"  --files [DIR]       by the files, not by what is in force; DIR starts with '/' or '.'\n",
		explain_verb},
	{"acl who", "PROTO [PORT] ADDRESS [--on DATE | --files [DIR]]", "everyone who can reach an address",
		"  --on DATE           who could: at some time of that day (YYYY-MM-DD), or just then (YYYY-MM-DDTHH:MM)\n"
		"  --files [DIR]       by the files, not by what is in force; DIR starts with '/' or '.'\n",
		acl_verb_who},
	{"acl show", "USER [--device ID | --class CLASS] [--group G...] [--on DATE | --files [DIR]]",
		"everything that a user may reach, and which lines say so",
		"  --device ID         on this device\n"
		"  --class CLASS       on a device of this class: ministry (default), private or shared\n"
		"  --group G...        these groups instead of those that the user has on this machine\n"
		"  --on DATE           what was in force then: YYYY-MM-DD (at noon) or YYYY-MM-DDTHH:MM\n"
		"  --files [DIR]       by the files, not by what is in force; DIR starts with '/' or '.'\n",
		acl_verb_show},
	{"acl history", "[N] | --export N DIR", "the sets of ACLs that have been in force: when, by whom, what changed",
		"  --export N DIR      copy the files of a generation into a new folder\n", acl_verb_history},
	{"log search", "[DIR] [--user U...] [--device ID...] [--since TIME] ... [--csv|--count] [--limit N|--last N]",
		"the lines of the logs that fit; needs no gateway",
		"  DIR                 a copy of the logs; default: this gateway's\n"
		"  --user U...         logged in, permitted, or typed at the login\n"
		"  --admin U...        who asked for it with the sekisho command\n"
		"  --device ID...      a device, like d7\n"
		"  --key KEY...        the WireGuard public key of a device\n"
		"  --address A...      an address or prefix: in the tunnel, outside of it, or of a destination\n"
		"  --destination A...  of a destination only\n"
		"  --port N|N-M...     of a destination\n"
		"  --action WORD...    what happened, like login-failed; see sekisho-log(5)\n"
		"  --outcome WORD...   success, failure or unknown\n"
		"  --reason WORD...    why, like lost\n"
		"  --session N...      number of a session\n"
		"  --rule FILE[:LINE]...  the line of an ACL file that decided\n"
		"  --text TEXT...      anything in a text of the line\n"
		"  --file auth|access|audit...  in these logs only\n"
		"  --since TIME, --until TIME   -4h, yesterday, 09:30, YYYY-MM-DD, YYYY-MM-DDTHH:MM or RFC 3339\n"
		"  --utc               times are UTC, not local, given and shown\n"
		"  --csv               for a spreadsheet\n"
		"  --count             only how many there are\n"
		"  --limit N, --last N the first or the last so many\n"
		"Exit: 0 found, 1 nothing found, 2 wrong words or a file that cannot be read. --json prints the lines as they "
		"are.\n",
		log_verb_search},
	{"log tail", "[DIR] [-f] [-n N] [--user U...] [--device ID...] ...", "the last lines that fit, and those that come",
		"  -f, --follow        go on, also when the files are rotated\n"
		"  -n N, --lines N     how many; 10 unless given\n"
		"All that says which lines is as with `sekisho help log search`.\n",
		log_verb_tail},
	{"log verify", "[DIR] [--key FILE] [--checkpoint FILE]", "are the logs whole and unchanged? needs no gateway",
		"  DIR                 a copy of the logs; default: this gateway's\n"
		"  --key FILE          the keys that `sekisho log key` printed once, or a checkpoint\n"
		"  --checkpoint FILE   write the keys to go on with, to a new file, when all is whole\n"
		"Exit: 0 whole, 1 altered, 2 cannot tell.\n",
		log_verb_verify},
	{"log report",
		"--since TIME [--until TIME] [DIR] [--html FILE|DIR] [--lang ja|en] [--commands] [--utc] [--key FILE] "
		"[--no-verify]",
		"what happened: logins, refusals, what is new or unusual, traffic; needs no gateway",
		"  --since TIME        yesterday, -7d, 2026-11-20, 2026-11-20T09:00\n"
		"  --until TIME        the same, a day to its end; default: now\n"
		"  DIR                 a copy of the logs; default: this gateway's\n"
		"  --html FILE|DIR     write a page instead; into a folder as YYYY-MM-DD.html, after the first day\n"
		"  --lang ja|en        default: the language of the locale\n"
		"  --commands          show for each figure the command that lists its lines\n"
		"  --utc               times are UTC, not local\n"
		"  --key FILE          check the seals with these keys, not with the gateway's own\n"
		"  --no-verify         do not check the seals\n",
		log_verb_report},
	{"log key", "", "the keys of the first seals; keep them elsewhere", NULL, log_verb_key},
	{"reload", "", "put settings and ACL files in force, all or nothing", NULL, acl_verb_reload},
	{"gateway-key next", "", "prepare the gateway's next key, for which `device rotate` makes configurations", NULL,
		gateway_key_verb_next},
	{"gateway-key switch", "[--yes]", "the next key is the gateway's from its next start on", "  --yes               do not ask\n",
		gateway_key_verb_switch},
	{"gateway-key back", "[--yes]", "the former key is the gateway's again from its next start on",
		"  --yes               do not ask\n", gateway_key_verb_back},
	{"gateway-key discard", "[--yes]", "delete the gateway's next and former keys", "  --yes               do not ask\n",
		gateway_key_verb_discard},
	{"setup",
		"[--endpoint HOST:PORT] [--internal P...] [--network4 P] [--network6 P|none] [--resolver A...] [--portal-name N] "
		"| --check",
		"make the files that a gateway needs, or check them",
		"  --endpoint HOST:PORT  what phones dial\n"
		"  --internal P...       the networks behind the gateway\n"
		"  --network4 P          IPv4 network of the phones; default: one that is free of --internal\n"
		"  --network6 P|none     the same for IPv6; default: a random unique local /64 (RFC 4193)\n"
		"  --resolver A...       DNS servers that phones use\n"
		"  --portal-name N       DNS name of the login page\n"
		"  --check               change nothing: list what is missing or wrong, and what to do\n",
		setup_verb},
	{"page qr", "[--png FILE] [--svg FILE]", "the login page's address as a code to scan, for posters and sheets",
		"  --png FILE, --svg FILE   a picture of it, in a new file\n", page_verb_qr},
	{"page dns", "[--output FILE]", "the configuration of what answers for the login page's name, with `portal-dns on`",
		"  --output FILE       a new file, as sekisho-dns.service has it made at each start\n", page_verb_dns},
	{"ca show", "", "the login page's certificate, and the private authority if there is one", NULL, ca_verb_show},
	{"ca renew", "[--within DAYS] [--authority] [--yes]", "a new certificate for the login page, from the private authority",
		"  --within DAYS       only when the one there ends within so many days\n"
		"  --authority         make a new authority too; the phones must then be given it\n"
		"  --yes               do not ask\n",
		ca_verb_renew},
	{"ca export", "[--ios FILE] [--android FILE]", "the private authority, for phones to trust",
		"  --ios FILE          a configuration profile, with the login page for the home screen: NAME.mobileconfig\n"
		"  --android FILE      the certificate alone: NAME.crt\n",
		ca_verb_export},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

/* How many words of argv name the command: 1, 2, or 0 when they do not. */
static int words_match(const struct command *c, int argc, char **argv)
{
	const char *space = strchr(c->words, ' ');
	size_t first = space ? (size_t)(space - c->words) : strlen(c->words);
	if (argc < 1 || strlen(argv[0]) != first || memcmp(argv[0], c->words, first) != 0)
		return 0;
	if (!space)
		return 1;
	return argc >= 2 && !strcmp(argv[1], space + 1) ? 2 : 0;
}

static const struct command *command_find(int argc, char **argv, int *used)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if ((*used = words_match(&commands[i], argc, argv)))
			return &commands[i];
	return NULL;
}

static void help_one(const struct command *c)
{
	printf("usage: sekisho %s %s\n%s%s\n", c->words, c->arguments, c->summary, strchr(c->summary, '?') ? "" : ".");
	if (c->options)
		printf("\n%s", c->options);
	puts("  --json              one JSON value instead of text\n\nMore: man sekisho");
}

/* All verbs, or those that begin with a word. False when there are none. */
static bool help_list(FILE *to, const char *word)
{
	size_t size = word ? strlen(word) : 0;
	bool any = false;
	for (size_t i = 0; i < COMMANDS; i++) {
		const char *words = commands[i].words;
		if (word && (strncmp(words, word, size) != 0 || words[size] != ' '))
			continue;
		fprintf(to, "  sekisho %-20s %s\n", words, commands[i].summary);
		any = true;
	}
	return any;
}

static int say_unknown(int argc, char **argv)
{
	char words[NEAREST_NAME_MAX + 1], hint[NEAREST_TEXT];
	if (argc == 1 && help_list(stderr, argv[0]))
		return cli_usage("'%s' needs a second word, see above", argv[0]);
	snprintf(words, sizeof words, "%s%s%s", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	struct nearest n = nearest_to(words);
	for (size_t i = 0; i < COMMANDS; i++)
		nearest_offer(&n, commands[i].words);
	if (!n.best) {
		n = nearest_to(argv[0]);
		nearest_offer(&n, "help");
		for (size_t i = 0; i < COMMANDS; i++)
			if (!strchr(commands[i].words, ' '))
				nearest_offer(&n, commands[i].words);
	}
	return cli_usage("unknown command '%s'%s", n.word, nearest_hint(&n, hint));
}

static int help(int argc, char **argv)
{
	int used;
	const struct command *c = command_find(argc, argv, &used);
	if (c && used == argc) {
		help_one(c);
		return CLI_OK;
	}
	if (argc == 1 && help_list(stdout, argv[0]))
		return CLI_OK;
	if (argc)
		return say_unknown(argc, argv);
	puts("Sekisho, a remote-access gateway: who may come in, who is in, and what they may reach.\n");
	help_list(stdout, NULL);
	puts("\n  sekisho help [VERB]     this list, or how one of them is used\n  sekisho --version\n\n"
	     "Exit: 0 done, 1 refused or failed, 2 wrong words, 3 no gateway to talk to.");
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!text_utf8_valid(argv[i], strlen(argv[i])))
			return cli_usage("'%s' is no UTF-8", argv[i]);
	if (argc < 1) {
		help_list(stderr, NULL);
		return cli_usage("a verb is missing, see above");
	}
	if (!strcmp(argv[0], "--version")) {
		puts("sekisho " SEKISHO_VERSION);
		return CLI_OK;
	}
	if (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help"))
		return help(argc - 1, argv + 1);
	int used;
	const struct command *c = command_find(argc, argv, &used);
	if (!c)
		return say_unknown(argc, argv);
	if (argc > used && !strcmp(argv[used], "--help")) {
		help_one(c);
		return CLI_OK;
	}
	cli_command(c);
	return c->run(argc - used, argv + used);
}

int main(int argc, char **argv)
{
	json_wipe_start();
	int code = run(argc - 1, argv + 1);
	/* A result that could not be written is no result. */
	if ((fflush(stdout) || ferror(stdout)) && code == CLI_OK)
		code = cli_fail(CLI_FAILED, "is the disk full?", "cannot write to standard output");
	return code;
}
