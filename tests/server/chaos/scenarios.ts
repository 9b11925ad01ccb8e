/**
 * Runs that servers die in. Each is played twice: undisturbed, and by servers of which each dies of one fault, in the order of the list.
 *
 * @module
 */

import assert from "node:assert/strict";

import { putUpdate } from "../../../src/federated/remote/api.ts";
import { RemoteProblem } from "../../../src/federated/remote/remote_problem.ts";
import type { RunManifest, RunStatus } from "../../../src/protocol/mod.ts";
import { runMadeUpClient } from "../made_up_client.ts";
import { type AdminAccess, adminRequest, tinyManifest } from "../tiny_run.ts";
import {
  type Federation,
  openFederation,
  type Outcome,
  outcomeOf,
  type Reach,
  trainAll,
} from "./federation.ts";
import { untilStatus } from "./until_status.ts";

/** A run, and what its servers die of. */
export interface Scenario {
  readonly name: string;
  /**
   * A server dies of each. Whatever the timing, the next server comes to its fault: those of a round come again in every round, and there are rounds
   * enough.
   */
  readonly faults: readonly string[];
  play(reach: Reach): Promise<Outcome>;
}

/** Both moments of some steps, one step after another. */
export function around(...steps: string[]): string[] {
  return steps.flatMap((step) => [`${step}:before`, `${step}:after`]);
}

/** From an empty database to the last bank; clients report scores too. */
export async function playRun(reach: Reach, manifest: RunManifest): Promise<Outcome> {
  const federation = await openFederation(reach, manifest);
  return await outcomeOf(federation, await trainAll(federation.members, { evaluate: true }));
}

/** From an empty database through every step of a round. */
const serverRanks: Scenario = {
  name: "server ranks",
  faults: [
    ...around("migrate", "create-run", "attach-bank", "invite", "enrol", "set-budget"),
    ...around("take-download", "record-evaluation", "accept-update"),
    ...around("close-round", "publish-round"),
    "take-download:after:2",
    "record-evaluation:after:2",
    "accept-update:before:2",
    "accept-update:after:2",
    "accept-update:after:3",
    "publish-round:before:2",
  ],
  play: (reach) => playRun(reach, { ...tinyManifest(), rounds: 10 }),
};

/** Contacts are written by the clock: some rounds go by meanwhile. */
const contacts: Scenario = {
  name: "contacts",
  faults: around("note-progress"),
  play: (reach) => playRun(reach, { ...tinyManifest(), rounds: 30 }),
};

/** Clients choose what they train. */
const clientsRank: Scenario = {
  name: "clients rank",
  faults: [
    ...around("accept-choice"),
    "accept-choice:before:2",
    "accept-choice:after:2",
    "accept-choice:after:3",
    "take-download:after:2",
    "accept-update:after:2",
    ...around("publish-round"),
  ],
  play(reach) {
    const manifest = tinyManifest();
    const method = { ...manifest.method, rankBy: "client" } as const;
    return playRun(reach, { ...manifest, method, rounds: 8 });
  },
};

/** The round after which there is none. */
const lastRound: Scenario = {
  name: "last round",
  faults: around("close-round", "publish-round", "record-evaluation"),
  play: (reach) => playRun(reach, { ...tinyManifest(), rounds: 1 }),
};

/** A run whose bank and updates take more than one chunk. */
export function wideManifest(): RunManifest {
  const wide = { name: "layers.0.wide", inFeatures: 33_000, outFeatures: 8 };
  return {
    ...tinyManifest(),
    ranks: { kind: "fixed", ranks: [2, 2, 2] },
    layout: { rank: 2, modules: [wide], head: [] },
  };
}

/** Bank and updates of several chunks, and more banks than are kept. */
const severalChunks: Scenario = {
  name: "several chunks",
  faults: [
    ...around("sweep", "store-chunk"),
    "attach-bank:after",
    ...around("store-chunk"),
    "store-chunk:after:3",
    // An update that comes again is thrown away: the second sweep beside that of a start.
    "accept-update:after",
    "sweep:before:2",
    "accept-update:after",
    "sweep:after:2",
    // The bank that is aggregated.
    "close-round:after",
    ...around("store-chunk"),
    "publish-round:before",
    // An old bank is swept: again a second one.
    "publish-round:after:5",
    "sweep:before:2",
    "sweep:after:2",
  ],
  play: (reach) => playRun(reach, { ...wideManifest(), rounds: 11 }),
};

/** What an administrator does beside: a base model's file, a client withdrawn in mid-round, a run stopped. */
const administration: Scenario = {
  name: "administration",
  faults: [
    "set-budget:after:4", // the first round opens
    ...around("audit", "attach-model-file", "reject", "withdraw", "retry-round"),
    "accept-update:after:2",
    "publish-round:after",
    "close-round:after",
    ...around("stop-run"),
  ],
  async play(reach) {
    const manifest = tinyManifest({ seats: 4 });
    const participation = { ...manifest.participation, perRound: 2, quorum: 2 };
    const federation = await openFederation(reach, { ...manifest, participation });
    await post(federation.admin, "/v1/session");
    await storeModelFile(federation.admin, manifest.model.hash);
    const [withdrawn, other] = await sampledNow(federation);
    await refuseGarbage(federation, other);
    // One of two that were sampled: the round cannot reach its quorum and samples anew.
    await post(federation.admin, `/v1/runs/${federation.run}/clients/${withdrawn}/withdraw`);
    await untilStatus(reach, federation, ({ current }) => current?.attempt === 1);
    const members = federation.members.filter(({ client }) => client !== withdrawn);
    const outcome = await outcomeOf(federation, await trainAll(members));
    assert.equal(outcome.status.retries, 1);
    await playStopped(reach);
    return outcome;
  },
};

async function post(admin: AdminAccess, route: string): Promise<void> {
  await adminRequest(admin, route, { method: "POST" });
}

async function storeModelFile(admin: AdminAccess, hash: string): Promise<void> {
  const route = `/v1/models/${hash}/files/model.safetensors`;
  const body = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
  await adminRequest(admin, route, { method: "PUT", body });
  const stored = await adminRequest(admin, route);
  assert.deepEqual(new Uint8Array(await stored.arrayBuffer()), body);
}

async function statusOf({ admin, run }: Pick<Federation, "admin" | "run">): Promise<RunStatus> {
  return await (await adminRequest(admin, `/v1/runs/${run}`)).json();
}

async function sampledNow(federation: Federation): Promise<readonly number[]> {
  return (await statusOf(federation)).current!.sampled;
}

async function refuseGarbage({ members, run }: Federation, client: number): Promise<void> {
  const { connection } = members.find((member) => member.client === client)!;
  const address = { run, round: 0, attempt: 0, client };
  const sent = putUpdate(connection, address, "garbage-of-a-client", new Uint8Array(100));
  await assert.rejects(
    sent,
    (error) => error instanceof RemoteProblem && error.reason === "malformed",
  );
}

/** One of three clients does not take part, so that the first round lasts. */
async function playStopped(reach: Reach): Promise<void> {
  const federation = await openFederation(reach, tinyManifest());
  const { admin, run, members: [late, ...members] } = federation;
  const stop = () => post(admin, `/v1/runs/${run}/stop`);
  let stopped: Promise<void> | undefined;
  const habits = { onAccepted: () => void (stopped ??= stop()) };
  const ends = await Promise.all(members.map((member) => runMadeUpClient(member, habits)));
  await stopped;
  ends.push(await runMadeUpClient(late));
  for (const { kind, rounds } of ends) {
    assert.deepEqual({ kind, rounds }, { kind: "stopped", rounds: 0 });
  }
  assert.equal((await statusOf(federation)).state, "stopped");
}

/** All of them. */
export const scenarios: readonly Scenario[] = [
  serverRanks,
  contacts,
  clientsRank,
  lastRound,
  severalChunks,
  administration,
];
