/** The dashboard in a browser, against a server whose answers the test decides. */

import assert from "node:assert/strict";
import type { BrowserContextOptions, Page } from "playwright-core";
import { type BrowserTest, browserTest, type Tab } from "../../browser.ts";
import { sampleStatus } from "./sample_status.ts";
import { startStub, type StubServer, stubToken } from "./stub_server.ts";

const running = sampleStatus({ state: "running", roundsDone: 3 });
const runPath = `/?run=${running.run}`;
const desk = { viewport: { width: 1440, height: 900 } };

/** What the console says for want of a session: the page asks, to find out. */
const expectedComplaint = /status of 401/;

async function signIn(page: Page): Promise<void> {
  await page.getByLabel("Administrator's token").fill(stubToken);
  await page.keyboard.press("Enter");
}

async function openRun(
  { open }: BrowserTest,
  stub: StubServer,
  options: BrowserContextOptions = desk,
): Promise<Tab> {
  const tab = await open(options);
  await tab.page.goto(stub.origin + runPath);
  await signIn(tab.page);
  await tab.page.getByRole("heading", { level: 1, name: running.name }).waitFor();
  // Charts are drawn once the page knows their width.
  await tab.page.locator(".plot canvas").nth(4).waitFor();
  return tab;
}

/** The value of one of the figures at the head of a run. */
function figure(page: Page, name: string) {
  return page.locator(".figures div", { has: page.getByText(name, { exact: true }) }).locator("dd");
}

interface Stop {
  readonly name: string;
  readonly outlined: boolean;
  readonly atEnd: boolean;
}

/** What has the focus. */
function focused(page: Page): Promise<Stop> {
  return page.evaluate(`(() => {
    const at = document.activeElement;
    return {
      name: at.getAttribute("aria-label") || at.id || at.textContent,
      outlined: getComputedStyle(at).outlineStyle !== "none",
      atEnd: at === document.body,
    };
  })()`);
}

browserTest("the dashboard", async (test) => {
  await using stub = startStub();
  const { step, open } = test;

  await step("asks for the token, says when it is wrong, and signs out", async () => {
    const { page } = await open(desk);
    for (const token of ["wrong", "pasted “token”"]) {
      await page.goto(stub.origin);
      await page.getByLabel("Administrator's token").fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("alert").filter({ hasText: "not this server's token" }).waitFor();
    }
    await signIn(page);
    await page.getByRole("heading", { name: "No runs yet" }).waitFor();
    assert.match(await page.locator(".command").innerText(), /deno task run create/);
    assert.equal(await page.evaluate("document.cookie"), "", "no script can read the session");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  await step("says that signing out has failed", async () => {
    const { page, complaints } = await open(desk);
    await page.goto(stub.origin);
    await signIn(page);
    await page.getByRole("heading", { name: "No runs yet" }).waitFor();
    stub.outage = 503;
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("You are still signed in. The server is being restarted").waitFor();
    stub.outage = undefined;
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.deepEqual(complaints.filter((text) => !/status of (401|503)/.test(text)), []);
  });

  await step("lists the runs and opens one, and goes back", async () => {
    stub.publish(running);
    const { page } = await open(desk);
    await page.goto(stub.origin);
    await signIn(page);
    const row = page.getByRole("row", { name: running.name });
    assert.match(await row.innerText(), /running\s+3 of 20/);
    await row.getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: running.name }).waitFor();
    assert.match(page.url(), /\?run=r/);
    assert.equal(await page.title(), `${running.name} · HAFL`);
    await page.goBack();
    await page.getByRole("heading", { name: "Runs" }).waitFor();
  });

  await step("shows a run, asks no other server, and the console stays clean", async () => {
    const { page, requested, complaints } = await openRun(test, stub);
    assert.match(await figure(page, "Round").innerText(), /4 of 20\s+collecting/);
    assert.match(await figure(page, "Time left").innerText(), /^4:1\d\s+until/);
    assert.match(await figure(page, "Updates").innerText(), /3 of 7\s+quorum 5, 8 sampled/);
    assert.match(await figure(page, "Accuracy").innerText(), /^\d+\.\d %/);
    assert.match(await figure(page, "Sent to the server").innerText(), /^9\d\d kB/);
    assert.equal(await page.locator(".plot canvas").count(), 5);
    assert.equal(await page.locator(".heat svg").count(), 4);
    const clients = page.getByRole("region", { name: "Clients" });
    const row = clients.getByRole("row", { name: "site-paris" });
    assert.match(await row.innerText(), /5\s+site-paris\s+ready\s+8 of 8\s+1,139\s+training/);
    assert.match(await row.innerText(), /95 of 200 steps\s+\d+ s ago/);
    const refused = page.getByRole("region", { name: "Refused messages" });
    assert.match(await refused.innerText(), /5 site-paris\s+4\s+norm\s+Cannot use the update/);
    assert.deepEqual(requested.filter((url) => !url.startsWith(stub.origin)), []);
    assert.deepEqual(complaints.filter((text) => !expectedComplaint.test(text)), []);
  });

  await step("shows a language model's run by its perplexity", async () => {
    const score = (loss: number) => ({ perplexity: Math.exp(loss), loss, tokens: 900, parties: 7 });
    const published = running.published.map((round) => ({
      ...round,
      heldOut: score(5 - round.round / 2),
      evaluators: null,
    }));
    stub.publish({ ...running, task: "lm", labels: 0, published });
    const { page, complaints } = await openRun(test, stub);
    assert.match(
      await figure(page, "Perplexity").innerText(),
      /^33\.1\s+by 7 of|^33\.1\s+best so far/,
    );
    await page.getByRole("group", { name: "Perplexity by round" }).waitFor();
    await page.getByText("Rounds in numbers").click();
    assert.match(await page.getByRole("region", { name: "Rounds" }).innerText(), /33\.1\s+3\.500/);
    assert.doesNotMatch(await page.locator("body").innerText(), /NaN|undefined|accuracy/i);
    assert.deepEqual(complaints.filter((text) => !expectedComplaint.test(text)), []);
    stub.publish(running);
  });

  await step("follows the run and tells screen readers of a new round", async () => {
    const { page } = await openRun(test, stub);
    await page.getByText("Live", { exact: true }).waitFor();
    const first = await page.locator(".clients tbody tr").first().elementHandle();
    stub.publish(sampleStatus({ state: "running", roundsDone: 4, received: 1 }, 2));
    await page.getByText("Round 4 of 20 is published.").waitFor();
    assert.match(await figure(page, "Round").innerText(), /5 of 20/);
    assert.match(await figure(page, "Updates").innerText(), /1 of 7/);
    assert.equal(await page.locator(".choice output").innerText(), "4 of 4");
    assert.ok(await first?.evaluate((row) => row.isConnected), "rows stay where they are");
    stub.publish(running);
  });

  await step("shows contacts and progress between revisions", async () => {
    const { page } = await openRun(test, stub);
    const seats = running.seats.map((seat) =>
      seat.client === 5 ? { ...seat, progress: { ...seat.progress!, step: 180 } } : seat
    );
    stub.publish({ ...running, seats });
    await page.getByText("180 of 200 steps").waitFor();
    stub.publish(running);
  });

  await step("reconnects when the stream ends, and says so meanwhile", async () => {
    const { page } = await openRun(test, stub);
    const connection = page.locator("#connection");
    await connection.getByText("Live").waitFor();
    stub.outage = 503;
    const probed = page.waitForRequest(`${stub.origin}/v1/runs/${running.run}`);
    stub.endStreams();
    await connection.getByText("Reconnecting…").waitFor();
    await probed;
    stub.outage = undefined;
    stub.publish(sampleStatus({ state: "running", roundsDone: 5 }, 3));
    await connection.getByText("Live").waitFor();
    await page.getByText("6 of 20").waitFor();
    const resumed = page.waitForRequest(/\/events$/);
    stub.endStreams();
    await resumed;
    await connection.getByText("Live").waitFor();
    stub.publish(running);
  });

  await step("asks for the token again when the session is over", async () => {
    const { page } = await openRun(test, stub);
    stub.outage = 401;
    stub.endStreams();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    stub.outage = undefined;
    await signIn(page);
    await page.getByRole("heading", { level: 1, name: running.name }).waitFor();
  });

  await step("shows a hostile name as text", async () => {
    const hostile = `<img src=x onerror="document.title='owned'"><script>alert(1)</script>`;
    const seats = running.seats.map((seat) =>
      seat.client === 5 ? { ...seat, name: hostile } : seat
    );
    const rejects = running.rejects.map((reject) => ({ ...reject, detail: hostile }));
    const modules = running.modules.map((name) => name.replace("q_proj", "<b>q</b>"));
    stub.publish({ ...running, name: hostile, seats, rejects, modules, revision: 9 });
    const { page, complaints } = await open(desk);
    await page.goto(stub.origin);
    await signIn(page);
    await page.getByRole("link", { name: hostile }).click();
    await page.getByRole("cell", { name: hostile, exact: true }).first().waitFor();
    assert.equal(await page.locator("h1").innerText(), `${hostile} running`);
    assert.equal(await page.locator("main :is(img, script, b b)").count(), 0);
    assert.equal(await page.title(), `${hostile} · HAFL`);
    assert.deepEqual(complaints.filter((text) => !expectedComplaint.test(text)), []);
    stub.publish(running);
  });

  await step("works by keyboard alone", async () => {
    const { page } = await openRun(test, stub);
    // The form had the focus; a page that was just loaded begins at its top.
    await page.reload();
    await page.locator(".heat svg").first().waitFor();
    const visited: string[] = [];
    for (let tabs = 0; tabs < 40; tabs++) {
      await page.keyboard.press("Tab");
      const stop = await focused(page);
      if (stop.atEnd) break;
      assert.ok(stop.outlined, `the focus is seen on ${stop.name}`);
      visited.push(stop.name);
    }
    assert.deepEqual(visited.slice(0, 5), [
      "Skip to the content",
      "HAFL",
      "API",
      "Switch to the dark theme",
      "sign-out",
    ]);
    const rest = visited.slice(5).join("|");
    assert.match(
      rest,
      /^Accuracy by round.*\|Loss by round.*\|Clients\|Sent to the server.*heat-round/,
    );
    assert.match(
      rest,
      /heat-round\|Components of q_proj.*As a table\|Refused messages\|Rounds in numbers$/,
    );

    await page.locator(".skip").focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.id"), "main");
    assert.equal(await page.locator("h1").count(), 1, "the page stays as it was");
  });

  await step("reads charts and maps out at the arrow keys", async () => {
    const { page } = await openRun(test, stub);
    const news = page.locator("#news");
    await page.getByRole("group", { name: "Accuracy by round" }).focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    await news.getByText(/^Round 2: clients \d+\.\d %, evaluators \d+\.\d %, chance 5\.0 %$/)
      .waitFor();
    await page.getByRole("group", { name: "Components of q_proj" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    const cell = "model.layers.0.self_attn.q_proj, component 2: score";
    await news.getByText(cell).getByText("never trained").waitFor();
    assert.match(await page.locator(".tip:visible").innerText(), /component 2/);
    const table = page.locator(".components details");
    await table.locator("summary").press("Enter");
    await table.getByRole("row", { name: running.modules[0] }).waitFor();
    assert.equal(await table.getByRole("row").count(), 1 + running.modules.length);
  });

  await step("goes back to earlier rounds of the map", async () => {
    const { page } = await openRun(test, stub);
    const chosen = page.locator(".choice output");
    await page.locator("#heat-round").press("ArrowLeft");
    assert.equal(await chosen.innerText(), "2 of 3");
    stub.publish(sampleStatus({ state: "running", roundsDone: 4 }, 11));
    await chosen.getByText("2 of 4").waitFor();
    stub.publish(running);
  });

  await step("is dark where the system is, and light or dark as the reader says", async () => {
    const { page } = await openRun(test, stub, { ...desk, colorScheme: "dark" });
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    assert.equal(await ground(), "rgb(17, 19, 21)");
    await page.getByRole("button", { name: "Switch to the light theme" }).click();
    assert.equal(await ground(), "rgb(246, 246, 244)");
    await page.reload();
    await page.getByRole("button", { name: "Switch to the dark theme" }).waitFor();
    assert.equal(await ground(), "rgb(246, 246, 244)", "the choice is kept");
    await page.getByRole("button", { name: "Switch to the dark theme" }).click();
    await page.emulateMedia({ colorScheme: "light" });
    assert.equal(await ground(), "rgb(246, 246, 244)", "back at the system's choice it follows it");
  });

  await step("fits a phone", async () => {
    const { page } = await openRun(test, stub, { viewport: { width: 360, height: 740 } });
    const width = () => page.evaluate("document.documentElement.scrollWidth");
    assert.equal(await width(), 360);
    await page.locator(".bar .brand").click();
    await page.getByRole("heading", { name: "Runs" }).waitFor();
    assert.equal(await width(), 360);
  });

  await step("says what to do while a run waits, before a score, and when it is over", async () => {
    const { page } = await openRun(test, stub);
    stub.publish(sampleStatus({ state: "waiting", roundsDone: 0, scored: false }, 20));
    await page.getByText("Waiting for clients: 8 of 10 seats ready").waitFor();
    await page.getByText(`deno task run invite ${running.run}`).waitFor();
    await page.getByText(`deno task run evaluators ${running.run}`).waitFor();
    stub.publish(sampleStatus({ state: "running", roundsDone: 0, scored: false }, 21));
    await page.getByText("The first round is under way").waitFor();
    stub.publish(sampleStatus({ state: "finished", roundsDone: 20 }, 22));
    await page.getByText(`deno task run export ${running.run} --out adapter`).waitFor();
    assert.match(await figure(page, "Time left").innerText(), /no round is open/);
    stub.publish(running);
  });

  await step("says when there is no such run", async () => {
    const { page } = await open(desk);
    await page.goto(`${stub.origin}/?run=r0`);
    await signIn(page);
    await page.getByRole("heading", { name: "There is no such run" }).waitFor();
  });

  await step(
    "turns an opened invitation into a command, and keeps its secret out of the address",
    async () => {
      const { page, requested } = await open(desk);
      await page.goto(`${stub.origin}/#${running.run}.2.s3cr3t-T0ken_value`);
      const command = await page.locator(".command code").innerText();
      assert.equal(
        command,
        `deno task client --server '${stub.origin}/#${running.run}.2.s3cr3t-T0ken_value' --data rows.jsonl --name NAME`,
      );
      assert.equal(page.url(), `${stub.origin}/`);
      assert.equal(await page.evaluate("history.length"), 2, "about:blank and this page");
      assert.deepEqual(requested.filter((url) => url.includes("/v1/")), []);
    },
  );
});

browserTest("the API's page", async ({ step, open }) => {
  await using stub = startStub();

  await step("shows this server's document and asks no other server", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const { page, requested, complaints } = await open({ ...desk, colorScheme });
      await page.goto(`${stub.origin}/docs`);
      await page.getByText("Lists the runs").waitFor();
      assert.deepEqual(
        requested.filter((url) => !/^(data|blob):/.test(url) && !url.startsWith(stub.origin)),
        [],
      );
      assert.deepEqual(complaints, []);
    }
  });
});
