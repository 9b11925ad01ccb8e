/** How many numbers a row-major tensor of this shape holds; 1 for a scalar's empty shape. */
export function cellCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
