import type { ByteFile } from "./source.ts";

/**
 * Reads a whole file.
 *
 * @param file the file
 * @returns its bytes
 */
export async function readAll(file: ByteFile): Promise<Uint8Array> {
  return await file.read(0, await file.size());
}
