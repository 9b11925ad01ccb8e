/** What a simulated run carries from round to round, and how it is saved. @module */

import type { Evaluation } from "../lora/session.ts";
import type { AdapterBank } from "../protocol/bank.ts";
import { decodeBank, encodeBank } from "../protocol/bank_codec.ts";
import { UserError } from "../protocol/errors.ts";
import { type ClientMemory, decodeMemory, encodeMemory } from "./client_memory.ts";

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
  /** What each client remembers, in order of their indices. */
  readonly clients: readonly ClientMemory[];
  /** Bytes of all messages to the server so far. */
  readonly cumulativeUp: number;
  /** Bytes of all messages to the clients so far. */
  readonly cumulativeDown: number;
}

/** The state as files of a checkpoint, bytes by file name; {@linkcode decodeState} gives it back exactly. */
export function encodeState(state: FederationState): Map<string, Uint8Array> {
  const { bank, best, clients, ...numbers } = state;
  const facts = { ...numbers, best: { round: best.round, correct: best.correct } };
  const files = new Map([
    ["state.json", new TextEncoder().encode(JSON.stringify(facts))],
    ["bank.safetensors", encodeBank(bank)],
    ["best.safetensors", encodeBank(best.bank)],
  ]);
  clients.forEach((memory, client) => {
    if (memory.scores || memory.optimizer) files.set(memoryFile(client), encodeMemory(memory));
  });
  return files;
}

/**
 * Reads what {@linkcode encodeState} wrote, for a run of this many clients.
 *
 * @throws UserError when a file, or a part of a client's optimizer, is missing.
 * @throws SafetensorsError when a file is damaged.
 */
export function decodeState(
  files: ReadonlyMap<string, Uint8Array>,
  clients: number,
): FederationState {
  const facts = readFacts(required(files, "state.json"));
  return {
    ...facts,
    bank: decodeBank(required(files, "bank.safetensors")),
    best: { ...facts.best, bank: decodeBank(required(files, "best.safetensors")) },
    clients: Array.from({ length: clients }, (_, client) => {
      const bytes = files.get(memoryFile(client));
      return bytes ? decodeMemory(bytes) : {};
    }),
  };
}

/** The numbers of a state, checked: a checkpoint may have been edited or cut. */
function readFacts(
  bytes: Uint8Array,
): Omit<FederationState, "bank" | "clients" | "best"> & { best: Omit<BestRound, "bank"> } {
  let facts;
  try {
    facts = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    facts = undefined;
  }
  const numbers = [
    facts?.rounds,
    facts?.best?.round,
    facts?.best?.correct,
    facts?.evaluation?.rows,
    facts?.evaluation?.correct,
    facts?.cumulativeUp,
    facts?.cumulativeDown,
  ];
  const whole = numbers.every((value) => Number.isSafeInteger(value) && value >= 0);
  if (whole && Number.isFinite(facts.evaluation.loss)) return facts;
  throw new UserError('Cannot resume: "state.json" of the checkpoint is damaged');
}

function memoryFile(client: number): string {
  return `client-${client}.safetensors`;
}

function required(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw new UserError(`Cannot resume: the checkpoint lacks "${name}"`);
  return bytes;
}
