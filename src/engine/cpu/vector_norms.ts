/** Vector code of the normalisations and of their gradients, row by row. @module */

import {
  add,
  divide,
  multiply,
  overElements,
  overRows,
  subtract,
  sumOver,
  type VectorCode,
  vectorFunction,
} from "./vector_code.ts";
import {
  advance,
  branch,
  type Code,
  constant,
  get,
  instruction,
  load as loadAt,
  type Local,
  shuffle,
  storeFirst,
  storeHalf,
  type WasmFunction,
} from "./wasm_module.ts";

const rowBytes = (width: Local): Code => instruction("i32.mul", get(width), constant(4));
const asVector = (code: VectorCode, width: Local): Code =>
  code.keep(instruction("f32x4.splat", instruction("f32.convert_i32_u", get(width))));

/** 1 / √(squares / count + ε). */
function inverseRoot(code: VectorCode, squares: Code, count: Code, epsilon: Code): Code {
  const variance = add(divide(squares, count), epsilon);
  return code.keep(divide(code.number(1), instruction("f32x4.sqrt", variance)));
}

/** layerNorm(x, gamma, beta, y, statistics, rows, width, epsilon); `statistics` is 0 where nobody wants them. */
export function layerNormFunction(): WasmFunction {
  return vectorFunction(
    "layerNorm",
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "f32"],
    (code, [x, gamma, beta, y, statistics, rows, width, epsilon]) => {
      const count = asVector(code, width);
      const smallest = code.keep(instruction("f32x4.splat", get(epsilon)));
      const row = rowBytes(width);
      overRows(code, rows, [[x, row], [y, row]], () => {
        const sum = sumOver(code, get(width), [get(x)], ({ load }) => load(0));
        const mean = code.keep(divide(sum, count));
        const squares = sumOver(code, get(width), [get(x)], ({ load }) => {
          const centred = code.keep(subtract(load(0), mean));
          return multiply(centred, centred);
        });
        const rstd = inverseRoot(code, squares, count, smallest);
        const addresses = [x, gamma, beta, y].map(get);
        overElements(code, get(width), addresses, ({ load, store }) => {
          const normal = multiply(subtract(load(0), mean), rstd);
          store(3, add(multiply(normal, load(1)), load(2)));
        });
        code.emit(branch(get(statistics), [
          storeHalf(0, get(statistics), shuffle(mean, rstd, [0, 4, 0, 4])),
          advance(statistics, constant(8)),
        ]));
      });
    },
  );
}

/** layerNormBackward(x, gamma, statistics, dy, dx, rows, width). */
export function layerNormBackwardFunction(): WasmFunction {
  return vectorFunction(
    "layerNormBackward",
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    (code, [x, gamma, statistics, dy, dx, rows, width]) => {
      const count = asVector(code, width);
      const row = rowBytes(width);
      const advances = [[x, row], [dy, row], [dx, row], [statistics, constant(8)]] as const;
      overRows(code, rows, advances, () => {
        const mean = code.keep(loadAt("v128.load32_splat", get(statistics)));
        const rstd = code.keep(loadAt("v128.load32_splat", get(statistics), 4));
        const sum = sumOver(
          code,
          get(width),
          [gamma, dy].map(get),
          ({ load }) => multiply(load(1), load(0)),
        );
        const products = sumOver(
          code,
          get(width),
          [x, gamma, dy].map(get),
          ({ load }) => multiply(load(2), load(1), multiply(subtract(load(0), mean), rstd)),
        );
        const meanD = code.keep(divide(sum, count));
        const meanProduct = code.keep(divide(products, count));
        const addresses = [x, gamma, dy, dx].map(get);
        overElements(code, get(width), addresses, ({ load, store }) => {
          const normal = multiply(subtract(load(0), mean), rstd);
          const d = multiply(load(2), load(1));
          const inner = subtract(subtract(d, meanD), multiply(normal, meanProduct));
          store(3, multiply(rstd, inner));
        });
      });
    },
  );
}

/** rmsNorm(x, gamma, y, rstd, rows, width, epsilon); `rstd` is 0 where nobody wants it. */
export function rmsNormFunction(): WasmFunction {
  return vectorFunction(
    "rmsNorm",
    ["i32", "i32", "i32", "i32", "i32", "i32", "f32"],
    (code, [x, gamma, y, rstd, rows, width, epsilon]) => {
      const count = asVector(code, width);
      const smallest = code.keep(instruction("f32x4.splat", get(epsilon)));
      const row = rowBytes(width);
      overRows(code, rows, [[x, row], [y, row]], () => {
        const squares = sumOver(code, get(width), [get(x)], ({ load }) => {
          const value = load(0);
          return multiply(value, value);
        });
        const scale = inverseRoot(code, squares, count, smallest);
        overElements(code, get(width), [x, gamma, y].map(get), ({ load, store }) => {
          store(2, multiply(load(0), scale, load(1)));
        });
        code.emit(branch(get(rstd), [
          storeFirst(get(rstd), scale),
          advance(rstd, constant(4)),
        ]));
      });
    },
  );
}

/** rmsNormBackward(x, gamma, rstd, dy, dx, rows, width). */
export function rmsNormBackwardFunction(): WasmFunction {
  return vectorFunction(
    "rmsNormBackward",
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32"],
    (code, [x, gamma, rstd, dy, dx, rows, width]) => {
      const count = asVector(code, width);
      const row = rowBytes(width);
      const advances = [[x, row], [dy, row], [dx, row], [rstd, constant(4)]] as const;
      overRows(code, rows, advances, () => {
        const scale = code.keep(loadAt("v128.load32_splat", get(rstd)));
        const products = sumOver(
          code,
          get(width),
          [x, gamma, dy].map(get),
          ({ load }) => multiply(load(2), load(1), multiply(load(0), scale)),
        );
        const meanProduct = code.keep(divide(products, count));
        const addresses = [x, gamma, dy, dx].map(get);
        overElements(code, get(width), addresses, ({ load, store }) => {
          const normal = multiply(load(0), scale);
          const d = multiply(load(2), load(1));
          store(3, multiply(scale, subtract(d, multiply(normal, meanProduct))));
        });
      });
    },
  );
}
