/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the words of the logs mean, in plain language. */
#include <string.h>

#include "gateway/cli/report_build.h"

static const struct {
	const char *word, *en, *ja;
} meanings[] = {
	/* logins */
	{"bad-credentials", "wrong password or code", "パスワードまたはコードの誤り"},
	{"user-unknown", "no such user", "存在しない利用者"},
	{"account-denied", "account may not log in", "アカウントの利用が許可されていない"},
	{"account-expired", "account expired", "アカウントの期限切れ"},
	{"password-expired", "password expired", "パスワードの期限切れ"},
	{"max-tries", "too many tries", "試行回数の上限"},
	{"user-not-allowed-on-device", "not this user's device", "この端末の利用者ではない"},
	{"device-shared-in-use", "shared device in use by another", "共用端末をほかの人が利用中"},
	{"rate-limited", "too fast, slowed down", "試行が速すぎるため抑制"},
	{"timeout", "not answered in time", "時間切れ"},
	{"aborted", "given up by the user", "利用者が中断"},
	{"backend-unavailable", "PAM or directory away", "認証基盤に接続できない"},
	{"session-over", "renewed after its session's end", "セッション終了後の延長"},
	{"log-full", "no room for logs", "ログの空き容量不足"},
	{"internal-error", "internal error", "内部エラー"},
	/* devices */
	{"unknown-key", "key of no device of ours", "登録のない鍵"},
	{"suspended", "suspended", "停止中"},
	{"lost", "reported lost", "紛失届あり"},
	{"revoked", "revoked", "失効"},
	{"expired", "its period is over", "期間の終了"},
	{"not-yet-valid", "before its period", "期間の開始前"},
	{"network-not-allowed", "from a network that is not allowed", "許可されていないネットワーク"},
	{"hours", "outside permitted hours", "利用時間外"},
	{"period", "outside the period of use", "利用期間外"},
	{"replayed", "copy of an earlier knock", "過去の通信の再送"},
	{"key-retired", "key that the device no longer has", "交換済みの古い鍵"},
	{"key-lapsed", "new key that was not used in time", "使われずに失効した新しい鍵"},
	/* connections */
	{"no-session", "nobody logged in", "ログインなし"},
	{"no-rule", "no rule allows it", "許可する規則がない"},
	{"denied", "a deny rule", "拒否の規則"},
	{"spoofed", "tunnel address from outside", "トンネル外からの詐称アドレス"},
	/* ends of sessions */
	{"logout", "logged out", "ログアウト"},
	{"idle", "nothing came for too long", "無通信"},
	{"kicked", "ended by an administrator", "管理者による終了"},
	{"device-lost", "device reported lost", "端末の紛失届"},
	{"device-revoked", "device revoked", "端末の失効"},
	{"account-disabled", "account closed", "アカウントの無効化"},
	{"acl-removed", "no ACL left", "ACL の削除"},
	{"key-changed", "device changed its key", "端末の鍵の交代"},
	{"superseded", "another session took over", "別のセッションに交代"},
	{"reboot", "gateway rebooted", "ゲートウェイの再起動"},
	/* administration */
	{"device-added", "device registered", "端末の登録"},
	{"device-changed", "device changed", "端末の変更"},
	{"device-suspended", "device suspended", "端末の停止"},
	{"device-resumed", "device resumed", "端末の再開"},
	{"device-rotated", "device got a new key", "端末の鍵の更新"},
	{"user-suspended", "user suspended", "利用者の停止"},
	{"user-resumed", "user resumed", "利用者の再開"},
	{"session-kicked", "session ended", "セッションの強制終了"},
	{"change-failed", "change that did not happen", "実行できなかった変更"},
	{"control-denied", "asked without the role", "権限のない操作"},
	{"acl-applied", "ACL put in force", "ACL の適用"},
	{"acl-rejected", "ACL refused", "ACL の不採用"},
	{"config-applied", "settings put in force", "設定の適用"},
	{"config-rejected", "settings refused", "設定の不採用"},
	/* the gateway */
	{"gateway-started", "gateway started", "ゲートウェイの起動"},
	{"gateway-stopped", "gateway stopped", "ゲートウェイの停止"},
	{"gateway-key-changed", "gateway's own key", "ゲートウェイ自身の鍵"},
	{"unclean", "after a crash or kill", "異常終了の後"},
	{"firewall-restored", "firewall put right", "ファイアウォールの復元"},
	{"clock-stepped", "clock was set", "時計の変更"},
	{"forward", "forward", "進み"},
	{"back", "back", "戻り"},
	{"alert", "alert", "警報"},
	{"lost-device-seen", "a lost device knocked", "紛失端末の接続試行"},
	{"table-changed", "firewall changed by others", "ファイアウォールが外部から変更された"},
	{"routing-rule-removed", "second lock removed by others", "第二の遮断が外部から外された"},
	{"tunnel-restored", "tunnel made again", "トンネルの再作成"},
	{"account-recheck-unavailable", "accounts cannot be looked at", "アカウントを確認できない"},
	{"brute-force-device", "many failed logins on one device", "一台の端末でログイン失敗が多発"},
	{"brute-force-user", "failed logins of one user on many devices", "一人の利用者が多くの端末でログイン失敗"},
	{"brute-force-keys", "many refused keys from one address", "一つの接続元から多くの鍵が拒否"},
	{"log-space-low", "little room for logs", "ログの空き容量が少ない"},
	{"log-error", "logs cannot be written", "ログを書き込めない"},
	{"certificate-expiring", "certificate of the login page expires", "ログインページの証明書の期限"},
	{"hook-failed", "an alert did not reach the hook", "警報を通知できなかった"},
	{"alerts-suppressed", "more alerts than are recorded one by one", "個別に記録しなかった警報"},
	{"by-user", "by its user", "利用者自身"},
	{"log-recovered", "logs recorded again", "ログの記録の再開"},
	{"log-thinned", "logs thinned", "記録の間引き"},
	{"space-low", "began", "開始"},
	{"space-back", "ended", "終了"},
	{"log-gap", "lines of the logs missing", "ログの欠落"},
	{"seal-failed", "logs could not be sealed", "ログの封印に失敗"},
	{"mistakes", "mistakes in the files", "ファイルの誤り"},
	{"conflict", "files changed while asked", "確認中にファイルが変更された"},
	{"changed-meanwhile", "files changed while read", "読み込み中にファイルが変更された"},
	{"not-archived", "could not be archived", "保管できなかった"},
	{"interrupted", "gateway ended before it was done", "完了前にゲートウェイが終了"},
	{"recorded-late", "recorded by the next start", "次の起動時に記録"},
	{"firewall", "kernel refused the rules", "カーネルが規則を拒否"},
	/* gaps */
	{"disk-full", "disk full", "ディスクの空きなし"},
	{"read-only", "disk read-only", "ディスクが読み取り専用"},
	{"no-memory", "no memory", "メモリ不足"},
	{"write-error", "writing failed", "書き込みの失敗"},
	{"torn-line", "cut off by a crash", "異常終了による途切れ"},
	{"kernel-overrun", "kernel reported faster than read", "カーネルの通知の取りこぼし"},
	{"rate-limited", "refused packets beyond the limit, as a number", "制限を超えた拒否パケット（件数のみ）"},
	{"unread", "refused packets while no gateway ran, as a number", "ゲートウェイ停止中の拒否パケット（件数のみ）"},
	{"gateway-down", "while no gateway ran", "ゲートウェイの停止中"},
};

const char *report_meaning(const struct report *r, const char *word)
{
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (!strcmp(meanings[i].word, word))
			return report_say(r, meanings[i].en, meanings[i].ja);
	return "";
}
