/** The corpus: which files it is, and a pass over its documents. @module */

import { UserError } from "../../protocol/errors.ts";
import type { ReadingProgress } from "./progress.ts";
import { formatOf, readTexts } from "./texts.ts";

/** Where texts come from. */
export interface Corpus {
  readonly files: readonly string[];
  /** Field of a .jsonl line that holds the text. */
  readonly column: string;
  /** Sum of the files' sizes. */
  readonly bytes: number;
}

/** Who looks on while the corpus is read, and may stop it. */
export interface Watch {
  onProgress(progress: ReadingProgress): void;
  readonly signal: AbortSignal;
}

/**
 * Finds the files of a corpus without reading them.
 *
 * @throws UserError when one is missing, empty, no file, named twice, or has an ending that is not read.
 */
export async function findCorpus(files: readonly string[], column: string): Promise<Corpus> {
  let bytes = 0;
  const found = new Set<string>();
  for (const path of files) {
    formatOf(path);
    bytes += await fileSize(path);
    const real = await Deno.realPath(path);
    // Its held-out documents would be among those to train on.
    if (found.has(real)) throw new UserError(`Cannot read corpus "${path}" twice`);
    found.add(real);
  }
  return { files, column, bytes };
}

async function fileSize(path: string): Promise<number> {
  const refuse = (reason: string) => new UserError(`Cannot read corpus "${path}": ${reason}`);
  const info = await Deno.stat(path).catch((error) => {
    throw refuse(error instanceof Deno.errors.NotFound ? "no such file" : error.message);
  });
  if (info.isDirectory) throw refuse("expected a file, got a folder");
  if (!info.isFile) throw refuse("expected a file, which can be read more than once");
  if (info.size === 0) throw refuse("expected text, got an empty file");
  return info.size;
}

/**
 * All documents of a corpus, in order.
 *
 * @param label what the pass is for, for whoever watches.
 * @throws UserError as `readTexts` does, and the signal's reason once it is aborted.
 */
export async function* documents(
  { files, column, bytes: totalBytes }: Corpus,
  label: string,
  { onProgress, signal }: Watch,
): AsyncGenerator<string> {
  let bytes = 0;
  let read = 0;
  for (const path of files) {
    const texts = readTexts(path, column, (count) => bytes += count);
    for await (const text of texts) {
      signal.throwIfAborted();
      onProgress({ label, documents: read++, bytes, totalBytes });
      yield text;
    }
  }
}
