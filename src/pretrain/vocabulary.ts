/** A WordPiece tokenizer with a smaller vocabulary: the pieces that a corpus uses most. @module */

import { UserError } from "../protocol/errors.ts";

/** The parts of a `tokenizer.json` that a cut touches. */
interface WordPieceJson {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
  readonly post_processor?: unknown;
  readonly model: {
    readonly type?: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly continuing_subword_prefix?: string;
  };
}

/**
 * `tokenizer.json` with a vocabulary of `size` pieces: its special tokens, all single characters (whole and as continuations), so that whatever could be
 * written still can, and of the others those with the highest counts. Ids are numbered anew in the old order.
 *
 * @param counts how often a sample of the corpus uses each old id, [V]
 * @throws UserError when the tokenizer is no WordPiece, or `size` does not hold the pieces that must stay.
 */
export function cutVocabulary(
  tokenizerJson: Readonly<Record<string, unknown>>,
  counts: ArrayLike<number>,
  size: number,
): Record<string, unknown> {
  const json = tokenizerJson as unknown as WordPieceJson;
  const { model } = json;
  if (model.type !== undefined && model.type !== "WordPiece" || Array.isArray(model.vocab)) {
    throw new UserError(
      `Cannot cut the vocabulary: expected a WordPiece tokenizer, got ${model.type}`,
    );
  }
  const pieces = Object.entries(model.vocab).sort(([, x], [, y]) => x - y);
  const added = new Set((json.added_tokens ?? []).map(({ content }) => content));
  const prefix = model.continuing_subword_prefix ?? "##";
  const stays = (piece: string): boolean => {
    const text = piece.startsWith(prefix) && piece !== prefix ? piece.slice(prefix.length) : piece;
    return added.has(piece) || [...text].length === 1;
  };
  const fixed = pieces.filter(([piece]) => stays(piece));
  if (size < fixed.length || size > pieces.length) {
    throw new UserError(
      `Cannot cut the vocabulary to ${size} pieces: expected between ${fixed.length} (special tokens and single characters) and ${pieces.length}`,
    );
  }
  const frequent = pieces.filter(([piece]) => !stays(piece))
    .sort(([, x], [, y]) => counts[y] - counts[x] || x - y)
    .slice(0, size - fixed.length);
  const kept = [...fixed, ...frequent].sort(([, x], [, y]) => x - y);
  const vocab = Object.fromEntries(kept.map(([piece], id) => [piece, id]));
  return {
    ...tokenizerJson,
    added_tokens: (json.added_tokens ?? []).map((token) => ({
      ...token,
      id: vocab[token.content],
    })),
    post_processor: renumber(json.post_processor, vocab),
    model: { ...model, vocab },
  };
}

/** A post-processor names its special tokens with their ids, by template or as pairs. */
function renumber(processor: unknown, vocab: Readonly<Record<string, number>>): unknown {
  if (typeof processor !== "object" || processor === null) return processor;
  const copy: Record<string, unknown> = { ...processor };
  for (const end of ["sep", "cls"]) {
    const pair = copy[end];
    if (Array.isArray(pair)) copy[end] = [pair[0], vocab[pair[0]]];
  }
  if (typeof copy.special_tokens === "object" && copy.special_tokens !== null) {
    const special = copy.special_tokens as Record<string, { readonly tokens: readonly string[] }>;
    copy.special_tokens = Object.fromEntries(
      Object.entries(special).map(([name, token]) => [
        name,
        { ...token, ids: token.tokens.map((content) => vocab[content]) },
      ]),
    );
  }
  return copy;
}

/** `tokenizer_config.json` of a tokenizer whose vocabulary was cut: ids of its special tokens numbered anew. */
export function cutTokenizerConfig(
  config: Readonly<Record<string, unknown>>,
  cut: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const decoder = config.added_tokens_decoder;
  if (typeof decoder !== "object" || decoder === null) return { ...config };
  const { vocab } = (cut as unknown as WordPieceJson).model;
  const tokens = Object.values(decoder as Record<string, { readonly content: string }>);
  return {
    ...config,
    added_tokens_decoder: Object.fromEntries(
      tokens.map((token) => [vocab[token.content], token]),
    ),
  };
}
