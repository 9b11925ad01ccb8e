/**
 * A run from its creation to its end, by clients that go their own way.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Fetch } from "../../../src/federated/remote/connection.ts";
import type { RunManifest } from "../../../src/protocol/mod.ts";
import { turn } from "../http/fake_clock.ts";
import type { TestApp } from "../http/support.ts";
import {
  joinRun,
  type MadeUpClient,
  type MadeUpHabits,
  runMadeUpClient,
} from "../made_up_client.ts";
import { createTinyRun } from "../tiny_run.ts";

/** A run that has ended. */
export interface EndedRun {
  readonly run: string;
  readonly manifest: RunManifest;
  readonly members: readonly MadeUpClient[];
}

/** What happens beside it. */
export interface WholeRunSettings extends MadeUpHabits {
  /** The way of all clients to the server. */
  readonly fetch?: Fetch;
  /** Called once everyone has joined; the run goes on meanwhile. */
  readonly meanwhile?: (joined: EndedRun) => Promise<unknown>;
}

/** Runs it. */
export async function wholeRun(
  test: TestApp,
  manifest: RunManifest,
  { fetch = test.fetch, meanwhile, ...habits }: WholeRunSettings = {},
): Promise<EndedRun> {
  const { run, invitations } = await createTinyRun(test.admin, manifest);
  const connection = { now: test.clock.now, sleep: turn };
  const members: MadeUpClient[] = [];
  for (const invitation of invitations) {
    members.push(await joinRun({ ...invitation, run, servers: [""], fetch, connection }));
  }
  const joined = { run, manifest, members };
  let over = false;
  const ticking = (async () => {
    while (!over) {
      await turn();
      if (test.ticks() > 0) await test.tick();
    }
  })();
  const [ends] = await Promise.all([
    Promise.all(members.map((member) => runMadeUpClient(member, habits))),
    meanwhile?.(joined),
  ]);
  over = true;
  await ticking;
  for (const { kind, rounds } of ends) {
    assert.deepEqual([kind, rounds], ["finished", manifest.rounds]);
  }
  return joined;
}
