/** An update between its training and the server's word that it has it. @module */

import { decodeSafetensors, encodeSafetensors } from "../../protocol/safetensors.ts";
import { type ClientMemory, decodeMemory, encodeMemory } from "../client_memory.ts";
import { type ClientStore, damaged } from "./client_store.ts";

/** A trained update. It is sent under one id until it is accepted or refused, so that the server counts it once. */
export interface PendingUpdate {
  /** 16 to 64 letters, digits, "-" and "_". */
  readonly id: string;
  /** The round, counted from 0. */
  readonly round: number;
  /** The attempt, counted from 0. */
  readonly attempt: number;
  /** The encoded update. */
  readonly update: Uint8Array<ArrayBuffer>;
  /** What the client will remember of the round once the update is accepted. */
  readonly memory: ClientMemory;
}

/** Keeps an update; it is safe when this resolves. */
export async function keepPending(store: ClientStore, pending: PendingUpdate): Promise<void> {
  const { id, round, attempt, update } = pending;
  const memory = encodeMemory(pending.memory);
  const file = encodeSafetensors([
    { name: "update", shape: [update.length], data: update },
    { name: "memory", shape: [memory.length], data: memory },
  ], { id, round: String(round), attempt: String(attempt) });
  await store.write("pending.safetensors", file);
}

/** The update that is kept, if one is. */
export async function readPending(store: ClientStore): Promise<PendingUpdate | undefined> {
  const file = await store.read("pending.safetensors");
  if (file === undefined) return undefined;
  try {
    const { tensors, metadata } = decodeSafetensors(file);
    return {
      id: metadata.id,
      round: Number(metadata.round),
      attempt: Number(metadata.attempt),
      update: new Uint8Array(tensors.get("update")!.bytes),
      memory: decodeMemory(tensors.get("memory")!.bytes),
    };
  } catch (error) {
    throw damaged("pending.safetensors", error);
  }
}
