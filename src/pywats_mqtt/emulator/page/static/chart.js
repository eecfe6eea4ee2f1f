/** A chart step as a small drawing. */

import { el, svg } from "./dom.js";
import { objects, text } from "./words.js";

const [WIDTH, HEIGHT, MARGIN] = [320, 140, 6];
const MOST_POINTS = 2000;
const STYLES = 6;

/** The series of a chart as lines, with its axes and a legend in words; null when nothing can be drawn. */
export function chartFigure(chart) {
  const kind = text(chart.chartType);
  const [logX, logY] = [/LogX/.test(kind), /Log(X?)Y/.test(kind)];
  const lines = objects(chart.series)
    .map((series) => ({ name: text(series.name), points: pointsOf(series, logX, logY) }))
    .filter((line) => line.points.length);
  if (!lines.length) {
    return null;
  }
  const xs = scale(lines.flatMap((line) => line.points.map(([x]) => x)), MARGIN, WIDTH - MARGIN);
  const ys = scale(lines.flatMap((line) => line.points.map(([, y]) => y)), HEIGHT - MARGIN, MARGIN);
  const label = text(chart.label) || "Chart";
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    svg("rect", { class: "frame", x: 0.5, y: 0.5, width: WIDTH - 1, height: HEIGHT - 1 }),
    lines.map((line, index) => svg("polyline", {
      class: `line line-${index % STYLES}`,
      points: line.points.map(([x, y]) => `${xs.at(x)},${ys.at(y)}`).join(" "),
    })));
  const legend = lines.map((line, index) => el("li", {}, swatch(index), ` ${line.name || `Series ${index + 1}`}`));
  return el("figure", {}, drawing, el("figcaption", {}, el("strong", {}, label),
    el("span", {}, axis("x", chart.xLabel, chart.xUnit, xs, logX)),
    el("span", {}, axis("y", chart.yLabel, chart.yUnit, ys, logY)), el("ul", {}, legend)));
}

function swatch(index) {
  return svg("svg", { viewBox: "0 0 20 6", class: "swatch", "aria-hidden": "true" },
    svg("line", { class: `line line-${index % STYLES}`, x1: 0, y1: 3, x2: 20, y2: 3 }));
}

/** Pairs of numbers, at most MOST_POINTS; on a logarithmic axis their logarithms, where there is one. */
function pointsOf(series, logX, logY) {
  const [xs, ys] = [numbers(series.xdata), numbers(series.ydata)];
  const all = ys.map((y, index) => [xs.length ? xs[index] : index, y])
    .map(([x, y]) => [logX ? Math.log10(x) : x, logY ? Math.log10(y) : y])
    .filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const every = Math.ceil(all.length / MOST_POINTS);
  return every > 1 ? all.filter((_, index) => index % every === 0) : all;
}

function numbers(data) {
  const shown = text(data);
  return shown.trim() ? shown.split(";").map((part) => (part.trim() ? Number(part) : NaN)) : [];
}

/** From values to places between two ends; all values the same lie in the middle. */
function scale(values, from, to) {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const at = (value) => (high > low ? from + ((value - low) / (high - low)) * (to - from) : (from + to) / 2);
  return { low, high, at: (value) => at(value).toFixed(1) };
}

function axis(letter, label, unit, { low, high }, log) {
  const shown = (value) => Number((log ? 10 ** value : value).toPrecision(6));
  const name = text(label) || letter;
  return `${name}: ${shown(low)} to ${shown(high)} ${text(unit)}${log ? " (logarithmic)" : ""}`;
}
