/**
 * Models by Hugging Face hub id, with transformers.js' settings and in its cache layout.
 *
 * transformers.js has no public function that fetches an arbitrary file (weights it never reads
 * itself, for one), so its settings say where and how to fetch, and the files are kept where its
 * `FileCache` would keep them. Its `AutoTokenizer` with `env.cacheDir` at the same folder and
 * `env.useBrowserCache = false` finds them.
 */
import { lazyPackage, TRANSFORMERS_PACKAGE } from "../protocol/lazy_package.ts";
import { HubError } from "./errors.ts";
import type { ByteFile, ModelFiles } from "./source.ts";

/** Keeps downloaded files. The adapter that owns the file system makes it. */
export interface HubCache {
  /** What to call the cache in an error: its folder. */
  readonly name: string;
  /** The file kept under a key ("org/model/config.json"), `undefined` when there is none. */
  match(key: string): Promise<ByteFile | undefined>;
  /** Keeps a file once `body` has ended; keeps nothing when it fails. */
  put(key: string, body: ReadableStream<Uint8Array>): Promise<ByteFile>;
}

/** The settings of transformers.js (its `env`) that say where and how files are fetched. */
export interface HubEnvironment {
  /** Whether anything may be fetched at all. */
  readonly allowRemoteModels: boolean;
  /** "https://huggingface.co/" unless the user set a mirror. */
  readonly remoteHost: string;
  /** What follows the host: "{model}/resolve/{revision}/". */
  readonly remotePathTemplate: string;
  /** The fetch to use. */
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>;
}

/** How to reach the hub. */
export interface HubOptions {
  /** Where files are looked for first and kept. */
  readonly cache: HubCache;
  /** Branch, tag or commit; "main" unless given. */
  readonly revision?: string;
  /** Use the cache alone. */
  readonly offline?: boolean;
  /** A hub access token, for gated and private models. */
  readonly token?: string;
  /** Called while a file downloads, with bytes so far and in total (`undefined` when not told). */
  readonly onProgress?: (path: string, loaded: number, total: number | undefined) => void;
  /** Where the settings come from; transformers.js unless given. Called once, at the first download. */
  readonly environment?: () => Promise<HubEnvironment>;
}

/**
 * The files of a model on the Hugging Face hub, each downloaded when first opened.
 *
 * A cached file is used as it is; with all files cached nothing is fetched and transformers.js is
 * not loaded. While offline a file that is not cached counts as absent, unless nothing of the model
 * is cached.
 *
 * @param id "organisation/model"
 * @param options the cache, and how to reach the hub
 * @returns the model's files; opening one throws {@linkcode HubError} when the hub cannot be
 * reached, refuses, or is not to be asked (offline) and the model is not in the cache
 * @throws {HubError} when the id or revision cannot be one
 *
 * @example
 * ```ts
 * import { hubFiles } from "./hub.ts";
 *
 * const bytes = new TextEncoder().encode('{"model_type":"bert"}');
 * const config = {
 *   name: "config.json",
 *   size: () => Promise.resolve(bytes.length),
 *   read: (offset: number, length: number) =>
 *     Promise.resolve(bytes.slice(offset, offset + length)),
 * };
 * const cache = {
 *   name: "in memory",
 *   match: (key: string) =>
 *     Promise.resolve(key === "org/tiny-bert/config.json" ? config : undefined),
 *   put: () => Promise.reject(new Error("unreachable")),
 * };
 * const files = hubFiles("org/tiny-bert", { cache, offline: true });
 * if (!await files.open("config.json")) throw new Error("unreachable");
 * ```
 */
export function hubFiles(id: string, options: HubOptions): ModelFiles {
  const revision = options.revision ?? "main";
  checkNames(id, revision);
  const folder = revision === "main" ? id : `${id}/${revision}`;
  const opened = new Map<string, Promise<ByteFile | undefined>>();
  const openOnce = async (path: string): Promise<ByteFile | undefined> => {
    const cached = await options.cache.match(`${folder}/${path}`);
    if (cached) return cached;
    const environment = options.offline
      ? undefined
      : await (options.environment ?? transformersEnvironment)();
    if (environment?.allowRemoteModels) {
      return await download({ id, revision, folder, path }, options, environment);
    }
    if (await options.cache.match(`${folder}/config.json`)) return undefined;
    throw new HubError(
      `Cannot load "${id}" offline: revision "${revision}" is not in the cache ` +
        `"${options.cache.name}"; run once online to download it, or give a model folder`,
    );
  };
  return {
    label: options.offline ? `${id} (offline, cached files only)` : id,
    open: (path) => {
      let file = opened.get(path);
      if (!file) {
        file = openOnce(path);
        opened.set(path, file);
        // A failed download may be tried again.
        file.catch(() => opened.delete(path));
      }
      return file;
    },
  };
}

interface RemoteFile {
  readonly id: string;
  readonly revision: string;
  readonly folder: string;
  readonly path: string;
}

async function download(
  { id, revision, folder, path }: RemoteFile,
  { cache, token, onProgress }: HubOptions,
  environment: HubEnvironment,
): Promise<ByteFile | undefined> {
  const url = environment.remoteHost.replace(/\/?$/, "/") +
    environment.remotePathTemplate
      .replaceAll("{model}", id)
      .replaceAll("{revision}", encodeURIComponent(revision)) +
    path;
  const fail = (problem: string, cause?: unknown): HubError =>
    new HubError(`Cannot download "${path}" of "${id}": ${problem}`, { cause });
  let response: Response;
  try {
    response = await environment.fetch(url, {
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    });
  } catch (error) {
    throw fail(
      `"${environment.remoteHost}" cannot be reached (${(error as Error).message}); ` +
        `use the cache alone (offline), or give a model folder`,
      error,
    );
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    if (response.status === 404) return undefined;
    // The hub answers 401 for a repository that does not exist, so as not to reveal private ones.
    throw response.status === 401 || response.status === 403
      ? fail(
        `the hub answered ${response.status}: no such model, or one that needs an access token`,
      )
      : fail(`the hub answered ${response.status} for "${url}"`);
  }
  const total = statedLength(response.headers);
  const progress = countBytes(total, (loaded) => onProgress?.(path, loaded, total));
  try {
    return await cache.put(`${folder}/${path}`, response.body.pipeThrough(progress));
  } catch (error) {
    throw fail((error as Error).message, error);
  }
}

/** The body's length as fetch delivers it: of a compressed body the header states another. */
function statedLength(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? undefined : Number(length);
}

/** Passes bytes on, and fails at the end when they are not as many as were stated. */
function countBytes(
  total: number | undefined,
  report: (loaded: number) => void,
): TransformStream<Uint8Array, Uint8Array> {
  let loaded = 0;
  return new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.length;
      report(loaded);
      controller.enqueue(chunk);
    },
    flush() {
      if (total !== undefined && loaded !== total) {
        throw new Error(`expected ${total} bytes, got ${loaded}`);
      }
    },
  });
}

function checkNames(id: string, revision: string): void {
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(id) || /^\.|\.\.|\/\./.test(id)) {
    throw new HubError(`Cannot use "${id}" as a hub id: expected "organisation/model"`);
  }
  if (!/^[\w./-]+$/.test(revision) || /^[./]|\.\.|\/$/.test(revision)) {
    throw new HubError(`Cannot use "${revision}" as a revision: expected a branch, tag or commit`);
  }
}

async function transformersEnvironment(): Promise<HubEnvironment> {
  return (await lazyPackage<{ env: HubEnvironment }>(TRANSFORMERS_PACKAGE)).env;
}
