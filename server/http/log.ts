/** How much a line matters. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** Writes one line: what happened, and the facts by name. Never a token, a signature or a body. */
export type Log = (
  level: LogLevel,
  event: string,
  facts: Readonly<Record<string, unknown>>,
) => void;
