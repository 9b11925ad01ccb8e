import type { Guard } from "./parts.ts";
import { ProblemError } from "./problems.ts";

/** Sends new requests away once the server is about to end, so that it can; questions about its health are answered. */
export const refuseAtTheEnd: Guard = ({ draining, random }) => async (c, next) => {
  if (draining.aborted && c.req.path !== "/healthz" && c.req.path !== "/readyz") {
    const seconds = 1 + Math.floor(4 * random());
    throw new ProblemError(
      "busy",
      `Cannot take requests any more: the server is about to end; try again in ${seconds} s`,
      { headers: { "retry-after": String(seconds) } },
    );
  }
  await next();
};
