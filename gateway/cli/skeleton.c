/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/cli/skeleton.h"

#include <stdarg.h>
#include <stdio.h>

#define YOURS "# Made by `sekisho setup`, yours to edit: it will not be touched again.\n"

static char *text_new(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text_new(const char *format, ...)
{
	char *text;
	va_list args;
	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

char *skeleton_config(const struct skeleton *s)
{
	return text_new(
		"# Settings of the remote-access gateway; sekisho.conf(5) explains every keyword.\n" YOURS
		"# After a change:  sekisho setup --check,  then  sekisho reload.\n"
		"# endpoint's port, tunnel-network, interface and backend change with a restart of sekisho-gateway only.\n"
		"\n"
		"# What phones dial: a name or address that is reachable from the Internet, and the UDP port there.\n"
		"endpoint            %s\n"
		"\n"
		"# Where the phones live: one IPv4 network and, if wanted, one IPv6 network that nothing else uses. The gateway "
		"takes the\n"
		"# first address of each.\n"
		"tunnel-network      %s\n"
		"\n"
		"# DNS servers for the phones; they can be asked before anybody has logged in.\n"
		"resolver            %s\n"
		"#dns-search         example.go.jp\n"
		"\n"
		"# What lies behind the gateway. 'internet' in the ACL files is everything else.\n"
		"internal-networks   %s\n"
		"\n"
		"# The login page: the resolvers above must answer this name with the gateway's addresses inside the tunnel. "
		"With\n"
		"# portal-dns the gateway does so itself before a login, and no question leaves it then.\n"
		"portal-name         %s\n"
		"#portal-port        443\n"
		"#portal-dns         on\n"
		"#label              Remote access of the ministry\n"
		"\n"
		"# How long a session lasts; ACL files can only shorten it.\n"
		"#session            12h idle 1h\n"
		"\n"
		"# By which clock dates and hours in the ACL files are read; without it, the machine's.\n"
		"#time-zone          Asia/Tokyo\n"
		"\n"
		"# May somebody log in for whom there is no ACL file? Such a session reaches nothing.\n"
		"#default-access     deny\n"
		"\n"
		"# Failed attempts of one device before it must wait, and how unknown user names are recorded.\n"
		"#login-failures     5 per 5m\n"
		"#unknown-users      hash\n"
		"\n"
		"# Are connections recorded when they begin, and at intervals while they are open? Their end always is.\n"
		"#connection-opened  off\n"
		"#connection-interval 1h\n"
		"\n"
		"# Logins are refused when fewer MiB are free in the log folder; what else happens when nothing can be recorded\n"
		"# (refuse-logins, close-sessions, continue); and which of auth, audit, access also go to syslog.\n"
		"#log-space-reserve  64\n"
		"#log-full-action    refuse-logins\n"
		"#log-copy           auth audit\n"
		"\n"
		"# What `systemctl stop sekisho-gateway` does with the tunnel (a restart never cuts it), and whether sessions go "
		"on\n"
		"# after the machine was started anew.\n"
		"#on-stop            close\n"
		"#sessions-after-reboot end\n",
		s->endpoint, s->tunnel, s->resolvers, s->networks, s->portal_name);
}

char *skeleton_systems(void)
{
	return text_new("# Names for internal systems, for the files of groups and users; sekisho-acl(5) explains every "
			"statement.\n" YOURS "# After a change:  sekisho acl check,  then  sekisho acl apply.\n"
			"#\n"
			"#   system NAME PROTO [PORTS] DESTINATION...\n"
			"#\n"
			"# system webmail   tcp 443       10.20.0.10\n"
			"# system intranet  tcp 80,443    10.20.0.0/24 2001:db8:20::/64\n"
			"# system web       tcp 80,443    internet\n"
			"#\n"
			"# Who may use them stands in groups/GROUP.acl (for every member of a Unix group) and users/USER.acl. "
			"What no line\n"
			"# allows is denied, and a deny beats every allow. For example groups/soumu.acl:\n"
			"#\n"
			"# owner   \"General affairs, network desk\"\n"
			"# allow   webmail\n"
			"# allow   intranet  until 2099-03-31  reason \"R8-112\"\n"
			"# allow   web\n"
			"# hours   mon-fri 07:00-22:00\n"
			"# from    203.0.113.0/24 2001:db8::/32\n"
			"# session 8h idle 30m\n"
			"# expect  deny tcp 22 10.20.0.10\n");
}

char *skeleton_private(void)
{
	return text_new("# What narrows every session on a phone of class 'private'; sekisho-acl(5). ministry.acl and shared.acl "
			"do the same for\n"
			"# the other classes. Only deny, hours, from, session and owner may stand here.\n" YOURS "#\n"
			"# owner   \"Information security\"\n"
			"# deny    tcp 445 10.20.0.0/16\n"
			"# session 4h idle 15m\n");
}

char *skeleton_pam(bool debian)
{
	return text_new(
		"#%%PAM-1.0\n"
		"# Who may log in on the gateway's login page.\n" YOURS
		"# Without this file nobody can. PAM's own way out, the service 'other', would often let every account of this "
		"machine in.\n"
		"# There are no session and password lines: the page opens no session on this machine and changes no passwords.\n"
		"# A second factor goes before the auth line, for example one-time codes with pam_oath(8).\n"
		"%s",
		debian ? "@include common-auth\n@include common-account\n"
		       : "auth     include  system-auth\naccount  include  system-auth\n");
}

const char *skeleton_listen(const char *kind, const struct addr *a, uint16_t port, char text[static SKELETON_LISTEN])
{
	const struct endpoint e = {*a, port};
	char address[ENDPOINT_TEXT];
	snprintf(text, SKELETON_LISTEN, "%s=%s", kind, endpoint_format(&e, address));
	return text;
}

char *skeleton_socket(const struct settings *s)
{
	char v4[SKELETON_LISTEN], v6[SKELETON_LISTEN] = "";
	skeleton_listen("ListenStream", &s->gateway4, s->portal_port, v4);
	if (s->gateway6.family)
		skeleton_listen("ListenStream", &s->gateway6, s->portal_port, v6);
	return text_new("# Where the login page listens: the gateway's addresses inside the tunnel, nowhere else.\n" YOURS
			"# Belongs to tunnel-network and portal-port of sekisho.conf.\n[Socket]\n%s\n%s%s",
		v4, v6, *v6 ? "\n" : "");
}

char *skeleton_dns_socket(const struct settings *s)
{
	enum { FAMILY_MAX = 2 * SKELETON_LISTEN + PREFIX_TEXT + 32 };
	const struct addr *const addresses[] = {&s->gateway4, &s->gateway6};
	const struct prefix *const networks[] = {&s->tunnel4, &s->tunnel6};
	char of[2][FAMILY_MAX] = {"", ""}, udp[SKELETON_LISTEN], tcp[SKELETON_LISTEN], network[PREFIX_TEXT];
	for (size_t i = 0; i < 2; i++)
		if (addresses[i]->family)
			snprintf(of[i], sizeof of[i], "%s\n%s\nIPAddressAllow=%s\n",
				skeleton_listen("ListenDatagram", addresses[i], SKELETON_DNS_PORT, udp),
				skeleton_listen("ListenStream", addresses[i], SKELETON_DNS_PORT, tcp),
				prefix_format(networks[i], network));
	return text_new("# Where phones that nobody has logged in on find the login page's name; with `portal-dns on`.\n" YOURS
			"# Belongs to tunnel-network of sekisho.conf.\n[Socket]\nIPAddressDeny=any\n%s%s",
		of[0], of[1]);
}

char *skeleton_dns(const struct settings *s)
{
	enum { FAMILY_MAX = HOST_NAME_LIMIT + 2 * ADDR_TEXT + PREFIX_TEXT + 96 };
	const struct addr *const addresses[] = {&s->gateway4, &s->gateway6};
	const struct prefix *const networks[] = {&s->tunnel4, &s->tunnel6};
	char of[2][FAMILY_MAX] = {"", ""}, address[ADDR_TEXT], network[PREFIX_TEXT];
	for (size_t i = 0; i < 2; i++) {
		if (!addresses[i]->family)
			continue;
		addr_format(addresses[i], address);
		snprintf(of[i], sizeof of[i],
			"\tinterface: %s@%d\n\taccess-control: %s allow\n\tlocal-data: \"%s. 86400 IN %s %s\"\n", address,
			SKELETON_DNS_PORT, prefix_format(networks[i], network), s->portal_name, i ? "AAAA" : "A", address);
	}
	return text_new(
		"# Answers for the login page's name, and REFUSED to the rest; `sekisho page dns` writes this at each start.\n"
		"server:\n"
		"\tuse-systemd: yes\n\tdo-daemonize: no\n"
		"\tusername: \"\"\n\tchroot: \"\"\n\tdirectory: \"/\"\n\tpidfile: \"\"\n"
		"\tuse-syslog: no\n\tlogfile: \"\"\n\tverbosity: 1\n"
		"\tnum-threads: 1\n\tmodule-config: \"iterator\"\n\toutgoing-range: 16\n\tnum-queries-per-thread: 64\n"
		"\tincoming-num-tcp: 64\n\ttcp-idle-timeout: 5000\n\tmax-udp-size: 1232\n"
		"\tmsg-cache-size: 64k\n\trrset-cache-size: 64k\n\tkey-cache-size: 64k\n\tinfra-cache-numhosts: 64\n"
		"\tdeny-any: yes\n\thide-identity: yes\n\thide-version: yes\n\thide-trustanchor: yes\n"
		"\taccess-control: 0.0.0.0/0 refuse\n\taccess-control: ::0/0 refuse\n"
		/* Else it has answers of its own for these, which phones would remember. */
		"\tunblock-lan-zones: yes\n\tlocal-zone: \".\" refuse\n"
		"\tlocal-zone: \"localhost.\" refuse\n\tlocal-zone: \"127.in-addr.arpa.\" refuse\n"
		"\tlocal-zone: \"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.\" refuse\n"
		"\tlocal-zone: \"home.arpa.\" refuse\n\tlocal-zone: \"onion.\" refuse\n"
		"\tlocal-zone: \"test.\" refuse\n\tlocal-zone: \"invalid.\" refuse\n"
		"\tlocal-zone: \"%s.\" static\n"
		"%s%s"
		"remote-control:\n\tcontrol-enable: no\n",
		s->portal_name, of[0], of[1]);
}
