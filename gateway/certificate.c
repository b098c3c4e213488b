/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/certificate.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

#include "common/paths.h"
#include "gateway/alert.h"
#include "gateway/event.h"

static const int64_t SECOND = 1000000, DAY = INT64_C(86400) * 1000000;

int certificate_read(int64_t now, struct certificate *out)
{
	struct tm tm = {0};
	FILE *f = fopen(PATH_TLS_CERT, "re");
	if (!f)
		return -errno;
	X509 *certificate = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	int r = certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1 ? 0 : -EBADMSG;
	X509_free(certificate);
	ERR_clear_error();
	if (r < 0)
		return r;
	const int64_t until = (int64_t)timegm(&tm) * SECOND;
	*out = (struct certificate){
		.until = until, .days = until > now ? (until - now) / DAY : 0, .due = until <= now + CERTIFICATE_DAYS * DAY};
	return 0;
}

void certificate_look(struct gateway *g, int64_t now)
{
	char key[96];
	struct certificate c = {0};
	if (certificate_read(now, &c) < 0 || !c.due)
		return;
	snprintf(key, sizeof key, "certificate-expiring %" PRId64 " %" PRId64, c.until, now / DAY);
	if (ledger_notice_once(g->ledger, key, now) == 0)
		return; /* a failure is no reason to keep quiet */
	json_t *e = alert_new(ALERT_CERTIFICATE);
	event_time(e, "tls.server.not_after", c.until);
	alert_raise(g, e);
}
