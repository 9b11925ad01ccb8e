/**
 * Random streams keyed by purpose.
 *
 * Every random decision of a run draws from its own stream, keyed by (run seed, purpose, round, client, ...), so that
 * resuming, reordering clients or adding a new kind of draw never shifts the draws of another one.
 *
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded through a 128-bit FNV-1a-like mix of the key.
 *
 * @module
 */

/** A deterministic stream of random numbers. */
export interface RandomStream {
  /** The next 32 random bits, as an unsigned integer. */
  bits(): number;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, limit), without modulo bias. */
  integer(limit: number): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** Gamma(shape, 1) (Marsaglia and Tsang 2000); shape > 0. */
  gamma(shape: number): number;
  /** A shuffled copy of `items` (Fisher-Yates). */
  shuffle<T>(items: ArrayLike<T>): T[];
}

/**
 * Opens the stream for a key. The same key always yields the same numbers, on every platform.
 *
 * @example
 * ```ts
 * import { randomStream } from "./random.ts";
 * const first = randomStream(7, "partition", 3).bits();
 * const again = randomStream(7, "partition", 3).bits();
 * if (first !== again) throw new Error("streams must repeat");
 * ```
 */
export function randomStream(seed: number, ...key: readonly (string | number)[]): RandomStream {
  const [a, b, c, d] = mixKey(JSON.stringify([seed, ...key]));
  return new Sfc32(a, b, c, d);
}

/** 32 bits that identify a key; for seeds handed to kernels. */
export function randomSeed(seed: number, ...key: readonly (string | number)[]): number {
  return randomStream(seed, ...key).bits();
}

/** Four 32-bit words from a text, each an FNV-1a with its own basis and a final avalanche (MurmurHash3 fmix32). */
function mixKey(text: string): [number, number, number, number] {
  const words: number[] = [];
  for (let lane = 0; lane < 4; lane++) {
    let hash = (0x811c9dc5 ^ Math.imul(lane + 1, 0x9e3779b9)) >>> 0;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    words.push((hash ^ (hash >>> 16)) >>> 0);
  }
  return words as [number, number, number, number];
}

class Sfc32 implements RandomStream {
  #spare: number | undefined;

  constructor(private a: number, private b: number, private c: number, private d: number) {
    for (let i = 0; i < 16; i++) this.bits();
  }

  bits(): number {
    const t = (((this.a + this.b) | 0) + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t >>> 0;
  }

  uniform(): number {
    return ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
  }

  integer(limit: number): number {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(
        `Cannot draw an integer below ${limit}: expected a whole number of at least 1`,
      );
    }
    const accepted = Math.floor(4294967296 / limit) * limit;
    let draw = this.bits();
    while (draw >= accepted) draw = this.bits();
    return draw % limit;
  }

  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  gamma(shape: number): number {
    if (!(shape > 0)) {
      throw new RangeError(`Cannot draw from Gamma(${shape}): expected a shape above 0`);
    }
    if (shape < 1) return this.gamma(shape + 1) * Math.pow(1 - this.uniform(), 1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    while (true) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) {
        return d * v;
      }
    }
  }

  shuffle<T>(items: ArrayLike<T>): T[] {
    const result = Array.from(items);
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [result[i], result[j]] = [result[j], result[i]];
    }
    return result;
  }
}
