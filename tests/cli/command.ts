/** Runs a command of this project as a user does, in a process of its own. */

import { fileURLToPath } from "node:url";

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The repository's root. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Runs `src/cli/NAME.ts` with arguments. The cache lies in a folder of the test, so that nothing depends on earlier runs.
 *
 * @param env variables to set beside this process's own
 */
export async function runCli(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "-A", `${root}src/cli/${name}.ts`, ...args],
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** Flags of a run that is as small as can be, and that can be continued for more rounds. */
export const tiny: readonly string[] = [
  "--clients=3",
  "--rounds=2",
  "--schedule=constant",
  "--local-steps=2",
  "--batch=4",
  "--seq-len=16",
  "--validation=40",
  "--no-eval-test",
  "--threads=1",
  "--device=cpu",
];
