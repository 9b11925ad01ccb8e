/** How and where a run is run, and what is told of it. @module */

import { aggregatorNames } from "../../protocol/aggregate/mod.ts";
import { type PeftLayout, peftLayouts } from "../../lora/peft_layout.ts";
import { choice, optional, text, toggle, whole } from "../setting_kinds.ts";
import { count, type SettingRows } from "./rows.ts";

/** The devices that can be asked for, in the order users see them. */
export const deviceNames = ["auto", "webgpu", "cpu"] as const;

/** Where programs run; `auto` is the faster of what is there, by a short measurement. */
export type DeviceName = typeof deviceNames[number];

/** The output formats there are, in the order users see them. */
export const outputFormats = ["text", "json"] as const;

/** How the command tells of a run: `text` for people, `json` for programs, one object a line. */
export type OutputFormat = typeof outputFormats[number];

/** Settings of how and where a run is run. */
export interface ExecutionConfig {
  /** Seed of every random draw; the same seed on the same device gives the same adapter. */
  readonly seed: number;
  /** Validation rows evaluated after each round, drawn alike in every run. */
  readonly evalPosts: number;
  /** Rows B of an evaluation batch. */
  readonly evalBatch: number;
  /** Whether the test rows are evaluated at the end, at the best round and at the last. */
  readonly evalTest: boolean;
  /** Where programs run. */
  readonly device: DeviceName;
  /** Threads of the CPU device. */
  readonly threads: number;
  /** Whether training runs layers again in the backward pass instead of keeping what they computed. */
  readonly recompute: boolean;
  /** Folder the run is written to. */
  readonly out: string;
  /** Folder of a run to continue from its last checkpoint; null: a new run. */
  readonly resume: string | null;
  /** Which components an exported adapter holds. */
  readonly adapterLayout: PeftLayout;
  /** Whether to replace a run that `out` already holds. */
  readonly overwrite: boolean;
  /** How the command tells of the run. */
  readonly format: OutputFormat;
  /** Whether to fail instead of using the network. */
  readonly offline: boolean;
  /** Folder for tokens and downloaded models; null: the platform's cache folder. */
  readonly cacheDir: string | null;
}

/** Their defaults. */
export const executionDefaults: Omit<ExecutionConfig, "threads" | "out"> = {
  seed: 1,
  evalPosts: 1000, // the whole default validation set: rounds stay comparable
  evalBatch: 64, // evaluation keeps nothing for a backward pass, so more rows fit
  evalTest: true, // once, at the end: the number to report
  device: "auto", // the faster of what is there, by a short measurement
  recompute: false, // two fifths more work a step at most, for where memory for activations is short
  adapterLayout: "uniform", // one rank and one scale, which every program that loads adapters understands
  resume: null,
  overwrite: false, // nothing is lost by repeating a command
  format: "text",
  offline: false,
  cacheDir: null, // the platform's cache folder
};

/** Their rows in the table of settings. */
export const executionRows: SettingRows<ExecutionConfig> = {
  seed: {
    kind: whole({ least: 0 }),
    help: "the same seed on the same device gives the same adapter",
  },
  evalPosts: { kind: count, help: "validation rows evaluated after each round" },
  evalBatch: { kind: count, help: "rows a step of evaluation" },
  evalTest: {
    kind: toggle,
    help: "evaluate the test rows at the end, at the best round and at the last",
  },
  device: { kind: choice(deviceNames), help: deviceNames.join(", ") },
  threads: {
    kind: whole({ least: 1, most: 256 }),
    help: "threads of the CPU device (default: all)",
  },
  recompute: {
    kind: toggle,
    help: "compute layers again in the backward pass: less memory, more time, the same results",
  },
  out: {
    kind: text("<folder>"),
    help: "folder of the run (default: runs/<date-time>)",
  },
  resume: {
    kind: optional(text("<folder>")),
    help: "continue the run in this folder from its last checkpoint",
  },
  adapterLayout: {
    kind: choice(peftLayouts),
    help:
      "uniform gives every module of the adapter one rank, compact leaves out components that do nothing",
    // Flora leaves a model, in which its adapters are merged.
    only: { aggregation: aggregatorNames.filter((name) => name !== "flora") },
  },
  overwrite: { kind: toggle, help: "replace a run that --out already holds" },
  format: {
    kind: choice(outputFormats),
    help: "output for people (text) or one JSON object a line (json)",
  },
  offline: { kind: toggle, help: "fail instead of using the network" },
  cacheDir: {
    kind: optional(text("<folder>")),
    help: "folder for tokens and downloaded models",
  },
};
