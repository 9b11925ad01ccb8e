/** Masks [B,T] for tests of attention. */

/** Row 0 is full, row 1 is padded to half at its end and lacks every fifth key, row 2 sees nothing at all. */
export function attentionMask(B: number, T: number): Uint32Array {
  return Uint32Array.from({ length: B * T }, (_, i) => {
    const row = Math.floor(i / T), key = i % T;
    if (row === 0) return 1;
    return row === 1 && key < Math.ceil(T / 2) && key % 5 !== 0 ? 1 : 0;
  });
}
