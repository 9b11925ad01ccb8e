/** Positions of the tokens of one row. @module */

/** 0, 1, 2, … for every token, padding too. */
export function tokenPositions(mask: Uint32Array): Uint32Array {
  return mask.map((_, t) => t);
}

/**
 * RoBERTa's positions: real tokens count up from `padding` + 1, padding stays at `padding`, the row of the position table that was reserved for it.
 * fairseq and Hugging Face count by token id rather than by mask; the two agree unless a text contains the padding token.
 */
export function positionsAfterPadding(mask: Uint32Array, padding: number): Uint32Array {
  let position = padding;
  return mask.map((real) => real !== 0 ? ++position : padding);
}
