/** A WordPiece tokenizer with a smaller vocabulary: the pieces that a corpus uses most. @module */

import { UserError } from "../protocol/errors.ts";

/** The parts of a `tokenizer.json` that a cut touches. */
interface WordPieceJson {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
  readonly post_processor?: unknown;
  readonly model: {
    readonly type?: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly unk_token?: string;
    readonly continuing_subword_prefix?: string;
  };
}

/** New ids by piece. */
type Numbering = ReadonlyMap<string, number>;

/**
 * `tokenizer.json` with a vocabulary of `size` tokens: its special tokens, all single characters (whole and as continuations), so that whatever could be
 * written still can, and of the other pieces those with the highest counts. Ids are numbered anew in the old order. Words whose pieces all stay are
 * tokenized as before: WordPiece takes the longest piece that fits, and a longer one never comes to be.
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
  const { model, added_tokens: added = [] } = json;
  requireWordPiece(model);
  const numbering = numberKept(json, counts, size);
  const vocab = Object.keys(model.vocab).filter((piece) => numbering.has(piece))
    .map((piece): [string, number] => [piece, numbering.get(piece)!])
    .sort(([, x], [, y]) => x - y);
  return {
    ...tokenizerJson,
    added_tokens: added.map((token) => ({ ...token, id: numbering.get(token.content) })),
    post_processor: renumber(json.post_processor, numbering),
    model: { ...model, vocab: Object.fromEntries(vocab) },
  };
}

function requireWordPiece(model: WordPieceJson["model"]): void {
  // Files of the first tokenizers release name no type; this setting is WordPiece's own.
  const type = model.type ?? ("max_input_chars_per_word" in model ? "WordPiece" : "another");
  if (type === "WordPiece") return;
  throw new UserError(
    `Cannot cut the vocabulary: expected a WordPiece tokenizer, got ${type}`,
  );
}

function numberKept(
  { model, added_tokens: added = [] }: WordPieceJson,
  counts: ArrayLike<number>,
  size: number,
): Numbering {
  const ids = new Map(Object.entries(model.vocab));
  for (const { content, id } of added) ids.set(content, id);
  const special = new Set([...added.map(({ content }) => content), model.unk_token]);
  const prefix = model.continuing_subword_prefix ?? "##";
  const stays = (piece: string): boolean => {
    const text = piece.startsWith(prefix) && piece !== prefix ? piece.slice(prefix.length) : piece;
    return special.has(piece) || [...text].length === 1;
  };
  const byId = (x: string, y: string): number => ids.get(x)! - ids.get(y)!;
  const byCount = (x: string, y: string): number => counts[ids.get(y)!] - counts[ids.get(x)!];
  const pieces = [...ids.keys()];
  const fixed = pieces.filter(stays);
  if (size < fixed.length || size > pieces.length) {
    throw new UserError(
      `Cannot cut the vocabulary to ${size} tokens: expected between ${fixed.length} (special tokens and single characters) and ${pieces.length}`,
    );
  }
  const frequent = pieces.filter((piece) => !stays(piece))
    .sort((x, y) => byCount(x, y) || byId(x, y))
    .slice(0, size - fixed.length);
  return new Map([...fixed, ...frequent].sort(byId).map((piece, id) => [piece, id]));
}

/** A post-processor names its special tokens with their ids, by template or as pairs; a sequence holds several. */
function renumber(processor: unknown, numbering: Numbering): unknown {
  if (typeof processor !== "object" || processor === null) return processor;
  const copy: Record<string, unknown> = { ...processor };
  if (Array.isArray(copy.processors)) {
    copy.processors = copy.processors.map((part) => renumber(part, numbering));
  }
  for (const end of ["sep", "cls"]) {
    const pair = copy[end];
    if (Array.isArray(pair)) copy[end] = [pair[0], numbering.get(pair[0])];
  }
  if (typeof copy.special_tokens === "object" && copy.special_tokens !== null) {
    const special = copy.special_tokens as Record<string, { readonly tokens: readonly string[] }>;
    copy.special_tokens = Object.fromEntries(
      Object.entries(special).map(([name, token]) => [
        name,
        { ...token, ids: token.tokens.map((content) => numbering.get(content)) },
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
  const { added_tokens: added = [], model } = cut as unknown as WordPieceJson;
  const ids = new Map(Object.entries(model.vocab));
  for (const { content, id } of added) ids.set(content, id);
  const tokens = Object.values(decoder as Record<string, { readonly content: string }>)
    .filter(({ content }) => ids.has(content));
  return {
    ...config,
    added_tokens_decoder: Object.fromEntries(
      tokens.map((token) => [ids.get(token.content)!, token]),
    ),
  };
}
