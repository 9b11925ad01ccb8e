/** A model folder held in memory, which remembers what was read. */
import type { ByteFile, CheckpointFiles, ModelFiles } from "../../src/weights/mod.ts";

export interface MemoryFiles extends ModelFiles {
  /** Every read: path, offset, length. */
  readonly reads: { path: string; offset: number; length: number }[];
}

export function memoryFiles(contents: Record<string, Uint8Array | string>): MemoryFiles {
  const reads: MemoryFiles["reads"] = [];
  return {
    label: "tiny",
    reads,
    open: (path) => {
      const content = contents[path];
      if (content === undefined) return Promise.resolve(undefined);
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      return Promise.resolve(memoryFile(path, bytes, (offset, length) => {
        reads.push({ path, offset, length });
      }));
    },
  };
}

export function memoryFile(
  name: string,
  bytes: Uint8Array,
  onRead: (offset: number, length: number) => void = () => {},
): ByteFile {
  return {
    name,
    size: () => Promise.resolve(bytes.length),
    read: (offset, length) => {
      onRead(offset, length);
      if (offset + length > bytes.length) throw new Error(`read past the end of ${name}`);
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}

/** The contents of files to be written, each read to its end. */
export async function readContents(files: CheckpointFiles): Promise<Record<string, Uint8Array>> {
  const contents: Record<string, Uint8Array> = {};
  for (const [path, content] of Object.entries(files)) {
    const pieces = typeof content === "string"
      ? [new TextEncoder().encode(content)]
      : await Array.fromAsync(content);
    contents[path] = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
  }
  return contents;
}
