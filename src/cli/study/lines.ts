/** Lines of a stream, without their ends. @module */

/** The lines of a stream of bytes, each as soon as it is whole; a last one without an end is left out, for it may be half a line. */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Pieces of a long line are joined once: it comes in many.
  let pieces: string[] = [];
  for await (const chunk of stream) {
    const [first, ...rest] = decoder.decode(chunk, { stream: true }).split("\n");
    pieces.push(first);
    for (const next of rest) {
      yield pieces.join("");
      pieces = [next];
    }
  }
}
