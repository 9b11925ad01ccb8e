import assert from "node:assert/strict";
import { UserError } from "../../src/protocol/errors.ts";
import {
  allowed,
  checkMethod,
  parseAggregator,
  parseDistribution,
  parseNamedMethod,
  parseRankBy,
  parseScope,
  parseScoreKind,
  parseSelector,
} from "../../src/protocol/method.ts";
import { randomStream } from "../../src/protocol/random.ts";
import { greedy, random } from "../../src/protocol/selection.ts";

Deno.test("parseNamedMethod() knows HAFL's four schemes in any case", () => {
  assert.deepEqual(parseNamedMethod("IFALoRA"), { distribution: "freeze", aggregator: "adaptive" });
  assert.deepEqual(parseNamedMethod("ifzlora"), { distribution: "freeze", aggregator: "zero-pad" });
  assert.deepEqual(parseNamedMethod("ITALORA"), {
    distribution: "truncate",
    aggregator: "adaptive",
  });
  assert.deepEqual(parseNamedMethod("ITZLoRA"), {
    distribution: "truncate",
    aggregator: "zero-pad",
  });
});

Deno.test("parsers return every allowed name as it stands", () => {
  allowed.distribution.forEach((name) => assert.equal(parseDistribution(name), name));
  allowed.aggregator.forEach((name) => assert.equal(parseAggregator(name), name));
  allowed.rankBy.forEach((name) => assert.equal(parseRankBy(name), name));
  allowed.scope.forEach((name) => assert.equal(parseScope(name), name));
  allowed.score.forEach((name) => assert.equal(parseScoreKind(name), name));
});

const parsers: readonly [string, (text: string) => unknown, string][] = [
  [
    "parseNamedMethod",
    parseNamedMethod,
    'Cannot use method "best": expected one of IFALoRA, IFZLoRA, ITALoRA, ITZLoRA, FedIT',
  ],
  [
    "parseDistribution",
    parseDistribution,
    'Cannot use distribution "best": expected one of freeze, truncate, full',
  ],
  [
    "parseAggregator",
    parseAggregator,
    'Cannot use aggregator "best": expected one of adaptive, zero-pad, zero-delta, fedit',
  ],
  ["parseRankBy", parseRankBy, 'Cannot use ranking party "best": expected one of server, client'],
  ["parseScope", parseScope, 'Cannot use scope "best": expected one of module, global'],
  [
    "parseScoreKind",
    parseScoreKind,
    'Cannot use score "best": expected one of smoothed-uncertainty, smoothed, magnitude, random',
  ],
  [
    "parseSelector",
    parseSelector,
    'Cannot use selection "best": expected greedy, random or sampled:TEMPERATURE (such as sampled:0.5)',
  ],
];

for (const [name, parse, message] of parsers) {
  Deno.test(`${name}() throws UserError listing the allowed names when given another`, () => {
    assert.throws(() => parse("best"), (error) => {
      assert(error instanceof UserError);
      assert.equal(error.message, message);
      return true;
    });
    assert.throws(() => parse("toString"), UserError);
  });
}

Deno.test("parseSelector() reads greedy, random and a temperature", () => {
  assert.equal(parseSelector("greedy"), greedy);
  assert.equal(parseSelector("random"), random);
  assert.equal(parseSelector("sampled:0"), greedy);
  const scores = new Float64Array([1, 1e6, 2]);
  assert.deepEqual([...parseSelector("sampled:0.01")(scores, 1, randomStream(1))], [1]);
  for (const text of ["sampled:", "sampled:-1", "sampled:x", "sampled:NaN"]) {
    assert.throws(() => parseSelector(text), UserError);
  }
});

Deno.test("checkMethod() needs every client at full rank when everything is trained", () => {
  const adaptive = { distribution: "freeze", aggregator: "adaptive" } as const;
  checkMethod(adaptive, [2, 4, 8], 8);
  checkMethod({ distribution: "full", aggregator: "fedit" }, [8, 8], 8);
  assert.throws(() => checkMethod({ ...adaptive, aggregator: "fedit" }, [8, 2], 8), {
    name: "RankError",
    message: "Cannot use aggregator fedit: expected every client at the server's rank 8, got 2",
  });
  assert.throws(
    () => checkMethod({ ...adaptive, distribution: "full" }, [4, 8], 8),
    /distribution full/,
  );
});
