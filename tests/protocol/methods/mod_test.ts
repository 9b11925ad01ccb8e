import assert from "node:assert/strict";
import { methodNamed, methodOf, namedMethods } from "../../../src/protocol/methods/mod.ts";

Deno.test("every method has a name, a summary and a source of its own kind", () => {
  const names = namedMethods.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, summary, source } of namedMethods) {
    assert.match(name, /^[A-Za-z][A-Za-z-]*$/);
    assert.match(summary, /^[^A-Z\n].{20,90}$|^IFALoRA .{10,80}$/);
    assert.ok(source.length > 10);
  }
});

Deno.test("no two methods stand for the same settings", () => {
  const settings = namedMethods.map((method) =>
    JSON.stringify(Object.entries(method.settings).sort())
  );
  assert.equal(new Set(settings).size, settings.length);
});

Deno.test("methodNamed() finds a method by its exact name", () => {
  assert.equal(methodNamed("hetlora")?.settings.aggregation, "hetlora");
  assert.equal(methodNamed("HetLoRA"), undefined);
  assert.equal(methodNamed(undefined), undefined);
});

Deno.test("methodOf() finds each method by its settings, and the one that says most", () => {
  for (const method of namedMethods) {
    assert.equal(methodOf({ rounds: 3, ...method.settings }), method);
  }
  const freeze = { method: "freeze", aggregation: "adaptive" };
  assert.equal(methodOf({ ...freeze, selection: "greedy" })?.name, "IFALoRA");
  assert.equal(methodOf({ ...freeze, selection: "random" })?.name, "random");
  assert.equal(methodOf({ method: "full", aggregation: "fedit", factors: "both" })?.name, "fedit");
  assert.equal(methodOf({ method: "truncate", aggregation: "zero-delta" }), undefined);
});
