/**
 * A disaster in mid-round: the data is lost, and a backup is restored into a database of the other kind while the clients ask on.
 *
 * @module
 */

import { backup } from "../../../server/store/backup.ts";
import { openDatabase } from "../../../server/store/open.ts";
import type { RunManifest } from "../../../src/protocol/mod.ts";
import { openFederation, type Outcome, outcomeOf, type Reach, trainAll } from "./federation.ts";
import { around } from "./scenarios.ts";
import { type DataPlace, liveThrough, type ServerLives } from "./server_lives.ts";

/** Where it happens. */
export interface Disaster {
  readonly manifest: RunManifest;
  readonly lost: DataPlace;
  readonly next: DataPlace;
  /** The backup. */
  readonly file: string;
}

/** What servers die of that restore. */
export const restoring: readonly string[] = around("restore");

/** Plays a run whose data is lost while the first round lacks one update. @returns what came of it, and what servers died of. */
export async function playDisaster(
  { manifest, lost, next, file }: Disaster,
): Promise<Outcome & Pick<ServerLives, "deaths">> {
  await using first = liveThrough(lost, [{}]);
  const lives = Promise.withResolvers<ServerLives>();
  let serving: Promise<ServerLives> = Promise.resolve(first);
  const ended = new AbortController();
  first.signal.addEventListener("abort", () => ended.abort(first.signal.reason));
  const reach: Reach = {
    fetch: async (route, init) => await (await serving).fetch(route, init),
    persistentFetch: async (route, init) => await (await serving).persistentFetch(route, init),
    signal: ended.signal,
  };

  const federation = await openFederation(reach, manifest);
  const [late, ...early] = federation.members;
  const waiting = Promise.withResolvers<void>();
  let count = 0;
  const onAccepted = () => {
    if (++count === early.length) waiting.resolve();
  };
  const trained = trainAll(early, { evaluate: true, onAccepted });
  await waiting.promise;

  serving = lives.promise;
  const database = await openDatabase({ ...lost, use: "read" });
  await backup(database, file);
  await database.close();
  await first[Symbol.asyncDispose]();
  await using second = liveThrough(next, [
    ...restoring.map((fault) => ({ fault, restore: file })),
    {},
  ]);
  second.signal.addEventListener("abort", () => ended.abort(second.signal.reason));
  lives.resolve(second);

  const accepted = await Promise.all([trained, trainAll([late], { evaluate: true })]);
  return { ...await outcomeOf(federation, accepted.flat()), deaths: second.deaths };
}
