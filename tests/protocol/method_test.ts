import assert from "node:assert/strict";
import { aggregatorNames } from "../../src/protocol/aggregate/mod.ts";
import { checkMethod, type Method, needsEqualRanks } from "../../src/protocol/method.ts";
import { namedMethods } from "../../src/protocol/methods/mod.ts";

const hafl: Method = {
  method: "freeze",
  factors: "both",
  aggregation: "adaptive",
  selection: "greedy",
  rankBy: "server",
  scope: "module",
};

Deno.test("checkMethod() needs every client at full rank when everything is trained", () => {
  checkMethod(hafl, [2, 4, 8], 8);
  checkMethod({ ...hafl, method: "full", aggregation: "fedit" }, [8, 8], 8);
  assert.throws(() => checkMethod({ ...hafl, aggregation: "fedit" }, [8, 2], 8), {
    name: "RankError",
    message: "Cannot use aggregation fedit: expected every client at the server's rank 8, got 2",
  });
  assert.throws(() => checkMethod({ ...hafl, method: "full" }, [4, 8], 8), {
    name: "RankError",
    message: "Cannot use distribution full: expected every client at the server's rank 8, got 4",
  });
});

Deno.test("checkMethod() lets a client of any rank train the head alone, but not by fedit", () => {
  checkMethod({ ...hafl, method: "head" }, [1, 2, 8], 8);
  assert.throws(() => checkMethod({ ...hafl, method: "head", aggregation: "fedit" }, [8, 8], 8), {
    name: "UserError",
    message:
      "Cannot use aggregation fedit with distribution head: expected all components of every client, got none",
  });
});

Deno.test("checkMethod() refuses parts that do not go together", () => {
  const wrong: readonly [Partial<Method>, RegExp][] = [
    [{ aggregation: "flexlora", factors: "b" }, /aggregation flexlora with factors b/],
    [{ method: "head", factors: "b" }, /distribution head with factors b: expected both/],
    [{ aggregation: "flexlora", rankBy: "client" }, /aggregation flexlora with ranking by client/],
    [{ aggregation: "flora", rankBy: "client" }, /aggregation flora with ranking by client/],
    [{ selection: "first", scope: "global" }, /selection first with scope global/],
  ];
  for (const [parts, message] of wrong) {
    assert.throws(() => checkMethod({ ...hafl, ...parts }, [2, 4, 8], 8), message);
    for (const [key, value] of Object.entries(parts)) {
      checkMethod({ ...hafl, [key]: value }, [2, 4, 8], 8);
    }
  }
});

Deno.test("checkMethod() lets every named method serve the ranks it is for", () => {
  for (const { name, settings } of namedMethods) {
    const method = { ...hafl, ...settings };
    checkMethod(method, [8, 8], 8);
    const one = ["fedit", "ffa", "centralised"].includes(name);
    assert.equal(needsEqualRanks(method), one, name);
    if (one) assert.throws(() => checkMethod(method, [2, 8], 8), /expected every client/);
    else checkMethod(method, [2, 8], 8);
  }
});

Deno.test("needsEqualRanks() asks the rule where components are picked", () => {
  const needy = aggregatorNames.filter((aggregation) => needsEqualRanks({ ...hafl, aggregation }));
  assert.deepEqual(needy, ["fedit"]);
});
