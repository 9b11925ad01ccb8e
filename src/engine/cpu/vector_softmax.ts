/** Vector code of the masked softmax and of its gradient, row by row. @module */

import { exponential } from "./vector_activations.ts";
import {
  acrossLanes,
  divide,
  multiply,
  overElements,
  overRows,
  subtract,
  sumOver,
  vectorFunction,
} from "./vector_code.ts";
import {
  advance,
  branch,
  type Code,
  constant,
  get,
  instruction,
  set,
  type WasmFunction,
} from "./wasm_module.ts";

const highestOf = (x: Code, y: Code): Code => instruction("f32x4.pmax", x, y);
const times4 = (count: Code): Code => instruction("i32.mul", count, constant(4));

/**
 * softmax(scores, mask, probabilities, rows, tokens, query, causal, scale): rows of one batch entry, which share their mask. `query` is the first row's
 * position among the tokens.
 */
export function softmaxFunction(): WasmFunction {
  return vectorFunction(
    "softmax",
    ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "f32"],
    (code, [scores, mask, probabilities, rows, tokens, query, causal, scale]) => {
      const visible = code.local("i32");
      const highest = code.local("v128");
      const factor = code.keep(instruction("f32x4.splat", get(scale)));
      const isVisible = (word: Code): Code =>
        code.keep(instruction("i32x4.ne", word, code.number(0)));
      const row = times4(get(tokens));
      overRows(code, rows, [[scores, row], [probabilities, row]], () => {
        code.emit(advance(query, constant(1)));
        code.emit(
          set(visible, instruction("select", get(query), get(tokens), get(causal))),
        );
        code.emit(set(highest, code.number(-Infinity)));
        overElements(code, get(visible), [get(scores), get(mask)], ({ load }) => {
          const score = instruction(
            "v128.bitselect",
            load(0),
            code.number(-Infinity),
            isVisible(load(1)),
          );
          code.emit(set(highest, highestOf(get(highest), score)));
        });
        const maximum = acrossLanes(code, get(highest), highestOf);
        const sum = sumOver(
          code,
          get(visible),
          [get(scores), get(mask), get(probabilities)],
          ({ load, store }) => {
            const seen = isVisible(load(1));
            const e = exponential(code, multiply(subtract(load(0), maximum), factor));
            const weight = code.keep(instruction("v128.and", e, seen));
            store(2, weight);
            return weight;
          },
        );
        const inverse = code.keep(
          instruction(
            "v128.and",
            divide(code.number(1), sum),
            instruction("f32x4.gt", sum, code.number(0)),
          ),
        );
        overElements(code, get(visible), [get(probabilities)], ({ load, store }) => {
          store(0, multiply(load(0), inverse));
        });
        overElements(
          code,
          instruction("i32.sub", get(tokens), get(visible)),
          [instruction("i32.add", get(probabilities), times4(get(visible)))],
          ({ store }) => store(0, code.number(0)),
        );
        code.emit(
          branch(instruction("i32.eq", get(query), get(tokens)), [set(query, constant(0))]),
        );
      });
    },
  );
}

/** softmaxBackward(p, dp, ds, rows, width, scale). */
export function softmaxBackwardFunction(): WasmFunction {
  return vectorFunction(
    "softmaxBackward",
    ["i32", "i32", "i32", "i32", "i32", "f32"],
    (code, [p, dp, ds, rows, width, scale]) => {
      const factor = code.keep(instruction("f32x4.splat", get(scale)));
      const row = times4(get(width));
      overRows(code, rows, [[p, row], [dp, row], [ds, row]], () => {
        const sum = sumOver(
          code,
          get(width),
          [get(p), get(dp)],
          ({ load }) => multiply(load(0), load(1)),
        );
        overElements(code, get(width), [get(p), get(dp), get(ds)], ({ load, store }) => {
          store(2, multiply(load(0), subtract(load(1), sum), factor));
        });
      });
    },
  );
}
