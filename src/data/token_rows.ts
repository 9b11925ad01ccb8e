/**
 * Texts as rows of tokens for a language model: cut where they are longer than a row, and packed where they are shorter.
 *
 * @module
 */

import type { TokenRow } from "./types.ts";

/** A text's tokens, and which of them are learned. */
export interface TokenizedText {
  /** Token ids of the whole text, special tokens included. */
  readonly ids: Uint32Array;
  /** [ids.length] 1 where the token is to be predicted from those before it; of the first token it does not matter. */
  readonly learned: Uint8Array;
}

/**
 * Rows of at most `T` tokens in which every learned token of every text but its first is predicted once. A text that is longer is cut into pieces, each of
 * which begins with the last token of the one before, as its context; pieces without a learned token are left out.
 *
 * Where `packed`, several pieces share a row as documents of their own, longest first, each in the row with the least space that still holds it (best-fit
 * decreasing, as Ding et al. 2024, arXiv 2404.10830, pack texts).
 *
 * @throws {RangeError} where `T` is below 2: nothing could be predicted.
 *
 * @example
 * ```ts
 * import { tokenRows } from "./token_rows.ts";
 * const text = (...ids: number[]) => ({
 *   ids: Uint32Array.from(ids),
 *   learned: new Uint8Array(ids.length).fill(1),
 * });
 * const rows = tokenRows([text(1, 2), text(3, 4, 5, 6, 7)], 4, { packed: true });
 * if (rows.map(({ ids }) => ids.join()).join(" ") !== "3,4,5,6 1,2,6,7") throw new Error("unreachable");
 * if (rows[1].documents.join() !== "1,1,2,2") throw new Error("unreachable");
 * if (rows[1].learned.join() !== "0,1,0,1") throw new Error("unreachable");
 * ```
 */
export function tokenRows(
  texts: readonly TokenizedText[],
  T: number,
  { packed }: { readonly packed: boolean },
): TokenRow[] {
  if (!(T >= 2)) {
    throw new RangeError(`Cannot make rows of ${T} tokens: expected at least 2`);
  }
  const pieces = texts.flatMap((text) => piecesOf(text, T));
  const groups = packed ? pack(pieces, T) : pieces.map((piece) => [piece]);
  return groups.map(joinPieces);
}

/** How many tokens of a row are predicted. */
export function countPredictions({ learned }: TokenRow): number {
  return learned.reduce((sum, flag) => sum + flag, 0);
}

function piecesOf({ ids, learned }: TokenizedText, T: number): TokenizedText[] {
  const pieces: TokenizedText[] = [];
  for (let start = 0; start < ids.length - 1; start += T - 1) {
    const flags = learned.slice(start, start + T);
    flags[0] = 0;
    if (flags.includes(1)) pieces.push({ ids: ids.slice(start, start + T), learned: flags });
  }
  return pieces;
}

function pack(pieces: readonly TokenizedText[], T: number): TokenizedText[][] {
  const groups: TokenizedText[][] = [];
  /** By space left: groups that have it. */
  const open: TokenizedText[][][] = Array.from({ length: T + 1 }, () => []);
  for (const piece of pieces.toSorted((one, other) => other.ids.length - one.ids.length)) {
    const size = piece.ids.length;
    let space = size;
    while (space < T && open[space].length === 0) space++;
    const group = open[space].pop() ?? [];
    if (group.length === 0) groups.push(group);
    group.push(piece);
    // A row that was not open yet has all its space.
    open[space - size].push(group);
  }
  return groups;
}

function joinPieces(pieces: readonly TokenizedText[]): TokenRow {
  const length = pieces.reduce((sum, { ids }) => sum + ids.length, 0);
  const row = {
    ids: new Uint32Array(length),
    documents: new Uint32Array(length),
    learned: new Uint8Array(length),
  };
  let start = 0;
  pieces.forEach(({ ids, learned }, i) => {
    row.ids.set(ids, start);
    row.documents.fill(i + 1, start, start + ids.length);
    row.learned.set(learned, start);
    start += ids.length;
  });
  return row;
}
