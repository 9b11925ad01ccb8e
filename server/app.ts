/**
 * The server as a function from requests to responses; everything it needs is handed in.
 *
 * @module
 */

import { OpenAPIHono } from "@hono/zod-openapi";
import { methodNotAllowed } from "hono/method-not-allowed";
import { explainInvalid } from "./http/invalid.ts";
import type { HttpContext, HttpEnv } from "./http/caller.ts";
import { addSecuritySchemes, openApiDocument } from "./http/openapi.ts";
import { pageHeaders } from "./http/page_headers.ts";
import { type AppDeps, createParts } from "./http/parts.ts";
import { ProblemError, problemResponse } from "./http/problems.ts";
import { refuse } from "./http/refusals.ts";
import { refuseAtTheEnd } from "./http/last_requests.ts";
import { requestLine } from "./http/request_line.ts";
import { requestLog } from "./http/request_log.ts";
import { addClientRoutes } from "./http/routes/clients.ts";
import { addFileRoutes } from "./http/routes/files.ts";
import { addLiveRoutes } from "./http/routes/live.ts";
import { addOpenRoutes } from "./http/routes/open.ts";
import type { App } from "./http/routes/route.ts";
import { addRoundRoutes } from "./http/routes/rounds.ts";
import { addRunRoutes } from "./http/routes/runs.ts";
import { servePage } from "./http/serve_page.ts";

/** Makes the app. Deno.serve hands it requests and addresses; tests call `app.request()`. */
export function createApp(deps: AppDeps): App {
  const parts = createParts(deps);
  const app = new OpenAPIHono<HttpEnv>({ defaultHook: explainInvalid });
  app.onError((error, c) => refuse(parts, c, error));
  app.notFound((c) => refuse(parts, c, notFound(c)));
  app.use(requestLog(parts));
  app.use(pageHeaders(deps.secure));
  app.use(refuseAtTheEnd(parts));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: refuseMethod }));

  addSecuritySchemes(app);
  addOpenRoutes(app, parts);
  addRunRoutes(app, parts);
  addLiveRoutes(app, parts);
  addFileRoutes(app, parts);
  addClientRoutes(app, parts);
  addRoundRoutes(app, parts);
  const document = { type: "application/json", body: openApiDocument(app) };
  app.get("/openapi.json", servePage(parts, document));
  return app;
}

function notFound(c: HttpContext): ProblemError {
  return new ProblemError("not-found", `Cannot find ${requestLine(c).path}: see /docs`);
}

function refuseMethod(c: HttpContext, methods: readonly string[]): Response {
  const allow = methods.join(", ");
  const { method, path } = requestLine(c);
  const detail = `Cannot answer ${method} ${path}: expected ${allow}`;
  return problemResponse(new ProblemError("method-not-allowed", detail, { headers: { allow } }));
}
