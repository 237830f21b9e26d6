/**
 * The one style sheet. System fonts, a calm paper, one accent; verdicts have a sign and a word beside their colour. No `style`
 * attributes anywhere: the pages' content security policy allows this sheet by its hash and nothing else.
 */
export const styleSheet = `
:root{color-scheme:light dark;--paper:#fbfaf7;--panel:#fffefc;--ink:#20262b;--soft:#59636b;--line:#dfdbd2;--faint:#efece5;
--accent:#0a6384;--warm:#a83e12;--good:#2a6a46;--ref:#cdc8bc;--refline:#8d877a;
--s0:#0a6384;--s1:#b3480f;--s2:#2f7350;--s3:#7d3f86;--s4:#8a6400;--s5:#47525c;
--serif:"Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua",Georgia,"Noto Serif",serif;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
@media (prefers-color-scheme:dark){:root{--paper:#15181b;--panel:#1b1f23;--ink:#e3e5e6;--soft:#9aa4ac;--line:#343a40;--faint:#24292e;
--accent:#6cbcdc;--warm:#f0935f;--good:#7cc49a;--ref:#4a5057;--refline:#858d95;
--s0:#6cbcdc;--s1:#f0935f;--s2:#7cc49a;--s3:#cf9ad8;--s4:#d9b65c;--s5:#aab4bc}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 var(--sans);font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:56px 24px 72px}
h1,h2,h3{font-family:var(--serif);font-weight:600;line-height:1.2;text-wrap:balance;overflow-wrap:anywhere;margin:0}
h1{font-size:clamp(1.8rem,1.4rem + 1.6vw,2.6rem);letter-spacing:-.01em}
h2{font-size:1.5rem;margin:0 0 10px}
h3{font-size:1.05rem;margin:22px 0 8px}
p{margin:0 0 14px;max-width:68ch;overflow-wrap:break-word;text-wrap:pretty}
a{color:var(--accent);text-underline-offset:.3em;text-decoration-thickness:1px}
code,pre{font-family:var(--mono);font-size:.88em}
code{overflow-wrap:anywhere}
bdi{overflow-wrap:anywhere}
pre{margin:0;padding:14px 16px;overflow-x:auto;background:var(--faint);border-radius:6px;line-height:1.45}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:2px}
.kicker{font-size:.8rem;letter-spacing:.09em;text-transform:uppercase;color:var(--soft);margin:0 0 10px}
.lede{font:1.18rem/1.55 var(--serif);margin-top:16px}
.soft{color:var(--soft)}
.small{font-size:.875rem}
section{margin-top:52px;padding-top:28px;border-top:1px solid var(--line)}
.step{font-family:var(--sans);font-weight:500;color:var(--soft);margin-right:.55em}
footer{margin-top:56px;padding-top:18px;border-top:1px solid var(--line);color:var(--soft);font-size:.85rem}
.verdict{display:inline-block;white-space:nowrap;font-weight:600}
.verdict.drift{color:var(--warm)}.verdict.stable{color:var(--good)}.verdict.unsure{color:var(--soft)}
.banner{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:baseline;margin:22px 0 0;padding:16px 20px;background:var(--panel);
border:1px solid var(--line);border-left:5px solid var(--soft);border-radius:6px}
.banner.drift{border-left-color:var(--warm)}.banner.stable{border-left-color:var(--good)}
.banner .verdict{font-size:1.15rem}.banner p{margin:0;max-width:none;flex:1 1 18em}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:18px 28px;margin:26px 0 0}
.facts div{border-top:1px solid var(--line);padding-top:10px;min-width:0}
.facts dt{font-size:.8rem;color:var(--soft);line-height:1.35}
.facts dd{margin:2px 0 0;font-size:1.02rem;line-height:1.35;overflow-wrap:anywhere}
.facts dd b{font-family:var(--serif);font-weight:600;font-size:1.6rem;line-height:1.25}
.facts dd small{display:block;color:var(--soft);font-size:.8rem}
figure{margin:20px 0 0}
figcaption{font-size:.875rem;color:var(--soft);margin-top:8px;max-width:68ch}
.half{max-width:800px}.panel{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:16px}
.scroll{overflow-x:auto;overscroll-behavior-x:contain}
.panel.scroll{padding:12px 10px}.scroll.tall{max-height:85vh;overflow-y:auto}
svg{display:block;max-width:100%;height:auto}
.scroll>svg{max-width:none;margin:0 auto}
.narrow{display:none}
@media screen and (max-width:720px){main{padding:32px 16px 56px}section{margin-top:40px;padding-top:22px}.panel{padding:12px 10px}
.wide{display:none}.narrow{display:block}svg.narrow{margin:0 auto}}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
caption{text-align:left;color:var(--soft);font-size:.875rem;padding-bottom:8px}
th,td{padding:7px 14px 7px 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--line)}
thead th{font-size:.8125rem;font-weight:600;color:var(--soft);vertical-align:bottom;line-height:1.3}
tbody th{font-weight:500;min-width:8.5em}
td.n,th.n{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:2px}
td small,th small{color:var(--soft);font-weight:400}
td.best{font-weight:650}
details>summary{cursor:pointer;padding:6px 0}
details.more{margin-top:16px}
details.more>summary{color:var(--accent);font-size:.9rem}
.sortable th{position:sticky;top:0;background:var(--paper);z-index:1}
.sortable tbody th{position:static;min-width:9em;max-width:22em}
.sortable button{all:unset;cursor:pointer}
.sortable button:hover{color:var(--ink)}
.sortable button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.sortable button{position:relative}.sortable button::after{content:"";position:absolute;left:100%;padding-left:.2em}
.sortable .n button::after{left:auto;right:100%;padding:0 .2em 0 0}
[aria-sort=ascending] button::after{content:"↑"}[aria-sort=descending] button::after{content:"↓"}
.filter{display:block;margin:0 0 16px;font-size:.9rem;color:var(--soft)}
.filter input{font:inherit;color:var(--ink);background:var(--panel);border:1px solid var(--line);border-radius:5px;padding:6px 10px;
margin-left:8px;width:min(20em,60vw)}
[hidden]{display:none!important}
.feature{border-bottom:1px solid var(--line)}
.feature>summary{display:flex;flex-wrap:wrap;gap:2px 16px;align-items:baseline;padding:11px 0}
.feature>summary::before{content:"+";color:var(--soft);font-family:var(--mono);width:1ch}
.feature[open]>summary::before{content:"−"}
.feature>summary::-webkit-details-marker{display:none}
.feature>summary>b{flex:1 1 9em;font-weight:600;overflow-wrap:anywhere}
.body{display:grid;grid-template-columns:minmax(0,420px) minmax(0,1fr);gap:6px 40px;padding:2px 0 26px;scroll-margin-top:60px}
.body>p{grid-column:1/-1;margin:0 0 6px}
.body svg{width:100%}
.stats{display:grid;grid-template-columns:auto 1fr;gap:3px 18px;margin:0;font-size:.875rem;align-content:start}
.stats dt{color:var(--soft)}.stats dd{margin:0}
.stats.columns{margin-top:22px}.stats.columns dd{overflow-wrap:anywhere}
.parts{margin-top:14px;font-size:.84rem}.parts caption{padding-bottom:2px;font-size:.84rem}
.parts th,.parts td{padding:3px 12px 3px 0}.parts tbody th{min-width:0;overflow-wrap:anywhere}
.sortable tbody th small{display:block;font-size:.84rem;line-height:1.4;max-width:44ch;margin-top:1px}
@media screen and (max-width:720px){.body{grid-template-columns:minmax(0,1fr)}.banner{padding:14px}}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;font-size:.85rem;color:var(--soft);margin:0 0 8px}
.key svg{display:inline-block;vertical-align:-1px;margin-right:6px;width:auto}
svg text{font:12px var(--sans);fill:var(--ink);unicode-bidi:isolate;direction:ltr}
svg .t{fill:var(--soft);font-size:11px}
svg .h{font-weight:600}
svg .e{text-anchor:end}svg .m{text-anchor:middle}
svg .halo{paint-order:stroke;stroke:var(--panel);stroke-width:5px;stroke-linejoin:round}
.grid{stroke:var(--line);fill:none}.axis{stroke:var(--refline);fill:none}
.rf{fill:var(--ref);stroke:var(--refline);stroke-width:.8}.rl{fill:none;stroke:var(--refline)}
.cl{fill:none;stroke:var(--accent);stroke-width:2;stroke-linejoin:round}.cf{fill:var(--accent)}
.hit{fill:transparent}.hit:hover{fill:var(--ink);fill-opacity:.07}
.threshold{stroke:var(--warm);stroke-width:1.2;stroke-dasharray:2 4;fill:none}
.moment{stroke:var(--ink);stroke-width:1;fill:none}.moment.soft{stroke:var(--refline)}
.after{fill:var(--good);fill-opacity:.09}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.minor{stroke:var(--ref);stroke-width:1}
.s0{stroke:var(--s0)}.s1{stroke:var(--s1)}.s2{stroke:var(--s2)}.s3{stroke:var(--s3)}.s4{stroke:var(--s4)}.s5{stroke:var(--s5)}
.d0,.d3{stroke-dasharray:none}.d1,.d4{stroke-dasharray:7 4}.d2,.d5{stroke-dasharray:2 4}
.p0{fill:var(--s0)}.p1{fill:var(--s1)}.p2{fill:var(--s2)}.p3{fill:var(--s3)}.p4{fill:var(--s4)}.p5{fill:var(--s5)}
.dot{fill:var(--panel);stroke-width:2}
.chosendot{fill:var(--accent);stroke:var(--panel);stroke-width:2}.plaindot{fill:var(--panel);stroke:var(--ink);stroke-width:2}
.vd{fill:var(--warm)}.vs{fill:var(--good)}.vu{fill:var(--refline)}
.edge{fill:none;stroke:var(--refline);stroke-width:1.4}.edge.repair{stroke:var(--accent);stroke-width:2;stroke-dasharray:6 4}
.tip{fill:var(--refline)}.tip.repair{fill:var(--accent)}
.node rect{fill:var(--panel);stroke:var(--refline);stroke-width:1.2}
.node.drifted rect{stroke:var(--warm);stroke-width:1.6;stroke-dasharray:5 3}
.node.healthy rect{stroke:var(--good);stroke-width:1.6}
.node.chosen rect{stroke:var(--good);stroke-width:3}
.node.repaired rect{fill:var(--accent);stroke:var(--accent)}
.node.repaired text{fill:var(--panel)}
.tree{font-size:.9rem}.tree th,.tree td{border:0;padding:0 16px 0 0;height:30px;white-space:nowrap;vertical-align:middle}
.tree thead th{border-bottom:1px solid var(--line)}.tree tbody th{font-weight:500}
.tree tr:hover>*{background:var(--faint)}.tree tr:target>*{background:var(--faint);box-shadow:inset 0 -2px var(--accent)}
.tree div{display:flex;align-items:center;height:30px}.tree svg{flex:none}.tree.flat svg{display:none}
.tree path{fill:none;stroke:var(--refline);stroke-width:1.4}.tree path.repair{stroke:var(--accent);stroke-width:2;stroke-dasharray:5 3}
.tree .dot{fill:var(--panel);stroke:var(--refline);stroke-width:1.6}.tree .also td{color:var(--soft);font-size:.8125rem}
.tree .dot.deployed{fill:var(--good);stroke:var(--good)}.tree .dot.drifted{stroke:var(--warm);stroke-width:2.4}
.tree .dot.healthy,.tree .dot.chosen{stroke:var(--good);stroke-width:2.4}.tree .dot.repaired{fill:var(--accent);stroke:var(--accent)}
.mark.deployed,.mark.healthy,.mark.chosen{color:var(--good)}.mark.drifted{color:var(--warm)}.mark.repaired{color:var(--accent)}
@media print{:root{color-scheme:light;--paper:#fff;--panel:#fff;--ink:#000;--soft:#444;--line:#bbb;--faint:#f2f2f2;
--accent:#0a6384;--warm:#a83e12;--good:#2a6a46;--ref:#cdc8bc;--refline:#777;
--s0:#0a6384;--s1:#b3480f;--s2:#2f7350;--s3:#7d3f86;--s4:#8a6400;--s5:#47525c}
body{font-size:10.5pt}main{max-width:none;padding:0}.scroll{overflow:visible;max-height:none!important}.scroll>svg{max-width:100%}
figure,.banner,tr,.facts div{break-inside:avoid}h2,h3,summary{break-after:avoid}section{margin-top:28px}.filter{display:none}
.sortable th{position:static}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
