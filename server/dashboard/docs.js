// @ts-check
/// <reference lib="dom" />
/**
 * The API's page: Swagger UI on this server's own document.
 *
 * @module
 */

/** @type {(settings: Readonly<Record<string, unknown>>) => unknown} */
const swaggerUi = /** @type {any} */ (globalThis).SwaggerUIBundle;

const system = matchMedia("(prefers-color-scheme: dark)");
const followSystem = () => {
  const theme = localStorage.getItem("hafl-theme") ?? (system.matches ? "dark" : "light");
  document.documentElement.classList.toggle("dark-mode", theme === "dark");
};
system.addEventListener("change", followSystem);
followSystem();

swaggerUi({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  // The default sends the document's address to a server of its makers.
  validatorUrl: null,
});
