// @ts-check
/// <reference lib="dom" />
/**
 * Light or dark: as the system asks, unless the reader chose otherwise.
 *
 * @module
 */

/** @typedef {"light" | "dark"} Theme */

const place = "hafl-theme";

/**
 * @param {() => void} onChange called after every change, the system's too
 * @returns {{ current(): Theme, toggle(): void }}
 */
export function createTheme(onChange) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  /** @returns {Theme} */
  const wanted = () => system.matches ? "dark" : "light";
  const root = document.documentElement;
  const current = () => root.dataset.theme === undefined ? wanted() : chosen(root.dataset.theme);
  const saved = localStorage.getItem(place);
  if (saved !== null) root.dataset.theme = chosen(saved);
  system.addEventListener("change", onChange);
  return {
    current,
    toggle() {
      const next = current() === "dark" ? "light" : "dark";
      // Who comes back to the system's choice follows the system again.
      if (next === wanted()) {
        delete root.dataset.theme;
        localStorage.removeItem(place);
      } else {
        root.dataset.theme = next;
        localStorage.setItem(place, next);
      }
      onChange();
    },
  };
}

/**
 * @param {string} theme
 * @returns {Theme}
 */
function chosen(theme) {
  return theme === "dark" ? "dark" : "light";
}
