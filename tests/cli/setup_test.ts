import assert from "node:assert/strict";
import { decideSetup, type Machine, type MachineFacts, setUp } from "../../src/cli/setup.ts";

const debian = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n';
const ubuntu = 'NAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n';
const rocky = 'ID="rocky"\nID_LIKE="rhel centos fedora"\n';

/** A machine whose adapter appears once `run` was called `installs` times; records what happened. */
function fakeMachine(
  facts: Omit<MachineFacts, "adapter">,
  { adapter, installs = Infinity, statuses = [0, 0] }: {
    adapter?: string;
    installs?: number;
    statuses?: number[];
  } = {},
) {
  const commands: string[] = [];
  const lines: string[] = [];
  const machine: Machine = {
    facts,
    findAdapter: () =>
      Promise.resolve(adapter ?? (commands.length >= installs ? "llvmpipe" : undefined)),
    run: (command) => Promise.resolve(statuses[commands.push(command.join(" ")) - 1]),
    print: (line) => lines.push(line),
  };
  return { machine, commands, lines };
}

Deno.test("decideSetup() leaves a machine with an adapter alone", () => {
  const action = decideSetup({ adapter: "a GPU", osRelease: debian, root: true });
  assert.deepEqual(action, { kind: "ready", adapter: "a GPU" });
});

Deno.test("decideSetup() installs as root on Debian and what is like it", () => {
  for (const osRelease of [debian, ubuntu, 'ID="linuxmint"\nID_LIKE="ubuntu debian"']) {
    assert.equal(decideSetup({ osRelease, root: true }).kind, "install");
  }
});

Deno.test("decideSetup() gives one command to a user who may not install", () => {
  assert.deepEqual(decideSetup({ osRelease: ubuntu, root: false }), {
    kind: "ask",
    advice: "run: sudo apt-get update && " +
      "sudo apt-get install -y --no-install-recommends mesa-vulkan-drivers",
  });
  assert.deepEqual(decideSetup({ osRelease: rocky, root: true }), {
    kind: "ask",
    advice: "run: sudo dnf install mesa-vulkan-drivers",
  });
});

Deno.test("decideSetup() names the driver's kind on a system it does not know", () => {
  for (const osRelease of ["", "ID=constructor", "NAME=debian", "VARIANT_ID=debian"]) {
    const action = decideSetup({ osRelease, root: true });
    assert.ok(action.kind === "ask" && action.advice.includes("Metal"), osRelease);
  }
});

Deno.test("setUp() names the adapter in one line and runs nothing", async () => {
  const { machine, commands, lines } = fakeMachine({ osRelease: debian, root: true }, {
    adapter: "a GPU",
  });
  assert.equal(await setUp(machine), 0);
  assert.deepEqual(commands, []);
  assert.deepEqual(lines, ["WebGPU adapter: a GPU"]);
});

Deno.test("setUp() says what it installs, then looks again", async () => {
  const { machine, commands, lines } = fakeMachine({ osRelease: debian, root: true }, {
    installs: 2,
  });
  assert.equal(await setUp(machine), 0);
  assert.deepEqual(commands, [
    "apt-get update",
    "apt-get install -y --no-install-recommends mesa-vulkan-drivers",
  ]);
  assert.match(lines[0], /installing .*mesa-vulkan-drivers/);
  assert.equal(lines[1], "WebGPU adapter: llvmpipe");
});

Deno.test("setUp() stops at the first command that fails", async () => {
  const { machine, commands, lines } = fakeMachine({ osRelease: debian, root: true }, {
    statuses: [100],
  });
  assert.equal(await setUp(machine), 2);
  assert.equal(commands.length, 1);
  assert.equal(
    lines.at(-1),
    'Cannot install mesa-vulkan-drivers: "apt-get update" ended with 100',
  );
});

Deno.test("setUp() fails where the installed driver offers no adapter", async () => {
  const { machine, lines } = fakeMachine({ osRelease: debian, root: true });
  assert.equal(await setUp(machine), 2);
  assert.match(lines.at(-1)!, /although mesa-vulkan-drivers is installed/);
});

Deno.test("setUp() prints one line and installs nothing for an ordinary user", async () => {
  const { machine, commands, lines } = fakeMachine({ osRelease: debian, root: false });
  assert.equal(await setUp(machine), 2);
  assert.deepEqual(commands, []);
  assert.equal(lines.length, 1);
});
