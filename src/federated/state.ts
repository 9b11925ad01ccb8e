/** What a simulated run carries from round to round, and how it is saved. @module */

import type { Evaluation } from "../lora/session.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import { decodeBank, encodeBank } from "../protocol/bank_codec.ts";
import { decodeMoments, encodeMoments } from "../protocol/moments_codec.ts";
import { UserError } from "../protocol/errors.ts";
import type { MessageSizes } from "../protocol/messages/mod.ts";
import type { KeptMemory } from "./client_memory.ts";
import type { SentUpdate } from "./collect_updates.ts";

/** The round whose aggregated model did best in validation. */
export interface BestRound {
  /** The round, 1 for the first; 0 is the untrained bank, before any round has ended. */
  readonly round: number;
  /** Validation rows predicted right. */
  readonly correct: number;
  /** The server's adapter after that round. */
  readonly bank: AdapterBank;
}

/** The state between two rounds. */
export interface FederationState {
  /** Rounds done. */
  readonly rounds: number;
  /** The server's adapter after them. */
  readonly bank: AdapterBank;
  /** The bank on the validation rows. */
  readonly evaluation: Evaluation;
  /** The bank that got most validation rows right, the first of several. */
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

/**
 * The state as files of a checkpoint, bytes by file name; {@linkcode decodeState} gives it back exactly. Of what clients remember it holds only the
 * rounds: the memories lie where they were kept.
 */
export function encodeState(state: FederationState): Map<string, Uint8Array> {
  const { bank, best, clients, late, ...numbers } = state;
  const facts: StateFacts = {
    ...numbers,
    best: { round: best.round, correct: best.correct },
    clients: clients.map((memory) => memory?.round ?? 0),
    late: late.map(({ message, ...sent }) => ({ ...sent, sizes: message.sizes })),
    moments: bank.moments !== undefined,
  };
  return new Map([
    ["state.json", new TextEncoder().encode(JSON.stringify(facts))],
    ["bank.safetensors", encodeBank(bank)],
    ["best.safetensors", encodeBank(best.bank)],
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
  const { moments, ...facts } = readFacts(required(files, "state.json"), clients);
  const bank = decodeBank(required(files, "bank.safetensors"));
  return {
    ...facts,
    bank: moments ? { ...bank, moments: decodeMoments(required(files, momentsFile), bank) } : bank,
    best: { ...facts.best, bank: decodeBank(required(files, "best.safetensors")) },
    clients: facts.clients.map((round, client) => round === 0 ? undefined : open(client, round)),
    late: facts.late.map(({ sizes, ...sent }) => ({
      ...sent,
      message: { bytes: required(files, lateFile(sent.client)), sizes },
    })),
  };
}

const momentsFile = "moments.safetensors";

/** What state.json holds: all but tensors. */
interface StateFacts extends Omit<FederationState, "bank" | "best" | "clients" | "late"> {
  readonly best: Omit<BestRound, "bank">;
  /** The round after which each client's memory was kept; 0 where there is none. */
  readonly clients: readonly number[];
  readonly late: readonly (Omit<SentUpdate, "message"> & { readonly sizes: MessageSizes })[];
  /** Whether the bank has moments of the server's optimizer. */
  readonly moments: boolean;
}

/** The numbers of a state, checked: a checkpoint may have been edited or cut. */
function readFacts(bytes: Uint8Array, clients: number): StateFacts {
  let facts;
  try {
    facts = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    facts = undefined;
  }
  const lists = [facts?.clients, facts?.late, facts?.evaluation?.perLabel];
  if (
    lists.every(Array.isArray) && facts.clients.length === clients &&
    typeof facts.moments === "boolean"
  ) {
    const whole = [
      facts.rounds,
      facts.best?.round,
      facts.best?.correct,
      facts.evaluation.rows,
      facts.evaluation.correct,
      ...facts.evaluation.perLabel.flatMap((label: unknown) => countsOf(label, "rows", "correct")),
      facts.cumulativeUp,
      facts.cumulativeDown,
      ...facts.clients,
      ...facts.late.flatMap((sent: { sizes?: unknown } | null) => [
        ...countsOf(sent, "client", "steps"),
        ...countsOf(sent?.sizes, "lora", "head", "overhead", "total"),
      ]),
    ];
    const real = [
      facts.evaluation.loss,
      ...facts.late.map((sent: { lossSum?: unknown } | null) => sent?.lossSum),
    ];
    const good = whole.every((value) => Number.isSafeInteger(value) && value >= 0) &&
      real.every(Number.isFinite);
    if (good) return facts;
  }
  throw new UserError('Cannot resume: "state.json" of the checkpoint is damaged');
}

function countsOf(value: unknown, ...keys: readonly string[]): unknown[] {
  return keys.map((key) => (value as Readonly<Record<string, unknown>> | null | undefined)?.[key]);
}

function lateFile(client: number): string {
  return `late-${client}.safetensors`;
}

function required(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new UserError(`Cannot resume: the checkpoint lacks "${name}"`);
  return bytes;
}
