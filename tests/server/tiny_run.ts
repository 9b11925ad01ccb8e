/**
 * A run small enough for hundreds of rounds a second, and the administrator's requests that create it.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Fetch } from "../../src/federated/remote/connection.ts";
import {
  type AdapterBank,
  createBank,
  encodeBank,
  type Invitation,
  languageManifestKind,
  manifestKind,
  type RunManifest,
} from "../../src/protocol/mod.ts";

/** A manifest of two small modules, in which every client of `seats` takes part in every round. */
export function tinyManifest(changes: Partial<RunManifest> & { seats?: number } = {}): RunManifest {
  const { seats = 3, ...rest } = changes;
  return {
    kind: manifestKind,
    name: "tiny",
    model: { name: "tiny", revision: null, hash: "0a".repeat(32), tokenizer: "0b".repeat(32) },
    labels: ["no", "yes"],
    layout: {
      rank: 4,
      modules: [
        { name: "layers.0.q_proj", inFeatures: 6, outFeatures: 5 },
        { name: "layers.0.v_proj", inFeatures: 6, outFeatures: 3 },
      ],
      head: [{ name: "classifier.weight", shape: [2, 6] }, { name: "classifier.bias", shape: [2] }],
    },
    alpha: 8,
    rounds: 3,
    seed: 7,
    method: {
      method: "freeze",
      factors: "both",
      aggregation: "adaptive",
      selection: "greedy",
      temperature: 1,
      rankBy: "server",
      scope: "module",
      warmupRounds: 1,
    },
    ranks: { kind: "fixed", ranks: Array.from({ length: seats }, (_, client) => 1 + client % 4) },
    participation: {
      seats,
      start: seats,
      perRound: seats,
      overSelection: 1,
      quorum: seats,
      deadlineSeconds: 600,
    },
    limits: { maxSamples: 100_000, maxNorm: 10 },
    training: { localSteps: 2 },
    ...rest,
  };
}

/** The same for a language model, which has no labels and no head. */
export function tinyLanguageManifest(changes: Partial<RunManifest> = {}): RunManifest {
  const { layout, ...manifest } = tinyManifest();
  return {
    ...manifest,
    kind: languageManifestKind,
    task: "lm",
    labels: [],
    layout: { ...layout, head: [] },
    ...changes,
  };
}

/** The bank that a run of this manifest starts from. */
export function tinyBank({ layout, alpha, seed }: RunManifest): AdapterBank {
  const head = layout.head.map(({ name, shape }, h) => ({
    name,
    shape,
    data: Float32Array.from(
      { length: shape.reduce((cells, size) => cells * size, 1) },
      (_, i) => (h + i) / 16,
    ),
  }));
  return createBank({ ...layout, alpha, seed, head });
}

/** A server, and the token that rules it. */
export interface AdminAccess {
  /** Address, without a slash at its end. */
  readonly server: string;
  readonly fetch: Fetch;
  readonly adminToken: string;
}

/** A request of the administrator; anything but a success is thrown. */
export async function adminRequest(
  { server, fetch, adminToken }: AdminAccess,
  route: string,
  init: RequestInit = {},
): Promise<Response> {
  const response = await fetch(server + route, {
    ...init,
    headers: { authorization: `Bearer ${adminToken}`, ...init.headers },
  });
  if (!response.ok) assert.fail(`${route}: ${response.status} ${await response.text()}`);
  return response;
}

/** Creates a run with its bank, and invites everyone. */
export async function createTinyRun(
  access: AdminAccess,
  manifest: RunManifest = tinyManifest(),
): Promise<{ readonly run: string; readonly invitations: readonly Invitation[] }> {
  const json = { "content-type": "application/json" };
  const created = await adminRequest(access, "/v1/runs", {
    method: "POST",
    headers: json,
    body: JSON.stringify(manifest),
  });
  const { run } = await created.json();
  const bank = await adminRequest(access, `/v1/runs/${run}/bank`, {
    method: "PUT",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(encodeBank(tinyBank(manifest))),
  });
  await bank.body?.cancel();
  const invited = await adminRequest(access, `/v1/runs/${run}/invitations`, {
    method: "POST",
    headers: json,
    body: "{}",
  });
  return { run, invitations: await invited.json() };
}

/** The published bank after some rounds, encoded. */
export async function publishedBank(
  access: AdminAccess,
  run: string,
  rounds: number | "latest" = "latest",
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await adminRequest(access, `/v1/runs/${run}/banks/${rounds}`);
  return new Uint8Array(await response.arrayBuffer());
}
