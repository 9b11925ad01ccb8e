/** The models whose training steps are measured: BERT's layers at three sizes, with random weights. @module */

/** Sizes of an encoder. */
export interface EncoderShape {
  /** As the tables call it. */
  readonly title: string;
  readonly layers: number;
  /** Width C. */
  readonly width: number;
  readonly heads: number;
  /** Feed-forward width F. */
  readonly feedForward: number;
  /** Rows B of a step. */
  readonly batch: number;
}

/** Shapes by the name that programs take as `--shape`. All have B rows of T = 128 tokens and a vocabulary of 30,522. */
export const SHAPES = {
  small: { title: "2 × 128", layers: 2, width: 128, heads: 4, feedForward: 512, batch: 16 },
  minilm: {
    title: "6 × 384 (MiniLM)",
    layers: 6,
    width: 384,
    heads: 12,
    feedForward: 1536,
    batch: 16,
  },
  distilbert: {
    title: "6 × 768 (DistilBERT)",
    layers: 6,
    width: 768,
    heads: 12,
    feedForward: 3072,
    batch: 8,
  },
} as const satisfies Record<string, EncoderShape>;

/** Tokens T of a row. */
export const TOKENS = 128;
/** Rank of the adapters on query and value. */
export const RANK = 8;
/** Classes of the head. */
export const LABELS = 20;
/** Tokens V that a model knows, and rows of its table of positions. */
export const [VOCABULARY, POSITIONS] = [30522, 512];

/** Name of a shape. */
export type ShapeName = keyof typeof SHAPES;

/** The shape of that name; RangeError for another one. */
export function shapeOf(name: string): EncoderShape {
  if (Object.hasOwn(SHAPES, name)) return SHAPES[name as ShapeName];
  throw new RangeError(
    `Cannot measure shape "${name}": expected ${Object.keys(SHAPES).join(", ")}`,
  );
}

/** A shape as Hugging Face's BERT has it in config.json. */
export function bertConfig(
  { layers, width, heads, feedForward }: Omit<EncoderShape, "title" | "batch">,
): Record<string, unknown> {
  return {
    model_type: "bert",
    vocab_size: VOCABULARY,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: feedForward,
    max_position_embeddings: POSITIONS,
  };
}
