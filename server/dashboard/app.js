// @ts-check
/// <reference lib="dom" />
/**
 * The dashboard: shows the page that the address asks for, or asks for the administrator's token.
 *
 * @module
 */

import { createServerClock } from "./clock.js";
import { h, setText } from "./dom.js";
import { createInvitation, isInvitation } from "./invitation.js";
import { RequestError, signOut } from "./requests.js";
import { createRunList } from "./run_list.js";
import { createRunPage } from "./run_page.js";
import { createSignIn } from "./sign_in.js";
import { createTheme } from "./theme.js";

/**
 * A page of the dashboard.
 *
 * @typedef {object} Page
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => void} [redraw] after the colours have changed
 * @property {() => void} [close]
 */

/**
 * What a page needs of the application.
 *
 * @typedef {object} Context
 * @property {string} origin this server's address
 * @property {import("./clock.js").ServerClock} clock
 * @property {(text: string) => void} announce for screen readers
 * @property {(connection: import("./run_stream.js").Connection | null) => void} showConnection
 * @property {(title: string) => void} setTitle
 * @property {(error: unknown) => boolean} refused whether this was for want of a session; then the form to sign in is shown
 */

const main = find("#main");
const news = find("#news");
const connection = find("#connection");
const themeButton = find("#theme");
const signOutButton = find("#sign-out");
const signOutFailure = h("p", { class: "failure", role: "alert" });

/** @type {Page | undefined} */
let page;
/** The address that the page belongs to, without a place in it. */
let shown = "";

const theme = createTheme(() => {
  labelTheme();
  page?.redraw?.();
});

/** @type {Context} */
const context = {
  origin: location.origin,
  clock: createServerClock(() => performance.now()),
  announce: (text) => setText(news, text),
  showConnection(state) {
    connection.dataset.state = state ?? "";
    const texts = { connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…" };
    setText(connection, state === null ? "" : texts[state]);
  },
  setTitle: (title) => {
    document.title = `${title} · HAFL`;
  },
  refused(error) {
    const wantsSession = error instanceof RequestError && error.status === 401;
    if (wantsSession) show(createSignIn(open));
    return wantsSession;
  },
};

/** @param {Page} next */
function show(next) {
  page?.close?.();
  page = next;
  context.showConnection(null);
  context.setTitle(next.title);
  signOutButton.hidden = next.element.dataset.public !== undefined;
  main.replaceChildren(next.element);
  scrollTo(0, 0);
}

/** Shows what the address asks for. */
function open() {
  shown = location.search;
  const run = new URLSearchParams(location.search).get("run");
  if (isInvitation(location.hash)) show(createInvitation(`${location.origin}/${location.hash}`));
  else show(run === null ? createRunList(context) : createRunPage(context, run));
}

/** @param {string} href */
function navigate(href) {
  history.pushState(null, "", href);
  open();
  main.focus({ preventScroll: true });
}

function labelTheme() {
  const other = theme.current() === "dark" ? "light" : "dark";
  setText(themeButton, other === "dark" ? "Dark" : "Light");
  themeButton.setAttribute("aria-label", `Switch to the ${other} theme`);
}

/**
 * @param {string} selector
 * @returns {HTMLElement}
 */
function find(selector) {
  const element = document.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`The page has no ${selector}`);
  return element;
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (!link || !plain || link.pathname !== "/" || link.origin !== location.origin || link.hash) {
    return;
  }
  event.preventDefault();
  navigate(link.href);
});
addEventListener("popstate", () => {
  // The link that skips to the content changes the address too.
  if (location.search !== shown || isInvitation(location.hash)) open();
});
themeButton.addEventListener("click", theme.toggle);
signOutButton.addEventListener("click", async () => {
  try {
    await signOut();
  } catch (error) {
    if (context.refused(error)) return;
    setText(signOutFailure, `You are still signed in. ${/** @type {Error} */ (error).message}`);
    main.prepend(signOutFailure); // until the next page
    return;
  }
  show(createSignIn(open));
});

labelTheme();
open();
