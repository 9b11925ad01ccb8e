/** Commands that run beside the test: a server, and clients that are watched line by line. */

import { join } from "node:path";
import { root } from "../command.ts";

/** A command that is running; it ends with the tests at the latest. */
export interface Running {
  readonly process: Deno.ChildProcess;
  /** What it has printed so far. */
  readonly lines: readonly string[];
  /** Resolves with the first line that matches; rejects when the command ends without one. */
  line(pattern: RegExp): Promise<string>;
  readonly ended: Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
}

const alive = new Set<Deno.ChildProcess>();
globalThis.addEventListener("unload", () => alive.forEach((process) => process.kill("SIGKILL")));

/** Starts `PATH` of the repository with arguments. */
export function start(path: string, args: readonly string[], cwd?: string): Running {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "-A", join(root, path), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(cwd !== undefined && { cwd }),
  }).spawn();
  alive.add(process);
  process.status.then(() => alive.delete(process));
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let over = false;
  const read = async (): Promise<void> => {
    let rest = "";
    for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
      waiting.forEach((look) => look());
    }
  };
  const errors = new Response(process.stderr).text();
  const end = async () => {
    const [{ code }, err] = await Promise.all([process.status, errors, read()]);
    over = true;
    waiting.forEach((look) => look());
    return { code, out: lines.join("\n"), err };
  };
  const ended = end();
  return {
    process,
    lines,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find((line) => pattern.test(line));
          if (found === undefined && !over) return;
          waiting.delete(look);
          if (found !== undefined) return resolve(found);
          ended.then(({ err }) =>
            reject(new Error(`no line ${pattern} in: ${lines.join("\n")}${err}`))
          );
        };
        waiting.add(look);
        look();
      }),
  };
}

/** A server. */
export interface ServerProcess extends AsyncDisposable {
  readonly address: string;
  /** Flags of an administrator's command for this server. */
  readonly admin: readonly string[];
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again at its address. */
  restart(): Promise<void>;
}

/** Starts a server on data in `folder`. */
export async function startServer(folder: string): Promise<ServerProcess> {
  const launch = async (port: string): Promise<[Running, string]> => {
    const running = start("server/main.ts", [`--port=${port}`, `--data-dir=${folder}`]);
    const line = await running.line(/^Server /);
    return [running, line.replace(/^Server +/, "")];
  };
  let [running, address] = await launch("0");
  return {
    address,
    admin: [`--server=${address}`, `--token-file=${join(folder, "admin-token")}`],
    async kill() {
      running.process.kill("SIGKILL");
      await running.ended;
    },
    async restart() {
      [running] = await launch(new URL(address).port);
    },
    async [Symbol.asyncDispose]() {
      if (alive.has(running.process)) running.process.kill("SIGTERM");
      await running.ended;
    },
  };
}
