/** Masks [B,T] for tests of attention. */

/** Row 0 is full, row 1 is padded to half at its end and lacks every fifth key, row 2 sees nothing at all. */
export function attentionMask(B: number, T: number): Uint32Array {
  return Uint32Array.from({ length: B * T }, (_, i) => {
    const row = Math.floor(i / T), key = i % T;
    if (row === 0) return 1;
    return row === 1 && key < Math.ceil(T / 2) && key % 5 !== 0 ? 1 : 0;
  });
}

/** Row 0 holds documents of 1, 2, 3 and so on tokens, row 1 one of two thirds and padding, row 2 padding around documents of 2 tokens. */
export function documentMask(B: number, T: number): Uint32Array {
  return Uint32Array.from({ length: B * T }, (_, i) => {
    const row = Math.floor(i / T), place = i % T;
    if (row === 0) return Math.floor((Math.sqrt(8 * place + 1) + 1) / 2);
    if (row === 1) return place < 2 * T / 3 ? 1 : 0;
    return place === 0 || place === T - 1 ? 0 : Math.ceil(place / 2);
  });
}
