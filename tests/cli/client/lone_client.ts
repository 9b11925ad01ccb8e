import { createManifest, type ManifestSources } from "../../../src/federated/remote/manifest.ts";

/** The manifest and bank of a run for one client. */
export function loneClientRun(
  sources: Omit<ManifestSources, "name" | "participation">,
): ReturnType<typeof createManifest> {
  return createManifest({
    name: "news",
    participation: {
      seats: 1,
      start: 1,
      perRound: 1,
      overSelection: 1,
      quorum: 1,
      deadlineSeconds: 60,
    },
    ...sources,
  });
}
