// SPDX-License-Identifier: MIT
// renn/report/retrace_style.hpp - how the page of a retrace report looks.
#pragma once

#include <string_view>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// Light and dark by the reader's setting, one column on a phone. Green is the true label, red a wrong prediction; both
/// are also told in words. --thumb and --figure, the widths of pictures, are set by the page.
inline constexpr std::string_view retrace_style = R"css(
:root{color-scheme:light dark;--look-frame:#ffae1a;--page:#f5f5f2;--card:#fff;--ink:#1d1f24;--quiet:#646a76;--line:#e3e3dd;--bar:#b9bfca;
--track:#f0f0ec;--true:#14804f;--wrong:#cf3434;--link:#2b5fc4;--mat:#fff}
@media (prefers-color-scheme:dark){:root{--page:#121417;--card:#1b1e23;--ink:#e8e9ec;--quiet:#9ba2af;--line:#2d3138;
--bar:#565e6c;--track:#24282e;--true:#3fbf86;--wrong:#ff7268;--link:#8db4ff;--mat:#2d3138}}
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
.key{border-left:3px solid var(--line);padding:4px 0 1px 16px;margin-top:8px}
.key dt{font-weight:600}
.key dd{margin:0 0 8px;max-width:80ch}
nav ul,.sources,.neurons{list-style:none;margin:0;padding:0;display:grid;gap:10px 6px}
nav ul{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),64px),1fr));max-width:1000px}
nav a{display:block;text-decoration:none;color:inherit;text-align:center;font-size:13px;padding:4px 0;border-radius:6px}
nav a:hover{background:var(--line)}
img{display:block;image-rendering:pixelated;height:auto;border-radius:3px;box-shadow:0 0 0 1px var(--mat)}
nav img,.sources img,.neurons img{width:var(--thumb)}
nav img{margin:0 auto 3px}
article{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px;margin:0 0 18px;
scroll-margin-top:12px}
.network{display:grid;grid-template-columns:var(--figure) minmax(0,1fr) minmax(0,1fr);gap:20px 28px;margin-top:14px}
.network.one{grid-template-columns:var(--figure) minmax(0,1fr)}
.views{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:18px 28px}
figure{margin:0}
figure img{width:var(--figure)}
figcaption{font-size:12.5px;color:var(--quiet);margin-top:5px;line-height:1.35;max-width:var(--figure)}
.input dl{margin:10px 0 0}
.input dt{font-size:12.5px;color:var(--quiet)}
.input dd{margin:0 0 4px;font-weight:650;font-size:19px;line-height:1.25}
.input .values{font-size:13px;font-weight:600}
.input figure{margin-bottom:8px}
.head{display:flex;flex-wrap:wrap;gap:2px 10px;align-items:baseline;margin-bottom:9px}
.head .quiet{font-size:12.5px}
.verdict{font-size:13px;flex-basis:100%}
.sum{display:flex;gap:16px;align-items:flex-start;margin-bottom:12px}
.evidence{flex:1;min-width:0;border-collapse:collapse;font-size:12.5px;line-height:1.2}
.evidence th{font-weight:600;text-align:right;padding:1px 8px 1px 0;width:1%;white-space:nowrap}
.evidence td{padding:1px 0}
.evidence .part{text-align:right;width:52px;white-space:nowrap}
.evidence .mark{width:70px;padding-left:8px;white-space:nowrap;font-size:12px}
.evidence tr{color:var(--quiet)}
.evidence tr.true{color:var(--true)}
.evidence tr.wrong{color:var(--wrong)}
.bar{display:block;height:10px;background:var(--track);border-radius:2px;overflow:hidden}
.bar i{display:block;height:100%;background:var(--bar);border-radius:2px}
.true .bar i{background:var(--true)}
.wrong .bar i{background:var(--wrong)}
.sources{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),50px),1fr))}
.neurons{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),64px),1fr))}
.sources li,.neurons li{font-size:12px;line-height:1.3;white-space:nowrap}
.sources img,.neurons img{margin-bottom:6px}
.sources .true img{box-shadow:0 0 0 3px var(--true)}
.sources .wrong img{box-shadow:0 0 0 3px var(--wrong)}
.sources li .quiet,.neurons li .quiet{display:block}
.looks,.looks ol{list-style:none;margin:0;padding:0}
.looks{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,max(520px,6*var(--look) + 50px)),1fr));
gap:14px 28px}
.looks ol{display:flex;flex-wrap:wrap;gap:8px 7px}
.looks li li{font-size:12px;line-height:1.3;text-align:center}
.looks .query{margin-right:9px}
.looks h6{margin:0 0 5px;font-size:12.5px;font-weight:600}
.looks div{position:relative;margin-bottom:5px}
.looks img{width:var(--look)}
.looks i{position:absolute;box-shadow:0 0 0 2px var(--look-frame),0 0 0 3px #000}
.plain .sources,.plain .neurons{grid-template-columns:repeat(auto-fill,minmax(96px,1fr))}
.plain .sources li,.plain .neurons li{border-left:3px solid var(--line);padding-left:7px;white-space:normal;
overflow-wrap:anywhere;color:inherit}
.plain .sources li.true{border-color:var(--true)}
.plain .sources li.wrong{border-color:var(--wrong)}
.sources li.true,.sources li.wrong{color:inherit}
.layer{border-top:1px solid var(--line);margin-top:16px;padding-top:14px}
.layer h4{font-size:15px;margin-bottom:10px}
.head h5{margin:0;font-weight:600;color:inherit}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
footer{color:var(--quiet);font-size:13px;padding-top:10px;padding-bottom:40px;overflow-wrap:anywhere}
@media (max-width:860px){main,header,footer{padding-left:14px;padding-right:14px}
header{padding-top:22px}h1{font-size:25px}article{padding:16px 14px}
.network,.network.one,.views{grid-template-columns:minmax(0,1fr)}
.input{display:flex;gap:16px}.input dl{margin:0}}
@media (max-width:480px){.sum{gap:12px}.sum figure img,.sum figcaption{width:calc(1.5*var(--thumb))}
.evidence .mark{width:62px;padding-left:6px}.evidence .part{width:46px}}
@media print{article{break-inside:avoid}body{background:none}}
)css";

}  // namespace renn::inline RENN_ABI::detail
