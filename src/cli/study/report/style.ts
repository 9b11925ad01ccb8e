/** What a study's report adds to the style sheet of the reports. @module */

/** Colours that methods are given, in order; told apart under each kind of colour blindness, on light and on dark. */
export const seriesCount = 8;

/** The colours of the methods. */
export const seriesPalette = `
:root {
  --series-1: #4319a6; --series-2: #dc3f14; --series-3: #327997; --series-4: #e7a212;
  --series-5: #56c4bd; --series-6: #72333a; --series-7: #ac74fe; --series-8: #16181b;
  --other: #c3c7cc; --holds: #11795a; --partly: #8a6100; --fails: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --series-1: #b5b6f9; --series-2: #cc3454; --series-3: #5878a2; --series-4: #f6c42e;
    --series-5: #50b297; --series-6: #f37b30; --series-7: #af6ef7; --series-8: #eceef0;
    --other: #4d545c; --holds: #4cc79b; --partly: #e0b04a; --fails: #f28b82;
  }
}
`;

/** What a study's pictures look like besides. */
export const seriesStyle = `
.band { stroke: none; fill-opacity: 0.14; }
.leader { fill: none; stroke-width: 1; }
.leader.far { stroke-dasharray: 1 4; }
svg .haloed { paint-order: stroke; stroke: var(--card); stroke-width: 4px; stroke-linejoin: round; fill: var(--soft); }
.curve:hover .line { stroke-width: 4; }
svg .name { fill: var(--ink); font-size: 12px; }
svg .name.other { fill: var(--soft); font-size: 11.5px; }
.whisker { stroke-width: 2.5; stroke-linecap: butt; }
.none { stroke: var(--axis); stroke-width: 1.5; }
`;

/** What a study's page looks like besides. */
export const studyStyle = `${seriesPalette}${seriesStyle}
main > h2 { margin: 44px 0 4px; font-size: 22px; letter-spacing: -0.015em; }
main > h2 + .about { margin-bottom: 16px; }
.card > h3 { font-size: 15px; color: var(--ink); letter-spacing: -0.01em; margin: 0 0 2px; }
.notes li + li { margin-top: 4px; }
.numbers td:not(.text), .numbers th:not(.text) { text-align: right; }
.numbers .reference td.text, .numbers.wordy td.text:not(:first-child) { white-space: normal; }
.numbers th { white-space: normal; vertical-align: bottom; }
.numbers td, .numbers th { padding-right: 14px; }
.numbers tr.reference td { color: var(--soft); font-style: italic; }
.numbers tr.strong td { font-weight: 650; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 8px; background: var(--key); }
.findings { margin: 0; padding: 0; list-style: none; }
.findings > li { padding: 14px 0; border-top: 1px solid var(--edge); }
.findings > li:first-child { border-top: 0; padding-top: 4px; }
.findings p { margin: 2px 0; max-width: 100ch; }
.findings .claim { font-weight: 600; }
.findings .small { color: var(--soft); font-size: 13.5px; }
.findings ul { margin: 6px 0 0; padding-left: 18px; color: var(--soft); font-size: 13.5px; font-variant-numeric: tabular-nums; }
.verdict { display: inline-block; margin-right: 10px; padding: 0 9px; border: 1.5px solid currentColor; border-radius: 999px; font-size: 12.5px; font-weight: 650; white-space: nowrap; }
.verdict.holds { color: var(--holds); } .verdict.partly { color: var(--partly); }
.verdict.fails { color: var(--fails); } .verdict.unknown { color: var(--soft); }
.plain { margin: 0; padding-left: 18px; font-size: 14px; overflow-wrap: anywhere; }
.prose { margin: 0 0 10px; font-size: 14px; max-width: 110ch; overflow-wrap: anywhere; }
`;
