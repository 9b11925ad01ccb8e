import {
  decodeMemory,
  encodeMemory,
  type KeepMemory,
  type KeptMemory,
} from "../../src/federated/client_memory.ts";

/** Memories as files hold them: bytes alone, by client and round. */
export interface ByteMemories {
  /** The bytes; a test may take some away. */
  readonly bytes: Map<string, Uint8Array>;
  readonly keep: KeepMemory;
  open(client: number, round: number): KeptMemory;
}

/** A store without memories. */
export function byteMemories(): ByteMemories {
  const bytes = new Map<string, Uint8Array>();
  const open = (client: number, round: number): KeptMemory => ({
    round,
    read: () => Promise.resolve(decodeMemory(bytes.get(`${client} ${round}`)!)),
  });
  return {
    bytes,
    open,
    keep(client, round, memory) {
      bytes.set(`${client} ${round}`, encodeMemory(memory).slice());
      return Promise.resolve(open(client, round));
    },
  };
}
