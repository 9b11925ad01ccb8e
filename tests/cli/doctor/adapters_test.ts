import assert from "node:assert/strict";
import { whyNoAdapter } from "../../../src/cli/doctor/adapters.ts";

const debian = { os: "linux", osRelease: "ID=debian", loader: true, drivers: ["radeon.json"] };

Deno.test("whyNoAdapter tells a missing driver from a missing loader and from drivers without a device", () => {
  const install = "run: sudo apt-get update && sudo apt-get install";
  assert.match(
    whyNoAdapter({ ...debian, drivers: [] }),
    new RegExp(`^no Vulkan driver .*${install}`),
  );
  assert.match(
    whyNoAdapter({ ...debian, loader: false }),
    new RegExp(`^Vulkan's loader, libvulkan.so.1, is not installed; ${install}`),
  );
  assert.match(
    whyNoAdapter(debian),
    /^the Vulkan drivers that are installed \(radeon\.json\) find no/,
  );
  const unknown = { ...debian, loader: undefined };
  assert.equal(
    whyNoAdapter(unknown),
    whyNoAdapter(debian),
    "what may not be looked for is not blamed",
  );
});

Deno.test("whyNoAdapter names the graphics of other systems", () => {
  const text = whyNoAdapter({ os: "darwin", osRelease: "", loader: undefined, drivers: [] });
  assert.match(text, /^no driver answered; install a driver for .*Metal/);
});
