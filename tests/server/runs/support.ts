/** Runs without HTTP: a service on a fake clock, and clients that call it with made-up updates. */

import assert from "node:assert/strict";
import {
  acceptUpdate,
  attachBank,
  bankOf,
  createRun,
  createService,
  enrol,
  invite,
  nextTask,
  openDownload,
  putChoice,
  type RoundAddress,
  type Service,
  ServiceError,
  setBudget,
  type Signed,
} from "../../../server/runs/mod.ts";
import { type BlobWriter, createBlob, readBlob } from "../../../server/store/blobs.ts";
import type { Database } from "../../../server/store/database.ts";
import { loadAggregator } from "../../../src/protocol/aggregate/load_aggregator.ts";
import {
  type AcceptedUpdate,
  type AdapterBank,
  aggregate,
  type Budget,
  chooseComponents,
  clientsChoose,
  type ClientTask,
  type Deal,
  dealOf,
  dealRound,
  decodeUpdate,
  encodeBank,
  encodeChoice,
  encodeDownload,
  type Invitation,
  keyIdOf,
  type Participant,
  type ProblemCode,
  random,
  type RejectReason,
  type RunManifest,
  scopedSelections,
  selectorOf,
  toBase64url,
  wholeMessage,
  withServerOptimizer,
} from "../../../src/protocol/mod.ts";
import { makeUpdate } from "../made_up_update.ts";
import { postgresStore, sqliteStore } from "../store/stores.ts";
import { tinyBank } from "../tiny_run.ts";

/** Both databases. */
export const stores = [sqliteStore, postgresStore];

/** A clock that a test moves. */
export interface FakeClock {
  now: number;
}

/** What a service told its host. */
export interface Heard {
  readonly events: { readonly event: string; readonly facts: Record<string, unknown> }[];
  readonly changed: string[];
}

/** A service of its own memory on a database. */
export function serviceOn(
  db: Database,
  clock: FakeClock = { now: 1_000_000 },
): Service & { readonly clock: FakeClock; readonly heard: Heard } {
  const heard: Heard = { events: [], changed: [] };
  const service = createService({
    db,
    now: () => clock.now,
    log: (event, facts) => heard.events.push({ event, facts }),
    changed: (run) => heard.changed.push(run),
  });
  return { ...service, clock, heard };
}

/** Bytes as an upload that has arrived. */
export async function uploadOf(service: Service, bytes: Uint8Array): Promise<BlobWriter> {
  const upload = createBlob(service.db, service.now());
  await upload.write(bytes);
  return upload;
}

let nonces = 0;

/** A signature's facts with a fresh nonce. */
export function sign(keyId = "key"): Signed {
  return { keyId, nonce: `nonce ${nonces++}` };
}

/** A run with its bank, and invitations for all seats. */
export async function startRun(
  service: Service,
  manifest: RunManifest,
): Promise<{ readonly run: string; readonly invitations: readonly Invitation[] }> {
  const run = await createRun(service, manifest, "admin");
  await attachBank(service, run, await uploadOf(service, encodeBank(tinyBank(manifest))), "admin");
  return { run, invitations: await invite(service, run, "admin") };
}

/** A key as an enrolment names it. */
export async function newKey(): Promise<{ readonly publicKey: string; readonly keyId: string }> {
  const raw = crypto.getRandomValues(new Uint8Array(32));
  return { publicKey: toBase64url(raw), keyId: await keyIdOf(raw) };
}

/** Takes a seat and settles the rank. */
export async function join(
  service: Service,
  run: string,
  { client, token }: Invitation,
  budget: Budget = { samples: 10 + client },
): Promise<number> {
  const { publicKey, keyId } = await newKey();
  await enrol(service, run, { token, name: `client ${client}`, publicKey }, sign(keyId));
  return (await setBudget(service, run, client, budget, sign(keyId))).rank;
}

/** A run whose clients are all ready, so that its first round is open. */
export async function joinedRun(
  service: Service,
  manifest: RunManifest,
  budget?: (client: number) => Budget,
): Promise<string> {
  const { run, invitations } = await startRun(service, manifest);
  for (const invitation of invitations) {
    await join(service, run, invitation, budget?.(invitation.client));
  }
  return run;
}

/** A task that must be one to train or to choose. */
export async function roundTask(
  service: Service,
  run: string,
  client: number,
): Promise<ClientTask & { kind: "train" | "choose" }> {
  const task = await nextTask(service, run, client);
  assert.ok(task.kind === "train" || task.kind === "choose", JSON.stringify(task));
  return task;
}

/** Id of a client's update, the same for every try. */
export function updateId({ round, attempt, client }: RoundAddress): string {
  return `made-up-update-${round}-${attempt}-${client}`;
}

/** Sends an update as it is. */
export async function send(
  service: Service,
  run: string,
  address: RoundAddress,
  bytes: Uint8Array,
  update: string = updateId(address),
): Promise<AcceptedUpdate> {
  const upload = await uploadOf(service, bytes);
  return await acceptUpdate(service, run, { ...address, update }, upload, sign());
}

/** A sampled client's part of the round in progress, up to the update's bytes. */
export async function train(
  service: Service,
  run: string,
  client: number,
  manifest: RunManifest,
): Promise<{ readonly address: RoundAddress; readonly bytes: Uint8Array }> {
  let task = await roundTask(service, run, client);
  const address = { round: task.round, attempt: task.attempt, client };
  if (task.kind === "choose") {
    const participant = { client, rank: task.rank };
    const { bytes } = encodeChoice(
      manifest.layout,
      madeUpChoice(manifest, participant, task.round),
      { run, round: task.round, client },
    );
    await putChoice(service, run, address, bytes, sign());
    task = await roundTask(service, run, client);
  }
  assert.equal(task.kind, "train");
  const download = await openDownload(service, run, address);
  return { address, bytes: makeUpdate(manifest, wholeMessage(download).bytes) };
}

/** A sampled client's whole part of the round in progress. */
export async function takePart(
  service: Service,
  run: string,
  client: number,
  manifest: RunManifest,
): Promise<AcceptedUpdate> {
  const { address, bytes } = await train(service, run, client, manifest);
  return await send(service, run, address, bytes);
}

/** What a client that ranks for itself picks here: anything within its budget. */
export function madeUpChoice(
  { layout, method, seed }: RunManifest,
  participant: Participant,
  round: number,
): Uint32Array[] {
  const scope = scopedSelections[method.scope];
  return chooseComponents(layout, participant, round, undefined, { selector: random, scope, seed });
}

/** The bank after a round, by the protocol's functions alone. */
export async function nextBank(
  run: string,
  manifest: RunManifest,
  bank: AdapterBank,
  round: number,
  participants: readonly Participant[],
  contributors: readonly number[] = participants.map(({ client }) => client),
): Promise<AdapterBank> {
  const deals = dealsOf(manifest, bank, round, participants)
    .filter(({ client }) => contributors.includes(client));
  const updates = deals.map((deal) => {
    const { bytes } = encodeDownload(bank, deal, { run });
    return decodeUpdate(makeUpdate(manifest, bytes), bank).update;
  });
  const { aggregation, serverOptimizer } = manifest.method;
  const aggregator = withServerOptimizer(await loadAggregator(aggregation), serverOptimizer);
  return aggregate(aggregator, bank, updates);
}

function dealsOf(
  manifest: RunManifest,
  bank: AdapterBank,
  round: number,
  participants: readonly Participant[],
): Deal[] {
  const { seed, method } = manifest;
  if (clientsChoose(method, round)) {
    return participants.map((participant) =>
      dealOf(
        bank.rank,
        participant.client,
        round,
        method.method,
        madeUpChoice(manifest, participant, round),
        method.factors,
      )
    );
  }
  return dealRound({
    bank,
    participants,
    method: method.method,
    factors: method.factors,
    selector: selectorOf(method.selection, method.temperature),
    scope: scopedSelections[method.scope],
    warmupRounds: method.warmupRounds,
    round,
    seed,
  });
}

/** The bytes of a published bank. */
export async function bankBytes(
  service: Service,
  run: string,
  rounds: number | "latest" = "latest",
): Promise<Uint8Array> {
  return await readBlob(service.db, (await bankOf(service, run, rounds)).blob);
}

/** Asserts that a call is refused. */
export async function refuses(
  work: () => Promise<unknown>,
  code: ProblemCode,
  { reason, message }: { readonly reason?: RejectReason; readonly message?: RegExp } = {},
): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof ServiceError, `${error}`);
    assert.equal(error.code, code, error.message);
    assert.equal(error.reason, reason, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });
}
