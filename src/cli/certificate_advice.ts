/**
 * What to do about a server that Deno does not trust, as an error goes on after its reason; undefined for any other trouble.
 *
 * @example
 * ```ts
 * import { certificateAdvice } from "./certificate_advice.ts";
 * if (certificateAdvice("Connection refused") !== undefined) throw new Error("unreachable");
 * ```
 */
export function certificateAdvice(trouble: string): string | undefined {
  if (!/peer certificate/.test(trouble)) return undefined;
  return "where the certificate is not a public authority's, set DENO_CERT to the file of its own";
}
