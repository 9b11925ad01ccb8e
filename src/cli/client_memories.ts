/**
 * What the clients of a simulated run remember, as files in the run's folder: those of one client are in memory at a time, and a checkpoint need not
 * write what did not change.
 *
 * @module
 */
import {
  decodeMemory,
  encodeMemory,
  type KeepMemory,
  type KeptMemory,
} from "../federated/client_memory.ts";
import { UserError } from "../protocol/errors.ts";
import { namesIn } from "./working_folder.ts";
import { writeFlushed } from "./write_atomically.ts";

/** Memories in a folder, one file for each client and round. */
export interface ClientMemories {
  /** Writes one. */
  readonly keep: KeepMemory;
  /** One that was kept, by client and round. It is looked for when it is read. */
  open(client: number, round: number): KeptMemory;
  /** Removes all but those in these lists, each by client: those of rounds that a checkpoint has left behind, and of a round that never ended. */
  removeOthers(kept: readonly (readonly (KeptMemory | undefined)[])[]): Promise<void>;
}

/**
 * Memories in a folder, which is made when the first one is kept.
 *
 * @example
 * ```ts
 * import { clientMemories } from "./client_memories.ts";
 * const memories = clientMemories(`${await Deno.makeTempDir()}/clients`);
 * await memories.keep(0, 1, { scores: [Float64Array.of(0.5)] });
 * const { scores } = await memories.open(0, 1).read();
 * if (scores?.[0][0] !== 0.5) throw new Error("unreachable");
 * ```
 */
export function clientMemories(folder: string): ClientMemories {
  const open = (client: number, round: number): KeptMemory => ({
    round,
    read: async () => decodeMemory(await readMemory(folder, client, round)),
  });
  return {
    open,
    async keep(client, round, memory) {
      await Deno.mkdir(folder, { recursive: true });
      // Nothing refers to it before the round's checkpoint does, so that a file cut short is never read.
      await writeFlushed(pathOf(folder, client, round), encodeMemory(memory));
      return open(client, round);
    },
    async removeOthers(kept) {
      const names = new Set(
        kept.flatMap((memories) =>
          memories.flatMap((memory, client) => memory ? [fileName(client, memory.round)] : [])
        ),
      );
      for (const name of await memoryFiles(folder)) {
        if (!names.has(name)) await Deno.remove(`${folder}/${name}`);
      }
    },
  };
}

/** With a slash, which every platform takes: other projects import this module, so it does without node:path. */
function pathOf(folder: string, client: number, round: number): string {
  return `${folder}/${fileName(client, round)}`;
}

/** Clients count from 1, as in a run's records. */
function fileName(client: number, round: number): string {
  return `client-${padded(client + 1)}-round-${padded(round)}.safetensors`;
}

function padded(count: number): string {
  return String(count).padStart(6, "0");
}

async function memoryFiles(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => /^client-\d+-round-\d+\./.test(name));
}

async function readMemory(folder: string, client: number, round: number): Promise<Uint8Array> {
  const path = pathOf(folder, client, round);
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(
      `Cannot go on with client ${client + 1}: what it kept of round ${round} is gone ("${path}")`,
    );
  }
}
