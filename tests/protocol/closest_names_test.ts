import assert from "node:assert/strict";
import fc from "fast-check";
import { closestNames } from "../../src/protocol/closest_names.ts";

const flags = ["rounds", "ranks", "localSteps", "seed"];

Deno.test("closestNames() finds a name that lacks one letter", () => {
  fc.assert(fc.property(fc.constantFrom(...flags), fc.nat(), (name, place) => {
    const at = place % name.length;
    const slipped = name.slice(0, at) + name.slice(at + 1);
    assert.ok(closestNames(slipped, flags).includes(name), slipped);
  }));
});

Deno.test("closestNames() counts two swapped letters as one slip, and capitals as none", () => {
  assert.deepEqual(closestNames("sede", flags), ["seed"]);
  assert.deepEqual(closestNames("LOCALSTEPS", flags), ["localSteps"]);
});

Deno.test("closestNames() takes the beginning of a name for it, but not a letter or two", () => {
  assert.deepEqual(closestNames("local", flags), ["localSteps"]);
  assert.deepEqual(closestNames("lo", flags), []);
});

Deno.test("closestNames() gives the three nearest, nearest first", () => {
  const tensors = ["layers.0.v_proj", "layers.0.o_proj", "layers.1.q_proj", "layers.10.q_proj"];
  assert.deepEqual(closestNames("layers.2.q_proj", tensors), [
    "layers.1.q_proj",
    "layers.0.v_proj",
    "layers.0.o_proj",
  ]);
});

Deno.test("closestNames() gives nothing when every name is far", () => {
  assert.deepEqual(closestNames("zzzz", flags), []);
});
