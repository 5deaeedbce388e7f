import { PRINT } from './style-print.ts';

/** Text for a CSS string: everything but letters, digits and a few signs as a code point, so that no id ends the string or the sheet. */
function cssString(text: string): string {
  const safe = Array.from(text.replace(/\p{Cs}/gu, '?'), (character) => (/[A-Za-z0-9 ._-]/.test(character) ? character : `\\${(character.codePointAt(0) ?? 63).toString(16)} `));
  return `"${safe.join('')}"`;
}

/** The style sheet of a report; the footer of its printed pages names it. */
export function styleSheet(footer: string): string {
  return `${TOKENS}${BASE}${BAND}${CHART}${SECTIONS}${PRINT}
@page{margin:16mm;@bottom-left{content:${cssString(footer)};font:7.5pt ${SANS};color:#444}@bottom-right{content:"page " counter(page) " of " counter(pages);font:7.5pt ${SANS};color:#444}}`;
}

const SANS = `ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans","DejaVu Sans",sans-serif`;
const MONO = `ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace`;

/** Colours by meaning. Contrast on the page's ground is 4.5 to 1 or more for all that is read. */
const TOKENS = `
:root{--ground:#f6f6f3;--paper:#fff;--ink:#191d22;--soft:#55606c;--rule:#dcdfe3;--hair:#e9ebee;--code:#f3f4f2;
--good:#116b3c;--good-wash:#e7f3eb;--bad:#b3211b;--bad-wash:#fbeae8;--caution:#855400;--caution-wash:#fbf1dc;--link:#1b57a8;
--leader:#2c66b8;--voter:#b9d0ee;--voter-ink:#4377bd;--learner:#bfe0d8;--learner-ink:#2a8572;--rebuilding:#f6d992;--rebuilding-ink:#a56f00;--down:#fbdcd9;--down-ink:#c4332b;
--area:#c7d7ea;--area-line:#2c66b8;--phase-a:#e4e7ea;--phase-b:#d3d8dd;--span:#7b8794}
@media screen and (prefers-color-scheme:dark){:root{--ground:#0e1116;--paper:#161a21;--ink:#e7eaee;--soft:#9ba6b3;--rule:#323a45;--hair:#262d37;--code:#1d222b;
--good:#56c98d;--good-wash:#15291f;--bad:#ff8078;--bad-wash:#331a1b;--caution:#e5b353;--caution-wash:#2e2513;--link:#82b4f5;
--leader:#5b94e6;--voter:#26405f;--voter-ink:#6d9fdf;--learner:#1c443d;--learner-ink:#5cc3ac;--rebuilding:#4d3c14;--rebuilding-ink:#e5b353;--down:#4a2021;--down-ink:#ff8078;
--area:#27405f;--area-line:#82b4f5;--phase-a:#2a313b;--phase-b:#38414d;--span:#56616e}}`;

const BASE = `
*{box-sizing:border-box}
html{color-scheme:light dark;scroll-padding-top:4rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 ${SANS};font-variant-numeric:tabular-nums lining-nums;overflow-wrap:anywhere}
.band,main,.sticky{max-width:1040px;margin-inline:auto;padding-inline:40px}
main{padding-bottom:72px}
h1,h2,h3,p,dl,dd,ul,figure{margin:0;padding:0}
ul{list-style:none}
h1{font-size:1.9rem;line-height:1.15;font-weight:680;letter-spacing:-.015em}
section{padding-top:44px}
section>h2{font-size:1.18rem;font-weight:680;letter-spacing:-.005em;border-top:1px solid var(--rule);padding-top:18px;margin-bottom:14px}
h2 small{font-weight:400;color:var(--soft);font-size:.92rem;margin-left:.5em}
h3{font-size:.98rem;font-weight:650;margin:26px 0 8px}
p{max-width:68ch}
a{color:var(--link);text-decoration-thickness:1px;text-underline-offset:2px}
a:focus-visible,pre:focus-visible{outline:2px solid var(--link);outline-offset:2px}
code,pre{font-family:${MONO};font-size:.84em}
.good{color:var(--good)}.bad{color:var(--bad)}.caution{color:var(--caution)}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.left-out{font-size:.86rem;color:var(--caution);margin-top:8px}`;

const BAND = `
.band{padding-top:44px;padding-bottom:26px}
.head{display:flex;align-items:center;gap:30px;flex-wrap:wrap}.head>div{min-width:0;flex:1 1 300px}
.kind{font-size:.84rem;color:var(--soft);letter-spacing:.02em}
.stamp{font-size:2.1rem;font-weight:800;letter-spacing:.09em;line-height:1;padding:.36em .5em .36em .59em;border:3px solid;border-radius:7px;outline:1px solid;outline-offset:3px;rotate:-2.2deg;white-space:nowrap;margin:6px 4px}
.band.v-good .stamp{color:var(--good)}.band.v-bad .stamp{color:var(--bad)}.band.v-caution .stamp{color:var(--caution)}
.failure{margin-top:24px;max-width:none;padding:12px 18px;border-left:4px solid var(--bad);background:var(--bad-wash);border-radius:0 6px 6px 0;font-weight:560}
.band.v-caution .failure{border-color:var(--caution);background:var(--caution-wash)}
.band.v-good .failure{border-color:var(--good);background:var(--good-wash)}
.failure a{white-space:nowrap;margin-left:.4em}
.facts{display:flex;flex-wrap:wrap;gap:10px 34px;margin-top:26px}
.facts dt{font-size:.78rem;color:var(--soft)}
.facts dd{font-size:.95rem;font-weight:520}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:16px;margin-top:28px}
.tile{background:var(--paper);border:1px solid var(--rule);border-radius:10px;padding:16px 18px 14px}
.tile.t-missed{border-color:var(--bad);box-shadow:inset 0 0 0 1px var(--bad)}
.tile h2{font-size:.86rem;font-weight:560;color:var(--soft)}
.measured{font-size:2.05rem;font-weight:660;letter-spacing:-.02em;line-height:1.2;margin-top:2px}
.measured small{font-size:1rem;font-weight:500;letter-spacing:0;margin-left:.22em;color:var(--soft)}
.tile.t-missed .measured{color:var(--bad)}
.bar{display:block;width:100%;height:14px;margin:6px 0 5px}
.track{fill:var(--hair)}.used{fill:var(--soft)}.stop{stroke:var(--ink);stroke-width:2;fill:none;vector-effect:non-scaling-stroke}
.tile.t-held .used{fill:var(--good)}.tile.t-missed .used{fill:var(--bad)}
.limit{font-size:.86rem}.limit b{font-weight:600;float:right}
.tile.t-held .limit b{color:var(--good)}.tile.t-missed .limit b{color:var(--bad)}
.change{font-size:.82rem;color:var(--soft)}
.sticky{position:sticky;top:0;z-index:2;max-width:none;display:flex;align-items:baseline;gap:16px;padding-block:9px;padding-inline:max(40px,calc((100% - 960px)/2));background:var(--ground);border-block:1px solid var(--rule);font-size:.88rem}
.sticky b{letter-spacing:.05em;white-space:nowrap;flex:none}.sticky.v-good b{color:var(--good)}.sticky.v-bad b{color:var(--bad)}.sticky.v-caution b{color:var(--caution)}
.of{font-weight:560;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;flex:1 1 0;min-width:4em}
.links{display:flex;gap:12px;font-size:.82rem;white-space:nowrap;flex:none}
.links a{color:var(--soft);text-decoration:none}.links a:hover{color:var(--ink);text-decoration:underline}
.statement{padding-top:30px}
.statement dl{display:grid;gap:10px}
.statement dl>div{display:grid;grid-template-columns:9.2rem minmax(0,68ch);gap:14px}
.statement dt{color:var(--soft);font-size:.92rem;padding-top:.06em}
.statement p+p{margin-top:10px}`;

const CHART = `
figure{background:var(--paper);border:1px solid var(--rule);border-radius:10px;padding:18px 18px 12px}
.scroll{overflow-x:auto}
.chart{display:block;width:100%;height:auto;overflow:visible;font-size:13px}
.scroll .chart{min-width:720px}
.chart text{fill:var(--ink)}
.chart .tick,.chart .caption{fill:var(--soft);font-size:12px}
.zero{font-weight:600;font-size:12px}.chart .caption,.chart .zero,.phase-name.out,.dot-value{paint-order:stroke;stroke:var(--paper);stroke-width:5px;stroke-linejoin:round}
.grid{stroke:var(--hair);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}
.grid.now{stroke:var(--ink);stroke-width:1.4}
.stem{stroke:var(--soft);stroke-width:.8;stroke-dasharray:2 3}.stem.fault{stroke:var(--bad);stroke-width:1.2;stroke-dasharray:none}
.lead{stroke:var(--soft);stroke-width:.8;fill:none}
.bracket path{fill:none;stroke-width:2}.bracket text{font-size:13px}
.bracket .name{font-weight:680}.bracket .events{fill:var(--soft)}
.bracket path{stroke:var(--caution)}.bracket .name{fill:var(--caution)}.bracket.outage path{stroke:var(--bad)}.bracket.outage .name{fill:var(--bad)}
.phase rect{fill:var(--phase-a)}.p1 rect{fill:var(--phase-b)}
.failed-phase rect{stroke:var(--bad);stroke-width:2}.failed-phase text{fill:var(--bad);font-weight:600}
.phase-name{font-size:12.5px}
.mark.fault{fill:var(--bad)}.mark.command{fill:var(--paper);stroke:var(--ink);stroke-width:1.3}
.n{font-size:11px;font-weight:650}.chart .n.fault{fill:var(--paper)}
.chart a:hover .mark{stroke:var(--link);stroke-width:2.4}
.member{font-weight:560}
.span{stroke:var(--span);stroke-width:.8}
.chip{fill:var(--paper);opacity:.92}
.state{font-size:12px}
.s-leader{fill:var(--leader)}.s-voter{fill:var(--voter)}.s-learner{fill:var(--learner)}.s-rebuilding{fill:var(--rebuilding)}.s-down{fill:var(--down)}
.h-dots{stroke:var(--voter-ink);stroke-width:1.9;stroke-linecap:round;stroke-dasharray:0 7;fill:none}.h-upright{stroke:var(--learner-ink);stroke-dasharray:1.3 4.7;fill:none}
.h-upright.h-rebuilding{stroke:var(--rebuilding-ink);stroke-dasharray:1 7}.h-level{stroke:var(--rebuilding-ink);stroke-width:1;fill:none}.h-slant{stroke:var(--down-ink);stroke-width:1.5;fill:none}
.area{fill:var(--area);stroke:var(--area-line);stroke-width:1}
.failed{stroke:var(--bad);stroke-width:1.8;fill:none}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin-top:10px;padding-left:76px;font-size:.82rem;color:var(--soft)}
.key{width:22px;height:12px;margin-right:7px;vertical-align:-1px}
.facts-table{margin-top:22px}.facts-table a{text-decoration-color:var(--rule)}
.pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px 34px;align-items:start}
.lanes-table{margin-top:14px}
.limit-line{stroke:var(--bad);stroke-width:1.6;stroke-dasharray:6 4;fill:none}.chart .limit-word{fill:var(--bad);font-size:12px;font-weight:600}
.break{fill:none;stroke:var(--rule);stroke-width:1.2}
.trend-line{fill:none;stroke:var(--soft);stroke-width:1}
.dot.pass{fill:var(--good);stroke:var(--paper);stroke-width:1.5}.dot.fail{stroke:var(--bad);stroke-width:2.6;fill:none}.dot.not-run{fill:var(--paper);stroke:var(--caution);stroke-width:1.8;stroke-dasharray:3 2}
.dot-value{font-size:12px}.dot-value.last{font-weight:700}`;

const SECTIONS = `
table{width:100%;border-collapse:collapse;font-size:.92rem;line-height:1.42}
th{text-align:left;font-weight:600}
thead th{font-size:.8rem;font-weight:500;color:var(--soft);border-bottom:1px solid var(--rule)}
td,th{padding:6px 16px 6px 0;vertical-align:baseline}
td:last-child,th:last-child{padding-right:0}
tbody tr+tr>*{border-top:1px solid var(--hair)}
td>.good,td>.bad,#objectives th{white-space:nowrap}
.num{text-align:right;white-space:nowrap}
td small,th small{display:block;font-size:.84em;font-weight:400;color:var(--soft)}
.follow-ups{table-layout:fixed}.follow-ups th:nth-child(1){width:10%}.follow-ups th:nth-child(3){width:13%}.follow-ups th:nth-child(4){width:12%}.follow-ups th:nth-child(5){width:9%}.follow-ups th:nth-child(6){width:18%}.follow-ups td{white-space:normal}
.small{font-size:.84rem}.small td,.small th{padding-block:3.5px}
.arrow{color:var(--soft)}
pre{margin:0;padding:16px 18px;background:var(--code);border:1px solid var(--hair);border-radius:8px;white-space:pre;overflow-x:auto;line-height:1.5;font-size:.8rem}
.steps-table code{white-space:pre-wrap}
.steps-table tr:target>*{background:var(--caution-wash)}
.screen{white-space:pre-wrap}.screen span{display:block;padding-left:12ch;text-indent:-12ch}
.steps-table{overflow-wrap:normal}.steps-table td:nth-child(4){width:100%;overflow-wrap:anywhere}.steps-table td:nth-child(n+6){white-space:nowrap}
.steps-table td.num a{color:inherit;text-decoration:none}
tr.missed code{color:var(--bad)}
.checks{columns:2;column-gap:34px;font-size:.92rem}
.checks li{display:grid;grid-template-columns:3.4rem 1fr;gap:6px;break-inside:avoid;padding:5px 0;border-top:1px solid var(--hair);line-height:1.42}
.checks b{font-weight:560}.detail{color:var(--soft);font-size:.94em}
.mark-word{font-weight:600}
.passed .mark-word{color:var(--good)}.failed-check .mark-word,.failed-check b{color:var(--bad)}.not-run .mark-word{color:var(--caution)}
.quarters caption{text-align:left;color:var(--soft);padding:0 0 6px}
.quarters td,.quarters th{padding:5px 8px;text-align:center}.quarters tbody th{text-align:left;overflow-wrap:break-word;font-weight:500;padding-left:0}
.quarters td{white-space:nowrap;border-left:1px solid var(--hair)}
.quarters td.good{background:var(--good-wash)}.quarters td.bad{background:var(--bad-wash);font-weight:650}.quarters td.caution{background:var(--caution-wash)}
.quarters td.empty{background:repeating-linear-gradient(135deg,transparent 0 5px,var(--hair) 5px 6px)}
dl.provenance{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 34px;font-size:.88rem}
dl.provenance>div{display:grid;grid-template-columns:9.4rem 1fr;gap:10px;padding:5px 0;border-top:1px solid var(--hair)}
.provenance dt{color:var(--soft)}
.controls{margin-top:14px;font-size:.88rem;max-width:none}
.tag{font-family:${MONO};font-size:.84em;border:1px solid var(--rule);border-radius:4px;padding:1px 6px;white-space:nowrap}
.how{font-size:.88rem;color:var(--soft);margin-bottom:6px}
.hash{font-size:.78rem}
.lines{display:grid;grid-template-columns:1fr 1fr .6fr 1.4fr;gap:26px}
.line span{display:block;height:46px;border-bottom:1px solid var(--ink)}
.line small{color:var(--soft);font-size:.8rem}
@media screen and (max-width:980px){.links{display:none}}
@media screen and (max-width:760px){.band,main{padding-inline:20px}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}.stamp{font-size:1.5rem;white-space:normal}.pair,dl.provenance,.statement dl>div{grid-template-columns:minmax(0,1fr)}.statement dl>div{gap:0}.checks{columns:1}.lines{grid-template-columns:1fr 1fr}.sticky{padding-inline:20px}.legend{padding-left:0}table{display:block;overflow-x:auto}.measured{font-size:1.6rem}.tile{padding-inline:14px}thead th,.lanes-table th{overflow-wrap:normal}.steps-table td:nth-child(4){min-width:15rem}#objectives td:nth-child(5),.follow-ups td:nth-child(2){min-width:12rem}.tag{white-space:normal}.sticky{overflow:hidden}}`;
