/**
 * A report as data, which both its forms are made of: HTML and Markdown. All texts are plain.
 *
 * @module
 */

import type { Verdict } from "../../../study/verdicts.ts";
import type { Figure } from "./figure.ts";

/** A report. */
export interface ReportDocument {
  readonly title: string;
  /** Above the title. */
  readonly eyebrow: string;
  /** Below the title. */
  readonly lead: string;
  /** What a reader has to know first, such as that runs are missing. */
  readonly notes: readonly string[];
  readonly sections: readonly Section[];
}

/** A section. */
export interface Section {
  readonly title: string;
  readonly about?: string;
  readonly blocks: readonly Block[];
}

/** A part of a section. */
export type Block = Prose | List | Table | Figures | Findings;

/** Paragraphs under a title. */
export interface Prose {
  readonly kind: "prose";
  readonly title: string;
  readonly paragraphs: readonly string[];
}

/** A list under a title. */
export interface List {
  readonly kind: "list";
  readonly title: string;
  readonly about?: string;
  readonly items: readonly string[];
}

/** A table under a title; the cells of its first `texts` columns are texts, the others numbers. */
export interface Table {
  readonly kind: "table";
  readonly title: string;
  readonly about?: string;
  readonly texts: number;
  /** Whether texts after the first column may be long. */
  readonly wordy?: boolean;
  readonly head: readonly string[];
  readonly rows: readonly TableRow[];
}

/** A row of a table. */
export interface TableRow {
  readonly cells: readonly string[];
  /** A colour beside the first cell. */
  readonly color?: string;
  /** `reference`: a score from elsewhere; `strong`: the row others are compared with. */
  readonly mark?: "reference" | "strong";
}

/** Figures side by side. */
export interface Figures {
  readonly kind: "figures";
  readonly figures: readonly ReportFigure[];
  /** Closed until it is opened, where that can be done. */
  readonly folded?: boolean;
}

/** A figure with its words. */
export interface ReportFigure {
  /** Its file's name. */
  readonly file: string;
  readonly title: string;
  readonly about: string;
  readonly figure: Figure;
}

/** Claims with what became of them. */
export interface Findings {
  readonly kind: "findings";
  readonly items: readonly FindingItem[];
}

/** A claim with what became of it. */
export interface FindingItem {
  readonly claim: string;
  readonly verdict: Verdict;
  readonly reason: string;
  /** What is compared. */
  readonly compared: string;
  /** A line a cell. */
  readonly cells: readonly string[];
}
