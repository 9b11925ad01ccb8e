/** What has to be right in the environment before WebGPU is asked for an adapter. @module */

/**
 * Keeps graphics libraries on Linux quiet and to Vulkan. Call it before the first request for an adapter.
 *
 * Without Vulkan, wgpu would fall back to OpenGL in silence; and with OpenGL's libraries loaded, a process whose threads end while it exits can
 * abort with "double free or corruption".
 */
export function prepareGraphics(): void {
  if (Deno.build.os !== "linux") return;
  setUnlessSet("DENO_WEBGPU_BACKEND", "vulkan");
  // Only its absence matters: Vulkan's loader prints an error without it.
  setUnlessSet("XDG_RUNTIME_DIR", Deno.env.get("TMPDIR") ?? "/tmp");
}

function setUnlessSet(name: string, value: string): void {
  if (!Deno.env.has(name)) Deno.env.set(name, value);
}
