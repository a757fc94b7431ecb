/** The page's style sheet: calm until something needs a person. Text has at least 4.5 : 1 against its ground, light and dark. */
export const statusStyle = `
:root { color-scheme: light dark; --ink: #17212d; --soft: #556273; --line: #dbe1e8; --paper: #f5f7f9; --card: #ffffff; --link: #1d5fa8;
  --good: #17633f; --good-back: #e4f3ea; --bad: #9d231d; --bad-back: #fbe9e7; --warn: #735200; --warn-back: #fbf1d6;
  --plain: #44546a; --plain-back: #e9eef4; --focus: #1d5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ecf1; --soft: #9fadbc; --line: #2c3742; --paper: #11161c; --card: #1a212a; --link: #8cbcf2;
  --good: #86dbad; --good-back: #16312a; --bad: #ffa29a; --bad-back: #40201f; --warn: #f1d17a; --warn-back: #372d14;
  --plain: #b7c6d8; --plain-back: #26313e; --focus: #8cbcf2; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
.wide { max-width: 1240px; margin: 0 auto; padding: 0 28px; }
header { background: var(--card); border-bottom: 1px solid var(--line); }
header .wide { padding-block: 24px 22px; }
.state { padding: 2px 0 2px 22px; border-left: 6px solid var(--tone); }
.state.good { --tone: var(--good); } .state.attention { --tone: var(--warn); } .state.alarm { --tone: var(--bad); } .state.waiting { --tone: var(--plain); }
.state p { margin: 0; color: var(--soft); max-width: 75ch; }
.state .name { font-size: 14px; font-weight: 600; letter-spacing: 0.01em; }
.state.alarm h1 { color: var(--bad); }
h1 { font-size: 30px; line-height: 1.2; margin: 4px 0 6px; letter-spacing: -0.015em; text-wrap: balance; }
h2 { font-size: 19px; margin: 0 0 10px; letter-spacing: -0.005em; } h3 { font-size: 16px; margin: 22px 0 6px; }
.stale { margin: 18px 0 0; padding: 10px 14px; border-radius: 8px; background: var(--bad-back); color: var(--bad); font-weight: 600; }
[data-part]:empty { display: none; }
main section { margin: 28px 0 0; }
.columns { display: grid; gap: 0 36px; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 1040px) { .columns { grid-template-columns: minmax(0, 1.9fr) minmax(0, 1fr); } }
ul, ol, dl, p { margin: 0; } ul { list-style: none; padding: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 18px; }
.tiles b { display: block; font-size: 27px; line-height: 1.15; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tiles span { font-weight: 600; } .tiles small { display: block; }
small, .quiet, .hint { color: var(--soft); font-size: 14px; }
meter { display: block; width: 100%; height: 10px; margin-top: 4px; }
.verdicts { margin-top: 14px; display: flex; flex-wrap: wrap; gap: 6px 8px; align-items: baseline; } .verdicts > span:first-child { color: var(--soft); font-size: 14px; margin-right: 4px; }
.badge { display: inline-block; padding: 1px 10px; border-radius: 12px; font-size: 14px; font-weight: 600; }
.badge { overflow-wrap: break-word; } .badge b { font-weight: 700; font-variant-numeric: tabular-nums; }
.good.badge { color: var(--good); background: var(--good-back); } .bad.badge { color: var(--bad); background: var(--bad-back); }
.warn.badge { color: var(--warn); background: var(--warn-back); } .plain.badge { color: var(--plain); background: var(--plain-back); }
.hint { margin-bottom: 12px; max-width: 70ch; }
.studies { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); } .state, .study, .verdicts, footer { overflow-wrap: anywhere; }
.study { border-left: 5px solid var(--plain); display: grid; gap: 8px; grid-template-columns: minmax(0, 1fr); } .study.bad { border-left-color: var(--bad); } .study.warn { border-left-color: var(--warn); }
.study .say { font-size: 18px; font-weight: 600; line-height: 1.35; text-wrap: pretty; }
.facts { display: flex; flex-wrap: wrap; gap: 2px 22px; font-size: 14px; color: var(--soft); } .facts b { color: var(--ink); font-weight: 600; }
.uid { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
code { font: 0.93em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th { text-align: left; font-size: 13px; font-weight: 600; color: var(--soft); padding: 0 12px 6px 0; border-bottom: 1px solid var(--line); }
td { padding: 8px 12px 8px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; } td small { display: block; }
td:has(time) { white-space: nowrap; } td:first-child { min-width: 5em; }
.label { display: none; } .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.legend { margin-top: 12px; font-size: 14px; color: var(--soft); display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 12px; } .legend dt { font-weight: 600; color: var(--ink); } .legend dd { margin: 0; }
.first { padding: 24px 26px; } .first > p { max-width: 72ch; margin: 8px 0; } .first h2 { font-size: 22px; margin-bottom: 2px; }
.first ol, .first ol + p + ul { padding-left: 22px; } .first ol + p + ul { list-style: disc; } .first li { margin: 4px 0; max-width: 72ch; }
.addresses { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 340px)); gap: 12px; margin: 12px 0; }
.addresses dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 16px; border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; background: var(--paper); }
.addresses dt { color: var(--soft); font-size: 14px; } .addresses dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
pre { margin: 8px 0 0; padding: 12px 14px; border-radius: 8px; background: var(--plain-back); overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
footer.wide { padding-block: 44px 40px; font-size: 14px; color: var(--soft); display: flex; flex-wrap: wrap; justify-content: space-between; gap: 8px 32px; }
footer ul { display: flex; flex-wrap: wrap; gap: 2px 22px; } a { color: var(--link); margin-right: 12px; } :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
@media (max-width: 700px) { .wide, footer.wide { padding-inline: 16px; } h1 { font-size: 25px; } .state { padding-left: 14px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .tiles li { padding: 12px 14px; }
  table, tbody, tr, td { display: block; } thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: 10px 0; border-bottom: 1px solid var(--line); } td { display: grid; grid-template-columns: 118px minmax(0, 1fr); padding: 2px 0; border: 0; }
  td .label { display: block; color: var(--soft); font-size: 14px; } .first { padding: 18px 16px; } }
`;
