/** Waits for SIGTERM or SIGINT. A second one ends the process at once, as if nobody listened. */
export async function untilAskedToStop(): Promise<void> {
  const asked = Promise.withResolvers<void>();
  // Windows knows no SIGTERM.
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGTERM", "SIGINT"];
  for (const signal of signals) Deno.addSignalListener(signal, asked.resolve);
  await asked.promise;
  for (const signal of signals) Deno.removeSignalListener(signal, asked.resolve);
}
