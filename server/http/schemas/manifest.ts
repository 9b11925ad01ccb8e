import { z } from "@hono/zod-openapi";
import type { RunManifest } from "../../../src/protocol/manifest.ts";
import { manifestSchema } from "../../runs/mod.ts";

/** The form of a manifest; what its parts must be to each other is for the run service to say. */
export const manifest: z.ZodType<RunManifest> = z.strictObject(manifestSchema.shape)
  .openapi("RunManifest");
