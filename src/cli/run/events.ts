/** Server-sent events (HTML standard, section 9.2), of which a stream of status documents uses a part: event names and data. @module */

/** One event. */
export interface ServerEvent {
  /** "message" where the server names none. */
  readonly event: string;
  /** Its data lines. */
  readonly data: string;
}

/**
 * Reads a stream of events to its end. One that the stream breaks off is dropped, as the standard has it.
 *
 * @param onChunk told whenever bytes have come, comments that keep the connection open included.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onChunk: () => void = () => {},
): AsyncGenerator<ServerEvent> {
  let event = "";
  let data: string[] = [];
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    onChunk();
    const text = decoder.decode(chunk, { stream: true });
    // A carriage return at the end may be half a line break.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { event: event || "message", data: data.join("\n") };
        event = "";
        data = [];
        continue;
      }
      const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
      if (field === "event") event = value ?? "";
      if (field === "data") data.push(value ?? "");
    }
  }
}
