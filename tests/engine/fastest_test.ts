import assert from "node:assert/strict";
import { type Device, DeviceLostError, type Executor } from "../../src/engine/device.ts";
import { loadOnFastest } from "../../src/engine/fastest.ts";

const lost = (name: string) => new DeviceLostError(`The device ${name} was lost`);

/** Loads on a device of each name; `timed` gives its seconds. Beside the outcome, who was closed. */
async function load(
  names: readonly string[],
  timed: (name: string) => Promise<number>,
  close = (_: string) => Promise.resolve(),
) {
  const closed: string[] = [];
  const outcome = await loadOnFastest(
    names.map((name) => ({ info: { description: name } }) as Device),
    (device) => {
      const name = device.info.description;
      const executor = {
        close() {
          closed.push(name);
          return close(name);
        },
      } as Executor;
      return Promise.resolve({ name, executor });
    },
    ({ name }) => timed(name),
  ).then(({ name }) => name, (error: unknown) => error);
  return { outcome, closed };
}

Deno.test("loadOnFastest() closes a device that fails while it is timed, and keeps another", async () => {
  const timed = (name: string) => name === "gpu" ? Promise.reject(lost(name)) : Promise.resolve(1);
  for (const names of [["gpu", "cpu"], ["cpu", "gpu"]]) {
    assert.deepEqual(await load(names, timed), { outcome: "cpu", closed: ["gpu"] });
  }
});

Deno.test("loadOnFastest() keeps the fastest when a device that failed cannot be closed either", async () => {
  const { outcome } = await load(
    ["gpu", "cpu"],
    (name) => name === "gpu" ? Promise.reject(lost(name)) : Promise.resolve(1),
    (name) => name === "gpu" ? Promise.reject(lost(name)) : Promise.resolve(),
  );
  assert.equal(outcome, "cpu");
});

Deno.test("loadOnFastest() closes all and throws the first error when every device fails", async () => {
  const { outcome, closed } = await load(["gpu", "cpu"], (name) => Promise.reject(lost(name)));
  assert.deepEqual(outcome, lost("gpu"));
  assert.deepEqual(closed, ["gpu", "cpu"]);
});

Deno.test("loadOnFastest() does not time a single device", async () => {
  const { outcome, closed } = await load(["gpu"], (name) => Promise.reject(lost(name)));
  assert.equal(outcome, "gpu");
  assert.deepEqual(closed, []);
});
