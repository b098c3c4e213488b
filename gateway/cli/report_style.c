/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How the page looks: the calm colours of the login page, one column of cards, numbers that open to their command. Text reaches
 * WCAG 2.1 AA contrast in both colour schemes; no state is told by colour alone. Below 40rem tables become lists; on paper
 * nothing is cut and commands stay away.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "gateway/cli/report_markup.h"

static const char style[] =
	":root{color-scheme:light dark;--bg:#f5f3ee;--card:#fffefb;--ink:#20262d;--soft:#59616a;--line:#dcd8ce;--ai:#224b74;"
	"--s0:#3b6ea5;--s1:#c2562d;--good:#1d6a49;--good-bg:#e5f1e9;--bad:#9a2a2a;--bad-bg:#fbeceb;--look:#7a4d00;--look-bg:#"
	"fbf0dc;"
	"--note-bg:#eaf0f6;--code:#f1eee7}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#13171c;--card:#1b2027;--ink:#e9e6df;--soft:#a7aeb6;--line:#333b45;--ai:#"
	"9cc3ec;"
	"--s0:#6ea3d8;--s1:#e58a62;--good:#86d2ab;--good-bg:#17302a;--bad:#f3a9a3;--bad-bg:#3a2024;--look:#eec27a;--look-bg:#"
	"372c18;"
	"--note-bg:#222b35;--code:#12161b}}\n"
	"*{box-sizing:border-box}\n"
	"html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-behavior:smooth}\n"
	"body{margin:0;background:var(--bg);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto "
	"Sans\","
	"sans-serif;overflow-wrap:anywhere;padding:0 1rem 3rem}\n"
	":lang(ja) body{font-family:\"Hiragino Sans\",\"Hiragino Kaku Gothic ProN\",\"Noto Sans CJK JP\",\"Noto Sans JP\","
	"\"Yu Gothic UI\",Meiryo,system-ui,sans-serif;line-height:1.7;line-break:strict}\n"
	"header,main,footer{max-width:64rem;margin:0 auto}\n"
	"header{padding:2.25rem 0 1.25rem}\n"
	"h1{margin:0;font-size:1.75rem;line-height:1.3;letter-spacing:-.01em}\n"
	"h1 small{font-size:1.125rem;font-weight:400;color:var(--soft);letter-spacing:0;margin-left:.25em}\n"
	"header p{margin:.25rem 0 0;color:var(--soft);font-variant-numeric:tabular-nums}\n"
	".period{font-size:1.125rem;color:var(--ink);font-weight:600}\n"
	"h2{margin:0 0 .75rem;font-size:1.25rem;line-height:1.4}\n"
	"h3{margin:0;font-size:.9375rem;line-height:1.5}\n"
	"p{margin:0 0 .75rem;max-width:46rem;text-wrap:pretty}\n"
	"section{position:relative;margin:0 0 1rem;padding:1.25rem 1.5rem 1.5rem;background:var(--card);border:1px solid "
	"var(--line);"
	"border-radius:.875rem}\n"
	"section>p{color:var(--soft);font-size:.9375rem}\n"
	"a{color:inherit;text-decoration-color:var(--line);text-underline-offset:.2em}\n"
	"a:hover{text-decoration-color:currentColor}\n"
	":focus-visible{outline:3px solid var(--ai);outline-offset:2px;border-radius:.25rem}\n"
	/* what needs attention */
	".first ul{margin:0;padding:0;list-style:none}\n"
	".first li{display:grid;grid-template-columns:auto 1fr;gap:.75rem;align-items:baseline;padding:.5rem 0;border-top:1px "
	"solid "
	"var(--line)}\n"
	".first li:first-child{border:0;padding-top:0}\n"
	".first li:last-child{padding-bottom:0}\n"
	".chip{min-width:4.5rem;padding:.1rem .6rem;border-radius:1rem;font-size:.8125rem;font-weight:700;text-align:center;"
	"white-space:nowrap;background:var(--note-bg);color:var(--ai)}\n"
	".alarm .chip{background:var(--bad-bg);color:var(--bad)}\n"
	".alarm{font-weight:600}\n"
	".look .chip{background:var(--look-bg);color:var(--look)}\n"
	".quiet .chip{background:var(--good-bg);color:var(--good)}\n"
	/* the few numbers */
	".tiles{position:relative;display:grid;grid-template-columns:repeat(4,1fr);gap:1px;margin:0 0 "
	"1rem;padding:0;list-style:none;overflow:visible;"
	"background:var(--line);border:1px solid var(--line);border-radius:.875rem}\n"
	".tiles li{padding:.875rem 1.25rem;background:var(--card)}\n"
	".tiles li:nth-child(1){border-top-left-radius:.8rem}.tiles li:nth-child(4){border-top-right-radius:.8rem}"
	".tiles li:nth-child(5){border-bottom-left-radius:.8rem}.tiles li:nth-child(8){border-bottom-right-radius:.8rem}\n"
	".tiles span{display:block;font-size:.8125rem;color:var(--soft);font-weight:600}\n"
	".tiles div{font-size:1.625rem;line-height:1.3;font-weight:700;font-variant-numeric:tabular-nums;letter-spacing:-.01em}"
	"\n"
	"nav{margin:0 0 1rem;font-size:.9375rem}\n"
	"nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:0;padding:0 .25rem;list-style:none}\n"
	"nav a{display:inline-block;padding:.4rem 0}\n"
	/* charts */
	"figure{margin:1rem 0 .25rem}\n"
	"figcaption{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;align-items:baseline}\n"
	".key{display:inline-flex;align-items:center;gap:.4rem;font-size:.8125rem;color:var(--soft)}\n"
	".dot{width:.75rem;height:.75rem}\n"
	".chart{display:block;width:100%;height:11rem;margin-top:.25rem;overflow:visible;print-color-adjust:exact;"
	"-webkit-print-color-adjust:exact}\n"
	".s0{fill:var(--s0)}.s1{fill:var(--s1)}\n"
	".chart.refused .s0{fill:var(--look)}.chart.refused .s1{fill:var(--s1)}\n"
	"figure:has(.refused) .dot .s0{fill:var(--look)}\n"
	".grid line,.x line{stroke:var(--line)}\n"
	".grid .zero{stroke:var(--soft)}\n"
	".chart text{fill:var(--soft);font-size:.75rem;font-variant-numeric:tabular-nums}\n"
	/* tables */
	".tables{display:grid;grid-template-columns:1fr 1fr;gap:0 2.5rem;align-items:start;grid-auto-flow:dense}\n"
	".table{margin-top:1.25rem;min-width:0}.wide{grid-column:1/-1}\n"
	"table{width:100%;border-collapse:collapse;margin-top:.25rem;font-size:.9375rem;font-variant-numeric:tabular-nums}\n"
	"th{padding:.375rem .75rem .375rem "
	"0;text-align:left;font-size:.8125rem;font-weight:600;color:var(--soft);vertical-align:bottom;"
	"border-bottom:1px solid var(--soft)}\n"
	"td{padding:.375rem .75rem .375rem 0;border-bottom:1px solid var(--line);vertical-align:top}\n"
	"tr:last-child td{border-bottom:0}\n"
	"th:last-child,td:last-child{padding-right:0}\n"
	".n{text-align:right}td.n{white-space:nowrap}.n:not(:last-child){padding-right:1.5rem}\n"
	"th,td.c{overflow-wrap:normal}td.c{white-space:nowrap}.z{color:var(--soft)}\n"
	".w,time{white-space:nowrap}\n"
	"td.c{font:.8125rem/1.85 ui-monospace,\"SF Mono\",Menlo,Consolas,\"Noto Sans Mono\",monospace;color:var(--soft)}\n"
	".small{margin:.375rem 0 0;font-size:.8125rem;color:var(--soft)}\n"
	/* a number and its command */
	"summary{cursor:pointer}\n"
	".f{display:inline}\n"
	".f summary{display:inline;list-style:none;border-bottom:1px dotted var(--soft)}\n"
	".f summary::-webkit-details-marker{display:none}\n"
	".f summary:hover,.f[open] summary{color:var(--ai);border-bottom-style:solid}\n"
	"code{font:.8125rem/1.6 ui-monospace,\"SF Mono\",Menlo,Consolas,\"Noto Sans Mono\",monospace;user-select:all;"
	"-webkit-user-select:all}\n"
	".f code,.run{display:block;white-space:pre-wrap;text-align:left;font-weight:400;letter-spacing:0;padding:.75rem 1rem;"
	"background:var(--code);border:1px solid var(--line);border-radius:.5rem}\n"
	".f code{position:absolute;z-index:1;left:1rem;right:1rem;margin-top:.375rem;border-color:var(--ai);"
	"box-shadow:0 .5rem 1.5rem rgb(0 0 0/.18)}\n"
	".more{margin:.25rem 0 0;font-size:.9375rem}\n"
	".more>summary{display:inline-block;padding:.375rem 0;color:var(--ai);font-size:.8125rem;font-weight:600}\n"
	"footer{padding:.5rem .25rem 0;font-size:.8125rem;color:var(--soft)}\n"
	"@media(max-width:40rem){\n"
	"header{padding:1.5rem 0 1rem}h1{font-size:1.5rem}\n"
	"section{padding:1rem 1rem 1.25rem}\n"
	".tiles{grid-template-columns:1fr 1fr}.tiles li{padding:.75rem 1rem}.tiles div{font-size:1.375rem}\n"
	".tiles li:nth-child(n){border-radius:0}.tiles li:nth-child(1){border-top-left-radius:.8rem}"
	".tiles li:nth-child(2){border-top-right-radius:.8rem}.tiles li:nth-child(7){border-bottom-left-radius:.8rem}"
	".tiles li:nth-child(8){border-bottom-right-radius:.8rem}\n"
	".first li{gap:.625rem}.chip{min-width:3.5rem;padding:.1rem .4rem;font-size:.75rem}\n"
	".tables{display:block}\n"
	".tall thead,.tall td.z{display:none}.tall "
	".n:not(:last-child){padding-right:0}td.c{white-space:normal;overflow-wrap:anywhere}\n"
	".tall tr{display:grid;grid-template-columns:1fr;padding:.5rem 0;border-bottom:1px solid var(--line)}\n"
	".tall tr:last-child{border:0}\n"
	".tall td,.tall td:last-child{display:flex;justify-content:space-between;gap:1rem;padding:.125rem "
	"0;border:0;text-align:right;white-space:normal}\n"
	".tall td::before{content:attr(data-l);color:var(--soft);font:400 .8125rem/1.85 "
	"system-ui,sans-serif;text-align:left;flex:none}\n"
	".tall td:first-child{font-weight:600;text-align:left;justify-content:start}\n"
	".tall td:first-child::before{display:none}\n"
	".tall td:empty{display:none}}\n"
	"@media print{@page{size:A4;margin:14mm 12mm}\n"
	":root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--ai:#224b74;--s0:#3b6ea5;--s1:#c2562d;--good:#1d6a49;"
	"--good-bg:#fff;--bad:#9a2a2a;--bad-bg:#fff;--look:#7a4d00;--look-bg:#fff;--note-bg:#fff;color-scheme:light}\n"
	"body{padding:0;font-size:9.5pt;background:#fff}header{padding:0 0 8pt}header,main,footer{max-width:none}\n"
	"section{padding:0;margin:0 0 14pt;border:0;border-radius:0}h2{margin-bottom:4pt;padding-bottom:2pt;border-bottom:1.5pt "
	"solid #000}\n"
	".chip{border:.75pt solid currentColor}.tiles{border-radius:0;break-inside:avoid}.tiles "
	"div:nth-child(n){border-radius:0}\n"
	"nav,.more,.f code{display:none}.f summary{border:0}a{text-decoration:none}\n"
	"table{font-size:9pt}th{font-size:8pt}tr,figure,.first "
	"li{break-inside:avoid}h2,h3,thead{break-after:avoid}thead{display:table-header-group}}\n"
	"@media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}\n"
	"@media(forced-colors:active){.chip{border:1px solid}.s0{fill:CanvasText}.s1{fill:Highlight}}\n";

const char *markup_style(void)
{
	return style;
}

int markup_style_source(char out[static MARKUP_SOURCE_TEXT])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned char text[MARKUP_SOURCE_TEXT];
	unsigned size = 0;
	if (EVP_Digest(style, sizeof style - 1, hash, &size, EVP_sha256(), NULL) != 1)
		return -EIO;
	EVP_EncodeBlock(text, hash, (int)size);
	snprintf(out, MARKUP_SOURCE_TEXT, "'sha256-%.44s'", (const char *)text);
	return 0;
}
