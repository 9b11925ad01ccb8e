/** What has to be right in the environment before WebGPU is asked for an adapter. @module */

/** Graphics libraries on Linux print an error when this is unset, though nothing here needs it. */
const RUNTIME_FOLDER = "XDG_RUNTIME_DIR";

/** Keeps the graphics libraries quiet. Call it before the first request for an adapter. */
export function quietGraphics(): void {
  if (Deno.build.os !== "linux" || Deno.env.has(RUNTIME_FOLDER)) return;
  Deno.env.set(RUNTIME_FOLDER, Deno.env.get("TMPDIR") ?? "/tmp");
}
