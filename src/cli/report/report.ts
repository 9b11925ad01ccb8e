/**
 * The report of a run: one HTML file that needs neither network nor script.
 *
 * @module
 */
import {
  isTokenSummary,
  perplexityOf,
  type RoundRecord,
  type RunFacts,
  type RunSummary,
  type TokenRoundRecord,
  type TokenRunSummary,
} from "../../protocol/records.ts";
import { sampledClients } from "../../federated/attendance.ts";
import type { RunConfig } from "../../federated/run_config.ts";
import { methodOf } from "../../protocol/methods/mod.ts";
import {
  bytesText,
  counted,
  countText,
  durationText,
  percentText,
  perplexityText,
} from "../units.ts";
import { rowNoun } from "../run/task_text.ts";
import { byteChart } from "./byte_chart.ts";
import { clientTable } from "./client_table.ts";
import { accuracyByBytes, accuracyByRound, accuracyByTier, lossByRound } from "./curves.ts";
import { heatMap } from "./heat_map.ts";
import { methodWords } from "./method_words.ts";
import { page } from "./page.ts";
import { element, escapeText } from "./svg.ts";
import { configTable, roundTable } from "./tables.ts";
import { lossByBytes, lossByTier, perplexityByRound } from "./token_curves.ts";

interface Reported<Round, Summary> {
  readonly config: RunConfig;
  readonly facts: RunFacts;
  /** At least one, in order of rounds. */
  readonly records: readonly Round[];
  readonly summary: Summary;
}

/** A report of a classifier. */
export type LabelledRun = Reported<RoundRecord, RunSummary>;

/** A report of a language model. */
export type TokenRun = Reported<TokenRoundRecord, TokenRunSummary>;

/** What a report shows. */
export type ReportedRun = LabelledRun | TokenRun;

function isTokenRun(run: ReportedRun): run is TokenRun {
  return isTokenSummary(run.summary);
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
  const { reached, byBytes, byTier } = isTokenRun(run) ? tokenCards(run) : labelCards(run);
  const charts = [
    reached,
    sends ? byBytes : "",
    card("Loss", "Mean cross-entropy, in nats.", lossByRound(run)),
    sends
      ? card("Bytes per round", "Encoded messages of all clients together.", byteChart(records))
      : "",
    byTier,
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

/** The cards that tell how good the model is. */
interface QualityCards {
  readonly reached: string;
  readonly byBytes: string;
  readonly byTier: string;
}

function labelCards(run: LabelledRun): QualityCards {
  const words = methodWords(run.config);
  return {
    reached: card("Validation accuracy", words.validated, accuracyByRound(run)),
    byBytes: card(
      "Accuracy by bytes sent",
      "What an accuracy has cost in uploads.",
      accuracyByBytes(run),
    ),
    byTier: card("Accuracy just after distribution", words.distributed, accuracyByTier(run)),
  };
}

function tokenCards(run: TokenRun): QualityCards {
  const words = methodWords(run.config);
  return {
    reached: card(
      "Validation perplexity",
      "e to the power of the validation loss, after each round; less is better.",
      perplexityByRound(run),
    ),
    byBytes: card("Loss by bytes sent", "What a loss has cost in uploads.", lossByBytes(run)),
    byTier: card("Loss just after distribution", words.distributed, lossByTier(run)),
  };
}

function labelFigures({ summary: { final, best, test, chance } }: LabelledRun): string[] {
  return [
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
  ];
}

function tokenFigures({ summary: { final, best, test, tokensPerSecond } }: TokenRun): string[] {
  const told = (name: string, loss: number, detail: string) =>
    figure(name, perplexityText(perplexityOf(loss)), `loss ${loss.toFixed(3)}, ${detail}`);
  return [
    told("Final perplexity", final.loss, "after the last round"),
    told("Best perplexity", best.loss, `after round ${best.round}`),
    ...(test
      ? [told(
        "Test perplexity",
        test.lossAtFinal,
        `best round ${perplexityText(perplexityOf(test.lossAtBest))}`,
      )]
      : []),
    figure("Speed", `${countText(tokensPerSecond)} tokens/s`, "evaluation included"),
  ];
}

function head(run: ReportedRun, title: string): string {
  const { config, facts, summary } = run;
  const learned = facts.tokens
    ? `${countText(facts.tokens.train)} tokens to learn`
    : `${facts.labels.length} labels`;
  const lead = `${clientsAtRanks(config, facts)}; ${methodName(config)}; ` +
    `${partitionText(config)}; ${countText(facts.trainRows)} training and ` +
    `${counted(facts.validationRows, `validation ${rowNoun(config.task)}`)}, ${learned}.`;
  const figures = [
    ...(isTokenRun(run) ? tokenFigures(run) : labelFigures(run)),
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
  if (rows.length === 1) return `One client with ${counted(rows[0], "row")}.`;
  const sampled = sampledClients(config, rows.length);
  return `From ${countText(rows[0])} to ${counted(rows[rows.length - 1], "row")}` +
    (sampled < rows.length ? `, ${counted(sampled, "client")} sampled a round` : "") +
    (facts.labels.length > 0 ? "; stronger colour is more of a label." : ".");
}
