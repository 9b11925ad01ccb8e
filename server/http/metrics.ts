/**
 * What Prometheus is told. The registry is the server's own, without the default metrics, which ask for more permissions than a server has.
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { RejectReason } from "../../src/protocol/http/documents.ts";

/** Counts what happens. */
export interface Metrics {
  /** A request that was answered. @param method one of few. @param route its template, such as `/v1/runs/:run`. */
  countRequest(method: string, route: string, status: number, seconds: number): void;
  /** Bytes of bodies, from (`up`) and to (`down`) clients. */
  countBytes(direction: "up" | "down", bytes: number): void;
  /** An update that was accepted; a retry is none. */
  countUpdate(): void;
  /** A message that was refused. */
  countReject(reason: RejectReason): void;
  /** An event of the run service, by name. */
  countEvent(event: string): void;
  /** All of it, in Prometheus' text format, with its media type. */
  read(): Promise<{ readonly type: string; readonly text: string }>;
}

/** What is measured when it is asked for. */
export interface Gauges {
  /** Long polls and live pages that wait. */
  readonly waiting: () => number;
  /** Resident memory in bytes. */
  readonly memory: () => number;
}

/** Events of the run service that have a counter of their own. */
const eventCounters: Readonly<Record<string, { readonly name: string; readonly help: string }>> = {
  "round-published": { name: "hafl_rounds_published_total", help: "Rounds published" },
  "round-missed": { name: "hafl_rounds_missed_total", help: "Attempts that missed their quorum" },
};

/** Makes metrics that are all zero. */
export function createMetrics({ waiting, memory }: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "hafl_http_requests_total",
    help: "Requests answered",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "hafl_http_request_seconds",
    help: "Time from a request's headers to the answer's; long polls wait in it",
    labelNames: ["method", "route"],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  const bytes = new Counter({
    name: "hafl_body_bytes_total",
    help: "Bytes of uploaded and downloaded bodies, JSON left out",
    labelNames: ["direction"],
    registers,
  });
  const updates = new Counter({
    name: "hafl_updates_accepted_total",
    help: "Updates accepted",
    registers,
  });
  const rejects = new Counter({
    name: "hafl_rejects_total",
    help: "Messages refused, by reason",
    labelNames: ["reason"],
    registers,
  });
  const events = Object.fromEntries(
    Object.entries(eventCounters).map((
      [event, { name, help }],
    ) => [event, new Counter({ name, help, registers })]),
  );
  new Gauge({
    name: "hafl_waiting",
    help: "Long polls and live pages that wait",
    registers,
    collect() {
      this.set(waiting());
    },
  });
  new Gauge({
    name: "hafl_resident_memory_bytes",
    help: "Resident memory",
    registers,
    collect() {
      this.set(memory());
    },
  });
  return {
    countRequest(method, route, status, elapsed) {
      requests.inc({ method, route, status: String(status) });
      seconds.observe({ method, route }, elapsed);
    },
    countBytes: (direction, count) => bytes.inc({ direction }, count),
    countUpdate: () => updates.inc(),
    countReject: (reason) => rejects.inc({ reason }),
    countEvent: (event) => events[event]?.inc(),
    read: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}
