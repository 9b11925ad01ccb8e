/**
 * What a client keeps from round to round: its scores where it ranks for itself, its optimizer where it does not start anew.
 *
 * That of the round before is kept too: an attempt that misses its quorum is repeated, and starts from the same memory as at first.
 *
 * @module
 */

import { decodeSafetensors, encodeSafetensors } from "../../protocol/safetensors.ts";
import { type ClientMemory, decodeMemory, encodeMemory } from "../client_memory.ts";
import { type ClientStore, damaged, type StoredName } from "./client_store.ts";

interface Kept {
  readonly round: number;
  readonly bytes: Uint8Array;
}

/** What the client knew when it came to a round: nothing in its first. */
export async function recallBefore(store: ClientStore, round: number): Promise<ClientMemory> {
  for (const name of ["memory.safetensors", "memory-before.safetensors"] as const) {
    const kept = await readKept(store, name);
    if (kept && kept.round < round) return decodeMemory(kept.bytes);
  }
  return {};
}

/** Keeps what a client knows after a round; the same again changes nothing. */
export async function remember(
  store: ClientStore,
  round: number,
  memory: ClientMemory,
): Promise<void> {
  if (!memory.scores && !memory.optimizer) return;
  const last = await readKept(store, "memory.safetensors");
  if (last && last.round < round) {
    await store.write("memory-before.safetensors", encodeKept(last));
  }
  await store.write("memory.safetensors", encodeKept({ round, bytes: encodeMemory(memory) }));
}

async function readKept(store: ClientStore, name: StoredName): Promise<Kept | undefined> {
  const file = await store.read(name);
  if (file === undefined) return undefined;
  try {
    const { metadata, tensors } = decodeSafetensors(file);
    return { round: Number(metadata.round), bytes: tensors.get("memory")!.bytes };
  } catch (error) {
    throw damaged(name, error);
  }
}

function encodeKept({ round, bytes }: Kept): Uint8Array {
  const tensor = { name: "memory", shape: [bytes.length], data: bytes };
  return encodeSafetensors([tensor], { round: String(round) });
}
