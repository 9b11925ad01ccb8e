/**
 * Files of base models, kept by the hash that `servedModelHash` tells, for clients that cannot reach the hub. Clients compute the hashes of what they get.
 *
 * @module
 */

import { sha256Form } from "../../src/protocol/hash.ts";
import type { BlobWriter } from "../store/blobs.ts";
import { writeAudit } from "./audit.ts";
import type { StoredFile } from "./banks.ts";
import { type Service, ServiceError } from "./service.ts";

const pathForm = /^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/;

/** The files of a model that are here, by path. */
export async function modelFiles(
  service: Service,
  hash: string,
): Promise<{ path: string; size: number }[]> {
  return await service.db.query<{ path: string; size: number }>(
    "SELECT path, size FROM models WHERE hash = $1 ORDER BY path",
    [hash],
  );
}

/** A file of a model. @throws {ServiceError} not-found. */
export async function modelFile(
  service: Service,
  hash: string,
  path: string,
): Promise<StoredFile> {
  const [file] = await service.db.query<StoredFile>(
    "SELECT models.blob, blobs.size, blobs.digest FROM models " +
      "JOIN blobs ON blobs.id = models.blob WHERE models.hash = $1 AND models.path = $2",
    [hash, path],
  );
  if (file) return file;
  throw new ServiceError("not-found", `Cannot find "${path}" of model ${hash}: it is not here`);
}

/**
 * Stores a file of a model; the same bytes again are fine. Takes the upload over: it is finished or abandoned.
 *
 * @throws {ServiceError} malformed, conflict when the path has other bytes.
 */
export async function attachModelFile(
  service: Service,
  hash: string,
  path: string,
  upload: BlobWriter,
  actor: string,
): Promise<void> {
  let attached = false;
  try {
    if (!sha256Form.test(hash) || path.length > 200 || !pathForm.test(path)) {
      throw new ServiceError(
        "malformed",
        `Cannot store "${path}": expected a hash of 64 digits and a plain relative path`,
      );
    }
    const time = service.now();
    attached = await service.db.transaction("attach-model-file", async (transaction) => {
      const { id: blob, size, digest } = await upload.finish(transaction);
      const [present] = await transaction.query<{ blob: string }>(
        "INSERT INTO models (hash, path, size, blob) VALUES ($1, $2, $3, $4) " +
          "ON CONFLICT (hash, path) DO UPDATE SET size = models.size RETURNING blob",
        [hash, path, size, blob],
      );
      // A statement of its own: the one above does not see what it waited for.
      const [stored] = await transaction.query<{ digest: string }>(
        "SELECT digest FROM blobs WHERE id = $1",
        [present.blob],
      );
      if (stored.digest !== digest) {
        throw new ServiceError("conflict", `Cannot store "${path}": the model has another`);
      }
      if (present.blob !== blob) {
        await transaction.query("DELETE FROM blobs WHERE id = $1", [blob]);
        return true;
      }
      const detail = `${path} of ${hash}`;
      await writeAudit(transaction, { time, actor, act: "attach-model-file", run: null, detail });
      return true;
    });
  } finally {
    if (!attached) await upload.abandon();
  }
}
