/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the pages look: one column, one accent, the state of the gate first. Text and controls reach WCAG 2.1 AA contrast in both
 * colour schemes; every target is at least 44 px high; nothing moves.
 */
#include "auth/page.h"

static const char style[] =
	":root{color-scheme:light dark;--bg:#f5f3ee;--card:#fffefb;--ink:#20262d;--soft:#59616a;--line:#dcd8ce;--field:#8b8d8a;"
	"--ai:#224b74;--on-ai:#fff;--open:#1d6a49;--open-bg:#e5f1e9;--bad:#9a2a2a;--bad-bg:#fbeceb;--note-bg:#eef2f6}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#13171c;--card:#1b2027;--ink:#e9e6df;--soft:#a7aeb6;--line:#333b45;"
	"--field:#78828d;--ai:#9cc3ec;--on-ai:#10202f;--open:#86d2ab;--open-bg:#17302a;--bad:#f3a9a3;--bad-bg:#3a2024;"
	"--note-bg:#222b35}}\n"
	"*{box-sizing:border-box}\n"
	"html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\n"
	"body{margin:0;min-height:100vh;min-height:100dvh;background:var(--bg);color:var(--ink);"
	"font:1rem/1.65 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif;"
	"overflow-wrap:break-word;padding:0 max(1rem,env(safe-area-inset-left)) 2rem}\n"
	":lang(ja) body,:lang(ja) input,:lang(ja) button{font-family:\"Hiragino Sans\",\"Hiragino Kaku Gothic ProN\","
	"\"Noto Sans CJK JP\",\"Noto Sans JP\",\"Yu Gothic UI\",Meiryo,system-ui,sans-serif}\n"
	":lang(ja) body{line-height:1.8;line-break:strict}\n"
	"header{max-width:30rem;margin:0 auto;padding:1.1rem .25rem .9rem;font-size:.875rem;font-weight:600;color:var(--soft)}\n"
	"main{max-width:30rem;margin:0 auto;padding:1.5rem 1.25rem 1.75rem;background:var(--card);border:1px solid var(--line);"
	"border-radius:.875rem}\n"
	"body>main:first-child{margin-top:2rem}\n"
	"h1{margin:.75rem 0 1.25rem;font-size:1.5rem;line-height:1.35;font-weight:700;letter-spacing:-.005em;text-wrap:balance}\n"
	":lang(ja) h1{letter-spacing:.01em;font-feature-settings:\"palt\";word-break:auto-phrase}\n"
	"h2,dt{margin:0;font-size:.8125rem;line-height:1.6;font-weight:600;color:var(--soft)}\n"
	"p,dd{margin:0;text-wrap:pretty}\n"
	"main>p{margin-bottom:1rem}\n"
	".state{display:inline-flex;align-items:center;gap:.5rem;margin:0!important;padding:.25rem .75rem .25rem .6rem;"
	"border-radius:2rem;font-size:.875rem;font-weight:600;line-height:1.5;background:var(--note-bg);color:var(--ai)}\n"
	".state svg{width:1.15rem;height:1.15rem;fill:currentColor;flex:none}\n"
	".open{background:var(--open-bg);color:var(--open)}\n"
	".fault{background:var(--bad-bg);color:var(--bad)}\n"
	".box{margin:0 0 1.25rem;padding:.75rem .9rem;border-left:.25rem solid var(--ai);border-radius:.25rem .5rem .5rem .25rem;"
	"background:var(--note-bg);white-space:pre-line}\n"
	".bad{border-color:var(--bad);background:var(--bad-bg)}\n"
	"form{display:grid;gap:.375rem}\n"
	"label{font-weight:600;margin-top:.5rem}\n"
	"form>label:first-of-type{margin-top:0}\n"
	"input{width:100%;min-height:3rem;padding:.5rem "
	".8rem;font:inherit;font-size:1.0625rem;color:inherit;background:var(--card);"
	"border:1px solid var(--field);border-radius:.5rem}\n"
	"input[readonly]{background:none;border-color:transparent;padding-left:0;min-height:2rem;padding-block:0;margin-top:-."
	"375rem}\n"
	"input[aria-invalid]{border-color:var(--bad)}\n"
	".code{letter-spacing:.2em;font-variant-numeric:tabular-nums}\n"
	"button,.button{display:flex;align-items:center;justify-content:center;width:100%;min-height:3rem;margin-top:1rem;"
	"padding:.5rem 1rem;font:inherit;font-weight:600;text-decoration:none;border:1px solid var(--ai);border-radius:.5rem;"
	"background:var(--ai);color:var(--on-ai);cursor:pointer}\n"
	".quiet,.button{background:none;color:var(--ai)}\n"
	".aside .quiet{margin-top:.25rem;border-color:transparent}\n"
	"button:hover,.button:hover{text-decoration:underline;text-underline-offset:.2em}\n"
	":focus-visible{outline:3px solid var(--ai);outline-offset:2px}\n"
	"input[readonly]:focus-visible{outline-offset:0}\n"
	"dl{margin:1.75rem 0 0;padding-top:1.25rem;border-top:1px solid var(--line);display:grid;gap:.875rem}\n"
	"dd{font-size:.9375rem}\n"
	"section{margin:0 0 1.25rem}\n"
	".until{padding:.875rem 1rem;border-radius:.625rem;background:var(--open-bg)}\n"
	".until h2{color:var(--open)}\n"
	".until time{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 .625rem}\n"
	".until b{font-size:2.25rem;line-height:1.25;font-weight:700;letter-spacing:-.01em;font-variant-numeric:tabular-nums}\n"
	".until b,.until span{white-space:nowrap}\n"
	"ul{margin:.25rem 0 0;padding:0;list-style:none}\n"
	"li{padding:.375rem 0;border-bottom:1px solid var(--line);line-height:1.5;font-variant-numeric:tabular-nums}\n"
	"ul:last-child>li:last-child{border:0;padding-bottom:0}\n"
	"small{display:block;font-size:.8125rem;color:var(--soft)}\n"
	".small{font-size:.875rem}\n"
	".renew{margin-top:.75rem}\n"
	".terms{max-height:60vh;max-height:60dvh;overflow:auto;padding:.875rem 1rem;border:1px solid var(--line);"
	"border-radius:.5rem;white-space:pre-wrap}\n"
	".version{font-size:.875rem;color:var(--soft)}\n"
	".devices{margin-bottom:1.25rem}.devices p{margin:.25rem 0 .75rem;font-size:.9375rem}\n"
	".stop{background:var(--bad);border-color:var(--bad);color:var(--card)}\n"
	".stopped{color:var(--bad)}\n"
	".link{display:flex;align-items:center;justify-content:center;min-height:2.75rem;margin-top:.25rem;color:var(--ai)}\n"
	"summary{display:flex;align-items:center;min-height:2.75rem;color:var(--ai);font-weight:600;cursor:pointer}\n"
	"summary::before{content:\"+\";width:1.25em}\n"
	"details[open]>summary::before{content:\"–\"}\n"
	"summary::-webkit-details-marker{display:none}\n"
	"@media(min-width:40rem){header{padding-top:8vh}main{padding:2rem 2.25rem 2.25rem}}\n"
	"@media(forced-colors:active){.state,.box,main{border:1px solid}}\n";

static const char icon[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\"><rect width=\"24\" height=\"24\" "
			   "rx=\"5\" fill=\"#224b74\"/>"
			   "<path fill=\"#fff\" d=\"M3 6h18v2.5H3zM5.5 8.5h2.5V20H5.5zM16 8.5h2.5V20H16z\"/></svg>";

const char *page_style(void)
{
	return style;
}

const char *page_icon(void)
{
	return icon;
}
