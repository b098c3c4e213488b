/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words for how a login and a session end, and what of it may be shown. */
#include "common/message.h"

static const struct reason {
	const char *name;
	enum public_result shown;
} reasons[LOGIN_REASONS] = {
	[LOGIN_OK] = {"ok", PUBLIC_GRANTED},
	[LOGIN_BAD_CREDENTIALS] = {"bad-credentials", PUBLIC_FAILED},
	[LOGIN_USER_UNKNOWN] = {"user-unknown", PUBLIC_FAILED},
	[LOGIN_ACCOUNT_DENIED] = {"account-denied", PUBLIC_ACCOUNT_CLOSED},
	[LOGIN_ACCOUNT_EXPIRED] = {"account-expired", PUBLIC_ACCOUNT_CLOSED},
	[LOGIN_PASSWORD_EXPIRED] = {"password-expired", PUBLIC_PASSWORD_EXPIRED},
	[LOGIN_MAX_TRIES] = {"max-tries", PUBLIC_FAILED},
	[LOGIN_USER_NOT_ALLOWED] = {"user-not-allowed-on-device", PUBLIC_FAILED},
	[LOGIN_DEVICE_IN_USE] = {"device-shared-in-use", PUBLIC_IN_USE},
	[LOGIN_RATE_LIMITED] = {"rate-limited", PUBLIC_BUSY},
	[LOGIN_TIMEOUT] = {"timeout", PUBLIC_TIMEOUT},
	[LOGIN_ABORTED] = {"aborted", PUBLIC_FAILED},
	[LOGIN_BACKEND_UNAVAILABLE] = {"backend-unavailable", PUBLIC_UNAVAILABLE},
	[LOGIN_LOG_FULL] = {"log-full", PUBLIC_UNAVAILABLE},
	[LOGIN_INTERNAL_ERROR] = {"internal-error", PUBLIC_UNAVAILABLE},
	[LOGIN_HOURS] = {"hours", PUBLIC_HOURS},
	[LOGIN_PERIOD] = {"period", PUBLIC_PERIOD},
	[LOGIN_NETWORK] = {"network-not-allowed", PUBLIC_NETWORK},
	[LOGIN_SESSION_OVER] = {"session-over", PUBLIC_SESSION_OVER},
};

static const struct reason *reason_of(unsigned reason)
{
	return &reasons[reason < LOGIN_REASONS ? reason : LOGIN_INTERNAL_ERROR];
}

const char *login_reason_name(unsigned reason)
{
	return reason_of(reason)->name;
}

enum public_result login_reason_public(unsigned reason)
{
	return reason_of(reason)->shown;
}

const char *session_end_name(unsigned reason)
{
	static const char *const names[SESSION_ENDS] = {
		[END_NONE] = "none",
		[END_LOGOUT] = "logout",
		[END_IDLE] = "idle",
		[END_EXPIRED] = "expired",
		[END_HOURS] = "hours",
		[END_PERIOD] = "period",
		[END_KICKED] = "kicked",
		[END_SUSPENDED] = "suspended",
		[END_DEVICE_LOST] = "device-lost",
		[END_DEVICE_REVOKED] = "device-revoked",
		[END_ACCOUNT_DISABLED] = "account-disabled",
		[END_ACL_REMOVED] = "acl-removed",
		[END_SUPERSEDED] = "superseded",
		[END_NETWORK] = "network-not-allowed",
		[END_REBOOT] = "reboot",
		[END_LOG_FULL] = "log-full",
		[END_KEY] = "key-changed",
	};
	return names[reason < SESSION_ENDS ? reason : END_NONE];
}
