/**
 * The server as `deno task server` starts it, in a process of its own on a free port and an empty folder.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

/** A server that runs. */
export interface ServerProcess extends AsyncDisposable {
  /** Address, without a slash at its end. */
  readonly server: string;
  readonly adminToken: string;
  /** Its resident memory in bytes: now, and the most it ever was. */
  memory(): Promise<{ readonly now: number; readonly peak: number }>;
  /** Seconds of processor time it has used. */
  cpuSeconds(): Promise<number>;
  /** Lines of its log that tell of errors. */
  readonly errors: readonly string[];
}

/** Starts a server and waits until it is ready; it is stopped, and its data deleted, at disposal. */
export async function startServer(): Promise<ServerProcess> {
  const folder = await Deno.makeTempDir({ prefix: "hafl-load-" });
  const port = freePort();
  const adminToken = crypto.randomUUID();
  const [, ...words] = config.tasks.server
    .replaceAll("8080", String(port))
    .replaceAll("./hafl-data", folder)
    .split(" ");
  const child = new Deno.Command(Deno.execPath(), {
    args: [...words, "--port", String(port), "--data-dir", folder],
    env: { HAFL_ADMIN_TOKEN: adminToken, NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const log = readLog(child.stderr);
  const server = `http://127.0.0.1:${port}`;
  const ended = child.status.then(({ code }) => {
    throw new Error(`Cannot start the server: it ended with code ${code}: ${log.tail()}`);
  });
  ended.catch(() => {}); // It ends in the end; only an end before it is ready is an error.
  await Promise.race([ended, ready(server)]);
  return {
    server,
    adminToken,
    memory: () => readMemory(child.pid),
    cpuSeconds: () => readCpu(child.pid),
    errors: log.errors,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Reads a log, so that the server never waits for it. */
function readLog(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const errors: string[] = [];
  let last = "";
  const reading = async () => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      last = lines.at(-1) ?? last;
      errors.push(...lines.filter((line) => line.includes('"level":"ERROR"')));
    }
    last = rest || last;
  };
  void reading();
  return { errors, tail: () => last };
}

async function ready(server: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(`${server}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Cannot start the server: it is not ready after 30 s`);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function readMemory(pid: number): Promise<{ now: number; peak: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const kilobytes = (key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)![1]);
  return { now: 1024 * kilobytes("VmRSS"), peak: 1024 * kilobytes("VmHWM") };
}

/** Fields 14 and 15 of /proc/<pid>/stat, in clock ticks of 10 ms; the name in field 2 may hold spaces. */
async function readCpu(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
