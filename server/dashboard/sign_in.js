// @ts-check
/// <reference lib="dom" />
/**
 * The form that takes the administrator's token.
 *
 * @module
 */

import { h } from "./dom.js";
import { RequestError, signIn } from "./requests.js";

/**
 * @param {() => void} signedIn
 * @returns {import("./app.js").Page}
 */
export function createSignIn(signedIn) {
  const token = h("input", {
    id: "token",
    name: "token",
    type: "password",
    autocomplete: "current-password",
    required: true,
    spellcheck: "false",
    "aria-describedby": "token-about",
  });
  const failure = h("p", { class: "failure", role: "alert" });
  const button = h("button", { class: "primary" }, "Sign in");
  const form = h(
    "form",
    {},
    // Password managers file what they keep under a name.
    h("input", { type: "text", autocomplete: "username", value: "administrator", hidden: true }),
    h("label", { for: "token" }, "Administrator's token"),
    token,
    h(
      "p",
      { id: "token-about", class: "soft" },
      "The server wrote it to ",
      h("code", {}, "admin-token"),
      " in its data folder when it first started.",
    ),
    failure,
    button,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await signIn(token.value.trim());
      signedIn();
    } catch (error) {
      failure.textContent = failureText(error);
      token.select();
    } finally {
      button.disabled = false;
    }
  });
  const element = h(
    "section",
    { class: "narrow card", "data-public": true },
    h("h1", {}, "Sign in"),
    form,
  );
  return { title: "Sign in", element };
}

/** @param {unknown} error */
function failureText(error) {
  if (!(error instanceof RequestError)) throw error;
  return error.status === 401
    ? "That is not this server's token. Copy all of the file, without spaces."
    : error.message;
}
