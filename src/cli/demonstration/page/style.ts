/** The page's style sheet: calm, readable at 1280 and at 400 pixels, light and dark; verdicts are word, mark and colour. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5a6675; --line: #d9dfe6; --paper: #fbfcfd; --card: #ffffff;
  --bad: #a3261f; --bad-back: #fbeceb; --good: #1d6a45; --good-back: #e9f5ee; --note: #7a5a00; --note-back: #fbf4df; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --soft: #9aa7b5; --line: #2e3843; --paper: #12171d; --card: #1a2129;
  --bad: #ff9d94; --bad-back: #3a1d1c; --good: #7fd8a8; --good-back: #16302a; --note: #f0cf72; --note-back: #332a12; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; }
h2 { font-size: 21px; margin: 56px 0 12px; letter-spacing: -0.005em; }
h3 { font-size: 18px; margin: 0; }
p { margin: 0 0 12px; max-width: 68ch; }
.lead { font-size: 18px; color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: 6px 32px; margin: 20px 0 0; padding: 14px 0; border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); font-size: 14px; color: var(--soft); }
.facts b { color: var(--ink); font-weight: 600; }
.flow { display: grid; grid-template-columns: 1fr auto 1.2fr auto 1fr; gap: 10px; align-items: stretch; }
.stop { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 20px; }
.stop.gate { border: 2px solid var(--ink); }
.stop h4 { margin: 0 0 4px; font-size: 13px; font-weight: 600; color: var(--soft); text-transform: uppercase; letter-spacing: 0.06em; }
.stop p { margin: 6px 0 0; font-size: 14px; color: var(--soft); } .stop ul { list-style: none; margin: 0; padding: 0; } .stop li { margin: 2px 0; }
.stop li b { display: inline-block; min-width: 1.6em; font-size: 20px; font-variant-numeric: tabular-nums; } .figure { font-size: 30px; line-height: 1.2; font-weight: 650; }
.goodly b { color: var(--good); } .badly b { color: var(--bad); }
.arrow { align-self: center; font-size: 24px; color: var(--soft); }
.badges { display: flex; flex-wrap: wrap; gap: 6px; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 22px; margin: 20px 0; }
article header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 8px 20px; }
article > p { color: var(--soft); margin: 6px 0 16px; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 460px)); gap: 24px; }
.pair.three { grid-template-columns: repeat(3, minmax(0, 1fr)); }
.side > h4 { margin: 0 0 8px; font-size: 13px; font-weight: 600; color: var(--soft); text-transform: uppercase; letter-spacing: 0.06em; }
.shots { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 10px; }
.three .shots { grid-template-columns: minmax(0, 1fr); gap: 14px; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: 6px; background: #000; }
figcaption { font-size: 13px; color: var(--soft); margin-top: 4px; overflow-wrap: anywhere; }
.badge { display: inline-block; padding: 2px 12px; border-radius: 99px; font-weight: 650; font-size: 15px; white-space: nowrap; }
.bad { color: var(--bad); background: var(--bad-back); } .good { color: var(--good); background: var(--good-back); } .note { color: var(--note); background: var(--note-back); }
.finding { border-left: 3px solid var(--bad); padding: 2px 0 2px 14px; margin: 16px 0 0; }
.finding.quiet { border-color: var(--note); }
.finding b { font-weight: 600; }
.finding small { display: block; color: var(--soft); font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th { text-align: left; font-size: 13px; color: var(--soft); font-weight: 600; }
th, td { padding: 9px 14px 9px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
ul { padding-left: 20px; max-width: 70ch; } li { margin: 6px 0; }
@media (max-width: 640px) { .flow { grid-template-columns: 1fr; } .arrow { justify-self: center; transform: rotate(90deg); line-height: 1; } main { padding: 24px 16px 60px; } h1 { font-size: 25px; } .pair, .pair.three { grid-template-columns: minmax(0, 1fr); } .three .shots { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; } article { padding: 16px; }
  thead { display: none; } tr { display: block; padding: 10px 0; border-bottom: 1px solid var(--line); } td { display: block; border: 0; padding: 2px 0; } td:last-child { color: var(--soft); } }
`;
