/**
 * `deno task setup`: sees to it that there is a WebGPU adapter for the tests. Training needs none.
 *
 * @module
 */

/** What decides the set-up of a machine. */
export interface MachineFacts {
  /** Name of the WebGPU adapter, undefined where there is none. */
  readonly adapter?: string | undefined;
  /** Content of /etc/os-release; empty on other systems than Linux. */
  readonly osRelease: string;
  /** Whether this user may install packages. */
  readonly root: boolean;
}

/** What is to be done: nothing, running commands here, or asking the user to run one. */
export type SetupAction =
  | { readonly kind: "ready"; readonly adapter: string }
  | { readonly kind: "install"; readonly commands: readonly (readonly string[])[] }
  | { readonly kind: "ask"; readonly advice: string };

/** Mesa's drivers: a Vulkan device on the processor, and on the common GPUs. */
const debianPackage = "mesa-vulkan-drivers";

const debianCommands: readonly (readonly string[])[] = [
  ["apt-get", "update"],
  ["apt-get", "install", "-y", "--no-install-recommends", debianPackage],
];

/** By a distribution's ID, or one that it says it is like. */
const adviceFor: Readonly<Record<string, string>> = {
  debian: debianCommands.map((command) => `sudo ${command.join(" ")}`).join(" && "),
  fedora: "sudo dnf install mesa-vulkan-drivers",
  arch: "sudo pacman -S vulkan-swrast",
  suse: "sudo zypper install Mesa-vulkan-device-select libvulkan_lvp",
};

/**
 * Decides what a machine needs.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { decideSetup } from "./setup.ts";
 * const action = decideSetup({ osRelease: "ID=fedora", root: true });
 * assert.deepEqual(action, { kind: "ask", advice: "run: sudo dnf install mesa-vulkan-drivers" });
 * ```
 */
export function decideSetup({ adapter, osRelease, root }: MachineFacts): SetupAction {
  if (adapter !== undefined) return { kind: "ready", adapter };
  const kinds = distributionKinds(osRelease);
  if (kinds.includes("debian") && root) return { kind: "install", commands: debianCommands };
  const known = kinds.find((kind) => Object.hasOwn(adviceFor, kind));
  const advice = known === undefined
    ? "install a driver for Vulkan (Linux), Metal (macOS) or Direct3D 12 (Windows)"
    : `run: ${adviceFor[known]}`;
  return { kind: "ask", advice };
}

/** A distribution's ID, then those that it is like: Ubuntu's are "ubuntu" and "debian". */
function distributionKinds(osRelease: string): string[] {
  const field = (name: string): string =>
    osRelease.match(new RegExp(`^${name}="?([^"\n]*)"?$`, "m"))?.[1] ?? "";
  return `${field("ID")} ${field("ID_LIKE")}`.trim().split(/\s+/);
}

/** How the set-up reaches the machine; handed in so that tests install nothing. */
export interface Machine {
  /** The adapter that a process started now would see. */
  findAdapter(): Promise<string | undefined>;
  /** Facts beside the adapter. */
  readonly facts: Omit<MachineFacts, "adapter">;
  /** Runs a command, its output passed through; returns its exit status. */
  run(command: readonly string[]): Promise<number>;
  /** Shows a line to the user. */
  print(line: string): void;
}

/**
 * Sets a machine up.
 *
 * @returns the exit status: 0 where there is an adapter now, 2 where the user has to act. The last line printed says which.
 */
export async function setUp(machine: Machine): Promise<0 | 2> {
  const action = decideSetup({ ...machine.facts, adapter: await machine.findAdapter() });
  switch (action.kind) {
    case "ready":
      machine.print(`WebGPU adapter: ${action.adapter}`);
      return 0;
    case "ask":
      machine.print(`Cannot test the kernels: no WebGPU adapter found; ${action.advice}`);
      return 2;
    case "install":
      return await install(machine, action.commands);
    default:
      return action satisfies never;
  }
}

async function install(
  machine: Machine,
  commands: readonly (readonly string[])[],
): Promise<0 | 2> {
  const text = commands.map((command) => command.join(" ")).join(" && ");
  machine.print(`No WebGPU adapter found; installing a driver that needs no GPU: ${text}`);
  for (const command of commands) {
    const status = await machine.run(command);
    if (status !== 0) {
      machine.print(`Cannot install ${debianPackage}: "${command.join(" ")}" ended with ${status}`);
      return 2;
    }
  }
  const adapter = await machine.findAdapter();
  machine.print(
    adapter === undefined
      ? `Cannot test the kernels: no WebGPU adapter found, although ${debianPackage} is installed`
      : `WebGPU adapter: ${adapter}`,
  );
  return adapter === undefined ? 2 : 0;
}

/** This machine. */
function thisMachine(): Machine {
  const linux = Deno.build.os === "linux";
  return {
    facts: { osRelease: linux ? readOsRelease() : "", root: Deno.uid() === 0 },
    async findAdapter() {
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", new URL("./print_adapter.ts", import.meta.url).href],
        stderr: "null",
      }).output();
      return new TextDecoder().decode(stdout).trim() || undefined;
    },
    async run([program, ...args]) {
      const env = { DEBIAN_FRONTEND: "noninteractive" };
      const options = { args, env, stdin: "null", stdout: "inherit", stderr: "inherit" } as const;
      try {
        return (await new Deno.Command(program, options).output()).code;
      } catch (error) {
        // 127 is what a shell says of a command that is not there.
        if (error instanceof Deno.errors.NotFound) return 127;
        throw error;
      }
    },
    print: (line) => console.log(line),
  };
}

/** /etc/os-release; empty where there is none. */
export function readOsRelease(): string {
  try {
    return Deno.readTextFileSync("/etc/os-release");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

if (import.meta.main) Deno.exit(await setUp(thisMachine()));
