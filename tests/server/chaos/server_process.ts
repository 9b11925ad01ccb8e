/**
 * A server as a process of its own, started and watched.
 *
 * @module
 */

/** What a faulty server is started with: its first argument, as JSON. */
export interface FaultySettings {
  /** Folder of the SQLite database. */
  readonly dataDir: string;
  /** PostgreSQL, instead of the folder. */
  readonly url?: string;
  /** Where it dies, see `faultName`; nowhere when left out. */
  readonly fault?: string;
  /** Milliseconds that its clock is ahead. */
  readonly ahead?: number;
  /** A backup to restore before it serves. */
  readonly restore?: string;
}

/** What a faulty server writes, a line each: where it listens, and right before it kills itself, where it dies. */
export type FaultyLine = { readonly address: string } | { readonly fault: string };

/** How a server ended. */
export interface ServerEnd {
  /** Where it killed itself; undefined when it ended otherwise. */
  readonly fault: string | undefined;
  /** What it wrote to stderr, and its exit status. */
  readonly log: string;
}

/** A server. */
export interface ServerProcess {
  /** Its address once it listens; undefined when it ended before. */
  readonly address: Promise<string | undefined>;
  readonly ended: Promise<ServerEnd>;
  /** Ends it at once, unless it has ended. */
  kill(): void;
}

/** The administrator's token of every faulty server. */
export const adminToken = "the-administrator-of-a-faulty-server";

const program = new URL("faulty_server.ts", import.meta.url).pathname;

/** Starts a server. */
export function startServer(settings: FaultySettings): ServerProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--cached-only", program, JSON.stringify(settings)],
    stdout: "piped",
    stderr: "piped",
    stdin: "null",
  }).spawn();
  const address = Promise.withResolvers<string | undefined>();
  let fault: string | undefined;
  const told = eachLine(child.stdout, (text) => {
    const line: FaultyLine = JSON.parse(text);
    if ("address" in line) address.resolve(line.address);
    else fault = line.fault;
  });
  const complaints = new Response(child.stderr).text();
  const end = async (): Promise<ServerEnd> => {
    const [{ code, signal }, log] = await Promise.all([child.status, complaints, told]);
    address.resolve(undefined);
    return {
      fault: signal === "SIGKILL" ? fault : undefined,
      log: `${log}exit status ${code}, signal ${signal}`,
    };
  };
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  return { address: address.promise, ended: end(), kill };
}

async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(onLine);
  }
}
