/** The steps of a report: one table in which sequences can be folded. */

import { chartFigure } from "./chart.js";
import { el } from "./dom.js";
import { badge, isBad, limits, object, objects, size, status, text } from "./words.js";

const COLUMNS = 4;
const DEEPEST_INDENT = 12;

/** What the reader chose, kept while the report is drawn anew: the folded steps, and whether only failures show. */
export function newChoice() {
  return { folded: new Set(), onlyBad: false };
}

/** The steps below and with `root`, and what shows only failed ones. */
export function stepsTable(root, choice) {
  const rows = [];
  addStep(rows, object(root), { depth: 0, path: "0", above: [] }, choice);
  const body = el("tbody", { role: "rowgroup" }, rows.map((row) => row.node));
  const show = () => {
    for (const { node, above, bad } of rows) {
      node.hidden = above.some((path) => choice.folded.has(path)) || (choice.onlyBad && !bad);
    }
  };
  body.addEventListener("click", (event) => {
    const fold = event.target.closest("button.fold");
    if (fold) {
      const folded = !choice.folded.has(fold.dataset.path);
      choice.folded[folded ? "add" : "delete"](fold.dataset.path);
      fold.setAttribute("aria-expanded", String(!folded));
      show();
    }
  });
  const only = el("input", { type: "checkbox", id: "only-bad" });
  only.checked = choice.onlyBad;
  only.addEventListener("change", () => {
    choice.onlyBad = only.checked;
    show();
  });
  show();
  return [
    el("label", { class: "choice" }, only, " Only what failed"),
    // The roles are a table's own; they are named because a narrow screen lays the rows out as blocks, which loses them.
    el("div", { class: "scroll" }, el("table", { class: "steps", role: "table" },
      el("caption", { class: "unseen" }, "Steps, each below its sequence"),
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ["Step", "Status", "Value", "Limits"].map((name) =>
        el("th", { scope: "col", role: "columnheader" }, name)))),
      body)),
  ];
}

function addStep(rows, step, { depth, path, above }, choice) {
  const children = objects(step.steps);
  const measured = measurements(step);
  const [alone, many] = measured.length === 1 && !measured[0].name ? [measured[0], []] : [null, measured];
  const bad = isBad(step.status) || anyBad(children);
  const name = el("th", { scope: "row", role: "rowheader", class: isBad(step.status) ? "failed" : null },
    indent(depth, foldButton(children, step, path, choice), el("span", { class: "name" }, text(step.name) || "(no name)"),
      el("span", { class: "kind" }, ` ${text(step.stepType)}`), time(step)));
  const blame = step.causedUUTFailure === true ? el("span", { class: "blame" }, "failed the unit") : null;
  rows.push({ node: row(name, [status(step.status), blame], alone), above, bad });
  for (const one of many) {
    const cell = el("th", { scope: "row", role: "rowheader" },
      indent(depth + 1, el("span", { class: "name measured" }, one.name || "(no name)")));
    rows.push({ node: row(cell, status(one.status), one), above, bad: bad && isBad(one.status) });
  }
  const more = extras(step);
  if (more.length) {
    const cell = el("td", { colspan: COLUMNS, role: "cell", class: "more" }, indent(depth + 1, more));
    rows.push({ node: el("tr", { role: "row" }, cell), above, bad });
  }
  children.forEach((child, index) =>
    addStep(rows, child, { depth: depth + 1, path: `${path}.${index}`, above: [...above, path] }, choice));
}

function row(name, state, measured) {
  const operator = measured?.operator ? el("span", { class: "kind" }, ` ${measured.operator}`) : null;
  const cell = (kind, ...content) => el("td", { role: "cell", class: kind }, ...content);
  return el("tr", { role: "row" }, name, cell(null, state), cell("value", measured?.value ?? ""),
    cell("limits", measured?.limits ?? "", operator));
}

function indent(depth, ...content) {
  const node = el("div", { class: "indent" }, ...content);
  node.style.setProperty("--depth", String(Math.min(depth, DEEPEST_INDENT)));
  return node;
}

function foldButton(children, step, path, choice) {
  return children.length
    ? el("button", { type: "button", class: "fold", "data-path": path, "aria-expanded": String(!choice.folded.has(path)),
      "aria-label": `Steps of ${text(step.name)}` })
    : null;
}

function time(step) {
  return typeof step.totTime === "number" && step.totTime > 0 ? el("span", { class: "kind" }, ` ${step.totTime} s`) : null;
}

function anyBad(steps) {
  return steps.some((step) => isBad(step.status) || anyBad(objects(step.steps)));
}

/** Every measurement of a step in words, whatever its kind. */
function measurements(step) {
  const all = [...objects(step.numericMeas), ...objects(step.stringMeas), ...objects(step.booleanMeas)];
  return all.map((one) => ({
    name: text(one.name),
    status: one.status,
    value: [text(one.value), text(one.unit)].filter(Boolean).join(" "),
    limits: limits(one),
    operator: text(one.compOp),
  }));
}

/** What a step has besides measurements: a sequence file, messages, a call, a chart, an attachment. */
function extras(step) {
  const [sequence, call, popup] = [object(step.seqCall), object(step.callExe), object(step.messagePopup)];
  const attachment = object(step.attachment);
  const failed = [text(step.errorCode), text(step.errorMessage)].filter(Boolean).join(": ");
  const lines = [
    failed ? el("p", {}, badge("bad", "!", "Error"), ` ${failed}`) : null,
    line("", step.reportText),
    line("Sequence ", [sequence.path, sequence.name, sequence.version].map(text).filter(Boolean).join(" · ")),
    line("Exit code ", call.exitCode),
    line("Message ", [popup.buttonFormat, popup.response].map(text).filter(Boolean).join(" · ")),
    step.chart ? chartFigure(object(step.chart)) : null,
    attachment.name || attachment.data ? line("Attachment ", attached(attachment)) : null,
  ];
  return lines.filter(Boolean);
}

function attached(attachment) {
  // Base64: four characters stand for three bytes.
  const bytes = Math.floor((text(attachment.data).replace(/=+$/, "").length * 3) / 4);
  return `${text(attachment.name) || "(no name)"} · ${text(attachment.contentType)} · ${size(bytes)}`;
}

function line(name, value) {
  const shown = text(value);
  return shown ? el("p", {}, name ? el("span", { class: "kind" }, name) : null, shown) : null;
}
