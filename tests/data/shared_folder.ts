/** Public data and models kept beside the repository; tests that need them are skipped where they are absent. */
const root = Deno.env.get("HAFL_SHARED") ?? new URL("../../../shared", import.meta.url).pathname;

/** A file's path there, undefined where it is absent. */
export function sharedFile(path: string): string | undefined {
  try {
    Deno.statSync(`${root}/${path}`);
    return `${root}/${path}`;
  } catch {
    return undefined;
  }
}

/** The parsed `tokenizer.json` and `tokenizer_config.json` of a folder there. */
export function readTokenizerFiles(folder: string): [unknown, unknown] {
  const read = (name: string): unknown =>
    JSON.parse(Deno.readTextFileSync(`${root}/${folder}/${name}`));
  return [read("tokenizer.json"), read("tokenizer_config.json")];
}
