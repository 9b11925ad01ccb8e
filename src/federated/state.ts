/** What a simulated run carries from round to round, and how it is saved. @module */

import type { ModelEvaluation } from "../lora/evaluate.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import { decodeBank, encodeBank } from "../protocol/bank_codec.ts";
import { decodeMerged, encodeMerged } from "../protocol/merged_codec.ts";
import { decodeMoments, encodeMoments } from "../protocol/moments_codec.ts";
import { UserError } from "../protocol/errors.ts";
import type { MessageSizes } from "../protocol/messages/mod.ts";
import type { KeptMemory } from "./client_memory.ts";
import type { SentUpdate } from "./collect_updates.ts";

/** The round whose models did best in validation. */
export interface BestRound {
  /** The round, 1 for the first; 0 is the untrained bank, before any round has ended. */
  readonly round: number;
  /** What rounds are compared by, as `meritOf` (model_scores.ts) has it of the validation rows. */
  readonly merit: number;
  /** The server's adapter after that round. */
  readonly bank: AdapterBank;
  /** What each client remembered after it, where each has a model of its own. */
  readonly clients?: readonly (KeptMemory | undefined)[] | undefined;
}

/** The state between two rounds. */
export interface FederationState {
  /** Rounds done. */
  readonly rounds: number;
  /** The server's adapter after them. */
  readonly bank: AdapterBank;
  /** The bank on the validation rows; where clients have models of their own, the sum over these. */
  readonly evaluation: ModelEvaluation;
  /** Each client's own model on the validation rows; absent where they share one. */
  readonly own?: readonly ModelEvaluation[];
  /** The bank that did best on the validation rows, the first of several. */
  readonly best: BestRound;
  /** What each client remembers, in order of their indices; undefined where it remembers nothing. */
  readonly clients: readonly (KeptMemory | undefined)[];
  /** Updates of the round that ended last that will arrive in the next one, ascending by client. */
  readonly late: readonly SentUpdate[];
  /** Bytes of all messages to the server so far. */
  readonly cumulativeUp: number;
  /** Bytes of all messages to the clients so far. */
  readonly cumulativeDown: number;
}

/** The memories that a state refers to, lists by client. */
export function memoriesOf(
  { clients, best }: FederationState,
): (readonly (KeptMemory | undefined)[])[] {
  return best.clients ? [clients, best.clients] : [clients];
}

/**
 * The state as files of a checkpoint, bytes by file name; {@linkcode decodeState} gives it back exactly. Of what clients remember it holds only the
 * rounds: the memories lie where they were kept.
 */
export function encodeState(state: FederationState): Map<string, Uint8Array> {
  const { bank, best, clients, late, ...numbers } = state;
  const facts: StateFacts = {
    ...numbers,
    best: {
      round: best.round,
      merit: best.merit,
      ...(best.clients && { clients: roundsOf(best.clients) }),
    },
    clients: roundsOf(clients),
    late: late.map(({ message, ...sent }) => ({ ...sent, sizes: message.sizes })),
    moments: bank.moments !== undefined,
    merged: [bank, best.bank].map(({ merged }) => merged !== undefined),
  };
  return new Map([
    ["state.json", new TextEncoder().encode(JSON.stringify(facts))],
    ...bankFiles("bank", bank),
    ...bankFiles("best", best.bank),
    ...(bank.moments ? [[momentsFile, encodeMoments(bank.moments, bank)] as const] : []),
    ...late.map(({ client, message }) => [lateFile(client), message.bytes] as const),
  ]);
}

/**
 * Reads what {@linkcode encodeState} wrote, for a run of this many clients.
 *
 * @param open what a client remembered after a round, as it was kept then.
 *
 * @throws UserError when a file is missing, or the numbers are not those of such a run.
 * @throws SafetensorsError when a file is damaged.
 */
export function decodeState(
  files: ReadonlyMap<string, Uint8Array>,
  clients: number,
  open: (client: number, round: number) => KeptMemory,
): FederationState {
  const { moments, merged, ...facts } = readFacts(required(files, "state.json"), clients);
  const [bank, best] = ["bank", "best"].map((name, at) => readBank(files, name, merged[at]));
  const memories = (rounds: readonly number[]) =>
    rounds.map((round, client) => round === 0 ? undefined : open(client, round));
  return {
    ...facts,
    bank: moments ? { ...bank, moments: decodeMoments(required(files, momentsFile), bank) } : bank,
    best: {
      ...facts.best,
      bank: best,
      clients: facts.best.clients && memories(facts.best.clients),
    },
    clients: memories(facts.clients),
    late: facts.late.map(({ sizes, ...sent }) => ({
      ...sent,
      message: { bytes: required(files, lateFile(sent.client)), sizes },
    })),
  };
}

const momentsFile = "moments.safetensors";

/** What state.json holds: all but tensors. Of memories it has the rounds after which they were kept; 0 where there is none. */
interface StateFacts extends Omit<FederationState, "bank" | "best" | "clients" | "late"> {
  readonly best: Omit<BestRound, "bank" | "clients"> & {
    readonly clients?: readonly number[] | undefined;
  };
  readonly clients: readonly number[];
  readonly late: readonly (Omit<SentUpdate, "message"> & { readonly sizes: MessageSizes })[];
  /** Whether the bank has moments of the server's optimizer. */
  readonly moments: boolean;
  /** Whether the bank, and that of the best round, have something merged into the base. */
  readonly merged: readonly boolean[];
}

/** The numbers of a state, checked: a checkpoint may have been edited or cut. */
function readFacts(bytes: Uint8Array, clients: number): StateFacts {
  let facts;
  try {
    facts = JSON.parse(new TextDecoder().decode(bytes));
    // So checkpoints had it before there were language models.
    if (facts?.best) facts.best.merit ??= facts.best.correct;
  } catch {
    facts = undefined;
  }
  const perClient = [facts?.clients, ...given(facts?.own), ...given(facts?.best?.clients)];
  const lists = [...perClient, facts?.late, facts?.merged];
  if (
    lists.every(Array.isArray) && perClient.every(({ length }) => length === clients) &&
    [facts.moments, ...facts.merged].every((flag) => typeof flag === "boolean") &&
    [facts.evaluation, ...facts.own ?? []].every(isEvaluation)
  ) {
    const whole = [
      facts.rounds,
      facts.best?.round,
      facts.cumulativeUp,
      facts.cumulativeDown,
      ...facts.clients,
      ...facts.best?.clients ?? [],
      ...facts.late.flatMap((sent: { sizes?: unknown } | null) => [
        ...countsOf(sent, "client", "steps"),
        ...countsOf(sent?.sizes, "lora", "head", "overhead", "total"),
      ]),
    ];
    const lossSums = facts.late.map((sent: { lossSum?: unknown } | null) => sent?.lossSum);
    const real = [facts.best?.merit, ...lossSums];
    if (whole.every(isCount) && real.every(Number.isFinite)) return facts;
  }
  throw new UserError('Cannot resume: "state.json" of the checkpoint is damaged');
}

/** A list of what there is. */
function given(value: unknown): unknown[] {
  return value === undefined ? [] : [value];
}

function isEvaluation(value: Readonly<Record<string, unknown>> | null | undefined): boolean {
  if (!Number.isFinite(value?.loss)) return false;
  if (value?.perLabel === undefined) return isCount(value?.tokens);
  if (!Array.isArray(value.perLabel)) return false;
  return [value, ...value.perLabel]
    .flatMap((counts: unknown) => countsOf(counts, "rows", "correct"))
    .every(isCount);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function countsOf(value: unknown, ...keys: readonly string[]): unknown[] {
  return keys.map((key) => (value as Readonly<Record<string, unknown>> | null | undefined)?.[key]);
}

/** A bank as files: itself, and what was merged into the base under it. */
function bankFiles(name: string, bank: AdapterBank): [string, Uint8Array][] {
  const { merged } = bank;
  return [
    [bankFile(name), encodeBank(bank)],
    ...(merged ? [[mergedFile(name), encodeMerged(merged, bank)] as [string, Uint8Array]] : []),
  ];
}

function readBank(
  files: ReadonlyMap<string, Uint8Array>,
  name: string,
  merged: boolean,
): AdapterBank {
  const bank = decodeBank(required(files, bankFile(name)));
  return merged ? { ...bank, merged: decodeMerged(required(files, mergedFile(name)), bank) } : bank;
}

function roundsOf(memories: readonly (KeptMemory | undefined)[]): number[] {
  return memories.map((memory) => memory?.round ?? 0);
}

function bankFile(name: string): string {
  return `${name}.safetensors`;
}

function mergedFile(name: string): string {
  return `${name}-merged.safetensors`;
}

function lateFile(client: number): string {
  return `late-${client}.safetensors`;
}

function required(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new UserError(`Cannot resume: the checkpoint lacks "${name}"`);
  return bytes;
}
