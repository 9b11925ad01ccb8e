/** Unlabelled texts from files, one after the other: a file may be larger than memory. @module */

import { UserError } from "../../protocol/errors.ts";

/**
 * The texts of a `.jsonl` file (field `column` of each line) or of a `.txt` file (parted by blank lines), either with `.gz`.
 *
 * @throws UserError when the file cannot be read, has another ending, is no UTF-8, or a line has no such text.
 */
export async function* readTexts(path: string, column: string): AsyncGenerator<string> {
  const format = path.toLowerCase().replace(/\.gz$/, "");
  if (!format.endsWith(".jsonl") && !format.endsWith(".txt")) {
    throw new UserError(
      `Cannot read corpus "${path}": expected a file named .jsonl, .jsonl.gz, .txt or .txt.gz`,
    );
  }
  const lines = readLines(path);
  yield* format.endsWith(".txt") ? paragraphs(lines) : fields(path, column, lines);
}

async function* readLines(path: string): AsyncGenerator<string> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    throw new UserError(`Cannot read corpus "${path}": ${(error as Error).message}`);
  }
  const bytes: ReadableStream<Uint8Array<ArrayBuffer>> = path.toLowerCase().endsWith(".gz")
    ? file.readable.pipeThrough(new DecompressionStream("gzip"))
    : file.readable;
  let rest = "";
  let number = 0;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk?: Uint8Array<ArrayBuffer>): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch {
      throw new UserError(
        `Cannot read corpus "${path}": expected UTF-8 text, got other bytes after line ${number}`,
      );
    }
  };
  try {
    for await (const chunk of bytes) {
      const lines = (rest + decode(chunk)).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        number++;
        yield line;
      }
    }
  } catch (error) {
    if (error instanceof UserError || !(error instanceof TypeError)) throw error;
    throw new UserError(`Cannot unpack corpus "${path}": expected a complete gzip file`);
  }
  rest += decode();
  if (rest !== "") yield rest;
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

async function* paragraphs(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let text = "";
  for await (const line of lines) {
    if (line.trim() !== "") text += line + "\n";
    else if (text !== "") {
      yield text;
      text = "";
    }
  }
  if (text !== "") yield text;
}
