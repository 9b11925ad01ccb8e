/**
 * A PostgreSQL server of the tests' own, from Debian's package: started in a temporary folder on a free port of 127.0.0.1 when a test file first asks
 * for a database, and removed after its last test. Where the package is missing, tests that need it are ignored by name, or fail with
 * HAFL_REQUIRE_POSTGRES=1.
 */

interface Cluster {
  /** Address of a database by name. */
  address(database: string): string;
  /** Runs SQL in the database `postgres`, outside any transaction. */
  execute(sql: string): Promise<void>;
  stop(): Promise<void>;
}

const superuser = "hafl";
const password = "secret";
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

async function startCluster(): Promise<Cluster> {
  if (binaries === undefined) throw new Error("PostgreSQL is missing: apt install postgresql");
  const folder = (await run("mktemp", ["-d", "/tmp/hafl-postgres-XXXXXX"])).trim();
  const data = `${folder}/data`;
  const control = (...args: string[]) => run(`${binaries}/pg_ctl`, ["-D", data, "-w", ...args]);
  const stop = async () => {
    // Fails when the server never came up.
    await control("-m", "immediate", "stop").catch(() => {});
    await run("rm", ["-rf", folder]);
  };
  try {
    await run("tee", [`${folder}/password`], password);
    await run(`${binaries}/initdb`, [
      ...["-D", data, "-U", superuser, "--encoding=UTF8", "--no-sync"],
      ...["--auth=scram-sha-256", `--pwfile=${folder}/password`],
      // Sorts otherwise than SQLite does.
      ...["--locale-provider=icu", "--icu-locale=en-US"],
    ]);
    const port = freePort();
    const settings = [
      ...["listen_addresses=127.0.0.1", `port=${port}`, `unix_socket_directories=${folder}`],
      ...["fsync=off", "deadlock_timeout=100ms"],
    ];
    await control(
      ...["-l", `${folder}/log`, "-o", settings.map((setting) => `-c ${setting}`).join(" ")],
      "start",
    );
    const address = (database: string) =>
      `postgres://${superuser}:${password}@127.0.0.1:${port}/${database}`;
    return {
      address,
      async execute(sql) {
        await run(`${binaries}/psql`, ["-Xq", "-v", "ON_ERROR_STOP=1", address("postgres")], sql);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

let cluster: Promise<Cluster> | undefined;
let databases = 0;

Deno.test.afterAll(async () => {
  await (await cluster)?.stop();
});

/** Makes an empty database. @returns its address, with the password that its server asks for. */
export async function createTestDatabase(): Promise<string> {
  const { execute, address } = await (cluster ??= startCluster());
  const name = `test_${databases++}`;
  await execute(`CREATE DATABASE ${name}`);
  return address(name);
}
