import assert from "node:assert/strict";
import {
  cellsOf,
  failuresOf,
  methodsOf,
  missingRuns,
  placesOf,
  readingsOf,
  runsOf,
  seedsOf,
} from "../../src/study/study_results.ts";
import { placeText } from "../../src/study/run_place.ts";
import { sampleStudy } from "./sample_study.ts";

const one = { settings: {}, peak: 0.5, pace: 4 };
const results = sampleStudy({
  rounds: 2,
  cells: {
    iid: { settings: {}, level: 1 },
    unused: { settings: {}, level: 1 },
    skewed: { settings: {}, level: 1 },
  },
  methods: { first: one, second: { ...one, fails: [3] }, idle: one },
  grid: [
    { cells: ["skewed", "iid"], methods: ["second"], seeds: [3, 1] },
    { cells: ["iid"], methods: ["first", "second"], seeds: [2, 1] },
  ],
  study: { targets: { iid: 0.99 } },
});
const { study } = results;

Deno.test("cellsOf(), methodsOf() and seedsOf() tell what the grid runs, in the study's order", () => {
  assert.deepEqual(cellsOf(study), ["iid", "skewed"]);
  assert.deepEqual(methodsOf(study, "iid"), ["first", "second"]);
  assert.deepEqual(methodsOf(study, "skewed"), ["second"]);
  assert.deepEqual(seedsOf(study, "iid", "second"), [1, 2, 3]);
  assert.deepEqual(seedsOf(study, "skewed", "first"), []);
});

Deno.test("placesOf() names every run of the grid once", () => {
  assert.deepEqual(placesOf(study).map(placeText), [
    "iid/first/seed-1",
    "iid/first/seed-2",
    "iid/second/seed-1",
    "iid/second/seed-2",
    "iid/second/seed-3",
    "skewed/second/seed-1",
    "skewed/second/seed-3",
  ]);
});

Deno.test("missingRuns() are those that have neither ended nor failed", () => {
  assert.deepEqual(missingRuns(results), []);
  const half = { ...results, runs: results.runs.filter(({ seed }) => seed !== 1) };
  assert.deepEqual(missingRuns(half).map(placeText), [
    "iid/first/seed-1",
    "iid/second/seed-1",
    "skewed/second/seed-1",
  ]);
});

Deno.test("runsOf() and failuresOf() look a method up by cell, seeds ascending", () => {
  const turned = { ...results, runs: results.runs.toReversed() };
  assert.deepEqual(runsOf(turned, "iid", "second").map(({ seed }) => seed), [1, 2]);
  assert.deepEqual(failuresOf(turned, "iid", "second").map(({ seed }) => seed), [3]);
  assert.deepEqual(failuresOf(turned, "iid", "first"), []);
});

Deno.test("readingsOf() reads by seed, and counts to the cell's target", () => {
  const never = readingsOf(results, "iid", "first", "roundsToTarget");
  assert.deepEqual([...never], [[1, { value: 2, reached: false }], [2, {
    value: 2,
    reached: false,
  }]]);
  assert.equal(readingsOf(results, "skewed", "second", "roundsToTarget").size, 0);
  assert.equal(readingsOf(results, "skewed", "second", "final").size, 1);
});
