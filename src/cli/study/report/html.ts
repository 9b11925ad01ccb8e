import { page } from "../../report/page.ts";
import { element, escapeText } from "../../report/svg.ts";
import type { Verdict } from "../../../study/verdicts.ts";
import type { Block, FindingItem, ReportDocument, ReportFigure, Table } from "./document.ts";
import { figureMarkup } from "./figure.ts";
import { studyStyle } from "./style.ts";

/** A report as one HTML file that needs neither network nor script. */
export function renderHtml({ title, eyebrow, lead, notes, sections }: ReportDocument): string {
  const body = element(
    "main",
    {},
    element(
      "header",
      {},
      element("p", { class: "eyebrow" }, escapeText(eyebrow)),
      element("h1", {}, escapeText(title)),
      element("p", { class: "lead" }, escapeText(lead)),
      notes.length === 0 ? "" : element("ul", { class: "notes" }, ...notes.map(item)),
    ),
    ...sections.map((section) =>
      element("h2", {}, escapeText(section.title)) + about(section.about) +
      section.blocks.map(block).join("")
    ),
  );
  return page(title, body, studyStyle);
}

function block(part: Block): string {
  switch (part.kind) {
    case "prose":
      return card(
        part.title,
        undefined,
        ...part.paragraphs.map((text) => element("p", { class: "prose" }, escapeText(text))),
      );
    case "list":
      return card(
        part.title,
        part.about,
        element("ul", { class: "plain" }, ...part.items.map(item)),
      );
    case "table":
      return card(part.title, part.about, table(part));
    case "figures": {
      const cards = part.figures.map(figureCard).join("");
      const drawn = part.figures.length > 1 ? element("div", { class: "charts" }, cards) : cards;
      if (!part.folded) return drawn;
      const [{ title, about: words, figure }] = part.figures;
      return element(
        "details",
        { class: "card" },
        element("summary", {}, escapeText(title)),
        about(words),
        figureMarkup(figure),
      );
    }
    case "findings":
      return element(
        "section",
        { class: "card" },
        element("ul", { class: "findings" }, ...part.items.map(finding)),
      );
  }
}

function card(title: string, words: string | undefined, ...content: string[]): string {
  return element(
    "section",
    { class: "card" },
    element("h3", {}, escapeText(title)),
    about(words),
    ...content,
  );
}

function figureCard({ title, about: words, figure }: ReportFigure): string {
  return card(title, words, figureMarkup(figure));
}

function about(text: string | undefined): string {
  return text === undefined ? "" : element("p", { class: "about" }, escapeText(text));
}

function item(text: string): string {
  return element("li", {}, escapeText(text));
}

function table({ texts, wordy, head, rows }: Table): string {
  const text = (index: number): { class?: string } => index < texts ? { class: "text" } : {};
  const header = element(
    "tr",
    {},
    ...head.map((name, index) => element("th", { scope: "col", ...text(index) }, escapeText(name))),
  );
  const body = rows.map(({ cells, color, mark }) =>
    element(
      "tr",
      mark === undefined ? {} : { class: mark },
      ...cells.map((cell, index) =>
        element(
          "td",
          text(index),
          index === 0 && color !== undefined
            ? element("i", { class: "swatch", style: `--key: ${color}` })
            : "",
          escapeText(cell),
        )
      ),
    )
  );
  return element(
    "div",
    { class: "scroll" },
    element(
      "table",
      { class: wordy ? "numbers wordy" : "numbers" },
      element("thead", {}, header),
      element("tbody", {}, ...body),
    ),
  );
}

const verdictClasses: Readonly<Record<Verdict, string>> = {
  "holds": "holds",
  "holds partly": "partly",
  "not shown": "unknown",
  "does not hold": "fails",
  "cannot be said": "unknown",
};

function finding({ claim, verdict, reason, compared, cells }: FindingItem): string {
  return element(
    "li",
    {},
    element(
      "p",
      { class: "claim" },
      element("span", { class: `verdict ${verdictClasses[verdict]}` }, escapeText(verdict)),
      escapeText(claim),
    ),
    element("p", {}, escapeText(reason)),
    element("p", { class: "small" }, escapeText(compared)),
    cells.length === 0 ? "" : element("ul", {}, ...cells.map(item)),
  );
}
