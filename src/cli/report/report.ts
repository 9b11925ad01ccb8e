/**
 * The report of a run: one HTML file that needs neither network nor script.
 *
 * @module
 */
import type { RoundRecord, RunFacts, RunSummary } from "../../protocol/records.ts";
import { sampledClients } from "../../federated/attendance.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { methodOf } from "../../protocol/methods/mod.ts";
import { bytesText, countText, durationText, percentText } from "../units.ts";
import { byteChart } from "./byte_chart.ts";
import { clientTable } from "./client_table.ts";
import { accuracyByBytes, accuracyByRound, accuracyByTier, lossByRound } from "./curves.ts";
import { heatMap } from "./heat_map.ts";
import { methodWords } from "./method_words.ts";
import { page } from "./page.ts";
import { element, escapeText } from "./svg.ts";
import { configTable, roundTable } from "./tables.ts";

/** What a report shows. */
export interface ReportedRun {
  readonly config: RunConfig;
  readonly facts: RunFacts;
  /** At least one, in order of rounds. */
  readonly records: readonly RoundRecord[];
  readonly summary: RunSummary;
}

/**
 * Renders report.html. All names and paths in it are escaped, and a content security policy in the file
 * forbids it to load anything.
 */
export function renderReport(run: ReportedRun): string {
  const { config, facts, records, summary } = run;
  const title = `${facts.model} on ${facts.data}`;
  const words = methodWords(config);
  const sends = summary.upBytes.total + summary.downBytes.total > 0;
  const charts = [
    card("Validation accuracy", words.validated, accuracyByRound(run)),
    sends
      ? card(
        "Accuracy by bytes sent",
        "What an accuracy has cost in uploads.",
        accuracyByBytes(run),
      )
      : "",
    card("Loss", "Mean cross-entropy, in nats.", lossByRound(run)),
    sends
      ? card("Bytes per round", "Encoded messages of all clients together.", byteChart(records))
      : "",
    card("Accuracy just after distribution", words.distributed, accuracyByTier(run)),
    card("Clients", clientsText(run), clientTable(facts.clients, config.rank, facts.labels)),
  ];
  const body = element(
    "main",
    {},
    head(run, title),
    element("div", { class: "charts" }, ...charts),
    card(
      "Importance of every component",
      `Score S of each of the ${config.rank} rank-1 components after the last round. ` +
        trainedText(run) + words.components,
      heatMap(facts.modules, records),
    ),
    card("Settings", "Those that differ from the defaults are set in colour.", configTable(config)),
    element(
      "details",
      { class: "card" },
      element("summary", {}, "Numbers of every round"),
      roundTable(records),
    ),
    element("footer", {}, escapeText(`HAFL ${facts.version}, arXiv 2411.06581 v1`)),
  );
  return page(title, body);
}

function head({ config, facts, summary }: ReportedRun, title: string): string {
  const { best, final, test, chance } = summary;
  const lead = `${clientsAtRanks(config, facts)}; ${methodName(config)}; ` +
    `${partitionText(config)}; ${countText(facts.trainRows)} training and ` +
    `${countText(facts.validationRows)} validation rows, ${facts.labels.length} labels.`;
  const figures = [
    figure("Final accuracy", percentText(final.accuracy), `chance ${percentText(chance)}`),
    figure("Best accuracy", percentText(best.accuracy), `after round ${best.round}`),
    figure("Worst client", percentText(final.worstClient), "after the last round"),
    ...(test
      ? [figure(
        "Test accuracy",
        percentText(test.accuracyAtFinal),
        `best round ${percentText(test.accuracyAtBest)}`,
      )]
      : []),
    figure(
      "Sent to the server",
      bytesText(summary.upBytes.total),
      `LoRA ${bytesText(summary.upBytes.lora)}`,
    ),
    figure(
      "Sent to the clients",
      bytesText(summary.downBytes.total),
      `LoRA ${bytesText(summary.downBytes.lora)}`,
    ),
    figure("Time", durationText(summary.seconds), facts.device),
  ];
  const notes = facts.notes.map((note) => element("li", {}, escapeText(note)));
  return element(
    "header",
    {},
    element(
      "p",
      { class: "eyebrow" },
      escapeText(
        `HAFL run of ${facts.started.slice(0, 16).replace("T", " ")}, seed ${config.seed}`,
      ),
    ),
    element("h1", {}, escapeText(title)),
    element("p", { class: "lead" }, escapeText(lead)),
    notes.length > 0 ? element("ul", { class: "notes" }, ...notes) : "",
    element("dl", { class: "figures" }, ...figures),
  );
}

function figure(name: string, value: string, detail: string): string {
  return element(
    "div",
    {},
    element("dt", {}, escapeText(name)),
    element("dd", {}, escapeText(value), element("small", {}, escapeText(detail))),
  );
}

function card(title: string, about: string, content: string): string {
  return element(
    "section",
    { class: "card" },
    element("h2", {}, escapeText(title)),
    element("p", { class: "about" }, escapeText(about)),
    content,
  );
}

function clientsAtRanks(config: RunConfig, facts: RunFacts): string {
  const tiers = new Map<number, number>();
  for (const { rank } of facts.clients) tiers.set(rank, (tiers.get(rank) ?? 0) + 1);
  const told = [...tiers].sort(([one], [other]) => one - other)
    .map(([rank, clients]) => `${clients} at rank ${rank}`).join(", ");
  return facts.clients.length === 1
    ? `1 client at rank ${config.rank}`
    : `${facts.clients.length} clients, ${told} of ${config.rank}`;
}

function methodName(config: RunConfig): string {
  const { method, aggregation } = config;
  const named = methodOf(config);
  return `${method} + ${aggregation}${named ? ` (${named.name})` : ""}`;
}

function partitionText(config: RunConfig): string {
  if (config.clients === 1) return "all rows on one client";
  if (config.partition === "dirichlet") return `Dirichlet ${config.dirichletAlpha} by label`;
  if (config.partition === "shards") return `${config.shardsPerClient} label shards a client`;
  return config.partition === "iid" ? "rows dealt evenly" : "rows dealt as given";
}

function trainedText({ config, facts, summary }: ReportedRun): string {
  const components = config.rank * facts.modules.length;
  const trained = Math.round(summary.trainedShare * components);
  return trained === components
    ? `All ${countText(components)} components were trained at least once.`
    : `${countText(trained)} of ${countText(components)} components were trained at least once.`;
}

function clientsText({ config, facts }: ReportedRun): string {
  const rows = facts.clients.map((client) => client.samples).sort((one, other) => one - other);
  if (rows.length === 1) return `One client with ${countText(rows[0])} rows.`;
  const sampled = sampledClients(config, rows.length);
  return `From ${countText(rows[0])} to ${countText(rows[rows.length - 1])} rows` +
    (sampled < rows.length ? `, ${countText(sampled)} clients sampled a round` : "") +
    "; stronger colour is more of a label.";
}
