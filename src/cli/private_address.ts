/**
 * Whether nobody on the way to a server can read or change what is sent: over https, or on this machine.
 *
 * @param server an http or https address
 *
 * @example
 * ```ts
 * import { isPrivate } from "./private_address.ts";
 * if (!isPrivate("https://hafl.example.org") || isPrivate("http://10.0.0.1:8080")) throw new Error("unreachable");
 * ```
 */
export function isPrivate(server: string): boolean {
  const { protocol, hostname } = new URL(server);
  return protocol === "https:" || /^(localhost|\[::1\]|127(\.\d+){3})$/.test(hostname);
}
