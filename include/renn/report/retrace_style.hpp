// SPDX-License-Identifier: MIT
// renn/report/retrace_style.hpp - how the sections of a retrace report look.
#pragma once

#include <string_view>

#include <renn/core/abi.hpp>

namespace renn::inline RENN_ABI::detail {

/// Green is the true label, red a wrong prediction; both are also told in words. --thumb, --figure and --look, the
/// widths of pictures, are set by the report.
inline constexpr std::string_view retrace_style = R"css(
:root{--look-frame:#ffae1a}
.overview ul,.sources,.neurons{list-style:none;margin:0;padding:0;display:grid;gap:10px 6px}
.overview ul{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),64px),1fr));max-width:1000px}
.overview a{display:block;text-decoration:none;color:inherit;text-align:center;font-size:13px;padding:4px 0;
border-radius:6px}
.overview a:hover{background:var(--line)}
.overview img,.sources img,.neurons img{width:var(--thumb)}
.overview img{margin:0 auto 3px}
.network{display:grid;grid-template-columns:var(--figure) minmax(0,1fr) minmax(0,1fr);gap:20px 28px;margin-top:14px}
.network.one{grid-template-columns:var(--figure) minmax(0,1fr)}
.views{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:18px 28px}
.sum figure img,.input figure img{width:var(--figure)}
.sum figcaption,.input figcaption{max-width:var(--figure)}
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
.neurons{grid-template-columns:repeat(auto-fill,minmax(max(var(--thumb),92px),1fr))}
.sources li,.neurons li{font-size:12px;line-height:1.3;overflow-wrap:anywhere}
.sources img,.neurons img{margin-bottom:6px}
.sources .true img{box-shadow:0 0 0 3px var(--true)}
.sources .wrong img{box-shadow:0 0 0 3px var(--wrong)}
.sources li .quiet,.neurons li .quiet{display:block}
.neurons details{margin:0}
.neurons summary{color:inherit;list-style:none;padding:0}
.neurons summary::-webkit-details-marker{display:none}
.neurons summary .quiet::after{content:" +"}
.neurons [open] summary .quiet::after{content:" \2212"}
.neurons details ul{list-style:none;margin:2px 0 4px;padding:0;color:var(--quiet)}
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
@media (max-width:860px){.network,.network.one,.views{grid-template-columns:minmax(0,1fr)}
.input{display:flex;gap:16px}.input dl{margin:0}}
@media (max-width:480px){.sum{gap:12px}.sum figure img,.sum figcaption{width:calc(1.5*var(--thumb))}
.evidence .mark{width:62px;padding-left:6px}.evidence .part{width:46px}}
)css";

}  // namespace renn::inline RENN_ABI::detail
