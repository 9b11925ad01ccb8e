/** Kernel text to WGSL module text: optional parts are cut, bindings numbered in their order of appearance. @module */

/** Keeps `//#if NAME…` … `//#endif` parts whose names are all features, or none where they stand after `!`, and numbers each `@binding(INDEX)`. */
export function specialise(source: string, features: readonly string[] = []): string {
  const lines: string[] = [];
  let cut = false;
  let binding = 0;
  for (const line of source.split("\n")) {
    const condition = /^\s*\/\/#if ([\w! ]+)/.exec(line);
    if (condition) cut = !condition[1].split(" ").every((name) => holds(name, features));
    else if (/^\s*\/\/#endif/.test(line)) cut = false;
    else if (!cut) lines.push(line.replace("@binding(INDEX)", () => `@binding(${binding++})`));
  }
  return lines.join("\n");
}

function holds(name: string, features: readonly string[]): boolean {
  return name.startsWith("!") ? !features.includes(name.slice(1)) : features.includes(name);
}

/** A storage or uniform binding, as declared in a kernel's text. */
export type BindingKind = "read" | "read_write" | "uniform";

/** The bindings of a specialised text, by number. */
export function bindingKinds(source: string): BindingKind[] {
  return [...source.matchAll(/@binding\(\d+\) var<(?:storage, )?(read_write|read|uniform)>/g)]
    .map((match) => match[1] as BindingKind);
}

/** Text with line numbers, for error messages. */
export function numbered(source: string): string {
  return source.split("\n").map((line, i) => `${String(i + 1).padStart(4)} | ${line}`).join("\n");
}
