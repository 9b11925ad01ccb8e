/** Style sheets of the reports: light, and dark where the reader's system asks for it. @module */

/** The colours. */
export const palette = `
:root {
  color-scheme: light dark;
  --page: #f6f6f4; --card: #ffffff; --ink: #16181b; --soft: #565c65; --faint: #858b94;
  --grid: #e9e9e6; --axis: #bcbfc4; --edge: #e4e4e0; --empty: #efefec;
  --validation: #2a6fd1; --train: #d9662b; --server: #9297a0;
  --tier-low: #c2b5f2; --tier-high: #43339c;
  --lora: #168f66; --head: #e5a50a; --overhead: #a4a9b1;
  --heat-low: #e3edfa; --heat-high: #124c9c; --on-low: #10243f; --on-high: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111315; --card: #1a1d20; --ink: #eceef0; --soft: #a7aeb7; --faint: #7d858f;
    --grid: #282c31; --axis: #4a5058; --edge: #282c31; --empty: #24282d;
    --validation: #5b9df0; --train: #ee8a55; --server: #7d858f;
    --tier-low: #5a4bb5; --tier-high: #cdc3ff;
    --lora: #2fb486; --head: #e8b23a; --overhead: #6a727c;
    --heat-low: #1c2a3c; --heat-high: #8cc0ff; --on-low: #dce9f9; --on-high: #0c2444;
  }
}
`;

/** The colour of a tier: between those of the lowest rank and the highest by its place among so many, ranks ascending. */
export function tierColor(place: number, tiers: number): string {
  const share = Math.round(100 * place / Math.max(1, tiers - 1));
  return `color-mix(in oklab, var(--tier-high) ${share}%, var(--tier-low))`;
}

/** What pictures look like; with the palette it is all that a picture needs in a file of its own. */
export const pictureStyle = `
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .tick { fill: var(--faint); font-size: 11.5px; }
svg .axis-title { fill: var(--soft); font-size: 12px; }
svg .note.strong { fill: var(--ink); font-weight: 600; }
svg .block-title { fill: var(--ink); font-size: 13px; font-weight: 600; }
svg .count { fill: var(--on-low); font-size: 11px; }
svg .count.on-high { fill: var(--on-high); }
.grid { stroke: var(--grid); } .axis, .zero { stroke: var(--axis); }
.level { stroke: var(--faint); stroke-dasharray: 2 4; stroke-width: 1.5; }
.line { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.line.dashed { stroke-dasharray: 5 5; stroke-linecap: butt; }
.mark { fill: var(--card); stroke: var(--ink); stroke-width: 2; }
.reach { fill: transparent; }
.target circle + circle { opacity: 0; } .target:hover circle + circle { opacity: 1; }
.bar:hover { opacity: 0.8; }
.untrained { fill: none; stroke: var(--axis); stroke-dasharray: 3 3; }
`;

/** A report's whole style sheet. */
export const style = `
${palette}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink); -webkit-font-smoothing: antialiased;
  font: 15px/1.5 Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1136px; margin: 0 auto; padding: 44px 24px 64px; }
header { margin-bottom: 28px; }
.eyebrow { margin: 0 0 6px; color: var(--soft); font-size: 13px; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; font-weight: 650; letter-spacing: -0.02em; overflow-wrap: anywhere; }
.lead { margin: 8px 0 0; color: var(--soft); max-width: 100ch; }
.notes { margin: 14px 0 0; padding: 10px 14px; list-style: none; border-left: 3px solid var(--head); background: var(--card); font-size: 14px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 1px; margin: 26px 0 0; background: var(--edge); border: 1px solid var(--edge); border-radius: 10px; overflow: hidden; }
.figures div { background: var(--card); padding: 14px 18px 15px; }
.figures dt { color: var(--soft); font-size: 13px; }
.figures dd { margin: 2px 0 0; font-size: 25px; line-height: 1.25; font-weight: 620; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.figures small { display: block; color: var(--faint); font-size: 12.5px; font-weight: 400; letter-spacing: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 18px; }
.card { margin: 0 0 18px; padding: 18px 20px 16px; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
.charts .card { margin: 0; display: flex; flex-direction: column; }
.charts .card svg { margin-top: auto; }
.charts + .card { margin-top: 18px; }
h2 { margin: 0; font-size: 16px; font-weight: 620; letter-spacing: -0.01em; }
.about { margin: 3px 0 12px; color: var(--soft); font-size: 13.5px; max-width: 95ch; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 10px; color: var(--soft); font-size: 13px; }
.legend span { display: inline-flex; align-items: center; gap: 7px; }
.key { width: 16px; height: 4px; border-radius: 2px; background: var(--key); }
.key.dashed { height: 0; border-radius: 0; background: none; border-top: 2px dashed var(--key); }
.ramp { width: 120px; height: 10px; border-radius: 2px; background: linear-gradient(in oklab to right, var(--heat-low), var(--heat-high)); }
.numeral { font-style: normal; font-size: 11px; padding: 1px 5px; border-radius: 2px; color: var(--on-low); background: var(--heat-low); }
.untrained-key { width: 16px; height: 12px; border: 1px dashed var(--axis); border-radius: 2px; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
${pictureStyle}
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: 13px; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--edge); white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
.rounds th, .rounds td { text-align: right; }
.clients td { height: 27px; padding-block: 0; }
.clients td:last-child { width: 40%; min-width: 150px; padding-right: 0; }
.clients svg { height: 15px; }
.clients .meter { width: 48px; }
.measure { display: inline-flex; align-items: center; gap: 10px; }
.meter { display: inline-block; width: 72px; height: 6px; border-radius: 3px; background: var(--empty); overflow: hidden; }
.meter i { display: block; height: 100%; border-radius: 3px; background: var(--validation); }
.settings { columns: 3 300px; column-gap: 40px; margin-top: 12px; }
.settings section { break-inside: avoid; margin-bottom: 20px; }
h3 { margin: 0 0 5px; font-size: 13px; font-weight: 620; color: var(--soft); }
dl { margin: 0; font-size: 13.5px; }
.settings div { display: flex; justify-content: space-between; gap: 16px; padding: 2.5px 0; border-bottom: 1px solid var(--edge); }
.settings dt { color: var(--soft); } .settings dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
.changed dt { color: var(--ink); } .changed dd { font-weight: 650; color: var(--validation); }
summary { cursor: pointer; font-size: 16px; font-weight: 620; letter-spacing: -0.01em; }
details[open] summary { margin-bottom: 12px; }
footer { color: var(--faint); font-size: 13px; }
`;
