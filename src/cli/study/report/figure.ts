/**
 * A picture that can stand in a page or in a file of its own.
 *
 * @module
 */

import { palette, pictureStyle } from "../../report/style.ts";
import { element, picture } from "../../report/svg.ts";
import { seriesPalette, seriesStyle } from "./style.ts";

/** A picture. */
export interface Figure {
  /** Read out for it. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Markup. */
  readonly content: string;
}

/** As markup within a page, which brings the styles. */
export function figureMarkup({ name, width, height, content }: Figure): string {
  return picture(width, height, name, content);
}

/** As a file of its own, with styles and background. */
export function figureFile({ name, width, height, content }: Figure): string {
  const margin = 14;
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `${-margin} ${-margin} ${width + 2 * margin} ${height + 2 * margin}`,
      width: width + 2 * margin,
      height: height + 2 * margin,
      role: "img",
      "aria-label": name,
      "font-family": 'Inter, system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif',
    },
    element("style", {}, palette + seriesPalette + pictureStyle + seriesStyle),
    element("rect", {
      x: -margin,
      y: -margin,
      width: "100%",
      height: "100%",
      style: "fill: var(--card)",
    }),
    content,
  ) + "\n";
}
