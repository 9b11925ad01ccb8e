/**
 * One run under load: a fresh server, many clients that train nothing, all of them in every round.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RunStatus } from "../../src/protocol/http/documents.ts";
import { joinRun, type MadeUpClient, runMadeUpClient } from "../../tests/server/made_up_client.ts";
import { adminRequest, createTinyRun, tinyManifest } from "../../tests/server/tiny_run.ts";
import { createRequestTimes, quantile } from "./request_times.ts";
import { startServer } from "./server_process.ts";

/** What a run is made of. */
export interface LoadSettings {
  readonly clients: number;
  readonly rounds: number;
  /** Clients that join at a time. */
  readonly joining: number;
}

/** What was measured; times in milliseconds, memory in bytes. */
export interface LoadResult {
  readonly clients: number;
  readonly rounds: number;
  /** Counted by the clients. */
  readonly accepted: number;
  /** Of them, those that the server had already. */
  readonly repeated: number;
  /** Counted in the records of the published rounds. */
  readonly aggregated: number;
  readonly refused: number;
  /** From the first client's joining to the last one's end. */
  readonly seconds: number;
  /** Of them, until everyone had a seat. */
  readonly joinSeconds: number;
  readonly serverCpuSeconds: number;
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** All but uploads and long polls. */
  readonly p50: number;
  readonly p99: number;
  readonly uploadP50: number;
  readonly uploadP99: number;
  readonly memoryAtStart: number;
  readonly memoryAtEnd: number;
  readonly memoryPeak: number;
}

/** Runs it and measures. */
export async function loadRun({ clients, rounds, joining }: LoadSettings): Promise<LoadResult> {
  await using process = await startServer();
  const { times, statuses, fetch: measured } = createRequestTimes();
  const access = { ...process, fetch };
  const memoryAtStart = (await process.memory()).now;
  const cpuAtStart = await process.cpuSeconds();
  const manifest = tinyManifest({ seats: clients, rounds });
  const { run, invitations } = await createTinyRun(access, manifest);

  const start = performance.now();
  const waiting = [...invitations];
  const members: MadeUpClient[] = [];
  await Promise.all(Array.from({ length: joining }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const servers = [process.server];
      members.push(await joinRun({ ...next, servers, fetch: measured, run, manifest }));
    }
  }));
  const joined = performance.now();
  const ends = await Promise.all(members.map((member) => runMadeUpClient(member)));
  const ended = performance.now();

  const status: RunStatus = await (await adminRequest(access, `/v1/runs/${run}`)).json();
  const { now: memoryAtEnd, peak: memoryPeak } = await process.memory();
  for (const line of process.errors) console.error(line);
  for (const { kind, rounds: done } of ends) assert.deepEqual([kind, done], ["finished", rounds]);
  const accepted = ends.flatMap((end) => end.accepted);
  const requests = Object.values(times).reduce((sum, { length }) => sum + length, 0);
  return {
    clients,
    rounds,
    accepted: accepted.length,
    repeated: accepted.filter(({ repeated }) => repeated).length,
    aggregated: status.published.reduce((sum, { contributors }) => sum + contributors.length, 0),
    refused: Object.values(status.rejectCounts).reduce((sum, count) => sum + count, 0),
    seconds: (ended - start) / 1000,
    joinSeconds: (joined - start) / 1000,
    serverCpuSeconds: await process.cpuSeconds() - cpuAtStart,
    requests,
    statuses: Object.fromEntries(statuses),
    p50: quantile(times.other, 0.5),
    p99: quantile(times.other, 0.99),
    uploadP50: quantile(times.upload, 0.5),
    uploadP99: quantile(times.upload, 0.99),
    memoryAtStart,
    memoryAtEnd,
    memoryPeak,
  };
}
