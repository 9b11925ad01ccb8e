import type { Study } from "../../../study/study.ts";
import { seriesCount } from "./style.ts";

/** How a method is drawn in every figure of a report. */
export interface Look {
  /** Any CSS colour. */
  readonly color: string;
  readonly dashed: boolean;
  /** Whether it is one of the methods that stand out; the others share a grey. */
  readonly core: boolean;
}

/**
 * Looks of a study's methods. Those that claims are made of come first, then the study's own order; as many as there are colours stand out, the second
 * half of them dashed. A method looks the same in every cell.
 */
export function methodLooks({ methods, claims, baseline }: Study): ReadonlyMap<string, Look> {
  const names = new Set([
    ...claims.map(({ method }) => method),
    ...(baseline === undefined ? [] : [baseline]),
    ...claims.map(({ than }) => than),
    ...Object.keys(methods),
  ]);
  return new Map(
    [...names].map((name, place) => [
      name,
      place < seriesCount
        ? {
          color: `var(--series-${place + 1})`,
          dashed: place >= seriesCount / 2,
          core: true,
        }
        : { color: "var(--other)", dashed: false, core: false },
    ]),
  );
}
