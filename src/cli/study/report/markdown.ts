import type { Block, FindingItem, ReportDocument, Table } from "./document.ts";

/** A report as Markdown, its figures as files in the folder `figures` beside it. */
export function renderMarkdown(
  { title, eyebrow, lead, notes, sections }: ReportDocument,
): string {
  const parts = [
    `# ${text(title)}`,
    text(eyebrow),
    text(lead),
    ...(notes.length > 0 ? [notes.map((note) => `> - ${text(note)}`).join("\n")] : []),
    ...sections.flatMap((section) => [
      `## ${text(section.title)}`,
      ...(section.about === undefined ? [] : [text(section.about)]),
      ...section.blocks.flatMap(block),
    ]),
  ];
  return `${parts.join("\n\n")}\n`;
}

function block(part: Block): string[] {
  switch (part.kind) {
    case "prose":
      return [heading(part.title), ...part.paragraphs.map(text)];
    case "list":
      return [
        heading(part.title),
        ...(part.about === undefined ? [] : [text(part.about)]),
        part.items.map((item) => `- ${text(item)}`).join("\n"),
      ];
    case "table":
      return [
        heading(part.title),
        ...(part.about === undefined ? [] : [text(part.about)]),
        table(part),
      ];
    case "figures":
      return part.figures.flatMap(({ file, title, about, figure }) => [
        heading(title),
        text(about),
        `![${text(figure.name)}](figures/${encodeURI(file)})`,
      ]);
    case "findings":
      return part.items.map(finding);
  }
}

function heading(title: string): string {
  return `### ${text(title)}`;
}

/** A table whose columns are padded, so that the source reads as one too. */
function table({ texts, head, rows }: Table): string {
  const cells = [
    head.map(text),
    ...rows.map(({ cells, mark }) =>
      cells.map((cell) => {
        const told = text(cell);
        return mark === undefined || told === ""
          ? told
          : mark === "strong"
          ? `**${told}**`
          : `_${told}_`;
      })
    ),
  ];
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    `| ${
      row.map((cell, column) =>
        column < texts ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
      ).join(" | ")
    } |`;
  const rule = `| ${
    widths.map((width, column) => column < texts ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)
      .join(" | ")
  } |`;
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join("\n");
}

function finding({ claim, verdict, reason, compared, cells }: FindingItem): string {
  const lines = [
    `- **${verdict}**: ${text(claim)}`,
    `  ${text(reason)}`,
    `  ${text(compared)}`,
    ...cells.map((cell) => `  - ${text(cell)}`),
  ];
  // A line of its own needs the break that Markdown would else join.
  return lines.map((line, index) =>
    index < lines.length - 1 && !lines[index + 1].startsWith("  -") ? `${line}\\` : line
  ).join("\n");
}

/** Plain text in Markdown: what would be markup is escaped. */
function text(plain: string): string {
  return plain.replaceAll(/[\\`*_[\]<>|~#]/g, (character) => `\\${character}`).replaceAll(
    /\s+/g,
    " ",
  );
}
