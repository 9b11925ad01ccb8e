/** Reads the body of an answer that has a greatest length. @module */

/** A body went on after it should have ended. */
export class BodyLengthError extends Error {
  /** The class's name, for logs. */
  override name = "BodyLengthError";
  /** `most` is the bytes it may have. */
  constructor(readonly most: number) {
    super(`expected at most ${most} bytes, got more`);
  }
}

/**
 * Reads a body to its end.
 *
 * @param most bytes that it may have, however it was compressed on its way
 * @param onChunk told whenever bytes have come
 *
 * @throws {BodyLengthError} as soon as there are more; the rest is not read.
 */
export async function readBody(
  { body }: Response,
  most: number,
  onChunk: () => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    onChunk();
    length += chunk.length;
    if (length > most) throw new BodyLengthError(most);
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
