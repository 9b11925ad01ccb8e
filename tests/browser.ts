/** Debian's Chromium for tests of pages. HAFL_REQUIRE_BROWSER=1 makes its absence a failure. */

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";
const required = Deno.env.get("HAFL_REQUIRE_BROWSER") === "1";
const present = await isFile(executablePath);
if (required && !present) {
  throw new Error(`HAFL_REQUIRE_BROWSER=1, but there is no ${executablePath}: install chromium`);
}

/** What a test does with a browser. */
export interface BrowserTest {
  /** A tab without cookies and memory of other tabs; it is closed at the end of the step. */
  open(options?: BrowserContextOptions): Promise<Tab>;
  /** Registers a part of the test. */
  step(name: string, body: () => Promise<void>): Promise<void>;
}

/** A tab, and what went on in it. */
export interface Tab {
  readonly page: Page;
  /** Addresses it asked for, in order. */
  readonly requested: readonly string[];
  /** Errors and warnings of the console, and uncaught exceptions. */
  readonly complaints: readonly string[];
}

/** Registers a test with one browser for all its steps; ignored where there is no Chromium. */
export function browserTest(name: string, body: (test: BrowserTest) => Promise<void>): void {
  Deno.test({
    name: `${name} [chromium]`,
    ignore: !present,
    async fn(context) {
      const browser = await launch();
      try {
        await body({
          open: (options) => openTab(browser, options),
          async step(stepName, stepBody) {
            // Pipes to the browser and connections to a server outlive a step; the whole test leaves nothing open.
            const sanitizers = { sanitizeOps: false, sanitizeResources: false };
            await context.step({ name: stepName, fn: stepBody, ...sanitizers });
            await Promise.all(browser.contexts().map((tabs) => tabs.close()));
          },
        });
      } finally {
        await browser.close();
      }
    },
  });
}

async function launch(): Promise<Browser> {
  return await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

async function openTab(browser: Browser, options?: BrowserContextOptions): Promise<Tab> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const requested: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requested.push(request.url()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  return { page, requested, complaints };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
