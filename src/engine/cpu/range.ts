/** The whole numbers from 0 up to `count`, which is not among them. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
