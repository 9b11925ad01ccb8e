import assert from "node:assert/strict";
import fc from "fast-check";
import * as format from "../../../server/dashboard/format.js";
import * as units from "../../../src/cli/units.ts";

Deno.test("the dashboard spells quantities as the terminal does", () => {
  const size = fc.oneof(fc.nat(2000), fc.double({ min: 0, max: 1e15, noNaN: true }));
  fc.assert(fc.property(size, (value) => {
    assert.equal(format.bytesText(value), units.bytesText(value));
    assert.equal(format.roundBytesText(value), units.roundBytesText(value));
    assert.equal(format.durationText(value), units.durationText(value));
    assert.equal(format.countText(value), units.countText(value));
    assert.equal(format.percentText(value), units.percentText(value));
    assert.equal(format.perplexityText(value), units.perplexityText(value));
  }));
  assert.equal(format.roundBytesText(2_000_000), "2 MB");
  assert.equal(format.roundBytesText(1_500_000), "1.5 MB");
});

Deno.test("roundPerplexityText() stays short at an axis, whatever a model that diverged reports", () => {
  const values = [1.5, 37.5, 2000, 999_000, 15_000_000, 3 * 5e20, Number.MAX_VALUE];
  assert.deepEqual(
    values.map(format.roundPerplexityText),
    ["1.5", "37.5", "2,000", "999,000", "1.5e+7", "1.5e+21", "1.8e+308"],
  );
});

Deno.test("countdownText() rounds up, and ends at zero", () => {
  const texts = [252_000, 251_001, 9_000, 3_729_000, 1, 0, -5000].map(format.countdownText);
  assert.deepEqual(texts, ["4:12", "4:12", "0:09", "1:02:09", "0:01", "0:00", "0:00"]);
});

Deno.test("agoText() picks the unit", () => {
  const texts = [0, 2999, 3000, 59_999, 60_000, 3_600_000, 86_400_000, 3 * 86_400_000]
    .map(format.agoText);
  assert.deepEqual(texts, [
    "just now",
    "just now",
    "3 s ago",
    "59 s ago",
    "1 min ago",
    "1 h ago",
    "1 day ago",
    "3 days ago",
  ]);
});

Deno.test("dateText() and timeText() tell the reader's own time", () => {
  const time = new Date(2026, 10, 5, 4, 3, 9).getTime();
  assert.equal(format.dateText(time), "2026-11-05 04:03");
  assert.equal(format.timeText(time), "04:03:09");
});

Deno.test("countedText() says one and many", () => {
  assert.equal(format.countedText(1, "seat"), "1 seat");
  assert.equal(format.countedText(1200, "seat"), "1,200 seats");
});
