import assert from "node:assert/strict";
import { followRun } from "../../../server/dashboard/run_stream.js";
import { sampleStatus } from "./sample_status.ts";

const status = sampleStatus({ state: "running", roundsDone: 2 });

/** A browser whose streams, answers and timers a test moves by hand. */
function surroundings(probed: number[]) {
  const sources: FakeSource[] = [];
  const timers: { act: () => void; milliseconds: number; isOff: boolean }[] = [];
  const probes: string[] = [];
  return {
    sources,
    timers,
    probes,
    open(url: string): EventSource {
      const source = new FakeSource(url);
      sources.push(source);
      return source as unknown as EventSource;
    },
    probe(url: string): Promise<number> {
      probes.push(url);
      return Promise.resolve(probed.shift() ?? 200);
    },
    later(act: () => void, milliseconds: number) {
      const timer = { act, milliseconds, isOff: false };
      timers.push(timer);
      return () => void (timer.isOff = true);
    },
  };
}

class FakeSource extends EventTarget {
  readyState = 0;
  isClosed = false;
  constructor(readonly url: string) {
    super();
  }
  close(): void {
    this.isClosed = true;
  }
  tell(data: unknown): void {
    this.dispatchEvent(new MessageEvent("status", { data: JSON.stringify(data) }));
  }
  fail(readyState: 0 | 2): void {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
}

function follow(probed: number[] = []) {
  const browser = surroundings(probed);
  const told: unknown[] = [];
  const close = followRun("r1", {
    onStatus: ({ roundsDone }) => told.push(roundsDone),
    onConnection: (connection) => told.push(connection),
    onRefused: (code) => told.push(code),
  }, browser);
  return { ...browser, told, close };
}

/** Lets the answer to a probe arrive. */
const settled = () => Promise.resolve().then(() => {});

Deno.test("followRun() tells every status and that it is live", () => {
  const { sources: [source], told } = follow();
  assert.equal(source.url, "/v1/runs/r1/events");
  source.tell(status);
  source.tell({ ...status, roundsDone: 3 });
  assert.deepEqual(told, ["connecting", "live", 2, "live", 3]);
});

Deno.test("followRun() leaves a stream that ended to the browser", async () => {
  const { sources, told, probes, timers } = follow();
  sources[0].tell(status);
  sources[0].fail(0);
  await settled();
  sources[0].tell(status);
  assert.deepEqual(told, ["connecting", "live", 2, "reconnecting", "live", 2]);
  assert.deepEqual([sources.length, probes.length, timers.length], [1, 0, 0]);
});

Deno.test("followRun() asks again, ever more slowly, where the stream is refused", async () => {
  const { sources, timers, probes, told } = follow([503, 0, 502, 503, 503, 503, 503]);
  for (let attempt = 0; attempt < 7; attempt++) {
    sources[attempt].fail(2);
    await settled();
    timers[attempt].act();
  }
  assert.deepEqual(
    timers.map(({ milliseconds }) => milliseconds),
    [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
  );
  assert.equal(probes[0], "/v1/runs/r1");
  sources[7].tell(status);
  assert.deepEqual(told.slice(-2), ["live", 2]);
  sources[7].fail(2);
  await settled();
  assert.equal(timers[7].milliseconds, 1000, "a success starts over");
});

Deno.test("followRun() gives up where asking again would not help", async () => {
  for (const code of [401, 403, 404]) {
    const { sources, timers, told } = follow([code]);
    sources[0].fail(2);
    await settled();
    assert.equal(told.at(-1), code);
    assert.equal(timers.length, 0);
  }
});

Deno.test("followRun() is silent once it is closed", async () => {
  const waiting = follow([503]);
  waiting.sources[0].fail(2);
  await settled();
  waiting.close();
  assert.ok(waiting.sources[0].isClosed);
  assert.ok(waiting.timers[0].isOff);

  const asking = follow([404]);
  asking.sources[0].fail(2);
  asking.close();
  await settled();
  assert.deepEqual(asking.told, ["connecting", "reconnecting"]);
});
