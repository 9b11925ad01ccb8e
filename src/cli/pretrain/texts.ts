/** Unlabelled texts from files, one after the other: a file may be larger than memory. @module */

import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { UserError } from "../../protocol/errors.ts";

/**
 * The format of a corpus file, by its name.
 *
 * @throws UserError when it has another ending.
 */
export function formatOf(path: string): "jsonl" | "txt" {
  const name = path.toLowerCase().replace(/\.gz$/, "");
  if (name.endsWith(".jsonl")) return "jsonl";
  if (name.endsWith(".txt")) return "txt";
  throw new UserError(
    `Cannot read corpus "${path}": expected a file named .jsonl, .jsonl.gz, .txt or .txt.gz`,
  );
}

/**
 * The texts of a `.jsonl` file (field `column` of each line) or of a `.txt` file (parted by blank lines), either with `.gz`.
 *
 * @param onBytes told of every piece of the file that is read.
 * @throws UserError when the file cannot be read, has another ending, is no UTF-8, or a line has no such text.
 */
export async function* readTexts(
  path: string,
  column: string,
  onBytes: (count: number) => void = () => {},
): AsyncGenerator<string> {
  const format = formatOf(path);
  const lines = readLines(path, onBytes);
  yield* format === "txt" ? paragraphs(path, lines) : fields(path, column, lines);
}

async function* readLines(
  path: string,
  onBytes: (count: number) => void,
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = 0;
  const decode = (chunk?: Uint8Array): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch {
      throw new UserError(
        `Cannot read corpus "${path}": expected UTF-8 text, got other bytes after line ${number}`,
      );
    }
  };
  let line = "";
  for await (const piece of readPieces(path, onBytes)) {
    const [end, ...others] = decode(piece).split("\n");
    line += end;
    for (const other of others) {
      number++;
      yield line;
      line = other;
    }
    refuseLong(path, line);
  }
  line += decode();
  if (line !== "") yield line;
}

/** Characters of a document at most: it is tokenized as one piece. */
const LONGEST = 1 << 26;

function refuseLong(path: string, text: string): void {
  if (text.length <= LONGEST) return;
  throw new UserError(
    `Cannot read corpus "${path}": expected documents of at most 64 million characters, parted by ${
      formatOf(path) === "txt" ? "blank lines" : "the ends of lines"
    }`,
  );
}

/** The file's bytes, unpacked where it is packed. */
async function* readPieces(
  path: string,
  onBytes: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  const refuse = (error: unknown): never => {
    throw new UserError(`Cannot read corpus "${path}": ${(error as Error).message}`);
  };
  const file = await Deno.open(path).catch(refuse);
  const counted = file.readable.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(piece, controller) {
        onBytes(piece.length);
        controller.enqueue(piece);
      },
    }),
  );
  const pieces = Readable.fromWeb(counted);
  const packed = path.toLowerCase().endsWith(".gz");
  // Unlike DecompressionStream, it goes on to the next of several members, as `cat a.gz b.gz` makes them.
  const unpacked = packed ? pipeline(pieces, createGunzip(), () => {}) : pieces;
  try {
    yield* unpacked as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (!String((error as { code?: unknown }).code).startsWith("Z_")) refuse(error);
    throw new UserError(`Cannot unpack corpus "${path}": expected a complete gzip file`);
  }
}

async function* fields(
  path: string,
  column: string,
  lines: AsyncIterable<string>,
): AsyncGenerator<string> {
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    const text = field(line, column);
    if (text === undefined) {
      throw new UserError(
        `Cannot read line ${number} of corpus "${path}": expected a JSON object with a text "${column}"`,
      );
    }
    yield text;
  }
}

function field(line: string, column: string): string | undefined {
  try {
    const value = JSON.parse(line)?.[column];
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

async function* paragraphs(path: string, lines: AsyncIterable<string>): AsyncGenerator<string> {
  let text = "";
  for await (const line of lines) {
    if (line.trim() !== "") {
      text += line + "\n";
      refuseLong(path, text);
    } else if (text !== "") {
      yield text;
      text = "";
    }
  }
  if (text !== "") yield text;
}
