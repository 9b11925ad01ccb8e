/**
 * Writes a file so that it is there in full or not at all: a temporary file beside it, flushed to the disk, then renamed. Two programs may write
 * one path at a time; the last to finish stays. Makes the file's folder when needed.
 *
 * @param mode permissions of the file; the platform's default when left out.
 */
export async function writeAtomically(
  path: string,
  content: Uint8Array | string,
  mode?: number,
): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.mkdir(folderOf(path), { recursive: true });
  const temporary = `${path}.${crypto.randomUUID()}.partial`;
  try {
    await writeFlushed(temporary, bytes, mode);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {}); // it may never have been created
    throw error;
  }
}

/** Writes a file, whole or piece by piece, and returns when it is on the disk. */
export async function writeFlushed(
  path: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  mode?: number,
): Promise<void> {
  const options = { write: true, create: true, truncate: true };
  using file = await Deno.open(path, mode === undefined ? options : { ...options, mode });
  const pieces = content instanceof Uint8Array ? [content] : content;
  for await (const piece of pieces) await write(file, piece);
  await file.sync();
}

/** Writes all bytes at the file's position and returns when they are on the disk. */
export async function writeWhole(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  await write(file, bytes);
  await file.sync();
}

async function write(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

/** The path up to its last separator, of either platform. Other projects import this module, so it does without node:path. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1) || ".";
}
