/** Paper, A4 and Letter: black on white also from a dark screen, hatches kept, nothing collapsed, nothing cut through. */
export const PRINT = `
@media print{
:root{--ground:#fff;--paper:#fff;--ink:#000;--soft:#3d444b;--rule:#9aa1a8;--hair:#cfd3d7;--code:#fff;--link:#000;
--good:#0b4f2b;--good-wash:#fff;--bad:#9c1711;--bad-wash:#fff;--caution:#674000;--caution-wash:#fff;--span:#000}
html{color-scheme:only light}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{font-size:9pt;line-height:1.36;background:#fff}
.band,main{max-width:none;padding:0;margin:0}
.sticky{display:none}
a{text-decoration:none}
h1{font-size:17pt}
.stamp{font-size:18pt;border-width:2px}
.head{gap:18px}
.facts{margin-top:12px;gap:3px 22px}.facts dd{font-size:9pt}.facts dt{font-size:7.5pt}
.tiles{margin-top:12px;gap:9px}.tile{padding:8px 10px;break-inside:avoid}
.measured{font-size:16pt}.measured small{font-size:9pt}
.tile h2,.limit,.change{font-size:8pt}
.bar{margin:3px 0}
.failure{margin-top:12px;padding:6px 10px}
.statement{padding-top:10px}.statement dl{gap:3px}.statement dl>div{grid-template-columns:84px 1fr;gap:10px}.statement dt{font-size:8pt}
p{max-width:none;orphans:3;widows:3}
section{padding-top:13px}
section>h2{font-size:11.5pt;padding-top:7px;margin-bottom:6px;break-after:avoid}
h3{font-size:9.5pt;margin:10px 0 4px;break-after:avoid}
figure{padding:8px 8px 5px;break-inside:avoid}
.scroll{overflow:visible}.scroll .chart{min-width:0}
.legend{padding-left:54px;margin-top:5px;font-size:7.5pt;gap:2px 14px}
.facts-table{margin-top:8px}.lanes-table{margin-top:6px}
.pair{gap:6px 20px}
table{font-size:8.2pt;line-height:1.3}.small{font-size:7.4pt}
td,th,.small td,.small th{padding-block:1.8px;padding-right:9px}
thead{display:table-header-group}thead th{font-size:7.4pt}
tr,li,dl>div,.line,.tile{break-inside:avoid}
pre{padding:7px 9px;font-size:6.9pt;line-height:1.36;white-space:pre-wrap;overflow:visible;break-inside:auto}
.source{columns:2;column-gap:18px}
code{font-size:7.6pt}.hash{font-size:6.4pt}
.checks{font-size:8.2pt;column-gap:20px}.checks li{padding:1.8px 0;grid-template-columns:38px 1fr}
dl.provenance{font-size:8pt;gap:0 20px}dl.provenance>div{padding:1.8px 0;grid-template-columns:92px 1fr}
.controls,.how{font-size:8pt;margin-top:5px}.how{margin-top:0}
.left-out{font-size:7.8pt;margin-top:3px}
.quarters td,.quarters th{padding:1.8px 5px}
.steps-table tr:target>*{background:none}
.sign-off{break-inside:avoid}.line span{height:32px}
}`;
