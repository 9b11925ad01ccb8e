import { createTestDatabase } from "../postgres.ts";
import type { DataPlace } from "./server_lives.ts";

/** Makes an empty place. */
export type NewPlace = () => Promise<DataPlace>;

/** A new PostgreSQL database. */
export const newDatabase: NewPlace = async () => ({ dataDir: "", url: await createTestDatabase() });

/** Hands out new folders, which are removed in the end. */
export async function withFolders(work: (newFolder: NewPlace) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await work(async () => ({ dataDir: await Deno.makeTempDir({ dir: root }) }));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
