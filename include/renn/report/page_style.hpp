// SPDX-License-Identifier: MIT
// renn/report/page_style.hpp - how pages look: colours, text, tables, charts.
#pragma once

#include <string_view>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI {

/// The style of every Page, light and dark by the reader's setting, one column on a phone. Sections may use
///
///     colours     --page --card --ink --quiet --line --bar --track --link --true --wrong --low --high --c1 to --c4
///     classes     quiet, hidden (read aloud only), scroll (what may be wider than the page), charts (a row of charts),
///                 key (a list of terms), true, wrong
///     elements    article (a card), table.data (a ruled table), details, figure
inline constexpr std::string_view page_style = R"css(
:root{color-scheme:light dark;--page:#f5f5f2;--card:#fff;--ink:#1d1f24;--quiet:#646a76;--line:#e3e3dd;--bar:#b9bfca;
--track:#f0f0ec;--true:#14804f;--wrong:#cf3434;--link:#2b5fc4;--mat:#fff;--low:#c8402f;--high:#2f62c8;
--c1:#2b5fc4;--c2:#c2570c;--c3:#8a3fb5;--c4:#0b7a86}
@media (prefers-color-scheme:dark){:root{--page:#121417;--card:#1b1e23;--ink:#e8e9ec;--quiet:#9ba2af;--line:#2d3138;
--bar:#565e6c;--track:#24282e;--true:#3fbf86;--wrong:#ff7268;--link:#8db4ff;--mat:#2d3138;--low:#e2604c;--high:#6f9bff;
--c1:#8db4ff;--c2:#ffa057;--c3:#d39bf2;--c4:#4cc4d3}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main,header,footer{max-width:1320px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:30px;line-height:1.2;letter-spacing:-.02em;margin:0 0 8px}
h2{font-size:20px;letter-spacing:-.01em;margin:40px 0 12px}
h2 span{color:var(--quiet);font-weight:400}
h3{font-size:17px;margin:0}
h4{font-size:14px;margin:0;font-weight:600}
h5{font-size:13px;margin:14px 0 6px;font-weight:400;color:var(--quiet)}
p{margin:0 0 12px;max-width:76ch}
a{color:var(--link)}
section{scroll-margin-top:12px}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}
.quiet{color:var(--quiet)}
.true{color:var(--true)}
.wrong{color:var(--wrong)}
b.true,b.wrong{font-weight:650}
.facts{display:flex;flex-wrap:wrap;gap:1px;margin:20px 0 14px;background:var(--line);border:1px solid var(--line);
border-radius:10px;overflow:hidden}
.facts div{background:var(--card);padding:9px 14px;flex:1 1 auto;min-width:120px}
.facts dt{color:var(--quiet);font-size:12.5px}
.facts dd{margin:0;font-weight:600;overflow-wrap:anywhere}
details{margin-top:12px}
nav{margin-top:18px}
summary{cursor:pointer;color:var(--link);width:fit-content;padding:3px 0}
summary:hover{text-decoration:underline}
.contents ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:4px 20px}
.key{border-left:3px solid var(--line);padding:4px 0 1px 16px;margin-top:8px}
.key dt{font-weight:600}
.key dd{margin:0 0 8px;max-width:80ch}
article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px;margin:0 0 18px;
scroll-margin-top:12px}
figure{margin:0}
img{display:block;image-rendering:pixelated;height:auto;border-radius:3px;box-shadow:0 0 0 1px var(--mat)}
figcaption{font-size:12.5px;color:var(--quiet);margin-top:5px;line-height:1.35}
.scroll{overflow-x:auto;max-width:100%}
.data{border-collapse:collapse;font-size:13px;line-height:1.3}
.data th,.data td{padding:4px 12px 4px 0;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
.data th:first-child{text-align:left}
.data caption{text-align:left;color:var(--quiet);padding-bottom:4px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:18px}
.chart{min-width:0;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px}
article .chart{border:0;padding:0;background:none}
.chart svg{display:block;width:100%;max-width:620px;height:auto;margin-top:8px}
article .chart svg{max-width:440px}
.chart h3,.chart h4{margin:0}
.chart figcaption{max-width:76ch}
.chart text{font-size:11.5px;fill:var(--quiet)}
.chart .axis{stroke:var(--quiet)}
.chart .rule{stroke:var(--line)}
.chart .note{stroke:var(--ink);stroke-dasharray:2 3}
.chart text.said{fill:var(--ink)}
.chart polyline{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}
.chart circle,.chart rect{fill:currentColor}
.chart rect{opacity:.8}
.chart .s1{color:var(--c1)}.chart .s2{color:var(--c2)}.chart .s3{color:var(--c3)}.chart .s4{color:var(--c4)}
.chart .s2 polyline{stroke-dasharray:6 3}.chart .s3 polyline{stroke-dasharray:2 3}
.chart .s4 polyline{stroke-dasharray:9 3 2 3}
.chart .legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:6px 0 0;padding:0;font-size:12.5px}
.chart .legend svg{display:inline-block;width:22px;height:10px;margin:0 6px 0 0;vertical-align:middle}
.chart .legend b{font-weight:400;color:var(--ink)}
.chart details{margin-top:6px;font-size:12.5px}
.chart .scroll{max-height:300px;overflow:auto}
footer{color:var(--quiet);font-size:13px;padding-top:10px;padding-bottom:40px;overflow-wrap:anywhere}
@media (max-width:860px){main,header,footer{padding-left:14px;padding-right:14px}
header{padding-top:22px}h1{font-size:25px}article{padding:16px 14px}}
@media print{article,.chart{break-inside:avoid}body{background:none}}
)css";

}  // namespace renn::inline RENN_ABI
