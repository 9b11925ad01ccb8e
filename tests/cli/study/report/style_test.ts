import assert from "node:assert/strict";
import { palette } from "../../../../src/cli/report/style.ts";
import { seriesCount, seriesPalette } from "../../../../src/cli/study/report/style.ts";

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/** Machado, Oliveira and Fernandes (2009), severity 1: linear RGB as seen without one of the three kinds of cones. */
const views: Readonly<Record<string, Matrix>> = {
  "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  "no long ones": [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "no middle ones": [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  "no short ones": [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const times = (matrix: Matrix, vector: Triple): Triple =>
  matrix.map((row) => row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2]) as never;

function linear(hex: string): Triple {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4) as never;
}

/** Ottosson's OKLab, in which distances are about as large as differences look. */
function oklab(rgb: Triple): Triple {
  const cones = times([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
  ], rgb).map((c) => Math.cbrt(Math.max(0, c))) as unknown as Triple;
  return times([
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
  ], cones);
}

const distance = (one: Triple, other: Triple): number =>
  Math.hypot(...one.map((value, axis) => value - other[axis]));

const [light, dark] = seriesPalette.split("@media").map((rules) =>
  Array.from(
    { length: seriesCount },
    (_, index) => rules.match(new RegExp(`--series-${index + 1}: (#[0-9a-f]{6})`))![1],
  )
);
const [lightCard, darkCard] = palette.split("@media")
  .map((rules) => rules.match(/--card: (#[0-9a-f]{6})/)![1]);

Deno.test("series colours can be told apart by every kind of colour vision, from each other and the card", () => {
  for (const [colors, card] of [[light, lightCard], [dark, darkCard]] as const) {
    for (const [name, view] of Object.entries(views)) {
      const seen = [...colors, card].map((color) =>
        oklab(times(view, linear(color)).map((c) => Math.min(1, Math.max(0, c))) as never)
      );
      seen.forEach((one, index) =>
        seen.slice(0, index).forEach((other, before) => {
          const apart = distance(one, other);
          assert.ok(apart > 0.12, `${name}: ${index + 1} and ${before + 1} are ${apart} apart`);
        })
      );
    }
  }
});
