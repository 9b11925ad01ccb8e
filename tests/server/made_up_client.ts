/**
 * A client without an engine: it joins a run over HTTP and answers every round with a made-up update. It speaks through the client's own
 * connection, so it retries like one: each try with a new nonce, an update always with the same id and bytes.
 *
 * @module
 */

import {
  enrol,
  fetchDownload,
  fetchManifest,
  nextTask,
  putChoice,
  putEvaluation,
  putUpdate,
  setBudget,
} from "../../src/federated/remote/api.ts";
import { type ClientKey, createKey, openKey } from "../../src/federated/remote/client_key.ts";
import type { Connection, Fetch } from "../../src/federated/remote/connection.ts";
import { RemoteProblem } from "../../src/federated/remote/remote_problem.ts";
import { timerSleep } from "../../src/federated/remote/retry.ts";
import {
  type AcceptedUpdate,
  type AnyEvaluationReport,
  type Budget,
  chooseComponents,
  encodeChoice,
  type Invitation,
  type ProblemCode,
  random,
  type RoundTask,
  type RunManifest,
  scopedSelections,
} from "../../src/protocol/mod.ts";
import { makeUpdate } from "./made_up_update.ts";

/** A way to one server, or to several that serve the same database. */
export interface ServerAccess {
  /** Addresses, without a slash at their end. */
  readonly servers: readonly string[];
  readonly fetch: Fetch;
  /** Overrides of the connection's parts: clock, sleep, patience, signal. */
  readonly connection?: Partial<Connection>;
}

/** Who joins. */
export interface Newcomer extends Pick<Invitation, "client" | "token">, ServerAccess {
  readonly run: string;
  /** Instead of the made-up one. */
  readonly budget?: Budget;
  /** Instead of a new one. */
  readonly key?: ClientKey;
  /** Where the caller has it: the client does not ask for it. */
  readonly manifest?: RunManifest;
}

/** A client with a seat and a rank. */
export interface MadeUpClient {
  readonly connection: Connection;
  readonly run: string;
  readonly client: number;
  readonly rank: number;
  readonly manifest: RunManifest;
}

/** What a client may do beside training. */
export interface MadeUpHabits {
  /** Seconds of a long poll; 20 when left out. */
  readonly wait?: number;
  /** Whether to report a made-up score of every bank it sees. */
  readonly evaluate?: boolean;
  /** Changes an update before it is sent. */
  readonly alter?: (update: Uint8Array<ArrayBuffer>, task: RoundTask) => Uint8Array<ArrayBuffer>;
  /** Told of each update that the server has taken. */
  readonly onAccepted?: (delivery: Delivery) => void;
}

/** An update that the server has taken. */
export interface Delivery extends AcceptedUpdate {
  readonly client: number;
  readonly round: number;
  readonly attempt: number;
}

/** How a run went for a client. */
export interface MadeUpEnd {
  readonly kind: "finished" | "stopped";
  readonly rounds: number;
  /** In the order of their delivery. */
  readonly accepted: readonly Delivery[];
  /** Rounds that were over before the client had done its part. */
  readonly late: readonly { readonly round: number; readonly code: ProblemCode }[];
}

/** A connection to the servers; after a failure the next one of them is asked. */
export function connect({ servers, fetch, connection }: ServerAccess, key: ClientKey): Connection {
  let current = 0;
  return {
    server: "",
    key,
    async fetch(route, init) {
      const chosen = current;
      const turn = () => {
        if (current === chosen) current = (chosen + 1) % servers.length;
      };
      try {
        const response = await fetch(servers[chosen] + route, init);
        if (response.status >= 500) turn();
        return response;
      } catch (error) {
        turn();
        throw error;
      }
    },
    now: Date.now,
    sleep: timerSleep,
    random: Math.random,
    patience: { first: 50, most: 1000 },
    stall: 30_000,
    signal: new AbortController().signal,
    onReach: () => {},
    ...connection,
  };
}

/** Takes the seat of an invitation with a key of its own, and settles the rank. */
export async function joinRun(newcomer: Newcomer): Promise<MadeUpClient> {
  const { run, client, token } = newcomer;
  const key = newcomer.key ?? await openKey(await createKey());
  const connection = connect(newcomer, key);
  await enrol(connection, run, { token, name: `client ${client}`, publicKey: key.publicKey });
  const manifest = newcomer.manifest ?? await fetchManifest(connection, run) as RunManifest;
  const budget = newcomer.budget ?? madeUpBudget(manifest, client);
  const { rank } = await setBudget(connection, run, client, budget);
  return { connection, run, client, rank, manifest };
}

/**
 * Takes part until the run ends.
 *
 * @throws {RemoteProblem} when the server refuses something for another reason than that it came too late.
 */
export async function runMadeUpClient(
  member: MadeUpClient,
  habits: MadeUpHabits = {},
): Promise<MadeUpEnd> {
  const { connection, run, client } = member;
  const accepted: Delivery[] = [];
  const late: { round: number; code: ProblemCode }[] = [];
  for (;;) {
    const asked = connection.now();
    const task = await nextTask(connection, run, client, habits.wait ?? 20);
    switch (task.kind) {
      case "wait":
        // A server that shuts down lets go of open questions at once.
        if (connection.now() - asked < PAUSE) await connection.sleep(PAUSE, connection.signal);
        continue;
      case "stopped":
        return { kind: "stopped", rounds: task.rounds, accepted, late };
      case "finished":
        if (habits.evaluate) await report(member, task.rounds);
        return { kind: "finished", rounds: task.rounds, accepted, late };
      case "evaluate":
        await report(member, task.rounds);
        continue;
    }
    try {
      if (task.kind === "choose") await choose(member, task);
      else {
        const delivery = await takePart(member, task, habits);
        accepted.push(delivery);
        habits.onAccepted?.(delivery);
      }
    } catch (error) {
      if (!(error instanceof RemoteProblem && passed.has(error.code))) throw error;
      late.push({ round: task.round, code: error.code });
    }
  }
}

/** Milliseconds that an open question takes at least. */
const PAUSE = 100;

const passed: ReadonlySet<ProblemCode> = new Set(["round-closed", "not-sampled", "run-over"]);

async function takePart(
  { connection, run, client, manifest }: MadeUpClient,
  task: RoundTask,
  { evaluate, alter }: MadeUpHabits,
): Promise<Delivery> {
  const { round, attempt } = task;
  const address = { run, round, attempt, client };
  const download = await fetchDownload(connection, address, manifest.layout);
  if (evaluate) await putEvaluation(connection, run, client, madeUpScore(manifest, client, round));
  const made = makeUpdate(manifest, download);
  const update = alter?.(made, task) ?? made;
  const taken = await putUpdate(connection, address, updateId(address), update);
  return { ...taken, client, round, attempt };
}

async function choose({ connection, run, client, manifest }: MadeUpClient, task: RoundTask) {
  const { layout, method, seed } = manifest;
  const { round, attempt, rank } = task;
  const chosen = chooseComponents(layout, { client, rank }, round, undefined, {
    selector: random,
    scope: scopedSelections[method.scope],
    seed,
  });
  const { bytes } = encodeChoice(layout, chosen, { run, round, client });
  await putChoice(connection, { run, round, attempt, client }, new Uint8Array(bytes));
}

async function report(member: MadeUpClient, rounds: number): Promise<void> {
  const { connection, run, client, manifest } = member;
  await putEvaluation(connection, run, client, madeUpScore(manifest, client, rounds));
}

function madeUpScore({ task }: RunManifest, client: number, rounds: number): AnyEvaluationReport {
  const rows = 10 + client;
  if (task !== undefined) return { rounds, tokens: 50 * rows, loss: 200 * rows / (1 + rounds) };
  return { rounds, rows, correct: Math.min(rows, 2 + rounds), loss: rows / (1 + rounds) };
}

/** The same for every try and every start, so that a client that does a round again delivers nothing twice. */
function updateId({ run, round, attempt, client }: {
  run: string;
  round: number;
  attempt: number;
  client: number;
}): string {
  return `made-up-${run}-${round}-${attempt}-${client}`;
}

function madeUpBudget({ ranks, layout }: RunManifest, client: number): Budget {
  return {
    samples: 10 + client,
    ...(ranks.kind === "stated" && { rank: 1 + client % layout.rank }),
    ...(ranks.kind === "auto" && { stepSeconds: 0.001, link: { down: 1e8, up: 1e8 } }),
  };
}
