/**
 * The API's description, made from the routes.
 *
 * @module
 */

import project from "../../deno.json" with { type: "json" };
import type { App } from "./routes/route.ts";

const description =
  "A federation over HTTP. Clients sign every request (HTTP Message Signatures, RFC 9421, one profile); the administrator has a token. " +
  "Whatever is refused is answered by a problem document (RFC 9457) whose `type` ends in a code for programs. " +
  "Bodies of banks and messages are safetensors.";

/** Tells who may call what. */
export function addSecuritySchemes({ openAPIRegistry }: App): void {
  openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: "The administrator's token",
  });
  openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "hafl_session",
    description: "The live page's session; it can only read",
  });
  openAPIRegistry.registerComponent("securitySchemes", "signature", {
    type: "apiKey",
    in: "header",
    name: "Signature",
    description:
      "An Ed25519 signature by an enrolled client's key, with Signature-Input and Content-Digest",
  });
}

/** The description, as JSON. */
export function openApiDocument(app: App): string {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "HAFL", version: project.version, license: { name: "MIT" }, description },
  });
  // A path of several segments has a pattern in hono and none in OpenAPI.
  const paths = Object.entries(document.paths ?? {}).map((
    [path, item],
  ) => [path.replace(/\{(\w+)\{[^}]*\}\}/, "{$1}"), item]);
  return JSON.stringify({ ...document, paths: Object.fromEntries(paths) });
}
