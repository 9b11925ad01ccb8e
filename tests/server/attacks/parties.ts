/**
 * A run taken step by step: its clients act when a test says so, and their messages are there to be tampered with.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  chooseComponents,
  type ClientTask,
  encodeChoice,
  random,
  type RunManifest,
  scopedSelections,
} from "../../../src/protocol/mod.ts";
import {
  enrolledRun,
  expectStatus,
  type Member,
  sendSigned,
  type SignedRequest,
  type TestApp,
} from "../http/support.ts";
import { makeUpdate } from "../made_up_update.ts";
import { publishedBank } from "../tiny_run.ts";

/** A run whose first round is open. */
export interface Party {
  readonly test: TestApp;
  readonly run: string;
  readonly manifest: RunManifest;
  readonly members: readonly Member[];
}

/** A client's update of a round, and the request that delivers it. */
export interface ReadyUpdate {
  readonly request: SignedRequest & { readonly body: Uint8Array<ArrayBuffer> };
  readonly download: Uint8Array<ArrayBuffer>;
}

/** Creates a run, lets everyone join and opens its first round. */
export async function openParty(test: TestApp, manifest: RunManifest): Promise<Party> {
  const { run, members } = await enrolledRun(test, { manifest, ready: true });
  return { test, run, manifest, members };
}

/** What a client is to do now. */
export async function taskOf({ test, run }: Party, { key, client }: Member): Promise<ClientTask> {
  const route = `/v1/runs/${run}/clients/${client}/task`;
  return await (await sendSigned(test, key, { method: "GET", route })).json();
}

/** A choice of components, and the request that sends it. */
export function choiceRequest(
  { run, manifest }: Party,
  { client }: Member,
  round: number,
): SignedRequest & { readonly body: Uint8Array<ArrayBuffer> } {
  const { layout, method, seed, ranks } = manifest;
  assert.ok(ranks.kind === "fixed");
  const participant = { client, rank: ranks.ranks[client] };
  const chosen = chooseComponents(layout, participant, round, undefined, {
    selector: random,
    scope: scopedSelections[method.scope],
    seed,
  });
  const { bytes } = encodeChoice(layout, chosen, { run, round, client });
  return {
    method: "PUT",
    route: `/v1/runs/${run}/rounds/${round}/choices/${client}?attempt=0`,
    body: new Uint8Array(bytes),
  };
}

/** Does a client's part of a round up to the update, which is not sent. */
export async function prepareUpdate(
  party: Party,
  member: Member,
  round: number,
): Promise<ReadyUpdate> {
  const { test, run, manifest } = party;
  const { key, client } = member;
  const task = await taskOf(party, member);
  assert.ok(task.kind === "choose" || task.kind === "train", JSON.stringify(task));
  assert.equal(task.round, round);
  if (task.kind === "choose") {
    await expectStatus(204, await sendSigned(test, key, choiceRequest(party, member, round)));
  }
  const route = `/v1/runs/${run}/rounds/${round}/downloads/${client}?attempt=0`;
  const answer = await sendSigned(test, key, { method: "GET", route });
  assert.equal(answer.status, 200);
  const download = new Uint8Array(await answer.arrayBuffer());
  return {
    download,
    request: {
      method: "PUT",
      route: updateRoute(party, member, round),
      body: makeUpdate(manifest, download),
    },
  };
}

/** The address of a client's update of a round. */
export function updateRoute(
  { run }: Pick<Party, "run">,
  { client }: Pick<Member, "client">,
  round: number,
  id = `update-of-${client}-in-${round}`,
): string {
  return `/v1/runs/${run}/rounds/${round}/updates/${id}?attempt=0&client=${client}`;
}

/** Does a client's part of a round. */
export async function deliver(party: Party, member: Member, round: number): Promise<ReadyUpdate> {
  const ready = await prepareUpdate(party, member, round);
  await expectStatus(200, await sendSigned(party.test, member.key, ready.request));
  return ready;
}

/** Lets everyone do the rounds from `first` on. */
export async function finish(party: Party, first = 0): Promise<void> {
  const { test, manifest, members } = party;
  for (let round = first; round < manifest.rounds; round++) {
    for (const member of members) await deliver(party, member, round);
    await test.tick();
  }
}

/** The banks of a run that has ended, the initial one first. */
export async function banksOf(
  { test, run, manifest }: Pick<Party, "test" | "run" | "manifest">,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const banks = [];
  for (let rounds = 0; rounds <= manifest.rounds; rounds++) {
    banks.push(await publishedBank(test.admin, run, rounds));
  }
  return banks;
}
