import { configure, getJsonLinesFormatter, getLogger, type LogRecord } from "@logtape/logtape";
import type { Log } from "../http/log.ts";

/** Writes the log to stderr, a line of JSON each. */
export async function jsonLog(): Promise<Log> {
  const format = getJsonLinesFormatter({ properties: "flatten" });
  await configure({
    sinks: { stderr: (record: LogRecord) => console.error(format(record).trimEnd()) },
    loggers: [
      { category: "hafl", lowestLevel: "info", sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
  const logger = getLogger("hafl");
  return (level, event, facts) => {
    logger[level === "warning" ? "warn" : level](event, { ...facts });
  };
}
