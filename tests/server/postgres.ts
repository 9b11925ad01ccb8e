/**
 * A PostgreSQL server of the tests' own, from Debian's package: started in a temporary folder on a free port of 127.0.0.1, and removed afterwards.
 * Where the package is missing, tests that need it are ignored by name, or fail with HAFL_REQUIRE_POSTGRES=1.
 */

/** A running server. */
export interface PostgresCluster {
  /** Makes an empty database. @returns its address. */
  createDatabase(): Promise<string>;
  /** Runs SQL in the database `postgres`, outside any transaction. */
  execute(sql: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const superuser = "hafl";
const required = Deno.env.get("HAFL_REQUIRE_POSTGRES") === "1";
const binaries = findBinaries();

/** The newest version that is installed. */
function findBinaries(): string | undefined {
  const root = "/usr/lib/postgresql";
  try {
    const versions = [...Deno.readDirSync(root)].map(({ name }) => Number(name));
    return `${root}/${Math.max(...versions)}/bin`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Defines a test that needs PostgreSQL. */
export function postgresTest(name: string, body: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({
    name: `${name} (needs PostgreSQL)`,
    ignore: binaries === undefined && !required,
    fn: body,
  });
}

async function run(command: string, args: readonly string[], input = ""): Promise<string> {
  // initdb and the server refuse to run as root.
  const [program, ...rest] = Deno.uid() === 0
    ? ["runuser", "-u", "postgres", "--", command, ...args]
    : [command, ...args];
  const child = new Deno.Command(program, {
    args: rest,
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${command} failed: ${decode(stderr)}${decode(stdout)}`);
  return decode(stdout);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a server. Its password is asked for, so that tests see how it is handled. */
export async function startPostgres(): Promise<PostgresCluster> {
  if (binaries === undefined) {
    throw new Error("PostgreSQL is not installed: apt install postgresql");
  }
  const folder = (await run("mktemp", ["-d", "/tmp/hafl-postgres-XXXXXX"])).trim();
  const data = `${folder}/data`;
  const stop = async () => {
    // Fails when the server never came up.
    await run(`${binaries}/pg_ctl`, ["-D", data, "-m", "immediate", "-w", "stop"]).catch(() => {});
    await run("rm", ["-rf", folder]);
  };
  try {
    await run("tee", [`${folder}/password`], "secret");
    await run(`${binaries}/initdb`, [
      "-D",
      data,
      "-U",
      superuser,
      "--auth=scram-sha-256",
      `--pwfile=${folder}/password`,
      "--encoding=UTF8",
      // A locale that sorts otherwise than SQLite, where there is one.
      "--locale-provider=icu",
      "--icu-locale=en-US",
      "--no-sync",
    ]);
    const port = freePort();
    const settings = `-c listen_addresses=127.0.0.1 -c port=${port} -c fsync=off ` +
      `-c unix_socket_directories=${folder} -c deadlock_timeout=100ms`;
    await run(`${binaries}/pg_ctl`, [
      "-D",
      data,
      "-l",
      `${folder}/log`,
      "-o",
      settings,
      "-w",
      "start",
    ]);
    const execute = async (sql: string) => {
      const address = `postgres://${superuser}:secret@127.0.0.1:${port}/postgres`;
      await run(`${binaries}/psql`, ["-X", "-q", "-v", "ON_ERROR_STOP=1", address], sql);
    };
    let databases = 0;
    return {
      execute,
      async createDatabase() {
        const name = `test_${databases++}`;
        await execute(`CREATE DATABASE ${name}`);
        return `postgres://${superuser}:secret@127.0.0.1:${port}/${name}`;
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
