/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of auth/page.h. Sentences say what happened and then what to do; none says which of name, password or code was wrong.
 */
#include "auth/page.h"

#include <stdio.h>
#include <string.h>

static const char *const texts[PAGE_TEXTS][LANGUAGES] = {
	[TEXT_OPEN] = {"いま開いているもの", "What is open"},
	[TEXT_UNTIL] = {"期限", "Until"},
	[TEXT_NEXT] = {"次にすること", "What to do next"},

	[TEXT_LOGIN_STATE] = {"閉じています", "Closed"},
	[TEXT_LOGIN_TITLE] = {"ログイン", "Log in"},
	[TEXT_USER_LABEL] = {"利用者名", "User name"},
	[TEXT_USER_BAD] = {"利用者名に使えるのは、半角の英数字と _ . @ - だけです。入力を確かめてください。",
		"A user name has only letters, digits and _ . @ - in it. Please check what you typed."},
	[TEXT_LOGIN_LOST] = {"ログインの途中で中断しました。もう一度、利用者名から入力してください。",
		"Your login was interrupted before it was complete. Please begin again with your user name."},
	[TEXT_NEXT_BUTTON] = {"次へ", "Next"},
	[TEXT_LOGIN_OPEN] = {"このページだけです。業務システムはまだ開いていません。",
		"Only this page. No work system is open yet."},
	[TEXT_LOGIN_UNTIL] = {"ログインすると、ここに表示します。", "Shown here once you have logged in."},
	[TEXT_LOGIN_NEXT] = {"利用者名を入力して「次へ」を押してください。パスワードは次の画面で入力します。",
		"Enter your user name and press Next. You will be asked for your password on the next page."},

	[TEXT_LOGIN_OPENS] = {"次に利用できるのは、@からです。", "You can log in from @."},

	[TEXT_ROUND_STATE] = {"まだ閉じています", "Still closed"},
	[TEXT_ROUND_TITLE] = {"ご本人の確認", "Confirm it is you"},
	[TEXT_ROUND_USER] = {"利用者名", "User name"},
	[TEXT_ROUND_UNTIL] = {"@以内（@ まで）に入力してください。", "Please answer within @ (by @)."},
	[TEXT_ROUND_NEXT] = {"上の欄に入力して「続ける」を押してください。", "Fill in the fields above and press Continue."},
	[TEXT_ANSWER_BUTTON] = {"続ける", "Continue"},
	[TEXT_CANCEL_BUTTON] = {"中止する", "Cancel"},
	[TEXT_PASSWORD_LABEL] = {"パスワード", "Password"},

	[TEXT_RENEW_STATE] = {"開いています", "Open"},
	[TEXT_RENEW_OPEN] = {"これまでと同じです。通信は途切れません。", "The same as before. Your connections go on."},

	[TEXT_TERMS_TITLE] = {"利用条件の確認", "Conditions of use"},
	[TEXT_TERMS_VERSION] = {"版: @", "Version @"},
	[TEXT_TERMS_UNTIL] = {"@以内（@ まで）にお読みください。", "Please read them within @ (by @)."},
	[TEXT_TERMS_NEXT] = {"最後までお読みのうえ、「同意して続ける」を押してください。同意は、日時とともに記録されます。",
		"Read to the end, then press Accept and continue. Your acceptance is recorded with its date and time."},
	[TEXT_TERMS_BUTTON] = {"同意して続ける", "Accept and continue"},
	[TEXT_TERMS_REFUSE] = {"同意しないで中止する", "Do not accept, cancel"},

	[TEXT_QUEUE_TITLE] = {"順番をお待ちください", "Please wait for your turn"},
	[TEXT_QUEUE_LEAD] = {"あなたの前に@人います。順番が来ると、この画面は自動で切り替わります。",
		"People before you: @. This page changes by itself when it is your turn."},
	[TEXT_QUEUE_UNTIL] = {"この画面を開いているあいだ、順番は取ってあります。",
		"Your place is kept while this page is open."},
	[TEXT_WAIT_STATE] = {"まだ閉じています", "Still closed"},
	[TEXT_WAIT_TITLE] = {"確認しています", "Checking"},
	[TEXT_WAIT_LEAD] = {"終わると、この画面は自動で切り替わります。", "This page changes by itself when it is done."},
	[TEXT_WAIT_UNTIL] = {"ふつうは数秒で終わります。", "This usually takes a few seconds."},
	[TEXT_WAIT_NEXT] = {"このままお待ちください。", "Please wait."},
	[TEXT_SHOW_BUTTON] = {"いまの状態を表示", "Show the present state"},

	[TEXT_STATUS_STATE] = {"開いています", "Open"},
	[TEXT_STATUS_TITLE] = {"業務システムを使えます", "You can use your work systems"},
	[TEXT_STATUS_LEFT] = {"あと @（@ 現在）", "@ left, as of @"},
	[TEXT_STATUS_FOREVER] = {"時刻の期限はありません。しばらく使わないと閉じます。",
		"No fixed time. It closes when it is not used for a while."},
	[TEXT_STATUS_SOON] = {"まもなく閉じます。作業中のものを保存してください。",
		"This will close soon. Please save your work."},
	[TEXT_STATUS_NEXT] = {"このページは閉じてかまいません。使い終わったら、ここに戻ってログアウトしてください。",
		"You may leave this page. When you have finished your work, come back and log out."},
	[TEXT_STATUS_NOTHING] = {"使えるシステムが登録されていません。必要なときは、所属のネットワーク管理者に申請してください。",
		"No system has been opened for you. If you need one, ask your network administrator."},
	[TEXT_STATUS_MORE] = {"ほか @件@", "@ more@"},
	[TEXT_STATUS_USER] = {"利用者", "User"},
	[TEXT_STATUS_DEVICE] = {"端末", "Device"},
	[TEXT_STATUS_IDLE] = {"@のあいだ通信がないと、それより早く閉じます。", "It closes earlier when nothing is used for @."},
	[TEXT_STATUS_RENEWED] = {"期限を延長しました。", "You have more time now."},
	[TEXT_STATUS_LAPSES] = {"@ まで", "until @"},
	[TEXT_RENEW_BUTTON] = {"期限を延長する", "Get more time"},
	[TEXT_STATUS_SHOW] = {"表示する（@件）@", "Show them (@)@"},
	[TEXT_STATUS_SHARED] = {"この共用端末には、@ さんがログインしています。", "@ is logged in on this shared device."},
	[TEXT_STATUS_DESK] = {"ほかの端末をなくしたときは、サービスデスクにお電話ください。",
		"If you have lost another device, telephone the service desk."},
	[TEXT_OTHER_LINK] = {"別の方はここからログイン", "Another person: log in here"},
	[TEXT_OTHER_STATE] = {"ほかの方が使っています", "In use by somebody else"},
	[TEXT_OTHER_TITLE] = {"別の方のログイン", "Log in as another person"},
	[TEXT_OTHER_REFUSE] = {"この端末を同時に使えるのは1人です。確認のあと、先にログアウトする必要のある方をお知らせします。",
		"One person at a time can use this device. Once you have confirmed who you are, this page says who must log "
		"out first."},
	[TEXT_OTHER_TAKEOVER] =
		{"あなたがログインすると、いまログインしている方の接続はすぐに終わります。その方の作業が済んでいる"
		 "ことを確かめてください。",
			"When you log in, the person who is logged in now is logged out at once. Make sure that they have "
			"finished."},
	[TEXT_OTHER_OPEN] = {"先にログインした方のものだけです。あなたのログインは開いていません。",
		"Only what belongs to the person who came first. You are not logged in."},
	[TEXT_OTHER_SHUT] = {"まだログインできません", "You cannot log in yet"},
	[TEXT_OTHER_WHO] = {"この端末には、いま @ さんがログインしています。", "@ is logged in on this device now."},
	[TEXT_OTHER_UNTIL] = {"@ さんがログアウトするまでです。遅くとも @ に閉じます。",
		"Until @ logs out, or until @ at the latest."},
	[TEXT_OTHER_NEXT] =
		{"@ さんに、はじめのページの「ログアウト」を押すよう頼み、もう一度ログインしてください。@ さんと連絡が"
		 "取れないときは、サービスデスクにご連絡ください。",
			"Ask @ to press Log out on the first page, then log in again. If @ cannot be reached, call the service "
			"desk."},

	[TEXT_DEVICES_LINK] = {"ほかの端末をなくしたとき", "I have lost another device"},
	[TEXT_DEVICES_TITLE] = {"ほかの端末", "Your other devices"},
	[TEXT_DEVICES_LEAD] = {"あなたの名前で登録されている端末です。なくした端末や心当たりのない端末は、ここで止められます。",
		"These are registered in your name. You can stop one here that is lost or is not yours."},
	[TEXT_DEVICES_NONE] = {"あなたの名前で登録されている端末は、ほかにありません。",
		"No other device is registered in your name."},
	[TEXT_DEVICES_SEEN] = {"最後の接続: @", "Last seen: @"},
	[TEXT_DEVICES_NEVER] = {"接続したことはありません", "Never seen"},
	[TEXT_DEVICES_STOPPED] = {"止めてあります。また使うときや見つからないときは、サービスデスクにご連絡ください。",
		"Stopped. Call the service desk to use it again, or if it stays lost."},
	[TEXT_DEVICES_SHARED] = {"ほかの方も使う共用の端末です。その方も使えなくなります。",
		"Others share this device. They will not be able to use it either."},
	[TEXT_DEVICES_ASK] = {"なくした・自分のものではない", "It is lost, or not mine"},
	[TEXT_DEVICES_SURE] =
		{"この端末の通信をすぐに止めます。あなたが止めたことは記録され、元に戻せるのはサービスデスクだけです。",
			"Its connections are cut at once. It is recorded that you did this, and only the service desk can undo "
			"it."},
	[TEXT_DEVICES_BUTTON] = {"この端末を止める", "Stop this device"},
	[TEXT_BACK_BUTTON] = {"戻る", "Back"},
	[TEXT_LOGOUT_BUTTON] = {"ログアウト", "Log out"},

	[TEXT_AWAY_STATE] = {"応答を待っています", "Waiting for an answer"},
	[TEXT_AWAY_TITLE] = {"ゲートウェイを再起動しています", "The gateway is being restarted"},
	[TEXT_AWAY_LEAD] = {"もう一度お試しください。この画面は数秒ごとに自動で再表示します。",
		"Please try again. This page tries by itself every few seconds."},
	[TEXT_AWAY_OPEN] = {"すでにログインしている方の通信は、そのまま続いています。",
		"If you are logged in, your connections go on."},
	[TEXT_AWAY_UNTIL] = {"ログインの期限は変わりません。", "The time of your login has not changed."},
	[TEXT_AWAY_NEXT] = {"少しお待ちください。5分たっても変わらないときは、サービスデスクにご連絡ください。",
		"Please wait a moment. If nothing has changed after 5 minutes, call the service desk."},
	[TEXT_RETRY_BUTTON] = {"もう一度試す", "Try again"},

	[TEXT_STRANGER_TITLE] = {"このページは利用できません", "This page is not available"},
	[TEXT_STRANGER_LEAD] = {"お心当たりのある方は、所属のサービスデスクにご連絡ください。",
		"If you think it should be, please call your service desk."},

	[TEXT_ERROR_STATE] = {"処理できませんでした", "Not done"},
	[TEXT_ERROR_OPEN] = {"先ほどから変わっていません。", "The same as before."},
	[TEXT_ERROR_UNTIL] = {"先ほどから変わっていません。", "The same as before."},
	[TEXT_HOME_BUTTON] = {"はじめのページへ", "Go to the first page"},
};

static const char *const results[PUBLIC_RESULTS][LANGUAGES] = {
	[PUBLIC_GRANTED] = {"ログインしました。", "You are logged in."},
	[PUBLIC_FAILED] = {"ログインできませんでした。利用者名、パスワード、コードを確かめて、もう一度お試しください。続けて失敗"
			   "するときは、サービスデスクにご連絡ください。",
		"Login failed. Check your user name, password and code, then try again. If it keeps failing, call the service "
		"desk."},
	[PUBLIC_BUSY] = {"いまはログインを受け付けられません。少し待ってから、もう一度お試しください。",
		"No login is possible right now. Wait a little, then try again."},
	[PUBLIC_PASSWORD_EXPIRED] = {"パスワードの有効期限が切れています。サービスデスクで更新してください。",
		"Your password has expired. Ask the service desk to renew it."},
	[PUBLIC_ACCOUNT_CLOSED] = {"このアカウントは現在使えません。サービスデスクにご連絡ください。",
		"This account cannot be used at present. Call the service desk."},
	[PUBLIC_TIMEOUT] = {"時間切れのため、ログインを取りやめました。もう一度お試しください。",
		"The login took too long and was given up. Please try again."},
	[PUBLIC_UNAVAILABLE] = {"利用者の確認を行えません。少し待ってから、もう一度お試しください。直らないときは、サービスデスク"
				"にご連絡ください。",
		"Users cannot be checked right now. Wait a little, then try again. If it stays so, call the service desk."},
	[PUBLIC_IN_USE] = {"この共用端末には、ほかの方がログインしています。その方がログアウトしてから、もう一度お試しください。",
		"Somebody else is logged in on this shared device. Try again when that person has logged out."},
	[PUBLIC_HOURS] = {"いまは利用できる時間帯の外です。利用できる時間帯になってから、もう一度お試しください。",
		"You are outside your permitted hours. Try again when they have begun."},
	[PUBLIC_PERIOD] = {"いまは利用期間の外です。利用期間は、サービスデスクにご確認ください。",
		"You are outside your period of use. Ask the service desk when it begins, or to extend it."},
	[PUBLIC_NETWORK] = {"いまつないでいるネットワークからは利用できません。許可された場所のネットワークにつなぎ替えて、もう一"
			    "度お試し"
			    "ください。",
		"You may not log in from the network you are on. Change to one that is permitted for you, then try again."},
	[PUBLIC_SESSION_OVER] = {"延長の手続きより先に、期限になりました。もう一度ログインしてください。",
		"Your time was up before you could get more. Please log in again."},
};

static const char *const ends[SESSION_ENDS][LANGUAGES] = {
	[END_NONE] = {"", ""},
	[END_LOGOUT] = {"ログアウトしました。", "You have logged out."},
	[END_IDLE] = {"しばらく通信がなかったため閉じました。使うときは、もう一度ログインしてください。",
		"Closed because it was not used for a while. Log in again to go on."},
	[END_EXPIRED] = {"期限になったため閉じました。続けて使うときは、もう一度ログインしてください。",
		"Closed because its time was up. Log in again to go on."},
	[END_HOURS] = {"利用できる時間帯が終わったため閉じました。次の時間帯になったら、ログインしてください。",
		"Closed at the end of your permitted hours. Log in again when the next ones begin."},
	[END_PERIOD] = {"端末または利用者の利用期間が終わったため閉じました。続けて使うときは、サービスデスクにご連絡ください。",
		"Closed because the period of use of this device or user is over. Call the service desk to go on."},
	[END_KICKED] = {"管理者が接続を終了しました。理由は、サービスデスクにお問い合わせください。",
		"An administrator ended the connection. Ask the service desk why."},
	[END_SUSPENDED] = {"利用が停止されています。サービスデスクにご連絡ください。",
		"Use has been suspended. Call the service desk."},
	[END_DEVICE_LOST] = {"この端末は紛失として届けられています。サービスデスクにご連絡ください。",
		"This device has been reported lost. Call the service desk."},
	[END_DEVICE_REVOKED] = {"この端末の登録は取り消されています。サービスデスクにご連絡ください。",
		"This device has been revoked. Call the service desk."},
	[END_ACCOUNT_DISABLED] = {"アカウントが使えなくなったため閉じました。サービスデスクにご連絡ください。",
		"Closed because the account can no longer be used. Call the service desk."},
	[END_ACL_REMOVED] = {"使えるシステムの設定が変わったため閉じました。もう一度ログインしてください。",
		"Closed because the rules for you have changed. Please log in again."},
	[END_SUPERSEDED] = {"新しいログインに置き換わったため閉じました。もう一度ログインしてください。",
		"Closed because a newer login took its place. Please log in again."},
	[END_NETWORK] = {"許可されていないネットワークにつながったため閉じました。許可された場所のネットワークにつなぎ替えて、ロ"
			 "グイン"
			 "してください。",
		"Closed because you moved to a network that is not permitted for you. Change to one that is, then log in again."},
	[END_REBOOT] = {"ゲートウェイを再起動したため閉じました。もう一度ログインしてください。",
		"Closed because the gateway was restarted. Please log in again."},
	[END_LOG_FULL] = {"ゲートウェイの記録に障害があるため閉じました。復旧したら、もう一度ログインしてください。",
		"Closed because the gateway cannot keep its records at the moment. Log in again when that is mended."},
	[END_KEY] = {"この端末の接続用の鍵が新しくなったため閉じました。もう一度ログインしてください。",
		"Closed because this device now connects with a new key. Please log in again."},
};

static const char *const bounds[SESSION_ENDS][LANGUAGES] = {
	[END_EXPIRED] = {"1回のログインで使えるのはここまでです。そのあとは、もう一度ログインしてください。",
		"One login lasts until then. After that, log in again."},
	[END_HOURS] = {"利用できる時間帯の終わりです。次の時間帯になるまで、ログインできません。",
		"Your permitted hours end then. You cannot log in again before the next ones begin."},
	[END_PERIOD] = {"端末または利用者の利用期間の終わりです。続けて使うときは、サービスデスクにご連絡ください。",
		"The period of use of this device or user ends then. Call the service desk to go on."},
};

static const struct error_text {
	unsigned status;
	const char *title[LANGUAGES], *lead[LANGUAGES];
} errors[] = {
	{403, {"この操作は受け付けられません", "This request was refused"},
		{"このページから送られたものか確かめられませんでした。はじめのページを開いて、もう一度お試しください。",
			"It could not be shown that it came from this page. Open the first page and try again."}},
	{404, {"ページが見つかりません", "There is no such page"}, {"はじめのページを開いてください。", "Open the first page."}},
	{405, {"この操作はできません", "This cannot be done here"},
		{"はじめのページを開いて、もう一度お試しください。", "Open the first page and try again."}},
	{413, {"入力が長すぎます", "What was sent is too long"},
		{"はじめのページを開いて、短くして入力してください。", "Open the first page and enter less."}},
	{421, {"アドレスが違います", "This is not the right address"},
		{"下のボタンから、正しいアドレスを開いてください。", "Open the right address with the button below."}},
	{422, {"入力を受け付けられません", "What was entered cannot be taken"},
		{"はじめのページを開いて、入力を確かめてください。1つの欄に入るのは 511バイトまでです。",
			"Open the first page and check what you enter. A field takes at most 511 bytes."}},
	{500, {"内部で問題が起きました", "Something went wrong inside"},
		{"少し待ってからお試しください。直らないときは、サービスデスクにご連絡ください。",
			"Wait a little, then try again. If it stays so, call the service desk."}},
	{503, {"いま混み合っています", "Too busy right now"},
		{"少し待ってから、もう一度お試しください。", "Wait a little, then try again."}},
	/* for every other status */
	{400, {"リクエストを読み取れません", "The request could not be read"},
		{"はじめのページを開いて、もう一度お試しください。繰り返すときは、別のブラウザーをお使いください。",
			"Open the first page and try again. If it happens again, use another browser."}},
};

const char *page_text(enum language l, enum page_text t)
{
	return texts[t][l];
}

const char *page_text_result(enum language l, unsigned result)
{
	return results[result < PUBLIC_RESULTS ? result : PUBLIC_UNAVAILABLE][l];
}

const char *page_text_end(enum language l, unsigned session_end)
{
	return ends[session_end < SESSION_ENDS ? session_end : END_NONE][l];
}

const char *page_text_bound(enum language l, unsigned session_end)
{
	const char *text = bounds[session_end < SESSION_ENDS ? session_end : END_NONE][l];
	return text ? text : "";
}

static const struct error_text *error_text(unsigned status)
{
	size_t i = 0;

	while (i + 1 < sizeof errors / sizeof *errors && errors[i].status != status)
		i++;
	return &errors[i];
}

const char *page_text_error_title(enum language l, unsigned status)
{
	return error_text(status)->title[l];
}

const char *page_text_error_lead(enum language l, unsigned status)
{
	return error_text(status)->lead[l];
}

const char *page_text_fill(const char *text, char *out, size_t size, const char *first, const char *second)
{
	const char *values[] = {first, second};
	size_t used = 0, next = 0;

	out[0] = '\0';
	while (*text && used < size) {
		int n = (int)strcspn(text, "@");
		bool hole = text[n] != '\0';
		const char *value = hole && next < 2 ? values[next++] : "";
		int wrote = snprintf(out + used, size - used, "%.*s%s", n, text, value);

		used = wrote < 0 ? size : used + (size_t)wrote;
		text += n + hole;
	}
	return out;
}
