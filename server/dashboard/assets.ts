/**
 * Everything the dashboard and the API's page are made of, by the path of its address. All of it is served from here: neither page loads anything
 * from elsewhere.
 *
 * @module
 */

import swaggerStyle from "swagger-ui-dist/swagger-ui.css" with { type: "text" };
import swaggerUi from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import app from "./app.js" with { type: "text" };
import chart from "./chart.js" with { type: "text" };
import chartData from "./chart_data.js" with { type: "text" };
import chartLegend from "./chart_legend.js" with { type: "text" };
import chartOptions from "./chart_options.js" with { type: "text" };
import chartScale from "./chart_scale.js" with { type: "text" };
import clientsTable from "./clients_table.js" with { type: "text" };
import clock from "./clock.js" with { type: "text" };
import commands from "./commands.js" with { type: "text" };
import components from "./components.js" with { type: "text" };
import dom from "./dom.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import heatData from "./heat_data.js" with { type: "text" };
import heatDrawing from "./heat_drawing.js" with { type: "text" };
import heatLayout from "./heat_layout.js" with { type: "text" };
import heatMap from "./heat_map.js" with { type: "text" };
import invitation from "./invitation.js" with { type: "text" };
import meter from "./meter.js" with { type: "text" };
import news from "./news.js" with { type: "text" };
import nextStep from "./next_step.js" with { type: "text" };
import refusals from "./refusals.js" with { type: "text" };
import requests from "./requests.js" with { type: "text" };
import roundBar from "./round_bar.js" with { type: "text" };
import roundsTable from "./rounds_table.js" with { type: "text" };
import runCharts from "./run_charts.js" with { type: "text" };
import runFigures from "./run_figures.js" with { type: "text" };
import runHeader from "./run_header.js" with { type: "text" };
import runList from "./run_list.js" with { type: "text" };
import runPage from "./run_page.js" with { type: "text" };
import runStream from "./run_stream.js" with { type: "text" };
import scores from "./scores.js" with { type: "text" };
import signIn from "./sign_in.js" with { type: "text" };
import stateBadge from "./state_badge.js" with { type: "text" };
import table from "./table.js" with { type: "text" };
import theme from "./theme.js" with { type: "text" };
import docsStyle from "./docs.css" with { type: "text" };
import docsPage from "./docs.html" with { type: "text" };
import docsScript from "./docs.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import page from "./index.html" with { type: "text" };
import runStyle from "./run.css" with { type: "text" };
import style from "./style.css" with { type: "text" };

/** A file as it is served. */
export interface Asset {
  /** Its media type. */
  readonly type: string;
  /** Its text. */
  readonly body: string;
}

const types: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};
const html = "text/html; charset=utf-8";

/** By name under `/assets/`. */
const files: Readonly<Record<string, string>> = {
  "app.js": app,
  "chart.js": chart,
  "chart_data.js": chartData,
  "chart_legend.js": chartLegend,
  "chart_options.js": chartOptions,
  "chart_scale.js": chartScale,
  "clients_table.js": clientsTable,
  "clock.js": clock,
  "commands.js": commands,
  "components.js": components,
  "dom.js": dom,
  "format.js": format,
  "heat_data.js": heatData,
  "heat_drawing.js": heatDrawing,
  "heat_layout.js": heatLayout,
  "heat_map.js": heatMap,
  "invitation.js": invitation,
  "meter.js": meter,
  "news.js": news,
  "next_step.js": nextStep,
  "refusals.js": refusals,
  "requests.js": requests,
  "round_bar.js": roundBar,
  "rounds_table.js": roundsTable,
  "run_charts.js": runCharts,
  "run_figures.js": runFigures,
  "run_header.js": runHeader,
  "run_list.js": runList,
  "run_page.js": runPage,
  "run_stream.js": runStream,
  "scores.js": scores,
  "sign_in.js": signIn,
  "state_badge.js": stateBadge,
  "table.js": table,
  "theme.js": theme,
  "docs.css": docsStyle,
  "docs.js": docsScript,
  "icon.svg": icon,
  "run.css": runStyle,
  "style.css": style,
  "swagger-ui.css": swaggerStyle,
  "swagger-ui-bundle.js": swaggerUi,
  "uplot.css": uplotStyle,
  "uplot.js": uplot,
};

/** The files by path: the dashboard at `/`, the API's page at `/docs`, the rest under `/assets/`. */
export const assets: ReadonlyMap<string, Asset> = new Map([
  ["/", { type: html, body: page }],
  ["/docs", { type: html, body: docsPage }],
  ...Object.entries(files).map(([name, body]): [string, Asset] => [
    `/assets/${name}`,
    { type: types[name.slice(name.lastIndexOf(".") + 1)], body },
  ]),
]);
