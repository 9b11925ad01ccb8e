/** A client's store in memory. */

import type { ClientStore } from "../../../src/federated/remote/client_store.ts";

/** A store over a map, for a look inside. */
export function memoryStore(files: Map<string, Uint8Array> = new Map()): ClientStore {
  return {
    read: (name) => Promise.resolve(files.get(name)),
    write: (name, bytes) => Promise.resolve(void files.set(name, bytes.slice())),
    remove: (name) => Promise.resolve(void files.delete(name)),
  };
}
