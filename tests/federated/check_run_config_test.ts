import assert from "node:assert/strict";
import { completeRunConfig } from "../../src/federated/complete_run_config.ts";
import type { RunConfig } from "../../src/federated/run_config.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { methodNamed } from "../../src/protocol/methods/mod.ts";

Deno.test("checkRunConfig() refuses settings that contradict each other", () => {
  const [flexlora, flora, local] = ["flexlora", "flora", "local"]
    .map((name) => methodNamed(name)!.settings);
  const expected: [Partial<RunConfig>, RegExp][] = [
    [{ task: "lm", method: "head" }, /head with --task lm: a language model has no head that is/],
    [{ task: "lm", seqLen: 1 }, /--seq-len 1 with --task lm: expected at least 2, as a token is/],
    [
      { task: "lm", data: "texts.jsonl", labels: ["a", "b"] },
      /--labels with --task lm: labels only deal texts to clients, by --partition dirichlet or sh/,
    ],
    [
      { task: "lm" },
      /--task lm without --data: the built-in corpus has generated posts to classify, /,
    ],
    [{ task: "chat" }, /--task chat without --data: the built-in corpus has no conversations$/],
    [{ ranks: [2, 16], rank: 8 }, /client rank 16 .*at most the server's rank, 8/],
    [{ clients: 2, ranks: [2, 4, 8] }, /deal 3 ranks .* over 2 clients/],
    [{ aggregation: "fedit" }, /freeze \+ fedit: expected every client at rank 8, got rank 2/],
    [{ method: "full" }, /full \+ adaptive: .* \(--ranks 2,4,8\); use --ranks 8$/],
    [{ aggregation: "flexlora", factors: "b" }, /flexlora with factors b: expected both/],
    [{ aggregation: "flexlora", serverOptimizer: "adam" }, /adam with aggregation flexlora/],
    [
      { ...flexlora, rankBy: "client" },
      /flexlora with ranking by client: expected by server, as a comp/,
    ],
    [{ ...flexlora, optimizerState: "keep" }, /keep .* flexlora: expected reset, as a component/],
    [{ selection: "first", scope: "global" }, /first with scope global: expected scope module/],
    [{ buckets: [16, 32], seqLen: 64 }, /longest to be --seq-len 64, got 32/],
    [{ strip: ["headers"] }, /--strip without --data: the built-in corpus has its own rows/],
    [{ revision: "main" }, /--revision without --model/],
    [{ method: "head", factors: "b" }, /distribution head with factors b: expected both/],
    [{ aggregation: "flora" }, /--method freeze with --aggregation flora: expected truncate, as/],
    [{ ...flora, selection: "greedy" }, /selection greedy .* flora: expected first, as --method/],
    [{ ...flora, warmupRounds: 1 }, /--warmup-rounds 1 with --aggregation flora: expected 0/],
    [{ ...flora, rankBy: "client" }, /flora with ranking by client: expected by server/],
    [
      { ...flora, optimizerState: "keep" },
      /keep .* flora: expected reset, as every round trains a/,
    ],
    [{ ...flora, baseDtype: "f16" }, /--base-dtype f16 with --aggregation flora: expected f32/],
    [{ ...flora, baseDtype: "int8" }, /--base-dtype int8 with --aggregation flora: expected f32/],
    [{ ...flora, factors: "b" }, /aggregation flora with factors b: expected both/],
    [{ ...flora, serverOptimizer: "adam" }, /server optimizer adam with aggregation flora/],
    [{ ...local, method: "freeze" }, /--method freeze with --aggregation local: expected truncate/],
    [{ ...local, rankBy: "client" }, /--rank-by client with --aggregation local: expected server/],
    [{ ...local, serverOptimizer: "adam" }, /adam .* local: expected none, as nothing is combined/],
    [{ ...local, dropouts: 0.1 }, /--dropouts 0\.1 .* local: expected 0, as nothing is sent/],
    [{ ...local, stragglers: 0.1 }, /--stragglers 0\.1 .* local: expected 0, as nothing is sent/],
    [{ ...local, proximal: 1 }, /--proximal 1 .* local: expected 0, as nothing is received/],
  ];
  for (const [given, message] of expected) {
    assert.throws(
      () => completeRunConfig(given),
      (error) => error instanceof UserError && message.test(error.message),
      JSON.stringify(given),
    );
  }
});

Deno.test("checkRunConfig() lets rules that need equal ranks have them", () => {
  const { rank } = completeRunConfig({ aggregation: "fedit", method: "full", ranks: [2] });
  assert.equal(rank, 2);
});
