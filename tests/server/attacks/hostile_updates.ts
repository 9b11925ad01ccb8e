/**
 * What a client could send instead of its update.
 *
 * @module
 */

import {
  type ClientUpdate,
  decodeUpdate,
  encodeUpdate,
  type ProblemCode,
  type RejectReason,
  type RunManifest,
} from "../../../src/protocol/mod.ts";

/** A message that no server may count. */
export interface HostileMessage {
  readonly name: string;
  /** Made of the client's right update, its round, and another client's update of the same round. */
  readonly make: (own: Uint8Array, other: Uint8Array, manifest: RunManifest) => Uint8Array;
  readonly code: ProblemCode;
  readonly status: number;
  readonly reason: RejectReason;
}

/** The messages. */
export const hostileMessages: readonly HostileMessage[] = [
  refused("NaN in A", "not-finite", ({ a, ...rest }) => ({ ...rest, a: spoil(a!, 0, NaN) })),
  refused(
    "Infinity in B",
    "not-finite",
    ({ b, ...rest }) => ({ ...rest, b: spoil(b, 1, Infinity) }),
  ),
  refused("NaN in the head", "not-finite", (update) => ({
    ...update,
    head: update.head.map((tensor) => ({ ...tensor, data: spoil([tensor.data], 0, NaN)[0] })),
  })),
  refused("an exploding norm", "norm", ({ a, ...rest }) => ({ ...rest, a: spoil(a!, 0, 1e6) })),
  refused("a norm that overflows", "norm", ({ a, b, ...rest }) => ({
    ...rest,
    a: a!.map((numbers) => numbers.map(() => 3e38)),
    b: b.map((numbers) => numbers.map(() => -3e38)),
  })),
  refused("other components", "indices", ({ indices, ...rest }, { layout }) => ({
    ...rest,
    indices: indices.map((list) => {
      const others = Array.from({ length: layout.rank }, (_, i) => i)
        .filter((i) => !list.includes(i));
      return Uint32Array.from([...list.slice(1), others[0]]).sort();
    }),
  })),
  refused("a huge sample count", "samples", (update) => ({ ...update, samples: 1e15 - 1 })),
  refused("no samples", "samples", (update) => ({ ...update, samples: 0 })),
  refused("NaN for scores", "scores", (update) => ({
    ...update,
    scores: update.scores!.map((scores) => scores.map(() => NaN)),
  })),
  refused("scores below zero", "scores", (update) => ({
    ...update,
    scores: update.scores!.map((scores) => scores.map((score) => -1 - score)),
  })),
  refused("no scores", "scores", ({ scores: _, ...update }) => update),
  refused("a round to come", "wrong-round", (update) => ({ ...update, round: update.round + 1 })),
  refused("another client's name", "wrong-client", (update) => ({ ...update, client: 0 })),
  { ...refusal("another client's update", "wrong-client"), make: (_, other) => other },
  { ...refusal("half of its update", "malformed"), make: (own) => own.slice(0, own.length / 2) },
  { ...refusal("nothing", "malformed"), make: () => new Uint8Array() },
  {
    ...refusal("a pickle", "malformed"),
    make: () => new TextEncoder().encode("cos\nsystem\n(S'true'\ntR."),
  },
  {
    ...refusal("an update of another run", "malformed"),
    make: (own, _, { layout }) => {
      const { update } = decodeUpdate(own, layout);
      return encodeUpdate(layout, update, { run: "raaaaaaaaaaaaaaaa" }).bytes;
    },
  },
];

type Change = (update: ClientUpdate, manifest: RunManifest) => ClientUpdate;

function refused(name: string, reason: RejectReason, change: Change): HostileMessage {
  return {
    ...refusal(name, reason),
    make(own, _, manifest) {
      const { run, update } = decodeUpdate(own, manifest.layout);
      return encodeUpdate(manifest.layout, change(update, manifest), { run }).bytes;
    },
  };
}

function refusal(name: string, reason: RejectReason): Omit<HostileMessage, "make"> {
  return { name, reason, code: "update-refused", status: 422 };
}

/** Puts a number somewhere into one of the arrays. */
function spoil(arrays: readonly Float32Array[], which: number, number: number): Float32Array[] {
  return arrays.map((numbers, n) =>
    n === which ? numbers.with(numbers.length >> 1, number) : numbers
  );
}
