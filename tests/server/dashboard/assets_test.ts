import assert from "node:assert/strict";
import { assets } from "../../../server/dashboard/assets.ts";
import { style as reportStyle } from "../../../src/cli/report/style.ts";

const folder = new URL("../../../server/dashboard/", import.meta.url);
const pages = ["/", "/docs"];

function bodyOf(path: string): string {
  return assets.get(path)?.body ?? assert.fail(`nothing is served at ${path}`);
}

Deno.test("assets holds every file of the dashboard under its own name", async () => {
  for await (const { name } of Deno.readDir(folder)) {
    if (/\.(ts|html)$/.test(name)) continue;
    assert.equal(bodyOf(`/assets/${name}`), await Deno.readTextFile(new URL(name, folder)));
  }
  assert.equal(bodyOf("/"), await Deno.readTextFile(new URL("index.html", folder)));
  assert.equal(bodyOf("/docs"), await Deno.readTextFile(new URL("docs.html", folder)));
});

Deno.test("assets serves what its pages and modules ask for, and they ask for nothing else", () => {
  for (const page of pages) {
    const addresses = [...bodyOf(page).matchAll(/\b(?:href|src)="([^"#]+)"/g)].map(([, to]) => to);
    const missing = addresses.filter((to) => !assets.has(to) && to !== "/openapi.json");
    assert.deepEqual(missing, []);
    assert.ok(addresses.length > 5, `the addresses of ${page} were found`);
  }
  const imported = [...assets].filter(([path]) => path.endsWith(".js")).flatMap(([, { body }]) =>
    [...body.matchAll(/^import .* from "\.\/([^"]+)";$/gm)].map(([, name]) => `/assets/${name}`)
  );
  assert.ok(imported.length > 20, "the imports were found");
  assert.deepEqual(imported.filter((path) => !assets.has(path)), []);
});

Deno.test("assets says what each file is", () => {
  assert.equal(assets.get("/")?.type, "text/html; charset=utf-8");
  assert.equal(assets.get("/assets/app.js")?.type, "text/javascript; charset=utf-8");
  assert.equal(assets.get("/assets/style.css")?.type, "text/css; charset=utf-8");
  assert.equal(assets.get("/assets/icon.svg")?.type, "image/svg+xml");
});

Deno.test("the pages need no inline script and no inline style", () => {
  for (const page of pages) {
    assert.doesNotMatch(bodyOf(page), /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
  }
});

Deno.test("the dashboard has the colours of a run's report", () => {
  const [light, dark] = reportStyle.split("@media (prefers-color-scheme: dark)").map(colorsOf);
  const own = palette();
  const shared = Object.keys(own).filter((name) => name in light);
  assert.ok(shared.length >= 15, "the colours were found");
  for (const name of shared) assert.deepEqual(own[name], [light[name], dark[name]], name);
});

Deno.test("text has the contrast that WCAG AA asks for, in both themes", () => {
  const own = palette();
  const texts = ["--ink", "--soft", "--link", "--failure"];
  const pairs = [
    ...texts.flatMap((text) => ["--page", "--card"].map((ground) => [text, ground])),
    ["--ink", "--empty"],
    ["--page", "--ink"],
    ["--on-accent", "--link"],
  ];
  for (const [text, ground] of pairs) {
    for (const theme of [0, 1]) {
      const ratio = contrast(own[text][theme], own[ground][theme]);
      assert.ok(ratio >= 4.5, `${text} on ${ground}, theme ${theme}: ${ratio.toFixed(2)}`);
    }
  }
});

function colorsOf(css: string): Record<string, string> {
  return Object.fromEntries(
    [...css.matchAll(/(--[\w-]+): (#[0-9a-f]{6})/g)].map(([, name, color]) => [name, color]),
  );
}

/** The dashboard's colours: light, dark. */
function palette(): Record<string, [string, string]> {
  const colors = bodyOf("/assets/style.css")
    .matchAll(/(--[\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g);
  return Object.fromEntries([...colors].map(([, name, light, dark]) => [name, [light, dark]]));
}

/** WCAG 2.2, "contrast ratio". */
function contrast(one: string, other: string): number {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
